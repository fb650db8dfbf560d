//! Checks that rows agree with events, and that an outcome counts once.

use super::{Auditor, Seen};
use crate::installation::tables::Tables;
use std::collections::BTreeSet;
use weft_broker::ReportedOutcome;
use weft_core::{
    digest::Digest,
    run::{Attempt, InstanceState, RunState},
    run_id::RunId,
};
use weft_store::{InstanceRow, InstanceTag, RunUpdate, Turn};

impl Auditor {
    pub(super) fn check_rows(&mut self, turn: &Turn, seen: &Seen<'_>) -> Result<(), String> {
        for update in &turn.runs {
            self.check_run(update, seen)?;
        }
        let with_events: BTreeSet<RunId> = turn.events.iter().map(|chunk| chunk.run).collect();
        for row in &turn.instances {
            let is_early = row.state == InstanceTag::Cancelled && !with_events.contains(&row.run);
            if is_early {
                self.watch(row.run, seen.tables)?.is_written_in_portions = true;
            } else {
                self.check_instance(row, seen.tables)?;
            }
        }
        let cleared = turn.cleared.iter().map(|cleared| cleared.run);
        let revoked = turn.attempts.iter().map(|attempt| attempt.run);
        for id in cleared.chain(revoked) {
            if let Some(run) = self.runs.get_mut(&id)
                && !with_events.contains(&id)
            {
                run.is_written_in_portions = true;
            }
        }
        Ok(())
    }

    fn check_run(&mut self, update: &RunUpdate, seen: &Seen<'_>) -> Result<(), String> {
        let id = update.id;
        let run = self.watch(id, seen.tables)?;
        if run.broken {
            return Ok(());
        }
        let state = run.machine.state();
        if update.state != state {
            if seen.tables.unwritable.contains(&id) && update.state == RunState::Failed {
                run.broken = true;
                return Ok(());
            }
            return Err(format!(
                "the row of run {id} has {:?}, its events have {state:?}",
                update.state
            ));
        }
        if update.counts != run.machine.totals() {
            return Err(format!(
                "the row of run {id} counts {:?}, its events {:?}",
                update.counts,
                run.machine.totals()
            ));
        }
        if state.is_ended() != update.ended.is_some() {
            return Err(format!(
                "run {id} is {state:?} and ended {:?}",
                update.ended
            ));
        }
        Ok(())
    }

    fn check_instance(&mut self, row: &InstanceRow, tables: &Tables) -> Result<(), String> {
        let id = row.run;
        let instance = row.instance;
        let Some(run) = self.runs.get_mut(&id) else {
            return Err(format!(
                "a row of {instance:?} of run {id}, which has no events"
            ));
        };
        let tag = run.machine.instance(instance).and_then(tag);
        if tag != Some(row.state) {
            return Err(format!(
                "the row of {instance:?} of run {id} has {:?}, its events have {tag:?}",
                row.state
            ));
        }
        let number = run.machine.next_number(instance).map_or(0, |next| next - 1);
        if row.number != number {
            return Err(format!(
                "the row of {instance:?} of run {id} is of attempt {}, the last one is {number}",
                row.number
            ));
        }
        let Some(output) = &row.output else {
            return Ok(());
        };
        if row.state != InstanceTag::Success {
            return Err(format!(
                "{instance:?} of run {id} is {:?}, and its row has the output {output:?}",
                row.state
            ));
        }
        let text = &tables
            .text_of(output)
            .ok_or("an output is not in the blob store")?;
        let counted = run.counted.entry((instance, row.number));
        let counted = counted.or_insert_with(|| output.clone());
        if counted != output {
            return Err(format!(
                "two outcomes of {instance:?} of run {id} counted: {counted:?} and {output:?}"
            ));
        }
        let attempt = Attempt {
            instance,
            number: row.number,
            nonce: row.nonce,
        };
        let made = self.made.get(&(id, attempt));
        let reported = made.into_iter().flatten().any(|made| match made {
            ReportedOutcome::Success { output } | ReportedOutcome::Branch { tasks: _, output } => {
                match output {
                    weft_broker::Output::Inline(made) => made == text,
                    weft_broker::Output::Blob { digest, .. } => {
                        *digest == Digest::of(text.as_bytes())
                    }
                }
            }
            ReportedOutcome::Skipped { .. }
            | ReportedOutcome::Deferred { .. }
            | ReportedOutcome::Failed(_) => false,
        });
        if !reported {
            return Err(format!(
                "no worker reported the output {text} of {attempt:?} of run {id}"
            ));
        }
        let outputs = run.outputs.entry(instance).or_default();
        if !outputs.contains(text) {
            outputs.push(text.clone());
        }
        Ok(())
    }
}

fn tag(state: InstanceState) -> Option<InstanceTag> {
    Some(match state {
        InstanceState::Waiting | InstanceState::Expanding => return None,
        InstanceState::Ready => InstanceTag::Ready,
        InstanceState::Queued { .. } => InstanceTag::Queued,
        InstanceState::Running { .. } => InstanceTag::Running,
        InstanceState::UpForRetry { .. } => InstanceTag::UpForRetry,
        InstanceState::Deferred { .. } => InstanceTag::Deferred,
        InstanceState::Success => InstanceTag::Success,
        InstanceState::Failed => InstanceTag::Failed,
        InstanceState::Skipped => InstanceTag::Skipped,
        InstanceState::UpstreamFailed => InstanceTag::UpstreamFailed,
        InstanceState::Cancelled => InstanceTag::Cancelled,
    })
}
