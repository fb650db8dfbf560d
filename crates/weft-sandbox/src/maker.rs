//! Makes signed code for other machines. It parses and compiles nothing itself:
//! that is the compiler's, which may be a subprocess that is held to limits and
//! never sees the key.

use crate::{
    Digest, LoadError, SandboxOptions,
    cache::Cache,
    code::{CodeKey, CodeName, CodeSigner, Origin},
    compile,
    engine::{self, compiling_engine},
    load::blocking,
};
use bytes::Bytes;
use std::sync::Arc;

/// Makes code and vouches for it. Cheap to clone.
#[derive(Clone)]
pub struct CodeMaker(Arc<Shared>);

struct Shared {
    options: SandboxOptions,
    cache: Option<Cache>,
    signer: CodeSigner,
}

/// Why there is no code.
#[derive(Debug, Clone, thiserror::Error)]
pub enum MakeError {
    /// The name is for one machine alone, or of another version of Weft.
    #[error("this version of Weft makes no such code for other machines")]
    Unknown,
    /// It can't be compiled, or not now.
    #[error(transparent)]
    Compile(#[from] LoadError),
}

impl CodeMaker {
    /// Compiles as a sandbox with these options does, and takes what their folder
    /// of compiled code already has.
    pub fn new(options: SandboxOptions, signer: CodeSigner) -> Self {
        let cache = Cache::of(&options);
        Self(Arc::new(Shared {
            options,
            cache,
            signer,
        }))
    }

    /// What those who load the code have to hold.
    pub fn key(&self) -> CodeKey {
        self.0.signer.key()
    }

    /// The code of a file, signed.
    ///
    /// # Errors
    /// [`MakeError`] says whether anybody can make it.
    pub async fn make(
        &self,
        wasm: Bytes,
        digest: Digest,
        name: &CodeName,
    ) -> Result<Bytes, MakeError> {
        let origin = Origin {
            digest,
            name: name.clone(),
        };
        let shared = Arc::clone(&self.0);
        let found = {
            let (shared, origin) = (Arc::clone(&shared), origin.clone());
            blocking(move || shared.find(&origin)).await??
        };
        let framed = if let Some(framed) = found {
            framed
        } else {
            let Shared { options, .. } = &*shared;
            compile::compile(&options.compiler, &options.compile, &origin, wasm).await?
        };
        Ok(blocking(move || shared.signer.sign(&framed)).await?)
    }
}

impl Shared {
    /// What was compiled here before, of code that this build can make at all.
    fn find(&self, origin: &Origin) -> Result<Option<Vec<u8>>, MakeError> {
        let CodeName {
            profile, target, ..
        } = origin.name;
        if !target.is_known() {
            return Err(MakeError::Unknown);
        }
        let engine = compiling_engine(profile, target).map_err(|error| LoadError::Host {
            reason: format!("the compiler can't start: {error:#}"),
        })?;
        if engine::compatibility(&engine) != origin.name.compatibility {
            return Err(MakeError::Unknown);
        }
        Ok(self.cache.as_ref().and_then(|cache| cache.get(origin)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        code::{self, Form},
        engine::{Profile, Target},
    };

    #[tokio::test]
    async fn code_is_made_for_machines_of_every_kind() {
        let maker = CodeMaker::new(SandboxOptions::default(), CodeSigner::of_seed(&[1; 32]));
        let wasm = Bytes::from_static(b"\0asm\x01\0\0\0");
        for target in Target::known() {
            let engine = compiling_engine(Profile::Fast, target).unwrap();
            let name = CodeName {
                form: Form::Module,
                profile: Profile::Fast,
                target,
                compatibility: engine::compatibility(&engine),
            };
            let origin = Origin {
                digest: Digest::of(&wasm),
                name: name.clone(),
            };
            let made = maker.make(wasm.clone(), origin.digest, &name).await;
            let framed = code::verify(&maker.key(), &origin, &made.unwrap()).unwrap();
            assert!(code::unframe(&origin, &framed).is_ok(), "{target}");
        }
    }
}
