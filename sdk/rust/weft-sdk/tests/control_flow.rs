//! Teardowns, zips, parts of elements, retries by code, earlier runs, deadlines and bounds by key in the document of a DAG.

#![allow(
    unreachable_pub,
    reason = "the macros make items that a library's DAGs may export"
)]

use serde_json::{Value, json};
use std::panic;
use weft::prelude::*;

#[task]
fn create() -> String {
    "cluster-7".into()
}

#[task]
fn work(cluster: String) -> String {
    cluster
}

#[task(retries = 1, retry_on = ["timeout", "internal"])]
fn destroy(cluster: Option<String>) -> Option<String> {
    cluster
}

#[task(trigger_rule = "all_done")]
fn ruled() {}

#[task]
fn choose() -> Branch {
    Branch::to_id("work")
}

#[task]
fn files() -> Vec<String> {
    Vec::new()
}

#[task]
fn load(file: String, table: String, day: u32) -> (String, String, u32) {
    (file, table, day)
}

/// What the document has of a task in these fields.
fn fields<const N: usize>(dag: &weft::Dag, task: &str, fields: [&str; N]) -> [Value; N] {
    let json = dag.to_json();
    fields.map(|field| json["tasks"][task][field].clone())
}

#[dag]
fn clusters() {
    let (one, other) = (create(), create.id("other")());
    let done = work(&one);
    destroy(&one)
        .teardown_of(one)
        .teardown_fails_run()
        .after(done);
    destroy.id("both").teardown_of((one, other))(&one).teardown_of([one]);
    destroy.id("any").retry_on(["author"]).teardown_fails_run()(None).teardown_of(());
}

#[test]
fn a_teardown_names_its_setups() {
    let dag = clusters();
    let known = ["teardown_of", "teardown_fails_run", "after", "retry_on"];
    assert_eq!(
        fields(&dag, "destroy", known),
        [
            json!(["create"]),
            json!(true),
            json!(["work"]),
            json!(["timeout", "internal"])
        ]
    );
    assert_eq!(
        fields(&dag, "both", known),
        [
            json!(["create", "other"]),
            Value::Null,
            Value::Null,
            json!(["timeout", "internal"])
        ]
    );
    assert_eq!(
        fields(&dag, "any", known),
        [json!([]), json!(true), Value::Null, json!(["author"])]
    );
    assert_eq!(fields(&dag, "work", known), [const { Value::Null }; 4]);
}

#[dag]
fn zips() {
    load.zip()(each(files()), each(vec!["a".to_owned()]), 1);
}

#[test]
fn lists_are_zipped() {
    let dag = zips();
    let expand = json!({ "file": "files", "table": { "value": ["a"] } });
    assert_eq!(
        fields(&dag, "load", ["zip", "expand"]),
        [json!(true), expand]
    );
}

#[task]
fn day() -> u32 {
    0
}

/// A local hides the task of its name from where it is bound to the end of its block.
#[dag]
fn hides() {
    let files = files();
    let table = |day: u32| format!("{day}");
    {
        let day = 3;
        load("a", table(day), day);
    }
    for create in ["b", "c"] {
        load.id(create)(create, "t", day.id(format!("day_{create}"))());
    }
    let day = day();
    load.id("each")(each(files), create(), day);
}

#[test]
fn a_task_and_what_it_returns_may_have_one_name() {
    let dag = hides().to_json();
    let bound = &dag["tasks"]["each"];
    assert_eq!(bound["expand"]["file"], "files");
    assert_eq!(bound["inputs"]["day"], "day");
    assert_eq!(bound["inputs"]["table"], "create");
    assert_eq!(dag["tasks"]["load"]["inputs"]["day"]["value"], 3);
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Row {
    id: u64,
    name: Option<String>,
    active: bool,
}

#[derive(Serialize, Deserialize, JsonSchema)]
struct Page {
    rows: Vec<Row>,
}

#[task]
fn page() -> Page {
    Page { rows: Vec::new() }
}

#[task]
fn keep(id: u64, name: Option<String>) {
    drop((id, name));
}

#[task]
fn whole(row: Row) {
    drop(row);
}

#[dag]
fn parts(rows: Param<Vec<Row>>) {
    let listed = page().part::<Vec<Row>>("/rows");
    let active = each(listed).filter("/active");
    keep.zip()(active.clone().part("/id"), active.part::<String>("/name"));
    keep.id("given")(each(rows).part("/id"), None);
    whole(each(&listed).filter("/active"));
    whole.id("nested")(
        each(listed)
            .part::<Page>("/page")
            .filter("/is_new")
            .part("/first"),
    );
}

#[test]
fn instances_get_parts_of_elements() {
    let dag = parts();
    let rows = |each: &str| json!({ "task": "page", "pointer": "/rows", "each": each, "filter": "/active" });
    let of = |task: &str| fields(&dag, task, ["expand"])[0].clone();
    assert_eq!(
        of("keep"),
        json!({ "id": rows("/id"), "name": rows("/name") })
    );
    assert_eq!(
        of("given"),
        json!({ "id": { "param": "rows", "each": "/id" } })
    );
    let filtered = json!({ "task": "page", "pointer": "/rows", "filter": "/active" });
    assert_eq!(of("whole"), json!({ "row": filtered }));
    let nested = json!({ "task": "page", "pointer": "/rows", "each": "/page/first", "filter": "/page/is_new" });
    assert_eq!(of("nested"), json!({ "row": nested }));
}

#[dag]
fn groups(day: Param<u32>, tables: Param<Vec<String>>) {
    let loaded = map_group("load", each(files()), |file| {
        let cluster = create();
        let loaded = load(file, "t", day);
        let gone = destroy.id("undo")(&cluster).teardown_of(cluster);
        gone.after(loaded);
        (loaded, gone)
    });
    let (loaded, _) = loaded;
    work.id("all")(loaded.part::<String>("/0/0"));
    zip_group(
        "rows",
        (
            each(page().part::<Vec<Row>>("/rows")).filter("/active"),
            each(tables),
        ),
        |(row, _table)| {
            keep(row.part("/id"), row.part::<String>("/name"));
        },
    );
}

#[test]
fn a_mapped_group_is_in_the_document() {
    let dag = groups();
    let json = dag.to_json();
    let rows = json!({ "task": "page", "pointer": "/rows", "filter": "/active" });
    assert_eq!(
        json["groups"],
        json!({
            "load": { "expand": { "file": "files" } },
            "rows": { "expand": { "row": rows, "table": { "param": "tables" } }, "zip": true },
        })
    );
    let of = |task: &str| fields(&dag, task, ["inputs"])[0].clone();
    assert_eq!(of("load.load")["file"], json!({ "element": "file" }));
    assert_eq!(of("load.undo"), json!({ "cluster": "load.create" }));
    assert_eq!(
        fields(&dag, "load.undo", ["task", "teardown_of"]),
        [json!("destroy"), json!(["load.create"])]
    );
    assert_eq!(
        of("all")["cluster"],
        json!({ "task": "load.load", "pointer": "/0/0" })
    );
    assert_eq!(
        of("rows.keep"),
        json!({
            "id": { "element": "row", "pointer": "/id" },
            "name": { "element": "row", "pointer": "/name" },
        })
    );
}

#[dag]
fn wrong_groups() {
    let mut kept = None;
    map_group("outer", each(files()), |file| {
        kept = Some(file);
        choose();
        load.id("mapped")(each(["a".to_owned()].to_vec()), file, 1);
        map_group("inner", each(files.id("more")()), |_| {});
    });
    map_group("outer", each(files.id("again")()), |_| {});
    load(kept.expect("the body runs once"), "t", 1);
}

#[test]
fn what_a_mapped_group_cant_have_is_named_with_its_line() {
    let error = panic::catch_unwind(wrong_groups).expect_err("nothing of it is possible");
    let text = error.downcast_ref::<String>().expect("it is a text");
    for words in [
        "the mapped group `inner` is within another mapped group",
        "the mapped group `outer` is there already",
        "`outer.choose`: a task of a mapped group can't choose",
        "`outer.mapped`: it is mapped with its group, and not by itself",
        "`load`: `file` gets an element of a mapped group that the task is not in",
    ] {
        assert!(text.contains(words), "{words} is missing in:\n{text}");
    }
    assert!(text.contains("control_flow.rs:"), "{text}");
}

#[dag(
    owners = ["data", "Ann"],
    concurrency_key = "{{ params.customer }}",
    max_active_runs_per_key = 2,
    rate_limit(runs = 100, per = "1m"),
    priority = -2,
    priority_rule = "inherited"
)]
fn by_customer(customer: Param<String>) {
    work(customer);
}

#[test]
fn runs_are_bounded_by_key() {
    let found = by_customer().to_json();
    assert_eq!(found["owners"], json!(["data", "Ann"]));
    assert_eq!(found["concurrency_key"], "{{ params.customer }}");
    assert_eq!(found["max_active_runs_per_key"], 2);
    assert_eq!(found["rate_limit"], json!({ "runs": 100, "per": "1m" }));
    assert_eq!(
        [&found["priority"], &found["priority_rule"]],
        [&json!(-2), &json!("inherited")]
    );
    for key in [
        "owners",
        "concurrency_key",
        "max_active_runs_per_key",
        "rate_limit",
        "priority",
        "priority_rule",
    ] {
        assert!(parts().to_json().get(key).is_none(), "{key}");
    }
}

#[task(depends_on_past, wait_for_downstream = true, latest_only = false)]
fn post() {}

#[task(latest_only, deadline = "2h", on_missed_deadline = "stop")]
fn mail() {}

#[dag(deadline = "1h30m", on_missed_deadline = "notify")]
fn ledger() {
    post();
    mail();
    mail.id("later")
        .depends_on_past()
        .wait_for_downstream()
        .deadline("3h")
        .on_missed_deadline("notify")();
    ruled();
    ruled.id("latest").latest_only()();
}

#[test]
fn earlier_runs_and_deadlines_are_in_the_document() {
    let dag = ledger();
    let json = dag.to_json();
    assert_eq!(
        [&json["deadline"], &json["on_missed_deadline"]],
        [&json!("1h30m"), &json!("notify")]
    );
    let known = [
        "depends_on_past",
        "wait_for_downstream",
        "latest_only",
        "deadline",
        "on_missed_deadline",
    ];
    let [yes, none] = [json!(true), Value::Null];
    for (task, expected) in [
        ("post", [&yes, &yes, &none, &none, &none]),
        ("mail", [&none, &none, &yes, &json!("2h"), &json!("stop")]),
        ("later", [&yes, &yes, &yes, &json!("3h"), &json!("notify")]),
        ("ruled", [&none; 5]),
        ("latest", [&none, &none, &yes, &none, &none]),
    ] {
        assert_eq!(fields(&dag, task, known).each_ref(), expected, "{task}");
    }
    let plain = zips().to_json();
    assert!(plain.get("deadline").is_none() && plain.get("on_missed_deadline").is_none());
}

#[dag]
fn conflicts() {
    let setup = create();
    ruled().teardown_of(setup);
    choose().teardown_of(setup);
    work(&setup).teardown_fails_run();
    load.zip()("a".to_owned(), "b".to_owned(), 1);
    post().teardown_of(setup);
    files.on_missed_deadline("stop")();
}

#[test]
fn settings_that_conflict_are_named_with_their_lines() {
    let error = panic::catch_unwind(conflicts).expect_err("nothing of it is possible");
    let text = error.downcast_ref::<String>().expect("it is a text");
    for words in [
        "`ruled`: a teardown has a rule of its own",
        "`choose`: a teardown can't choose what runs",
        "`work`: it is no teardown; add `teardown_of`",
        "`load`: only lists are zipped",
        "`post`: a teardown runs whatever came of other runs",
        "`files`: there is no deadline that could be missed",
    ] {
        assert!(text.contains(words), "{words} is missing in:\n{text}");
    }
    assert!(text.contains("control_flow.rs:"), "{text}");
}
