//! Inputs of instances: bindings against outputs and parameters, and mapped lists taken apart.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};
use weft_core::{
    document::{Dag, Format, Source, TaskIndex, parse},
    inputs::{Given, InputError, Inputs, Outputs, PickError, needs},
    run::{Instance, MAX_INSTANCES},
};

/// Outputs in memory. Remembers which tasks it was asked about.
#[derive(Debug, Default)]
struct Kept {
    outputs: BTreeMap<(u32, u32), &'static str>,
    asked: BTreeSet<TaskIndex>,
    gathered: usize,
    broken: bool,
}

impl Outputs for Kept {
    type Error = &'static str;

    fn known_bytes(&mut self, task: TaskIndex) -> u64 {
        let all = self.outputs.range((task.0, 0)..=(task.0, u32::MAX));
        all.map(|(_, output)| output.len() as u64).sum()
    }

    fn get(&mut self, instance: Instance) -> Result<Option<Arc<str>>, Self::Error> {
        self.asked.insert(instance.task);
        let output = self.outputs.get(&(instance.task.0, instance.index));
        if self.broken {
            Err("the disk is gone")
        } else {
            Ok(output.map(|output| (*output).into()))
        }
    }

    fn gather(&mut self, task: TaskIndex) -> Result<Arc<str>, Self::Error> {
        self.asked.insert(task);
        self.gathered += 1;
        let all = self.outputs.range((task.0, 0)..=(task.0, u32::MAX));
        let list: Vec<&str> = all.map(|(_, output)| *output).collect();
        Ok(format!("[{}]", list.join(",")).into())
    }
}

fn dag(text: &str) -> Arc<Dag> {
    let source = Source {
        name: "dag.toml",
        text,
        format: Format::Toml,
    };
    Arc::new(parse(source).expect("a good manifest").dags.remove(0))
}

const DAG: &str = r#"
[dag]
id = "d"
params = { url = "https://a", deep = { default = { x = [1, 2] } } }
[tasks.list]
program = "a.wasm"
[tasks.each]
program = "a.wasm"
expand = { item = "list" }
[tasks.last]
program = "a.wasm"
after = ["each"]
inputs = { all = "each", first = { task = "list", pointer = "/0" }, url = { param = "url" }, two = { param = "deep", pointer = "/x/1" }, fixed = { value = { a = [1] } } }
[tasks.pairs]
program = "a.wasm"
inputs = { whole = "list" }
expand = { left = "list", right = { value = ["a", "b", "c"] } }
"#;

const LIST: TaskIndex = TaskIndex(0);
const EACH: TaskIndex = TaskIndex(1);
const LAST: TaskIndex = TaskIndex(2);
const PAIRS: TaskIndex = TaskIndex(3);

fn at(task: TaskIndex, index: u32) -> Instance {
    Instance { task, index }
}

fn inputs_of(dag: &Arc<Dag>, given: Given) -> Inputs {
    let params = dag.resolve_params(&Map::new()).expect("all have defaults");
    Inputs::new(Arc::clone(dag), params, given)
}

fn outputs(kept: impl IntoIterator<Item = ((u32, u32), &'static str)>) -> Kept {
    Kept {
        outputs: kept.into_iter().collect(),
        ..Kept::default()
    }
}

fn texts(inputs: &[(String, Arc<str>)]) -> Vec<(&str, &str)> {
    inputs
        .iter()
        .map(|(name, value)| (&**name, &**value))
        .collect()
}

#[test]
fn bindings_are_resolved_in_the_authors_order() {
    let dag = dag(DAG);
    let mut inputs = inputs_of(&dag, Given::new());
    let mut outputs = outputs([
        ((0, 0), r#"[ {"a": 1}, 2 ]"#),
        ((1, 0), "10"),
        ((1, 2), "[30]"),
    ]);
    let expected = [
        ("all", "[10,[30]]"),
        ("first", r#"{"a": 1}"#),
        ("url", "\"https://a\""),
        ("two", "2"),
        ("fixed", r#"{"a":[1]}"#),
    ];
    let last = inputs.of(at(LAST, 0), &mut outputs).expect("all is there");
    assert_eq!(texts(&last), expected);
    inputs.of(at(LAST, 0), &mut outputs).expect("all is there");
    assert_eq!(outputs.gathered, 1, "gathered once for all who ask");
    inputs.clear(EACH);
    outputs.outputs.remove(&(1, 2));
    let again = inputs.of(at(LAST, 0), &mut outputs).expect("all is there");
    assert_eq!(texts(&again)[0], ("all", "[10]"));
}

#[test]
fn an_upstream_without_an_output_gives_null() {
    let dag = dag(DAG);
    let mut inputs = inputs_of(&dag, Given::new());
    let last = inputs.of(at(LAST, 0), &mut outputs([]));
    assert_eq!(
        &texts(&last.expect("all of it may be absent"))[..2],
        [("all", "[]"), ("first", "null")]
    );
}

#[test]
fn a_list_that_was_gathered_early_is_gathered_again() {
    let dag = dag(DAG);
    let mut inputs = inputs_of(&dag, Given::new());
    let mut kept = outputs([((0, 0), "[1, 2]"), ((1, 0), "10")]);
    let early = inputs.of(at(LAST, 0), &mut kept).expect("all is there");
    assert_eq!(texts(&early)[0], ("all", "[10]"));
    kept.outputs.insert((1, 1), "20");
    inputs.grew(EACH);
    let late = inputs.of(at(LAST, 0), &mut kept).expect("all is there");
    assert_eq!(texts(&late)[0], ("all", "[10,20]"));
}

#[test]
fn a_given_input_replaces_its_binding() {
    let dag = dag(DAG);
    let given = Given::from([
        ((LAST, "all".into()), "[7]".into()),
        ((EACH, "item".into()), "[8,9]".into()),
    ]);
    let mut inputs = inputs_of(&dag, given);
    let mut none = outputs([]);
    let last = inputs.of(at(LAST, 0), &mut none).expect("all is there");
    assert_eq!(texts(&last)[0], ("all", "[7]"));
    assert_eq!(inputs.expand(EACH, &mut none), Ok(2));
    let second = inputs.of(at(EACH, 1), &mut none).expect("all is there");
    assert_eq!(texts(&second), [("item", "9")]);
}

#[test]
fn what_a_task_needs_is_known_before_it_is_asked_for() {
    let dag = dag(DAG);
    let needed = |task| needs(&dag, task).collect::<Vec<_>>();
    assert_eq!(needed(LIST), []);
    assert_eq!(needed(EACH), [LIST]);
    assert_eq!(needed(LAST), [LIST, EACH]);
    assert_eq!(needed(PAIRS), [LIST]);
    for task in [LIST, EACH, LAST, PAIRS] {
        let mut inputs = inputs_of(&dag, Given::new());
        let mut outputs = outputs([((0, 0), "[1]"), ((1, 0), "2")]);
        inputs.expand(task, &mut outputs).expect("lists");
        inputs.of(at(task, 0), &mut outputs).expect("all is there");
        let asked: Vec<_> = outputs.asked.into_iter().collect();
        assert_eq!(asked, needed(task));
    }
}

#[test]
fn what_cannot_be_had_is_named_with_the_parameter() {
    let dag = dag(DAG);
    let mut inputs = inputs_of(&dag, Given::new());
    let no_list = inputs.expand(EACH, &mut outputs([((0, 0), "{}")]));
    let name = || "item".to_owned();
    let error = PickError::NotAList("an object");
    assert_eq!(
        no_list,
        Err(InputError::Pick {
            name: name(),
            error
        })
    );
    assert!(!inputs.is_expanded(EACH));
    let nothing = inputs.expand(EACH, &mut outputs([]));
    let error = PickError::NotAList("null");
    assert_eq!(
        nothing,
        Err(InputError::Pick {
            name: name(),
            error
        })
    );
    let missing = inputs.of(at(LAST, 0), &mut outputs([((0, 0), "[]")]));
    assert_eq!(
        missing.expect_err("there is no first one").to_string(),
        r#"the input "first": there is nothing at "/0": "" has no "0""#
    );
    let mut broken = outputs([]);
    broken.broken = true;
    assert_eq!(
        inputs.of(at(PAIRS, 0), &mut broken),
        Err(InputError::Output("the disk is gone"))
    );
}

#[test]
fn too_many_combinations_are_counted_and_refused() {
    let lists: Vec<String> = (0..5)
        .map(|list| format!("p{list} = {{ value = {} }}", json!(vec![0; 100])))
        .collect();
    let dag = dag(&format!(
        "[dag]\nid = \"d\"\n[tasks.t]\nprogram = \"a.wasm\"\nexpand = {{ {} }}\n",
        lists.join(", ")
    ));
    let count = 100_u128.pow(5);
    let expanded = inputs_of(&dag, Given::new()).expand(TaskIndex(0), &mut outputs([]));
    assert_eq!(expanded, Err(InputError::TooMany { count }));
    assert!(count > u128::from(MAX_INSTANCES));
}

#[test]
fn lists_that_go_together_make_one_instance_for_each_position() {
    let dag = dag(
        "[dag]\nid = \"d\"\n[tasks.t]\nprogram = \"a.wasm\"\nzip = true\nexpand = { a = { value = [1, 2, 3] }, b = { value = [\"x\", \"y\", \"z\"] } }\n",
    );
    let (mut inputs, mut none) = (inputs_of(&dag, Given::new()), outputs([]));
    assert_eq!(inputs.expand(TaskIndex(0), &mut none), Ok(3));
    for (index, a, b) in [(0, "1", "\"x\""), (1, "2", "\"y\""), (2, "3", "\"z\"")] {
        let given = inputs
            .of(at(TaskIndex(0), index), &mut none)
            .expect("all is there");
        let given: Vec<(&str, &str)> = given
            .iter()
            .map(|(name, value)| (&**name, &**value))
            .collect();
        assert_eq!(given, [("a", a), ("b", b)]);
    }
}

#[test]
fn lists_that_go_together_have_one_length() {
    let dag = dag(
        "[dag]\nid = \"d\"\n[tasks.t]\nprogram = \"a.wasm\"\nzip = true\nexpand = { a = { value = [1, 2] }, b = { value = [1] } }\n",
    );
    let expanded = inputs_of(&dag, Given::new()).expand(TaskIndex(0), &mut outputs([]));
    let error = expanded.expect_err("the lists differ");
    assert_eq!(
        error.to_string(),
        "the lists \"a\" (2) and \"b\" (1) go together and must have one length"
    );
}

proptest! {
    #[test]
    fn instances_are_the_combinations_and_the_last_list_varies_fastest(
        lists in prop::collection::vec(prop::collection::vec(any::<i32>(), 0..5), 1..4),
    ) {
        let expand: Vec<String> = lists
            .iter()
            .enumerate()
            .map(|(number, list)| format!("p{number} = {{ value = {} }}", json!(list)))
            .collect();
        let dag = dag(&format!(
            "[dag]\nid = \"d\"\n[tasks.t]\nprogram = \"a.wasm\"\nexpand = {{ {} }}\n",
            expand.join(", ")
        ));
        let combinations = lists.iter().fold(vec![Vec::new()], |so_far, list| {
            so_far
                .iter()
                .flat_map(|front| list.iter().map(move |last| [&front[..], &[*last]].concat()))
                .collect()
        });
        let (mut inputs, mut none) = (inputs_of(&dag, Given::new()), outputs([]));
        let count = inputs.expand(TaskIndex(0), &mut none).expect("few");
        prop_assert_eq!(count as usize, combinations.len());
        for (index, combination) in (0..count).zip(combinations) {
            let values: Vec<Value> = inputs
                .of(at(TaskIndex(0), index), &mut none)
                .expect("all is there")
                .into_iter()
                .map(|(_, text)| serde_json::from_str(&text).expect("JSON"))
                .collect();
            prop_assert_eq!(json!(values), json!(combination));
        }
    }
}

#[test]
fn instances_share_a_large_part_of_an_output_until_the_output_changes() {
    let dag = dag(DAG);
    let mut inputs = inputs_of(&dag, Given::new());
    let list = |letter: &str| format!("[{:?}, 2]", letter.repeat(2_000));
    let (one, other): (&'static str, &'static str) = (list("a").leak(), list("b").leak());
    let mut kept = outputs([((0, 0), one)]);
    let first = inputs.of(at(LAST, 0), &mut kept).expect("all is there");
    let again = inputs.of(at(LAST, 0), &mut kept).expect("all is there");
    assert!(Arc::ptr_eq(&first[1].1, &again[1].1));
    assert!(inputs.prepared_bytes() >= first[1].1.len(), "it counts");
    let mut changed = outputs([((0, 0), other)]);
    inputs.clear(LIST);
    let late = inputs.of(at(LAST, 0), &mut changed);
    assert_eq!(late.expect("all is there")[1].1.get(..2), Some("\"b"));
    inputs.drop_prepared();
    assert_eq!(inputs.prepared_bytes(), 0);
}

const ROWS: &str = r#"
[dag]
id = "d"
[tasks.rows]
program = "a.wasm"
[tasks.load]
program = "a.wasm"
zip = true
[tasks.load.expand]
id = { task = "rows", pointer = "/rows", each = "/id", filter = "/active" }
name = { task = "rows", pointer = "/rows", each = "/name", filter = "/active" }
[tasks.whole]
program = "a.wasm"
expand = { row = { task = "rows", pointer = "/rows", filter = "/active" } }
"#;

#[test]
fn instances_get_parts_of_the_elements_that_the_filter_leaves() {
    let dag = dag(ROWS);
    let mut inputs = inputs_of(&dag, Given::new());
    let mut outputs = outputs([(
        (0, 0),
        r#"{"rows": [{"id": 1, "name": "a", "active": true}, {"id": 2, "active": false},
            {"id": [3], "active": 0}, {"id": 4, "active": null}, {"id": 5}, 6]}"#,
    )]);
    let (load, whole) = (TaskIndex(1), TaskIndex(2));
    assert_eq!(inputs.expand(load, &mut outputs), Ok(2));
    let mut of = |task, index| {
        inputs
            .of(at(task, index), &mut outputs)
            .expect("all is there")
    };
    assert_eq!(texts(&of(load, 0)), [("id", "1"), ("name", "\"a\"")]);
    // An element that has no such part leaves the input out.
    assert_eq!(texts(&of(load, 1)), [("id", "[3]")]);
    assert_eq!(inputs.expand(whole, &mut outputs), Ok(2));
    let last = inputs.of(at(whole, 1), &mut outputs).expect("all is there");
    assert_eq!(texts(&last), [("row", r#"{"id": [3], "active": 0}"#)]);
}

#[test]
fn a_given_list_holds_what_instances_get() {
    let dag = dag(ROWS);
    let load = TaskIndex(1);
    let given = |name: &str, list: &str| ((load, name.to_owned()), list.into());
    let given = Given::from([given("id", "[7, 8]"), given("name", "[\"x\", \"y\"]")]);
    let mut inputs = inputs_of(&dag, given);
    let mut none = outputs([]);
    assert_eq!(inputs.expand(load, &mut none), Ok(2));
    let second = inputs.of(at(load, 1), &mut none).expect("all is there");
    assert_eq!(texts(&second), [("id", "8"), ("name", "\"y\"")]);
}

const GROUP: &str = r#"
[dag]
id = "d"
[dag.groups.load]
expand = { row = { task = "rows", filter = "/active" }, day = { value = [1, 2] } }
[tasks.rows]
program = "a.wasm"
[tasks."load.fetch"]
program = "a.wasm"
inputs = { id = { element = "row", pointer = "/id" }, name = { element = "row", pointer = "/name" }, day = { element = "day" } }
[tasks."load.store"]
program = "a.wasm"
inputs = { fetched = "load.fetch", first = { task = "load.fetch", pointer = "/0" } }
[tasks.last]
program = "a.wasm"
inputs = { all = "load.store" }
"#;

#[test]
fn instances_of_a_mapped_group_get_what_has_their_index() {
    let dag = dag(GROUP);
    let mut inputs = inputs_of(&dag, Given::new());
    let mut outputs = outputs([
        (
            (0, 0),
            r#"[{"id": 1, "name": "a", "active": true}, {"id": 2}, {"id": 3, "active": true}]"#,
        ),
        ((1, 0), "[10]"),
        ((1, 3), "[30]"),
        ((2, 3), "3"),
        ((2, 1), "1"),
    ]);
    let (fetch, store, last) = (TaskIndex(1), TaskIndex(2), TaskIndex(3));
    assert_eq!(inputs.expand(fetch, &mut outputs), Ok(4));
    assert_eq!(inputs.expand(store, &mut outputs), Ok(4));
    let mut of = |task, index| {
        let of = inputs.of(at(task, index), &mut outputs);
        of.expect("all is there")
    };
    assert_eq!(
        texts(&of(fetch, 1)),
        [("id", "1"), ("name", "\"a\""), ("day", "2")]
    );
    // An element that has no such part leaves the input out.
    assert_eq!(texts(&of(fetch, 2)), [("id", "3"), ("day", "1")]);
    assert_eq!(texts(&of(store, 3)), [("fetched", "[30]"), ("first", "30")]);
    // What was skipped has no output.
    assert_eq!(
        texts(&of(store, 1)),
        [("fetched", "null"), ("first", "null")]
    );
    assert_eq!(texts(&of(last, 0)), [("all", "[1,3]")]);
}
