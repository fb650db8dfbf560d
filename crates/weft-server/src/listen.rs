//! Where the server listens: on loopback, or elsewhere with TLS or an explicit word.

use std::{fmt, net::SocketAddr, path::PathBuf};

/// Where to listen and how connections are protected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// Address and port; port 0 takes a free one.
    pub address: SocketAddr,
    /// What protects connections.
    pub protection: Protection,
}

/// What protects connections.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Protection {
    /// Nothing, which is fine on loopback and refused elsewhere.
    #[default]
    Loopback,
    /// TLS by these PEM files: the certificate with its chain, and its key.
    Tls {
        /// The certificate, then those that lead to its root.
        certificate: PathBuf,
        /// Its key: PKCS #8, PKCS #1 or SEC 1.
        key: PathBuf,
    },
    /// The operator vouches for the network: a proxy in front terminates TLS, or the
    /// network is the machine's own.
    Insecure,
}

impl Default for Listen {
    /// 127.0.0.1:8080.
    fn default() -> Self {
        Self {
            address: SocketAddr::from(([127, 0, 0, 1], 8080)),
            protection: Protection::Loopback,
        }
    }
}

/// Why the server does not listen.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// Tokens would travel in the clear.
    #[error(
        "{0} can be reached from other machines, and without TLS everybody on the way reads the tokens: name a certificate and its key, or say `insecure` where something else protects the network"
    )]
    Unprotected(SocketAddr),
    /// The address is taken, or none of this machine's.
    #[error("can't listen on {address}: {why}")]
    Bind {
        /// Which address.
        address: SocketAddr,
        /// What the system said.
        why: std::io::Error,
    },
    /// A PEM file can't be used.
    #[error("{path}: {why}")]
    Pem {
        /// The PEM file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
}

impl Listen {
    /// Refuses an address that other machines reach while nothing protects it.
    ///
    /// # Errors
    /// [`ListenError::Unprotected`].
    pub fn check(&self) -> Result<(), ListenError> {
        match self.protection {
            Protection::Loopback if !self.address.ip().is_loopback() => {
                Err(ListenError::Unprotected(self.address))
            }
            Protection::Loopback | Protection::Tls { .. } | Protection::Insecure => Ok(()),
        }
    }

    /// Whether TLS protects connections.
    pub(crate) const fn is_tls(&self) -> bool {
        match self.protection {
            Protection::Tls { .. } => true,
            Protection::Loopback | Protection::Insecure => false,
        }
    }

    /// Whether requests can come from this machine only.
    pub(crate) fn is_loopback(&self) -> bool {
        self.address.ip().is_loopback()
    }
}

impl fmt::Display for Listen {
    /// As a URL.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.protection {
            Protection::Tls { .. } => "https",
            Protection::Loopback | Protection::Insecure => "http",
        };
        write!(f, "{scheme}://{}", self.address)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_goes_without_tls_or_a_word() {
        let listen = |address: &str, protection| Listen {
            address: address.parse().unwrap(),
            protection,
        };
        let tls = Protection::Tls {
            certificate: "c.pem".into(),
            key: "k.pem".into(),
        };
        for fine in [
            Listen::default(),
            listen("[::1]:80", Protection::Loopback),
            listen("0.0.0.0:80", Protection::Insecure),
            listen("0.0.0.0:80", tls),
        ] {
            fine.check().unwrap();
        }
        for open in ["0.0.0.0:80", "192.168.1.2:80", "[::]:80"] {
            let error = listen(open, Protection::Loopback).check().unwrap_err();
            assert!(error.to_string().contains("insecure"), "{error}");
        }
    }
}
