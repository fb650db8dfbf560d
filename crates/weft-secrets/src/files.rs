//! Values in files, one folder for each tenant, as orchestrators mount secrets.

use crate::{MAX_VALUE_BYTES, sources::SourceError};
use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};
use weft_core::id::TenantId;

/// The value in a file of the tenant's folder, without a newline at its end.
///
/// Links are followed, since orchestrators mount secrets by them, but not out of the folder.
pub(crate) fn read(folder: &Path, tenant: &TenantId, name: &str) -> Result<String, SourceError> {
    let own = folder.join(tenant.as_str());
    let path = own.join(name);
    let unreadable =
        |error: &std::io::Error| SourceError::Unreadable(format!("{}: {error}", path.display()));
    let real = |path: &PathBuf| path.canonicalize();
    let found = real(&path).map_err(|error| match error.kind() {
        std::io::ErrorKind::NotFound => SourceError::Missing(path.display().to_string()),
        _ => unreadable(&error),
    })?;
    let own = real(&own).map_err(|error| unreadable(&error))?;
    if !found.starts_with(&own) {
        return Err(SourceError::Unreadable(format!(
            "{} leads out of its folder",
            path.display()
        )));
    }
    let file = File::open(&found).map_err(|error| unreadable(&error))?;
    if !file.metadata().is_ok_and(|about| about.is_file()) {
        return Err(SourceError::Unreadable(format!(
            "{} is no file",
            path.display()
        )));
    }
    let mut bytes = Vec::new();
    let most = MAX_VALUE_BYTES as u64 + 2;
    file.take(most)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(&error))?;
    let text = String::from_utf8(bytes)
        .map_err(|_odd| SourceError::Unreadable(format!("{} is not UTF-8", path.display())))?;
    let text = text.strip_suffix('\n').unwrap_or(&text);
    let text = text.strip_suffix('\r').unwrap_or(text);
    Ok(text.to_owned())
}
