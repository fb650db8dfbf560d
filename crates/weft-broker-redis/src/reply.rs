//! The answers of scripts and streams, read.

use ::redis::Value;
use std::collections::VecDeque;
use weft_broker::BrokerError;

/// The unread rest of a script's answer.
pub(super) struct Reply(VecDeque<Value>);

fn malformed(what: &str) -> BrokerError {
    BrokerError::Unavailable(format!("Redis gave a malformed answer: {what}"))
}

impl Reply {
    /// An answer's first word, and the rest.
    pub(super) fn read(value: Value) -> Result<(String, Self), BrokerError> {
        let mut reply = Self::list(value)?;
        let word = reply.text()?;
        Ok((word, reply))
    }

    /// An answer without a first word.
    pub(super) fn list(value: Value) -> Result<Self, BrokerError> {
        match value {
            Value::Array(values) => Ok(Self(values.into())),
            _ => Err(malformed("no list")),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The last of the answers.
    pub(super) fn last(&mut self) -> Result<Value, BrokerError> {
        self.0.pop_back().ok_or_else(|| malformed("too short"))
    }

    fn next(&mut self) -> Result<Value, BrokerError> {
        self.0.pop_front().ok_or_else(|| malformed("too short"))
    }

    pub(super) fn bytes(&mut self) -> Result<Vec<u8>, BrokerError> {
        bytes(self.next()?)
    }

    pub(super) fn text(&mut self) -> Result<String, BrokerError> {
        String::from_utf8(self.bytes()?).map_err(|_error| malformed("no text"))
    }

    pub(super) fn number(&mut self) -> Result<i64, BrokerError> {
        match self.next()? {
            Value::Int(number) => Ok(number),
            other => std::str::from_utf8(&bytes(other)?)
                .ok()
                .and_then(|text| text.parse().ok())
                .ok_or_else(|| malformed("no number")),
        }
    }
}

fn bytes(value: Value) -> Result<Vec<u8>, BrokerError> {
    match value {
        Value::BulkString(bytes) => Ok(bytes),
        Value::SimpleString(text) => Ok(text.into_bytes()),
        Value::Int(number) => Ok(number.to_string().into_bytes()),
        Value::Okay => Ok(b"OK".to_vec()),
        _ => Err(malformed("no text")),
    }
}

/// A list of texts.
pub(super) fn texts(value: Value) -> Result<Vec<String>, BrokerError> {
    let mut reply = Reply::list(value)?;
    let mut texts = Vec::new();
    while !reply.is_empty() {
        texts.push(reply.text()?);
    }
    Ok(texts)
}

/// One entry of a stream.
pub(super) struct Entry {
    pub(super) id: String,
    pub(super) fields: Vec<(String, Vec<u8>)>,
}

/// The entries that `XREAD` of one stream answered; empty when it timed out.
pub(super) fn entries(value: Value) -> Result<Vec<Entry>, BrokerError> {
    let streams = match value {
        Value::Nil => return Ok(Vec::new()),
        Value::Array(streams) => streams,
        Value::Map(streams) => match streams.into_iter().next() {
            Some((_name, entries)) => return read_entries(entries),
            None => return Ok(Vec::new()),
        },
        _ => return Err(malformed("no streams")),
    };
    match streams.into_iter().next() {
        Some(Value::Array(stream)) => match <[Value; 2]>::try_from(stream) {
            Ok([_name, entries]) => read_entries(entries),
            Err(_other) => Err(malformed("no stream")),
        },
        _ => Err(malformed("no stream")),
    }
}

fn read_entries(value: Value) -> Result<Vec<Entry>, BrokerError> {
    let Value::Array(entries) = value else {
        return Err(malformed("no entries"));
    };
    entries.into_iter().map(read_entry).collect()
}

fn read_entry(value: Value) -> Result<Entry, BrokerError> {
    let mut entry = Reply::list(value)?;
    let id = entry.text()?;
    let mut rest = Reply::list(entry.next()?)?;
    let mut fields = Vec::with_capacity(rest.0.len() / 2);
    while !rest.is_empty() {
        fields.push((rest.text()?, rest.bytes()?));
    }
    Ok(Entry { id, fields })
}

/// The entries that `XRANGE` answered.
pub(super) fn range(value: Value) -> Result<Vec<Entry>, BrokerError> {
    read_entries(value)
}

/// Whether the first id is greater.
pub(super) fn is_after(id: &str, other: &str) -> bool {
    let parts = |id: &str| -> (u64, u64) {
        let (ms, number) = id.split_once('-').unwrap_or((id, "0"));
        (ms.parse().unwrap_or(0), number.parse().unwrap_or(0))
    };
    parts(id) > parts(other)
}

/// The smallest id after this one.
pub(super) fn after(id: &str) -> String {
    match id
        .split_once('-')
        .and_then(|(ms, number)| Some((ms, number.parse::<u64>().ok()?)))
    {
        Some((ms, number)) => format!("{ms}-{}", number.saturating_add(1)),
        None => id.to_owned(),
    }
}
