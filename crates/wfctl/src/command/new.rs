//! `wfctl new`: makes a folder with a DAG that builds and runs as it is.

use std::path::PathBuf;
use weft_api::problem::{Exit, Problems};
use weft_build::new_project;

/// Create a folder with a new DAG
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl new quakes
  wfctl new quakes --lang python
  wfctl new quakes --lang ts
  wfctl new quakes --lang go
  wfctl new quakes --lang c
  cd quakes && wfctl build && wfctl run")]
pub(crate) struct NewArgs {
    /// The folder to make; its last part names the DAG
    #[arg(value_name = "NAME")]
    path: PathBuf,
    /// The language to write in
    #[arg(long, value_enum, default_value_t = Language::Rust)]
    lang: Language,
}

/// Languages with an SDK.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Language {
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

impl From<Language> for new_project::Language {
    fn from(language: Language) -> Self {
        match language {
            Language::Rust => Self::Rust,
            Language::Python => Self::Python,
            Language::Ts => Self::Ts,
            Language::Js => Self::Js,
            Language::Go => Self::Go,
            Language::C => Self::C,
        }
    }
}

/// Makes the folder and prints what to do next.
pub(crate) fn run(args: &NewArgs) -> Result<Exit, Problems> {
    new_project::create(&args.path, args.lang.into())?;
    let path = args.path.display();
    anstream::println!("made {path}; next:\n\n  cd {path}\n  wfctl build\n  wfctl run");
    Ok(Exit::Success)
}
