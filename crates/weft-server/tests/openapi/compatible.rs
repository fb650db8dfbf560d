//! Whether a client of one version of the API can talk to a server of another one.
//!
//! What the client writes in a request the server has to read, and what the server answers the
//! client has to read. So one rule serves both: what one side may write, the other has
//! to take. Apart from that, no field, parameter or operation goes that was there.
//! Programs that compare documents of `OpenAPI` know many more kinds of differences, and
//! none of those that were found is a crate; this is what holds of ours.

use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet, HashSet};

/// What a client of `old` would stumble over at a server of `new`, by place; empty where all is well.
pub(crate) fn differences(old: &Value, new: &Value) -> Vec<String> {
    let mut look = Look {
        documents: [old, new],
        side: Side::Request,
        seen: HashSet::new(),
        found: Vec::new(),
    };
    for (path, item) in fields(&old["paths"]) {
        for (method, operation) in fields(item) {
            let place = format!("{} {path}", method.to_uppercase());
            match new["paths"][path].get(method) {
                Some(today) => look.operation(&place, operation, today),
                None => look.tell(&place, "is gone"),
            }
        }
    }
    look.found
}

/// Who reads.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Side {
    /// The server of today, what the client of before wrote.
    Request,
    /// The other way.
    Answer,
}

struct Look<'d> {
    /// Of before, and of today.
    documents: [&'d Value; 2],
    side: Side,
    /// Pairs of schemas that were looked at, or are being looked at.
    seen: HashSet<(*const Value, *const Value, Side)>,
    found: Vec<String>,
}

/// What a schema says, references followed and parts put together.
#[derive(Default)]
struct Shape<'d> {
    /// Empty where it may be anything.
    types: BTreeSet<&'d str>,
    /// The only values that there are.
    values: Option<Vec<&'d Value>>,
    format: Option<&'d str>,
    fields: BTreeMap<&'d str, &'d Value>,
    needed: BTreeSet<&'d str>,
    /// Of an object whose fields have names of their own.
    rest: Option<&'d Value>,
    items: Option<&'d Value>,
    variants: Vec<&'d Value>,
    maximum: Option<f64>,
    minimum: Option<f64>,
}

fn fields(value: &Value) -> impl Iterator<Item = (&String, &Value)> {
    value.as_object().into_iter().flatten()
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn texts(value: &Value) -> impl Iterator<Item = &str> {
    list(value).iter().filter_map(Value::as_str)
}

/// The schema that a reference leads to; one that is none leads to itself.
fn target<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(path) => {
            let found = document.pointer(path.trim_start_matches('#'));
            target(document, found.expect("every reference leads somewhere"))
        }
        None => schema,
    }
}

impl<'d> Shape<'d> {
    fn of(document: &'d Value, schema: &'d Value) -> Self {
        let mut shape = Self::default();
        shape.add(document, schema);
        shape
    }

    fn add(&mut self, document: &'d Value, schema: &'d Value) {
        if schema.get("$ref").is_some() {
            self.add(document, target(document, schema));
        }
        for part in list(&schema["allOf"]) {
            self.add(document, part);
        }
        let is_null = |variant: &&Value| variant["type"] == "null";
        let mut variants: Vec<&Value> = list(&schema["oneOf"]).iter().collect();
        if variants.iter().any(is_null) {
            self.types.insert("null");
            variants.retain(|variant| !is_null(variant));
        }
        match variants[..] {
            [only] if self.types.contains("null") => self.add(document, only),
            _ => self.variants.extend(variants),
        }
        self.types.extend(schema["type"].as_str());
        self.types.extend(texts(&schema["type"]));
        if schema["enum"].is_array() {
            self.values = Some(list(&schema["enum"]).iter().collect());
        }
        self.format = schema["format"].as_str().or(self.format);
        let named = fields(&schema["properties"]);
        self.fields
            .extend(named.map(|(name, field)| (name.as_str(), field)));
        self.needed.extend(texts(&schema["required"]));
        self.rest = schema.get("additionalProperties").or(self.rest);
        self.items = schema.get("items").or(self.items);
        self.maximum = schema["maximum"].as_f64().or(self.maximum);
        self.minimum = schema["minimum"].as_f64().or(self.minimum);
    }

    fn is_anything(&self) -> bool {
        self.types.is_empty() && self.variants.is_empty()
    }

    fn takes(&self, kind: &str) -> bool {
        self.types.contains(kind) || (kind == "integer" && self.types.contains("number"))
    }
}

impl<'d> Look<'d> {
    fn tell(&mut self, place: &str, what: &str) {
        self.found.push(format!("{place} {what}"));
    }

    fn operation(&mut self, place: &str, old: &'d Value, new: &'d Value) {
        self.side = Side::Request;
        let parameter = |list: &'d [Value], of: &Value| {
            list.iter()
                .find(|one| one["name"] == of["name"] && one["in"] == of["in"])
        };
        let (before, today) = (list(&old["parameters"]), list(&new["parameters"]));
        for one in before {
            let place = format!("{place} {}", one["name"].as_str().unwrap_or_default());
            match parameter(today, one) {
                Some(same) => self.schema(&place, &one["schema"], &same["schema"]),
                None => self.tell(&place, "is gone"),
            }
        }
        for one in today.iter().filter(|one| one["required"] == true) {
            if parameter(before, one).is_none_or(|same| same["required"] != true) {
                let place = format!("{place} {}", one["name"].as_str().unwrap_or_default());
                self.tell(&place, "is needed");
            }
        }
        let (before, today) = (&old["requestBody"], &new["requestBody"]);
        if today["required"] == true && before["required"] != true {
            self.tell(place, "needs a body");
        }
        self.contents(place, before, today);
        self.side = Side::Answer;
        for (status, answer) in fields(&old["responses"]) {
            let place = format!("{place} {status}");
            match new["responses"].get(status) {
                Some(today) => self.contents(&place, answer, today),
                None => self.tell(&place, "is gone"),
            }
        }
    }

    fn contents(&mut self, place: &str, old: &'d Value, new: &'d Value) {
        for (kind, content) in fields(&old["content"]) {
            match new["content"].get(kind) {
                Some(today) => self.schema(place, &content["schema"], &today["schema"]),
                None => self.tell(place, &format!("has no {kind}")),
            }
        }
    }

    fn schema(&mut self, place: &str, old: &'d Value, new: &'d Value) {
        let old = target(self.documents[0], old);
        let new = target(self.documents[1], new);
        if !self.seen.insert((old, new, self.side)) {
            return;
        }
        let before = Shape::of(self.documents[0], old);
        let today = Shape::of(self.documents[1], new);
        self.values(place, &before, &today);
        for (name, field) in &before.fields {
            let place = format!("{place}/{name}");
            match today.fields.get(name) {
                Some(same) => self.schema(&place, field, same),
                None => self.tell(&place, "is gone"),
            }
        }
        for (old, new, what) in [
            (before.items, today.items, "[]"),
            (before.rest, today.rest, "{}"),
        ] {
            if let (Some(old), Some(new)) = (old, new) {
                self.schema(&format!("{place}{what}"), old, new);
            }
        }
        self.variants(place, &before, &today);
    }

    /// The object itself, without its members.
    fn values(&mut self, place: &str, before: &Shape<'d>, today: &Shape<'d>) {
        let (writes, reads) = match self.side {
            Side::Request => (before, today),
            Side::Answer => (today, before),
        };
        for name in reads.needed.difference(&writes.needed) {
            let what = match self.side {
                Side::Request => "is needed",
                Side::Answer => "may be missing",
            };
            self.tell(&format!("{place}/{name}"), what);
        }
        if reads.is_anything() {
            return;
        }
        if writes.is_anything() {
            self.tell(place, "may be anything");
        }
        for kind in &writes.types {
            if !reads.takes(kind) {
                self.tell(place, &format!("may be {kind}"));
            }
        }
        if let Some(known) = &reads.values {
            let written = writes.values.as_deref();
            if written.is_none() {
                self.tell(place, "may be any value");
            }
            for value in written.unwrap_or_default() {
                if !known.contains(value) {
                    self.tell(place, &format!("may be {value}"));
                }
            }
        }
        if reads.format != writes.format {
            self.tell(place, "has another format");
        }
        if self.side == Side::Request {
            let lower = |read: Option<f64>, written: Option<f64>| {
                read.is_some_and(|read| written.is_none_or(|written| read < written))
            };
            if lower(reads.maximum, writes.maximum) {
                self.tell(place, "has a lower maximum");
            }
            let negated = |bound: Option<f64>| bound.map(|bound| -bound);
            if lower(negated(reads.minimum), negated(writes.minimum)) {
                self.tell(place, "has a higher minimum");
            }
        }
    }

    /// Each that may be written has to be one of those that are read.
    fn variants(&mut self, place: &str, before: &Shape<'d>, today: &Shape<'d>) {
        let (writes, reads) = match self.side {
            Side::Request => (before, today),
            Side::Answer => (today, before),
        };
        if reads.is_anything() {
            return;
        }
        for written in &writes.variants {
            let is_read = reads.variants.iter().any(|read| {
                let (old, new) = match self.side {
                    Side::Request => (written, read),
                    Side::Answer => (read, written),
                };
                let mut look = Look {
                    documents: self.documents,
                    side: self.side,
                    seen: HashSet::new(),
                    found: Vec::new(),
                };
                look.schema(place, old, new);
                look.found.is_empty()
            });
            if !is_read {
                self.tell(place, "may be another variant");
            }
        }
    }
}
