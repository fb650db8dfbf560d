//! Where a blob is: `tenants/<tenant>/<kind>/<first byte>/<digest>`.
//!
//! A tenant is a folder of its own, so that no tenant reaches another's bytes by
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

/// What a path of blobs means: kind, tenant, and the digest, which an upload hasn't yet.
pub(crate) fn read(path: &Path) -> Option<(Kind, TenantId, Option<Digest>)> {
    let parts: Vec<_> = path.parts().collect();
    let [tenants, tenant, kind, folder, name] = &parts[..] else {
        return None;
    };
    let tenant: TenantId = tenant.as_ref().parse().ok()?;
    let kind = Kind::ALL
        .into_iter()
        .find(|known| known.name() == kind.as_ref())?;
    if tenants.as_ref() != TENANTS {
        return None;
    }
    if folder.as_ref() == INCOMING {
        return Some((kind, tenant, None));
    }
    let digest = Digest::from_hex(name.as_ref())?;
    (of_blob(kind, &tenant, &digest) == *path).then_some((kind, tenant, Some(digest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_blobs_are_parsed() {
        let tenant = TenantId::default();
        let digest = Digest::of(b"x");
        for kind in Kind::ALL {
            let path = of_blob(kind, &tenant, &digest);
            assert_eq!(read(&path), Some((kind, tenant.clone(), Some(digest))));
            let upload = of_upload(kind, &tenant);
            assert_eq!(read(&upload), Some((kind, tenant.clone(), None)));
        }
        let elsewhere = of_kind(Kind::Output, &tenant).join("00").join(digest.hex());
        for odd in [elsewhere, Path::from("logs/1"), Path::from("")] {
            assert_eq!(read(&odd), None, "{odd}");
        }
    }
}
