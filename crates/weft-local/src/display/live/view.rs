//! The state of a run's tasks while it goes on, kept from notices.

use crate::{
    clock::Micros,
    display::{AttemptEnd, Facts, Notice},
    history::State,
};
use std::{
    collections::{BTreeSet, VecDeque},
    sync::Arc,
    time::{Duration, Instant},
};
use weft_api::text;
use weft_core::run::Instance;
use weft_sandbox::GuestEvent;

/// Lines of an ended task that stay in view while there is room.
const MAX_RECENT: usize = 8;

/// What a frame shows.
pub(super) struct View {
    pub(super) facts: Arc<Facts>,
    pub(super) tasks: Vec<TaskView>,
    pub(super) began: Instant,
    pub(super) running: BTreeSet<u32>,
    pub(super) failed: BTreeSet<u32>,
    pub(super) recent: VecDeque<u32>,
    /// Tasks that are over.
    pub(super) over: usize,
    pub(super) cancelling: bool,
    pub(super) id_width: usize,
    /// The tasks of this run.
    pub(super) count: usize,
}

/// What is known of one task and all its instances.
#[derive(Clone)]
pub(super) struct TaskView {
    pub(super) state: State,
    pub(super) instances: u32,
    pub(super) over: u32,
    pub(super) running: u32,
    pub(super) failed: u32,
    pub(super) progress: Option<(f64, String)>,
    pub(super) began: Option<Micros>,
    pub(super) took: Option<Duration>,
    pub(super) note: String,
}

impl TaskView {
    const NEW: Self = Self {
        state: State::Waiting,
        instances: 1,
        over: 0,
        running: 0,
        failed: 0,
        progress: None,
        began: None,
        took: None,
        note: String::new(),
    };
}

impl View {
    pub(super) fn new(facts: Arc<Facts>) -> Self {
        let id_width = facts
            .tasks
            .iter()
            .map(|task| task.id.chars().count())
            .max()
            .unwrap_or(0)
            .clamp(8, 32);
        Self {
            count: facts.count(),
            tasks: vec![TaskView::NEW; facts.tasks.len()],
            facts,
            began: Instant::now(),
            running: BTreeSet::new(),
            failed: BTreeSet::new(),
            recent: VecDeque::new(),
            over: 0,
            cancelling: false,
            id_width,
        }
    }

    pub(super) fn notice(&mut self, notice: &Notice<'_>) {
        match notice {
            Notice::RunStarted { .. } => self.began = Instant::now(),
            Notice::Expanded {
                task, instances, ..
            } => self.tasks[task.as_usize()].instances = *instances,
            Notice::AttemptStarted { at, attempt } => {
                let index = attempt.instance.task.0;
                let task = &mut self.tasks[index as usize];
                task.running += 1;
                task.state = State::Running;
                task.began.get_or_insert(*at);
                task.note.clear();
                self.running.insert(index);
            }
            Notice::Guest { attempt, event } => {
                if let GuestEvent::Progress { fraction, message } = event {
                    self.tasks[attempt.instance.task.as_usize()].progress =
                        Some((*fraction, message.clone()));
                }
            }
            Notice::AttemptEnded {
                at, attempt, end, ..
            } => {
                let task = &mut self.tasks[attempt.instance.task.as_usize()];
                task.running = task.running.saturating_sub(1);
                task.progress = None;
                let (state, note) = match end {
                    AttemptEnd::Success => (Some(State::Success), String::new()),
                    AttemptEnd::Skipped { reason } => (
                        Some(State::Skipped),
                        text::line(reason.unwrap_or_default(), 80),
                    ),
                    AttemptEnd::Deferred { until } => {
                        task.state = State::Deferred;
                        (
                            None,
                            until.map_or_else(String::new, |until| format!("waits until {until}")),
                        )
                    }
                    AttemptEnd::Failed {
                        retry_at: Some(_), ..
                    } => {
                        task.state = State::UpForRetry;
                        (
                            None,
                            format!("tries again (attempt {} failed)", attempt.number),
                        )
                    }
                    AttemptEnd::Failed { failure, .. } => {
                        task.failed += 1;
                        (Some(State::Failed), text::line(&failure.message, 120))
                    }
                    AttemptEnd::Stopped => (Some(State::Cancelled), String::new()),
                };
                task.note = note;
                self.after(attempt.instance, *at, state);
            }
            Notice::Settled {
                at,
                instance,
                state,
            } => self.after(*instance, *at, Some(*state)),
            Notice::Cancelling { .. } => self.cancelling = true,
        }
    }

    /// An attempt or an instance is over.
    fn after(&mut self, instance: Instance, at: Micros, ended_as: Option<State>) {
        let index = instance.task.0;
        let mapped = self.facts.task(instance.task).mapped;
        let task = &mut self.tasks[index as usize];
        if task.running == 0 {
            self.running.remove(&index);
        } else {
            task.state = State::Running;
        }
        let Some(state) = ended_as else { return };
        task.over += 1;
        if state == State::Failed {
            self.failed.insert(index);
        }
        if task.over < task.instances.max(1) {
            return;
        }
        task.state = if task.failed > 0 {
            State::Failed
        } else if mapped && task.began.is_some() {
            State::Success
        } else {
            state
        };
        task.took = task.began.map(|began| at.since(began));
        self.over += 1;
        self.recent.push_front(index);
        self.recent.truncate(MAX_RECENT);
    }
}
