//! Values on edges: JSON by serde, with a JSON Schema by schemars.

use schemars::JsonSchema;
use serde::{Serialize, de::DeserializeOwned};

/// A type that a task may take. Derive it:
/// `#[derive(Serialize, Deserialize, JsonSchema)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a task's input",
    label = "this type can't travel on an edge",
    note = "an input is JSON: derive `Serialize`, `Deserialize` and `JsonSchema` for `{Self}`"
)]
pub trait Input: DeserializeOwned + JsonSchema {}

#[diagnostic::do_not_recommend]
impl<T: DeserializeOwned + JsonSchema> Input for T {}

/// A type that a task may return. Derive it:
/// `#[derive(Serialize, Deserialize, JsonSchema)]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` can't be a task's output",
    label = "this type can't travel on an edge",
    note = "an output is JSON: derive `Serialize`, `Deserialize` and `JsonSchema` for `{Self}`"
)]
pub trait Output: Serialize + JsonSchema {}

#[diagnostic::do_not_recommend]
impl<T: Serialize + JsonSchema> Output for T {}
