//! stub
use crate::workspace::Workspace;
use anyhow::Result;
pub(crate) fn run(_: &Workspace) -> Result<()> {
    Ok(())
}
