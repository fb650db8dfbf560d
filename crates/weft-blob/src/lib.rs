//! Bytes that are too large for a database: components, compiled code, outputs,
//! artifacts, and logs, on local disk or in an object store.
//!
//! [`Blobs`] names what it holds by the SHA-256 of it, each kind and each tenant
//! apart. What always holds: a blob is there whole or not at all, what was put
//! survives a loss of power, and bytes that don't match their name are never
//! returned. [`logs`] is the other half: what tasks print, many attempts in
//! one file.
//!
//! Nothing here knows what the bytes mean or who may see them, beyond their tenant.

pub mod logs;

mod blobs;
mod error;
mod garbage_collection;
mod kind;
mod location;
mod metrics;
mod open;
mod remote;
#[cfg(feature = "s3")]
mod s3;
mod signed_url;
mod stream;
mod url_signer;

pub use {
    blobs::Blobs,
    error::BlobError,
    garbage_collection::{BlobInfo, Collected},
    kind::Kind,
    remote::{Incoming, Outgoing, RemoteError, RemoteStore},
    stream::{BlobReader, BlobWriter},
};
