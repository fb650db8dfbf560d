//! A guest's standard stream whose lines go to the log.

use super::LogBook;
use crate::event::LogStream;
use async_trait::async_trait;
use bytes::Bytes;
use std::sync::Arc;
use tokio::io::AsyncWrite;
use wasmtime_wasi::{
    cli::{IsTerminal, StdoutStream},
    p2::{OutputStream, Pollable, StreamResult},
};

/// The most bytes of one write, and so the most lines that can be pending.
const WRITE_BYTES: usize = 4096;

/// One standard stream; every handle of it writes to the same log.
#[derive(Debug, Clone)]
pub(crate) struct LogOutput {
    log: Arc<LogBook>,
    stream: LogStream,
}

impl LogOutput {
    pub(crate) fn new(log: Arc<LogBook>, stream: LogStream) -> Self {
        Self { log, stream }
    }
}

impl IsTerminal for LogOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogOutput {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        // Only WASI 0.3 would ask for it, which is not offered.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

#[async_trait]
impl OutputStream for LogOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.log.write_stream(self.stream, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(if self.log.has_room() { WRITE_BYTES } else { 0 })
    }
}

#[async_trait]
impl Pollable for LogOutput {
    async fn ready(&mut self) {
        self.log.drained().await;
    }
}
