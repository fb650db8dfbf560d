//! The README's table of limits is the one that the code holds.

use std::fmt::Write as _;
use weft_core::limit::TABLE;

#[test]
fn the_readme_lists_every_limit_with_its_default() {
    let readme = include_str!("../../../README.md");
    let (_, after) = readme
        .split_once("| key | default | a task may ask | what is limited |\n|---|---|---|---|\n")
        .expect("the table has its head");
    let (table, _) = after
        .split_once("<!-- end of limits -->")
        .expect("the table has its end");
    let mut expected = String::new();
    for limit in TABLE {
        let ask = if limit.requestable { "yes" } else { "" };
        let (key, default, what) = (limit.key, limit.unit.show(limit.default), limit.what);
        writeln!(expected, "| `{key}` | {default} | {ask} | {what} |")
            .expect("a text takes every text");
    }
    assert_eq!(table, expected, "write this into the README:\n{expected}");
}
