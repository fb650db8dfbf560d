//! Mapped groups and priorities in a document: what is read, which mistakes are named, which types fit.

use serde_json::json;
use weft_core::document::{Binding, Dag, Format, Source, TaskIndex, parse};

fn toml(text: &str) -> Result<Dag, String> {
    let source = Source {
        name: "dag.toml",
        text,
        format: Format::Toml,
    };
    let document = parse(source).map_err(|error| error.to_string())?;
    Ok(document.dags.into_iter().next().expect("one DAG"))
}

/// A DAG with these groups, a list, and these tasks in the group `load`.
fn with(groups: &str, tasks: &str) -> String {
    format!(
        "[dag]\nid = \"d\"\n[dag.groups]\n{groups}\n[tasks.files]\nprogram = \"a.wasm\"\n\
         [tasks.\"load.fetch\"]\nprogram = \"a.wasm\"\n{tasks}"
    )
}

const LOAD: &str = "load = { expand = { file = \"files\" } }";

#[test]
fn tasks_are_mapped_with_their_group() {
    let text = with(
        LOAD,
        "inputs = { path = { element = \"file\", pointer = \"/path\" } }\nmax_active = 2\n\
         [tasks.\"load.store\"]\nprogram = \"a.wasm\"\ninputs = { rows = \"load.fetch\" }\n\
         [tasks.loader]\nprogram = \"a.wasm\"\ninputs = { all = \"load.store\" }\n",
    );
    let dag = toml(&text).expect("a good document");
    assert_eq!(dag.mapped_groups, ["load"]);
    let [files, fetch, store, loader] = [0, 1, 2, 3].map(TaskIndex);
    assert!(dag.are_mapped_together(fetch, store));
    assert!(!dag.are_mapped_together(fetch, files) && !dag.are_mapped_together(loader, files));
    let task = |index: TaskIndex| &dag.tasks[index.as_usize()];
    for (member, upstreams) in [(fetch, vec![files]), (store, vec![files, fetch])] {
        assert_eq!(task(member).expand.len(), 1);
        assert_eq!(task(member).upstreams, upstreams);
    }
    assert_eq!(
        task(fetch).inputs[0].1,
        Binding::Element {
            list: 0,
            pointer: Some("/path".into())
        }
    );
    assert_eq!(task(loader).mapped_group, None);
    assert_eq!(task(loader).upstreams, [store]);
}

/// (the groups, the fields of `load.fetch` and what follows, the beginning of the message)
const REFUSED: &[(&str, &str, &str)] = &[
    (
        "load = {}",
        "",
        "dag.toml:4:1: dag.groups.load: a mapped group is mapped over at least one list (add expand = { file = \"files\" }, where the task `files` returns a list)",
    ),
    (
        "load = { expand = { file = \"file\" } }",
        "inputs = { path = { element = \"file\" } }\n",
        "dag.toml:4:28: dag.groups.load.expand.file: the DAG has no task \"file\" (did you mean `files`?)",
    ),
    (
        "load = { expand = 5 }",
        "inputs = { path = { element = \"file\" } }\n",
        "dag.toml:4:19: dag.groups.load.expand: this must be a table of bindings by parameter, not",
    ),
    (
        "load = 5",
        "inputs = { path = { element = \"file\" } }\n",
        "dag.toml:4:8: dag.groups.load: this must be a table with `expand`, not",
    ),
    (
        "load = { expand = { file = { value = 1 } } }",
        "",
        "dag.toml:4:21: dag.groups.load.expand.file: a group is mapped over a list, and this is none (write { value = [ ... ] })",
    ),
    (
        "load = { expand = { file = \"load.fetch\" } }",
        "",
        "dag.toml:4:28: dag.groups.load.expand.file: the list comes from \"load.fetch\", a task of the group itself (move that task out of the group)",
    ),
    (
        "lode = { expand = { file = \"files\" } }",
        "",
        "dag.toml:4:1: dag.groups.lode: no task is in the group \"lode\" (a task is in it whose id begins with \"lode.\", such as \"lode.fetch\")",
    ),
    (
        "load = { expand = { file = \"files\" } }\n\"load.more\" = { expand = { file = \"files\" } }",
        "[tasks.\"load.more.a\"]\nprogram = \"a.wasm\"\n",
        "dag.toml:5:1: dag.groups.\"load.more\": the group is within the mapped group \"load\" (",
    ),
    (
        LOAD,
        "expand = { x = \"files\" }\n",
        "dag.toml:9:1: tasks.\"load.fetch\".expand: the task is mapped with its group \"load\", and not by itself (",
    ),
    (
        LOAD,
        "branch = true\n",
        "dag.toml:9:10: tasks.\"load.fetch\".branch: a mapped task can't choose",
    ),
    (
        LOAD,
        "inputs = { path = { element = \"fiel\" } }\n",
        "dag.toml:9:31: tasks.\"load.fetch\".inputs.path.element: the group \"load\" is not mapped over \"fiel\" (did you mean `file`?)",
    ),
    (
        LOAD,
        "[tasks.other]\nprogram = \"a.wasm\"\ninputs = { path = { element = \"file\" } }\n",
        "dag.toml:11:31: tasks.other.inputs.path.element: only a task of a mapped group gets elements of its group's lists (",
    ),
];

#[test]
fn each_mistake_has_its_message() {
    for (groups, tasks, message) in REFUSED {
        let text = with(groups, tasks);
        let refused = toml(&text).expect_err(&text);
        assert!(
            refused.contains(message),
            "of {text}\n  said {refused}\nwanted {message}"
        );
        assert_eq!(
            refused.lines().count(),
            1,
            "of {text}\n said more: {refused}"
        );
    }
}

#[test]
fn a_large_list_is_not_copied_into_more_tasks_than_there_is_room_for() {
    let list = vec!["x".repeat(1_000); 5_000];
    let tasks: serde_json::Map<_, _> = (0..2_000)
        .map(|at| (format!("g.t{at}"), json!({})))
        .collect();
    let dag = json!({ "id": "d", "groups": { "g": { "expand": { "x": { "value": list } } } }, "tasks": tasks });
    let text = json!({ "contract": "weft.dag/1", "dags": [dag] }).to_string();
    let source = Source {
        name: "describe",
        text: &text,
        format: Format::Json,
    };
    let refused = parse(source).expect_err("5 MB, 2,000 times").to_string();
    assert!(refused.contains("memory"), "{refused}");
}

/// The problems of a DAG with the group `g`, whose types are these.
fn types(element: &serde_json::Value, output: &str, input: &str) -> String {
    let dag = json!({
        "id": "d",
        "groups": { "g": { "expand": { "row": "rows" } } },
        "tasks": {
            "rows": { "types": { "output": { "type": "array", "items": { "type": "object", "properties": { "id": { "type": "integer" } }, "required": ["id"] } } } },
            "g.a": { "inputs": { "x": element }, "types": { "inputs": { "x": { "type": input } }, "output": { "type": output } } },
            "g.b": { "inputs": { "y": "g.a" }, "types": { "inputs": { "y": { "type": "string" } } } },
            "after": { "inputs": { "z": "g.a" }, "types": { "inputs": { "z": { "type": "array", "items": { "type": "string" } } } } }
        }
    });
    let text = json!({ "contract": "weft.dag/1", "dags": [dag] }).to_string();
    let source = Source {
        name: "describe",
        text: &text,
        format: Format::Json,
    };
    parse(source).map_or_else(|error| error.to_string(), |_| String::new())
}

#[test]
fn elements_and_outputs_of_the_group_have_to_fit() {
    let part = json!({ "element": "row", "pointer": "/id" });
    let whole = json!({ "element": "row" });
    assert_eq!(types(&part, "string", "integer"), "");
    assert_eq!(types(&whole, "string", "object"), "");
    let wrong_part = types(&part, "string", "string");
    assert!(
        wrong_part.contains("the list of outputs")
            || wrong_part.contains("\"/id\" of each element doesn't fit the input \"x\""),
        "{wrong_part}"
    );
    let wrong_whole = types(&whole, "string", "integer");
    assert!(
        wrong_whole.contains("doesn't fit the input \"x\" of \"g.a\""),
        "{wrong_whole}"
    );
    let wrong_output = types(&part, "integer", "integer");
    for words in [
        "the output of \"g.a\" doesn't fit the input \"y\" of \"g.b\"",
        "the list of outputs of \"g.a\" doesn't fit the input \"z\" of \"after\"",
    ] {
        assert!(
            wrong_output.contains(words),
            "{words} is missing in {wrong_output}"
        );
    }
}

fn priorities(head: &str) -> Vec<Option<i32>> {
    let text = format!(
        "[dag]\nid = \"d\"\n{head}\n[tasks.a]\nprogram = \"a.wasm\"\n\
         [tasks.b]\nprogram = \"a.wasm\"\nafter = [\"a\"]\npriority = 1\n\
         [tasks.c]\nprogram = \"a.wasm\"\nafter = [\"b\"]\npriority = 7\n\
         [tasks.d]\nprogram = \"a.wasm\"\nafter = [\"b\"]\npriority = -2\n\
         [tasks.e]\nprogram = \"a.wasm\"\n"
    );
    let dag = toml(&text).expect("a good document");
    dag.tasks.iter().map(|task| task.priority).collect()
}

#[test]
fn priorities_are_those_of_the_tasks_or_of_what_waits_for_them() {
    let own = [None, Some(1), Some(7), Some(-2), None];
    assert_eq!(priorities(""), own);
    assert_eq!(priorities("priority_rule = \"absolute\""), own);
    assert_eq!(
        priorities("priority_rule = \"inherited\""),
        [Some(7), Some(7), Some(7), Some(-2), None]
    );
    assert_eq!(
        priorities("priority = 3"),
        [Some(3), Some(1), Some(7), Some(-2), Some(3)]
    );
    assert_eq!(
        priorities("priority = 9\npriority_rule = \"inherited\""),
        [Some(9), Some(7), Some(7), Some(-2), Some(9)]
    );
    let refused =
        toml("[dag]\nid = \"d\"\npriority_rule = \"inherit\"\n[tasks.a]\nprogram = \"a.wasm\"\n");
    assert_eq!(
        refused.expect_err("there is no such rule").lines().next(),
        Some(
            "dag.toml:3:17: dag.priority_rule: there is no priority rule \"inherit\" (did you mean `inherited`?)"
        )
    );
}
