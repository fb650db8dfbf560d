//! Packages with libraries in Python's tasks: numpy, pandas and pydantic run in the sandbox, Parquet
//! files are written and read there, what expressions give is what they give natively, and a package
//! that can't run is refused with what would do.

use crate::python::{Author, ended, messages};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    process::Command,
};
use weft_tests::guests;

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

/// In the same file, since building and compiling pandas takes long.
const PARQUET: &str = r#"
from datetime import date

import pandas
from weft import Artifact, dag, task


def table() -> pandas.DataFrame:
    columns = {
        "city": ["Rome", None, "Oslo"],
        "amount": [1.5, None, 2.0],
        "count": pandas.array([1, 2, None], "Int64"),
        "day": [date(2026, 11, 26), date(1969, 12, 31), None],
        "at": pandas.to_datetime(["2026-01-01 10:00", "2026-07-01 10:00", None]).tz_localize("Europe/Berlin"),
        "region": pandas.Categorical(["south", "south", "north"], ["south", "north"], ordered=True),
        "tags": [["a", "b"], [], None],
    }
    return pandas.DataFrame(columns, index=pandas.Index([7, 8, 9], name="order"))


@task
def write_table() -> Artifact:
    with Artifact.create("application/vnd.apache.parquet") as file:
        table().to_parquet(file, compression="zstd")
    return file.artifact


@task
def read_table(file: Artifact) -> bool:
    with file.open() as stream:
        found = pandas.read_parquet(stream)
    expected = table()
    assert [None if tags is None else list(tags) for tags in found.pop("tags")] == expected.pop("tags").tolist()
    pandas.testing.assert_frame_equal(found, expected)
    return True


@task
def read_part(file: Artifact) -> list[float]:
    with file.open() as stream:
        part = pandas.read_parquet(stream, columns=["amount"], filters=[("region", "==", "south"), ("city", "==", "Rome")])
    assert list(part.columns) == ["amount"] and part.index.tolist() == [7]
    return part["amount"].tolist()


@task
def refuses() -> str:
    try:
        table().to_parquet("/tmp/parts", partition_cols=["region"])
    except NotImplementedError as error:
        return str(error)


@dag
def parquet():
    file = write_table()
    read_table(file)
    read_part(file)
    refuses()
"#;

/// In the same file too. `evaluate.py` also recorded what is expected, with native Python.
const EXPRESSIONS: &str = r#"
import evaluate
from weft import dag, task


@task
def results(file: dict[str, str]) -> list[dict[str, str]]:
    return evaluate.results(file["name"], file["text"])


@dag
def expressions(files: list[dict[str, str]]):
    results.expand(file=files)
"#;

/// The time zones are those that results were recorded with.
const PROJECT: &str = r#"
[project]
name = "native"
dependencies = [
    "pandas>=3", "pydantic>=2", "weft-parquet", "orjson", "regex", "pyyaml", "msgpack", "zstandard", "xxhash",
    "tzdata==2026.6",
]
"#;

#[test]
fn packages_with_libraries_run_in_the_sandbox() {
    let tasks = format!("{TASKS}{PARQUET}{EXPRESSIONS}");
    let author = Author::new(&[
        ("dags/native.py", &tasks),
        ("dags/evaluate.py", &read_expressions("evaluate.py")),
        ("pyproject.toml", PROJECT),
    ]);
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
    let component = fs::read(author.path("dag.wasm")).expect("it was built");
    let modules = core_modules(&component);
    assert_eq!(
        modules, 3,
        "all libraries are one module, beside those that fill the table of the host's functions and start the libraries"
    );
    let events = author.run(1, &["--dag", "native"]);
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
    let events = author.run(0, &["--dag", "parquet"]);
    let run = &ended(&events)["tasks"];
    let table = &run["read_table"];
    assert_eq!(table["output"], json!(true), "{table}");
    assert_eq!(run["read_part"]["output"], json!([1.5]));
    let refusal = run["refuses"]["output"].as_str().expect("it is refused");
    assert!(refusal.contains("partition_cols"), "{refusal}");
    results_are_those_of_native_python(&author);
}

/// How many modules a component has.
fn core_modules(component: &[u8]) -> usize {
    const HEADER_BYTES: usize = 8;
    const CORE_MODULE: u8 = 1;
    let mut rest = &component[HEADER_BYTES..];
    let mut modules = 0;
    while let Some((kind, after)) = rest.split_first() {
        modules += usize::from(*kind == CORE_MODULE);
        // The section's size: seven bits a byte, the lowest first.
        let digits = after.iter().take_while(|byte| **byte >= 0x80).count() + 1;
        let size = after[..digits].iter().rev();
        let size = size.fold(0, |size, byte| size << 7 | usize::from(byte & 0x7f));
        rest = &after[digits + size..];
    }
    modules
}

/// Every expression gives what native Python gave, except for the explained differences, which are exactly
/// those that are listed.
fn results_are_those_of_native_python(author: &Author) {
    let files = ["numpy", "pandas", "packages", "standard"].map(|name| {
        let text = read_expressions(&format!("{name}.txt"));
        json!({ "name": name, "text": text })
    });
    author.write(&[("files.json", &json!(files).to_string())]);
    let events = author.run(0, &["--dag", "expressions", "--param", "files=@files.json"]);
    let instances = ended(&events)["tasks"]["results"]["instances"]
        .as_array()
        .expect("one instance evaluates each file");
    let mut found: BTreeMap<&str, &str> = BTreeMap::new();
    for instance in instances {
        let lines = instance["output"].as_array().expect("it returns a list");
        found.extend(lines.iter().map(identified));
    }

    let text = read_expressions("expected.jsonl");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("each line is JSON"))
        .collect();
    let mut expected: BTreeMap<&str, &str> = lines.iter().map(identified).collect();
    let explained: Value = serde_json::from_str(&read_expressions("explained.json"))
        .expect("the explained differences are JSON");
    for difference in explained.as_array().expect("differences are a list") {
        let results = difference["results"]
            .as_object()
            .expect("there are results");
        for (id, result) in results {
            let result = result.as_str().expect("a result is text");
            let native = expected
                .insert(id, result)
                .unwrap_or_else(|| panic!("{id} is explained and not recorded"));
            assert_ne!(native, result, "{id} is explained and no difference");
        }
    }

    let ids: BTreeSet<_> = found.keys().chain(expected.keys()).collect();
    let wrong: Vec<_> = ids
        .into_iter()
        .filter(|id| found.get(*id) != expected.get(*id))
        .map(|id| {
            let (found, expected) = (found.get(id), expected.get(id));
            format!("{id}\n  sandbox:  {found:?}\n  expected: {expected:?}")
        })
        .collect();
    assert!(
        wrong.is_empty(),
        "{} of {} results are not as expected:\n{}",
        wrong.len(),
        found.len(),
        wrong.join("\n")
    );
}

fn identified(line: &Value) -> (&str, &str) {
    let field = |name: &str| line[name].as_str().expect("a line has an id and a result");
    (field("id"), field("result"))
}

fn read_expressions(name: &str) -> String {
    let path = guests::root()
        .join("sdk/python/native/expressions")
        .join(name);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[test]
fn results_were_recorded_with_the_versions_that_the_sandbox_has() {
    let list = guests::root().join("sdk/python/native/wheels/index.json");
    let list = fs::read(&list).expect("the list of wheels is there");
    let list: Value = serde_json::from_slice(&list).expect("the list is JSON");
    let packages = list["packages"].as_array().expect("packages are a list");
    let recorded = read_expressions("requirements.txt");
    let mut compared = 0;
    for pinned in recorded.lines() {
        let Some((name, version)) = pinned.split_once("==") else {
            continue;
        };
        if let Some(package) = packages.iter().find(|package| package["name"] == name) {
            assert_eq!(
                package["version"], version,
                "{name} was updated: record the expected results again, as sdk/python/native/README.md says"
            );
            compared += 1;
        }
    }
    assert_eq!(compared, 9, "each package of evaluate.py is pinned");
}

pub(crate) const EMPTY: &str = "from weft import dag, task\n\n@task\ndef one() -> int:\n    return 1\n\n@dag\ndef d():\n    one()\n";

/// A wheel of version 1.0; `fields` are further lines of its metadata.
pub(crate) fn wheel(folder: &Path, name: &str, fields: &str, library: &[u8]) -> String {
    wheel_of_version(folder, name, "1.0", fields, library)
}

/// A wheel of one name, by Python's own archiver.
pub(crate) fn wheel_of_version(
    folder: &Path,
    name: &str,
    version: &str,
    fields: &str,
    library: &[u8],
) -> String {
    wheel_with(folder, name, version, fields, library, "")
}

/// The same, with this as its module.
fn wheel_with(
    folder: &Path,
    name: &str,
    version: &str,
    fields: &str,
    library: &[u8],
    module: &str,
) -> String {
    let stage = folder.join(format!("{name}-stage"));
    let info = format!("{name}-{version}.dist-info");
    fs::create_dir_all(stage.join(&info)).expect("there is room for a folder");
    fs::create_dir_all(stage.join(name)).expect("there is room for a folder");
    let write = |path: &str, bytes: &[u8]| {
        fs::write(stage.join(path), bytes).expect("there is room for a file");
    };
    write(&format!("{name}/__init__.py"), module.as_bytes());
    let mut record = vec![format!("{name}/__init__.py,,")];
    if !library.is_empty() {
        write(&format!("{name}/_fast.so"), library);
        record.push(format!("{name}/_fast.so,,"));
    }
    write(
        &format!("{info}/METADATA"),
        format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{fields}").as_bytes(),
    );
    write(
        &format!("{info}/WHEEL"),
        b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    );
    for file in ["METADATA", "WHEEL", "RECORD"] {
        record.push(format!("{info}/{file},,"));
    }
    write(&format!("{info}/RECORD"), record.join("\n").as_bytes());
    let file = format!("{name}-{version}-py3-none-any.whl");
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
    let wants_torch = wheel(&folder, "wantstorch", "Requires-Dist: torch>=2\n", b"");
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
    let old = wheel(&folder, "wantsold", "Requires-Dist: numpy<2\n", b"");
    let new = wheel(&folder, "wantsnew", "Requires-Dist: numpy>=2.4\n", b"");
    refused(
        &author,
        &format!("{old}\n{new}\n"),
        &["wantsold asks for it", "the sandbox can have numpy 2."],
    );
    let third = wheel(&folder, "third", "Requires-Dist: idna<3\n", b"");
    let fourth = wheel(&folder, "fourth", "Requires-Dist: idna>=3.4\n", b"");
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

/// Packages are imported before the author's modules are, and fail where those import them.
#[test]
fn a_package_that_fails_at_its_import_fails_in_the_module_that_imports_it() {
    const MODULE: &str = "raise LookupError('nothing is found here')\n";
    let author = Author::new(&[("dags/dag.py", &format!("import fails\n{EMPTY}"))]);
    let fails = wheel_with(&author.path(""), "fails", "1.0", "", b"", MODULE);
    refused(
        &author,
        &fails,
        &[
            "File \"dags/dag.py\", line 1",
            "File \"site-packages/fails/__init__.py\", line 1",
            "LookupError: nothing is found here",
        ],
    );
    let careful = "try:\n    import fails\nexcept LookupError as error:\n    said = str(error)\n";
    let careful = format!("{careful}{EMPTY}").replace("return 1", "print(said)\n    return 1");
    author.write(&[("dags/dag.py", &careful)]);
    author.wfctl(&["build"]).exits(0);
    let said = author.wfctl(&["run"]).exits(0);
    assert!(
        said.stdout.contains("nothing is found here")
            || said.stderr.contains("nothing is found here")
    );
}

#[test]
fn a_package_needs_the_python_of_the_sandbox_and_not_that_of_the_build() {
    let author = Author::new(&[("dags/dag.py", EMPTY)]);
    let folder = author.path("");
    let newest = wheel(&folder, "newest", "Requires-Python: >=3.14\n", b"");
    author.write(&[("requirements.txt", &newest)]);
    author.wfctl(&["build"]).exits(0);
    let oldest = wheel(&folder, "oldest", "Requires-Python: <3.14\n", b"");
    refused(
        &author,
        &oldest,
        &["requires a different Python: 3.14.0 not in '<3.14'"],
    );
}

#[test]
fn a_package_of_weft_itself_never_comes_from_an_index() {
    let author = Author::new(&[("dags/dag.py", EMPTY)]);
    let page = author.path("simple/weft-parquet");
    fs::create_dir_all(&page).expect("there is room for a folder");
    let file = wheel_of_version(&page, "weft_parquet", "9.0", "", b"");
    let link = format!("<a href=\"{file}\">weft_parquet-9.0-py3-none-any.whl</a>");
    fs::write(page.join("index.html"), link).expect("there is room for a file");
    let index = author.path("simple");
    refused(
        &author,
        &format!("--index-url file://{}\nweft-parquet>=2\n", index.display()),
        &[
            "weft-parquet>=2 holds native code",
            "the sandbox can have weft-parquet 1.0.0",
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
