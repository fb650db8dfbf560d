//! The web UI on a generated installation of 500 DAGs and 100,000 runs, in a real browser.

use super::{harness, measurement::Measurement};
use crate::{test::web_ui, tools, wfctl::Wfctl, workspace::Workspace};
use anyhow::Result;

/// The subject's name.
pub(crate) const NAME: &str = "web UI";

/// Generates the installation, and measures each view several times.
pub(crate) fn measure(workspace: &Workspace, wfctl: &Wfctl) -> Result<Vec<Measurement>> {
    web_ui::install(workspace)?;
    let mut npm = web_ui::npm(workspace)?;
    npm.args(["run", "--silent", "bench"])
        .env("CHROMIUM", tools::chromium()?)
        .env("WFCTL", wfctl.program());
    harness::read(&mut npm, NAME)
}
