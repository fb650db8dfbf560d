//! Somebody who asks for runs and gives commands all the time, and remembers
//! what was acknowledged. An answer that did not come is no acknowledgement; a
//! trigger is then asked for again, under the same key.

use crate::{
    api::{Answer, Api},
    ledger::Ledger,
};
use serde_json::{Value, json};
use std::{
    io,
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

/// Instances of a run of `load` that write to the ledger: a request takes longer than all else.
pub(crate) const RECORDED: u32 = 100;
/// Instances beside them that only compute.
pub(crate) const UNRECORDED: u32 = 900;
/// Tasks of a run of `load`, with those that list and add up.
pub(crate) const TASKS: u32 = RECORDED + UNRECORDED + 4;
/// There are always so many lines of the ledger to come.
const BACKLOG: usize = 300;
/// One thing is asked for while so many tasks run,
const PACE: usize = 8;
/// or after so long.
const PAUSE: Duration = Duration::from_millis(50);

/// What runs, with the ledger's address granted.
pub(crate) fn manifests(ledger: &str) -> [String; 3] {
    let task = |task: &str, id: &str, more: &str| {
        format!(
            "[tasks.{id}]\ncomponent = \"guest_ledger.wasm\"\ntask = \"{task}\"\nretries = 0\n\
             grants = {{ http = [\"{ledger}\"] }}\n{more}\n"
        )
    };
    let to = format!("ledger = {{ value = \"{ledger}\" }}");
    [
        format!(
            "[dag]\nid = \"load\"\nmax_active_runs = 8\n\n{}{}{}{}",
            task(
                "numbers",
                "numbers",
                &format!("inputs = {{ {to}, count = {{ value = {RECORDED} }} }}")
            ),
            task(
                "note",
                "note",
                &format!("inputs = {{ {to} }}\nexpand = {{ n = \"numbers\" }}")
            ),
            task(
                "sum",
                "sum",
                &format!("inputs = {{ {to}, numbers = \"note\" }}")
            ),
            unrecorded(),
        ),
        format!(
            "[dag]\nid = \"held\"\nmax_active_runs = 10000\n\n{}{}",
            task("hold", "hold", &format!("inputs = {{ {to} }}")),
            task(
                "note",
                "after",
                &format!("inputs = {{ {to}, n = {{ value = 1 }} }}\nafter = [\"hold\"]")
            ),
        ),
        format!(
            "[dag]\nid = \"small\"\nmax_active_runs = 10000\n\n{}{}",
            task(
                "note",
                "one",
                &format!("inputs = {{ {to}, n = {{ value = 1 }} }}")
            ),
            task("note", "two", &format!("inputs = {{ {to}, n = \"one\" }}")),
        ),
    ]
}

/// The part of `load` that only computes.
fn unrecorded() -> String {
    let task = |task: &str, more: &str| {
        format!("[tasks.{task}]\ncomponent = \"guest_sdk.wasm\"\nretries = 0\n{more}\n")
    };
    let count = format!("inputs = {{ count = {{ value = {UNRECORDED} }} }}");
    task("range", &count)
        + &task(
            "add",
            "inputs = { more = { value = 1 } }\nexpand = { n = \"range\" }",
        )
        + &task("total", "inputs = { numbers = \"add\" }")
}

/// What is wanted done to a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Cancel,
    MarkSuccess,
    Wake,
    /// Of an ended run, whose first task had so many attempts until then.
    Clear {
        attempts: u32,
    },
}

/// A command, and its number where it was acknowledged.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Given {
    pub(crate) wanted: Wanted,
    pub(crate) acknowledged: Option<i64>,
}

/// A run whose trigger was acknowledged.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) id: String,
    pub(crate) dag: &'static str,
    /// At most one, but for a wake that came too early, which a cancel follows.
    pub(crate) given: Vec<Given>,
}

/// Who asks.
pub(crate) struct Asker {
    random: fastrand::Rng,
    pub(crate) runs: Vec<Asked>,
    /// A trigger that was not answered: its key and its DAG.
    open: Option<(usize, &'static str)>,
    /// How many triggers there were, not counting those that were repeated.
    pub(crate) keys: usize,
    pub(crate) unanswered: usize,
}

impl Asker {
    pub(crate) fn new(random: fastrand::Rng) -> Self {
        Self {
            random,
            runs: Vec::new(),
            open: None,
            keys: 0,
            unanswered: 0,
        }
    }

    /// Asks for one thing after the other, until the server is gone.
    pub(crate) fn ask(&mut self, api: &Api, ledger: &Ledger, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            let lines = ledger.len();
            let done = if self.open.is_some() || self.load() < lines + BACKLOG {
                self.trigger(api, "load")
            } else {
                self.something(api)
            };
            if done.is_err() {
                self.unanswered += 1;
                return;
            }
            if self.load() >= lines + BACKLOG {
                ledger.wait(lines + PACE, PAUSE);
            }
        }
    }

    /// Lines that were asked for in bulk.
    fn load(&self) -> usize {
        let runs = self.runs.iter().filter(|run| run.dag == "load").count();
        runs * (RECORDED as usize + 2)
    }

    fn something(&mut self, api: &Api) -> io::Result<()> {
        match self.random.u8(..8) {
            0 | 1 => self.trigger(api, "held"),
            2 => self.trigger(api, "small"),
            3 => self.command(api, "held", Wanted::Cancel),
            4 => self.command(api, "held", Wanted::MarkSuccess),
            5 => self.command(api, "held", Wanted::Wake),
            _ => self.clear(api),
        }
    }

    /// The trigger that is open, or a new one.
    fn trigger(&mut self, api: &Api, dag: &'static str) -> io::Result<()> {
        let (key, dag) = *self.open.get_or_insert_with(|| {
            self.keys += 1;
            (self.keys, dag)
        });
        let key = format!("idempotency-key: storm-{key}");
        let path = format!("/dags/{dag}/runs");
        let answer = api.ask(
            "POST",
            &path,
            &["content-type: application/json", &key],
            b"{}",
        )?;
        unavailable(&answer)?;
        assert!(matches!(answer.status, 200 | 201), "{answer:?}");
        self.runs.push(Asked {
            id: text(&answer.json(), "id"),
            dag,
            given: Vec::new(),
        });
        self.open = None;
        Ok(())
    }

    /// A command for some run of the DAG that had none.
    fn command(&mut self, api: &Api, dag: &str, wanted: Wanted) -> io::Result<()> {
        let free: Vec<usize> = (0..self.runs.len())
            .filter(|run| self.runs[*run].dag == dag && self.runs[*run].given.is_empty())
            .collect();
        if free.is_empty() {
            return Ok(());
        }
        let run = free[self.random.usize(..free.len())];
        self.give(api, run, wanted)
    }

    /// Lets an ended run of `small` go on again from its first task.
    fn clear(&mut self, api: &Api) -> io::Result<()> {
        let next = self
            .runs
            .iter()
            .position(|run| run.dag == "small" && run.given.is_empty());
        let Some(run) = next else {
            return Ok(());
        };
        let path = format!("/runs/{}", self.runs[run].id);
        let row = api.ask("GET", &path, &[], b"")?;
        unavailable(&row)?;
        if row.json()["state"] != "success" {
            return Ok(());
        }
        let one = api.ask("GET", &format!("{path}/tasks/one/0"), &[], b"")?;
        unavailable(&one)?;
        let attempts = one.json()["attempt"].as_u64().expect("a number");
        let attempts = u32::try_from(attempts).expect("a small one");
        self.give(api, run, Wanted::Clear { attempts })
    }

    fn give(&mut self, api: &Api, run: usize, wanted: Wanted) -> io::Result<()> {
        let asked = &mut self.runs[run];
        asked.given.push(Given {
            wanted,
            acknowledged: None,
        });
        let (what, body) = match wanted {
            Wanted::Cancel => ("cancel", Value::Null),
            Wanted::MarkSuccess => ("mark", json!({ "task": "hold", "state": "success" })),
            Wanted::Wake => ("wake", json!({ "task": "hold" })),
            Wanted::Clear { .. } => ("clear", json!({ "tasks": ["one"], "downstream": true })),
        };
        let answer = api.send("POST", &format!("/runs/{}/{what}", asked.id), &body)?;
        unavailable(&answer)?;
        if asked.given.len() > 1 && answer.status == 409 {
            // What was asked for before, without an answer, was done.
            assert_eq!(answer.code(), "run_ended", "{answer:?}");
            asked.given.pop();
            return Ok(());
        }
        assert_eq!(answer.status, 202, "{answer:?}");
        let given = asked.given.last_mut().expect("it was pushed");
        given.acknowledged = answer.json()["id"].as_i64();
        assert!(given.acknowledged.is_some(), "{answer:?}");
        Ok(())
    }

    /// No process is killed any more: what is open is requested again, and what would wait is cancelled.
    pub(crate) fn settle(&mut self, api: &Api) {
        if self.open.is_some() {
            self.trigger(api, "load").expect("it answers");
        }
        for run in 0..self.runs.len() {
            if self.runs[run].dag == "held" && self.waits(api, run) {
                self.give(api, run, Wanted::Cancel).expect("it answers");
            }
        }
    }

    /// Whether nothing that was asked for will end the run.
    fn waits(&self, api: &Api, run: usize) -> bool {
        let Asked { id, given, .. } = &self.runs[run];
        let Some(last) = given.last() else {
            return true;
        };
        match last.acknowledged {
            None => {
                let state = text(&api.get(&format!("/runs/{id}")), "state");
                // It may have been done without an answer, and not be carried out yet.
                matches!(state.as_str(), "queued" | "running")
            }
            Some(command) => became_of(api, id, command).0 == "refused",
        }
    }
}

/// A server that could not reach its database has not answered.
fn unavailable(answer: &Answer) -> io::Result<()> {
    if answer.status == 503 {
        return Err(io::Error::other("unavailable"));
    }
    Ok(())
}

/// What became of a command, once the scheduler came to it, and why it was refused.
pub(crate) fn became_of(api: &Api, run: &str, command: i64) -> (String, String) {
    loop {
        let found = api.get(&format!("/runs/{run}/commands/{command}"));
        let state = text(&found, "state");
        if state != "accepted" {
            let why = found["refused"].as_str().unwrap_or_default();
            return (state, why.to_owned());
        }
        std::thread::yield_now();
    }
}

pub(crate) fn text(value: &Value, field: &str) -> String {
    let found = value[field].as_str();
    found
        .unwrap_or_else(|| panic!("{field} is no text in {value}"))
        .to_owned()
}
