//! Handles by the million.

use crate::case::Case;
use weft_sandbox::FailureKind;
use weft_tests::isolated;

#[test]
pub(super) fn million_pollables() {
    isolated!(|| {
        let seen = Case::task("million_pollables").run();
        let failure = seen.fails(FailureKind::HandleLimit, &["1000", "handles"]);
        assert_eq!(failure.kind.code(), "handle_limit");
    });
}

#[test]
pub(super) fn million_header_maps() {
    isolated!(|| {
        let seen = Case::task("million_header_maps").run();
        seen.fails(FailureKind::HandleLimit, &["1000", "handles"]);
    });
}
