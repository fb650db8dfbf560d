//! Named events and the waits that take them, as the real database matches them.

use super::Tables;
use std::collections::BTreeSet;
use weft_core::{
    id::EventName,
    run::Instance,
    run_id::RunId,
    time::Timestamp,
    wait::{Wait, Woken},
};
use weft_store::{Arrival, CommandId, CommandKind, InstanceTag, Turn};

/// Commands that the database writes itself have ids from here on.
pub(super) const FIRST_OWN_COMMAND: i64 = 1 << 40;

/// An event that was sent to a run.
#[derive(Debug, Clone)]
pub struct SentEvent {
    run: RunId,
    name: EventName,
    /// The command that it wakes an instance by, and the attempt whose wait took it.
    taken: Option<(CommandId, Target)>,
}

/// An attempt that deferred.
type Target = (RunId, Instance, u32);

impl Tables {
    /// Sends an event to a run, if that goes on; its payload is its number.
    pub fn send_event(&mut self, number: i64, run: RunId, name: EventName) -> bool {
        let is_open = self
            .runs
            .get(&run)
            .is_some_and(|row| !row.state().is_ended());
        if is_open {
            let sent = SentEvent {
                run,
                name: name.clone(),
                taken: None,
            };
            self.named_events.insert(number, sent);
            self.match_events(&BTreeSet::from([(run, name)]), &BTreeSet::new());
        }
        is_open
    }

    /// The run of an instance that waits for an event, and the event's name.
    pub fn waiting_instance(&self) -> Option<(RunId, EventName)> {
        let mut rows = self.instances.values();
        rows.find_map(|row| {
            let Some(Wait::Event(name)) = row.wait.as_ref() else {
                return None;
            };
            Some((row.run, name.clone()))
        })
    }

    /// Matches what a turn wrote.
    pub(super) fn match_turn(&mut self, turn: &Turn) {
        let mut names = BTreeSet::new();
        for row in &turn.instances {
            if let Some(Wait::Event(name)) = &row.wait {
                names.insert((row.run, name.clone()));
            }
        }
        let mut ended = BTreeSet::new();
        for done in turn.commands.iter().filter(|done| done.refused.is_some()) {
            for event in self.named_events.values_mut() {
                if let Some((command, target)) = event.taken
                    && command == done.id
                {
                    event.taken = None;
                    ended.insert(target);
                    names.insert((event.run, event.name.clone()));
                }
            }
        }
        self.match_events(&names, &ended);
    }

    fn match_events(&mut self, names: &BTreeSet<(RunId, EventName)>, ended: &BTreeSet<Target>) {
        let taken = self.named_events.values().filter_map(|event| event.taken);
        let mut busy: BTreeSet<Target> = taken.map(|(_, target)| target).collect();
        busy.extend(ended);
        let rows = self.instances.values();
        let waits: Vec<(RunId, EventName, Target)> = rows
            .filter_map(|row| {
                let Some(Wait::Event(name)) = row.wait.as_ref() else {
                    return None;
                };
                let target = (row.run, row.instance, row.number);
                Some((row.run, name.clone(), target))
            })
            .filter(|(run, name, target)| {
                names.contains(&(*run, name.clone())) && !busy.contains(target)
            })
            .collect();
        for (run, name, target) in waits {
            let kept = self
                .named_events
                .iter_mut()
                .find(|(_, event)| event.taken.is_none() && event.run == run && event.name == name);
            let Some((number, event)) = kept else {
                continue;
            };
            let number = *number;
            let id = CommandId((self.last_own_command + 1).max(FIRST_OWN_COMMAND));
            self.last_own_command = id.0;
            event.taken = Some((id, target));
            let woken = Woken::Event {
                name,
                payload: number.into(),
            };
            let kind = CommandKind::EndWait {
                instance: target.1,
                by: Arrival {
                    number: target.2,
                    woken: woken.to_json().into(),
                },
            };
            self.insert_command(id, run, kind, Timestamp(0));
        }
    }

    /// What is wrong with a command that was carried out: whether its event reached the instance
    /// that waited for it.
    pub fn check_arrival(&self, id: CommandId) -> Result<bool, String> {
        let Some(CommandKind::EndWait { instance, by }) =
            self.commands.get(&id).map(|row| &row.kind)
        else {
            return Ok(false);
        };
        let run = self.commands[&id].run;
        if self.unwritable.contains(&run) {
            // It fails for that, whatever it was notified of before.
            return Ok(false);
        }
        let Some(row) = self.instances.get(&(run, *instance)) else {
            return Ok(true);
        };
        let has_gone_on = row.number > by.number || row.state == InstanceTag::Cancelled;
        if has_gone_on || row.woken.as_ref() == Some(&by.woken) && row.wait.is_none() {
            return Ok(true);
        }
        Err(format!(
            "the command {} of {instance:?} of run {run} was carried out, and its row has {:?} and waits for {:?}",
            id.0, row.woken, row.wait
        ))
    }
}
