//! Consequences of an applied event: tasks whose rule decides now, and the run's end.

use super::{Action, Body, Cause, Instance, Run, RunState, Tag, counting::tally};
use crate::{
    document::TaskIndex,
    teardown::Teardown,
    trigger_rule::{Tally, Verdict},
};

impl Run {
    /// Decides every task on the agenda, in topological order, and ends the run
    /// where nothing is unfinished.
    pub(super) fn settle(&mut self, actions: &mut Vec<Action>) {
        while let Some(rank) = self.next_on_the_agenda() {
            let task = self.plan.by_rank[rank as usize];
            if self.agenda.remove(&rank) && self.tasks[task.0 as usize].is_waiting() {
                self.decide(task, actions);
            }
            for range in self.instance_agenda.remove(&rank).unwrap_or_default() {
                self.decide_instances(task, range, actions);
            }
        }
        let over = match self.state {
            RunState::Running => self.faults.run_ends(self.unfinished),
            // A mark can change how an ended run ended.
            RunState::Success | RunState::Failed => !self.stopped,
            RunState::Pending | RunState::Cancelled => false,
        };
        let failed_leaves = self.faults.failed_leaves(self.failed_leaves);
        let end = match self.ending {
            Some(end) => end,
            None if failed_leaves > 0 => RunState::Failed,
            None => RunState::Success,
        };
        if over && self.state != end {
            self.ending = None;
            self.state = end;
            actions.push(Action::RunChanged { state: end });
        }
    }

    /// The first task in topological order that is to be decided, or instances of it.
    fn next_on_the_agenda(&self) -> Option<u32> {
        let tasks = self.agenda.first();
        let instances = self.instance_agenda.keys().next();
        tasks.into_iter().chain(instances).min().copied()
    }

    /// Applies branches and the trigger rule to a waiting task.
    fn decide(&mut self, task: TaskIndex, actions: &mut Vec<Action>) {
        let instance = Instance { task, index: 0 };
        if self.left_out_by_a_branch(task) {
            self.end(instance, Tag::Skipped, Cause::Branch, actions);
            return;
        }
        match self.verdict(task) {
            Verdict::Wait => {}
            Verdict::Skip => self.end(instance, Tag::Skipped, Cause::Rule, actions),
            Verdict::UpstreamFailed => {
                self.end(instance, Tag::UpstreamFailed, Cause::Rule, actions);
            }
            Verdict::Run if !self.precondition_holds(task) => {
                self.check_precondition(task, actions);
            }
            Verdict::Run => match &self.plan.steps[task.0 as usize].mapping {
                None => self.make_ready(instance, actions),
                Some(mapping)
                    if mapping
                        .sources
                        .iter()
                        .all(|source| self.has_output(*source)) =>
                {
                    self.shift(instance, Tag::Expanding);
                    let generation = self.tasks[task.0 as usize].generation;
                    actions.push(Action::Expand { task, generation });
                }
                Some(_) => self.end(instance, Tag::UpstreamFailed, Cause::NoSource, actions),
            },
        }
    }

    /// What the rule of a waiting task says.
    fn verdict(&self, task: TaskIndex) -> Verdict {
        if self.plan.has_mapped_groups && !self.plan.step(task).by_index().is_empty() {
            return self.verdict_in_group(task);
        }
        let upstreams = self.tasks[task.0 as usize].upstreams;
        self.verdict_on(task, upstreams, |setup| self.tally_of(setup))
    }

    /// What the rule of a task says to upstreams that ended like this.
    pub(super) fn verdict_on(
        &self,
        task: TaskIndex,
        upstreams: Tally,
        setup: impl Fn(TaskIndex) -> Tally,
    ) -> Verdict {
        let step = &self.plan.steps[task.0 as usize];
        match &step.teardown {
            None => {
                let (rule, upstreams) = self.faults.rule(step.rule, upstreams);
                rule.verdict(&upstreams)
            }
            Some(_) if upstreams.pending > 0 => Verdict::Wait,
            Some(teardown) => {
                let mut setups = Tally::default();
                for of in &teardown.setups {
                    setups += setup(*of);
                }
                Teardown::verdict(&upstreams, &self.faults.setups(setups))
            }
        }
    }

    /// How the instances of a task ended. One that is no part of this run counts as one that succeeded,
    /// as it does wherever its output is needed.
    pub(super) fn tally_of(&self, task: TaskIndex) -> Tally {
        let task = &self.tasks[task.as_usize()];
        match task.body {
            Body::Excluded => Tally {
                success: 1,
                ..Tally::default()
            },
            Body::One(_) | Body::Many(_) => tally(&task.counts),
        }
    }

    /// Whether a task can be mapped over: it succeeded; or it is mapped itself
    /// and all its instances ended, which makes the list of those that succeeded.
    fn has_output(&self, task: TaskIndex) -> bool {
        let source = &self.tasks[task.0 as usize];
        let mapped = self.plan.steps[task.0 as usize].mapping.is_some();
        match &source.body {
            // No task of this run makes it; the driver provides it.
            Body::Excluded => true,
            Body::One(cell) => cell.tag == Tag::Success || (mapped && cell.tag.is_ended()),
            Body::Many(_) => source
                .counts
                .iter()
                .zip(Tag::ALL)
                .all(|(count, tag)| *count == 0 || tag.is_ended()),
        }
    }

    fn left_out_by_a_branch(&self, task: TaskIndex) -> bool {
        if !self.faults.branch_skips() {
            return false;
        }
        self.plan.branches.upstream_of(task).iter().any(|branch| {
            self.choices
                .get(branch)
                .is_some_and(|choice| choice.left_out.binary_search(&task).is_ok())
        })
    }
}
