//! What instances ask, and the answers, as the real database keeps them.

use super::{Tables, named_events::FIRST_OWN_COMMAND};
use crate::installation::fates::option;
use serde_json::Map;
use weft_core::{
    approval::Decision,
    run::Instance,
    run_id::RunId,
    time::Timestamp,
    wait::{Wait, Woken},
};
use weft_store::{Arrival, CommandId, CommandKind, Turn};

impl Tables {
    /// Takes in what a turn asks.
    pub(super) fn ask(&mut self, turn: &Turn) {
        for asked in &turn.approvals {
            let key = (asked.run, asked.instance, asked.number);
            self.approvals.insert(key, false);
        }
    }

    /// Whether this attempt of an instance asked something.
    pub fn is_asked(&self, key: (RunId, Instance, u32)) -> bool {
        self.approvals.contains_key(&key)
    }

    /// Answers one question that an instance waits for; false if none does.
    pub fn answer_one(&mut self) -> bool {
        let mut rows = self.instances.values();
        let waiting = rows.find(|row| {
            let key = (row.run, row.instance, row.number);
            matches!(row.wait, Some(Wait::Approval { .. }))
                && self.approvals.get(&key) == Some(&false)
        });
        let Some((run, instance, number)) = waiting.map(|row| (row.run, row.instance, row.number))
        else {
            return false;
        };
        self.approvals.insert((run, instance, number), true);
        let id = CommandId((self.last_own_command + 1).max(FIRST_OWN_COMMAND));
        self.last_own_command = id.0;
        let decision = Decision {
            option: option("approve"),
            comment: None,
            fields: Map::new(),
            by: Some(("operator".into(), Timestamp(0))),
        };
        let woken = Woken::Approval(decision).to_json().into();
        let by = Arrival { number, woken };
        let kind = CommandKind::EndWait { instance, by };
        self.insert_command(id, run, kind, Timestamp(0));
        true
    }
}
