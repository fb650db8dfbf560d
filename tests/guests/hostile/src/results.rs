//! Attacks through what a task returns.

use crate::{
    End,
    exports::weft::dag::tasks::{Failure, Outcome},
};

type Inputs = [(String, String)];

/// More than any output limit, less than the guest's memory.
const HUGE_BYTES: usize = 100 << 20;

pub(crate) fn huge_output(_: &Inputs) -> End {
    let mut json = "x".repeat(HUGE_BYTES);
    json.replace_range(..1, "\"");
    json.replace_range(HUGE_BYTES - 1.., "\"");
    Ok(Outcome::Success(json))
}

pub(crate) fn huge_failure(_: &Inputs) -> End {
    Err(Failure {
        retryable: false,
        message: "m".repeat(HUGE_BYTES),
        more: None,
    })
}

/// A choice among a million tasks.
pub(crate) fn huge_control(_: &Inputs) -> End {
    let tasks = vec!["\"left\""; 1_000_000].join(",");
    Ok(Outcome::Control(format!(
        r#"{{"kind":"branch","tasks":[{tasks}]}}"#
    )))
}

/// The character that databases refuse inside JSON text, as an escape.
pub(crate) fn nul_in_output(_: &Inputs) -> End {
    Ok(Outcome::Success(r#"{"text":"before\u0000after"}"#.into()))
}

pub(crate) fn broken_output(_: &Inputs) -> End {
    Ok(Outcome::Success(r#"{"unfinished": [1, 2"#.into()))
}

/// Deep enough to overflow the stack of a reader that uses recursion.
pub(crate) fn deeply_nested_output(_: &Inputs) -> End {
    let levels = 200_000;
    Ok(Outcome::Success("[".repeat(levels) + &"]".repeat(levels)))
}

/// Each of them would take a hundred times its length as a tree; the first has the host look into all.
pub(crate) fn million_objects_in_output(_: &Inputs) -> End {
    Ok(Outcome::Success(format!(
        r#"[{{"$artifact":1}}{}]"#,
        r#",{"":0}"#.repeat(1_000_000)
    )))
}

pub(crate) fn million_objects_in_control(_: &Inputs) -> End {
    Ok(Outcome::Control(format!(
        r#"{{"kind":"branch","tasks":[],"output":[0{}]}}"#,
        r#",{"":0}"#.repeat(1_000_000)
    )))
}

pub(crate) fn unknown_control(_: &Inputs) -> End {
    Ok(Outcome::Control(r#"{"kind":"format_the_disk"}"#.into()))
}

pub(crate) fn broken_details(_: &Inputs) -> End {
    Err(Failure {
        retryable: true,
        message: "an honest message".into(),
        more: Some("{not json".into()),
    })
}
