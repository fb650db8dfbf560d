//! References to values that are kept elsewhere: `env:NAME`, `file:NAME`, `vault:PATH#KEY`.

use std::{fmt, str::FromStr};

/// The most bytes of a reference.
const MAX_BYTES: usize = 500;

/// Where a value is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// An environment variable of the server, by the end of its name.
    Environment(String),
    /// A file of the tenant's folder.
    File(String),
    /// A field of a secret of Vault's key-value engine, version 2.
    Vault {
        /// The secret, below the tenant's.
        path: String,
        /// The field.
        key: String,
    },
}

/// Why a text is no reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReferenceError {
    /// Another scheme, or none.
    #[error("{0:?} is no reference: write env:NAME, file:NAME or vault:PATH#KEY")]
    Scheme(String),
    /// No path, or one that leads elsewhere.
    #[error(
        "{0:?}: a name has letters, digits, '_', '-' and '.', does not begin with a dot, and a path has names between slashes"
    )]
    Name(String),
    /// No field of a secret.
    #[error("{0:?}: name the field of the secret, as in vault:{1}#password")]
    Key(String, String),
    /// More than its limit.
    #[error("a reference has at most {MAX_BYTES} bytes")]
    TooLong,
}

impl FromStr for Reference {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        if text.len() > MAX_BYTES {
            return Err(ReferenceError::TooLong);
        }
        let odd = || ReferenceError::Name(text.to_owned());
        match text.split_once(':') {
            Some(("env", name)) => {
                let is_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
                if name.is_empty() || !name.bytes().all(is_name) {
                    return Err(odd());
                }
                Ok(Self::Environment(name.to_owned()))
            }
            Some(("file", name)) if is_path(name) => Ok(Self::File(name.to_owned())),
            Some(("vault", rest)) => {
                let Some((path, key)) = rest.split_once('#') else {
                    return Err(ReferenceError::Key(text.to_owned(), rest.to_owned()));
                };
                if !is_path(path) || !is_name(key) {
                    return Err(odd());
                }
                Ok(Self::Vault {
                    path: path.to_owned(),
                    key: key.to_owned(),
                })
            }
            Some(("file", _)) => Err(odd()),
            Some(_) | None => Err(ReferenceError::Scheme(text.to_owned())),
        }
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Environment(name) => write!(f, "env:{name}"),
            Self::File(name) => write!(f, "file:{name}"),
            Self::Vault { path, key } => write!(f, "vault:{path}#{key}"),
        }
    }
}

/// Whether every part is a name: none leads upwards, and none needs escapes in a URL.
fn is_path(path: &str) -> bool {
    path.split('/').all(is_name)
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    !name.is_empty() && !name.starts_with('.') && name.bytes().all(is_plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn references_read_back() {
        for text in [
            "env:API_KEY",
            "file:db/password",
            "vault:team/api#pass-word",
        ] {
            let reference: Reference = text.parse().expect(text);
            assert_eq!(reference.to_string(), text);
        }
    }

    #[test]
    fn what_leads_elsewhere_is_refused() {
        for text in [
            "",
            "key",
            "http:x",
            "env:",
            "env:A-B",
            "env:A=B",
            "file:",
            "file:/etc/passwd",
            "file:../x",
            "file:a/../b",
            "file:a//b",
            "file:.hidden",
            "file:a\0b",
            "vault:x",
            "vault:#k",
            "vault:x#",
            "vault:x#a/b",
            "vault:../x#k",
            "vault:a?version=1#k",
            "vault:a%2fb#k",
            "vault:a b#k",
        ] {
            assert!(text.parse::<Reference>().is_err(), "{text:?}");
        }
        let long = format!("file:{}", "x".repeat(MAX_BYTES));
        assert_eq!(long.parse::<Reference>(), Err(ReferenceError::TooLong));
    }
}
