//! Compiles and signs code for other machines. The compiler may be a subprocess with
//! limits that never sees the key.

use crate::{
    Digest, LoadError, SandboxOptions,
    code::{CodeKey, CodeName, CodeSigner, Form, Origin},
    compile::{CodeCompiler, template},
    engine::{self, compiling_engine},
    load::blocking,
};
use bytes::Bytes;
use std::sync::Arc;

/// Compiles code and signs it. Cheap to clone.
#[derive(Clone)]
pub struct SigningCompiler(Arc<Shared>);

struct Shared {
    compiler: CodeCompiler,
    signer: CodeSigner,
}

/// Why code was not compiled and signed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SigningError {
    /// The name is for one machine only, or from another version of Weft.
    #[error("this version of Weft compiles no such code for other machines")]
    Unknown,
    /// Compiling failed.
    #[error(transparent)]
    Compile(#[from] LoadError),
}

impl SigningCompiler {
    /// Compiles as a sandbox with these options does, and uses their cache folder.
    pub fn new(options: &SandboxOptions, signer: CodeSigner) -> Self {
        Self(Arc::new(Shared {
            compiler: CodeCompiler::new(options),
            signer,
        }))
    }

    /// The public key that loaders of the code need.
    pub fn key(&self) -> CodeKey {
        self.0.signer.key()
    }

    /// Compiles a file, or reads its code from the cache, and signs the code. Where `name` is a template's, the
    /// code is that of the file's template.
    ///
    /// # Errors
    /// [`SigningError`] distinguishes names that no retry can compile.
    pub async fn compile(
        &self,
        wasm: Bytes,
        digest: Digest,
        name: &CodeName,
    ) -> Result<Bytes, SigningError> {
        let digest = match name.form {
            Form::Template => {
                let wasm = wasm.clone();
                let split = move || Some(template::split(&wasm)?.template.digest());
                blocking(split).await?.ok_or(SigningError::Unknown)?
            }
            _of_the_file => digest,
        };
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
            shared.compiler.compile(&origin, wasm).await?
        };
        Ok(blocking(move || shared.signer.sign(&framed)).await?)
    }
}

impl Shared {
    /// Reads earlier code from the cache. Fails for code that this build can't compile.
    fn find(&self, origin: &Origin) -> Result<Option<Vec<u8>>, SigningError> {
        let CodeName {
            profile, target, ..
        } = origin.name;
        if !target.is_known() {
            return Err(SigningError::Unknown);
        }
        let engine = compiling_engine(profile, target).map_err(|error| LoadError::Host {
            reason: format!("the compiler can't start: {error:#}"),
        })?;
        if engine::compatibility(&engine) != origin.name.compatibility {
            return Err(SigningError::Unknown);
        }
        Ok(self
            .compiler
            .cache
            .as_ref()
            .and_then(|cache| cache.get(origin)))
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
    async fn code_is_compiled_for_every_known_target() {
        let compiler =
            SigningCompiler::new(&SandboxOptions::default(), CodeSigner::of_seed(&[1; 32]));
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
            let made = compiler.compile(wasm.clone(), origin.digest, &name).await;
            let framed = code::verify(&compiler.key(), &origin, &made.unwrap()).unwrap();
            assert!(code::unframe(&origin, &framed).is_ok(), "{target}");
        }
    }
}
