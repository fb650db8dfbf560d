//! The final check after the kills, against the acknowledged triggers and the ledger.

use super::asking::{Asked, Asker, Given, RECORDED, TASKS, UNRECORDED, Wanted, became_of, text};
use crate::{
    api::Api,
    installation::{Installation, Up},
    ledger::{Ledger, Line},
};
use serde_json::Value;
use std::{
    collections::{HashMap, HashSet},
    fmt,
};

/// What only computes.
const UNRECORDED_TASKS: [&str; 3] = ["range", "add", "total"];

/// What was counted on the way.
#[derive(Debug, Default)]
pub(crate) struct Found {
    runs: usize,
    triggers: usize,
    unanswered: usize,
    instances: usize,
    lines: usize,
    lost_attempts: usize,
    repeated_effects: usize,
    cancelled: usize,
    marked: usize,
    woken: usize,
    cleared: usize,
    too_late: usize,
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} runs of {} triggers, {} requests without an answer; acknowledged and found: {} cancels, {} marks, \
             {} wakes, {} clears, {} that came too late or too early; {} task instances with one success each, {} \
             lines in the ledger, {} attempts lost, {} effects of attempts that were repeated",
            self.runs,
            self.triggers,
            self.unanswered,
            self.cancelled,
            self.marked,
            self.woken,
            self.cleared,
            self.too_late,
            self.instances,
            self.lines,
            self.lost_attempts,
            self.repeated_effects
        )
    }
}

/// An instance of a task, by run, task and map index.
type Key = (String, String, u32);

/// The ledger by instance.
struct Recorded {
    by_instance: HashMap<Key, Vec<Line>>,
}

impl Recorded {
    fn of(ledger: &Ledger, repeats: Repeats, found: &mut Found) -> Self {
        let mut by_instance: HashMap<Key, Vec<Line>> = HashMap::new();
        for line in ledger.lines() {
            found.lines += 1;
            let key = (line.run.clone(), line.task.clone(), line.index);
            by_instance.entry(key).or_default().push(line);
        }
        for (key, lines) in &by_instance {
            let mut seen = HashSet::new();
            for line in lines {
                assert!(
                    seen.insert((line.life, line.attempt)) || repeats == Repeats::Possible,
                    "one life ran attempt {} of {key:?} twice",
                    line.attempt
                );
            }
        }
        Self { by_instance }
    }

    fn attempts(&self, key: &Key) -> impl Iterator<Item = u32> {
        let lines = self.by_instance.get(key).into_iter().flatten();
        lines.map(|line| line.attempt)
    }

    fn keys(&self, key: &Key) -> HashSet<&str> {
        let lines = self.by_instance.get(key).into_iter().flatten();
        lines.map(|line| line.key.as_str()).collect()
    }
}

/// The instances of a run that failed, to be shown.
fn failed(api: &Api, run: &str) -> Vec<Value> {
    let all = api.all(&format!("/runs/{run}/instances"));
    all.into_iter()
        .filter(|instance| text(instance, "state") == "failed")
        .collect()
}

/// Whether an attempt may have run twice while the server lived.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Repeats {
    /// Who claims an attempt is the only one.
    Never,
    /// A transport that has lost acknowledged writes may hand out what has ended already; its
    /// outcome counts once all the same.
    Possible,
}

/// Waits for every run, and compares.
pub(crate) fn end(
    installation: &Installation,
    up: &Up,
    asker: &Asker,
    (ledger, repeats): (&Ledger, Repeats),
) -> Found {
    let api = up.api();
    for run in &asker.runs {
        if text(&api.get(&format!("/runs/{}", run.id)), "state") == "running" {
            // How it ends is looked at below.
            installation.client(up, &["runs", "watch", &run.id]);
        }
    }
    let mut found = Found {
        triggers: asker.keys,
        unanswered: asker.unanswered,
        ..Found::default()
    };
    let recorded = Recorded::of(ledger, repeats, &mut found);
    let rows: HashMap<String, Value> = api
        .all("/runs")
        .into_iter()
        .map(|row| (text(&row, "id"), row))
        .collect();
    let asked: HashSet<&str> = asker.runs.iter().map(|run| run.id.as_str()).collect();
    assert_eq!(asked.len(), asker.keys, "a key made a run, and one alone");
    for id in rows.keys() {
        assert!(asked.contains(id.as_str()), "no request made the run {id}");
    }
    for (run, _, _) in recorded.by_instance.keys() {
        assert!(rows.contains_key(run), "a task of {run}, which is lost");
    }
    for run in &asker.runs {
        let row = rows
            .get(&run.id)
            .unwrap_or_else(|| panic!("the run {} is lost", run.id));
        found.runs += 1;
        let ended = text(row, "state");
        let expected = commands(&api, run, &mut found);
        assert!(
            expected.contains(&ended.as_str()),
            "the run {} of {} ended as {ended} after {:?}: {:#?}",
            run.id,
            run.dag,
            run.given,
            failed(&api, &run.id)
        );
        let mut keys = HashSet::new();
        for instance in api.all(&format!("/runs/{}/instances", run.id)) {
            one(&api, run, &instance, &recorded, &mut keys, &mut found);
        }
        if run.dag == "load" {
            whole(&api, run, row);
        }
    }
    found
}

/// Every acknowledged command was carried out, or refused for a reason that
/// holds; gives the states that the run may end in.
fn commands(api: &Api, run: &Asked, found: &mut Found) -> &'static [&'static str] {
    let mut states: &[&str] = &["success"];
    for Given {
        wanted,
        acknowledged,
    } in &run.given
    {
        let Some(command) = acknowledged else {
            if run.dag == "held" {
                states = &["success", "cancelled"];
            }
            continue;
        };
        let (state, why) = became_of(api, &run.id, *command);
        if state == "refused" {
            // A wake of a task that isn't deferred, or the end was there before.
            assert!(!why.is_empty(), "a refusal has a reason: {run:?}");
            found.too_late += 1;
            let may = *wanted == Wanted::Wake || run.given.len() > 1;
            assert!(may, "{wanted:?} was refused: {why}");
            continue;
        }
        assert_eq!(state, "done", "{run:?}");
        match wanted {
            Wanted::Cancel => {
                found.cancelled += 1;
                states = &["cancelled"];
            }
            Wanted::MarkSuccess => {
                found.marked += 1;
                let hold = api.get(&format!("/runs/{}/tasks/hold/0", run.id));
                assert_eq!(text(&hold, "state"), "success", "{hold}");
                assert_eq!(text(&hold, "cause"), "marked", "{hold}");
            }
            Wanted::Wake => found.woken += 1,
            Wanted::Clear { attempts } => {
                found.cleared += 1;
                let one = api.get(&format!("/runs/{}/tasks/one/0", run.id));
                let now = one["attempt"].as_u64().expect("a number");
                assert!(now > u64::from(*attempts), "it did not run again: {one}");
            }
        }
    }
    states
}

/// An instance: one success, recorded in the ledger under its number.
fn one(
    api: &Api,
    run: &Asked,
    row: &Value,
    recorded: &Recorded,
    keys: &mut HashSet<String>,
    found: &mut Found,
) {
    let index = u32::try_from(row["index"].as_u64().expect("a number")).expect("a small one");
    let key = (run.id.clone(), text(row, "task"), index);
    let attempt = u32::try_from(row["attempt"].as_u64().expect("a number")).expect("a small one");
    let effects: Vec<u32> = recorded.attempts(&key).collect();
    let most = effects.iter().copied().max().unwrap_or_default();
    assert!(
        most <= attempt,
        "{key:?} recorded attempt {most}, and Weft knows of {attempt}"
    );
    if text(row, "state") != "success" {
        assert_ne!(run.dag, "load", "{row}");
        return;
    }
    found.instances += 1;
    let tells = !UNRECORDED_TASKS.contains(&key.1.as_str());
    if tells && row["cause"] != "marked" {
        assert!(
            effects.contains(&attempt),
            "attempt {attempt} of {key:?} succeeded and recorded nothing in the ledger: {effects:?}"
        );
    }
    found.repeated_effects += effects.len().saturating_sub(1);
    let cleared = run
        .given
        .iter()
        .any(|given| matches!(given.wanted, Wanted::Clear { .. }));
    let own = recorded.keys(&key);
    assert!(
        own.len() <= 1 + usize::from(cleared),
        "the attempts of {key:?} have the keys {own:?}"
    );
    for own in own {
        assert!(keys.insert(own.to_owned()), "{own} names two instances");
    }
    if attempt > 1 {
        earlier(api, run, &key, cleared, found);
    }
}

/// The attempts before the last one: lost, deferred or cleared, and none of them counted.
fn earlier(api: &Api, run: &Asked, key: &Key, cleared: bool, found: &mut Found) {
    let path = format!("/runs/{}/tasks/{}/{}/attempts", key.0, key.1, key.2);
    let attempts = api.get(&path);
    let attempts = attempts.as_array().expect("a list");
    let mut numbers = HashSet::new();
    let mut counted = 0;
    for attempt in attempts {
        assert!(numbers.insert(attempt["number"].as_u64()), "{attempts:?}");
        match attempt["end"].as_str() {
            None => {}
            Some("lost") => found.lost_attempts += 1,
            Some("deferred") if run.dag == "held" => {}
            Some("revoked") if !run.given.is_empty() => {}
            Some("success") if cleared => counted += 1,
            Some(other) => panic!("{other}: {attempts:?}"),
        }
    }
    assert!(counted <= 1, "more than one outcome counted: {attempts:?}");
}

/// A run of `load`: every instance is there, once, and what they add up to is right.
fn whole(api: &Api, run: &Asked, row: &Value) {
    let counts = row["counts"].as_object().expect("an object");
    for (state, count) in counts {
        let expected = if state == "success" { TASKS } else { 0 };
        assert_eq!(
            count.as_u64(),
            Some(expected.into()),
            "{state} of {}",
            run.id
        );
    }
    // Of the numbers from nothing on, and of those from one on.
    for (task, expected) in [
        ("sum", RECORDED * (RECORDED - 1) / 2),
        ("total", UNRECORDED * (UNRECORDED + 1) / 2),
    ] {
        let sum = api.get(&format!("/runs/{}/tasks/{task}/0/output", run.id));
        assert_eq!(sum.as_u64(), Some(expected.into()), "{task} of {}", run.id);
    }
}
