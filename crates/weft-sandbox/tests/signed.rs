//! Code that another machine compiled: loaded for its signature, never without.

#![expect(
    clippy::unwrap_used,
    reason = "a failed step fails the test, which clippy sees only in #[test] functions"
)]

use async_trait::async_trait;
use bytes::Bytes;
use std::{
    path::PathBuf,
    sync::{Arc, Mutex},
};
use tempfile::TempDir;
use weft_sandbox::{
    CodeFound, CodeKey, CodeName, CodeSigner, CodeSource, Compiler, Digest, LoadError, Sandbox,
    SandboxOptions, SignedCode, SigningCompiler, SigningError,
};

/// Returns what it was given, for every request.
struct Given {
    code: Option<Bytes>,
    key: CodeKey,
}

#[async_trait]
impl CodeSource for Given {
    async fn code(&self, _file: &Digest, _name: &CodeName, _most: u64) -> Option<SignedCode> {
        Some(SignedCode {
            bytes: self.code.clone()?,
            key: self.key,
        })
    }
}

fn wasm() -> Bytes {
    wat::parse_str(include_str!("guest.wat")).unwrap().into()
}

fn signer(seed: u8) -> CodeSigner {
    CodeSigner::of_seed(&[seed; 32])
}

/// A machine that can't compile.
fn without_compiler() -> SandboxOptions {
    SandboxOptions {
        compiler: Compiler::Subprocess {
            program: PathBuf::from("/nowhere"),
            args: Vec::new(),
        },
        ..SandboxOptions::default()
    }
}

async fn made(signer: CodeSigner) -> Bytes {
    made_of(wasm(), signer).await
}

async fn made_of(wasm: Bytes, signer: CodeSigner) -> Bytes {
    let sandbox = Sandbox::new(SandboxOptions::default()).unwrap();
    let guest = sandbox.load(wasm.clone()).await.unwrap();
    let name = sandbox.code_name(&guest).unwrap();
    let name = name.expect("this machine is of a known kind");
    let digest = Digest::of(&wasm);
    SigningCompiler::new(&SandboxOptions::default(), signer)
        .compile(wasm, digest, &name)
        .await
        .unwrap()
}

async fn load(
    options: SandboxOptions,
    code: Option<Bytes>,
    key: CodeKey,
) -> (Result<(), LoadError>, CodeFound, Vec<String>) {
    load_of(wasm(), options, code, key).await
}

async fn load_of(
    wasm: Bytes,
    options: SandboxOptions,
    code: Option<Bytes>,
    key: CodeKey,
) -> (Result<(), LoadError>, CodeFound, Vec<String>) {
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&warnings);
    let sandbox = Sandbox::new(SandboxOptions {
        on_warning: Some(Arc::new(move |warning| {
            sink.lock().unwrap().push(warning.to_string());
        })),
        ..options
    })
    .unwrap();
    let loaded = sandbox.load_from(wasm, Arc::new(Given { code, key })).await;
    let warnings = warnings.lock().unwrap().clone();
    (loaded.map(drop), sandbox.code_found(), warnings)
}

#[tokio::test]
async fn signed_code_is_loaded_and_kept_without_a_compiler() {
    let folder = TempDir::new().unwrap();
    let options = SandboxOptions {
        cache_dir: Some(folder.path().to_owned()),
        ..without_compiler()
    };
    let code = made(signer(1)).await;
    let (loaded, found, warnings) = load(options.clone(), Some(code), signer(1).key()).await;
    loaded.unwrap();
    assert_eq!((found.fetched, found.misses), (1, 0));
    assert_eq!(warnings, Vec::<String>::new());
    // Another process of this machine finds it on its own disk.
    let (loaded, found, _) = load(options, None, signer(1).key()).await;
    loaded.unwrap();
    assert_eq!((found.hits, found.fetched), (1, 0));
}

/// A guest with a snapshot of memory.
fn snapshot(letter: char) -> Bytes {
    let contents = letter.to_string().repeat(2 << 20);
    let memory =
        format!("(memory (export \"memory\") 64) (data (i32.const 1048576) \"{contents}\")");
    let text = include_str!("guest.wat").replace("(memory (export \"memory\") 2)", &memory);
    wat::parse_str(text).unwrap().into()
}

#[tokio::test]
async fn code_is_fetched_once_for_guests_that_differ_in_memory() {
    let folder = TempDir::new().unwrap();
    let options = SandboxOptions {
        cache_dir: Some(folder.path().to_owned()),
        ..without_compiler()
    };
    let (a, b, key) = (snapshot('a'), snapshot('b'), signer(1).key());
    let code = made_of(a.clone(), signer(1)).await;
    assert_eq!(code, made_of(b.clone(), signer(1)).await);
    let (loaded, found, warnings) = load_of(a.clone(), options.clone(), Some(code), key).await;
    loaded.unwrap();
    assert_eq!((found.fetched, found.misses), (1, 0), "{warnings:?}");
    for other in [a, b] {
        let (loaded, found, _) = load_of(other, options.clone(), None, key).await;
        loaded.unwrap();
        assert_eq!((found.hits, found.fetched), (1, 0));
    }
}

#[tokio::test]
async fn forged_code_is_named_and_never_loaded() {
    let good = made(signer(1)).await;
    let mut flipped = good.to_vec();
    *flipped.last_mut().unwrap() ^= 1;
    for (code, key, why) in [
        (good.clone(), signer(2).key(), "is trusted"),
        (flipped.into(), signer(1).key(), "damaged"),
        (good.slice(..good.len() / 2), signer(1).key(), "damaged"),
        (Bytes::new(), signer(1).key(), "no signed code"),
        (good.slice(104..), signer(1).key(), "no signed code"),
    ] {
        let (loaded, found, warnings) = load(without_compiler(), Some(code.clone()), key).await;
        assert!(matches!(loaded, Err(LoadError::Host { .. })), "{loaded:?}");
        assert_eq!(found.fetched, 0);
        assert!(warnings[0].contains(why), "{warnings:?}");
        // Where there is a compiler, nothing is lost but time.
        let (loaded, found, _) = load(SandboxOptions::default(), Some(code), key).await;
        loaded.unwrap();
        assert_eq!((found.fetched, found.misses), (0, 1));
    }
}

#[tokio::test]
async fn code_of_another_version_is_not_made() {
    let sandbox = Sandbox::new(SandboxOptions::default()).unwrap();
    let guest = sandbox.load(wasm()).await.unwrap();
    let name = sandbox.code_name(&guest).unwrap().unwrap();
    let text = name.to_string();
    let (rest, _hash) = text.rsplit_once('.').unwrap();
    let compiler = SigningCompiler::new(&SandboxOptions::default(), signer(1));
    for other in [
        format!("{rest}.{}", "0".repeat(32)),
        format!("component.fast.native.{}", "0".repeat(32)),
    ] {
        let made = compiler
            .compile(wasm(), Digest::of(&wasm()), &other.parse().unwrap())
            .await;
        assert!(matches!(made, Err(SigningError::Unknown)), "{made:?}");
    }
}
