//! One file of the bundle.

use std::{io::Read as _, sync::OnceLock};

/// No file of the bundle is larger when decompressed, in bytes.
const MAX_PLAIN_BYTES: u64 = 64 << 20;
/// The buffer of the decompressor, in bytes.
const BUFFER_BYTES: usize = 64 << 10;

/// How a file is embedded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// As it is.
    Identity,
    /// Compressed with brotli.
    Brotli,
}

/// A file of the bundle.
pub struct Asset {
    path: &'static str,
    encoding: Encoding,
    bytes: &'static [u8],
    /// Decompressed for the first client that does not accept brotli: browsers on plain `http://` don't.
    plain: OnceLock<Option<Vec<u8>>>,
}

impl Asset {
    pub(crate) const fn new(path: &'static str, encoding: Encoding, bytes: &'static [u8]) -> Self {
        Self {
            path,
            encoding,
            bytes,
            plain: OnceLock::new(),
        }
    }

    /// Its path relative to the base, with slashes and without a leading one.
    pub const fn path(&self) -> &'static str {
        self.path
    }

    /// Its bytes in brotli; none where it is embedded as it is.
    pub const fn brotli(&'static self) -> Option<&'static [u8]> {
        match self.encoding {
            Encoding::Brotli => Some(self.bytes),
            Encoding::Identity => None,
        }
    }

    /// Its bytes as they are. None where what is embedded can't be decompressed, which a test rules out.
    pub fn plain(&'static self) -> Option<&'static [u8]> {
        match self.encoding {
            Encoding::Identity => Some(self.bytes),
            Encoding::Brotli => self.plain.get_or_init(|| decompress(self.bytes)).as_deref(),
        }
    }

    /// What goes into `Content-Type`, by the end of its name.
    pub fn content_type(&self) -> &'static str {
        let end = self.path.rsplit_once('.').map_or("", |(_, end)| end);
        match end {
            "html" => "text/html; charset=utf-8",
            "js" | "mjs" => "text/javascript; charset=utf-8",
            "css" => "text/css; charset=utf-8",
            "json" | "map" => "application/json",
            "webmanifest" => "application/manifest+json",
            "svg" => "image/svg+xml",
            "png" => "image/png",
            "ico" => "image/x-icon",
            "woff2" => "font/woff2",
            "wasm" => "application/wasm",
            "txt" => "text/plain; charset=utf-8",
            _ => "application/octet-stream",
        }
    }
}

fn decompress(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    let read = brotli_decompressor::Decompressor::new(bytes, BUFFER_BYTES)
        .take(MAX_PLAIN_BYTES)
        .read_to_end(&mut plain);
    read.ok().map(|_bytes| plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `console.log("weft")` and a line's end, as Node's zlib compresses them.
    static SCRIPT: &[u8] = b"\x8b\x09\x80console.log(\"weft\")\n\x03";

    #[test]
    fn a_client_without_brotli_gets_the_same_text() {
        static ASSET: Asset = Asset::new("assets/a-1.js", Encoding::Brotli, SCRIPT);
        assert_eq!(ASSET.brotli(), Some(SCRIPT));
        assert_eq!(
            ASSET.plain().map(String::from_utf8_lossy).as_deref(),
            Some("console.log(\"weft\")\n")
        );
        assert_eq!(ASSET.content_type(), "text/javascript; charset=utf-8");
    }

    #[test]
    fn damaged_bytes_are_no_text() {
        static ASSET: Asset = Asset::new("a.js", Encoding::Brotli, b"nothing of the kind");
        assert_eq!(ASSET.plain(), None);
    }
}
