//! Looks at a file without running or compiling it.
//!
//! Reads the outermost sections only, in time that depends on their number and
//! not on the code inside. So it finds what a file is, not every fault in it:
//! loading validates the rest.

use crate::{Digest, GuestKind, container, interface};
use wasmparser::{BinaryReaderError, Chunk, Encoding, ExternalKind, Parser, Payload};

/// What a file is and what it asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// What kind of file it is.
    pub kind: FileKind,
    /// Its size in bytes.
    pub bytes: u64,
    /// Its SHA-256 digest.
    pub digest: Digest,
    /// Interfaces (of components) or module names (of modules) that it imports, sorted.
    pub imports: Vec<Import>,
    /// What it exports, sorted.
    pub exports: Vec<String>,
}

/// What kind of file it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// A guest that the sandbox loads, if every import is offered.
    Guest(GuestKind),
    /// A container; its files by name and size, in order.
    Container(Vec<(String, u64)>),
    /// A component that has nothing Weft can run.
    OtherComponent,
    /// A module without `_start`.
    OtherModule,
}

/// One import.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Import {
    /// `wasi:io/streams@0.2.6`, or the module's name for a core module.
    pub name: String,
    /// Why Weft does not offer it; `None` where it does.
    pub not_offered: Option<String>,
}

/// Why a file can't be inspected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// Not WebAssembly at all.
    #[error("this is not a WebAssembly file: {0}")]
    NotWasm(String),
    /// It starts as WebAssembly and is broken after that.
    #[error("the WebAssembly file is malformed or truncated: {0}")]
    Malformed(String),
}

/// The most names of one file; more of them make it malformed.
const MAX_NAMES: usize = 10_000;

/// Looks at a file. Runs no guest code and compiles nothing.
///
/// # Errors
/// The file is no WebAssembly, or its sections don't hold together.
pub fn inspect(bytes: &[u8]) -> Result<Inspection, InspectError> {
    let outline = outline(bytes)?;
    let kind = match container::unpack(bytes) {
        Ok(container) => FileKind::Container(
            container
                .files
                .iter()
                .map(|(name, contents)| ((*name).to_owned(), contents.len() as u64))
                .collect(),
        ),
        Err(container::ContainerError::NotAContainer) => outline.kind,
        Err(broken @ container::ContainerError::Broken(_)) => {
            return Err(InspectError::Malformed(broken.to_string()));
        }
    };
    Ok(Inspection {
        kind,
        bytes: bytes.len() as u64,
        digest: Digest::of(bytes),
        imports: outline.imports,
        exports: outline.exports,
    })
}

/// Imports, exports and kind, without digest or container.
pub(crate) struct Outline {
    pub(crate) kind: FileKind,
    pub(crate) imports: Vec<Import>,
    pub(crate) exports: Vec<String>,
}

/// Reads the outermost sections.
pub(crate) fn outline(bytes: &[u8]) -> Result<Outline, InspectError> {
    check_magic(bytes)?;
    let Names {
        is_component,
        has_start,
        mut imports,
        mut exports,
    } = read_names(bytes)?;
    imports.sort_unstable();
    imports.dedup();
    exports.sort_unstable();
    let kind = kind(is_component, has_start, &exports);
    let guest = match &kind {
        FileKind::Guest(guest) => Some(*guest),
        FileKind::Container(_) | FileKind::OtherComponent | FileKind::OtherModule => None,
    };
    let imports = imports
        .into_iter()
        .map(|name| Import {
            not_offered: if is_component {
                interface::refusal(guest, &name)
            } else {
                interface::module_refusal(&name)
            },
            name,
        })
        .collect();
    Ok(Outline {
        kind,
        imports,
        exports,
    })
}

/// What the outermost sections say, in their order.
#[derive(Default)]
struct Names {
    is_component: bool,
    /// It exports a function `_start`.
    has_start: bool,
    imports: Vec<String>,
    exports: Vec<String>,
}

/// Goes over the outermost sections, and skips code and nested parts.
fn read_names(bytes: &[u8]) -> Result<Names, InspectError> {
    let mut names = Names::default();
    let mut parser = Parser::new(0);
    let mut rest = bytes;
    loop {
        let (consumed, payload) = match parser.parse(rest, true).map_err(malformed)? {
            Chunk::Parsed { consumed, payload } => (consumed, payload),
            Chunk::NeedMoreData(_) => {
                return Err(InspectError::Malformed("it ends too early".into()));
            }
        };
        rest = &rest[consumed..];
        match payload {
            Payload::CodeSectionStart { size, .. } => {
                parser.skip_section();
                rest = skip(rest, u64::from(size))?;
            }
            Payload::ModuleSection {
                unchecked_range, ..
            }
            | Payload::ComponentSection {
                unchecked_range, ..
            } => {
                // The parser of the outer sections has already passed it.
                rest = skip(rest, (unchecked_range.end - unchecked_range.start) as u64)?;
            }
            Payload::End(_) => return Ok(names),
            section => names.read_section(section)?,
        }
    }
}

impl Names {
    fn read_section(&mut self, section: Payload<'_>) -> Result<(), InspectError> {
        match section {
            Payload::Version { encoding, .. } => {
                self.is_component = encoding == Encoding::Component;
            }
            Payload::ImportSection(section) => {
                for import in section.into_imports() {
                    note(&mut self.imports, import.map_err(malformed)?.module)?;
                }
            }
            Payload::ComponentImportSection(section) => {
                for import in section {
                    note(&mut self.imports, import.map_err(malformed)?.name.name)?;
                }
            }
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export.map_err(malformed)?;
                    self.has_start |= export.name == "_start" && export.kind == ExternalKind::Func;
                    note(&mut self.exports, export.name)?;
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    note(&mut self.exports, export.map_err(malformed)?.name.name)?;
                }
            }
            _unneeded => {}
        }
        Ok(())
    }
}

#[expect(clippy::needless_pass_by_value, reason = "map_err passes the value")]
fn malformed(error: BinaryReaderError) -> InspectError {
    InspectError::Malformed(error.to_string())
}

fn kind(is_component: bool, has_start: bool, exports: &[String]) -> FileKind {
    let has = |interface| {
        exports
            .iter()
            .any(|name| interface::is_export(name, interface))
    };
    match is_component {
        // A component that exports both is called through the export that every Weft version calls.
        true if has(interface::TASKS) => FileKind::Guest(GuestKind::Tasks),
        true if has(interface::ASYNC_TASKS) => FileKind::Guest(GuestKind::AsyncTasks),
        true if has(interface::RUN) => FileKind::Guest(GuestKind::Command),
        true => FileKind::OtherComponent,
        false if has_start => FileKind::Guest(GuestKind::Module),
        false => FileKind::OtherModule,
    }
}

fn note(names: &mut Vec<String>, name: &str) -> Result<(), InspectError> {
    if names.last().is_some_and(|last| last == name) {
        return Ok(());
    }
    if names.len() == MAX_NAMES {
        return Err(InspectError::Malformed(format!(
            "it has more than {MAX_NAMES} names"
        )));
    }
    names.push(name.to_owned());
    Ok(())
}

fn skip(rest: &[u8], length: u64) -> Result<&[u8], InspectError> {
    usize::try_from(length)
        .ok()
        .and_then(|length| rest.get(length..))
        .ok_or_else(|| InspectError::Malformed("it ends too early".into()))
}

fn check_magic(bytes: &[u8]) -> Result<(), InspectError> {
    let what = match bytes {
        [b'\0', b'a', b's', b'm', ..] => return Ok(()),
        [] => "it is empty",
        [0x7f, b'E', b'L', b'F', ..] => "it is a native program or library (ELF)",
        [b'(', ..] => "it is WebAssembly text; compile it to the binary form",
        [b'{' | b'[', ..] => "it looks like JSON or TOML",
        [b'P', b'K', ..] => "it is a ZIP archive",
        [b'#', b'!', ..] => "it is a script",
        _other => "it does not begin with \\0asm",
    };
    Err(InspectError::NotWasm(what.into()))
}
