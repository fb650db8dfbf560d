//! The beginning of a line whose end has not come yet: bounded, made into text when it is whole.

/// Bytes since the last line end.
#[derive(Debug, Default)]
pub(super) struct Partial {
    kept: Vec<u8>,
    lost: u64,
}

impl Partial {
    /// Stores at most `most` bytes of a line and counts the rest.
    pub(super) fn push(&mut self, bytes: &[u8], most: usize) {
        let room = most.saturating_sub(self.kept.len()).min(bytes.len());
        self.kept.extend_from_slice(&bytes[..room]);
        self.lost += (bytes.len() - room) as u64;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.kept.is_empty() && self.lost == 0
    }

    /// The line, with invalid UTF-8 replaced, and how many bytes it lost.
    pub(super) fn take(&mut self) -> (String, u64) {
        let mut bytes = std::mem::take(&mut self.kept);
        if bytes.last() == Some(&b'\r') && self.lost == 0 {
            bytes.pop();
        }
        if self.lost > 0 {
            // The cut may have halved a character; what is left of it is no error of the guest.
            while bytes
                .last()
                .is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000)
            {
                bytes.pop();
                self.lost += 1;
            }
            if bytes.last().is_some_and(|byte| *byte >= 0b1100_0000) {
                bytes.pop();
                self.lost += 1;
            }
        }
        let text = String::from_utf8(bytes)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        (text, std::mem::take(&mut self.lost))
    }
}
