//! From a host's name to its addresses.

use async_trait::async_trait;
use std::{
    collections::HashMap,
    io,
    net::{IpAddr, ToSocketAddrs as _},
};
use tokio::sync::Semaphore;

/// The most lookups of this process at once. The system blocks a thread for as long
/// as a name server does not answer, also after the attempt has ended: without a
/// bound of their own, lookups at one slow server would take every thread for blocking
/// work, and the files of all other attempts would wait for them.
const MAX_LOOKUPS: usize = 32;

static LOOKUPS: Semaphore = Semaphore::const_new(MAX_LOOKUPS);

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
        let permit = LOOKUPS
            .acquire()
            .await
            .expect("the semaphore is never closed");
        let name = name.to_owned();
        let lookup = tokio::task::spawn_blocking(move || {
            // Held until the thread is free again, even if no attempt waits for the answer.
            let _permit = permit;
            let found = (name.as_str(), 0).to_socket_addrs()?;
            Ok(found.map(|address| address.ip()).collect())
        });
        lookup.await.map_err(io::Error::other)?
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
