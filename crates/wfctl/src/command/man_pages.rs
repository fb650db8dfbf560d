//! `wfctl man-pages`: writes the manual pages that packages install.

use std::path::PathBuf;
use weft_api::problem::{Code, Exit, Problem, Problems};

/// Write a manual page for each command, for packages
#[derive(Debug, clap::Args)]
pub(crate) struct ManPagesArgs {
    /// An existing folder, where pages become files such as wfctl-run.1
    folder: PathBuf,
}

/// Writes one file for each command of `wfctl` that people see.
pub(crate) fn run(args: &ManPagesArgs, wfctl: clap::Command) -> Result<Exit, Problems> {
    clap_mangen::generate_to(wfctl, &args.folder).map_err(|error| {
        Problem::new(
            Code::DataUnavailable,
            format!("no manual pages in {}: {error}", args.folder.display()),
        )
    })?;
    Ok(Exit::Success)
}
