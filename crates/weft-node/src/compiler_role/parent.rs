//! The server's side: starts the subprocess and waits for its answer; dropping the call
//! kills the subprocess.

use super::{
    answer::{Answer, Inspected, What},
    code::Stock,
};
use crate::{data_folder::DataFolder, service::unavailable};
use async_trait::async_trait;
use bytes::Bytes;
use std::{io::Write as _, path::PathBuf, process::Stdio, sync::Arc};
use tokio::{io::AsyncReadExt as _, process::Command};
use weft_api::problem::Problem;
use weft_sandbox::Digest;
use weft_server::ports::{BadFile, CodeError, CompileError, Compiler, InspectedFile, Inspection};
use weft_store_sql::secret::Keyring;

/// The longest answer, in bytes: a document has at most half of it.
const MAX_ANSWER_BYTES: u64 = 128 << 20;

/// Looks at files in subprocesses.
pub(crate) struct CompilerRole {
    program: PathBuf,
    /// Compiled code goes there, for the workers of this machine.
    cache: PathBuf,
    temporary: PathBuf,
    stock: Stock,
}

impl CompilerRole {
    /// Subprocesses of this same program, with what they keep in the folder. What
    /// they compile is signed here, with the installation's key.
    ///
    /// # Errors
    /// The program's own file can't be found.
    pub(crate) fn of_this_program(folder: &DataFolder, keyring: &Keyring) -> Result<Self, Problem> {
        let program = std::env::current_exe()
            .map_err(|error| unavailable("this program's own file can't be found", &error))?;
        Ok(Self {
            program,
            cache: folder.code(),
            temporary: folder.scratch(),
            stock: Stock::of(folder, keyring)?,
        })
    }

    async fn ask(&self, file: &Bytes) -> Result<Answer, String> {
        let path = self.put_aside(file.clone()).await?;
        let mut child = Command::new(&self.program)
            .arg("inspect-deployment")
            .arg(path.path())
            // What the server knows is not the guest's business, nor its compiler's.
            .env_clear()
            .env("WEFT_CACHE_DIR", &self.cache)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .map_err(|error| format!("it can't be started: {error}"))?;
        let mut answer = Vec::new();
        child
            .stdout
            .take()
            .expect("it is piped")
            .take(MAX_ANSWER_BYTES)
            .read_to_end(&mut answer)
            .await
            .map_err(|error| error.to_string())?;
        let ended = child.wait().await.map_err(|error| error.to_string())?;
        if !ended.success() {
            return Err(format!("it ended with {ended}"));
        }
        serde_json::from_slice(&answer)
            .map_err(|error| format!("its answer can't be read: {error}"))
    }

    async fn put_aside(&self, file: Bytes) -> Result<tempfile::NamedTempFile, String> {
        let folder = self.temporary.clone();
        let write = move || -> std::io::Result<tempfile::NamedTempFile> {
            let mut aside = tempfile::NamedTempFile::new_in(folder)?;
            aside.write_all(&file)?;
            aside.flush()?;
            Ok(aside)
        };
        tokio::task::spawn_blocking(write)
            .await
            .map_err(|error| error.to_string())?
            .map_err(|error| format!("the file can't be put aside: {error}"))
    }
}

#[async_trait]
impl Compiler for CompilerRole {
    async fn inspect(&self, file: Bytes) -> Result<Inspection, CompileError> {
        match self.ask(&file).await {
            Ok(Answer::Inspected(inspected)) => {
                inspection(&file, inspected).map_err(CompileError::Unavailable)
            }
            Ok(Answer::Bad {
                what,
                message,
                help,
            }) => Err(CompileError::Bad {
                what: match what {
                    What::NotWasm => BadFile::NotWasm,
                    What::NoDags => BadFile::NoDags,
                    What::UnknownImport => BadFile::UnknownImport,
                    What::Describe => BadFile::Describe,
                    What::Compile => BadFile::Compile,
                },
                message,
                help,
            }),
            Ok(Answer::Failed { message }) | Err(message) => {
                Err(CompileError::Unavailable(message))
            }
        }
    }

    fn signer(&self) -> Arc<str> {
        self.stock.signer()
    }

    async fn code(&self, file: Bytes, digest: Digest, name: &str) -> Result<Bytes, CodeError> {
        self.stock.code(file, digest, name).await
    }
}

/// Believes nothing that can be checked: the subprocess has run a stranger's code.
fn inspection(file: &Bytes, inspected: Inspected) -> Result<Inspection, String> {
    let Inspected {
        kind,
        imports,
        files,
        document,
    } = inspected;
    let files = files
        .into_iter()
        .map(|file_answer| {
            let bytes = (file_answer.from <= file_answer.to && file_answer.to <= file.len())
                .then(|| file.slice(file_answer.from..file_answer.to));
            let bytes = bytes.filter(|bytes| file_answer.digest() == Some(Digest::of(bytes)));
            let bytes =
                bytes.ok_or_else(|| format!("its answer about {:?} is wrong", file_answer.name))?;
            Ok(InspectedFile {
                name: file_answer.name,
                digest: Digest::of(&bytes),
                bytes,
                document: file_answer.document.map(Arc::from),
                code: file_answer.code,
            })
        })
        .collect::<Result<_, String>>()?;
    Ok(Inspection {
        digest: Digest::of(file),
        kind,
        imports,
        files,
        document: Arc::from(document),
    })
}
