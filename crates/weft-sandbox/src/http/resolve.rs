//! From a host's name to its addresses.

use async_trait::async_trait;
use std::{collections::HashMap, io, net::IpAddr};

/// Resolves names for outgoing requests. Whatever it answers is checked before a
/// connection is made, and nothing resolves the name a second time.
#[async_trait]
pub trait Resolve: Send + Sync {
    /// The addresses of a name in lower-case ASCII, best first; none if it has none.
    ///
    /// # Errors
    /// The name can't be resolved now.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// As the machine resolves names: its hosts file, its name servers.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolve for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((name, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// A fixed table, for machines without name servers and for tests. Knows no other name.
#[derive(Debug, Clone, Default)]
pub struct FixedResolver(pub HashMap<String, Vec<IpAddr>>);

#[async_trait]
impl Resolve for FixedResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        match self.0.get(name) {
            Some(addresses) => Ok(addresses.clone()),
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the table has no such name",
            )),
        }
    }
}
