//! The reference page of limits is the table that the code holds.

use std::{env, fmt::Write as _, fs, path::Path};
use weft_core::limit::TABLE;

const HEAD: &str = "\
# Limits

Every attempt has these limits. A task requests a limit that is marked 'yes' in its `limits` (`timeout` is a setting of the task itself), up
to what the [policy](../how-to/policies.md) allows. A policy's `[limits]` may set all of them, up to the maximum.

<!-- Generated: `cargo xtask docs --update` -->

| key | default | maximum | a task may request it | what is limited | when it is reached |
|---|---|---|---|---|---|
";

#[test]
fn the_page_lists_every_limit() {
    let mut page = HEAD.to_owned();
    for limit in TABLE {
        let (key, what, effect) = (limit.key, limit.what, limit.on_breach);
        let (default, maximum) = (
            limit.unit.show(limit.default),
            limit.unit.show(limit.maximum),
        );
        let request = if limit.requestable { "yes" } else { "" };
        writeln!(
            page,
            "| `{key}` | {default} | {maximum} | {request} | {what} | {effect} |"
        )
        .expect("a String accepts every text");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/limits.md");
    if env::var_os("WEFT_UPDATE_DOCS").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page, "`cargo xtask docs --update` writes the page");
}
