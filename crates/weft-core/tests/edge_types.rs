//! The types of an edge's two ends: what fits, what doesn't and how it is said,
//! and that nothing is refused which can't be decided.

use serde_json::{Value, json};
use weft_core::document::{Format, ProblemCode, Source, parse};

/// The problems of a document whose task `b` binds its input `x`.
fn problems(producer: &Value, task: &Value) -> Vec<String> {
    let text = json!({
        "contract": "weft.dag/1",
        "dags": [{ "id": "d", "tasks": { "a": producer, "b": task } }],
    })
    .to_string();
    match parse(Source {
        name: "d",
        text: &text,
        format: Format::Json,
    }) {
        Ok(_) => Vec::new(),
        Err(error) => {
            assert!(
                error
                    .problems
                    .iter()
                    .all(|problem| problem.code == ProblemCode::EdgeType),
                "{error}"
            );
            error
                .problems
                .into_iter()
                .map(|problem| problem.message)
                .collect()
        }
    }
}

fn edge(output: &Value, input: &Value) -> Option<String> {
    let producer = json!({ "types": { "output": output } });
    let consumer = json!({ "inputs": { "x": "a" }, "types": { "inputs": { "x": input } } });
    let problems = problems(&producer, &consumer);
    assert!(problems.len() <= 1, "{problems:?}");
    let prefix = "the output of \"a\" doesn't fit the input \"x\" of \"b\": ";
    problems.into_iter().next().map(|message| {
        message
            .strip_prefix(prefix)
            .expect("names both ends")
            .to_owned()
    })
}

/// As schemars 1 makes it of a struct with `String`, `f64`, `Option<u32>` and an enum.
fn quake() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Quake", "type": "object",
        "properties": {
            "place": { "type": "string" },
            "magnitude": { "type": "number", "format": "double" },
            "depth": { "type": ["integer", "null"], "format": "uint32", "minimum": 0 },
            "kind": { "$ref": "#/$defs/Kind" },
            "near": { "type": "array", "items": { "$ref": "#" } },
        },
        "required": ["place", "magnitude", "kind", "near"],
        "$defs": { "Kind": { "oneOf": [{ "type": "string", "const": "earth", "description": "x" }, { "type": "string", "enum": ["ice", "mine"] }] } },
    })
}

#[test]
fn what_fits_or_cannot_be_decided_is_accepted() {
    let list = |schema: Value| json!({ "type": "array", "items": schema });
    let cases = [
        (quake(), quake()),
        (
            json!({ "type": "integer", "format": "int64" }),
            json!({ "type": "number" }),
        ),
        (
            json!({ "type": "integer", "format": "int64" }),
            json!({ "type": "integer", "format": "uint8", "minimum": 0, "maximum": 255 }),
        ),
        (
            json!({ "type": "string" }),
            json!({ "type": ["string", "null"] }),
        ),
        (
            json!({ "type": "string" }),
            json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
        ),
        (
            json!({ "type": ["string", "null"] }),
            json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
        ),
        (
            json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
            json!({ "type": "string", "nullable": true }),
        ),
        (json!({ "const": "a" }), json!({ "enum": ["a", "b"] })),
        (json!({ "enum": [1, 2] }), json!({ "type": "number" })),
        (
            json!({ "type": "boolean" }),
            json!({ "enum": [true, false, null] }),
        ),
        (json!(true), quake()),
        (json!({}), quake()),
        (json!(false), quake()),
        (quake(), json!(true)),
        (json!({ "type": "object" }), quake()),
        (json!({ "type": "array" }), list(quake())),
        (
            json!({ "type": "object", "additionalProperties": { "type": "integer" } }),
            json!({ "type": "object", "additionalProperties": { "type": "number" } }),
        ),
        (
            json!({ "not": { "type": "null" } }),
            json!({ "type": "string" }),
        ),
        (
            json!({ "$ref": "https://example.org/schema" }),
            json!({ "type": "string" }),
        ),
        (json!({ "type": "string" }), json!({ "$ref": "#/nowhere" })),
        (json!({ "$ref": "#" }), json!({ "type": "string" })),
        (
            json!({ "type": "string", "pattern": "a" }),
            json!({ "type": "string", "pattern": "b", "format": "date" }),
        ),
        (
            json!({ "allOf": [{ "type": "string" }, { "minLength": 1 }] }),
            json!({ "allOf": [{ "type": "string" }] }),
        ),
        (
            json!({ "type": "array", "prefixItems": [{ "type": "string" }, { "type": "integer" }], "minItems": 2, "maxItems": 2 }),
            json!({ "type": "array", "prefixItems": [{ "type": "string" }, { "type": "number" }], "minItems": 2, "maxItems": 2 }),
        ),
        (
            json!({ "type": "array", "items": [{ "type": "string" }] }),
            list(json!({ "type": "string" })),
        ),
    ];
    for (output, input) in cases {
        assert_eq!(edge(&output, &input), None, "{output}\n-> {input}");
    }
}

#[test]
#[expect(clippy::too_many_lines, reason = "one table of cases")]
fn what_cannot_fit_is_refused_with_both_types_and_the_way_to_them() {
    let list = |schema: Value| json!({ "type": "array", "items": schema });
    let without = |field: &str| {
        let mut schema = quake();
        schema["properties"]
            .as_object_mut()
            .expect("an object")
            .remove(field);
        schema["required"]
            .as_array_mut()
            .expect("a list")
            .retain(|name| name != field);
        schema
    };
    let changed = |field: &str, to: Value| {
        let mut schema = quake();
        schema["properties"][field] = to;
        schema
    };
    let cases = [
        (
            json!({ "type": "string" }),
            json!({ "type": "integer" }),
            "it gives a text, and an integer is wanted",
        ),
        (
            json!({ "type": "number" }),
            json!({ "type": "integer" }),
            "it gives a number, and an integer is wanted",
        ),
        (
            json!({ "type": ["string", "null"] }),
            json!({ "type": "string" }),
            "it gives a text or null, and a text is wanted",
        ),
        (
            json!({ "anyOf": [{ "type": "string" }, { "type": "null" }] }),
            json!({ "type": "string" }),
            "it gives null, and a text is wanted",
        ),
        (
            json!({ "type": "string", "nullable": true }),
            json!({ "type": "string" }),
            "it gives a text or null, and a text is wanted",
        ),
        (
            json!({ "type": "string" }),
            json!({ "enum": ["a", "b"] }),
            "it gives a text, and \"a\" or \"b\" is wanted",
        ),
        (
            json!({ "enum": ["a", "c"] }),
            json!({ "enum": ["a", "b"] }),
            "it gives \"c\", and \"a\" or \"b\" is wanted",
        ),
        (
            json!({ "type": "integer", "maximum": 5 }),
            json!({ "type": "integer", "minimum": 6 }),
            "it gives maximum 5, and minimum 6 is wanted",
        ),
        (
            json!({ "type": "string" }),
            json!(false),
            "it gives a text, and nothing is wanted",
        ),
        (
            quake(),
            list(quake()),
            "it gives an object (Quake), and a list, each an object (Quake) is wanted",
        ),
        (
            list(json!({ "type": "string" })),
            list(json!({ "type": "integer" })),
            "at `[]`, it gives a text, and an integer is wanted",
        ),
        (
            without("place"),
            quake(),
            "at `place`, it gives no such field, and a field that is always there is wanted",
        ),
        (
            changed("magnitude", json!({ "type": "string" })),
            quake(),
            "at `magnitude`, it gives a text, and a number is wanted",
        ),
        (
            changed("kind", json!({ "type": "string", "const": "air" })),
            quake(),
            "at `kind`, it gives \"air\", and \"earth\" or \"ice\" or \"mine\" is wanted",
        ),
        (
            changed("near", list(json!({ "type": "string" }))),
            quake(),
            "at `near[]`, it gives a text, and an object (Quake) is wanted",
        ),
        (
            quake(),
            json!({ "type": "object", "properties": { "depth": { "type": ["integer", "null"] } }, "required": ["depth"] }),
            "at `depth`, it gives an optional field, and a field that is always there is wanted",
        ),
        (
            quake(),
            json!({ "type": "object", "properties": { "place": {}, "magnitude": {}, "depth": {}, "kind": {} }, "additionalProperties": false }),
            "at `near`, it gives a field, and none of that name is wanted",
        ),
        (
            json!({ "type": "array", "prefixItems": [{ "type": "string" }, { "type": "string" }], "minItems": 2, "maxItems": 2 }),
            json!({ "type": "array", "prefixItems": [{ "type": "string" }, { "type": "integer" }], "minItems": 2, "maxItems": 2 }),
            "at `[1]`, it gives a text, and an integer is wanted",
        ),
    ];
    for (output, input, message) in cases {
        assert_eq!(
            edge(&output, &input).as_deref(),
            Some(message),
            "{output}\n-> {input}"
        );
    }
}

fn list(schema: &Value) -> Value {
    json!({ "type": "array", "items": schema })
}

/// A task that takes `x` from here.
fn consumer(table: &str, binding: &Value, schema: &Value) -> Value {
    let mut task = json!({ "types": { "inputs": { "x": schema } } });
    task[table] = json!({ "x": binding });
    task
}

fn producer(schema: &Value) -> Value {
    json!({ "types": { "output": schema } })
}

fn mapped(schema: &Value) -> Value {
    json!({ "types": { "output": schema }, "expand": { "n": { "value": [1] } } })
}

#[test]
fn parts_of_elements_have_to_fit() {
    let (text, integer) = (json!({ "type": "string" }), json!({ "type": "integer" }));
    let none: [String; 0] = [];
    let rows = list(&quake());
    let each = |pointer: &str, schema: &Value| {
        consumer("expand", &json!({ "task": "a", "each": pointer }), schema)
    };
    assert_eq!(problems(&producer(&rows), &each("/place", &text)), none);
    assert_eq!(problems(&mapped(&quake()), &each("/place", &text)), none);
    assert_eq!(
        problems(&producer(&rows), &each("/place", &integer)),
        [
            "the output of \"a\", \"/place\" of each element doesn't fit the input \"x\" of \"b\": it gives a text, and an integer is wanted"
        ]
    );
    assert_eq!(
        problems(&producer(&rows), &each("/plaice", &text)),
        [
            "the output of \"a\", \"/plaice\" of each element doesn't fit the input \"x\" of \"b\": it gives an object (Quake), and the field `plaice` is wanted"
        ]
    );
}

#[test]
fn mapping_takes_elements_and_gathers_lists() {
    let (text, integer) = (json!({ "type": "string" }), json!({ "type": "integer" }));
    let none: [String; 0] = [];
    // An element of the list goes to each instance.
    assert_eq!(
        problems(
            &producer(&list(&text)),
            &consumer("expand", &json!("a"), &text)
        ),
        none
    );
    assert_eq!(
        problems(
            &producer(&list(&text)),
            &consumer("expand", &json!("a"), &integer)
        ),
        [
            "the output of \"a\" doesn't fit the input \"x\" of \"b\": at `[]`, it gives a text, and an integer is wanted"
        ]
    );
    assert_eq!(
        problems(&producer(&text), &consumer("expand", &json!("a"), &text)),
        [
            "the output of \"a\" doesn't fit the input \"x\" of \"b\": it gives a text, and a list, each a text is wanted"
        ]
    );
    // The outputs of all instances are one list, which may be mapped over again.
    assert_eq!(
        problems(
            &mapped(&text),
            &consumer("inputs", &json!("a"), &list(&text))
        ),
        none
    );
    assert_eq!(
        problems(&mapped(&text), &consumer("expand", &json!("a"), &text)),
        none
    );
    assert_eq!(
        problems(&mapped(&text), &consumer("inputs", &json!("a"), &text)),
        [
            "the list of outputs of \"a\" doesn't fit the input \"x\" of \"b\": it gives a list, each a text, and a text is wanted"
        ]
    );
    // A pointer picks a part.
    let pointed = |pointer: &str, schema: &Value| {
        consumer(
            "inputs",
            &json!({ "task": "a", "pointer": pointer }),
            schema,
        )
    };
    assert_eq!(
        problems(
            &producer(&quake()),
            &pointed("/magnitude", &json!({ "type": "number" }))
        ),
        none
    );
    assert_eq!(
        problems(&producer(&quake()), &pointed("/near/0/place", &text)),
        none
    );
    assert_eq!(
        problems(&producer(&quake()), &pointed("/magnitude", &text)),
        [
            "the output of \"a\" at \"/magnitude\" doesn't fit the input \"x\" of \"b\": it gives a number, and a text is wanted"
        ]
    );
    assert_eq!(
        problems(&producer(&quake()), &pointed("/plaice", &text)),
        [
            "the output of \"a\" at \"/plaice\" doesn't fit the input \"x\" of \"b\": it gives an object (Quake), and the field `plaice` is wanted"
        ]
    );
    // Constants are values, not types.
    assert_eq!(
        problems(
            &json!({}),
            &consumer("inputs", &json!({ "value": "s" }), &text)
        ),
        none
    );
    assert_eq!(
        problems(
            &json!({}),
            &consumer("expand", &json!({ "value": [1, "s"] }), &integer)
        ),
        [
            "the constant doesn't fit the input \"x\" of \"b\": at `[1]`, it gives \"s\", and an integer is wanted"
        ]
    );
}

#[test]
fn endless_and_exploding_schemas_end() {
    let mut defs = serde_json::Map::new();
    for n in 0..40 {
        let next = json!({ "$ref": format!("#/$defs/d{}", n + 1) });
        defs.insert(
            format!("d{n}"),
            json!({ "anyOf": [next, { "type": "array", "items": next }] }),
        );
    }
    defs.insert("d40".into(), json!({ "type": "string" }));
    let bomb = json!({ "$ref": "#/$defs/d0", "$defs": defs });
    // Whether it fits is beyond the budget; what counts is that an answer comes.
    let answer = edge(&bomb, &bomb);
    assert_eq!(answer, None);
    let circle = json!({ "$ref": "#/$defs/a", "$defs": { "a": { "$ref": "#/$defs/b" }, "b": { "$ref": "#/$defs/a" } } });
    assert_eq!(edge(&circle, &json!({ "type": "string" })), None);
    assert_eq!(edge(&json!({ "type": "string" }), &circle), None);
}
