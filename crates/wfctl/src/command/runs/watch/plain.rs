//! A followed run as lines: what ended, what failed and will be tried again.
//! A mapped task is one line when all its instances are over, and one for each
//! that fails.

use super::{Standing, Watch, headline, label};
use crate::table::{self, tally};
use std::collections::HashSet;
use weft_api::{Change, InstanceChange, InstanceState, text};

#[derive(Debug, Default)]
pub(super) struct PlainLines {
    has_begun: bool,
    mapped: HashSet<String>,
    /// Tasks whose end was printed.
    printed: HashSet<String>,
}

/// A reader that went away wants no more; the run's end still gives the exit code.
fn say(line: &str) {
    drop(table::write(&format!("{line}\n")));
}

impl PlainLines {
    fn instance(&mut self, change: &InstanceChange) {
        let label = label(&change.task, change.index);
        let is_mapped = self.mapped.contains(&change.task);
        match change.state {
            InstanceState::Failed => say(&format!("✗ {label} failed (attempt {})", change.attempt)),
            InstanceState::UpForRetry => say(&format!(
                "↻ {label} failed, will be tried again (attempt {})",
                change.attempt
            )),
            InstanceState::Deferred if !is_mapped => say(&format!("◔ {label} waits")),
            InstanceState::Success if !is_mapped => say(&format!("✓ {label}")),
            InstanceState::Skipped | InstanceState::UpstreamFailed | InstanceState::Cancelled
                if !is_mapped =>
            {
                say(&format!(
                    "– {label} {}",
                    change.state.as_str().replace('_', " ")
                ));
            }
            InstanceState::Deferred
            | InstanceState::Success
            | InstanceState::Skipped
            | InstanceState::UpstreamFailed
            | InstanceState::Cancelled
            | InstanceState::Waiting
            | InstanceState::Expanding
            | InstanceState::Ready
            | InstanceState::Queued
            | InstanceState::Running => {}
        }
    }

    fn mapped(&mut self, standing: &Standing) {
        for task in standing.tasks.iter().filter(|task| task.mapped) {
            let (over, all) = tally::progress(&task.counts);
            if all > 0
                && over == all
                && task.counts.waiting == 0
                && self.printed.insert(task.task.clone())
            {
                let count = usize::try_from(task.instances).unwrap_or(usize::MAX);
                let mark = if task.counts.failed > 0 { '✗' } else { '✓' };
                say(&format!(
                    "{mark} {}: {} ({})",
                    task.task,
                    text::counted(count, "instance"),
                    tally::phrase(&task.counts)
                ));
            }
        }
    }
}

impl Watch for PlainLines {
    fn change(&mut self, change: &Change) {
        match change {
            Change::Instance(change) => self.instance(change),
            Change::Run(_) => {}
        }
    }

    fn standing(&mut self, standing: &Standing) {
        if !std::mem::replace(&mut self.has_begun, true) {
            let mapped = standing.tasks.iter().filter(|task| task.mapped);
            self.mapped = mapped.map(|task| task.task.clone()).collect();
            say(&headline(&standing.run));
        }
        self.mapped(standing);
    }

    fn tick(&mut self) {}

    fn end(&mut self, standing: &Standing) {
        self.mapped(standing);
        say(&headline(&standing.run));
    }
}
