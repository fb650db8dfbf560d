//! `Event::Start`.

use super::{Action, Moment, Rejection, Run, RunState, Timer};

impl Run {
    pub(super) fn start(&mut self, at: Moment, actions: &mut Vec<Action>) -> Result<(), Rejection> {
        match self.state {
            RunState::Pending => {}
            RunState::Running => return Err(Rejection::WrongState),
            RunState::Success | RunState::Failed | RunState::Cancelled => {
                return Err(Rejection::RunEnded);
            }
        }
        self.open(at, actions);
        for (rank, task) in (0_u32..).zip(&self.plan.by_rank) {
            let cell = &self.tasks[task.0 as usize];
            // Nothing else can be decided yet but what was marked beforehand.
            if cell.is_waiting() {
                self.agenda.insert(rank);
            }
        }
        Ok(())
    }

    /// The run is running from now on.
    pub(super) fn open(&mut self, at: Moment, actions: &mut Vec<Action>) {
        if self.state != RunState::Running {
            self.state = RunState::Running;
            actions.push(Action::RunChanged {
                state: RunState::Running,
            });
        }
        self.stopped = false;
        self.ending = None;
        self.episode = self.episode.saturating_add(1);
        self.timeout_at = self
            .plan
            .bounds
            .run_timeout
            .map(|timeout| at.now.plus(timeout));
        if let Some(at) = self.timeout_at {
            let timer = Timer::RunTimeout {
                episode: self.episode,
            };
            actions.push(Action::SetTimer { timer, at });
        }
    }
}
