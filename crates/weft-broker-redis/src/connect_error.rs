//! Why a connection to a Redis failed.

/// The oldest supported server.
pub(crate) const OLDEST_VERSION: u64 = 7;
/// The layout of the keys that this program knows.
pub(crate) const LAYOUT: i64 = 1;

/// Why a connection failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ConnectError {
    /// The URL is invalid.
    #[error("this is no address of a Redis: {0}")]
    Address(String),
    /// Redis does not answer, or refuses this user; the same call may succeed later.
    #[error("{address}: {why}")]
    Unavailable {
        /// Without its secrets.
        address: String,
        /// What failed.
        why: String,
    },
    /// Redis is too old.
    #[error("{address} is Redis {found}; at least {OLDEST_VERSION} is needed")]
    TooOld {
        /// Without its secrets.
        address: String,
        /// The server's version.
        found: String,
    },
    /// The namespace belongs to another installation.
    #[error(
        "the namespace {namespace:?} of {address} belongs to another installation: name one of its own"
    )]
    Foreign {
        /// Without its secrets.
        address: String,
        /// The first part of the keys.
        namespace: String,
    },
    /// A newer Weft wrote the layout of the keys.
    #[error(
        "what {address} holds was laid out by a newer version of Weft (layout {found}, this one knows {LAYOUT})"
    )]
    Newer {
        /// Without its secrets.
        address: String,
        /// The layout's number.
        found: i64,
    },
}
