//! How two versions of a DAG differ, in lines for people.

use weft_api::{Difference, RequestKind, TaskRequest};

/// One line for each thing that differs, without a line's end.
pub(crate) fn lines(difference: &Difference) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(
        difference
            .tasks_added
            .iter()
            .map(|task| format!("+ task {task}")),
    );
    lines.extend(
        difference
            .tasks_removed
            .iter()
            .map(|task| format!("- task {task}")),
    );
    let changed = difference.tasks_changed.iter();
    lines.extend(
        changed.map(|changed| format!("~ task {}: {}", changed.task, changed.fields.join(", "))),
    );
    if let Some(schedule) = &difference.schedule {
        let shown = |text: &Option<String>| text.clone().unwrap_or_else(|| "none".to_owned());
        lines.push(format!(
            "~ schedule: {} -> {}",
            shown(&schedule.before),
            shown(&schedule.after)
        ));
    }
    lines.extend(
        difference
            .fields_changed
            .iter()
            .map(|field| format!("~ {field}")),
    );
    lines.extend(
        difference
            .requests_gained
            .iter()
            .map(|gained| format!("+ asks for {}", request(gained))),
    );
    lines.extend(
        difference
            .requests_lost
            .iter()
            .map(|lost| format!("- asks for {}", request(lost))),
    );
    if difference.code_changed {
        lines.push("~ code".to_owned());
    }
    lines
}

/// One line for each request of a first version, which has nothing to compare with.
pub(crate) fn requests(difference: &Difference) -> Vec<String> {
    let gained = difference.requests_gained.iter();
    gained
        .map(|gained| format!("asks for {}", request(gained)))
        .collect()
}

fn request(request: &TaskRequest) -> String {
    let kind = match request.kind {
        RequestKind::Http => "HTTP to",
        RequestKind::Variable => "the variable",
        RequestKind::Connection => "the connection",
        RequestKind::Dag => "the DAG",
        RequestKind::Queue => "the queue",
        RequestKind::Limit => "the limit",
    };
    format!("{kind} {} (task {})", request.what, request.task)
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_api::{ChangedTask, TextChange};

    #[test]
    fn every_difference_has_its_line() {
        let asks = |what: &str| TaskRequest {
            task: "a".into(),
            kind: RequestKind::Http,
            what: what.into(),
        };
        let difference = Difference {
            code_changed: true,
            tasks_added: vec!["a".into()],
            tasks_removed: vec!["b".into()],
            tasks_changed: vec![ChangedTask {
                task: "c".into(),
                fields: vec!["retries".into(), "timeout".into()],
            }],
            schedule: Some(TextChange {
                before: None,
                after: Some("@daily".into()),
            }),
            fields_changed: vec!["tags".into()],
            requests_gained: vec![asks("new.example.org")],
            requests_lost: vec![asks("old.example.org")],
        };
        assert_eq!(
            lines(&difference),
            [
                "+ task a",
                "- task b",
                "~ task c: retries, timeout",
                "~ schedule: none -> @daily",
                "~ tags",
                "+ asks for HTTP to new.example.org (task a)",
                "- asks for HTTP to old.example.org (task a)",
                "~ code",
            ]
        );
        assert!(lines(&Difference::default()).is_empty());
    }
}
