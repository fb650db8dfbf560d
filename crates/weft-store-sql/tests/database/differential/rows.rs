//! Random rows of a turn.

use super::RUNS;
use crate::setup::at;
use fastrand::Rng;
use weft_core::{document::TaskIndex, id::TenantId, run::Instance, run_id::RunId};
use weft_store::{AttemptRecord, InstanceRow, InstanceTag, NewRun, Output, RunKind};
use weft_store_sql::Deployed;

pub(super) fn new_run(random: &mut Rng, dag: &Deployed) -> NewRun {
    let date = random.i64(0..30);
    NewRun {
        id: RunId::from_i64(random.i64(1..=RUNS)).unwrap(),
        tenant: TenantId::default(),
        dag: dag.key,
        version: dag.version,
        kind: if random.bool() {
            RunKind::Scheduled
        } else {
            RunKind::Manual
        },
        logical_date: at(date),
        interval: (at(date), at(date + 1)),
        params: "{}".into(),
        concurrency_key: random.bool().then(|| "key".into()),
        not_before: at(random.i64(0..50)),
        created: at(date),
        trace: random.bool().then(|| "trace".into()),
        caller: None,
        taken: Vec::new(),
    }
}

pub(super) fn instance(random: &mut Rng) -> Instance {
    Instance {
        task: TaskIndex(random.u32(0..3)),
        index: random.u32(0..9),
    }
}

pub(super) fn instance_row(random: &mut Rng, run: RunId) -> InstanceRow {
    let tags = [
        InstanceTag::Success,
        InstanceTag::Failed,
        InstanceTag::Deferred,
        InstanceTag::Running,
    ];
    let text = |random: &mut Rng| {
        random
            .bool()
            .then(|| format!("\"{}\u{e9}\0\"", random.u8(..)).into())
    };
    InstanceRow {
        run,
        instance: instance(random),
        state: *random.choice(tags.iter()).unwrap(),
        cause: "outcome",
        number: random.u32(0..4),
        nonce: random.u64(..),
        queued: random.bool().then(|| at(random.i64(..))),
        started: random.bool().then(|| at(random.i64(..))),
        ended: None,
        due: random.bool().then(|| at(random.i64(..))),
        worker: text(random),
        output: match random.u32(0..3) {
            0 => None,
            1 => Some(Output::Inline("{}".into())),
            _ => Some(Output::Blob {
                digest: weft_core::digest::Digest::of(&[random.u8(..)]),
                bytes: random.u64(..) >> 1,
            }),
        },
        resume: text(random),
        wait: None,
        woken: None,
        error: text(random),
        usage: text(random),
        log: text(random),
    }
}

pub(super) fn attempt(random: &mut Rng, run: RunId) -> AttemptRecord {
    AttemptRecord {
        run,
        instance: instance(random),
        number: random.u32(1..4),
        end: "lost",
        queued: None,
        started: Some(at(random.i64(..))),
        ended: at(2),
        worker: None,
        error: random.bool().then(|| "{}".into()),
        usage: None,
        log: None,
    }
}
