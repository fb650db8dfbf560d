//! Calls that need a grant, made without one.

use crate::case::Case;
use weft_sandbox::GuestEvent;
use weft_tests::isolated;

#[test]
pub(super) fn sockets() {
    isolated!(|| {
        let seen = Case::task("sockets").run();
        assert_eq!(seen.succeeds(&[]), "\"open: \"");
    });
}

/// The guest gets 'denied', and the log says which grant to add.
#[test]
pub(super) fn variable_without_grant() {
    isolated!(|| {
        let seen = Case::task("variable_without_grant").run();
        seen.succeeds(&["denied"]);
        let is_logged = seen.events.iter().any(|event| match event {
            GuestEvent::Log { message, .. } => {
                message.contains("database_password")
                    && message.contains("variables = [\"database_password\"]")
            }
            GuestEvent::Progress { .. } | GuestEvent::LogTruncated { .. } => false,
        });
        assert!(is_logged, "{:?}", seen.events);
    });
}
