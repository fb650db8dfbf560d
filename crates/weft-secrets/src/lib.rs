//! The values of variables: sealed in the database, or kept elsewhere and only referred to there.
//!
//! What always holds:
//!
//! - A tenant reads its own: the place of a value that is kept elsewhere begins with the tenant's
//!   name, which no reference can leave.
//! - Only the operator says where values are kept. Without that, a reference is refused.
//! - A failure names the place, and never a value or a token.

mod files;
mod reference;
mod sources;
mod vault;

pub use reference::{Reference, ReferenceError};
pub use sources::{SourceError, SourceOptions, Sources};
pub use vault::VaultOptions;

use weft_core::id::TenantId;
use weft_store_sql::{Database, StoredVariable, VariableError, secret::Keyring};

/// The most bytes of a value, wherever it is kept.
pub const MAX_VALUE_BYTES: usize = 64 << 10;

/// Why a variable was not read. It never contains a value.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The database does not answer, or the sealed value can't be opened.
    #[error(transparent)]
    Stored(#[from] VariableError),
    /// The reference is none that this version knows.
    #[error("the variable {name}: {error}")]
    Reference {
        /// The variable.
        name: String,
        /// What is wrong with it.
        error: ReferenceError,
    },
    /// What it refers to can't be read.
    #[error("the variable {name}: {error}")]
    Source {
        /// The variable.
        name: String,
        /// What is wrong there.
        error: SourceError,
    },
}

/// The variables of all tenants.
#[derive(Clone)]
pub struct Variables {
    database: Database,
    keyring: Keyring,
    sources: Sources,
}

impl Variables {
    /// Those of a database, opened with these keys, and of these other places.
    pub const fn new(database: Database, keyring: Keyring, sources: Sources) -> Self {
        Self {
            database,
            keyring,
            sources,
        }
    }

    /// Where values are kept besides the database.
    pub const fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The value of a tenant's variable; none where it has none of this name.
    ///
    /// # Errors
    /// See [`ReadError`].
    pub async fn value(&self, tenant: &TenantId, name: &str) -> Result<Option<String>, ReadError> {
        let stored = self
            .database
            .open_variable(&self.keyring, tenant, name)
            .await?;
        let text = match stored {
            None => return Ok(None),
            Some(StoredVariable::Value(value)) => return Ok(Some(value)),
            Some(StoredVariable::Reference(text)) => text,
        };
        let name = || name.to_owned();
        let reference: Reference = text.parse().map_err(|error| ReadError::Reference {
            name: name(),
            error,
        })?;
        let value = self.sources.read(tenant, &reference).await;
        value.map(Some).map_err(|error| ReadError::Source {
            name: name(),
            error,
        })
    }
}
