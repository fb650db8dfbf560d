//! Where a blob lies: `tenants/<tenant>/<kind>/<first byte>/<digest>`.
//!
//! A tenant is a folder of its own, so that nobody reaches another's bytes by
//! knowing their digest. The first byte keeps folders small, and listings go
//! through them one by one.

use crate::Kind;
use object_store::path::Path;
use weft_core::{digest::Digest, id::TenantId};

/// The folder of all tenants.
pub(crate) const TENANTS: &str = "tenants";
/// The folder of uploads that have no name yet.
const INCOMING: &str = "incoming";

/// The folder of a kind.
pub(crate) fn of_kind(kind: Kind, tenant: &TenantId) -> Path {
    Path::from_iter([TENANTS, tenant.as_str(), kind.name()])
}

/// The folder of the digests that begin with this byte.
pub(crate) fn of_shard(kind: Kind, tenant: &TenantId, first: u8) -> Path {
    of_kind(kind, tenant).join(format!("{first:02x}"))
}

/// A blob.
pub(crate) fn of_blob(kind: Kind, tenant: &TenantId, digest: &Digest) -> Path {
    of_shard(kind, tenant, digest.0[0]).join(digest.hex())
}

/// The folder of a kind's unfinished uploads.
pub(crate) fn of_incoming(kind: Kind, tenant: &TenantId) -> Path {
    of_kind(kind, tenant).join(INCOMING)
}

/// An upload whose digest isn't known before its end.
pub(crate) fn of_upload(kind: Kind, tenant: &TenantId) -> Path {
    of_incoming(kind, tenant).join(format!("{:032x}", fastrand::u128(..)))
}
