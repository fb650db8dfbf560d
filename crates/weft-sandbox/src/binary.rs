//! The sections of binary files: components and modules have the same frame.

use std::ops::Range;
use wasmparser::BinaryReader;

/// Both kinds of file begin with eight bytes: `\0asm`, version and layer.
pub(crate) const HEADER_BYTES: usize = 8;
/// The size of a page of a guest's memory.
pub(crate) const WASM_PAGE_BYTES: usize = 64 << 10;

/// Numbers of sections in modules.
pub(crate) mod module_section {
    pub(crate) const IMPORT: u8 = 2;
    pub(crate) const MEMORY: u8 = 5;
    pub(crate) const GLOBAL: u8 = 6;
    pub(crate) const EXPORT: u8 = 7;
    pub(crate) const START: u8 = 8;
    pub(crate) const CODE: u8 = 10;
    pub(crate) const DATA: u8 = 11;
    pub(crate) const DATA_COUNT: u8 = 12;
    pub(crate) const TAG: u8 = 13;
}

/// Numbers of sections in components.
pub(crate) mod component_section {
    pub(crate) const CUSTOM: u8 = 0;
    pub(crate) const CORE_MODULE: u8 = 1;
    pub(crate) const CORE_INSTANCE: u8 = 2;
    pub(crate) const ALIAS: u8 = 6;
    pub(crate) const TYPE: u8 = 7;
    pub(crate) const CANONICAL: u8 = 8;
    pub(crate) const IMPORT: u8 = 10;
    pub(crate) const EXPORT: u8 = 11;
}

/// A section of a component or module.
pub(crate) struct Section {
    pub(crate) number: u8,
    /// All of it.
    pub(crate) whole: Range<usize>,
    /// What it contains, after its number and size.
    pub(crate) body: Range<usize>,
}

/// The sections of a file. None for one that is cut short, or no such file.
pub(crate) fn sections(file: &[u8]) -> Option<Vec<Section>> {
    let mut sections = Vec::new();
    let mut start = HEADER_BYTES;
    while start < file.len() {
        let mut reader = BinaryReader::new(&file[start..], 0);
        let number = reader.read_u8().ok()?;
        let size = usize::try_from(reader.read_var_u32().ok()?).ok()?;
        let body = start + reader.current_position();
        let end = body.checked_add(size).filter(|end| *end <= file.len())?;
        sections.push(Section {
            number,
            whole: start..end,
            body: body..end,
        });
        start = end;
    }
    Some(sections)
}

/// A file that can't be taken apart: it is not valid, or of another form.
#[derive(Debug)]
pub(crate) struct Unsuitable;

/// The only section of this number, if there is one. Fails for a second one, which no valid module has.
pub(crate) fn only<'a>(
    file: &'a [u8],
    sections: &[Section],
    number: u8,
) -> Result<Option<BinaryReader<'a>>, Unsuitable> {
    let mut found = sections.iter().filter(|section| section.number == number);
    match (found.next(), found.next()) {
        (first, None) => Ok(first.map(|section| BinaryReader::new(&file[section.body.clone()], 0))),
        (_, Some(_)) => Err(Unsuitable),
    }
}

/// Appends a section with this in it.
pub(crate) fn append(file: &mut Vec<u8>, number: u8, body: &[u8]) {
    let section = wasm_encoder::RawSection {
        id: number,
        data: body,
    };
    wasm_encoder::Section::append_to(&section, file);
}
