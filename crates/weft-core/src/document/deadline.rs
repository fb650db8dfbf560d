//! The deadline of a DAG or a task: `deadline` and `on_missed_deadline`.

use super::{
    Deadline, ProblemCode,
    fields::{Fields, did_you_mean},
    path::quoted,
};

const NOTIFY: &str = "notify";
const STOP: &str = "stop";

/// The deadline; `None` if there is none or it is wrong.
pub(crate) fn read_deadline(fields: &Fields<'_>) -> Option<Deadline> {
    let after = fields.timeout("deadline");
    let on_miss = fields.text("on_missed_deadline");
    if let Some(on_miss) = on_miss
        && ![NOTIFY, STOP].contains(&on_miss)
    {
        let help = did_you_mean(on_miss, [NOTIFY, STOP])
            .unwrap_or_else(|| format!("known are {NOTIFY} and {STOP}"));
        let message = format!("a missed deadline can't do {}", quoted(on_miss));
        fields.problem(
            "on_missed_deadline",
            ProblemCode::InvalidValue,
            message,
            Some(help),
        );
    }
    if on_miss.is_some() && !fields.has("deadline") {
        let help = "add `deadline`, such as \"2h\", or remove it".to_owned();
        let message = "there is no deadline that could be missed";
        fields.problem(
            "on_missed_deadline",
            ProblemCode::Conflict,
            message,
            Some(help),
        );
    }
    Some(Deadline {
        after: after?,
        stops: on_miss == Some(STOP),
    })
}
