//! When this process last recorded in the database that a token was used, so that a request does not
//! ask each time.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};
use weft_store_sql::TokenId;

/// As the database, which writes a token's last use once in this time.
const INTERVAL: Duration = Duration::from_mins(1);
/// Tokens that are remembered; beyond it all are forgotten, which costs a statement for each.
const MAX_TOKENS: usize = 4_096;

/// The last uses that were recorded, by token.
#[derive(Default)]
pub(crate) struct LastUses(Mutex<HashMap<TokenId, Instant>>);

impl LastUses {
    /// Whether a use of a token was recorded so recently that one now need not be.
    pub(crate) fn is_recorded(&self, token: TokenId, now: Instant) -> bool {
        is_recorded(&self.lock(), token, now)
    }

    /// Whether the use of a token has to be recorded now. The caller then records it.
    pub(crate) fn is_due(&self, token: TokenId, now: Instant) -> bool {
        let mut recorded = self.lock();
        if is_recorded(&recorded, token, now) {
            return false;
        }
        if recorded.len() >= MAX_TOKENS {
            recorded.clear();
        }
        recorded.insert(token, now);
        true
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<TokenId, Instant>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_recorded(recorded: &HashMap<TokenId, Instant>, token: TokenId, now: Instant) -> bool {
    let at = recorded.get(&token);
    at.is_some_and(|at| now.saturating_duration_since(*at) < INTERVAL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_use_is_recorded_once_in_an_interval() {
        let uses = LastUses::default();
        let start = Instant::now();
        assert!(!uses.is_recorded(TokenId(1), start));
        assert!(uses.is_due(TokenId(1), start));
        assert!(uses.is_recorded(TokenId(1), start + INTERVAL / 2));
        // To look changes nothing.
        assert!(!uses.is_recorded(TokenId(1), start + INTERVAL));
        assert!(!uses.is_due(TokenId(1), start + INTERVAL / 2));
        assert!(uses.is_due(TokenId(2), start));
        assert!(uses.is_due(TokenId(1), start + INTERVAL));
    }

    #[test]
    fn the_number_of_tokens_is_bounded() {
        let uses = LastUses::default();
        let start = Instant::now();
        for token in 0..3 * i64::try_from(MAX_TOKENS).unwrap() {
            assert!(uses.is_due(TokenId(token), start));
            assert!(uses.0.lock().unwrap().len() <= MAX_TOKENS);
        }
    }
}
