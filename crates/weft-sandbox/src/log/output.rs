//! A guest's standard stream whose lines go to the log.

use super::LogBook;
use crate::event::LogStream;
use async_trait::async_trait;
use bytes::Bytes;
use std::{
    io,
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll, ready},
};
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
        Box::new(LogWriter {
            output: self.clone(),
            waiting: Mutex::default(),
        })
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

/// The same stream as WASI 0.3 writes to it.
struct LogWriter {
    output: LogOutput,
    /// Waits for capacity. (The lock only makes it shareable; one task polls it at a time.)
    waiting: Mutex<Option<Pin<Box<dyn Future<Output = ()> + Send>>>>,
}

impl AsyncWrite for LogWriter {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let log = Arc::clone(&self.output.log);
        let waiting = self
            .waiting
            .get_mut()
            .unwrap_or_else(PoisonError::into_inner);
        while waiting.is_some() || !log.has_room() {
            let log = Arc::clone(&log);
            let drained =
                waiting.get_or_insert_with(|| Box::pin(async move { log.drained().await }));
            ready!(drained.as_mut().poll(context));
            *waiting = None;
        }
        let taken = &bytes[..bytes.len().min(WRITE_BYTES)];
        log.write_stream(self.output.stream, taken);
        Poll::Ready(Ok(taken.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
