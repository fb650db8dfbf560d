//! File name suffixes in the cache folder.

/// The suffix of files that hold code.
pub(super) const CODE_SUFFIX: &str = "code";
/// The suffix of files that are being written.
pub(super) const TEMPORARY_SUFFIX: &str = "aside";
