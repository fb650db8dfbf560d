//! `wfctl new`: a crate, or a folder of another language, that builds and runs as it is.
//!
//! Only writes into a folder that it makes, or that is empty.

mod template;

use crate::{go, sdk};
use std::{fs, path::Path};
use weft_api::problem::{Code, Problem};

/// Languages with an SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    /// Rust
    Rust,
    /// Python
    Python,
    /// TypeScript
    Ts,
    /// JavaScript
    Js,
    /// Go
    Go,
    /// C, and C++
    C,
}

/// Makes the folder at `path`, whose last part names the DAG.
///
/// # Errors
/// A name that can't be one, or a folder that is not empty or can't be written.
pub fn create(path: &Path, language: Language) -> Result<(), Problem> {
    let name = name(path, language)?;
    let dag = name.replace('-', "_");
    check_empty(path)?;
    let filled = |text: &str| text.replace("{{name}}", &name).replace("{{dag}}", &dag);
    for (file, text) in language.template() {
        let file = path.join(filled(file));
        let text = filled(text);
        fs::create_dir_all(file.parent().expect("the file is in the folder"))
            .and_then(|()| fs::write(&file, text))
            .map_err(|error| Problem::io("write", &file, &error))?;
    }
    match language {
        Language::Rust => sdk::configure(path, &sdk::unpack()?),
        Language::Go => go::configure(path),
        // It goes into the component, and nothing on the author's side needs it to build.
        Language::Python | Language::C | Language::Ts | Language::Js => Ok(()),
    }
}

/// The last part of the path, if it can name a crate and a DAG.
fn name(path: &Path, language: Language) -> Result<String, Problem> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(fits) {
        return Err(
            Problem::new(Code::Usage, format!("{name:?} can't name a DAG")).help(
                "use letters, digits, '_' and '-', and start with a small letter: wfctl new quakes",
            ),
        );
    }
    // The name becomes a function's, which can't be a word of the language.
    let (words, of): (&[&[&str]], _) = match language {
        Language::Rust => (RUST, "Rust"),
        Language::Python => (PYTHON, "Python"),
        Language::Ts | Language::Js => (JS, "JavaScript"),
        Language::Go => (&[&GO_PACKAGES], "Go"),
        // The name is in a string there.
        Language::C => (&[], "C"),
    };
    if words.iter().any(|words| words.contains(&name.as_str())) {
        return Err(
            Problem::new(Code::Usage, format!("{name:?} is a word of {of} itself"))
                .help(format!("choose another name: wfctl new my-{name}")),
        );
    }
    Ok(name)
}

/// What can't name a crate and a function of Rust.
const RUST: &[&[&str]] = &[&RUST_KEYWORDS, &RUST_CRATES];
/// What can't name a module and a function of Python.
const PYTHON: &[&[&str]] = &[&PYTHON_KEYWORDS, &PYTHON_MODULES];

/// What can't name a function of JavaScript, nor one beside what the template declares.
const JS: &[&[&str]] = &[&JS_KEYWORDS, &JS_NAMES];

const RUST_CRATES: [&str; 9] = [
    "test",
    "weft",
    "core",
    "std",
    "alloc",
    "proc_macro",
    "self",
    "super",
    "crate",
];

/// Python's keywords that are small (the Language Reference, 'Keywords').
const PYTHON_KEYWORDS: [&str; 32] = [
    "and", "as", "assert", "async", "await", "break", "class", "continue", "def", "del", "elif",
    "else", "except", "finally", "for", "from", "global", "if", "import", "in", "is", "lambda",
    "nonlocal", "not", "or", "pass", "raise", "return", "try", "while", "with", "yield",
];

/// What can't name a module of Go: folders of its standard library, and what its tools mean otherwise.
const GO_PACKAGES: [&str; 52] = [
    "archive",
    "arena",
    "bufio",
    "builtin",
    "bytes",
    "cmd",
    "cmp",
    "compress",
    "container",
    "context",
    "crypto",
    "database",
    "debug",
    "embed",
    "encoding",
    "errors",
    "expvar",
    "flag",
    "fmt",
    "go",
    "hash",
    "html",
    "image",
    "index",
    "internal",
    "io",
    "iter",
    "log",
    "main",
    "maps",
    "math",
    "mime",
    "net",
    "os",
    "path",
    "plugin",
    "reflect",
    "regexp",
    "runtime",
    "slices",
    "sort",
    "std",
    "strconv",
    "strings",
    "structs",
    "sync",
    "syscall",
    "testing",
    "text",
    "time",
    "unicode",
    "vendor",
];

/// JavaScript's reserved words (ECMA-262, 12.7.2), with those that are reserved in modules.
const JS_KEYWORDS: [&str; 48] = [
    "arguments",
    "await",
    "break",
    "case",
    "catch",
    "class",
    "const",
    "continue",
    "debugger",
    "default",
    "delete",
    "do",
    "else",
    "enum",
    "eval",
    "export",
    "extends",
    "false",
    "finally",
    "for",
    "function",
    "if",
    "implements",
    "import",
    "in",
    "instanceof",
    "interface",
    "let",
    "new",
    "null",
    "package",
    "private",
    "protected",
    "public",
    "return",
    "static",
    "super",
    "switch",
    "this",
    "throw",
    "true",
    "try",
    "typeof",
    "var",
    "void",
    "while",
    "with",
    "yield",
];

/// What the template imports and declares.
const JS_NAMES: [&str; 9] = [
    "attempt", "assert", "dag", "extract", "millions", "report", "run", "task", "test",
];

/// Modules that the template imports, which one of the same name would hide.
const PYTHON_MODULES: [&str; 4] = ["dataclasses", "logging", "test", "weft"];

/// Rust's keywords (the Reference, 'Keywords'), those that may be names left out.
const RUST_KEYWORDS: [&str; 49] = [
    "as", "async", "await", "break", "const", "continue", "dyn", "else", "enum", "extern", "false",
    "fn", "for", "if", "impl", "in", "let", "loop", "match", "mod", "move", "mut", "pub", "ref",
    "return", "static", "struct", "trait", "true", "type", "unsafe", "use", "where", "while",
    "abstract", "become", "box", "do", "final", "gen", "macro", "override", "priv", "try",
    "typeof", "unsized", "virtual", "yield", "union",
];

fn check_empty(folder: &Path) -> Result<(), Problem> {
    match fs::read_dir(folder) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(Problem::new(
            Code::Usage,
            format!("can't use {}: {error}", folder.display()),
        )
        .help("choose another name")),
        Ok(mut entries) => match entries.next() {
            None => Ok(()),
            Some(_) => Err(Problem::new(
                Code::Usage,
                format!("the folder {} is not empty", folder.display()),
            )
            .help("choose another name, or remove it first")),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_crates_and_functions() {
        for good in ["quakes", "my-dag", "a_1", "./x/quakes"] {
            assert!(name(Path::new(good), Language::Rust).is_ok(), "{good}");
        }
        for bad in ["", "..", "Quakes", "1st", "a b", "é", "match", "test"] {
            assert!(name(Path::new(bad), Language::Rust).is_err(), "{bad}");
        }
        assert!(name(Path::new("match"), Language::Python).is_ok());
        assert!(name(Path::new("for"), Language::C).is_ok());
        assert!(name(Path::new("sort"), Language::Go).is_err());
        for bad in ["class", "task"] {
            assert!(name(Path::new(bad), Language::Ts).is_err(), "{bad}");
        }
        for bad in ["lambda", "logging"] {
            assert!(name(Path::new(bad), Language::Python).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_folder_with_something_in_it_is_not_touched() {
        let folder = tempfile::tempdir().expect("a folder");
        fs::write(folder.path().join("notes"), "mine").expect("a file");
        let problem = check_empty(folder.path()).expect_err("it is not empty");
        assert!(problem.message.contains("not empty"), "{}", problem.message);
    }
}
