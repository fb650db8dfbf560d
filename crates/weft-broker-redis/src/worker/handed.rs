//! Claims that a waiting worker was handed: what was published while it waited,
//! claimed for it in the same step.
//!
//! Its entry in the inbox has the registration and the call that it is for, the lease,
//! how long it waited, version and message. It counts for its registration alone: what an
//! earlier one was handed and did not take is given back when it ends.

use super::{Post, post::Session};
use crate::Script;
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::time::Instant;
use weft_broker::{AttemptKey, Claim, message::read_dispatch};

/// A claim, and the name of the call that it is for.
#[derive(Debug)]
pub(super) struct Handed {
    claim: Claim,
    /// From when on its lease counts.
    since: Instant,
    pub(super) ask: u64,
}

impl Handed {
    pub(super) fn key(&self) -> AttemptKey {
        self.claim.dispatch.key
    }

    /// The claim with what is left of its lease; nothing where nothing is.
    pub(super) fn into_claim(self) -> Option<Claim> {
        let lease = self.claim.lease.checked_sub(self.since.elapsed())?;
        Some(Claim {
            lease,
            ..self.claim
        })
    }

    /// What an entry says to this registration, written at this time at the earliest; nothing
    /// where it is for another one.
    pub(super) fn read(session: &Session, entry: &[u8], since: Instant) -> Option<Self> {
        let mut words = entry.splitn(6, |byte| *byte == b' ');
        let mut word = || words.next().unwrap_or_default();
        if word() != session.token.as_bytes() {
            tracing::debug!(worker = %session.id, "what an earlier registration was handed is passed over");
            return None;
        }
        let mut number = || std::str::from_utf8(word()).ok()?.parse::<u64>().ok();
        let (ask, lease, waited, version) = (number()?, number()?, number()?, number()?);
        let version = u32::try_from(version).unwrap_or(u32::MAX);
        match read_dispatch(version, word()) {
            Ok(dispatch) => {
                let claim = Claim {
                    dispatch,
                    lease: Duration::from_millis(lease),
                    waited: Duration::from_millis(waited),
                };
                Some(Self { claim, since, ask })
            }
            // Nobody renews it: its lease ends, and the scheduler hears of that.
            Err(error) => {
                tracing::error!(worker = %session.id, %error, "a dispatch can't be read; its attempt is given up");
                None
            }
        }
    }
}

/// A call that waits, by the name under which it may be handed something. One that is dropped
/// is withdrawn, so that what is published then goes to others.
pub(super) struct Ask<'p> {
    pub(super) name: u64,
    post: &'p Arc<Post>,
    /// As which it may stand in Redis.
    stands: Option<Session>,
}

impl<'p> Ask<'p> {
    pub(super) fn new(post: &'p Arc<Post>) -> Self {
        static NAMES: AtomicU64 = AtomicU64::new(1);
        Self {
            name: NAMES.fetch_add(1, Ordering::Relaxed),
            post,
            stands: None,
        }
    }

    /// It is about to be known in Redis.
    pub(super) fn begins(&mut self, session: &Session) {
        self.stands = Some(session.clone());
    }

    /// Redis has forgotten it with its answer.
    pub(super) fn is_over(&mut self) {
        self.stands = None;
    }
}

impl Drop for Ask<'_> {
    fn drop(&mut self) {
        let Some(session) = self.stands.take() else {
            return;
        };
        let (post, name) = (Arc::clone(self.post), self.name);
        // Where there is no runtime any more there is no worker either.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                let withdrawn = post.redis.run(Script::Withdraw, |command| {
                    command.arg(&*session.token).arg(name);
                });
                if let Err(error) = withdrawn.await {
                    tracing::debug!(worker = %session.id, %error, "a claim that nobody waits for was not withdrawn");
                }
            });
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

    fn session() -> Session {
        Session {
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
    async fn a_lease_counts_from_the_moment_when_it_may_have_begun() {
        let since = Instant::now();
        let read = |entry: &str| Handed::read(&session(), entry.as_bytes(), since);
        let handed = read(&entry("0f", 15_000)).expect("it is this registration's");
        assert_eq!((handed.key(), handed.ask), (key(1), 7));
        tokio::time::advance(Duration::from_secs(5)).await;
        let claim = handed.into_claim().expect("its lease goes on");
        assert_eq!(
            (claim.lease, claim.waited),
            (Duration::from_secs(10), Duration::from_millis(3))
        );
        let late = read(&entry("0f", 4_999)).expect("it is this registration's");
        assert!(late.into_claim().is_none());
    }

    #[test]
    fn what_is_another_ones_or_no_claim_is_passed_over() {
        let since = Instant::now();
        for odd in [
            entry("0e", 15_000),
            entry("0f", 15_000).replace('{', "["),
            "0f 7 x".to_owned(),
            String::new(),
        ] {
            let read = Handed::read(&session(), odd.as_bytes(), since);
            assert!(read.is_none(), "{odd}");
        }
    }
}
