//! The list of retired words: one entry a line.
//!
//! ```text
//! # A comment.
//! office, offices = scheduler session        refused; forms of one word share a line
//! pending told = notified                    counted alone, until no occurrence is left
//! allow office in PATH: REASON               excepts one word in one file or folder
//! ```
//!
//! `see_off` is a phrase: it matches consecutive words of one identifier (`see_off_all`, `SeeOff`).

use anyhow::{Context as _, Result, ensure};

/// The parsed list.
pub(super) struct List {
    pub(super) retired: Vec<Retired>,
    allowed: Vec<Allowed>,
}

/// A word or phrase that is not to be used.
pub(super) struct Retired {
    words: Vec<String>,
    pub(super) replacement: String,
    /// Occurrences are counted and not refused.
    pub(super) pending: bool,
}

/// An exception with a reason, which the list's readers see.
struct Allowed {
    name: String,
    path: String,
}

impl List {
    /// Reads the file's text.
    pub(super) fn parse(text: &str) -> Result<Self> {
        let mut list = Self {
            retired: Vec::new(),
            allowed: Vec::new(),
        };
        for (index, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            list.entry(line)
                .with_context(|| format!("line {}: {line}", index + 1))?;
        }
        Ok(list)
    }

    fn entry(&mut self, line: &str) -> Result<()> {
        if let Some(exception) = line.strip_prefix("allow ") {
            let (what, reason) = exception
                .split_once(": ")
                .context("an exception needs a reason: 'allow WORD in PATH: REASON'")?;
            ensure!(!reason.trim().is_empty(), "the reason is missing");
            let (name, path) = what
                .split_once(" in ")
                .context("an exception is 'allow WORD in PATH: REASON'")?;
            self.allowed.push(Allowed {
                name: name.to_owned(),
                path: path.to_owned(),
            });
            return Ok(());
        }
        let (pending, entry) = line
            .strip_prefix("pending ")
            .map_or((false, line), |entry| (true, entry));
        let (forms, replacement) = entry
            .split_once(" = ")
            .context("an entry is 'WORD = REPLACEMENT'")?;
        for form in forms.split(',') {
            let words: Vec<String> = form.trim().split('_').map(str::to_owned).collect();
            ensure!(
                words
                    .iter()
                    .all(|word| !word.is_empty() && word.chars().all(char::is_lowercase)),
                "'{form}' is not a lower-case word or phrase"
            );
            self.retired.push(Retired {
                words,
                replacement: replacement.trim().to_owned(),
                pending,
            });
        }
        Ok(())
    }

    /// Whether an exception covers the word in the file.
    pub(super) fn allows(&self, path: &str, found: &Retired) -> bool {
        let name = found.name();
        self.allowed
            .iter()
            .any(|allowed| allowed.name == name && path.starts_with(&allowed.path))
    }
}

impl Retired {
    /// As the list spells it.
    pub(super) fn name(&self) -> String {
        self.words.join("_")
    }

    /// Whether an identifier of these words has it.
    pub(super) fn is_in(&self, words: &[String]) -> bool {
        words
            .windows(self.words.len())
            .any(|window| window == self.words)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_exception_covers_its_word_in_its_path_alone() {
        let text = "desk = state\noffice = session\nallow desk in a/b.rs: a wire name\n";
        let list = List::parse(text).expect("the list is well formed");
        assert!(list.allows("a/b.rs", &list.retired[0]));
        assert!(!list.allows("a/c.rs", &list.retired[0]));
        assert!(!list.allows("a/b.rs", &list.retired[1]));
    }

    #[test]
    fn an_exception_without_a_reason_and_an_entry_without_a_replacement_are_refused() {
        for text in ["allow desk in a.rs\n", "allow desk in a.rs:  \n", "desk\n"] {
            assert!(List::parse(text).is_err(), "{text}");
        }
    }
}
