//! Parameters of resources that are named by their users.

use crate::extract::{Name, Text};
use serde::Deserialize;
use utoipa::IntoParams;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct ListByName {
    /// The cursor of this page: `next` of the page before.
    pub(super) cursor: Option<String>,
    /// How many items, 1 to 500; 50 by default.
    #[param(minimum = 1, maximum = 500)]
    pub(super) limit: Option<u32>,
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Path)]
pub(super) struct NamePath {
    /// The name.
    #[param(value_type = String)]
    pub(super) name: Text<Name>,
}
