//! Artifacts: those of others, and the room that they take.

use crate::case::{Case, Seen};
use weft_sandbox::FailureKind;
use weft_tests::isolated;

/// What another task stored before, and did not hand on.
const SECRET: &str = "somebody else's";

/// Nothing was stored, and nothing was taken away.
#[track_caller]
fn only_the_secret(seen: &Seen) {
    assert_eq!(seen.artifact_store.contents(), [SECRET]);
}

/// A case whose input `existing` names an artifact that is there, as a text and not as an artifact.
fn case(behaviour: &str) -> Case {
    let (case, reference) = Case::task(behaviour).shelve(SECRET);
    case.input("existing", format!("{reference:?}"))
}

/// Knowing a reference is not having been given it.
#[test]
pub(super) fn artifact_guessed() {
    isolated!(|| {
        let seen = case("artifact_guessed").run();
        let failure = seen.fails(
            FailureKind::Denied,
            &[
                "denied, denied, denied, denied, denied, denied",
                "artifact-00000000",
                "was not given to this task",
                "input",
            ],
        );
        assert!(!failure.message.contains("opened"), "{failure:?}");
        assert_eq!(seen.report.usage.bytes_in, 0);
        only_the_secret(&seen);
    });
}

#[test]
pub(super) fn artifact_smuggled_out() {
    isolated!(|| {
        let seen = case("artifact_smuggled_out").run();
        seen.fails(FailureKind::Denied, &["artifact-00000000"]);
    });
}

#[test]
pub(super) fn artifacts_by_the_million() {
    isolated!(|| {
        let seen = case("artifacts_by_the_million")
            .limits(|limits| limits.artifacts = 5_000)
            .run();
        seen.fails(
            FailureKind::ArtifactLimit,
            &["too-large", "after 5000;", "5000 artifacts in one attempt"],
        );
        only_the_secret(&seen);
    });
}

#[test]
pub(super) fn artifacts_all_at_once() {
    isolated!(|| {
        let seen = case("artifacts_all_at_once")
            .limits(|limits| limits.artifacts = 5_000)
            .run();
        seen.fails(
            FailureKind::HandleLimit,
            &["unavailable", "after 128;", "128 artifacts at once"],
        );
        only_the_secret(&seen);
    });
}

#[test]
pub(super) fn artifact_endless() {
    isolated!(|| {
        let seen = case("artifact_endless")
            .limits(|limits| limits.artifact_bytes = 3 << 20)
            .run();
        seen.fails(
            FailureKind::ArtifactLimit,
            &["too-large", "3MiB", "limits.artifact"],
        );
        assert!(
            seen.report.usage.bytes_out <= 3 << 20,
            "{:?}",
            seen.report.usage
        );
        only_the_secret(&seen);
    });
}
