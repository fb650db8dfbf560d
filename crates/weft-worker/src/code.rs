//! Where compiled code may be had that another machine made, so that this one need not.

use std::sync::Arc;
use weft_core::id::TenantId;
use weft_sandbox::CodeSource;

/// Compiled code of an installation.
pub trait CodeStore: Send + Sync {
    /// The part of it that this tenant's components may come from.
    fn of(&self, tenant: &TenantId) -> Arc<dyn CodeSource>;
}
