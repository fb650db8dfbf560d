//! Each success of a task with outlets updates them, and every update creates the runs that it should.

use super::{Auditor, Seen};
use crate::installation::truth::Truth;
use weft_store::{InstanceTag, RunKind, Turn};

impl Auditor {
    /// Checks that a turn with a success updates what the task says.
    pub(super) fn check_updates(&mut self, turn: &Turn, seen: &mut Seen<'_>) -> Result<(), String> {
        for row in &turn.instances {
            if row.state != InstanceTag::Success || row.cause != "outcome" {
                continue;
            }
            let Some(parsed) = self.parsed_of(row.run, seen.tables) else {
                continue;
            };
            for asset in &parsed.dag.tasks[row.instance.task.as_usize()].outlets {
                seen.coverage.add("committed: asset updated");
                if !seen
                    .tables
                    .has_update((row.run, row.instance, row.nonce), asset)
                {
                    return Err(format!(
                        "{:?} of run {} succeeded, and {asset} was not updated",
                        row.instance, row.run
                    ));
                }
            }
        }
        for new in &turn.new_runs {
            if new.kind == RunKind::Assets {
                seen.coverage.add("committed: run created by assets");
            }
        }
        Ok(())
    }
}

impl Truth {
    /// An update that a run should have been created of.
    pub(super) fn unused_update(&self) -> Option<String> {
        let dag = self.tables.dag_to_run()?;
        Some(format!(
            "updates of assets should have created a run of {dag:?}"
        ))
    }
}
