//! Rows of tables, made from the API's bodies.

use super::{Row, tally};
use crate::local_time::{self, Zone};
use weft_api::{
    Attempt, AuditEntry, Connection, ConnectionAuth, Dag, Instance, Pool, Queue, Role, Run,
    RunKind, RunState, Shard, TaskSummary, Token, Variable, Version, Worker, text,
};

/// The characters of a digest that people need to tell two apart.
const DIGEST_CHARS: usize = "sha256:".len() + 12;

/// `sha256:0123456789ab`.
pub(crate) fn short_digest(digest: &str) -> String {
    digest.chars().take(DIGEST_CHARS).collect()
}

fn dash(text: Option<&str>) -> String {
    text.map_or_else(|| "-".to_owned(), str::to_owned)
}

pub(crate) const fn run_state(state: RunState) -> &'static str {
    match state {
        RunState::Queued => "queued",
        RunState::Running => "running",
        RunState::Success => "success",
        RunState::Failed => "failed",
        RunState::Cancelled => "cancelled",
    }
}

pub(crate) const fn run_kind(kind: RunKind) -> &'static str {
    match kind {
        RunKind::Manual => "manual",
        RunKind::Scheduled => "scheduled",
        RunKind::Backfill => "backfill",
        RunKind::Called => "called",
        RunKind::Assets => "assets",
    }
}

pub(crate) const fn role(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer",
        Role::Operator => "operator",
        Role::Deployer => "deployer",
        Role::Admin => "admin",
        Role::Worker => "worker",
        Role::TrustedWorker => "trusted_worker",
    }
}

/// How long it went on, up to now where it has not ended.
pub(crate) fn took(started: Option<weft_api::Time>, ended: Option<weft_api::Time>) -> String {
    started.map_or_else(
        || "-".to_owned(),
        |started| {
            text::duration(local_time::between(
                started,
                ended.unwrap_or_else(local_time::now),
            ))
        },
    )
}

impl Row for Dag {
    const COLUMNS: &'static [&'static str] = &[
        "DAG",
        "VERSION",
        "STATE",
        "SCHEDULE",
        "NEXT RUN",
        "DESCRIPTION",
    ];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        vec![
            self.id.clone(),
            self.version
                .map_or_else(|| "-".to_owned(), |version| version.to_string()),
            super::dag_state(self).to_owned(),
            dash(self.schedule.as_deref()),
            zone.shown_some(self.next_run),
            dash(self.description.as_deref()),
        ]
    }
}

impl Row for Version {
    const COLUMNS: &'static [&'static str] = &["VERSION", "ACTIVE", "DIGEST", "DEPLOYED", "BY"];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        vec![
            self.number.to_string(),
            if self.active { "yes" } else { "-" }.to_owned(),
            short_digest(&self.digest),
            zone.shown(self.created),
            self.created_by.clone(),
        ]
    }
}

impl Row for Run {
    const COLUMNS: &'static [&'static str] = &[
        "RUN",
        "DAG",
        "STATE",
        "KIND",
        "LOGICAL DATE",
        "STARTED",
        "TOOK",
        "TASKS",
    ];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        vec![
            self.id.clone(),
            self.dag.clone(),
            run_state(self.state).to_owned(),
            run_kind(self.kind).to_owned(),
            zone.shown(self.logical_date),
            zone.shown_some(self.started),
            took(self.started, self.ended),
            tally::phrase(&self.counts),
        ]
    }
}

impl Row for TaskSummary {
    const COLUMNS: &'static [&'static str] = &["TASK", "INSTANCES", "STATES"];

    fn cells(&self, _zone: &Zone) -> Vec<String> {
        let instances = if self.mapped {
            self.instances.to_string()
        } else {
            "-".to_owned()
        };
        vec![self.task.clone(), instances, tally::phrase(&self.counts)]
    }
}

impl Row for Instance {
    const COLUMNS: &'static [&'static str] = &[
        "TASK", "INDEX", "STATE", "ATTEMPT", "STARTED", "TOOK", "WORKER", "ERROR",
    ];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        vec![
            self.task.clone(),
            self.index.to_string(),
            self.state.as_str().to_owned(),
            self.attempt.to_string(),
            zone.shown_some(self.started),
            took(self.started, self.ended),
            dash(self.worker.as_deref()),
            self.error.as_ref().map_or_else(
                || "-".to_owned(),
                |error| format!("{}: {}", error.code, error.message),
            ),
        ]
    }
}

impl Row for Attempt {
    const COLUMNS: &'static [&'static str] =
        &["ATTEMPT", "END", "STARTED", "TOOK", "WORKER", "ERROR"];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        vec![
            self.number.to_string(),
            dash(self.end.as_deref()),
            zone.shown_some(self.started),
            took(self.started, self.ended),
            dash(self.worker.as_deref()),
            self.error.as_ref().map_or_else(
                || "-".to_owned(),
                |error| format!("{}: {}", error.code, error.message),
            ),
        ]
    }
}

impl Row for Variable {
    const COLUMNS: &'static [&'static str] = &["VARIABLE", "KEPT IN", "SET", "BY"];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        vec![
            self.name.clone(),
            self.from
                .clone()
                .unwrap_or_else(|| "the database".to_owned()),
            zone.shown(self.updated),
            self.updated_by.clone(),
        ]
    }
}

impl Row for Connection {
    const COLUMNS: &'static [&'static str] =
        &["CONNECTION", "URL", "SIGNS IN", "HEADERS", "SET", "BY"];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        let auth = match self.auth {
            ConnectionAuth::None => "-",
            ConnectionAuth::Basic => "basic",
            ConnectionAuth::Bearer => "bearer",
        };
        let headers = Some(self.headers.join(", ")).filter(|names| !names.is_empty());
        vec![
            self.name.clone(),
            self.url.clone(),
            auth.to_owned(),
            dash(headers.as_deref()),
            zone.shown(self.updated),
            self.updated_by.clone(),
        ]
    }
}

impl Row for Pool {
    const COLUMNS: &'static [&'static str] = &["POOL", "SLOTS"];

    fn cells(&self, _zone: &Zone) -> Vec<String> {
        vec![self.name.clone(), self.slots.to_string()]
    }
}

impl Row for Token {
    const COLUMNS: &'static [&'static str] = &[
        "ID",
        "NAME",
        "ROLE",
        "STATE",
        "CREATED",
        "EXPIRES",
        "LAST USED",
    ];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        let state = if self.revoked.is_some() {
            "revoked"
        } else if self.expires.is_some_and(|at| at <= local_time::now()) {
            "expired"
        } else {
            "good"
        };
        vec![
            self.id.to_string(),
            self.name.clone(),
            role(self.role).to_owned(),
            state.to_owned(),
            zone.shown(self.created),
            zone.shown_some(self.expires),
            zone.shown_some(self.last_used),
        ]
    }
}

impl Row for Worker {
    const COLUMNS: &'static [&'static str] =
        &["WORKER", "STATE", "RUNNING", "SLOTS", "QUEUES", "LABELS"];

    fn cells(&self, _zone: &Zone) -> Vec<String> {
        let labels: Vec<String> = self
            .labels
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        vec![
            self.id.clone(),
            if self.draining { "draining" } else { "ready" }.to_owned(),
            self.running.to_string(),
            self.slots.to_string(),
            self.queues.join(", "),
            labels.join(", "),
        ]
    }
}

impl Row for Queue {
    const COLUMNS: &'static [&'static str] = &["QUEUE", "READY", "QUEUED", "PLACES", "WORKERS"];

    fn cells(&self, _zone: &Zone) -> Vec<String> {
        vec![
            self.name.clone(),
            self.ready.to_string(),
            self.queued.to_string(),
            self.places.to_string(),
            self.workers.to_string(),
        ]
    }
}

impl Row for Shard {
    const COLUMNS: &'static [&'static str] = &[
        "SHARD",
        "SCHEDULER",
        "TAKEOVERS",
        "LOST TURNS",
        "LOST AT",
        "TENANTS",
    ];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        vec![
            self.id.to_string(),
            self.scheduler.clone().unwrap_or_default(),
            self.takeovers.to_string(),
            self.lost_turns.to_string(),
            zone.shown_some(self.lost_at),
            self.tenants.to_string(),
        ]
    }
}

impl Row for AuditEntry {
    const COLUMNS: &'static [&'static str] = &["AT", "WHO", "ACTION", "WHAT", "DETAILS"];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        let details = self.details.as_ref().map(ToString::to_string);
        vec![
            zone.shown(self.at),
            self.actor.clone(),
            self.action.clone(),
            self.subject.clone(),
            dash(details.as_deref()),
        ]
    }
}
