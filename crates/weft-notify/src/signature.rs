//! Signatures of webhooks: `t=<Unix seconds>,v1=<hex>`, where the hexadecimal digits are the
//! HMAC-SHA-256 of the seconds, a full stop and the body, as Stripe has them.

use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;
use std::fmt::Write as _;

/// The header field of Weft's signature.
pub const HEADER: &str = "weft-signature";

/// The value of [`HEADER`] for a body that is sent at a time in seconds since the Unix epoch.
pub fn sign(secret: &[u8], seconds: i64, body: &[u8]) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("HMAC takes keys of any length");
    mac.update(format!("{seconds}.").as_bytes());
    mac.update(body);
    let mut text = format!("t={seconds},v1=");
    for byte in mac.finalize().into_bytes() {
        write!(text, "{byte:02x}").expect("a String takes every text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::sign;

    #[test]
    fn a_signature_is_what_other_programs_compute() {
        // printf '1700000000.{"a":1}' | openssl dgst -sha256 -hmac hush
        assert_eq!(
            sign(b"hush", 1_700_000_000, br#"{"a":1}"#),
            "t=1700000000,v1=7cfd1df542c33ab7251748ffdc6e7fed278c63b83d4ece95a4534b0ad465571b"
        );
    }
}
