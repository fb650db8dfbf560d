//! What was measured of native packages: `cargo xtask bench --only packages --record` writes the
//! file, and the page of packages shows it.

use super::{FOLDER, read};
use crate::workspace::Workspace;
use anyhow::Result;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fs, path::PathBuf};

const FILE: &str = "measurements.json";

/// All measurements of one machine.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Measurements {
    /// The day of the last one, in UTC.
    pub(crate) date: String,
    pub(crate) processor: String,
    /// A Python component without packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) without_packages: Option<ComponentCost>,
    /// By name.
    pub(crate) packages: BTreeMap<String, PackageCost>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) builds: Option<BuildTimes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) memory: Option<SlotMemory>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) speed: Option<Speed>,
}

/// What a component costs that imports a package.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct PackageCost {
    pub(crate) version: String,
    #[serde(flatten)]
    pub(crate) component: ComponentCost,
}

/// What a component costs.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct ComponentCost {
    pub(crate) bytes: u64,
    pub(crate) compile_ms: u64,
    pub(crate) compile_cpu_ms: u64,
    pub(crate) start: Start,
}

/// A fresh instance with its call of a task that does nothing.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[expect(clippy::struct_field_names, reason = "each name has its unit")]
pub(crate) struct Start {
    pub(crate) median_us: u64,
    pub(crate) p99_us: u64,
    /// The median of the CPU time.
    pub(crate) cpu_us: u64,
}

/// `wfctl build` of a DAG that imports pandas.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct BuildTimes {
    /// With nothing of it in the cache.
    pub(crate) first: BuildTime,
    /// Again, after a line was changed.
    pub(crate) changed: BuildTime,
}

/// What a build took.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct BuildTime {
    pub(crate) wall_ms: u64,
    /// Of all its processes.
    pub(crate) cpu_ms: u64,
}

/// Memory of a process that runs tasks with pandas, each with a small table.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct SlotMemory {
    /// With one of them.
    pub(crate) first_bytes: u64,
    /// What each further one adds while all are there at once.
    pub(crate) slot_bytes: u64,
}

/// Work in the sandbox beside the same work in native `CPython`.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Speed {
    /// The version of the native Python.
    pub(crate) native_python: String,
    pub(crate) work: Vec<WorkSpeed>,
}

/// The medians of one kind of work.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct WorkSpeed {
    /// What it is, for people.
    pub(crate) work: String,
    pub(crate) sandbox_us: u64,
    pub(crate) native_us: u64,
}

impl WorkSpeed {
    /// How many times as long as natively it takes in the sandbox.
    #[expect(clippy::cast_precision_loss, reason = "no work takes 2^52 us")]
    pub(crate) fn ratio(&self) -> f64 {
        self.sandbox_us as f64 / self.native_us.max(1) as f64
    }
}

impl Measurements {
    pub(crate) fn read(workspace: &Workspace) -> Result<Self> {
        read(&path(workspace))
    }

    /// Takes new measurements into the file. Those of another processor are dropped from it, since
    /// one table has those of one machine.
    pub(crate) fn record(self, workspace: &Workspace) -> Result<()> {
        let path = path(workspace);
        let kept = if path.exists() {
            read(&path)?
        } else {
            Self::default()
        };
        let text = serde_json::to_string_pretty(&kept.updated(self))?;
        fs::write(path, text + "\n")?;
        Ok(())
    }

    fn updated(self, new: Self) -> Self {
        if self.processor != new.processor {
            return new;
        }
        let mut packages = self.packages;
        packages.extend(new.packages);
        Self {
            without_packages: new.without_packages.or(self.without_packages),
            packages,
            builds: new.builds.or(self.builds),
            memory: new.memory.or(self.memory),
            speed: new.speed.or(self.speed),
            ..new
        }
    }
}

fn path(workspace: &Workspace) -> PathBuf {
    workspace.root().join(FOLDER).join(FILE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(processor: &str, package: &str, median_us: u64) -> Measurements {
        let start = Start {
            median_us,
            p99_us: median_us,
            cpu_us: median_us,
        };
        let component = ComponentCost {
            bytes: 1,
            compile_ms: 1,
            compile_cpu_ms: 1,
            start,
        };
        let cost = PackageCost {
            version: "1".to_owned(),
            component,
        };
        Measurements {
            processor: processor.to_owned(),
            packages: BTreeMap::from([(package.to_owned(), cost)]),
            ..Measurements::default()
        }
    }

    fn medians(measurements: &Measurements) -> Vec<(&str, u64)> {
        let packages = measurements.packages.iter();
        packages
            .map(|(name, cost)| (name.as_str(), cost.component.start.median_us))
            .collect()
    }

    #[test]
    fn packages_that_were_not_measured_again_keep_their_rows() {
        let updated = of("x", "numpy", 1).updated(of("x", "pandas", 2));
        assert_eq!(medians(&updated), [("numpy", 1), ("pandas", 2)]);
        let updated = updated.updated(of("x", "numpy", 3));
        assert_eq!(medians(&updated), [("numpy", 3), ("pandas", 2)]);
    }

    #[test]
    fn rows_of_another_processor_are_dropped() {
        let updated = of("x", "numpy", 1).updated(of("y", "pandas", 2));
        assert_eq!(medians(&updated), [("pandas", 2)]);
    }
}
