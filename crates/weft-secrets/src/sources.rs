//! The places beside the database where values are kept, as the operator sets them.

use crate::{
    MAX_VALUE_BYTES, Reference, files,
    vault::{Vault, VaultOptions},
};
use std::{path::PathBuf, sync::Arc};
use weft_core::id::TenantId;

/// What the environment variables begin with that variables may refer to.
const ENVIRONMENT_PREFIX: &str = "WEFT_VARIABLE_";

/// Where values are kept beside the database.
#[derive(Debug, Clone, Default)]
pub struct SourceOptions {
    /// The folder whose folders, by tenant, hold values as files.
    pub folder: Option<PathBuf>,
    /// Vault.
    pub vault: Option<VaultOptions>,
}

/// Why a value was not read. It never contains the value.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SourceError {
    /// The operator has not set where such values are kept.
    #[error("{0}")]
    NotSet(&'static str),
    /// There is nothing there.
    #[error("there is no {0}")]
    Missing(String),
    /// Something is there, or may be, and can't be read.
    #[error("{0}")]
    Unreadable(String),
}

/// Reads values.
#[derive(Debug, Clone)]
pub struct Sources {
    folder: Option<PathBuf>,
    vault: Option<Arc<Vault>>,
}

impl Sources {
    /// These, reached with this configuration of TLS.
    ///
    /// # Errors
    /// HTTP can't be set up.
    pub fn new(options: SourceOptions, tls: &rustls::ClientConfig) -> Result<Self, SourceError> {
        let vault = options.vault.map(|vault| Vault::new(vault, tls));
        Ok(Self {
            folder: options.folder,
            vault: vault.transpose()?.map(Arc::new),
        })
    }

    /// None but the environment.
    pub const fn none() -> Self {
        Self {
            folder: None,
            vault: None,
        }
    }

    /// Whether the operator has set where such a value of a tenant is kept.
    ///
    /// # Errors
    /// [`SourceError::NotSet`] says what to set.
    pub fn check(&self, tenant: &TenantId, reference: &Reference) -> Result<(), SourceError> {
        match reference {
            Reference::Environment(_) if *tenant != TenantId::default() => {
                Err(SourceError::NotSet(
                    "the server's environment is for the tenant `default` alone: use file: or vault:",
                ))
            }
            Reference::File(_) if self.folder.is_none() => Err(SourceError::NotSet(
                "values in files are not set up: the operator starts the server with --variables-folder",
            )),
            Reference::Vault { .. } if self.vault.is_none() => Err(SourceError::NotSet(
                "Vault is not set up: the operator starts the server with --vault",
            )),
            Reference::Environment(_) | Reference::File(_) | Reference::Vault { .. } => Ok(()),
        }
    }

    /// The value that a tenant's reference leads to.
    ///
    /// # Errors
    /// See [`SourceError`].
    pub async fn read(
        &self,
        tenant: &TenantId,
        reference: &Reference,
    ) -> Result<String, SourceError> {
        self.check(tenant, reference)?;
        let value = match (reference, &self.folder, &self.vault) {
            (Reference::Environment(name), ..) => from_environment(name)?,
            (Reference::File(name), Some(folder), _) => {
                let (folder, tenant, name) = (folder.clone(), tenant.clone(), name.clone());
                let read = move || files::read(&folder, &tenant, &name);
                tokio::task::spawn_blocking(read).await.map_err(|_ended| {
                    SourceError::Unreadable("the server ended while it read the file".into())
                })??
            }
            (Reference::Vault { path, key }, _, Some(vault)) => {
                vault.read(tenant, path, key).await?
            }
            (Reference::File(_) | Reference::Vault { .. }, ..) => {
                return Err(SourceError::NotSet("it is not set up"));
            }
        };
        if value.len() > MAX_VALUE_BYTES {
            return Err(SourceError::Unreadable(format!(
                "{reference} has more than the {MAX_VALUE_BYTES} bytes that a value may have"
            )));
        }
        Ok(value)
    }
}

fn from_environment(name: &str) -> Result<String, SourceError> {
    let name = format!("{ENVIRONMENT_PREFIX}{name}");
    match std::env::var(&name) {
        Ok(value) => Ok(value),
        Err(std::env::VarError::NotPresent) => Err(SourceError::Missing(format!(
            "environment variable {name} of the server"
        ))),
        Err(std::env::VarError::NotUnicode(_)) => {
            Err(SourceError::Unreadable(format!("{name} is not UTF-8")))
        }
    }
}
