//! Server-sent events as the HTML standard defines them, with the fields that
//! the server sends: `event`, `data`, `id`. Comments keep the connection alive.
//!
//! The parser takes bytes as they come and holds no connection. Its memory is
//! bounded by [`MAX_EVENT_BYTES`].
//!
//! ```
//! use weft_client::sse::Parser;
//!
//! let mut parser = Parser::default();
//! assert!(parser.feed(b"event: run\nid: 7\nda")?.is_empty());
//! let events = parser.feed(b"ta: {}\n\n")?;
//! assert_eq!((events[0].name.as_str(), events[0].data.as_str()), ("run", "{}"));
//! # Ok::<(), weft_client::sse::TooLarge>(())
//! ```

/// The most bytes of one event.
pub const MAX_EVENT_BYTES: usize = 1 << 20;

/// An event of a stream.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Event {
    /// Its name; `message` if the stream gives none.
    pub name: String,
    /// The lines of `data`, joined.
    pub data: String,
    /// The last id that the stream gave.
    pub id: Option<String>,
}

/// An event that is too large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event of the stream has more than {MAX_EVENT_BYTES} bytes")]
pub struct TooLarge;

/// Parses a stream of bytes into events.
#[derive(Debug, Default)]
pub struct Parser {
    /// Bytes of a line that is not complete.
    line: Vec<u8>,
    name: String,
    data: String,
    has_data: bool,
    id: Option<String>,
    /// The last byte was a carriage return, so a line feed belongs to it.
    after_return: bool,
}

impl Parser {
    /// Adds bytes and returns the events that they complete.
    ///
    /// # Errors
    /// An event has more than [`MAX_EVENT_BYTES`].
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Event>, TooLarge> {
        let mut events = Vec::new();
        for &byte in bytes {
            match byte {
                b'\n' if self.after_return => self.after_return = false,
                b'\n' | b'\r' => {
                    self.after_return = byte == b'\r';
                    events.extend(self.end_of_line());
                }
                _ => {
                    self.after_return = false;
                    if self.line.len() + self.data.len() >= MAX_EVENT_BYTES {
                        return Err(TooLarge);
                    }
                    self.line.push(byte);
                }
            }
        }
        Ok(events)
    }

    fn end_of_line(&mut self) -> Option<Event> {
        let bytes = std::mem::take(&mut self.line);
        if bytes.is_empty() {
            return self.dispatch();
        }
        let line = String::from_utf8_lossy(&bytes);
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if self.has_data {
                    self.data.push('\n');
                }
                self.data.push_str(value);
                self.has_data = true;
            }
            "id" if !value.contains('\0') => self.id = Some(value.to_owned()),
            // Comments begin with a colon; other fields are to be ignored.
            _ => {}
        }
        None
    }

    /// An empty line ends an event. Unlike the standard, an event without data counts
    /// if it has a name: `resync` carries no data.
    fn dispatch(&mut self) -> Option<Event> {
        let name = std::mem::take(&mut self.name);
        let data = std::mem::take(&mut self.data);
        if !std::mem::take(&mut self.has_data) && name.is_empty() {
            return None;
        }
        Some(Event {
            name: if name.is_empty() {
                "message".to_owned()
            } else {
                name
            },
            data,
            id: self.id.clone(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, data: &str, id: Option<&str>) -> Event {
        Event {
            name: name.into(),
            data: data.into(),
            id: id.map(str::to_owned),
        }
    }

    const STREAM: &str = ": hello\n\nevent: run\nid: 7\ndata: {\"a\":\ndata:1}\n\ndata: é\r\n\r\nevent: resync\n\nretry: 5\n\n";

    fn expected() -> Vec<Event> {
        vec![
            event("run", "{\"a\":\n1}", Some("7")),
            event("message", "é", Some("7")),
            event("resync", "", Some("7")),
        ]
    }

    #[test]
    fn a_stream_is_the_same_however_it_is_cut() {
        assert_eq!(Parser::default().feed(STREAM.as_bytes()), Ok(expected()));
        for size in 1..9 {
            let mut parser = Parser::default();
            let events: Vec<Event> = STREAM
                .as_bytes()
                .chunks(size)
                .flat_map(|chunk| parser.feed(chunk).unwrap())
                .collect();
            assert_eq!(events, expected(), "in chunks of {size}");
        }
    }

    #[test]
    fn half_an_event_is_none() {
        assert_eq!(
            Parser::default().feed(b"event: run\ndata: {}\n"),
            Ok(vec![])
        );
    }

    #[test]
    fn an_endless_event_is_refused() {
        let mut parser = Parser::default();
        let mut fed = 0;
        while parser
            .feed(b"data: 0123456789012345678901234567890123456789\n")
            .is_ok()
        {
            fed += 1;
            assert!(fed < MAX_EVENT_BYTES, "it was never refused");
        }
        assert!(fed > MAX_EVENT_BYTES / 100);
        assert_eq!(
            Parser::default().feed(&vec![b'x'; MAX_EVENT_BYTES + 1]),
            Err(TooLarge)
        );
    }
}
