//! pandas' and numpy's work in the sandbox beside native `CPython`, in turns, so that whatever
//! else the machine does falls on both alike.

use super::{Bench, row, start};
use crate::{
    bench::measurement::Measurement,
    native::{
        list::List,
        measurements::{Speed, WorkSpeed},
    },
    program,
    tools::environment,
};
use anyhow::{Context as _, Result, ensure};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

/// How often each side has its turn, and how often it repeats the work in one.
const TURNS: usize = 3;
const REPETITIONS: usize = 5;

/// Functions of `work.py`, what each does, and how many times the native time it may take.
const WORK: [(&str, &str, Option<f64>); 4] = [
    (
        "group_by",
        "pandas: group 1,000,000 rows by 10,000 keys, and sum, average and maximum of each group",
        None,
    ),
    (
        "join",
        "pandas: join 1,000,000 rows with 10,000 others by a key",
        None,
    ),
    (
        "read_csv",
        "pandas: read a CSV text of 7 MB, 100,000 rows of 4 columns",
        None,
    ),
    (
        "matrix_product",
        "numpy: product of two matrices of 500 by 500 `float64`",
        Some(2.0),
    ),
];

/// The one that is measured from outside.
const IMPORT: &str =
    "a fresh instance with pandas and its call, beside a native process that imports pandas";

/// Native `CPython` with the sandbox's versions of pandas and numpy.
struct Native {
    python: PathBuf,
    version: String,
    /// The folder of `work.py`.
    modules: PathBuf,
}

/// Measures all of it.
pub(super) fn measure(bench: &Bench<'_>, list: &List) -> Result<Speed> {
    let component = bench.project(
        "speed",
        &["requirements.txt", "dags/speed.py", "dags/work.py"],
    )?;
    let native = Native::get(list, bench.folder().join("speed/dags"))?;
    let mut work = Vec::new();
    for (function, what, _bar) in WORK {
        eprintln!("measuring: {what}");
        // Not counted: the component is compiled into the cache.
        sandboxed(bench, &component, function, 1)?;
        let (mut sandbox, mut natively) = (Vec::new(), Vec::new());
        for _turn in 0..TURNS {
            sandbox.extend(sandboxed(bench, &component, function, REPETITIONS)?);
            natively.extend(native.work(function, REPETITIONS)?);
        }
        work.push(speed(what, sandbox, natively));
    }
    work.push(imports(bench, &native)?);
    Ok(Speed {
        native_python: native.version,
        work,
    })
}

/// The rows of the table.
pub(super) fn rows(speed: &Speed) -> Vec<Measurement> {
    let bar = |work: &WorkSpeed| {
        WORK.iter()
            .find(|(_name, what, _bar)| *what == work.work)?
            .2
    };
    let rows = speed.work.iter();
    rows.map(|work| row(&work.work, "x native", work.ratio(), bar(work)))
        .collect()
}

/// The seconds of each repetition in the sandbox.
fn sandboxed(
    bench: &Bench<'_>,
    component: &Path,
    function: &str,
    repetitions: usize,
) -> Result<Vec<f64>> {
    let finished = bench.wfctl.run(
        component,
        &[
            "--param",
            &format!("work={function}"),
            "--param",
            &format!("repetitions={repetitions}"),
        ],
    )?;
    ensure!(
        finished.run["state"] == "success",
        "{function} ended as {}",
        finished.run["state"]
    );
    serde_json::from_value(finished.output("measured").clone()).context("the task's output")
}

/// Starts of pandas: in the sandbox a fresh instance and its call, natively a process.
fn imports(bench: &Bench<'_>, native: &Native) -> Result<WorkSpeed> {
    eprintln!("measuring: {IMPORT}");
    let component = bench.component("pandas")?;
    start(bench.wfctl, &component)?;
    let (mut sandbox, mut natively) = (Vec::new(), Vec::new());
    for _turn in 0..TURNS {
        #[expect(clippy::cast_precision_loss, reason = "no start takes 2^52 us")]
        sandbox.push(start(bench.wfctl, &component)?.median_us as f64 / 1e6);
        for _repetition in 0..REPETITIONS {
            natively.push(native.import_pandas()?);
        }
    }
    Ok(speed(IMPORT, sandbox, natively))
}

impl Native {
    fn get(list: &List, modules: PathBuf) -> Result<Self> {
        let pinned = |name: &str| {
            let package = list.packages.iter().find(|package| package.name == name);
            let package = package.with_context(|| format!("{name} is not in the list"))?;
            Ok::<_, anyhow::Error>(format!("{name}=={}", package.version))
        };
        let packages = [pinned("numpy")?, pinned("pandas")?];
        let programs = environment::with(&packages.each_ref().map(String::as_str))?;
        let python = programs.join("python");
        let version = program::read(Command::new(&python).arg("-c").arg(
            "import platform; print(platform.python_implementation(), platform.python_version())",
        ))?;
        Ok(Self {
            python,
            version: version.trim().to_owned(),
            modules,
        })
    }

    /// With one thread, as a task has.
    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(&self.python);
        command
            .current_dir(&self.modules)
            .env("OPENBLAS_NUM_THREADS", "1")
            .env("OMP_NUM_THREADS", "1")
            .args(["-c", program]);
        command
    }

    fn work(&self, function: &str, repetitions: usize) -> Result<Vec<f64>> {
        let program = format!(
            "import json, work; print(json.dumps(work.measure({function:?}, {repetitions})))"
        );
        let printed = program::read(&mut self.command(&program))?;
        serde_json::from_str(&printed).context("the seconds of native work")
    }

    fn import_pandas(&self) -> Result<f64> {
        let begin = Instant::now();
        program::read(&mut self.command("import pandas"))?;
        Ok(begin.elapsed().as_secs_f64())
    }
}

fn speed(work: &str, sandbox: Vec<f64>, native: Vec<f64>) -> WorkSpeed {
    WorkSpeed {
        work: work.to_owned(),
        sandbox_us: median_us(sandbox),
        native_us: median_us(native),
    }
}

fn median_us(mut seconds: Vec<f64>) -> u64 {
    seconds.sort_by(f64::total_cmp);
    super::micros(seconds[seconds.len() / 2] * 1e3)
}
