//! Updates every count with the instances: the states of each task and of all tasks
//! together, the states of each task's upstreams, unfinished instances and failed
//! leaves.
//!
//! Nothing else changes a count.

use super::{
    Body, Cell, Check, Instance, Run, RunState, TAGS, TaskCell,
    cell::{Class, Tag},
};
use crate::{document::TaskIndex, trigger_rule::Tally};

impl TaskCell {
    pub(super) fn new(included: bool, upstreams: u32, leaf: bool) -> Self {
        let mut counts = [0; TAGS];
        counts[Tag::Waiting as usize] = u32::from(included);
        Self {
            body: if included {
                Body::One(Cell::fresh(Tag::Waiting, 0))
            } else {
                Body::Excluded
            },
            upstreams: Tally {
                pending: upstreams,
                ..Tally::default()
            },
            counts,
            generation: 0,
            highest: 0,
            precondition: Check::Open,
            leaf,
        }
    }

    /// Whether its rule has not decided yet.
    pub(super) fn is_waiting(&self) -> bool {
        matches!(
            self.body,
            Body::One(Cell {
                tag: Tag::Waiting,
                ..
            })
        )
    }

    pub(super) fn count(&self, tag: Tag) -> u32 {
        self.counts[tag as usize]
    }
}

pub(super) fn slot(tally: &mut Tally, class: Class) -> &mut u32 {
    match class {
        Class::Pending => &mut tally.pending,
        Class::Success => &mut tally.success,
        Class::Skipped => &mut tally.skipped,
        Class::Failed => &mut tally.failed,
        Class::UpstreamFailed => &mut tally.upstream_failed,
    }
}

impl Run {
    /// Moves an instance to another state and counts it there.
    pub(super) fn shift(&mut self, instance: Instance, to: Tag) {
        let cell = self.cell_mut(instance);
        let from = std::mem::replace(&mut cell.tag, to);
        if to.is_ended() && !self.pauses.is_empty() {
            self.pauses.remove(&instance);
        }
        self.recount(instance.task, from, to, 1);
        if self.plan.has_mapped_groups
            && from.class() != to.class()
            && self.faults.decides_after(to)
        {
            self.look_at_followers(instance);
        }
    }

    /// Counts `instances` of a task at another state.
    pub(super) fn recount(&mut self, task: TaskIndex, from: Tag, to: Tag, instances: u32) {
        let counted = &mut self.tasks[task.0 as usize];
        counted.counts[from as usize] -= instances;
        counted.counts[to as usize] += instances;
        self.totals[from as usize] -= u64::from(instances);
        self.totals[to as usize] += u64::from(instances);
        let (from, to) = (from.class(), to.class());
        if from == to {
            return;
        }
        if from == Class::Pending {
            self.unfinished -= u64::from(instances);
        } else if to == Class::Pending {
            self.unfinished += u64::from(instances);
        }
        if counted.leaf {
            let failing = |class| matches!(class, Class::Failed | Class::UpstreamFailed);
            match (failing(from), failing(to)) {
                (false, true) => self.failed_leaves += u64::from(instances),
                (true, false) => self.failed_leaves -= u64::from(instances),
                (true, true) | (false, false) => {}
            }
        }
        self.each_downstream(task, |tally| {
            *slot(tally, from) -= instances;
            *slot(tally, to) += instances;
        });
    }

    /// Gives a task other instances, counted as `counts`.
    pub(super) fn replace(&mut self, task: TaskIndex, body: Body, counts: [u32; TAGS]) {
        let replaced = &mut self.tasks[task.0 as usize];
        replaced.body = body;
        let before = std::mem::replace(&mut replaced.counts, counts);
        let leaf = replaced.leaf;
        for (total, (before, after)) in self.totals.iter_mut().zip(before.iter().zip(&counts)) {
            *total = *total - u64::from(*before) + u64::from(*after);
        }
        let (before, after) = (tally(&before), tally(&counts));
        self.unfinished = self.unfinished - u64::from(before.pending) + u64::from(after.pending);
        if leaf {
            let failing = |tally: Tally| u64::from(tally.failed) + u64::from(tally.upstream_failed);
            self.failed_leaves = self.failed_leaves - failing(before) + failing(after);
        }
        if !self.faults.counts_downstream(after.pending) {
            return;
        }
        self.each_downstream(task, |tally| {
            tally.pending = tally.pending - before.pending + after.pending;
            tally.success = tally.success - before.success + after.success;
            tally.skipped = tally.skipped - before.skipped + after.skipped;
            tally.failed = tally.failed - before.failed + after.failed;
            tally.upstream_failed =
                tally.upstream_failed - before.upstream_failed + after.upstream_failed;
        });
        self.look_at_followers_beyond(task);
    }

    /// Changes the tally of each downstream; those that still wait are looked
    /// at again when the event is settled.
    fn each_downstream(&mut self, task: TaskIndex, change: impl Fn(&mut Tally)) {
        let running = self.state == RunState::Running;
        for at in self.plan.downstreams.span(task) {
            let downstream = self.plan.downstreams.target(at).0 as usize;
            let follows = self.plan.has_mapped_groups && self.plan.steps[downstream].follows(task);
            let cell = &mut self.tasks[downstream];
            if !follows {
                change(&mut cell.upstreams);
            }
            if running && cell.is_waiting() {
                self.agenda.insert(self.plan.ranks[downstream]);
            }
        }
    }
}

/// How downstreams count a task's instances.
pub(super) fn tally(counts: &[u32; TAGS]) -> Tally {
    let mut tally = Tally::default();
    for tag in Tag::ALL {
        *slot(&mut tally, tag.class()) += counts[tag as usize];
    }
    tally
}
