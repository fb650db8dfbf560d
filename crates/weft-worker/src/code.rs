//! The source of code that another machine compiled.

use std::sync::Arc;
use weft_core::id::TenantId;
use weft_sandbox::CodeSource;

/// Compiled code of an installation.
pub trait CodeStore: Send + Sync {
    /// The part of it that this tenant's components may come from.
    fn of(&self, tenant: &TenantId) -> Arc<dyn CodeSource>;
}
