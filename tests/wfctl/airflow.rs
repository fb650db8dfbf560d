//! `wfctl import airflow`: DAG files of Airflow, evaluated in the sandbox, become projects that build and run.
//!
//! Needs what `python.rs` needs.

use crate::python::{Author, ended, messages};
use serde_json::{Value, json};
use weft_tests::guests;

/// An author of Airflow 3, who writes functions.
const TASKFLOW: &str = r#"
import json
from datetime import datetime, timedelta

from airflow.sdk import dag, task
from libs.rates import convert


@dag(schedule="0 6 * * *", start_date=datetime(2026, 1, 1), catchup=False, tags=["shop"])
def orders(currency: str = "EUR"):
    """Adds up the orders of a day."""

    @task(retries=2, retry_delay=timedelta(minutes=1))
    def extract():
        # A comment that stays.
        return json.loads('{"1001": 301.27, "1002": 433.21, "1003": 502.22}')

    @task(multiple_outputs=True)
    def transform(orders: dict):
        return {"total": sum(orders.values()), "values": list(orders.values())}

    @task
    def converted(value):
        return convert(value)

    @task
    def load(total: float, values, currency):
        print(f"Total: {total:.2f} {currency}")
        return [total, len(values)]

    summary = transform(extract())
    load(summary["total"], converted.expand(value=summary["values"]), currency)


orders()
"#;

const RATES: &str = r"
RATE = 1.5
UNUSED = open


def convert(value):
    return value * RATE
";

/// One of Airflow 2, with operators, a loop and a template.
const CLASSIC: &str = r#"
from airflow import DAG
from airflow.operators.bash import BashOperator
from airflow.operators.empty import EmptyOperator
from airflow.operators.python import BranchPythonOperator, PythonOperator
from airflow.utils.dates import days_ago


def count(ti, name, day):
    ti.xcom_push(key="day", value=day)
    return len(name)


def choose(ti):
    return "report" if sum(ti.xcom_pull(task_ids=["count_a", "count_bb"])) == 3 else "alarm"


with DAG("classic", schedule_interval="@hourly", start_date=days_ago(2), catchup=False) as dag:
    start = EmptyOperator(task_id="start")
    branch = BranchPythonOperator(task_id="choose", python_callable=choose)
    for name in ("a", "bb"):
        start >> PythonOperator(
            task_id=f"count_{name}", python_callable=count, op_kwargs={"name": name, "day": "{{ ds }}"}
        ) >> branch
    report = BashOperator(task_id="report", bash_command="echo all is well on {{ ds }}")
    alarm = BashOperator(task_id="alarm", bash_command="mail -s alarm admin < /dev/null")
    branch >> [report, alarm]
"#;

/// What the importer must survive.
const HOSTILE: &str = r#"
from airflow.sdk import DAG

with open("/etc/hostname") as file:
    DAG(file.read())
"#;

const GREEDY: &str = r"
from airflow.sdk import DAG

rows = [bytes(1 << 20) for _ in range(4096)]
";

fn tasks(dag: &Value) -> Vec<(&str, &str)> {
    dag["tasks"]
        .as_array()
        .expect("tasks are a list")
        .iter()
        .map(|task| {
            (
                task["id"].as_str().expect("an id is text"),
                task["kind"].as_str().expect("a kind is text"),
            )
        })
        .collect()
}

/// An author's folder with the DAG files, after their import.
fn imported() -> (Author, Value) {
    let author = Author::new(&[
        ("airflow/orders.py", TASKFLOW),
        ("airflow/libs/rates.py", RATES),
        ("airflow/teams/classic.py", CLASSIC),
        ("airflow/hostile.py", HOSTILE),
        ("airflow/greedy.py", GREEDY),
        ("airflow/notes.txt", "no DAG"),
    ]);
    let said = author
        .wfctl(&["import", "airflow", "airflow", "--output", "json"])
        .exits(0);
    let report = serde_json::from_str(&said.stdout).expect("the report is JSON");
    (author, report)
}

/// The lines of the report about a file.
fn by_hand<'r>(report: &'r Value, file: &str) -> Vec<(u64, &'r str)> {
    report["by_hand"]
        .as_array()
        .expect("a list")
        .iter()
        .filter(|line| line["file"] == file)
        .map(|line| {
            (
                line["line"].as_u64().expect("a line is a number"),
                line["reason"].as_str().expect("a reason is text"),
            )
        })
        .collect()
}

#[test]
fn the_report_has_what_airflow_sees_and_what_needs_a_hand() {
    let (_author, report) = imported();
    let [orders, classic] = report["dags"].as_array().expect("a list").as_slice() else {
        panic!("{report}");
    };
    assert_eq!(orders["dag"], "orders");
    assert_eq!(orders["file"], "orders.py");
    assert_eq!(orders["schedule"], "0 6 * * *");
    assert_eq!(
        tasks(orders),
        ["extract", "transform", "converted", "load"].map(|id| (id, "python"))
    );
    assert_eq!(
        orders["edges"],
        json!([
            ["converted", "load"],
            ["extract", "transform"],
            ["transform", "converted"],
            ["transform", "load"]
        ])
    );
    assert_eq!(classic["file"], "teams/classic.py");
    assert_eq!(
        tasks(classic),
        [
            ("start", "empty"),
            ("choose", "branch"),
            ("count_a", "python"),
            ("count_bb", "python"),
            ("report", "bash"),
            ("alarm", "bash")
        ]
    );
    let [(line, reason)] = by_hand(&report, "teams/classic.py")[..] else {
        panic!("{report}");
    };
    let expected = CLASSIC
        .lines()
        .position(|line| line.contains("task_id=\"alarm\""))
        .expect("the task is there");
    assert_eq!(line, expected as u64 + 1);
    assert!(reason.contains("can't start a shell"), "{reason}");
    assert!(by_hand(&report, "orders.py").is_empty(), "{report}");
}

#[test]
fn a_dag_file_reaches_nothing_outside_of_the_sandbox() {
    let (_author, report) = imported();
    let [(line, reason)] = by_hand(&report, "hostile.py")[..] else {
        panic!("{report}");
    };
    assert_eq!(line, 4);
    assert!(reason.contains("/etc/hostname"), "{reason}");
    let [(_line, reason)] = by_hand(&report, "greedy.py")[..] else {
        panic!("{report}");
    };
    assert!(reason.contains("can't be evaluated"), "{reason}");
}

#[test]
fn what_was_imported_builds_and_runs() {
    let (author, _report) = imported();
    author.wfctl(&["build", "weft/orders"]).exits(0);
    let events = author.run(0, &["weft/orders/dag.wasm", "--param", "currency=USD"]);
    assert_eq!(
        ended(&events)["tasks"]["load"]["output"],
        json!([1236.7, 3])
    );
    assert_eq!(messages(&events, "load"), ["Total: 1236.70 USD"]);

    author.wfctl(&["build", "weft/teams-classic"]).exits(0);
    let date = ["--logical-date", "2026-11-21"];
    let events = author.run(0, &[&["weft/teams-classic/dag.wasm"], &date[..]].concat());
    let tasks = &ended(&events)["tasks"];
    assert_eq!(tasks["alarm"]["state"], "skipped");
    assert_eq!(tasks["report"]["output"], "all is well on 2026-11-21");
}

#[test]
fn the_example_is_imported_builds_and_runs() {
    let author = Author::new(&[]);
    let example = guests::root().join("examples/from-airflow/dags");
    let example = example.to_str().expect("the path is UTF-8");
    let said = author
        .wfctl(&["import", "airflow", example, "--output", "json"])
        .exits(0);
    let report: Value = serde_json::from_str(&said.stdout).expect("the report is JSON");
    let reasons = by_hand(&report, "exchange_rates.py");
    for (_line, reason) in &reasons {
        let known = ["task publish: sla: ", "task complain: a task opens no"];
        assert!(
            known.iter().any(|start| reason.starts_with(start)),
            "{reason}"
        );
    }
    assert_eq!(reasons.len(), 2, "{report}");
    assert!(by_hand(&report, "stocktaking.py").is_empty(), "{report}");

    let date = ["--logical-date", "2026-11-23"];
    for (project, task, output) in [
        (
            "exchange_rates",
            "publish",
            json!("2026-11-23: CHF 0.94, JPY 171.2, USD 1.16"),
        ),
        ("stocktaking", "report", json!(1)),
    ] {
        author
            .wfctl(&["build", &format!("weft/{project}")])
            .exits(0);
        let file = format!("weft/{project}/dag.wasm");
        let events = author.run(0, &[&[file.as_str()], &date[..]].concat());
        assert_eq!(ended(&events)["tasks"][task]["output"], output, "{project}");
    }
}

#[test]
fn a_second_import_does_not_write_over_the_first() {
    let (author, _report) = imported();
    let said = author.wfctl(&["import", "airflow", "airflow"]).exits(2);
    assert!(said.stderr.contains("is not empty"), "{}", said.stderr);
    let said = author
        .wfctl(&["import", "airflow", "airflow/teams", "--to", "again"])
        .exits(0);
    assert!(
        said.stdout.contains("classic  6 tasks, 6 edges, @hourly"),
        "{}",
        said.stdout
    );
    assert!(said.stdout.contains("classic.py:"), "{}", said.stdout);
}

#[test]
fn a_folder_without_a_dag_is_refused() {
    let author = Author::new(&[("airflow/notes.py", "x = 1\n")]);
    let said = author.wfctl(&["import", "airflow", "airflow"]).exits(3);
    assert!(
        said.stderr
            .contains("there is no DAG of Airflow in airflow"),
        "{}",
        said.stderr
    );
    let said = author.wfctl(&["import", "airflow", "nowhere"]).exits(3);
    assert!(
        said.stderr.contains("there is no folder nowhere"),
        "{}",
        said.stderr
    );
}
