//! Holds the committed document to the one that is generated from the handlers.
//!
//! After a change of the API: `WEFT_UPDATE_OPENAPI=1 cargo test -p weft-server --test openapi`.

#![expect(
    clippy::unwrap_used,
    reason = "where a test meets what it does not expect, it should stop there"
)]

mod compatible;
mod released;

use std::{fs, path::Path};

#[test]
fn the_committed_document_is_the_generated_one() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("openapi.json");
    let generated = weft_server::openapi::document_text();
    if std::env::var_os("WEFT_UPDATE_OPENAPI").is_some() {
        fs::write(&path, &generated).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == generated,
        "openapi.json is not what the handlers say: run WEFT_UPDATE_OPENAPI=1 cargo test -p weft-server --test openapi, and look at the difference"
    );
}

#[test]
fn every_operation_has_a_name_of_its_own_a_tag_a_token_and_a_way_to_fail() {
    let document: serde_json::Value =
        serde_json::from_str(&weft_server::openapi::document_text()).unwrap();
    let mut names = std::collections::HashSet::new();
    let mut count = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(names.insert(name.to_owned()), "{name} occurs twice");
            assert!(path.starts_with("/api/v1/"), "{path}");
            assert_eq!(
                operation["tags"].as_array().map(Vec::len),
                Some(1),
                "{method} {path}"
            );
            assert!(operation["security"].is_array(), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
            let failure = &operation["responses"]["default"]["content"]["application/problem+json"]
                ["schema"]["$ref"];
            assert_eq!(
                failure, "#/components/schemas/ProblemBody",
                "{method} {path}"
            );
            count += 1;
        }
    }
    assert!(count >= 40, "only {count} operations are described");
}

#[test]
fn every_reference_leads_somewhere() {
    let document: serde_json::Value =
        serde_json::from_str(&weft_server::openapi::document_text()).unwrap();
    let mut open = vec![&document];
    while let Some(value) = open.pop() {
        match value {
            serde_json::Value::Object(fields) => {
                if let Some(target) = fields.get("$ref").and_then(|target| target.as_str()) {
                    assert!(
                        document.pointer(target.trim_start_matches('#')).is_some(),
                        "{target} is not there"
                    );
                }
                open.extend(fields.values());
            }
            serde_json::Value::Array(items) => open.extend(items),
            _ => {}
        }
    }
}
