//! The reference page of the API, from the `OpenAPI` document that the server's tests hold.

use super::compare;
use crate::workspace::Workspace;
use anyhow::{Context as _, Result};
use serde_json::Value;
use std::{collections::BTreeMap, fmt::Write as _, fs};

const DOCUMENT: &str = "crates/weft-server/openapi.json";
const PAGE: &str = "docs/reference/api.md";
const METHODS: [&str; 5] = ["get", "post", "put", "patch", "delete"];

const HEAD: &str = "\
# API

A server describes its API at `/api/v1/docs`, and as an OpenAPI document at `/api/v1/openapi.json`. Every operation takes a bearer token
(`Authorization: Bearer weft_...`). Failures are `application/problem+json` with a stable [code](problems.md). Lists are paged: `next` of a page is
the `cursor` of the following request. A `POST` with an `Idempotency-Key` may be repeated. A change with `If-Match` is made only if the state is
still the one that was read.

<!-- Generated: `cargo xtask docs --update` -->
";

/// Writes the page, or fails if it is older than the document.
pub(super) fn page(workspace: &Workspace, update: bool) -> Result<()> {
    let text = fs::read_to_string(workspace.root().join(DOCUMENT)).context(DOCUMENT)?;
    let page = render(&serde_json::from_str(&text).context(DOCUMENT)?)?;
    compare(workspace, PAGE, &page, update)
}

/// One table for each tag.
fn render(document: &Value) -> Result<String> {
    let paths = document["paths"]
        .as_object()
        .context("a document has paths")?;
    let mut by_tag: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (path, item) in paths {
        for method in METHODS {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let tag = operation["tags"][0]
                .as_str()
                .context("an operation has a tag")?;
            let summary = operation["summary"].as_str().unwrap_or_default();
            let upper = method.to_uppercase();
            let row = format!("| `{upper} {path}` | {summary} |");
            by_tag.entry(tag).or_default().push(row);
        }
    }
    let mut page = HEAD.to_owned();
    for (tag, rows) in by_tag {
        let rows = rows.join("\n");
        write!(
            page,
            "\n## {tag}\n\n| operation | what it does |\n|---|---|\n{rows}\n"
        )?;
    }
    Ok(page)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn operations_are_listed_by_their_tag() {
        let operation = serde_json::json!({ "tags": ["runs"], "summary": "List runs" });
        let document = serde_json::json!({ "paths": { "/runs": { "get": operation } } });
        let page = render(&document).expect("the document is whole");
        assert!(page.ends_with("| `GET /runs` | List runs |\n"), "{page}");
    }
}
