//! The reference page of problem codes is the table that the code holds.

use std::{env, fmt::Write as _, fs, path::Path};
use weft_api::problem::Code;

const HEAD: &str = "\
# Problem codes

Each problem has a stable code. Messages of `wfctl` show it in brackets (`error[unknown_task]`), and an answer of the API has it as `code`
in a body of the type `application/problem+json`. A released code never changes its meaning. [Exit codes](exit-codes.md) explains the last
column but one.

<!-- Generated: `cargo xtask docs --update` -->

| code | HTTP status | exit code | meaning | what to do |
|---|---|---|---|---|
";

#[test]
fn the_page_lists_every_code() {
    let mut page = HEAD.to_owned();
    for code in Code::ALL {
        let status = code
            .status()
            .map(|status| status.to_string())
            .unwrap_or_default();
        let (name, exit) = (code.as_str(), code.exit().code());
        let (title, help) = (code.title(), code.help());
        writeln!(page, "| `{name}` | {status} | {exit} | {title} | {help} |")
            .expect("a String accepts every text");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/problems.md");
    if env::var_os("WEFT_UPDATE_DOCS").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    let written = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(written, page, "`cargo xtask docs --update` writes the page");
}
