//! Tasks of a mapped group: the rule of each decides for every instance by itself, by the
//! instances of its upstreams in the group that have the same index.
//!
//! What is upstream outside of the group counts for all instances alike, and has to have ended before the
//! task is expanded, unless its rule doesn't wait for it.

use super::{Action, Body, Cause, Instance, Run, RunState, Tag, cell::Class, counting::slot};
use crate::{
    document::TaskIndex,
    trigger_rule::{Tally, Verdict},
};
use std::ops::Range;

impl Run {
    /// The upstreams that an instance waits for. Of an expanded task that are those in its mapped group
    /// whose instance with its index has not ended; otherwise all that have instances which have not.
    pub fn unfinished_upstreams(&self, instance: Instance) -> Vec<TaskIndex> {
        let step = self.plan.step(instance.task);
        if self.is_expanded(instance.task) {
            let pending =
                |up: &TaskIndex| self.class_at(*up, instance.index) == Some(Class::Pending);
            step.by_index().iter().copied().filter(pending).collect()
        } else {
            let pending = |up: &TaskIndex| self.counts(*up).unfinished() > 0;
            step.upstreams.iter().copied().filter(pending).collect()
        }
    }

    /// What the rule of a task says that is not expanded. It runs, which is to say that it is
    /// expanded, once its instances can be decided one by one.
    pub(super) fn verdict_in_group(&self, task: TaskIndex) -> Verdict {
        let mut upstreams = self.tasks[task.as_usize()].upstreams;
        let outside_has_ended = upstreams.pending == 0;
        let (mut unexpanded, mut expanded) = (false, false);
        for upstream in self.plan.step(task).by_index() {
            match &self.tasks[upstream.as_usize()].body {
                Body::Excluded => {}
                Body::One(cell) if cell.tag.is_ended() => {
                    *slot(&mut upstreams, cell.tag.class()) += 1;
                }
                Body::One(_) => {
                    unexpanded = true;
                    upstreams.pending += 1;
                }
                Body::Many(_) => {
                    expanded = true;
                    upstreams.pending += 1;
                }
            }
        }
        match self.verdict_on(task, upstreams, |setup| self.tally_of(setup)) {
            Verdict::Wait if outside_has_ended && expanded && !unexpanded => Verdict::Run,
            verdict => verdict,
        }
    }

    /// Applies the rule to instances of an expanded task that still wait for it.
    pub(super) fn decide_instances(
        &mut self,
        task: TaskIndex,
        range: Range<u32>,
        actions: &mut Vec<Action>,
    ) {
        for index in range {
            let instance = Instance { task, index };
            let Body::Many(many) = &self.tasks[task.as_usize()].body else {
                return;
            };
            let Some(outside) = many.outside else {
                return;
            };
            let waits = many.get(index).is_some_and(|cell| cell.tag == Tag::Waiting);
            // `max_active` blocks what the rule lets run already.
            let is_due = self.pauses.get(&instance).is_some_and(|pause| pause.due);
            if !waits || is_due {
                continue;
            }
            match self.verdict_of_instance(instance, outside) {
                Verdict::Wait => {}
                Verdict::Run => self.make_ready(instance, actions),
                Verdict::Skip => self.end(instance, Tag::Skipped, Cause::Rule, actions),
                Verdict::UpstreamFailed => {
                    self.end(instance, Tag::UpstreamFailed, Cause::Rule, actions);
                }
            }
        }
    }

    fn verdict_of_instance(&self, instance: Instance, outside: Tally) -> Verdict {
        let step = self.plan.step(instance.task);
        let mut upstreams = outside;
        for upstream in step.by_index() {
            if let Some(class) = self.class_at(*upstream, instance.index) {
                *slot(&mut upstreams, class) += 1;
            }
        }
        self.verdict_on(instance.task, upstreams, |setup| {
            if !step.follows(setup) {
                return self.tally_of(setup);
            }
            let mut tally = Tally::default();
            // One that is no part of this run counts as one that succeeded.
            let class = self.class_at(setup, instance.index);
            *slot(&mut tally, class.unwrap_or(Class::Success)) += 1;
            tally
        })
    }

    /// How an instance counts for those with its index; nothing if the task is no part of this run.
    fn class_at(&self, task: TaskIndex, index: u32) -> Option<Class> {
        match &self.tasks[task.as_usize()].body {
            Body::Excluded => None,
            // It ended before it was expanded, or has yet to be.
            Body::One(cell) => Some(cell.tag.class()),
            Body::Many(many) => Some(match many.get(self.faults.deciding_index(index)) {
                Some(cell) => cell.tag.class(),
                // The list had more elements when the other task was expanded.
                None => Class::Skipped,
            }),
        }
    }

    /// An instance changed: those that depend on it are decided when the event is settled.
    pub(super) fn look_at_followers(&mut self, instance: Instance) {
        let index = match &self.tasks[instance.task.as_usize()].body {
            Body::Many(_) => instance.index..instance.index + 1,
            // It counts for every index.
            Body::One(_) | Body::Excluded => 0..u32::MAX,
        };
        self.look_at_followers_of(instance.task, index);
    }

    /// A task was expanded: what followed instances that it had before and has no more is decided.
    pub(super) fn look_at_followers_beyond(&mut self, task: TaskIndex) {
        if !self.plan.has_mapped_groups {
            return;
        }
        if let Body::Many(many) = &self.tasks[task.as_usize()].body {
            let beyond = many.total..u32::MAX;
            self.look_at_followers_of(task, beyond);
        }
    }

    /// Puts the instances with these indexes on the agenda, of all expanded tasks that follow this one.
    pub(super) fn look_at_followers_of(&mut self, task: TaskIndex, indexes: Range<u32>) {
        if !self.plan.has_mapped_groups || self.state != RunState::Running {
            return;
        }
        for at in self.plan.downstreams.span(task) {
            let downstream = self.plan.downstreams.target(at);
            if self.plan.step(downstream).follows(task) {
                self.look_at_instances(downstream, indexes.clone());
            }
        }
    }

    /// Puts instances of an expanded task on the agenda.
    pub(super) fn look_at_instances(&mut self, task: TaskIndex, indexes: Range<u32>) {
        let Body::Many(many) = &self.tasks[task.as_usize()].body else {
            return;
        };
        let indexes = indexes.start..indexes.end.min(many.total);
        if indexes.is_empty() {
            return;
        }
        let rank = self.plan.ranks[task.as_usize()];
        let ranges = self.instance_agenda.entry(rank).or_default();
        match ranges.last_mut() {
            Some(last) if last.end == indexes.start => last.end = indexes.end,
            Some(_) | None => ranges.push(indexes),
        }
    }
}
