//! Names an attempt within the logs.

use std::sync::Arc;
use weft_core::id::TenantId;

/// An attempt: whose, and which.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogKey {
    /// Only this tenant reads it.
    pub tenant: TenantId,
    /// Unique within the tenant, such as `<run>/<task>/<map index>/<number>`; at
    /// most [`LogKey::MAX_ATTEMPT_BYTES`]. Its meaning is the caller's.
    pub attempt: Arc<str>,
}

impl LogKey {
    /// The longest text that names an attempt.
    pub const MAX_ATTEMPT_BYTES: usize = 1024;
}
