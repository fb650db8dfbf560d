//! An OpenTelemetry collector that keeps what it is sent.

use opentelemetry_proto::tonic::{
    collector::{logs::v1::ExportLogsServiceRequest, trace::v1::ExportTraceServiceRequest},
    common::v1::{KeyValue, any_value},
    trace::v1::Span,
};
use prost::Message as _;
use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex, PoisonError},
    thread,
};

/// Listens until the test ends.
pub(crate) struct Collector {
    url: String,
    received: Arc<Mutex<Received>>,
}

/// Everything that was sent so far.
#[derive(Debug, Default, Clone)]
pub(crate) struct Received {
    pub(crate) traces: Vec<ExportTraceServiceRequest>,
    pub(crate) logs: Vec<ExportLogsServiceRequest>,
    /// The same as bytes, to look for what must not be in it.
    pub(crate) bytes: Vec<u8>,
}

impl Collector {
    pub(crate) fn listen() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let address = listener.local_addr().expect("it listens");
        let received = Arc::new(Mutex::new(Received::default()));
        let kept = Arc::clone(&received);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let kept = Arc::clone(&kept);
                thread::spawn(move || {
                    // A connection that breaks is the exporter's to open again.
                    drop(serve(&stream, &kept));
                });
            }
        });
        Self {
            url: format!("http://{address}"),
            received,
        }
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    pub(crate) fn received(&self) -> Received {
        let received = self.received.lock();
        received.unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// One request after the other, as the exporter sends them.
fn serve(stream: &TcpStream, received: &Mutex<Received>) -> io::Result<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Ok(());
        }
        let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
        let mut length = 0;
        loop {
            line.clear();
            reader.read_line(&mut line)?;
            let Some((name, value)) = line.trim().split_once(':') else {
                break;
            };
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().map_err(io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        received
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take(&path, &body)
            .map_err(io::Error::other)?;
        let mut stream = stream;
        stream.write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n",
        )?;
    }
}

impl Received {
    fn take(&mut self, path: &str, body: &[u8]) -> Result<(), prost::DecodeError> {
        self.bytes.extend_from_slice(body);
        match path {
            "/v1/traces" => self.traces.push(ExportTraceServiceRequest::decode(body)?),
            "/v1/logs" => self.logs.push(ExportLogsServiceRequest::decode(body)?),
            other => panic!("nothing is sent to {other}"),
        }
        Ok(())
    }

    /// Every span.
    pub(crate) fn spans(&self) -> Vec<&Span> {
        self.traces
            .iter()
            .flat_map(|request| &request.resource_spans)
            .flat_map(|resource| &resource.scope_spans)
            .flat_map(|scope| &scope.spans)
            .collect()
    }

    /// An attribute of the process that sent the spans.
    pub(crate) fn of_service(&self, key: &str) -> Option<String> {
        let resource = self.traces.first()?.resource_spans.first()?;
        text(&resource.resource.as_ref()?.attributes, key)
    }

    /// How many log lines came.
    pub(crate) fn lines(&self) -> usize {
        self.logs
            .iter()
            .flat_map(|request| &request.resource_logs)
            .flat_map(|resource| &resource.scope_logs)
            .map(|scope| scope.log_records.len())
            .sum()
    }
}

/// An attribute as text.
pub(crate) fn text(attributes: &[KeyValue], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match found.value.as_ref()?.value.as_ref()? {
        any_value::Value::StringValue(text) => Some(text.clone()),
        any_value::Value::IntValue(number) => Some(number.to_string()),
        any_value::Value::DoubleValue(number) => Some(number.to_string()),
        any_value::Value::BoolValue(yes) => Some(yes.to_string()),
        other => panic!("{key} is {other:?}"),
    }
}
