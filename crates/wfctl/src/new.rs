//! `wfctl new`: a crate that builds and runs as it is.
//!
//! Only writes into a folder that it makes, or that is empty.

use crate::{
    build,
    error::{Code, Exit, Problem, Problems},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Start a DAG in a folder of its own
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl new quakes
  cd quakes && wfctl build && wfctl run")]
pub(crate) struct NewArgs {
    /// The folder to make; its last part names the DAG
    #[arg(value_name = "NAME")]
    pub(crate) path: PathBuf,
    /// The language to write in
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    pub(crate) lang: Language,
}

/// Languages with an SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Language {
    /// Rust
    Rust,
}

impl Language {
    /// File names and texts; `{{name}}` is the crate, `{{dag}}` the DAG's function.
    const fn template(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Rust => &[
                (
                    "Cargo.toml",
                    include_str!("templates/rust/Cargo.toml.template"),
                ),
                ("src/lib.rs", include_str!("templates/rust/lib.rs.template")),
                (
                    ".gitignore",
                    include_str!("templates/rust/gitignore.template"),
                ),
                (
                    "README.md",
                    include_str!("templates/rust/README.md.template"),
                ),
            ],
        }
    }
}

/// Makes the folder and says what to do next.
pub(crate) fn run(args: &NewArgs) -> Result<Exit, Problems> {
    create(args)?;
    let path = args.path.display();
    anstream::println!("made {path}; next:\n\n  cd {path}\n  wfctl build\n  wfctl run");
    Ok(Exit::Success)
}

/// Makes the folder.
pub(crate) fn create(args: &NewArgs) -> Result<(), Problem> {
    let name = name(&args.path)?;
    let dag = name.replace('-', "_");
    check_empty(&args.path)?;
    for (file, text) in args.lang.template() {
        let path = args.path.join(file);
        let text = text.replace("{{name}}", &name).replace("{{dag}}", &dag);
        fs::create_dir_all(path.parent().expect("a file stands in the folder"))
            .and_then(|()| fs::write(&path, text))
            .map_err(|error| Problem::io("write", &path, &error))?;
    }
    match args.lang {
        Language::Rust => build::supply_sdk(&args.path),
    }
}

/// The last part of the path, if it can name a crate and a DAG.
fn name(path: &Path) -> Result<String, Problem> {
    let name = path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let reserved = [
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
    if !name.starts_with(|c: char| c.is_ascii_lowercase()) || !name.chars().all(fits) {
        return Err(
            Problem::new(Code::Usage, format!("{name:?} can't name a DAG")).help(
                "use letters, digits, '_' and '-', and start with a small letter: wfctl new quakes",
            ),
        );
    }
    // The name becomes a function's, which can't be a word of the language.
    if reserved.contains(&name.as_str()) || KEYWORDS.contains(&name.as_str()) {
        return Err(
            Problem::new(Code::Usage, format!("{name:?} is a word of Rust itself"))
                .help(format!("choose another name: wfctl new my-{name}")),
        );
    }
    Ok(name)
}

/// Rust's keywords (the Reference, 'Keywords'), those that may be names left out.
const KEYWORDS: [&str; 49] = [
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
            assert!(name(Path::new(good)).is_ok(), "{good}");
        }
        for bad in ["", "..", "Quakes", "1st", "a b", "é", "match", "test"] {
            assert!(name(Path::new(bad)).is_err(), "{bad}");
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
