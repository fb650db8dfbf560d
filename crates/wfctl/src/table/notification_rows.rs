//! Rows of tables of destinations, deliveries, webhooks and approvals.

use super::Row;
use crate::{command::approvals, local_time::Zone};
use weft_api::{
    Approval, Delivery, DeliveryState, Destination, DestinationKind, NotifyOn, Webhook, WebhookForm,
};

/// The most names of one cell.
const MAX_NAMES: usize = 3;

impl Row for Destination {
    const COLUMNS: &'static [&'static str] =
        &["DESTINATION", "KIND", "ADDRESS", "ON", "DAGS", "SET", "BY"];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        let kind = match self.kind {
            DestinationKind::Webhook => "webhook",
            DestinationKind::Slack => "slack",
            DestinationKind::PagerDuty => "pagerduty",
            DestinationKind::Email => "email",
        };
        let on: Vec<&str> = self.on.iter().copied().map(about).collect();
        let tags = self.tags.iter().map(|tag| format!("tag {tag}"));
        let dags: Vec<String> = self.dags.iter().cloned().chain(tags).collect();
        let dags = if dags.is_empty() {
            "all".to_owned()
        } else {
            some(&dags)
        };
        vec![
            self.name.clone(),
            kind.to_owned(),
            self.address.clone(),
            on.join(", "),
            dags,
            zone.shown(self.updated),
            self.updated_by.clone(),
        ]
    }
}

impl Row for Delivery {
    const COLUMNS: &'static [&'static str] = &[
        "DELIVERY",
        "DESTINATION",
        "ON",
        "COUNT",
        "DAGS",
        "STATE",
        "ATTEMPTS",
        "MADE",
        "ERROR",
    ];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        let state = match self.state {
            DeliveryState::Waiting => "waiting",
            DeliveryState::Delivered => "delivered",
            DeliveryState::GivenUp => "given up",
        };
        let dags = Some(some(&self.dags)).filter(|dags| !dags.is_empty());
        vec![
            self.id.to_string(),
            self.destination.clone(),
            about(self.on).to_owned(),
            self.count.to_string(),
            dags.unwrap_or_else(|| "-".to_owned()),
            state.to_owned(),
            self.attempts.to_string(),
            zone.shown(self.created),
            self.error.clone().unwrap_or_else(|| "-".to_owned()),
        ]
    }
}

impl Row for Approval {
    const COLUMNS: &'static [&'static str] = &[
        "RUN", "DAG", "TASK", "INDEX", "STATE", "QUESTION", "OPTIONS", "ANSWER", "ASKED", "UNTIL",
    ];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        let answer = self.decision.as_ref();
        vec![
            self.run.clone(),
            self.dag.clone(),
            self.task.clone(),
            self.index.to_string(),
            approvals::state(self.state).to_owned(),
            self.subject.clone(),
            self.options.join(", "),
            answer.map_or_else(|| "-".to_owned(), |answer| answer.option.clone()),
            zone.shown(self.asked),
            zone.shown_some(self.until),
        ]
    }
}

impl Row for Webhook {
    const COLUMNS: &'static [&'static str] = &[
        "WEBHOOK",
        "FORM",
        "PATH",
        "EVENTS",
        "PARAMETERS",
        "MADE",
        "BY",
    ];

    fn cells(&self, zone: &Zone) -> Vec<String> {
        let form = match self.form {
            WebhookForm::Weft => "weft",
            WebhookForm::GitHub => "github",
            WebhookForm::Stripe => "stripe",
        };
        let events = if self.events.is_empty() {
            "all".to_owned()
        } else {
            some(&self.events)
        };
        let params = self.params.iter();
        let params: Vec<String> = params
            .map(|(name, pointer)| format!("{name}={pointer}"))
            .collect();
        let params = Some(some(&params)).filter(|params| !params.is_empty());
        vec![
            self.name.clone(),
            form.to_owned(),
            self.path.clone(),
            events,
            params.unwrap_or_else(|| "-".to_owned()),
            zone.shown(self.created),
            self.created_by.clone(),
        ]
    }
}

const fn about(on: NotifyOn) -> &'static str {
    match on {
        NotifyOn::Success => "success",
        NotifyOn::Failure => "failure",
        NotifyOn::Recovery => "recovery",
        NotifyOn::Retry => "retry",
        NotifyOn::Deadline => "deadline",
        NotifyOn::Approval => "approval",
        NotifyOn::Test => "test",
    }
}

/// The first of some names, and how many more there are.
fn some(names: &[String]) -> String {
    let mut text = names
        .iter()
        .take(MAX_NAMES)
        .cloned()
        .collect::<Vec<_>>()
        .join(", ");
    if names.len() > MAX_NAMES {
        let more = names.len() - MAX_NAMES;
        text.push_str(" and ");
        text.push_str(&more.to_string());
        text.push_str(" more");
    }
    text
}
