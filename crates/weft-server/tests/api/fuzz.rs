//! Every operation of the document, with everything that it does not expect:
//! nothing of it may be answered with a 5xx, and every refusal is a problem.
//!
//! Deterministic: the same seed asks the same questions.

use crate::world::{World, file};
use serde_json::{Map, Value, json};
use std::{collections::BTreeMap, fmt::Write as _};

struct Fuzz {
    random: fastrand::Rng,
    document: Value,
}

impl Fuzz {
    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.random.usize(..from.len())]
    }

    /// A text that fights something: a parser, a path, a shell, SQL, a terminal.
    fn text(&mut self) -> String {
        let odd = [
            "",
            " ",
            "a",
            "0",
            "-1",
            "null",
            "true",
            "../../etc/passwd",
            "'; DROP TABLE runs; --",
            "\" OR 1=1",
            "%00",
            "\u{0}",
            "\n",
            "\u{202e}abc",
            "💩",
            "é",
            "\u{feff}",
            "{{ params.x }}",
            "${jndi:ldap://x}",
            "2026-11-21T06:00:00Z",
            "9999999999999999999999",
            "1e309",
            "NaN",
            "0000000000000",
            "zzzzzzzzzzzzz",
            "d",
            "sha256:0",
            "\\",
            "/",
            "?",
            "#",
            "a/b",
            "<script>",
            "\u{1b}[31m",
            "-262144-01-01T00:00:00Z",
            "+275760-09-13T00:00:00Z",
            "\u{10ffff}",
        ];
        if self.random.u8(..20) == 0 {
            return "x".repeat(self.random.usize(1_000..100_000));
        }
        (*self.pick(&odd)).to_owned()
    }

    /// A value of any type but the expected one, most often.
    fn value(&mut self, depth: usize) -> Value {
        match self.random.u8(..12) {
            0 => Value::Null,
            1 => json!(self.random.bool()),
            2 => json!(self.random.i64(..)),
            3 => json!(self.random.u64(..)),
            4 => json!(-1.5e300),
            5 | 6 => json!(self.text()),
            7 if depth > 0 => json!(
                (0..self.random.usize(..4))
                    .map(|_| self.value(depth - 1))
                    .collect::<Vec<_>>()
            ),
            8 if depth > 0 => {
                let fields: Map<String, Value> = (0..self.random.usize(..4))
                    .map(|_| (self.text(), self.value(depth - 1)))
                    .collect();
                Value::Object(fields)
            }
            9 => json!([]),
            10 => json!({}),
            _ => json!(0),
        }
    }

    /// A value that the schema describes, with something of it made wrong now and then.
    fn of_schema(&mut self, schema: &Value, depth: usize) -> Value {
        if depth == 0 || self.random.u8(..8) == 0 {
            return self.value(2);
        }
        if let Some(name) = schema["$ref"].as_str() {
            let target = self
                .document
                .pointer(name.trim_start_matches('#'))
                .cloned()
                .unwrap_or_default();
            return self.of_schema(&target, depth - 1);
        }
        for key in ["oneOf", "anyOf", "allOf"] {
            if let Some(of) = schema[key].as_array().filter(|of| !of.is_empty()) {
                let one = self.pick(of).clone();
                return self.of_schema(&one, depth - 1);
            }
        }
        if let Some(values) = schema["enum"].as_array() {
            return self.pick(values).clone();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => self.pick(kinds).as_str().unwrap_or_default().to_owned(),
            kind => kind.as_str().unwrap_or_default().to_owned(),
        };
        match kind.as_str() {
            "object" => {
                let mut fields = Map::new();
                for (name, field) in schema["properties"]
                    .as_object()
                    .cloned()
                    .unwrap_or_default()
                {
                    if self.random.u8(..5) > 0 {
                        let value = self.of_schema(&field, depth - 1);
                        fields.insert(name, value);
                    }
                }
                if self.random.u8(..6) == 0 {
                    fields.insert(self.text(), self.value(1));
                }
                Value::Object(fields)
            }
            "array" => {
                let item = schema["items"].clone();
                json!(
                    (0..self.random.usize(..4))
                        .map(|_| self.of_schema(&item, depth - 1))
                        .collect::<Vec<_>>()
                )
            }
            "string" if schema["format"] == "date-time" && self.random.bool() => {
                json!("2026-11-21T06:00:00Z")
            }
            "string" => json!(self.text()),
            "integer" => json!(*self.pick(&[
                0_i64,
                1,
                -1,
                7,
                i64::from(u32::MAX),
                i64::from(u32::MAX) + 1,
                i64::MAX,
                i64::MIN
            ])),
            "number" => json!(1.5),
            "boolean" => json!(self.random.bool()),
            _ => self.value(2),
        }
    }

    fn body(&mut self, operation: &Value) -> Vec<u8> {
        let schema = operation["requestBody"]["content"]["application/json"]["schema"].clone();
        match self.random.u8(..12) {
            0 => Vec::new(),
            1 => b"{".to_vec(),
            2 => b"\xff\xfe".to_vec(),
            3 => b"\"\\ud800\"".to_vec(),
            4 => "[".repeat(100_000).into_bytes(),
            5 => b"{\"params\":{},\"params\":{}}".to_vec(),
            6 => self.value(3).to_string().into_bytes(),
            _ => self.of_schema(&schema, 6).to_string().into_bytes(),
        }
    }

    /// A path with something in the place of each parameter, often what is there.
    fn path(&mut self, template: &str, known: &BTreeMap<&str, String>) -> String {
        let mut path = String::new();
        for part in template.split('/').skip(1) {
            path.push('/');
            match part
                .strip_prefix('{')
                .and_then(|part| part.strip_suffix('}'))
            {
                None => path.push_str(part),
                Some(name) => match known.get(name).filter(|_| self.random.u8(..3) > 0) {
                    Some(value) => path.push_str(value),
                    None => path.push_str(&encoded(&self.text())),
                },
            }
        }
        path
    }

    fn query(&mut self, operation: &Value) -> String {
        let mut query = String::new();
        for param in operation["parameters"].as_array().into_iter().flatten() {
            if param["in"] == "query" && self.random.bool() {
                let value = match self.of_schema(&param["schema"], 3) {
                    Value::String(text) => text,
                    other => other.to_string(),
                };
                let value: String = value.chars().take(2_000).collect();
                query.push(if query.is_empty() { '?' } else { '&' });
                let name = param["name"].as_str().unwrap();
                write!(query, "{name}={}", encoded(&value)).unwrap();
            }
        }
        query
    }
}

fn encoded(text: &str) -> String {
    text.bytes()
        .take(4_000)
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[tokio::test]
async fn nothing_that_a_caller_sends_leads_to_a_5xx() {
    let world = World::new().await;
    let dag = json!([{ "id": "d", "schedule": "@daily", "params": { "n": 1 }, "tasks": { "a": {}, "b": { "expand": { "x": "a" } } } }]);
    world.post("/deployments").body(file(dag)).send().await.ok();
    let run = world.trigger("d").await;
    let known = BTreeMap::from([
        ("dag", "d".to_owned()),
        ("run", run),
        ("task", "a".to_owned()),
        ("index", "0".to_owned()),
        ("version", "1".to_owned()),
        ("name", "some-name".to_owned()),
        ("tenant", "default".to_owned()),
        ("command", "1".to_owned()),
    ]);
    let document: Value = serde_json::from_str(&weft_server::openapi::document_text()).unwrap();
    let mut fuzz = Fuzz {
        random: fastrand::Rng::with_seed(7),
        document: document.clone(),
    };
    let mut answers: BTreeMap<u16, usize> = BTreeMap::new();
    for (template, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            for _ in 0..weft_sweeps::SERVER_REQUESTS.size() {
                let path = fuzz.path(template, &known) + &fuzz.query(operation);
                let body = fuzz.body(operation);
                let shown = String::from_utf8_lossy(&body)
                    .chars()
                    .take(300)
                    .collect::<String>();
                let mut call = world.any(&method.to_uppercase(), &path).body(body);
                if fuzz.random.u8(..10) > 0 {
                    call = call.header("content-type", "application/json");
                }
                for name in [
                    "idempotency-key",
                    "if-match",
                    "traceparent",
                    "last-event-id",
                    "weft-tenant",
                ] {
                    if fuzz.random.u8(..8) == 0 {
                        let text: String = fuzz
                            .text()
                            .chars()
                            .filter(|c| !c.is_control())
                            .take(300)
                            .collect();
                        call = call.header(name, text);
                    }
                }
                // Streams of events don't end: the head says what there is to say.
                let response = call.open().await;
                let status = response.status().as_u16();
                assert!(status < 500, "{status}: {method} {path}\n{shown}");
                if status >= 400 {
                    assert_eq!(
                        response.headers()["content-type"],
                        "application/problem+json",
                        "{method} {path}"
                    );
                }
                *answers.entry(status).or_default() += 1;
            }
        }
    }
    // Questions that are all refused at the door would prove nothing.
    println!("answers by status: {answers:?}");
    let good: usize = answers.range(200..300).map(|(_, count)| count).sum();
    let asked: usize = answers.values().sum();
    let size = usize::try_from(weft_sweeps::SERVER_REQUESTS.size()).unwrap();
    assert!(
        asked >= 40 * size && good * 10 >= asked,
        "{answers:?} of {size} requests for each operation"
    );
}
