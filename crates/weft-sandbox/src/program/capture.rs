//! A program's standard output, which becomes the task's output.

use bytes::Bytes;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    async_trait,
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamError, StreamResult},
};

/// The most that one write may bring.
const WRITE_BYTES: usize = 64 << 10;

/// More than the limit was written. Ends the program.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("standard output is larger than {0} bytes")]
pub(crate) struct TooMuchOutput(pub(crate) u64);

/// What was written so far, at most `limit` bytes. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Capture {
    bytes: Arc<Mutex<Vec<u8>>>,
    limit: u64,
}

impl Capture {
    /// Nothing yet.
    pub(crate) fn new(limit: u64) -> Self {
        Self {
            bytes: Arc::default(),
            limit,
        }
    }

    fn bytes(&self) -> MutexGuard<'_, Vec<u8>> {
        // Bytes are only ever appended, so they are sound even after a panic.
        self.bytes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything; nothing is left here.
    pub(crate) fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.bytes())
    }
}

impl IsTerminal for Capture {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Capture {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Asked for by WASI 0.3 only, which is not offered.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl Pollable for Capture {
    async fn ready(&mut self) {}
}

#[async_trait]
impl OutputStream for Capture {
    fn write(&mut self, more: Bytes) -> StreamResult<()> {
        let mut bytes = self.bytes();
        if (bytes.len() + more.len()) as u64 > self.limit {
            return Err(StreamError::Trap(TooMuchOutput(self.limit).into()));
        }
        bytes.extend_from_slice(&more);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(WRITE_BYTES)
    }
}
