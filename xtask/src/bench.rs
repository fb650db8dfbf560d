//! stub
use crate::workspace::Workspace;
use anyhow::Result;
#[derive(clap::Args)]
pub(crate) struct BenchArgs {}
pub(crate) fn run(_: &Workspace, _: &BenchArgs) -> Result<()> {
    Ok(())
}
