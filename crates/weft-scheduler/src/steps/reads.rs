//! Answers to reads, and what waited for them.

use super::{events::RunEvents, expand};
use crate::{
    context::Context,
    shard::{
        Shard, attempt_key,
        reads::{Outcome, ReadAnswer, Waiter},
    },
};
use weft_core::{failure_code::FailureCode, run::Instance};

/// Takes in what was read. What waited for it is repeated in this turn, or fails if an output is
/// lost.
pub(crate) fn apply_answer(shard: &mut Shard, cx: &mut Context, answer: ReadAnswer) {
    let ReadAnswer {
        fetch,
        generation,
        result,
    } = answer;
    let outputs = shard.runs.get_mut(fetch.run).map(|run| &mut run.outputs);
    match (result, outputs) {
        (Ok(Outcome::Rows { rows, is_last }), Some(outputs)) => {
            outputs.insert_rows(generation, fetch.task, rows, is_last);
        }
        (Ok(Outcome::Texts(texts)), Some(outputs)) => {
            for (index, digest, text) in texts {
                let task = fetch.task;
                outputs.insert_text(Instance { task, index }, digest, text);
            }
        }
        (Err(lost), Some(outputs)) if outputs.generation() == generation => {
            let message = lost.to_string();
            let waiters = shard.reads.fail(fetch);
            for waiter in &waiters {
                if let Waiter::Ready(run, task) = *waiter {
                    shard.reads.add_lost(run, task, &message);
                }
            }
            tracing::error!(run = %fetch.run, task = fetch.task.0, error = message, operation = "read outputs", "an output is lost; what needs it fails");
            let mut events = shard.events(cx);
            for waiter in waiters {
                fail(&mut events, waiter, &message);
            }
            return;
        }
        // The task was cleared meanwhile, or the run has ended.
        (Err(_), Some(_)) | (_, None) => {}
    }
    let waiters = shard.reads.end(fetch);
    resume(shard, waiters);
}

/// Has the next steps repeat what waited for outputs.
pub(crate) fn resume(shard: &mut Shard, waiters: Vec<Waiter>) {
    let id = shard.id();
    for waiter in waiters {
        match waiter {
            Waiter::Attempt(run, attempt) => {
                if shard.runs.is_current(&attempt_key(id, run, attempt)) {
                    shard.outbox.postpone(run, attempt);
                }
            }
            Waiter::Expansion(expansion) => shard.queue.push_expansion(expansion),
            Waiter::Ready(run, task) => shard.queue.resume_task(run, task),
        }
    }
}

fn fail(events: &mut RunEvents<'_>, waiter: Waiter, message: &str) {
    let code = FailureCode::OutputLost.as_str();
    match waiter {
        Waiter::Attempt(run, attempt) => {
            let key = attempt_key(events.shard, run, attempt);
            if events.runs.is_current(&key) {
                events.fail_attempt(run, attempt, code, message);
            }
        }
        Waiter::Expansion(expansion) => expand::fail_expansion(events, expansion, code, message),
        // Its instances fail when they are dispatched.
        Waiter::Ready(run, task) => events.queue.resume_task(run, task),
    }
}
