//! The trigger rules and that of teardowns, sentence for sentence, over the list of upstreams.

use weft_core::trigger_rule::TriggerRule;

/// How an instance ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It succeeded.
    Success,
    /// It failed.
    Failed,
    /// It was skipped.
    Skipped,
    /// An upstream of it failed.
    UpstreamFailed,
    /// The run was stopped.
    Cancelled,
}

/// The verdict of a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ruling {
    /// Not yet.
    Wait,
    /// Go.
    Run,
    /// Be skipped.
    Skip,
    /// Fail with the upstreams.
    UpstreamFailed,
}

/// The verdict of a rule on upstreams; those that have not ended are pending.
pub fn ruling(rule: TriggerRule, upstreams: &[Option<Ending>]) -> Ruling {
    let is_success = |up: &Option<Ending>| *up == Some(Ending::Success);
    let is_skipped = |up: &Option<Ending>| *up == Some(Ending::Skipped);
    let has_failed = |up: &Option<Ending>| matches!(up, Some(Ending::Failed | Ending::Cancelled));
    let is_bad = |up: &Option<Ending>| has_failed(up) || *up == Some(Ending::UpstreamFailed);
    let done = upstreams.iter().all(Option::is_some);
    let any = |what: &dyn Fn(&Option<Ending>) -> bool| upstreams.iter().any(what);
    let all = |what: &dyn Fn(&Option<Ending>) -> bool| upstreams.iter().all(what);
    let first = |cases: &[(bool, Ruling)]| {
        cases
            .iter()
            .find(|(holds, _)| *holds)
            .map_or(Ruling::Wait, |(_, ruling)| *ruling)
    };
    if upstreams.is_empty() {
        return Ruling::Run;
    }
    match rule {
        TriggerRule::Always => Ruling::Run,
        TriggerRule::AllDone => first(&[(done, Ruling::Run)]),
        TriggerRule::AllSuccess => first(&[
            (any(&is_bad), Ruling::UpstreamFailed),
            (any(&is_skipped), Ruling::Skip),
            (all(&is_success), Ruling::Run),
        ]),
        TriggerRule::AllFailed => first(&[
            (any(&is_success) || any(&is_skipped), Ruling::Skip),
            (all(&is_bad), Ruling::Run),
        ]),
        TriggerRule::AllSkipped => first(&[
            (any(&is_success) || any(&is_bad), Ruling::Skip),
            (all(&is_skipped), Ruling::Run),
        ]),
        TriggerRule::OneSuccess => first(&[
            (any(&is_success), Ruling::Run),
            (all(&is_skipped), Ruling::Skip),
            (done, Ruling::UpstreamFailed),
        ]),
        TriggerRule::OneFailed => first(&[(any(&is_bad), Ruling::Run), (done, Ruling::Skip)]),
        TriggerRule::OneDone => first(&[
            (any(&is_success) || any(&has_failed), Ruling::Run),
            (done, Ruling::Skip),
        ]),
        TriggerRule::NoneFailed => {
            first(&[(any(&is_bad), Ruling::UpstreamFailed), (done, Ruling::Run)])
        }
        TriggerRule::NoneFailedMinOneSuccess => first(&[
            (any(&is_bad), Ruling::UpstreamFailed),
            (all(&is_skipped), Ruling::Skip),
            (done, Ruling::Run),
        ]),
        TriggerRule::NoneSkipped => first(&[(any(&is_skipped), Ruling::Skip), (done, Ruling::Run)]),
        TriggerRule::AllDoneMinOneSuccess => first(&[
            (any(&is_skipped), Ruling::Skip),
            (done && any(&is_success), Ruling::Run),
            (done, Ruling::UpstreamFailed),
        ]),
    }
}

/// The verdict on a teardown, from its upstreams and from its setups, which are among them.
pub fn teardown_ruling(upstreams: &[Option<Ending>], setups: &[Option<Ending>]) -> Ruling {
    if upstreams.iter().any(Option::is_none) {
        return Ruling::Wait;
    }
    if setups.is_empty() || setups.contains(&Some(Ending::Success)) {
        return Ruling::Run;
    }
    if setups.iter().all(|setup| *setup == Some(Ending::Skipped)) {
        return Ruling::Skip;
    }
    Ruling::UpstreamFailed
}
