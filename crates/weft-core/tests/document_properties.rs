//! Properties of the document's parser over random documents: planted cycles
//! are always found, both formats agree, and nothing makes it panic.

use proptest::{collection::vec, prelude::*};
use serde_json::{Value, json};
use weft_core::{
    document::{Format, ProblemCode, Source, parse},
    policy::Policy,
    time::{DurationMs, Timestamp},
};

fn source(text: &str, format: Format) -> Source<'_> {
    Source {
        name: "random",
        text,
        format,
    }
}

/// Tasks whose edges go from a lower number to a higher one.
fn acyclic(edges: &[(usize, usize)], tasks: usize) -> Value {
    let mut document = json!({ "contract": "weft.dag/1", "dags": [{ "id": "d", "tasks": {} }] });
    let table = document["dags"][0]["tasks"]
        .as_object_mut()
        .expect("an object");
    for task in 0..tasks {
        let after: Vec<String> = edges
            .iter()
            .map(|(a, b)| (a % tasks, b % tasks))
            .filter(|(a, b)| a.max(b) == &task && a != b)
            .map(|(a, b)| format!("t{}", a.min(b)))
            .collect();
        table.insert(
            format!("t{task}"),
            json!({ "component": "c.wasm", "after": after }),
        );
    }
    document
}

/// Values that look like parts of a document, and values that don't.
fn value() -> impl Strategy<Value = Value> {
    let key = prop_oneof![
        Just("contract"),
        Just("dags"),
        Just("dag"),
        Just("tasks"),
        Just("id"),
        Just("params"),
        Just("schema"),
        Just("default"),
        Just("inputs"),
        Just("expand"),
        Just("after"),
        Just("types"),
        Just("output"),
        Just("task"),
        Just("param"),
        Just("value"),
        Just("pointer"),
        Just("retries"),
        Just("timeout"),
        Just("limits"),
        Just("memory"),
        Just("grants"),
        Just("http"),
        Just("$ref"),
        Just("type"),
        Just("a"),
        Just("\u{1F980}"),
    ];
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        Just(json!("weft.dag/1")),
        Just(json!("a")),
        Just(json!("#")),
        Just(json!("string")),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::from),
            vec((key.clone(), inner), 0..6).prop_map(|entries| entries
                .into_iter()
                .map(|(key, value)| (key.to_owned(), value))
                .collect()),
        ]
    })
}

proptest! {
    #[test]
    fn a_planted_cycle_is_always_found_and_no_other(edges in vec((0_usize..60, 0_usize..60), 0..120), tasks in 2_usize..60, from in 0_usize..60, length in 2_usize..20) {
        let mut document = acyclic(&edges, tasks);
        let text = document.to_string();
        prop_assert!(parse(source(&text, Format::Json)).is_ok());
        let length = length.min(tasks);
        let cycle: Vec<usize> = (0..length).map(|step| (from + step) % tasks).collect();
        for (step, task) in cycle.iter().enumerate() {
            let next = cycle[(step + 1) % length];
            document["dags"][0]["tasks"][format!("t{next}")]["after"].as_array_mut().expect("a list").push(json!(format!("t{task}")));
        }
        let text = document.to_string();
        let error = parse(source(&text, Format::Json)).expect_err("a cycle was planted");
        for problem in &error.problems {
            prop_assert_eq!(problem.code, ProblemCode::Cycle);
            // The named tasks are a cycle: each one is an upstream of the next.
            let named = problem.message.rsplit(": ").next().expect("names");
            let names: Vec<&str> = named.split(" -> ").collect();
            prop_assert_eq!(names.first(), names.last());
            for pair in names.windows(2) {
                let after = document["dags"][0]["tasks"][pair[1]]["after"].as_array().expect("a list");
                prop_assert!(after.contains(&json!(pair[0])), "{} is not before {}", pair[0], pair[1]);
            }
        }
    }

    #[test]
    fn both_formats_read_the_same_document(edges in vec((0_usize..20, 0_usize..20), 0..40), tasks in 1_usize..20) {
        let document = acyclic(&edges, tasks);
        let (as_json, as_toml) = (document.to_string(), toml::to_string(&document).expect("TOML can say it"));
        let read = parse(source(&as_json, Format::Json)).expect("good");
        let dags = parse(source(&as_toml, Format::Toml)).expect("good");
        prop_assert_eq!(read, dags);
    }

    #[test]
    fn nothing_makes_the_parsers_panic(text in ".{0,200}", document in value()) {
        let as_json = document.to_string();
        let as_toml = toml::to_string(&document).unwrap_or_default();
        for (text, format) in [(&text, Format::Json), (&text, Format::Toml), (&as_json, Format::Json), (&as_toml, Format::Toml)] {
            if let Err(error) = parse(source(text, format)) {
                prop_assert!(!error.problems.is_empty() && error.problems.iter().all(|problem| !problem.message.is_empty()));
            }
            if let Err(error) = Policy::parse(source(text, format)) {
                prop_assert!(!error.problems.is_empty());
            }
        }
    }

    #[test]
    fn whole_documents_of_random_tasks_never_panic(task in value(), params in value()) {
        let text = json!({ "contract": "weft.dag/1", "dags": [{ "id": "d", "params": params, "tasks": { "a": task, "b": { "inputs": { "x": "a" }, "types": { "inputs": { "x": task } } } } }] }).to_string();
        if let Err(error) = parse(source(&text, Format::Json)) {
            prop_assert!(error.problems.iter().all(|problem| problem.position.is_some()), "{}", error);
        }
    }

    #[test]
    fn times_are_read_back_as_they_are_shown(at in -62_135_596_800_000_i64..253_402_207_200_000, span in any::<u32>()) {
        prop_assert_eq!(Timestamp(at).to_string().parse(), Ok(Timestamp(at)));
        prop_assert_eq!(DurationMs(u64::from(span)).to_string().parse(), Ok(DurationMs(u64::from(span))));
    }
}
