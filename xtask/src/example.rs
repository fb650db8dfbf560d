//! stub
use crate::workspace::Workspace;
use anyhow::Result;
pub(crate) fn check(_: &Workspace) -> Result<()> {
    Ok(())
}
