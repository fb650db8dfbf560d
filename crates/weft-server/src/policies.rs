//! The policy of a tenant, as the database holds it.

use crate::{app::App, problem::Problem};
use weft_core::{
    document::{Format, Source},
    id::TenantId,
    policy::Policy,
};

/// Where none was set, the default.
pub(crate) async fn policy_of(app: &App, tenant: &TenantId) -> Result<Policy, Problem> {
    let Some(row) = app.database().show_policy(tenant).await? else {
        return Ok(Policy::default());
    };
    let source = Source {
        name: "the tenant's policy",
        text: &row.text,
        format: Format::Toml,
    };
    Policy::parse(source).map_err(|error| {
        Problem::internal(format!(
            "the stored policy of {tenant} can't be read: {error}"
        ))
    })
}
