//! Compiled code for the fleet: the server holds the key, a subprocess compiles.

use crate::data_folder::DataFolder;
use bytes::Bytes;
use std::sync::Arc;
use weft_api::problem::Problem;
use weft_dagfile::engine;
use weft_sandbox::{CodeName, CodeSigner, Digest, SigningCompiler, SigningError};
use weft_server::ports::CodeError;
use weft_store_sql::secret::Keyring;

/// Makes code and signs it.
pub(super) struct Stock {
    compiler: SigningCompiler,
    signer: Arc<str>,
}

impl Stock {
    /// Takes what the folder has of compiled code; signs with the installation's key.
    pub(super) fn of(folder: &DataFolder, keyring: &Keyring) -> Result<Self, Problem> {
        let signer = CodeSigner::of_seed(keyring.signing_seed());
        let compiler = SigningCompiler::new(&engine::options(1, Some(folder.code()))?, signer);
        let signer: Arc<str> = compiler.key().to_string().into();
        tracing::info!(
            key = &*signer,
            operation = "load signing key",
            "compiled code is signed for workers"
        );
        Ok(Self { compiler, signer })
    }

    pub(super) fn signer(&self) -> Arc<str> {
        Arc::clone(&self.signer)
    }

    pub(super) async fn code(
        &self,
        file: Bytes,
        digest: Digest,
        name: &str,
    ) -> Result<Bytes, CodeError> {
        let name: CodeName = name
            .parse()
            .map_err(|unknown: weft_sandbox::UnknownCodeName| {
                CodeError::Unknown(unknown.to_string())
            })?;
        self.compiler
            .compile(file, digest, &name)
            .await
            .map_err(|error| match error {
                SigningError::Unknown => CodeError::Unknown(error.to_string()),
                SigningError::Compile(error) => CodeError::Unavailable(error.to_string()),
            })
    }
}
