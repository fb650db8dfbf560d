//! What native Python packages cost: the bytes that one adds to a component, compiling it, and a
//! fresh instance with its call; builds of a DAG that imports pandas, and the memory of its tasks; and
//! pandas' and numpy's work beside the same work in native `CPython`.
//!
//! Each component is built by `wfctl build` and run by `wfctl run`, as its author would. What is
//! compiled finds nothing in the cache.

mod memory;
mod speed;

use super::measurement::{Better, Measurement};
use crate::{
    native::{
        list::{List, Package},
        measurements::{BuildTime, BuildTimes, ComponentCost, Measurements, PackageCost, Start},
    },
    program::{self, Cost},
    wfctl::Wfctl,
    workspace::{Workspace, cache_folder},
};
use anyhow::{Context as _, Result, ensure};
use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

/// What the subjects' names begin with.
const NAME: &str = "packages";

/// The component without packages, beside which the others are measured.
const NONE: &str = "none";

/// The module of each component, and its line that the import replaces.
const MODULE: (&str, &str) = (
    "noop.py",
    "# The package's import takes this line's place.\n",
);

/// The line of it that a rebuild changes, and what it becomes.
const CHANGED: (&str, &str) = ("    return None\n", "    return [None][0]\n");

/// How a package is required and imported, where its name doesn't say so.
const IMPORTS: [(&str, &str, &str); 6] = [
    ("lxml", "lxml", "from lxml import etree"),
    ("pillow", "pillow", "from PIL import Image"),
    // A task imports it through pydantic.
    ("pydantic-core", "pydantic", "import pydantic"),
    ("pyyaml", "pyyaml", "import yaml"),
    ("rpds-py", "rpds-py", "import rpds"),
    ("weft-parquet", "weft-parquet", "import weft_parquet"),
];

/// What the median of a fresh instance and its call may take, in milliseconds.
const START_BARS_MS: [(&str, f64); 3] = [("numpy", 2.5), ("pandas", 5.0), ("pydantic-core", 2.0)];

/// What a build of a DAG that imports pandas may take, in seconds: the first, and one after a
/// changed line.
const BUILD_BARS_S: (f64, f64) = (20.0, 5.0);

/// How many runs measure a start. The quietest counts: what else the machine does only adds to it.
const RUNS: usize = 5;

/// The first instances of a run, which touch memory that no other has touched, do not count.
const WARM_UP: usize = 50;

/// What is measured with, and whether results are kept.
pub(crate) struct Bench<'a> {
    pub(crate) workspace: &'a Workspace,
    pub(crate) wfctl: &'a Wfctl,
    /// Components that are there are not built again.
    pub(crate) no_build: bool,
    /// Results go to the file that the documentation shows.
    pub(crate) record: bool,
}

impl Bench<'_> {
    /// Measures the packages, builds and work whose names are wanted.
    pub(crate) fn measure(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<Measurement>> {
        let list = List::read(self.workspace)?;
        let wanted = |name: &str| wanted(&format!("{NAME}: {name}"));
        let packages = list.packages.iter().filter(|package| wanted(&package.name));
        let packages: Vec<&Package> = packages.collect();
        let mut rows = Vec::new();
        if wanted(NONE) {
            let cost = self.cost(&self.component(NONE)?)?;
            rows.extend(cost_rows(NONE, &cost, None));
            self.record(Measurements {
                without_packages: Some(cost),
                ..Measurements::default()
            })?;
        }
        for package in packages {
            let without = fs::metadata(self.component(NONE)?)?.len();
            let component = self.cost(&self.component(&package.name)?)?;
            rows.extend(cost_rows(&package.name, &component, Some(without)));
            let cost = PackageCost {
                version: package.version.clone(),
                component,
            };
            self.record(Measurements {
                packages: BTreeMap::from([(package.name.clone(), cost)]),
                ..Measurements::default()
            })?;
        }
        if wanted("builds") {
            let builds = self.builds()?;
            rows.extend(build_rows(&builds));
            self.record(Measurements {
                builds: Some(builds),
                ..Measurements::default()
            })?;
        }
        if wanted("memory") {
            let memory = memory::measure(self)?;
            rows.extend(memory::rows(&memory));
            self.record(Measurements {
                memory: Some(memory),
                ..Measurements::default()
            })?;
        }
        if wanted("speed") {
            let speed = speed::measure(self, &list)?;
            rows.extend(speed::rows(&speed));
            self.record(Measurements {
                speed: Some(speed),
                ..Measurements::default()
            })?;
        }
        Ok(rows)
    }

    fn record(&self, measurements: Measurements) -> Result<()> {
        if !self.record {
            return Ok(());
        }
        let date = jiff::Timestamp::now().strftime("%Y-%m-%d").to_string();
        let measurements = Measurements {
            date,
            processor: processor()?,
            ..measurements
        };
        measurements.record(self.workspace)
    }

    /// The folder of what is built here.
    fn folder(&self) -> PathBuf {
        self.workspace.target().join(NAME)
    }

    /// Measures a component.
    fn cost(&self, component: &Path) -> Result<ComponentCost> {
        let cache = self.empty_cache("compiled")?;
        let wfctl = self.with_cache(&cache);
        let check = ["check".as_ref(), component.as_os_str()];
        let compiled = program::run_measured(&mut wfctl.command(check))?;
        let start = quietest(&wfctl, component)?;
        fs::remove_dir_all(cache)?;
        Ok(ComponentCost {
            bytes: fs::metadata(component)?.len(),
            compile_ms: millis(compiled.wall),
            compile_cpu_ms: millis(compiled.cpu),
            start,
        })
    }

    /// Builds the component of a project here, from these files of it.
    fn project(&self, name: &str, files: &[&str]) -> Result<PathBuf> {
        let project = self.folder().join(name);
        let component = project.join("dag.wasm");
        let sources = self
            .workspace
            .root()
            .join("xtask/bench-packages")
            .join(name);
        fs::create_dir_all(project.join("dags"))?;
        for file in files {
            fs::copy(sources.join(file), project.join(file))?;
        }
        if !(self.no_build && component.exists()) {
            let build = ["build".as_ref(), project.as_os_str()];
            program::run(&mut self.wfctl.command(build))?;
        }
        Ok(component)
    }

    /// Builds the component that imports a package, or none, with one task that does nothing.
    fn component(&self, package: &str) -> Result<PathBuf> {
        let project = self.folder().join(package);
        let component = project.join("dag.wasm");
        if self.no_build && component.exists() {
            return Ok(component);
        }
        self.write_project(&project, package)?;
        let build = ["build".as_ref(), project.as_os_str()];
        program::run(&mut self.wfctl.command(build))?;
        Ok(component)
    }

    fn write_project(&self, project: &Path, package: &str) -> Result<()> {
        let (module, line) = MODULE;
        let (requirement, import) = import(package);
        let sources = self.workspace.root().join("xtask/bench-packages");
        let text = fs::read_to_string(sources.join(module))?;
        ensure!(
            text.contains(line),
            "{module} has no line {line:?} any more"
        );
        fs::create_dir_all(project.join("dags"))?;
        fs::write(
            project.join("dags").join(module),
            text.replacen(line, &import, 1),
        )?;
        fs::write(project.join("requirements.txt"), requirement)?;
        Ok(())
    }

    /// Builds a DAG that imports pandas, then again after a changed line.
    fn builds(&self) -> Result<BuildTimes> {
        let project = self.folder().join("builds");
        if project.exists() {
            fs::remove_dir_all(&project)?;
        }
        self.write_project(&project, "pandas")?;
        let cache = self.empty_cache("builds")?;
        share_tools(&cache)?;
        let wfctl = self.with_cache(&cache);
        let build = || {
            let args = ["build".as_ref(), project.as_os_str()];
            program::run_measured(&mut wfctl.command(args)).map(build_time)
        };
        let first = build()?;
        let module = project.join("dags").join(MODULE.0);
        let (before, after) = CHANGED;
        let text = fs::read_to_string(&module)?;
        ensure!(
            text.contains(before),
            "{} has no line {before:?} any more",
            MODULE.0
        );
        fs::write(module, text.replacen(before, after, 1))?;
        let changed = build()?;
        fs::remove_dir_all(cache)?;
        Ok(BuildTimes { first, changed })
    }

    fn empty_cache(&self, name: &str) -> Result<PathBuf> {
        let cache = self.folder().join("cache").join(name);
        if cache.exists() {
            fs::remove_dir_all(&cache)?;
        }
        fs::create_dir_all(&cache)?;
        Ok(cache)
    }

    fn with_cache(&self, cache: &Path) -> Wfctl {
        Wfctl::at(self.workspace, self.wfctl.path()).with_cache(cache)
    }
}

/// The requirement and the import of a package, each with its line's end.
fn import(package: &str) -> (String, String) {
    if package == NONE {
        return (String::new(), String::new());
    }
    let listed = IMPORTS.iter().find(|(name, ..)| *name == package);
    listed.map_or_else(
        || (format!("{package}\n"), format!("import {package}\n")),
        |(_name, requirement, import)| (format!("{requirement}\n"), format!("{import}\n")),
    )
}

/// Has a cache folder use the tools of Weft's own one: their installation is not measured.
fn share_tools(cache: &Path) -> Result<()> {
    let python = cache.join("python");
    fs::create_dir_all(&python)?;
    let Ok(entries) = fs::read_dir(cache_folder().join("python")) else {
        return Ok(());
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name();
        if name == "pip" {
            symlink(entry.path(), python.join(name))?;
        }
    }
    Ok(())
}

/// The start in the quietest of some runs.
fn quietest(wfctl: &Wfctl, component: &Path) -> Result<Start> {
    let starts = (0..RUNS).map(|_run| start(wfctl, component));
    let starts: Vec<Start> = starts.collect::<Result<_>>()?;
    let quietest = starts.into_iter().min_by_key(|start| start.median_us);
    quietest.context("no run was measured")
}

/// Runs the component, one instance after another.
fn start(wfctl: &Wfctl, component: &Path) -> Result<Start> {
    let finished = wfctl.run(component, &["--jobs", "1"])?;
    ensure!(
        finished.run["state"] == "success",
        "{} ended as {}",
        component.display(),
        finished.run["state"]
    );
    let ended = || {
        let ended = finished
            .events
            .iter()
            .filter(|event| event["event"] == "task_ended");
        ended.skip(WARM_UP)
    };
    let sorted_us = |field: &str| {
        let mut all: Vec<f64> = ended().filter_map(|event| event[field].as_f64()).collect();
        all.sort_by(f64::total_cmp);
        all
    };
    let (duration, cpu) = (sorted_us("duration_ms"), sorted_us("cpu_ms"));
    ensure!(
        !cpu.is_empty(),
        "{} has too few instances",
        component.display()
    );
    Ok(Start {
        median_us: micros(duration[duration.len() / 2]),
        p99_us: micros(duration[duration.len() * 99 / 100]),
        cpu_us: micros(cpu[cpu.len() / 2]),
    })
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a duration"
)]
fn micros(millis: f64) -> u64 {
    (millis * 1e3).round() as u64
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn build_time(cost: Cost) -> BuildTime {
    BuildTime {
        wall_ms: millis(cost.wall),
        cpu_ms: millis(cost.cpu),
    }
}

/// The processor's name, and how many of its cores there are.
fn processor() -> Result<String> {
    let text = fs::read_to_string("/proc/cpuinfo").context("the processor's name")?;
    let model = text
        .lines()
        .find_map(|line| line.strip_prefix("model name")?.split_once(": "))
        .map_or("an unnamed processor", |(_tab, name)| name);
    let cores = thread::available_parallelism()?;
    Ok(format!("{model}, {cores} cores"))
}

/// One row of the table, without percentiles.
fn row(what: &str, unit: &str, value: f64, target: Option<f64>) -> Measurement {
    Measurement {
        name: format!("{NAME}: {what}"),
        unit: unit.to_owned(),
        median: value,
        p99: None,
        target,
        better: Better::Lower,
    }
}

#[expect(clippy::cast_precision_loss, reason = "no measurement reaches 2^52")]
fn cost_rows(name: &str, cost: &ComponentCost, without: Option<u64>) -> Vec<Measurement> {
    let target = START_BARS_MS
        .iter()
        .find(|(other, _bar)| *other == name)
        .map(|(_name, bar)| *bar);
    let bytes = cost.bytes as f64 - without.unwrap_or(0) as f64;
    let size = if without.is_some() {
        "added to a component"
    } else {
        "size"
    };
    let start_name = format!("{name}, instance and call");
    vec![
        row(&format!("{name}, {size}"), "MB", bytes / 1e6, None),
        row(
            &format!("{name}, compile"),
            "s",
            cost.compile_ms as f64 / 1e3,
            None,
        ),
        row(
            &format!("{name}, compile, CPU time"),
            "s",
            cost.compile_cpu_ms as f64 / 1e3,
            None,
        ),
        Measurement {
            p99: Some(cost.start.p99_us as f64 / 1e3),
            ..row(&start_name, "ms", cost.start.median_us as f64 / 1e3, target)
        },
        row(
            &format!("{start_name}, CPU time"),
            "ms",
            cost.start.cpu_us as f64 / 1e3,
            None,
        ),
    ]
}

#[expect(clippy::cast_precision_loss, reason = "no build takes 2^52 ms")]
fn build_rows(builds: &BuildTimes) -> Vec<Measurement> {
    let (first, changed) = BUILD_BARS_S;
    let rows = |what: &str, time: BuildTime, bar: f64| {
        [
            row(what, "s", time.wall_ms as f64 / 1e3, Some(bar)),
            row(
                &format!("{what}, CPU time"),
                "s",
                time.cpu_ms as f64 / 1e3,
                None,
            ),
        ]
    };
    let first = rows("pandas, first build", builds.first, first);
    let changed = rows(
        "pandas, build after a changed line",
        builds.changed,
        changed,
    );
    first.into_iter().chain(changed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_named_import_and_bar_is_of_a_package_of_the_list() {
        let list = List::read(&Workspace::find()).expect("the list is readable");
        let names = IMPORTS
            .iter()
            .map(|(name, ..)| *name)
            .chain(START_BARS_MS.iter().map(|(name, _bar)| *name));
        for name in names {
            assert!(
                list.packages.iter().any(|package| package.name == name),
                "{name}"
            );
        }
    }

    #[test]
    fn a_package_is_required_and_imported_by_its_name_unless_listed() {
        let lines = |requirement: &str, import: &str| (requirement.into(), import.into());
        assert_eq!(import("orjson"), lines("orjson\n", "import orjson\n"));
        assert_eq!(
            import("pydantic-core"),
            lines("pydantic\n", "import pydantic\n")
        );
        assert_eq!(import(NONE), lines("", ""));
    }
}
