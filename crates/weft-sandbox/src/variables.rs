//! Variables that an operator set and a task was granted by name.

use async_trait::async_trait;

/// A source of variables. Grants are checked before it is called.
#[async_trait]
pub trait Variables: Send + Sync {
    /// The variable's value, of at most [`MAX_VARIABLE_BYTES`].
    ///
    /// # Errors
    /// [`VariableError`] distinguishes a missing variable from a store that does not answer.
    async fn get(&self, name: &str) -> Result<String, VariableError>;
}

/// A longer value is refused.
pub const MAX_VARIABLE_BYTES: usize = 1 << 20;

/// Why a variable could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum VariableError {
    /// No such variable.
    #[error("no such variable")]
    NotFound,
    /// The store does not answer: the attempt fails as the host's own fault.
    #[error("variables can't be read: {0}")]
    Unavailable(String),
}

/// No variables at all.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoVariables;

#[async_trait]
impl Variables for NoVariables {
    async fn get(&self, _name: &str) -> Result<String, VariableError> {
        Err(VariableError::NotFound)
    }
}
