//! The W3C `traceparent`: which trace, and which span of it is the parent.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};
use std::{fmt, str::FromStr};

/// A position in a trace. As text: `00-<32 hex digits>-<16 hex digits>-<2 hex digits>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traceparent(SpanContext);

/// The text is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it is no traceparent of version 00")]
pub struct NoTraceparent;

impl Traceparent {
    /// A trace that begins: of random bytes, which are not all zero.
    pub fn root(trace: [u8; 16], span: [u8; 8]) -> Self {
        Self::new(
            TraceId::from_bytes(trace),
            SpanId::from_bytes(span),
            TraceFlags::SAMPLED,
        )
    }

    fn new(trace: TraceId, span: SpanId, flags: TraceFlags) -> Self {
        Self(SpanContext::new(
            trace,
            span,
            flags,
            true,
            TraceState::default(),
        ))
    }

    /// `None` for the context of no span.
    pub(crate) fn of(context: &SpanContext) -> Option<Self> {
        context
            .is_valid()
            .then(|| Self::new(context.trace_id(), context.span_id(), context.trace_flags()))
    }

    pub(crate) fn context(&self) -> SpanContext {
        self.0.clone()
    }
}

impl FromStr for Traceparent {
    type Err = NoTraceparent;

    /// Version 00 of the recommendation: no other is known by now.
    fn from_str(text: &str) -> Result<Self, NoTraceparent> {
        let parts: Vec<&str> = text.split('-').collect();
        let ["00", trace, span, flags] = parts[..] else {
            return Err(NoTraceparent);
        };
        if !(is_hex(trace, 32) && is_hex(span, 16) && is_hex(flags, 2)) {
            return Err(NoTraceparent);
        }
        let trace = TraceId::from_hex(trace).map_err(|_odd| NoTraceparent)?;
        let span = SpanId::from_hex(span).map_err(|_odd| NoTraceparent)?;
        let flags = u8::from_str_radix(flags, 16).map_err(|_odd| NoTraceparent)?;
        let found = Self::new(trace, span, TraceFlags::new(flags));
        if found.0.is_valid() {
            Ok(found)
        } else {
            Err(NoTraceparent)
        }
    }
}

impl fmt::Display for Traceparent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "00-{:032x}-{:016x}-{:02x}",
            self.0.trace_id(),
            self.0.span_id(),
            self.0.trace_flags().to_u8()
        )
    }
}

/// Lower-case only, as the recommendation has it.
fn is_hex(part: &str, chars: usize) -> bool {
    part.len() == chars
        && part
            .bytes()
            .all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parsed_traceparent_is_written_unchanged() {
        for text in [
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-0000000000000000000000000000000a-0000000000000001-00",
        ] {
            let read: Traceparent = text.parse().expect("it is one");
            assert_eq!(read.to_string(), text);
        }
        let made = Traceparent::root([7; 16], [9; 8]);
        assert_eq!(made.to_string().parse(), Ok(made));
    }

    #[test]
    fn an_invalid_traceparent_is_refused() {
        for text in [
            "",
            "x",
            "00-4bf92f3577b34da6a3ce929d0e0e473-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "01-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-02",
            "00-+bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        ] {
            assert_eq!(text.parse::<Traceparent>(), Err(NoTraceparent), "{text}");
        }
    }
}
