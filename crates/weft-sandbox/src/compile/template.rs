//! Splits a component into its template, which has all code, and the first contents of its memory.
//!
//! Interpreted languages make a component by a snapshot: the interpreter and the libraries are the same
//! in many components, and only what is in memory differs. A template is compiled with a memory that is
//! filled with zeros, and its code is completed with the contents of any component's memory, in far less
//! time than compiling takes.
//!
//! wasmtime copies contents of memory, as one piece that begins on a page, into the code. To find that
//! piece, the template is compiled with random marks at its ends, which no guest can know: nothing but
//! the contents of memory is ever overwritten.
//!
//! Files come from outside. What this can't read is compiled as a whole.

use crate::{
    Digest,
    binary::{
        HEADER_BYTES, Unsuitable, WASM_PAGE_BYTES, append, component_section, module_section, only,
        sections,
    },
    random,
};
use bytes::{Buf as _, Bytes, BytesMut};
use std::ops::Range;
use wasmparser::{
    BinaryReader, CodeSectionReader, DataKind, DataSectionReader, ImportSectionReader,
    MemorySectionReader, Operator, TypeRef,
};

/// A component whose memory has less is compiled as a whole: Rust, Go and C differ in their code.
const MIN_CONTENT_BYTES: usize = 1 << 20;
/// The contents' part of the memory that they are in; with less, a file could ask for much more than its size.
const MIN_CONTENT_SHARE: usize = 4;
/// Where contents can begin in code: at pages of every target's size.
const PAGE_BYTES: usize = 4 << 10;
/// The bytes of a mark.
const MARK_BYTES: usize = 32;
/// The bytes of an entry that say where contents begin.
const START_BYTES: usize = size_of::<u64>();

/// A component without the contents of its memory.
pub(crate) struct Template<'a> {
    /// The component before and after the module with the memory.
    outside: [&'a [u8]; 2],
    /// The sections of that module before and after its data.
    module: [Vec<u8>; 2],
}

/// A component in two parts.
pub(crate) struct Split<'a> {
    pub(crate) template: Template<'a>,
    /// What is in the whole memory at first.
    pub(crate) contents: Vec<u8>,
}

/// Splits a component that has most of its own in memory.
pub(crate) fn split(component: &[u8]) -> Option<Split<'_>> {
    let mut found = None;
    for section in sections(component)? {
        if section.number == component_section::CORE_MODULE
            && let Some(module) = split_module(&component[section.body.clone()]).ok()?
        {
            if found.is_some() {
                // Two modules with contents of their own; no snapshot has that.
                return None;
            }
            found = Some((section, module));
        }
    }
    let (section, (module, contents)) = found?;
    let outside = [
        &component[..section.whole.start],
        &component[section.whole.end..],
    ];
    Some(Split {
        template: Template { outside, module },
        contents,
    })
}

impl Template<'_> {
    /// What tells this template from others.
    pub(crate) fn digest(&self) -> Digest {
        Digest::of(&self.component(&[]))
    }

    /// The component with this in its memory.
    pub(crate) fn component(&self, contents: &[u8]) -> Vec<u8> {
        let mut data = wasm_encoder::DataSection::new();
        let start = wasm_encoder::ConstExpr::i32_const(0);
        data.active(0, &start, contents.iter().copied());
        let mut module = self.module[0].clone();
        wasm_encoder::Section::append_to(&data, &mut module);
        module.extend_from_slice(&self.module[1]);
        let mut component = self.outside[0].to_vec();
        append(&mut component, component_section::CORE_MODULE, &module);
        component.extend_from_slice(self.outside[1]);
        component
    }
}

/// Memory of that size, filled with zeros between two marks. Fails without random numbers.
pub(crate) fn marked(bytes: usize) -> std::io::Result<Vec<u8>> {
    let mut mark = [0; MARK_BYTES];
    random::fill(&mut mark)?;
    let mut contents = vec![0; bytes];
    contents[..MARK_BYTES].copy_from_slice(&mark);
    contents[bytes - MARK_BYTES..].copy_from_slice(&mark);
    Ok(contents)
}

/// What is stored of a template that was compiled with these marked contents: where they begin in its code
/// (u64, little-endian), and the code.
pub(crate) fn entry(code: &[u8], marked: &[u8]) -> Option<Vec<u8>> {
    let place = find(code, marked)?;
    let mut entry = Vec::with_capacity(START_BYTES + code.len());
    entry.extend_from_slice(&(place.start as u64).to_le_bytes());
    entry.extend_from_slice(&code[..place.start]);
    // Without marks, so that one template always has the same entry.
    entry.resize(entry.len() + place.len(), 0);
    entry.extend_from_slice(&code[place.end..]);
    Some(entry)
}

/// The code of a component, by its template's entry. Without other references to the entry, only the contents are copied.
pub(crate) fn complete(entry: Bytes, contents: &[u8]) -> Option<Bytes> {
    let (start, code) = entry.split_first_chunk::<START_BYTES>()?;
    let start = usize::try_from(u64::from_le_bytes(*start)).ok()?;
    let place = start..start.checked_add(contents.len())?;
    code.get(place.clone())?;
    let mut code = BytesMut::from(entry);
    code.advance(START_BYTES);
    code[place].copy_from_slice(contents);
    Some(code.freeze())
}

/// Where the marked contents of a memory are in code: the only piece that is equal to them.
fn find(code: &[u8], marked: &[u8]) -> Option<Range<usize>> {
    let mark = marked.get(..MARK_BYTES)?;
    let mut starts = (0..code.len())
        .step_by(PAGE_BYTES)
        .filter(|start| code[*start..].starts_with(mark));
    let (start, another) = (starts.next()?, starts.next());
    let place = start..start.checked_add(marked.len())?;
    (another.is_none() && code.get(place.clone())? == marked).then_some(place)
}

/// A module's sections before and after its data, and the contents of its memory.
type SplitModule = ([Vec<u8>; 2], Vec<u8>);

/// Splits a module, if it has contents worth it. Fails for one that depends on how its contents are written, or is
/// not valid.
fn split_module(module: &[u8]) -> Result<Option<SplitModule>, Unsuitable> {
    let sections = sections(module).ok_or(Unsuitable)?;
    let of = |number| only(module, &sections, number);
    let (Some(memory), Some(data)) = (of(module_section::MEMORY)?, of(module_section::DATA)?)
    else {
        return Ok(None);
    };
    let data_bytes = data.bytes_remaining();
    if data_bytes < MIN_CONTENT_BYTES {
        return Ok(None);
    }
    let imports_memory = imports_memory(of(module_section::IMPORT)?).ok_or(Unsuitable)?;
    let uses_segments = uses_segments(of(module_section::CODE)?).ok_or(Unsuitable)?;
    let bytes = memory_bytes(memory).ok_or(Unsuitable)?;
    if bytes > data_bytes.saturating_mul(MIN_CONTENT_SHARE) || imports_memory || uses_segments {
        return Err(Unsuitable);
    }
    let segments = DataSectionReader::new(data).map_err(|_| Unsuitable)?;
    if let Some(mut count) = of(module_section::DATA_COUNT)?
        && count.read_var_u32().ok() != Some(segments.count())
    {
        return Err(Unsuitable);
    }
    let contents = contents(segments, bytes).ok_or(Unsuitable)?;
    let mut parts = [module[..HEADER_BYTES].to_vec(), Vec::new()];
    let mut part = 0;
    for section in &sections {
        match section.number {
            module_section::DATA => part = 1,
            module_section::DATA_COUNT => {
                append(&mut parts[part], module_section::DATA_COUNT, &[1]);
            }
            _other => parts[part].extend_from_slice(&module[section.whole.clone()]),
        }
    }
    Ok(Some((parts, contents)))
}

/// Whether number 0 is another module's memory.
fn imports_memory(imports: Option<BinaryReader<'_>>) -> Option<bool> {
    let Some(imports) = imports else {
        return Some(false);
    };
    for import in ImportSectionReader::new(imports).ok()?.into_imports() {
        if let TypeRef::Memory(_) = import.ok()?.ty {
            return Some(true);
        }
    }
    Some(false)
}

/// The first size of the only memory, if it is an ordinary one.
fn memory_bytes(section: BinaryReader<'_>) -> Option<usize> {
    let mut memories = MemorySectionReader::new(section).ok()?.into_iter();
    let memory = memories.next()?.ok()?;
    let is_ordinary = !memory.memory64 && !memory.shared && memory.page_size_log2.is_none();
    if !is_ordinary || memories.next().is_some() {
        return None;
    }
    usize::try_from(memory.initial)
        .ok()?
        .checked_mul(WASM_PAGE_BYTES)
}

/// Whether code refers to segments of data, whose number changes.
fn uses_segments(code: Option<BinaryReader<'_>>) -> Option<bool> {
    let Some(code) = code else {
        return Some(false);
    };
    for body in CodeSectionReader::new(code).ok()? {
        let mut operators = body.ok()?.get_operators_reader().ok()?;
        while !operators.eof() {
            if let Operator::MemoryInit { .. } | Operator::DataDrop { .. } =
                operators.read().ok()?
            {
                return Some(true);
            }
        }
    }
    Some(false)
}

/// The whole memory, with all segments where they belong.
fn contents(segments: DataSectionReader<'_>, bytes: usize) -> Option<Vec<u8>> {
    let mut contents = vec![0; bytes];
    for segment in segments {
        let segment = segment.ok()?;
        let DataKind::Active {
            memory_index: 0,
            offset_expr,
        } = segment.kind
        else {
            return None;
        };
        let mut offset = offset_expr.get_operators_reader();
        let (Operator::I32Const { value }, Operator::End) =
            (offset.read().ok()?, offset.read().ok()?)
        else {
            return None;
        };
        let start = usize::try_from(value.cast_unsigned()).ok()?;
        let end = start.checked_add(segment.data.len())?;
        contents.get_mut(start..end)?.copy_from_slice(segment.data);
    }
    Some(contents)
}

#[cfg(test)]
mod tests;
