//! `dag.wasm` of a manifest: a valid, empty component whose custom sections hold
//! the document and the files it names.
//!
//! Packing and unpacking are exact inverses; unpacking is strict about names,
//! sizes, counts and duplicates, since the file comes from outside.

/// An unpacked container; it borrows the files from the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container<'a> {
    /// The document, JSON text; not yet parsed.
    pub document: &'a str,
    /// Names and contents, in the order they were packed.
    pub files: Vec<(&'a str, &'a [u8])>,
}

/// Why a file is not a container that can be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    /// It has no document section, so it is no container at all.
    #[error("this is not a container")]
    NotAContainer,
    /// It is a container, and something is wrong with it.
    #[error("the container is broken: {0}")]
    Broken(String),
}

/// Packs a document and the files it names.
///
/// # Errors
/// A name, a size or the count is out of its bounds.
pub fn pack(_document_json: &str, _files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, ContainerError> {
    Err(ContainerError::Broken("not built yet".into()))
}

/// Reads a container.
///
/// # Errors
/// [`ContainerError::NotAContainer`] for any other WebAssembly file.
pub fn unpack(_bytes: &[u8]) -> Result<Container<'_>, ContainerError> {
    Err(ContainerError::NotAContainer)
}
