//! Claims that Redis made at publishing for a worker that waited.
//!
//! An inbox entry has the registration and the claim waiter that it is for, the lease, how
//! long the attempt was queued, the message's version and the message. It is valid for its
//! registration alone: claims that an earlier registration did not take are released when
//! that one ends.

use super::registration::Registration;
use std::time::Duration;
use tokio::time::Instant;
use weft_broker::{AttemptKey, Claim, message::read_dispatch};

/// A claim that was pushed, and the waiter that it is for.
#[derive(Debug)]
pub(super) struct PushedClaim {
    claim: Claim,
    /// The earliest time at which its lease may have begun.
    since: Instant,
    pub(super) waiter: u64,
}

impl PushedClaim {
    pub(super) fn key(&self) -> AttemptKey {
        self.claim.dispatch.key
    }

    /// The claim with the rest of its lease; `None` when the lease has expired.
    pub(super) fn into_claim(self) -> Option<Claim> {
        let lease = self.claim.lease.checked_sub(self.since.elapsed())?;
        Some(Claim {
            lease,
            ..self.claim
        })
    }

    /// Reads an inbox entry that was written at `since` or later; `None` when it is for
    /// another registration or can't be read.
    pub(super) fn read(registration: &Registration, entry: &[u8], since: Instant) -> Option<Self> {
        let mut words = entry.splitn(6, |byte| *byte == b' ');
        let mut word = || words.next().unwrap_or_default();
        if word() != registration.token.as_bytes() {
            tracing::debug!(worker = %registration.id, operation = "accept pushed claim", "skipping a claim that was pushed to an earlier registration");
            return None;
        }
        let mut number = || std::str::from_utf8(word()).ok()?.parse::<u64>().ok();
        let (waiter, lease, waited, version) = (number()?, number()?, number()?, number()?);
        let version = u32::try_from(version).unwrap_or(u32::MAX);
        match read_dispatch(version, word()) {
            Ok(dispatch) => {
                let claim = Claim {
                    dispatch,
                    secret: None,
                    lease: Duration::from_millis(lease),
                    waited: Duration::from_millis(waited),
                };
                Some(Self {
                    claim,
                    since,
                    waiter,
                })
            }
            Err(error) => {
                tracing::error!(worker = %registration.id, %error, operation = "decode dispatch", "reading a dispatch failed; its lease expires");
                None
            }
        }
    }
}

#[cfg(all(test, feature = "conformance"))]
mod tests {
    use super::*;
    use weft_broker::{
        conformance::{dispatch, key},
        message::{DISPATCH_VERSION, write_dispatch},
    };

    fn registration() -> Registration {
        Registration {
            token: "0f".into(),
            id: "worker".into(),
            incarnation: "1".into(),
            server: "2".into(),
        }
    }

    fn entry(token: &str, lease: u64) -> String {
        let message = write_dispatch(&dispatch(1, "default", 0));
        format!("{token} 7 {lease} 3 {DISPATCH_VERSION} {message}")
    }

    #[tokio::test(start_paused = true)]
    async fn the_lease_of_a_pushed_claim_counts_from_its_earliest_start() {
        let since = Instant::now();
        let read = |entry: &str| PushedClaim::read(&registration(), entry.as_bytes(), since);
        let pushed = read(&entry("0f", 15_000)).expect("it is this registration's");
        assert_eq!((pushed.key(), pushed.waiter), (key(1), 7));
        tokio::time::advance(Duration::from_secs(5)).await;
        let claim = pushed.into_claim().expect("its lease goes on");
        assert_eq!(
            (claim.lease, claim.waited),
            (Duration::from_secs(10), Duration::from_millis(3))
        );
        let late = read(&entry("0f", 4_999)).expect("it is this registration's");
        assert!(late.into_claim().is_none());
    }

    #[test]
    fn entries_of_other_registrations_and_broken_entries_are_skipped() {
        let since = Instant::now();
        for odd in [
            entry("0e", 15_000),
            entry("0f", 15_000).replace('{', "["),
            "0f 7 x".to_owned(),
            String::new(),
        ] {
            let read = PushedClaim::read(&registration(), odd.as_bytes(), since);
            assert!(read.is_none(), "{odd}");
        }
    }
}
