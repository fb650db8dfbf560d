//! `dag.wasm` of a manifest: a valid, empty component whose custom sections hold
//! the document (`weft:document`, JSON) and the files it names (`weft:file`, each
//! a little-endian u32 length of the name, the name, the bytes).
//!
//! Packing and unpacking are exact inverses; unpacking is strict about names,
//! sizes, counts and duplicates, since the file comes from outside. Nothing is
//! copied or allocated for a size that the file merely claims.

use std::{borrow::Cow, collections::HashSet};
use wasm_encoder::{Component, CustomSection};
use wasmparser::{Encoding, Parser, Payload};

/// Files in one container.
pub const MAX_FILES: usize = 1000;
/// Bytes of a file's name.
pub const MAX_NAME_BYTES: usize = 250;
/// Bytes of the document.
pub const MAX_DOCUMENT_BYTES: usize = 32 << 20;
/// Bytes of the whole container.
pub const MAX_CONTAINER_BYTES: usize = 1 << 30;

const DOCUMENT_SECTION: &str = "weft:document";
const FILE_SECTION: &str = "weft:file";

/// An unpacked container; it borrows the files from the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Container<'a> {
    /// The document, JSON text; not yet parsed.
    pub document: &'a str,
    /// Names and contents, in the order they were packed.
    pub files: Vec<(&'a str, &'a [u8])>,
}

/// Why a file is not a container that can be read, or can't be packed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ContainerError {
    /// It has no document section, so it is no container at all.
    #[error("this is not a container")]
    NotAContainer,
    /// It is a container, and something is wrong with it.
    #[error("the container is broken: {0}")]
    Broken(String),
}

fn broken(problem: impl Into<String>) -> ContainerError {
    ContainerError::Broken(problem.into())
}

/// Packs a document and the files it names.
///
/// # Errors
/// A name, a size or the count is out of its bounds.
pub fn pack(document_json: &str, files: &[(String, Vec<u8>)]) -> Result<Vec<u8>, ContainerError> {
    check_document(document_json)?;
    let mut names = Names::default();
    let mut component = Component::new();
    component.section(&section(DOCUMENT_SECTION, document_json.as_bytes()));
    let mut total = document_json.len();
    for (name, bytes) in files {
        names.check(name)?;
        total = total.saturating_add(name.len()).saturating_add(bytes.len());
        if total > MAX_CONTAINER_BYTES {
            return Err(broken(format!(
                "it is larger than {MAX_CONTAINER_BYTES} bytes"
            )));
        }
        let length = u32::try_from(name.len()).expect("a checked name is short");
        let mut data = Vec::with_capacity(4 + name.len() + bytes.len());
        data.extend_from_slice(&length.to_le_bytes());
        data.extend_from_slice(name.as_bytes());
        data.extend_from_slice(bytes);
        component.section(&section(FILE_SECTION, &data));
    }
    Ok(component.finish())
}

fn section<'a>(name: &'a str, data: &'a [u8]) -> CustomSection<'a> {
    CustomSection {
        name: Cow::Borrowed(name),
        data: Cow::Borrowed(data),
    }
}

/// Whether these bytes claim to be a container, valid or not.
pub fn is_container(bytes: &[u8]) -> bool {
    !matches!(unpack(bytes), Err(ContainerError::NotAContainer))
}

/// Reads a container.
///
/// # Errors
/// [`ContainerError::NotAContainer`] for any other WebAssembly file, and for what is none.
pub fn unpack(bytes: &[u8]) -> Result<Container<'_>, ContainerError> {
    let mut document = None;
    let mut files = Vec::new();
    let mut names = Names::default();
    for payload in Parser::new(0).parse_all(bytes) {
        let is_container = document.is_some();
        let payload = match payload {
            Ok(payload) => payload,
            Err(error) if is_container => return Err(broken(error.to_string())),
            Err(_) => return Err(ContainerError::NotAContainer),
        };
        match payload {
            Payload::CustomSection(section) if section.name() == DOCUMENT_SECTION => {
                let text = std::str::from_utf8(section.data())
                    .map_err(|_| broken("the document is no UTF-8"))?;
                check_document(text)?;
                if document.replace(text).is_some() {
                    return Err(broken("it holds two documents"));
                }
            }
            Payload::CustomSection(section) if is_container && section.name() == FILE_SECTION => {
                if bytes.len() > MAX_CONTAINER_BYTES {
                    return Err(broken(format!(
                        "it is larger than {MAX_CONTAINER_BYTES} bytes"
                    )));
                }
                let (name, contents) = file(section.data())?;
                names.check(name)?;
                files.push((name, contents));
            }
            Payload::Version {
                encoding: Encoding::Component,
                ..
            }
            | Payload::End(_)
            | Payload::CustomSection(_) => {}
            _code if is_container => {
                return Err(broken("it holds code of its own beside the document"));
            }
            _code => return Err(ContainerError::NotAContainer),
        }
    }
    let document = document.ok_or(ContainerError::NotAContainer)?;
    Ok(Container { document, files })
}

fn file(data: &[u8]) -> Result<(&str, &[u8]), ContainerError> {
    let cut = || broken("a file is cut off");
    let (length, rest) = data.split_first_chunk::<4>().ok_or_else(cut)?;
    let length = usize::try_from(u32::from_le_bytes(*length)).map_err(|_| cut())?;
    let (name, contents) = rest.split_at_checked(length).ok_or_else(cut)?;
    let name = std::str::from_utf8(name).map_err(|_| broken("a file's name is no UTF-8"))?;
    Ok((name, contents))
}

fn check_document(text: &str) -> Result<(), ContainerError> {
    if text.len() > MAX_DOCUMENT_BYTES {
        return Err(broken(format!(
            "the document is larger than {MAX_DOCUMENT_BYTES} bytes"
        )));
    }
    Ok(())
}

/// Names seen so far.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    fn check(&mut self, name: &str) -> Result<(), ContainerError> {
        if name.is_empty() || name.len() > MAX_NAME_BYTES {
            return Err(broken(format!(
                "a file's name has 1 to {MAX_NAME_BYTES} bytes, one has {}",
                name.len()
            )));
        }
        // A name may become a path somewhere; it never leads out of a folder.
        let is_plain = name.split('/').all(|part| !matches!(part, "" | "." | ".."))
            && !name
                .chars()
                .any(|c| c.is_control() || c == '\\' || c == ':');
        if !is_plain {
            return Err(broken(format!("{name:?} can't be a file's name")));
        }
        if !self.0.insert(name.to_owned()) {
            return Err(broken(format!("two files have the name {name:?}")));
        }
        if self.0.len() > MAX_FILES {
            return Err(broken(format!("it holds more than {MAX_FILES} files")));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> Vec<(String, Vec<u8>)> {
        names
            .iter()
            .map(|name| ((*name).to_owned(), name.as_bytes().to_vec()))
            .collect()
    }

    #[test]
    fn unpacking_returns_what_was_packed() {
        let files = named(&["a.wasm", "sub/b.wasm"]);
        let bytes = pack("{\"x\":1}", &files).unwrap();
        let container = unpack(&bytes).unwrap();
        assert_eq!(container.document, "{\"x\":1}");
        assert_eq!(
            container.files,
            [("a.wasm", &b"a.wasm"[..]), ("sub/b.wasm", b"sub/b.wasm")]
        );
    }

    #[test]
    fn a_container_is_a_valid_component() {
        let bytes = pack("{}", &named(&["a"])).unwrap();
        wasmparser::Validator::new().validate_all(&bytes).unwrap();
    }

    #[test]
    fn other_files_are_no_containers() {
        for text in ["(component)", "(module)"] {
            let bytes = wat::parse_str(text).unwrap();
            assert_eq!(unpack(&bytes), Err(ContainerError::NotAContainer), "{text}");
        }
        assert_eq!(unpack(b"{}"), Err(ContainerError::NotAContainer));
        assert_eq!(unpack(b""), Err(ContainerError::NotAContainer));
    }

    #[test]
    fn names_that_lead_out_and_duplicates_are_refused() {
        for name in [
            "",
            "..",
            "/etc/passwd",
            "a/../b",
            "a\\b",
            "c:",
            "a\0",
            "a//b",
        ] {
            assert!(
                matches!(pack("{}", &named(&[name])), Err(ContainerError::Broken(_))),
                "{name:?}"
            );
        }
        assert!(matches!(
            pack("{}", &named(&["a", "a"])),
            Err(ContainerError::Broken(_))
        ));
    }

    #[test]
    fn a_truncated_container_is_broken_wherever_it_is_cut() {
        let bytes = pack("{}", &named(&["a.wasm", "b.wasm"])).unwrap();
        let whole = unpack(&bytes).unwrap();
        for end in 0..bytes.len() {
            if let Ok(part) = unpack(&bytes[..end]) {
                // Cut between two sections, it is a smaller container, whose digest differs.
                assert!(part.files.len() < whole.files.len());
                assert!(whole.files.starts_with(&part.files));
            }
        }
    }

    #[test]
    fn a_forged_length_is_refused() {
        let mut component = Component::new();
        component.section(&section(DOCUMENT_SECTION, b"{}"));
        component.section(&section(FILE_SECTION, &[0xff, 0xff, 0xff, 0xff, b'a']));
        assert!(matches!(
            unpack(&component.finish()),
            Err(ContainerError::Broken(_))
        ));
    }
}
