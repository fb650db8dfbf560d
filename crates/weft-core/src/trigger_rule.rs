//! When a task may start, given how its upstreams ended: Airflow's trigger rules.
//!
//! The evaluation is that of Airflow 3 (`TriggerRuleDep`), case for case:
//!
//! - Instances are counted, not tasks: a mapped upstream counts as many as it
//!   has, one that isn't expanded counts as one that hasn't ended.
//! - A rule is evaluated whenever an upstream instance ends, so one that can
//!   no longer be met is decided at once, by what is known then: with
//!   `all_success`, a skip followed by a failure skips, a failure followed by a
//!   skip makes `upstream_failed`.
//! - A task without upstreams may start, whatever its rule.
//! - A cancelled upstream counts as a failed one.
//!
//! Airflow's `all_done_setup_success` is not among them: it is the rule of teardowns,
//! which have no other one.

/// Airflow's trigger rules, under Airflow's names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TriggerRule {
    /// Every upstream succeeded.
    #[default]
    AllSuccess,
    /// Every upstream failed, or could not run because its own upstream failed.
    AllFailed,
    /// Every upstream ended, however.
    AllDone,
    /// Every upstream ended, none was skipped and at least one succeeded.
    AllDoneMinOneSuccess,
    /// Every upstream was skipped.
    AllSkipped,
    /// At least one upstream failed, or could not run because its own upstream
    /// failed; doesn't wait for the others.
    OneFailed,
    /// At least one upstream succeeded; doesn't wait for the others.
    OneSuccess,
    /// At least one upstream succeeded or failed; doesn't wait for the others.
    /// One that could not run because its own upstream failed doesn't count.
    OneDone,
    /// No upstream failed: each succeeded or was skipped.
    NoneFailed,
    /// No upstream failed and at least one succeeded.
    NoneFailedMinOneSuccess,
    /// No upstream was skipped: each succeeded or failed.
    NoneSkipped,
    /// No upstream matters.
    Always,
}

impl TriggerRule {
    /// Every rule.
    pub const ALL: [Self; 12] = [
        Self::AllSuccess,
        Self::AllFailed,
        Self::AllDone,
        Self::AllDoneMinOneSuccess,
        Self::AllSkipped,
        Self::OneFailed,
        Self::OneSuccess,
        Self::OneDone,
        Self::NoneFailed,
        Self::NoneFailedMinOneSuccess,
        Self::NoneSkipped,
        Self::Always,
    ];

    /// Its name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::AllSuccess => "all_success",
            Self::AllFailed => "all_failed",
            Self::AllDone => "all_done",
            Self::AllDoneMinOneSuccess => "all_done_min_one_success",
            Self::AllSkipped => "all_skipped",
            Self::OneFailed => "one_failed",
            Self::OneSuccess => "one_success",
            Self::OneDone => "one_done",
            Self::NoneFailed => "none_failed",
            Self::NoneFailedMinOneSuccess => "none_failed_min_one_success",
            Self::NoneSkipped => "none_skipped",
            Self::Always => "always",
        }
    }

    /// What a task with this rule does, given how its upstreams ended so far.
    pub const fn verdict(self, upstreams: &Tally) -> Verdict {
        let Tally {
            pending,
            success,
            skipped,
            failed,
            upstream_failed,
        } = *upstreams;
        let all_done = pending == 0;
        let any_failed = failed > 0 || upstream_failed > 0;
        if all_done && success == 0 && skipped == 0 && !any_failed {
            return Verdict::Run;
        }
        // Once every upstream ended, a rule that nothing spoke against is met.
        let when_done = if all_done {
            Verdict::Run
        } else {
            Verdict::Wait
        };
        match self {
            Self::Always => Verdict::Run,
            Self::AllSuccess => match (any_failed, skipped > 0) {
                (true, _) => Verdict::UpstreamFailed,
                (false, true) => Verdict::Skip,
                (false, false) => when_done,
            },
            Self::AllFailed if success > 0 || skipped > 0 => Verdict::Skip,
            Self::AllSkipped if success > 0 || any_failed => Verdict::Skip,
            Self::OneSuccess => match (success > 0, all_done, any_failed) {
                (true, _, _) => Verdict::Run,
                (false, true, true) => Verdict::UpstreamFailed,
                (false, true, false) => Verdict::Skip,
                (false, false, _) => Verdict::Wait,
            },
            Self::OneFailed => one(any_failed, all_done),
            Self::OneDone => one(success > 0 || failed > 0, all_done),
            Self::NoneFailed | Self::NoneFailedMinOneSuccess if any_failed => {
                Verdict::UpstreamFailed
            }
            Self::NoneFailedMinOneSuccess if all_done && success == 0 => Verdict::Skip,
            Self::NoneSkipped | Self::AllDoneMinOneSuccess if skipped > 0 => Verdict::Skip,
            Self::AllDoneMinOneSuccess if all_done && success == 0 => Verdict::UpstreamFailed,
            Self::AllDone
            | Self::AllFailed
            | Self::AllSkipped
            | Self::NoneFailed
            | Self::NoneFailedMinOneSuccess
            | Self::NoneSkipped
            | Self::AllDoneMinOneSuccess => when_done,
        }
    }
}

/// The verdict of a rule that one upstream can meet.
const fn one(met: bool, all_done: bool) -> Verdict {
    match (met, all_done) {
        (true, _) => Verdict::Run,
        (false, true) => Verdict::Skip,
        (false, false) => Verdict::Wait,
    }
}

/// How many upstream instances are in which state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Not ended.
    pub pending: u32,
    /// Succeeded.
    pub success: u32,
    /// Skipped.
    pub skipped: u32,
    /// Failed, or cancelled.
    pub failed: u32,
    /// Could not run because an upstream of theirs failed.
    pub upstream_failed: u32,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.pending += more.pending;
        self.success += more.success;
        self.skipped += more.skipped;
        self.failed += more.failed;
        self.upstream_failed += more.upstream_failed;
    }
}

/// What follows from a rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It depends on upstreams that haven't ended.
    Wait,
    /// It may start.
    Run,
    /// It is skipped.
    Skip,
    /// It can never run.
    UpstreamFailed,
}

#[cfg(test)]
mod tests {
    use super::{Tally, TriggerRule, Verdict};

    /// One line for each combination of upstreams: `.` pending, `s` success,
    /// `k` skipped, `f` failed, `u` upstream failed; then the verdict of each
    /// rule in the order of [`TriggerRule::ALL`]: `.` wait, `R` run, `k` skip,
    /// `u` upstream failed. Worked out by hand from Airflow's source.
    const TABLE: &[(&str, &str)] = &[
        // suc fai don dms ski 1fa 1su 1do nof nfm nos alw
        ("", "RRRRRRRRRRRR"),
        (".", "...........R"),
        ("s", "RkRRkkRRRRRR"),
        ("k", "kkRkRkkkRkkR"),
        ("f", "uRRukRuRuuRR"),
        ("u", "uRRukRukuuRR"),
        (".s", ".k..k.RR...R"),
        (".k", "kk.k......kR"),
        (".f", "u...kR.Ruu.R"),
        (".u", "u...kR..uu.R"),
        ("ss", "RkRRkkRRRRRR"),
        ("sk", "kkRkkkRRRRkR"),
        ("sf", "ukRRkRRRuuRR"),
        ("su", "ukRRkRRRuuRR"),
        ("kk", "kkRkRkkkRkkR"),
        ("kf", "ukRkkRuRuukR"),
        ("ku", "ukRkkRukuukR"),
        ("ff", "uRRukRuRuuRR"),
        ("fu", "uRRukRuRuuRR"),
        ("uu", "uRRukRukuuRR"),
        (".sk", "kk.kk.RR..kR"),
        (".sf", "uk..kRRRuu.R"),
        (".kf", "uk.kkR.RuukR"),
        ("skf", "ukRkkRRRuukR"),
        ("sku", "ukRkkRRRuukR"),
        ("kfu", "ukRkkRuRuukR"),
        ("sfu", "ukRRkRRRuuRR"),
        ("ssk", "kkRkkkRRRRkR"),
        ("skk", "kkRkkkRRRRkR"),
        (".skfu", "uk.kkRRRuukR"),
        ("skfu", "ukRkkRRRuukR"),
    ];

    fn tally(upstreams: &str) -> Tally {
        let count = |wanted| {
            u32::try_from(upstreams.chars().filter(|c| *c == wanted).count()).expect("few")
        };
        Tally {
            pending: count('.'),
            success: count('s'),
            skipped: count('k'),
            failed: count('f'),
            upstream_failed: count('u'),
        }
    }

    #[test]
    fn each_rule_decides_as_airflow_does() {
        for (upstreams, verdicts) in TABLE {
            let found: String = TriggerRule::ALL
                .into_iter()
                .map(|rule| match rule.verdict(&tally(upstreams)) {
                    Verdict::Wait => '.',
                    Verdict::Run => 'R',
                    Verdict::Skip => 'k',
                    Verdict::UpstreamFailed => 'u',
                })
                .collect();
            assert_eq!(&found, verdicts, "upstreams {upstreams:?}");
        }
    }

    #[test]
    fn no_rule_waits_once_every_upstream_ended() {
        for bits in 0..256_u32 {
            let part = |shift: u32| (bits >> shift) & 3;
            let tally = Tally {
                pending: 0,
                success: part(0),
                skipped: part(2),
                failed: part(4),
                upstream_failed: part(6),
            };
            for rule in TriggerRule::ALL {
                assert_ne!(rule.verdict(&tally), Verdict::Wait, "{rule:?} {tally:?}");
            }
        }
    }
}
