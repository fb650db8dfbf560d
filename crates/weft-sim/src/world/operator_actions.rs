//! Operators' actions, and forged messages.

use super::World;
use weft_core::{
    document::TaskIndex,
    run::{Attempt, Event, Indexes, Instance, Marked, Outcome, Selection, Timer},
};

impl World<'_> {
    /// Cancels, clears or marks as an operator.
    pub(super) fn act_as_operator(&mut self) -> Result<(), String> {
        self.operator_actions -= 1;
        let event = match self.rng.u32(0..10) {
            0 | 1 => Event::Cancel,
            2..=6 => Event::Clear(self.any_selection()),
            _ => {
                let instance = self.any_instance();
                let as_state =
                    [Marked::Success, Marked::Failed, Marked::Skipped][self.rng.usize(0..3)];
                Event::Mark { instance, as_state }
            }
        };
        self.feed(&event)
    }

    /// A forged message.
    pub(super) fn forged(&mut self) -> Event {
        let instance = self.any_instance();
        let number = self.rng.u32(0..4);
        if !self.attempts.is_empty() && self.rng.u32(0..3) > 0 {
            // The latest are the likeliest to be in progress.
            let back = self.rng.usize(0..self.attempts.len().min(8));
            let real = self.attempts[self.attempts.len() - 1 - back];
            let forged = if self.rng.bool() {
                self.coverage.add("fault: forged nonce");
                Attempt {
                    nonce: self.rng.u64(..),
                    ..real
                }
            } else {
                self.coverage.add("fault: forged number or instance");
                if self.rng.bool() {
                    Attempt { number, ..real }
                } else {
                    Attempt { instance, ..real }
                }
            };
            return match self.rng.u32(0..3) {
                0 => Event::Started { attempt: forged },
                1 => Event::Lost { attempt: forged },
                _ => Event::Finished {
                    attempt: forged,
                    outcome: Outcome::Success,
                },
            };
        }
        match self.rng.u32(0..8) {
            0 => Event::Start,
            6 => Event::PreconditionChecked {
                task: instance.task,
                generation: self.run.generation(instance.task).saturating_sub(1),
                runs: self.rng.bool(),
            },
            7 => Event::Due {
                timer: Timer::Deadline {
                    task: Some(instance.task),
                },
            },
            1 => Event::Dispatched {
                instance,
                nonce: self.rng.u64(..),
            },
            2 => Event::Woken { instance },
            3 => Event::Due {
                timer: Timer::Instance { instance, number },
            },
            4 => Event::Due {
                timer: Timer::RunTimeout { episode: 0 },
            },
            _ => {
                let task = instance.task;
                let generation = self.run.generation(task);
                // A real question must be answered once only, or the worlds with
                // and without this message could not be distinguished.
                let generation = generation.saturating_sub(1);
                Event::ExpandFailed {
                    task,
                    generation,
                    message: "forged".into(),
                }
            }
        }
    }

    fn any_selection(&mut self) -> Selection {
        let tasks = (0..self.rng.u32(0..3)).map(|_| self.any_task()).collect();
        let plain = Selection::of(tasks, self.rng.bool());
        match self.rng.u32(0..4) {
            0 => Selection {
                upstream: self.rng.bool(),
                only_failed: true,
                ..plain
            },
            1 => {
                let first = self.any_instance_of_many();
                let second = self.rng.u32(0..4);
                let ranges = [first.index..first.index + 1, second..second + 2];
                Selection {
                    tasks: vec![first.task],
                    indexes: Indexes::of(ranges).ok(),
                    upstream: self.rng.u32(0..8) == 0,
                    only_failed: self.rng.u32(0..4) == 0,
                    ..plain
                }
            }
            _ => plain,
        }
    }

    /// An instance of an expanded task, if there is one.
    fn any_instance_of_many(&mut self) -> Instance {
        let expanded = self.run.plan().tasks();
        let expanded: Vec<TaskIndex> = expanded
            .filter(|task| self.run.is_expanded(*task))
            .collect();
        if expanded.is_empty() {
            return self.any_instance();
        }
        let task = expanded[self.rng.usize(0..expanded.len())];
        let index = self.rng.u32(0..self.run.instances_of(task));
        Instance { task, index }
    }

    fn any_task(&mut self) -> TaskIndex {
        let tasks = u32::try_from(self.scenario.steps.len()).expect("at most 200");
        // Now and then one that doesn't exist.
        TaskIndex(if self.rng.u32(0..30) == 0 {
            tasks
        } else {
            self.rng.u32(0..tasks)
        })
    }

    fn any_instance(&mut self) -> Instance {
        let task = self.any_task();
        let instances = self.run.instances_of(task);
        Instance {
            task,
            index: self.rng.u32(0..=instances),
        }
    }
}
