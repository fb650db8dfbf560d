//! Writes turns to the database by hand, in place of a scheduler.

use super::World;
use std::sync::Arc;
use weft_core::{
    document::TaskIndex,
    run::{Counts, Instance, RunState},
    run_id::RunId,
    time::{DurationMs, Timestamp},
};
use weft_store::{Asked, InstanceRow, InstanceTag, RunStore, RunUpdate, Turn, Updated};

/// An instance in this state, with nothing else to tell.
pub(crate) fn instance(run: &str, task: u32, index: u32, state: InstanceTag) -> InstanceRow {
    InstanceRow {
        run: run.parse().unwrap(),
        instance: Instance {
            task: TaskIndex(task),
            index,
        },
        state,
        cause: "progress",
        number: 1,
        nonce: 7,
        queued: Some(Timestamp(1_000)),
        started: Some(Timestamp(2_000)),
        ended: None,
        due: None,
        worker: Some("w1".into()),
        output: None,
        resume: None,
        wait: None,
        woken: None,
        error: None,
        usage: None,
        log: None,
    }
}

impl World {
    /// An empty turn of a scheduler that owns the default shard.
    pub(crate) async fn turn(&self) -> Turn {
        let leases = self
            .database
            .lease_shards("test", DurationMs(60_000), u32::MAX)
            .await
            .unwrap();
        let lease = *leases.first().expect("the default shard is there");
        let last = self.database.shard_state(lease.shard).await.unwrap();
        Turn {
            lease,
            number: last.turn + 1,
            new_runs: Vec::new(),
            runs: Vec::new(),
            events: Vec::new(),
            cleared: Vec::new(),
            attempts: Vec::new(),
            instances: Vec::new(),
            tasks: Vec::new(),
            commands: Vec::new(),
            approvals: Vec::new(),
            missed: Vec::new(),
            updates: Vec::new(),
            timetables: Vec::new(),
        }
    }

    pub(crate) async fn commit(&self, turn: Turn) {
        self.database.commit(&turn).await.unwrap();
    }

    /// Writes these instances as they stand.
    pub(crate) async fn write_instances(&self, instances: Vec<InstanceRow>) {
        let turn = Turn {
            instances,
            ..self.turn().await
        };
        self.commit(turn).await;
    }

    /// Writes these instances, which updated assets.
    pub(crate) async fn write_updates(&self, instances: Vec<InstanceRow>, updates: Vec<Updated>) {
        let turn = Turn {
            instances,
            updates,
            ..self.turn().await
        };
        self.commit(turn).await;
    }

    /// Writes an instance that asks this.
    pub(crate) async fn write_question(&self, row: InstanceRow, request: &str) {
        let asked = Asked {
            run: row.run,
            instance: row.instance,
            number: row.number,
            request: request.into(),
            at: Timestamp(3_000),
        };
        let turn = Turn {
            instances: vec![row],
            approvals: vec![asked],
            missed: Vec::new(),
            ..self.turn().await
        };
        self.commit(turn).await;
    }

    /// Gives a run a state.
    pub(crate) async fn write_run(&self, run: &str, state: RunState) {
        let id: RunId = run.parse().unwrap();
        let update = RunUpdate {
            id,
            state,
            started: Some(Timestamp(1_000)),
            ended: state.is_ended().then_some(Timestamp(9_000)),
            counts: Counts {
                success: 1,
                ..Counts::default()
            },
        };
        let turn = Turn {
            runs: vec![update],
            ..self.turn().await
        };
        self.commit(turn).await;
    }
}

/// JSON as a column holds it.
pub(crate) fn text(value: &serde_json::Value) -> Arc<str> {
    value.to_string().into()
}
