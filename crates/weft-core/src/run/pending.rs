//! Pending timers and attempts of a run, derived from its state, for a driver that replayed the
//! run from its record and so never saw the actions.

use super::{
    Action, Attempt, Body, Check, Instance, Run, RunState, Tag, Timer, cell::Cell, many::Many,
};
use crate::{document::TaskIndex, time::Timestamp};
use std::ops::Range;

/// How far an attempt has come that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// Committed, on its way to a worker.
    Queued,
    /// Claimed by a worker.
    Running,
}

/// An attempt that has not ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct LiveAttempt {
    /// The attempt, queued or running.
    pub attempt: Attempt,
    /// How far it has come.
    pub phase: Phase,
}

impl Run {
    /// What the run requested and still waits for: `Expand` of every task that
    /// is expanding, `CheckPrecondition` of every one that waits for its check, `Ready` of every ready instance, `SetTimer` of every wait
    /// that ends by itself and of the run's own timeout; nothing else, and
    /// nothing twice. Tasks in the author's order, then timers.
    ///
    /// O(tasks), plus the touched instances of mapped tasks with ready ones.
    pub fn pending(&self) -> impl Iterator<Item = Action> + '_ {
        self.plan
            .tasks()
            .flat_map(|task| self.pending_of(task))
            .chain(self.waits())
            .chain(self.timeout())
    }

    /// Every attempt that is queued or running, tasks in the author's order.
    ///
    /// O(tasks), plus the touched instances of mapped tasks with live ones.
    pub fn live_attempts(&self) -> impl Iterator<Item = LiveAttempt> + '_ {
        self.plan
            .tasks()
            .filter(|task| {
                let cell = &self.tasks[task.0 as usize];
                cell.count(Tag::Queued) + cell.count(Tag::Running) > 0
            })
            .flat_map(|task| self.touched(task))
            .filter_map(|(instance, tag)| {
                let phase = match tag {
                    Tag::Queued => Phase::Queued,
                    Tag::Running => Phase::Running,
                    Tag::Waiting
                    | Tag::Expanding
                    | Tag::Ready
                    | Tag::UpForRetry
                    | Tag::Deferred
                    | Tag::Success
                    | Tag::Failed
                    | Tag::Skipped
                    | Tag::UpstreamFailed
                    | Tag::Cancelled => return None,
                };
                Some(LiveAttempt {
                    attempt: self.attempt_of(instance),
                    phase,
                })
            })
    }

    /// When the run has taken as long as it may; `None` where it may take for
    /// ever, isn't running, or is being stopped already.
    pub fn timeout_at(&self) -> Option<Timestamp> {
        self.timeout_at
            .filter(|_| self.state == RunState::Running && self.ending.is_none())
    }

    fn pending_of(&self, task: TaskIndex) -> Vec<Action> {
        let cell = &self.tasks[task.0 as usize];
        if cell.count(Tag::Expanding) > 0 {
            let generation = cell.generation;
            return vec![Action::Expand { task, generation }];
        }
        if cell.is_waiting() && cell.precondition == Check::Asked {
            let generation = cell.generation;
            return vec![Action::CheckPrecondition { task, generation }];
        }
        if cell.count(Tag::Ready) == 0 {
            return Vec::new();
        }
        let ready = |indexes| Action::Ready { task, indexes };
        match &cell.body {
            Body::Excluded => Vec::new(),
            Body::One(_) => vec![ready(0..1)],
            Body::Many(many) => ready_ranges(many).into_iter().map(ready).collect(),
        }
    }

    fn waits(&self) -> impl Iterator<Item = Action> + '_ {
        self.pauses.iter().filter_map(|(instance, pause)| {
            let at = pause.until.filter(|_| !pause.due)?;
            let cell = self.cell(*instance)?;
            matches!(cell.tag, Tag::UpForRetry | Tag::Deferred).then(|| Action::SetTimer {
                timer: timer(*instance, cell),
                at,
            })
        })
    }

    fn timeout(&self) -> Option<Action> {
        let timer = Timer::RunTimeout {
            episode: self.episode,
        };
        self.timeout_at().map(|at| Action::SetTimer { timer, at })
    }
}

fn timer(instance: Instance, cell: Cell) -> Timer {
    Timer::Instance {
        instance,
        number: cell.number,
    }
}

/// The ready instances of an expanded task, touched or not, as the fewest ranges in order.
fn ready_ranges(many: &Many) -> Vec<Range<u32>> {
    let mut ranges: Vec<Range<u32>> = Vec::new();
    let mut add = |from: u32, to: u32| {
        if from >= to {
            return;
        }
        match ranges.last_mut() {
            Some(last) if last.end == from => last.end = to,
            Some(_) | None => ranges.push(from..to),
        }
    };
    // Untouched instances before the cursor are ready, those of a stopped run aren't.
    let released = if many.stopped { 0 } else { many.released };
    let mut next = 0;
    for (index, cell) in many.touched() {
        add(next, index.min(released));
        if cell.tag == Tag::Ready {
            add(index, index + 1);
        }
        next = index + 1;
    }
    add(next, released);
    ranges
}
