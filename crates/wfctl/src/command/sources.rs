//! Where the values of variables are kept beside the database: `wfctl up` and `wfctl server`.

use std::path::PathBuf;
use url::Url;
use weft_secrets::{SourceOptions, VaultOptions};

/// Where values are kept.
#[derive(Debug, clap::Args)]
pub(crate) struct SourceArgs {
    /// A folder that has a folder for each tenant: variables that are set with `file:NAME` read the files in it
    #[arg(long, value_name = "FOLDER", env = "WEFT_VARIABLES_FOLDER")]
    variables_folder: Option<PathBuf>,
    /// The address of Vault: variables that are set with `vault:PATH#KEY` read its key-value engine, version 2
    #[arg(
        long,
        value_name = "URL",
        env = "WEFT_VAULT",
        requires = "vault_token_file"
    )]
    vault: Option<Url>,
    /// The file that holds Vault's token; it is read for each request
    #[arg(
        long,
        value_name = "FILE",
        env = "WEFT_VAULT_TOKEN_FILE",
        requires = "vault"
    )]
    vault_token_file: Option<PathBuf>,
    /// Where Vault has mounted the engine
    #[arg(
        long,
        value_name = "PATH",
        env = "WEFT_VAULT_MOUNT",
        default_value = "secret"
    )]
    vault_mount: String,
    /// The path in it that has a path for each tenant
    #[arg(
        long,
        value_name = "PATH",
        env = "WEFT_VAULT_PREFIX",
        default_value = "weft"
    )]
    vault_prefix: String,
    /// Vault's namespace
    #[arg(long, value_name = "NAME", env = "WEFT_VAULT_NAMESPACE")]
    vault_namespace: Option<String>,
}

impl SourceArgs {
    pub(super) fn options(&self) -> SourceOptions {
        let vault = self.vault.clone().zip(self.vault_token_file.clone());
        SourceOptions {
            folder: self.variables_folder.clone(),
            vault: vault.map(|(address, token_file)| VaultOptions {
                address,
                token_file,
                mount: self.vault_mount.trim_matches('/').to_owned(),
                prefix: self.vault_prefix.trim_matches('/').to_owned(),
                namespace: self.vault_namespace.clone(),
            }),
        }
    }
}
