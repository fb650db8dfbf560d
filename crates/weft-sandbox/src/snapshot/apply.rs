//! Makes what was read of an instance the first state of its component.

use super::{
    SnapshotError, State,
    layout::{Layout, layout},
};
use crate::binary::{
    HEADER_BYTES, WASM_PAGE_BYTES, append, component_section, module_section, only, sections,
};
use std::collections::BTreeMap;
use wasm_encoder::{
    ConstExpr, DataCountSection, DataSection, GlobalSection, MemorySection, MemoryType,
    Section as _, ValType,
    reencode::{Reencode as _, RoundtripReencoder},
};
use wasmparser::{
    BinaryReader, DataKind, DataSectionReader, GlobalSectionReader, MemorySectionReader,
};

/// Memory ends at a multiple of this, so that components that differ little have memory of the same size,
/// and with it the same template.
const MEMORY_STEP_BYTES: usize = 8 << 20;
/// The pieces that memory is looked at in; those with nothing but zeros are left out.
const PIECE_BYTES: usize = 256;

const DAMAGED: &str = "it is damaged";

/// The component with this state; see [`super::instrument::READ`] for its form.
pub(super) fn apply(component: &[u8], state: &State) -> Result<Vec<u8>, SnapshotError> {
    let layout = layout(component).map_err(SnapshotError::Unsuitable)?;
    let globals = layout.changing_globals();
    let (memory, values) = state.split(globals.len())?;
    let mut by_module: BTreeMap<usize, BTreeMap<u32, u64>> = BTreeMap::new();
    for ((module, global), value) in globals.into_iter().zip(values) {
        let value = u64::from_le_bytes(*value);
        by_module.entry(module).or_default().insert(global, value);
    }
    with_state(component, &layout, &by_module, memory).ok_or(SnapshotError::Unsuitable(DAMAGED))
}

fn with_state(
    component: &[u8],
    layout: &Layout<'_>,
    by_module: &BTreeMap<usize, BTreeMap<u32, u64>>,
    memory: &[u8],
) -> Option<Vec<u8>> {
    let mut modules = layout.modules.iter().enumerate();
    let mut whole = component[..HEADER_BYTES].to_vec();
    whole.reserve(component.len());
    for section in sections(component)? {
        if section.number != component_section::CORE_MODULE {
            whole.extend_from_slice(&component[section.whole]);
            continue;
        }
        let (number, module) = modules.next()?;
        let none = BTreeMap::new();
        let values = by_module.get(&number).unwrap_or(&none);
        let memory = module.has_memory.then_some(memory);
        let globals = Globals {
            first: module.first_global,
            values,
        };
        let body = module_with(&component[section.body], &globals, memory)?;
        append(&mut whole, component_section::CORE_MODULE, &body);
    }
    Some(whole)
}

/// Values of a module's globals.
struct Globals<'a> {
    /// The number of the first one that it does not import.
    first: u32,
    /// Those that can change, by their number.
    values: &'a BTreeMap<u32, u64>,
}

/// A module with these values in its globals, and this in its memory if it has one.
fn module_with(module: &[u8], globals: &Globals<'_>, memory: Option<&[u8]>) -> Option<Vec<u8>> {
    let sections = sections(module)?;
    let data = match memory {
        Some(memory) => data(memory),
        // Its data is in memory already.
        None => placeholders(only(module, &sections, module_section::DATA).ok()?)?,
    };
    let mut with_state = module[..HEADER_BYTES].to_vec();
    let mut has_data = false;
    for section in &sections {
        let reader = BinaryReader::new(&module[section.body.clone()], 0);
        match section.number {
            module_section::GLOBAL => global_section(reader, globals)?.append_to(&mut with_state),
            module_section::MEMORY if memory.is_some() => {
                memory_section(reader, memory?.len())?.append_to(&mut with_state);
            }
            // It has started.
            module_section::START => {}
            module_section::DATA_COUNT => {
                let count = DataCountSection { count: data.len() };
                count.append_to(&mut with_state);
            }
            module_section::DATA => {
                data.append_to(&mut with_state);
                has_data = true;
            }
            _other => with_state.extend_from_slice(&module[section.whole.clone()]),
        }
    }
    if !has_data && !data.is_empty() {
        data.append_to(&mut with_state);
    }
    Some(with_state)
}

/// Everything in memory but long runs of zeros.
fn data(memory: &[u8]) -> DataSection {
    let mut data = DataSection::new();
    let mut start = None;
    let mut add = |start: usize, end: usize| {
        let offset = u32::try_from(start)
            .expect("memory has 32 bits")
            .cast_signed();
        data.active(
            0,
            &ConstExpr::i32_const(offset),
            memory[start..end].iter().copied(),
        );
    };
    for (number, piece) in memory.chunks(PIECE_BYTES).enumerate() {
        let at = number * PIECE_BYTES;
        if piece.iter().any(|byte| *byte != 0) {
            start.get_or_insert(at);
        } else if let Some(start) = start.take() {
            add(start, at);
        }
    }
    if let Some(start) = start {
        add(start, memory.len());
    }
    data
}

/// Segments that code may still name by their number. Active ones have been copied.
fn placeholders(segments: Option<BinaryReader<'_>>) -> Option<DataSection> {
    let mut data = DataSection::new();
    let Some(segments) = segments else {
        return Some(data);
    };
    for segment in DataSectionReader::new(segments).ok()? {
        let segment = segment.ok()?;
        match segment.kind {
            DataKind::Passive => data.passive(segment.data.iter().copied()),
            DataKind::Active { .. } => data.active(0, &ConstExpr::i32_const(0), []),
        };
    }
    Some(data)
}

fn memory_section(reader: BinaryReader<'_>, bytes: usize) -> Option<MemorySection> {
    let mut memories = MemorySection::new();
    for memory in MemorySectionReader::new(reader).ok()? {
        let memory = memory.ok()?;
        let pages = (bytes.next_multiple_of(MEMORY_STEP_BYTES) / WASM_PAGE_BYTES) as u64;
        memories.memory(MemoryType {
            minimum: memory.maximum.map_or(pages, |most| pages.min(most)),
            maximum: memory.maximum,
            memory64: false,
            shared: false,
            page_size_log2: None,
        });
    }
    Some(memories)
}

fn global_section(
    reader: BinaryReader<'_>,
    Globals { first, values }: &Globals<'_>,
) -> Option<GlobalSection> {
    let mut globals = GlobalSection::new();
    for (number, global) in (*first..).zip(GlobalSectionReader::new(reader).ok()?) {
        let global = global.ok()?;
        let ty = RoundtripReencoder.global_type(global.ty).ok()?;
        let value = match (values.get(&number), ty.val_type) {
            (None, _unchanging) => RoundtripReencoder.const_expr(global.init_expr).ok()?,
            (Some(value), ValType::I32) => {
                ConstExpr::i32_const(u32::try_from(*value).ok()?.cast_signed())
            }
            (Some(value), ValType::I64) => ConstExpr::i64_const(value.cast_signed()),
            (Some(_), _other) => return None,
        };
        globals.global(ty, &value);
    }
    Some(globals)
}
