//! Answers for unit tests, kept per thread: Rust runs each test on its own.

use super::{ArtifactError, VariableError};
use crate::{
    error::Error,
    http::{Request, Response, Target},
};
use std::{
    cell::RefCell,
    collections::HashMap,
    io::{self, Cursor, Read, Write},
    rc::Rc,
};

#[derive(Default)]
struct Double {
    variables: HashMap<String, String>,
    artifacts: HashMap<String, Rc<[u8]>>,
    responses: HashMap<String, (u16, Vec<u8>)>,
    cancelled: bool,
}

thread_local! {
    static DOUBLE: RefCell<Double> = RefCell::default();
}

/// Forgets all but the artifacts, which an earlier task may have made for the next.
pub(crate) fn reset() {
    DOUBLE.with_borrow_mut(|double| {
        double.variables.clear();
        double.responses.clear();
        double.cancelled = false;
    });
}

pub(crate) fn set_variable(name: &str, value: &str) {
    DOUBLE.with_borrow_mut(|double| double.variables.insert(name.into(), value.into()));
}

pub(crate) fn set_response(url: &str, status: u16, body: &[u8]) {
    DOUBLE.with_borrow_mut(|double| double.responses.insert(url.into(), (status, body.to_vec())));
}

pub(crate) fn set_cancelled() {
    DOUBLE.with_borrow_mut(|double| double.cancelled = true);
}

pub(crate) fn attempt() -> String {
    const DATE: &str = "2026-01-01T00:00:00Z";
    serde_json::json!({
        "tenant": "default", "dag": "test", "run": "test", "task": "test", "map_index": null, "number": 1,
        "logical_date": DATE, "data_interval": { "start": DATE, "end": DATE },
        "params": {}, "deadline": null, "idempotency_key": "test",
    })
    .to_string()
}

pub(crate) const fn resumed() -> Option<String> {
    None
}

pub(crate) fn progress(fraction: f64, message: &str) {
    eprintln!("[progress] {:.0} % {message}", fraction * 100.0);
}

pub(crate) fn cancelled() -> bool {
    DOUBLE.with_borrow(|double| double.cancelled)
}

pub(crate) fn variable(name: &str) -> Result<String, VariableError> {
    DOUBLE
        .with_borrow(|double| double.variables.get(name).cloned())
        .ok_or(VariableError::NotFound)
}

pub(crate) fn log(level: log::Level, message: &str, fields: &[(String, String)]) {
    eprint!("[{level}] {message}");
    for (key, value) in fields {
        eprint!(" {key}={value}");
    }
    eprintln!();
}

pub(crate) fn send(request: &Request, _target: &Target<'_>) -> Result<Response, Error> {
    let answer = DOUBLE.with_borrow(|double| double.responses.get(&request.url).cloned());
    let (status, body) = answer.ok_or_else(|| {
        Error::permanent(format_args!(
            "no answer was set for {}: Context::test().with_response(..)",
            request.url
        ))
    })?;
    Ok(Response {
        url: request.url.clone(),
        status,
        headers: Vec::new(),
        body,
    })
}

/// An artifact in memory that is being written.
#[derive(Debug)]
pub(crate) struct Sink(Vec<u8>);

#[allow(clippy::unnecessary_wraps, reason = "a real host may refuse")]
pub(crate) fn create_artifact(_media_type: &str) -> Result<Sink, ArtifactError> {
    Ok(Sink(Vec::new()))
}

impl Sink {
    pub(crate) fn finish(self) -> Result<String, ArtifactError> {
        DOUBLE.with_borrow_mut(|double| {
            let reference = format!("test-{}", double.artifacts.len());
            double.artifacts.insert(reference.clone(), self.0.into());
            Ok(reference)
        })
    }
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An artifact in memory that is being read.
#[derive(Debug)]
pub(crate) struct Source(Cursor<Rc<[u8]>>);

pub(crate) fn open_artifact(reference: &str) -> Result<Source, ArtifactError> {
    DOUBLE
        .with_borrow(|double| double.artifacts.get(reference).cloned())
        .map(|bytes| Source(Cursor::new(bytes)))
        .ok_or(ArtifactError::NotFound)
}

impl Read for Source {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.0.read(into)
    }
}
