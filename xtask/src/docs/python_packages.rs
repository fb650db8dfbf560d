//! The page of native Python packages, made of the list beside their wheels, and of what was
//! measured of them.

use super::{blocked_packages, compare};
use crate::{
    native::{
        self,
        list::{List, Package},
        measurements::{ComponentCost, Measurements},
    },
    workspace::Workspace,
};
use anyhow::Result;
use serde::Deserialize;
use std::{collections::BTreeMap, fmt::Write as _};

const PAGE: &str = "docs/reference/python-packages.md";
const OWN_TESTS: &str = "own-tests/results.json";
const MB: f64 = 1e6;
/// In the place of what was not measured.
const UNKNOWN: &str = "-";

/// What became of a package's own tests in the sandbox: counts of files and tests.
#[derive(Deserialize)]
struct OwnTests {
    version: String,
    files: u32,
    not_run: u32,
    passed: u32,
    failed: u32,
    /// They need what no task has, such as processes or `ctypes`.
    absent: u32,
    /// The package's own tests skip them here.
    skipped: u32,
}

/// Writes the page, or compares it.
pub(super) fn page(workspace: &Workspace, update: bool) -> Result<()> {
    let folder = workspace.root().join(native::FOLDER);
    let list = List::read(workspace)?;
    let measured = Measurements::read(workspace)?;
    let own: BTreeMap<String, OwnTests> = native::read(&folder.join(OWN_TESTS))?;
    let page = text(&list, &measured)?
        + &speed(&measured)?
        + &own_tests(&own)?
        + &blocked_packages::section(&folder)?;
    compare(workspace, PAGE, &page, update)
}

/// The section about the packages' own tests.
fn own_tests(own: &BTreeMap<String, OwnTests>) -> Result<String> {
    let mut page = "\n## Their own tests\n\n\
         The tests of these packages' source archives were run in the sandbox, by `sdk/python/native/own-tests/run.py`; its folder has the\n\
         reason of each failure. Tests that need what no task has (processes, threads, `ctypes`) are counted apart, as are those that the\n\
         package skips here.\n\n\
         | package | version | files | files not run | passed | failed | share | need more | skipped |\n\
         |---|---|---|---|---|---|---|---|---|\n"
        .to_owned();
    for (name, tests) in own {
        let ran = f64::from(tests.passed + tests.failed).max(1.0);
        writeln!(
            page,
            "| {name} | {} | {} | {} | {} | {} | {:.2} % | {} | {} |",
            tests.version,
            tests.files,
            tests.not_run,
            tests.passed,
            tests.failed,
            f64::from(tests.passed) / ran * 100.0,
            tests.absent,
            tests.skipped,
        )?;
    }
    Ok(page)
}

fn text(list: &List, measured: &Measurements) -> Result<String> {
    let mut page = format!(
        "# Native Python packages\n\n\
         These packages have libraries in C, C++ or Rust, and Weft has them for the sandbox. Name them in\n\
         `requirements.txt` or `pyproject.toml` as any other; [the guide](../guides/python.md#packages) says more.\n\
         Their platform's tag is `{}`. `cargo xtask docs --update` writes this page.\n\n\
         The wheel is what is downloaded, the size what it has unpacked. The other columns are of a DAG whose module imports the package,\n\
         with the packages that it needs (pandas needs numpy, pydantic-core is measured with pydantic): what they add to the component, the CPU\n\
         time that compiling the whole component takes once, and the median of a fresh instance and its call of a task that does nothing (in\n\
         parentheses its CPU time, which is far less where other programs ran beside).\n",
        list.platform
    );
    if let Some(without) = &measured.without_packages {
        writeln!(
            page,
            "Without packages a component has {}, takes {} to compile, and starts in {}.",
            megabytes(without.bytes),
            compile(without),
            start(without),
        )?;
    }
    if !measured.processor.is_empty() {
        writeln!(
            page,
            "Measured on {} by `cargo xtask bench --only packages --record` ({}).",
            measured.date, measured.processor
        )?;
    }
    page += "\n| package | version | licence | wheel | size | component | compile | start |\n\
             |---|---|---|---|---|---|---|---|\n";
    let mut notes = String::new();
    for package in &list.packages {
        writeln!(
            page,
            "| {} | {} | {} | {} | {} | {} |",
            package.name,
            package.version,
            package.license,
            megabytes(package.bytes.into()),
            megabytes(package.unpacked_bytes.into()),
            cost(package, measured),
        )?;
        if !package.note.is_empty() {
            writeln!(notes, "- **{}**: {}.", package.name, package.note)?;
        }
    }
    if !notes.is_empty() {
        write!(page, "\n## What does not work\n\n{notes}")?;
    }
    Ok(page)
}

/// The columns of what was measured, if it was measured of this version.
fn cost(package: &Package, measured: &Measurements) -> String {
    let cost = measured.packages.get(&package.name);
    let cost = cost.filter(|cost| cost.version == package.version);
    let (Some(cost), Some(without)) = (cost, &measured.without_packages) else {
        return [UNKNOWN; 3].join(" | ");
    };
    let component = &cost.component;
    format!(
        "+{} | {} | {}",
        megabytes(component.bytes.saturating_sub(without.bytes)),
        compile(component),
        start(component),
    )
}

#[expect(clippy::cast_precision_loss, reason = "no compilation takes 2^52 ms")]
fn compile(component: &ComponentCost) -> String {
    format!("{:.1} s", component.compile_cpu_ms as f64 / 1e3)
}

fn start(component: &ComponentCost) -> String {
    let start = &component.start;
    format!(
        "{} ({})",
        milliseconds(start.median_us),
        milliseconds(start.cpu_us)
    )
}

/// The sections about builds and about work beside native Python.
fn speed(measured: &Measurements) -> Result<String> {
    let mut page = String::new();
    if let Some(builds) = &measured.builds {
        write!(
            page,
            "\n## Builds\n\n\
             `wfctl build` of a DAG that imports pandas takes {} ({} of CPU time) with nothing of it in the cache, and {} ({}) after a line was\n\
             changed.\n",
            seconds(builds.first.wall_ms),
            seconds(builds.first.cpu_ms),
            seconds(builds.changed.wall_ms),
            seconds(builds.changed.cpu_ms),
        )?;
    }
    if let Some(memory) = &measured.memory {
        write!(
            page,
            "\n## Memory\n\n\
             A process that runs one task with pandas and a small table takes {}, most of it compiled code and the memory that all such tasks\n\
             start with. Each further task that runs at the same time adds {}: 32 slots take {}. These are proportional set sizes. Resident\n\
             memory counts what tasks have in common for each of them.\n",
            megabytes(memory.first_bytes),
            megabytes(memory.slot_bytes),
            megabytes(memory.first_bytes + 31 * memory.slot_bytes),
        )?;
    }
    if let Some(speed) = &measured.speed {
        write!(
            page,
            "\n## Speed beside native Python\n\n\
             The same work in the sandbox and in {} with the same versions of numpy and pandas and one thread, in turns on one machine. Each time\n\
             is the median of the work alone, without generating its data.\n\n\
             | work | sandbox | native | ratio |\n\
             |---|---|---|---|\n",
            speed.native_python
        )?;
        for work in &speed.work {
            writeln!(
                page,
                "| {} | {} | {} | {} |",
                work.work,
                milliseconds(work.sandbox_us),
                milliseconds(work.native_us),
                ratio(work.ratio()),
            )?;
        }
    }
    Ok(page)
}

fn ratio(ratio: f64) -> String {
    if ratio < 0.1 {
        format!("{ratio:.3}")
    } else {
        format!("{ratio:.1}")
    }
}

#[expect(clippy::cast_precision_loss, reason = "no time has 2^52 us")]
fn milliseconds(micros: u64) -> String {
    let millis = micros as f64 / 1e3;
    if millis < 100.0 {
        format!("{millis:.1} ms")
    } else {
        format!("{millis:.0} ms")
    }
}

#[expect(clippy::cast_precision_loss, reason = "no time has 2^52 ms")]
fn seconds(millis: u64) -> String {
    format!("{:.1} s", millis as f64 / 1e3)
}

#[expect(clippy::cast_precision_loss, reason = "no size reaches 2^52 bytes")]
fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / MB)
}
