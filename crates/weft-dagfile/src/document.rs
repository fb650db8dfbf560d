//! Reads a document and turns what is wrong with it into problems that show
//! the line.

use std::{ops::Range, sync::Arc};
use weft_api::problem::{Code, Location, Problem, Problems};
use weft_core::document::{self, Document, DocumentError, Format, Source};

/// Parses and validates; every problem that can be found is reported.
pub fn parse(name: &str, text: &str, format: Format) -> Result<Document, Problems> {
    document::parse(Source { name, text, format })
        .map_err(|error| document_problems(&error, text, Code::InvalidDocument))
}

/// The problems of a refused document (or policy) with their lines.
pub fn document_problems(error: &DocumentError, text: &str, code: Code) -> Problems {
    let source: Arc<str> = text.into();
    let mut problems: Vec<Problem> = error
        .problems
        .iter()
        .map(|found| {
            let mut problem = Problem::new(code, found.message.clone());
            problem.help.clone_from(&found.help);
            match found.position {
                Some(position) => problem.at(Location {
                    path: error.name.clone(),
                    source: Arc::clone(&source),
                    span: word(text, position.offset),
                    label: found.path.clone(),
                }),
                None if found.path.is_empty() => problem.note(format!("in {}", error.name)),
                None => problem.note(format!("in {}, at {}", error.name, found.path)),
            }
        })
        .collect();
    if error.more > 0 {
        problems.push(Problem::new(
            code,
            format!("{}: and {} more problems", error.name, error.more),
        ));
    }
    Problems::from_list(problems)
        .unwrap_or_else(|| Problem::new(code, format!("{} is not valid", error.name)).into())
}

/// The key, text or number that begins at `offset`: what the carets stand under.
fn word(text: &str, offset: usize) -> Range<usize> {
    let Some(rest) = text.get(offset..) else {
        return text.len()..text.len();
    };
    let bytes = match rest.as_bytes().first() {
        Some(quote @ (b'"' | b'\'')) => {
            let line = rest.lines().next().unwrap_or_default();
            line.get(1..)
                .and_then(|inner| inner.find(char::from(*quote)))
                .map_or(1, |end| end + 2)
        }
        _ => rest
            .find(|letter: char| {
                !(letter.is_alphanumeric() || matches!(letter, '_' | '-' | '.' | '+'))
            })
            .unwrap_or(rest.len()),
    };
    offset..offset + bytes.max(usize::from(!rest.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn carets_stand_under_a_whole_word() {
        let text = "retris = 3\nid = \"a b\" # x\n";
        assert_eq!(&text[word(text, 0)], "retris");
        assert_eq!(&text[word(text, 9)], "3");
        assert_eq!(&text[word(text, 16)], "\"a b\"");
        assert_eq!(word(text, 900), text.len()..text.len());
        assert_eq!(word(text, text.len()), text.len()..text.len());
        assert_eq!(word("[", 0), 0..1);
    }
}
