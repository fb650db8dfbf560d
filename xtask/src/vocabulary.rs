//! `cargo xtask test --only vocabulary`: refuses words that the glossary has retired.
//!
//! `xtask/retired-words.txt` lists them with their replacements. Identifiers, comments and strings of
//! source files are searched, and Markdown outside of fenced blocks. Strings also hold wire names,
//! stored names and test data: the list excepts those with a reason.

mod list;
mod source;

use crate::{program, workspace::Workspace};
use anyhow::{Context as _, Result, ensure};
use list::{List, Retired};
use source::{Language, Text};
use std::{collections::BTreeMap, fmt, fs, process::Command};

/// The list, below the workspace's root.
const LIST: &str = "xtask/retired-words.txt";

/// Folders of recorded data, which never change.
const RECORDED: [&str; 2] = ["corpus/", "tests/fixtures/"];

/// One occurrence of a retired word.
struct Occurrence {
    path: String,
    line: usize,
    word: String,
    replacement: String,
}

/// Searches every tracked file, prints what it finds, and fails where a word is refused.
pub(crate) fn check(workspace: &Workspace) -> Result<()> {
    let path = workspace.root().join(LIST);
    let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
    let list = List::parse(&text).context(LIST)?;
    let mut git = Command::new("git");
    git.current_dir(workspace.root()).args([
        "ls-files",
        "--cached",
        "--others",
        "--exclude-standard",
    ]);
    let mut refused = Vec::new();
    let mut pending: BTreeMap<String, usize> = BTreeMap::new();
    for path in program::read(&mut git)?.lines() {
        let Some(language) = Language::of(path) else {
            continue;
        };
        if RECORDED.iter().any(|folder| path.contains(folder)) {
            continue;
        }
        // A file that was deleted and not committed is still listed.
        let Ok(text) = fs::read_to_string(workspace.root().join(path)) else {
            continue;
        };
        for (found, line) in occurrences(&list, language, &text) {
            if list.allows(path, found) {
                continue;
            }
            if found.pending {
                *pending.entry(found.name()).or_default() += 1;
                continue;
            }
            refused.push(Occurrence {
                path: path.to_owned(),
                line,
                word: found.name(),
                replacement: found.replacement.clone(),
            });
        }
    }
    for (word, count) in pending {
        eprintln!("still used: {word} ({count})");
    }
    for occurrence in &refused {
        eprintln!("{occurrence}");
    }
    ensure!(
        refused.is_empty(),
        "{} occurrences of retired words; {LIST} says how to except a wire name",
        refused.len()
    );
    Ok(())
}

impl fmt::Display for Occurrence {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{}:{}: '{}' is retired, use '{}'",
            self.path, self.line, self.word, self.replacement
        )
    }
}

/// The retired words of a file with their lines.
fn occurrences<'l>(list: &'l List, language: Language, text: &str) -> Vec<(&'l Retired, usize)> {
    let mut found = Vec::new();
    for Text { line, text } in source::texts(language, text) {
        for (below, part) in text.lines().enumerate() {
            for token in part.split(|c: char| !c.is_alphanumeric() && c != '_') {
                let words = words_of(token);
                let retired = list.retired.iter().filter(|retired| retired.is_in(&words));
                found.extend(retired.map(|retired| (retired, line + below)));
            }
        }
    }
    found
}

/// Splits an identifier at underscores and case changes: `HTTPServer_v2` has `http`, `server`, `v2`.
fn words_of(token: &str) -> Vec<String> {
    let mut words = Vec::new();
    for part in token.split('_').filter(|part| !part.is_empty()) {
        let letters: Vec<char> = part.chars().collect();
        let mut word = String::new();
        for (at, letter) in letters.iter().enumerate() {
            let after_lower = at > 0 && !letters[at - 1].is_uppercase();
            let before_lower = letters.get(at + 1).is_some_and(|next| next.is_lowercase());
            if letter.is_uppercase() && !word.is_empty() && (after_lower || before_lower) {
                words.push(std::mem::take(&mut word));
            }
            word.extend(letter.to_lowercase());
        }
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    const RETIRED: &str = "office, offices = scheduler session\nsee_off = expire\n";

    fn lines(language: Language, text: &str) -> Vec<usize> {
        let list = List::parse(RETIRED).expect("the list is well formed");
        let found = occurrences(&list, language, text);
        found.into_iter().map(|(_word, line)| line).collect()
    }

    #[test]
    fn identifiers_are_split_at_underscores_and_case_changes() {
        let words = |token| words_of(token).join(" ");
        assert_eq!(words("far_schedulers"), "far schedulers");
        assert_eq!(words("FarSchedulers"), "far schedulers");
        assert_eq!(words("HTTPServer_v2"), "http server v2");
        assert_eq!(words("MAX_DESKS"), "max desks");
        assert_eq!(words("notoffice"), "notoffice");
    }

    #[test]
    fn rust_identifiers_comments_and_strings_are_searched() {
        let text = "\
            struct HomeOffice<'a>(&'a str);\n\
            let it = \"office\"; // the office\n\
            let raw = r#\"an \"office\" \"#; let c = '\"';\n\
            /* two\n offices */ fn notoffice() {}\n";
        assert_eq!(lines(Language::Rust, text), [1, 2, 2, 3, 5]);
    }

    #[test]
    fn the_character_of_an_escape_is_no_part_of_a_word() {
        let text = "let a = \"\\toffice \\\n  office\\\\office\";\nlet office = 1;\n";
        assert_eq!(lines(Language::Rust, text), [1, 2, 2, 3]);
    }

    #[test]
    fn phrases_match_inside_of_one_identifier_alone() {
        let text = "fn see_off() {}\nfn SeeOffGuests() {}\n// They see off a guest.\n";
        assert_eq!(lines(Language::Rust, text), [1, 2]);
    }

    #[test]
    fn docstrings_and_other_strings_of_python_are_searched() {
        let text = "def f():\n    \"\"\"The\n    office.\"\"\"\n    return 'office'  # office\n";
        assert_eq!(lines(Language::Python, text), [3, 4, 4]);
    }

    #[test]
    fn an_unclosed_quote_ends_with_its_line() {
        let text = "const quote = /[']/;\nlet office = `an\noffice`;\n";
        assert_eq!(lines(Language::Script, text), [2, 3]);
        assert_eq!(
            lines(Language::Lua, "local a = 'office' -- office\n"),
            [1, 1]
        );
    }

    #[test]
    fn markdown_is_searched_outside_of_fences() {
        let text = "The office.\n```\noffice\n```\n`Office`\n";
        assert_eq!(lines(Language::Markdown, text), [1, 5]);
    }
}
