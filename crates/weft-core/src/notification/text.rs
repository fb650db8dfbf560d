//! The title and the text of a notice: Weft's own, or by the templates of a destination.

use super::{Notice, NotifyOn};
use crate::time::Timestamp;
use minijinja::{Environment, UndefinedBehavior, context, value::Serde};
use serde::{Deserialize, Serialize};
use std::fmt::Write as _;

/// The longest template.
pub const MAX_TEMPLATE_BYTES: usize = 16 << 10;
/// The most instructions that a template may take, so that none runs for ever.
const MAX_FUEL: u64 = 50_000;
/// The longest title, in characters.
const MAX_TITLE_CHARS: usize = 200;
/// The longest text, in characters.
const MAX_TEXT_CHARS: usize = 20_000;

/// Templates in the language of Jinja; an absent one is Weft's own text.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Templates {
    /// The title: one line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

/// Why a template can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TemplateError {
    /// Longer than [`MAX_TEMPLATE_BYTES`].
    #[error("the template {0} has more than {MAX_TEMPLATE_BYTES} bytes")]
    TooLong(&'static str),
    /// It can't be read, or fails with a notice.
    #[error("the template {name} fails: {why}")]
    Invalid {
        /// Which one.
        name: &'static str,
        /// What its engine says.
        why: String,
    },
}

impl Templates {
    /// Writes an example by each, of everything that they are for.
    ///
    /// # Errors
    /// What is wrong with which one.
    pub fn check(&self, on: &[NotifyOn]) -> Result<(), TemplateError> {
        for on in on {
            self.write("tenant", &example(*on))?;
        }
        Ok(())
    }

    /// Title and text of a notice. A test has none of what templates name, and Weft's own text.
    ///
    /// # Errors
    /// A template fails with this notice.
    pub fn write(&self, tenant: &str, notice: &Notice) -> Result<(String, String), TemplateError> {
        let is_test = notice.on == NotifyOn::Test;
        let title = match &self.title {
            Some(template) if !is_test => render("title", template, tenant, notice)?,
            Some(_) | None => title(notice),
        };
        let title = title.split_whitespace().collect::<Vec<_>>().join(" ");
        let text = match &self.text {
            Some(template) if !is_test => render("text", template, tenant, notice)?,
            Some(_) | None => text(notice),
        };
        Ok((cut(&title, MAX_TITLE_CHARS), cut(&text, MAX_TEXT_CHARS)))
    }
}

fn render(
    name: &'static str,
    template: &str,
    tenant: &str,
    notice: &Notice,
) -> Result<String, TemplateError> {
    if template.len() > MAX_TEMPLATE_BYTES {
        return Err(TemplateError::TooLong(name));
    }
    let mut environment = Environment::new();
    environment.set_fuel(Some(MAX_FUEL));
    // A misspelled name is an error when the template is set, not a gap in a message.
    environment.set_undefined_behavior(UndefinedBehavior::SemiStrict);
    let values = context! {
        on => notice.on.as_str(),
        tenant => tenant,
        count => notice.count,
        dag => notice.dags.first(),
        dags => Serde(&notice.dags),
        runs => Serde(&notice.runs),
        run => Serde(notice.runs.first()),
        cause => Serde(&notice.cause),
        first => Timestamp(notice.first).to_string(),
        last => Timestamp(notice.last).to_string(),
    };
    environment
        .render_str(template, values)
        .map_err(|error| TemplateError::Invalid {
            name,
            why: error.to_string(),
        })
}

/// What a template is tried with.
fn example(on: NotifyOn) -> Notice {
    let has_cause = matches!(
        on,
        NotifyOn::Failure | NotifyOn::Retry | NotifyOn::Deadline | NotifyOn::Approval
    );
    Notice {
        on,
        count: 2,
        first: 0,
        last: 1_000,
        dags: vec!["example".into()],
        runs: vec![super::NoticeRun {
            dag: "example".into(),
            run: "0000000000001".into(),
            task: has_cause.then(|| "load".into()),
            index: has_cause.then_some(0),
            at: 0,
        }],
        cause: has_cause.then(|| super::NoticeCause {
            fingerprint: "00".into(),
            code: "author".into(),
            message: "example".into(),
        }),
    }
}

fn title(notice: &Notice) -> String {
    let dag = match &notice.dags[..] {
        [] => "Weft".to_owned(),
        [dag] => dag.clone(),
        [dag, others @ ..] => format!("{dag} and {} more DAGs", others.len()),
    };
    match (notice.on, notice.count) {
        (NotifyOn::Success, 1) => format!("{dag} succeeded"),
        (NotifyOn::Success, count) => format!("{dag} succeeded {count} times"),
        (NotifyOn::Failure, 1) => format!("{dag} failed"),
        (NotifyOn::Failure, count) => format!("{dag} failed {count} times"),
        (NotifyOn::Recovery, _) => format!("{dag} succeeds again"),
        (NotifyOn::Retry, 1) => format!("{dag}: a task failed and is tried again"),
        (NotifyOn::Retry, count) => format!("{dag}: {count} attempts failed and are tried again"),
        (NotifyOn::Deadline, 1) => format!("{dag} missed a deadline"),
        (NotifyOn::Deadline, count) => format!("{dag} missed {count} deadlines"),
        (NotifyOn::Approval, 1) => format!("{dag}: a task asks for an approval"),
        (NotifyOn::Approval, count) => format!("{dag}: {count} tasks ask for approvals"),
        (NotifyOn::Test, _) => "Weft tests this destination".to_owned(),
    }
}

fn text(notice: &Notice) -> String {
    let mut text = String::new();
    let written = write_text(&mut text, notice);
    written.expect("a String takes every text");
    text
}

fn write_text(text: &mut String, notice: &Notice) -> std::fmt::Result {
    if notice.on == NotifyOn::Test {
        return write!(text, "If you read this, notifications arrive.");
    }
    if let Some(cause) = &notice.cause {
        match notice.on {
            NotifyOn::Approval | NotifyOn::Deadline => writeln!(text, "{}", cause.message)?,
            _ => writeln!(text, "{}: {}", cause.code, cause.message)?,
        }
    }
    for run in &notice.runs {
        write!(text, "run {} of {}", run.run, run.dag)?;
        if let Some(task) = &run.task {
            write!(text, ", task {task}")?;
            if let Some(index) = run.index.filter(|index| *index > 0) {
                write!(text, "[{index}]")?;
            }
        }
        writeln!(text, ", {}", Timestamp(run.at))?;
    }
    let unnamed = notice.count.saturating_sub(notice.runs.len() as u64);
    if unnamed > 0 {
        writeln!(text, "and {unnamed} more until {}", Timestamp(notice.last))?;
    }
    Ok(())
}

fn cut(text: &str, chars: usize) -> String {
    match text.char_indices().nth(chars) {
        None => text.trim_end().to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_without_templates_says_what_failed_where_and_why() {
        let (title, text) = Templates::default()
            .write("default", &example(NotifyOn::Failure))
            .unwrap();
        assert_eq!(title, "example failed 2 times");
        assert_eq!(
            text,
            "author: example\nrun 0000000000001 of example, task load, 1970-01-01T00:00:00Z\n\
             and 1 more until 1970-01-01T00:00:01Z"
        );
    }

    #[test]
    fn templates_replace_the_texts() {
        let templates = Templates {
            title: Some("{{ tenant }}: {{ dag }}\n{{ on }}".into()),
            text: Some("{% for run in runs %}{{ run.run }}{% endfor %}{% if cause %} {{ cause.code }}{% endif %}".into()),
        };
        templates.check(&NotifyOn::SELECTABLE).unwrap();
        let written = templates.write("t", &example(NotifyOn::Retry)).unwrap();
        assert_eq!(
            written,
            ("t: example retry".into(), "0000000000001 author".into())
        );
    }

    #[test]
    fn a_template_that_can_not_be_used_is_refused_when_it_is_checked() {
        for (template, part) in [
            ("{{ dag", "title fails"),
            ("{{ nothing_of_this_name }}", "undefined"),
            (
                "{% for a in range(9999) %}{% for b in range(9999) %}x{% endfor %}{% endfor %}",
                "fuel",
            ),
        ] {
            let templates = Templates {
                title: Some(template.into()),
                text: None,
            };
            let on = [NotifyOn::Failure];
            let why = templates.check(&on).unwrap_err().to_string();
            assert!(why.contains(part), "{why}");
        }
        let long = Templates {
            title: None,
            text: Some("x".repeat(MAX_TEMPLATE_BYTES + 1)),
        };
        assert_eq!(
            long.check(&[NotifyOn::Success]),
            Err(TemplateError::TooLong("text"))
        );
    }
}
