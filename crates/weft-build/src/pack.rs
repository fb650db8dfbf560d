//! Packs a manifest and the files that it names into one container.

use serde::{Serialize, Serializer, ser::SerializeMap as _, ser::SerializeSeq as _};
use std::{collections::BTreeSet, path::Path};
use weft_api::problem::{Code, Problem, Problems};
use weft_dagfile::{self, DagFile, OpenedFile, engine, named_files};
use weft_sandbox::container;

/// The container of a manifest, TOML or JSON.
pub(super) fn pack(path: &Path) -> Result<Vec<u8>, Problems> {
    let opened = OpenedFile::open(path)?;
    let weft_dagfile::Content::Manifest { text, format, .. } = &opened.content else {
        return Err(Problem::new(
            Code::WrongFileType,
            format!("{} is built already", opened.name),
        )
        .into());
    };
    let document = match format {
        weft_core::document::Format::Toml => as_json(text, &opened.name)?,
        weft_core::document::Format::Json => text.clone(),
    };
    let sandbox = engine::sandbox(1)?;
    let target = engine::runtime()?.block_on(DagFile::load(opened, &sandbox))?;
    let mut files = Vec::new();
    let mut problems = Vec::new();
    let mut seen = BTreeSet::new();
    for dag in &target.document.dags {
        for (file, named_by) in named_files(dag) {
            if !seen.insert(file.to_owned()) {
                continue;
            }
            match target.files.read(file, &format!("task {named_by:?}")) {
                Ok(bytes) => match weft_dagfile::inspected(file, &bytes) {
                    Ok(_) => files.push((file.to_owned(), bytes.to_vec())),
                    Err(problem) => problems.push(problem),
                },
                Err(problem) => problems.push(problem),
            }
        }
    }
    if let Some(problems) = Problems::from_list(problems) {
        return Err(problems);
    }
    container::pack(&document, &files).map_err(|error| {
        Problem::new(Code::BuildFailed, format!("{}: {error}", target.name)).into()
    })
}

/// A manifest as JSON, in the author's order.
fn as_json(text: &str, name: &str) -> Result<String, Problem> {
    let fault = |error: String| Problem::new(Code::InvalidDocument, format!("{name}: {error}"));
    let table: toml::Table = toml::from_str(text).map_err(|error| fault(error.to_string()))?;
    serde_json::to_string(&Json(&toml::Value::Table(table)))
        .map_err(|error| fault(error.to_string()))
}

/// TOML as JSON says it: a date becomes its text.
struct Json<'a>(&'a toml::Value);

impl Serialize for Json<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            toml::Value::String(text) => serializer.serialize_str(text),
            toml::Value::Integer(number) => serializer.serialize_i64(*number),
            toml::Value::Float(number) => serializer.serialize_f64(*number),
            toml::Value::Boolean(value) => serializer.serialize_bool(*value),
            toml::Value::Datetime(date) => serializer.collect_str(date),
            toml::Value::Array(items) => {
                let mut array = serializer.serialize_seq(Some(items.len()))?;
                for item in items {
                    array.serialize_element(&Json(item))?;
                }
                array.end()
            }
            toml::Value::Table(table) => {
                let mut object = serializer.serialize_map(Some(table.len()))?;
                for (key, value) in table {
                    object.serialize_entry(key, &Json(value))?;
                }
                object.end()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_keeps_its_order_and_its_dates() {
        let text = "[dag]\nid = \"a\"\nstart = 2026-01-01\n[tasks.z]\nretries = 1\n[tasks.b]\nretry_backoff = 1.5";
        let json = as_json(text, "dag.toml").expect("it is TOML");
        assert_eq!(
            json,
            r#"{"dag":{"id":"a","start":"2026-01-01"},"tasks":{"z":{"retries":1},"b":{"retry_backoff":1.5}}}"#
        );
    }
}
