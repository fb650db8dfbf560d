//! Packages with libraries in Python's tasks: numpy, pandas and pydantic run in the sandbox, and a
//! package that can't is refused with what would do.

use crate::python::{Author, ended, messages};
use serde_json::json;
use std::{fs, path::Path, process::Command};

const TASKS: &str = r#"
import io
import random

import numpy
import pandas
from pydantic import BaseModel, ValidationError
from weft import dag, task

loose = numpy.random.default_rng()
fixed = numpy.random.default_rng(5)
own = random.Random()
own_fixed = random.Random(5)


class Order(BaseModel):
    city: str
    amount: float


@task
def read() -> list[Order]:
    frame = pandas.read_csv(io.StringIO("city,amount\nRome,1.5\nOslo,2\nRome,3\n"))
    return [Order(**row) for row in frame.to_dict("records")]


@task
def totals(orders: list[Order]) -> dict[str, float]:
    frame = pandas.DataFrame([order.model_dump() for order in orders])
    regions = pandas.DataFrame({"city": ["Rome", "Oslo"], "region": ["south", "north"]})
    return frame.merge(regions, on="city").groupby("region")["amount"].sum().to_dict()


@task
def computes() -> list:
    matrix = numpy.array([[2.0, 1.0], [1.0, 3.0]])
    return [
        numpy.linalg.inv(matrix).round(6).tolist(),
        pandas.Timestamp("2026-07-01 12:00", tz="Europe/Berlin").isoformat(),
        pandas.Series([1, None, 3]).interpolate().tolist(),
    ]


@task
def random_numbers() -> dict:
    return {
        "loose": [loose.random(), numpy.random.rand(), own.random()],
        "fixed": [fixed.random(), own_fixed.random()],
    }


@task
def imports_late() -> float:
    from numpy import ma

    return float(ma.masked_array([1, 2, 3], [0, 1, 0]).sum())


@task
def misfits() -> str:
    try:
        Order(city="Rome", amount="much")
    except ValidationError as error:
        return error.errors()[0]["type"]


@task
def calls_libraries():
    import ctypes

    ctypes.CDLL("libc.so.6")


@dag
def native():
    totals(read())
    computes()
    random_numbers()
    random_numbers()
    imports_late()
    misfits()
    calls_libraries()
"#;

const PROJECT: &str =
    "[project]\nname = \"native\"\ndependencies = [\"pandas>=3\", \"pydantic>=2\"]\n";

#[test]
fn packages_with_libraries_run_in_the_sandbox() {
    let author = Author::new(&[("dags/native.py", TASKS), ("pyproject.toml", PROJECT)]);
    let built = author.wfctl(&["build"]).exits(0);
    for line in ["pandas ", "numpy ", "pydantic_core ", "tzdata "] {
        let kind = if line == "tzdata " { "pure" } else { "native" };
        assert!(
            built
                .stderr
                .lines()
                .any(|shown| shown.trim().replace('-', "_").starts_with(line)
                    && shown.contains(kind)),
            "{line}{kind} is missing in:\n{}",
            built.stderr
        );
    }
    let events = author.run(1, &[]);
    let run = &ended(&events)["tasks"];
    for (task, output) in [
        ("totals", json!({ "north": 2.0, "south": 4.5 })),
        (
            "computes",
            json!([
                [[0.6, -0.2], [-0.2, 0.4]],
                "2026-07-01T12:00:00+02:00",
                [1.0, 2.0, 3.0]
            ]),
        ),
        ("imports_late", json!(4.0)),
        ("misfits", json!("float_parsing")),
    ] {
        assert_eq!(run[task]["output"], output, "{task}: {}", run[task]);
    }
    let (first, second) = (
        &run["random_numbers"]["output"],
        &run["random_numbers__1"]["output"],
    );
    for generator in 0..3 {
        assert_ne!(
            first["loose"][generator], second["loose"][generator],
            "generator {generator} repeats in every attempt"
        );
    }
    assert_eq!(first["fixed"], second["fixed"], "an author's seed holds");
    let trace = messages(&events, "calls_libraries").concat();
    assert!(
        trace.contains("ctypes calls libraries of the machine, and the sandbox has none"),
        "{trace}"
    );
}

const EMPTY: &str = "from weft import dag, task\n\n@task\ndef one() -> int:\n    return 1\n\n@dag\ndef d():\n    one()\n";

/// A wheel of one name, by Python's own archiver.
fn wheel(folder: &Path, name: &str, requires: &str, library: &[u8]) -> String {
    let stage = folder.join(format!("{name}-stage"));
    let info = format!("{name}-1.0.dist-info");
    fs::create_dir_all(stage.join(&info)).expect("there is room for a folder");
    fs::create_dir_all(stage.join(name)).expect("there is room for a folder");
    let write = |path: &str, bytes: &[u8]| {
        fs::write(stage.join(path), bytes).expect("there is room for a file");
    };
    write(&format!("{name}/__init__.py"), b"");
    let mut files = vec![format!("{name}/__init__.py")];
    if !library.is_empty() {
        write(&format!("{name}/_fast.so"), library);
        files.push(format!("{name}/_fast.so"));
    }
    let requires = if requires.is_empty() {
        String::new()
    } else {
        format!("Requires-Dist: {requires}\n")
    };
    write(
        &format!("{info}/METADATA"),
        format!("Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n{requires}").as_bytes(),
    );
    write(
        &format!("{info}/WHEEL"),
        b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    );
    let named = ["METADATA", "WHEEL", "RECORD"].map(|file| format!("{info}/{file}"));
    files.extend(named);
    let record = files.join(",,\n") + ",,\n";
    write(&format!("{info}/RECORD"), record.as_bytes());
    let file = format!("{name}-1.0-py3-none-any.whl");
    let packed = Command::new("python3")
        .current_dir(&stage)
        .args(["-m", "zipfile", "-c"])
        .arg(folder.join(&file))
        .args([name, &info])
        .status();
    assert!(packed.expect("Python starts").success());
    format!("./{file}")
}

fn refused(author: &Author, requirements: &str, words: &[&str]) {
    author.write(&[("requirements.txt", requirements)]);
    let said = author.wfctl(&["build"]).exits(1);
    for words in words {
        assert!(
            said.stderr.contains(words),
            "{words:?} is missing in:\n{}",
            said.stderr
        );
    }
}

#[test]
fn a_package_that_the_sandbox_cannot_load_is_refused_with_what_would_do() {
    let author = Author::new(&[("dags/dag.py", EMPTY)]);
    let folder = author.path("");
    refused(
        &author,
        "numpy<2\n",
        &["numpy<2 holds native code", "the sandbox can have numpy 2."],
    );
    let wants_torch = wheel(&folder, "wantstorch", "torch>=2", b"");
    refused(
        &author,
        &wants_torch,
        &[
            "torch>=2 holds native code",
            "wantstorch asks for it",
            "call a service over HTTP that runs the model",
        ],
    );
    let foreign = wheel(&folder, "foreign", "", b"\x7fELF\x02\x01\x01");
    refused(
        &author,
        &foreign,
        &[
            "foreign 1.0 holds a library for another machine than the sandbox",
            "foreign/_fast.so",
        ],
    );
    let old = wheel(&folder, "wantsold", "numpy<2", b"");
    let new = wheel(&folder, "wantsnew", "numpy>=2.4", b"");
    refused(
        &author,
        &format!("{old}\n{new}\n"),
        &["wantsold asks for it", "the sandbox can have numpy 2."],
    );
    let third = wheel(&folder, "third", "idna<3", b"");
    let fourth = wheel(&folder, "fourth", "idna>=3.4", b"");
    refused(
        &author,
        &format!("{third}\n{fourth}\n"),
        &[
            "the requirements don't go together",
            "third 1.0 depends on idna<3",
            "fourth 1.0 depends on idna>=3.4",
        ],
    );
}

#[test]
fn without_a_network_a_package_that_was_not_fetched_is_named() {
    let author = Author::new(&[("dags/dag.py", EMPTY)]);
    refused(
        &author,
        "--index-url http://127.0.0.1:9/simple\nidna==3.10\n",
        &[
            "can't get idna==3.10: the package index can't be reached",
            "PIP_INDEX_URL",
        ],
    );
}
