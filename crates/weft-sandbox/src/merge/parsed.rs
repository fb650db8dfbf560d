//! A module, taken apart.

use super::MergeError;
use std::collections::{HashMap, HashSet};
use wasmparser::{
    CompositeInnerType, Data, Dylink0SectionReader, Dylink0Subsection, Element, ExternalKind,
    FuncType, FunctionBody, Global, Import, KnownCustom, MemoryType, Parser, Payload, SymbolFlags,
    Table, TableInit, TagType, TypeRef,
};

/// What modules have by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Function,
    Table,
    Memory,
    Global,
    Tag,
}

impl Kind {
    pub(super) const ALL: [Self; Self::COUNT] = [
        Self::Function,
        Self::Table,
        Self::Memory,
        Self::Global,
        Self::Tag,
    ];
    pub(super) const COUNT: usize = 5;

    pub(super) fn of(kind: ExternalKind) -> Self {
        match kind {
            ExternalKind::Func | ExternalKind::FuncExact => Self::Function,
            ExternalKind::Table => Self::Table,
            ExternalKind::Memory => Self::Memory,
            ExternalKind::Global => Self::Global,
            ExternalKind::Tag => Self::Tag,
        }
    }

    pub(super) fn of_import(ty: TypeRef) -> Self {
        match ty {
            TypeRef::Func(_) | TypeRef::FuncExact(_) => Self::Function,
            TypeRef::Table(_) => Self::Table,
            TypeRef::Memory(_) => Self::Memory,
            TypeRef::Global(_) => Self::Global,
            TypeRef::Tag(_) => Self::Tag,
        }
    }

    pub(super) fn export(self) -> wasm_encoder::ExportKind {
        match self {
            Self::Function => wasm_encoder::ExportKind::Func,
            Self::Table => wasm_encoder::ExportKind::Table,
            Self::Memory => wasm_encoder::ExportKind::Memory,
            Self::Global => wasm_encoder::ExportKind::Global,
            Self::Tag => wasm_encoder::ExportKind::Tag,
        }
    }
}

/// A module's sections.
#[derive(Default)]
pub(super) struct Module<'a> {
    pub(super) types: Vec<FuncType>,
    pub(super) imports: Vec<Import<'a>>,
    /// The types of its own functions, by number.
    pub(super) functions: Vec<u32>,
    pub(super) bodies: Vec<FunctionBody<'a>>,
    pub(super) tables: Vec<Table<'a>>,
    pub(super) memories: Vec<MemoryType>,
    pub(super) globals: Vec<Global<'a>>,
    pub(super) tags: Vec<TagType>,
    pub(super) exports: HashMap<&'a str, (Kind, u32)>,
    pub(super) elements: Vec<Element<'a>>,
    pub(super) data: Vec<Data<'a>>,
    /// The function that is called when it is instantiated.
    pub(super) start: Option<u32>,
    /// What globals begin with instead of what they are defined with, by their number among its own.
    pub(super) preset: HashMap<u32, u32>,
    pub(super) dylink: Option<Dylink<'a>>,
}

/// What a shared library says of itself.
#[derive(Default)]
pub(super) struct Dylink<'a> {
    pub(super) memory_bytes: u32,
    /// As a power of two, like the table's.
    pub(super) memory_alignment: u32,
    pub(super) table_slots: u32,
    pub(super) table_alignment: u32,
    /// File names of other libraries.
    pub(super) needed: Vec<&'a str>,
    /// Symbols that it imports and may do without.
    pub(super) weak: HashSet<&'a str>,
}

impl<'a> Module<'a> {
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, MergeError> {
        let mut module = Self::default();
        for payload in Parser::new(0).parse_all(bytes) {
            module.add(payload?)?;
        }
        Ok(module)
    }

    fn add(&mut self, payload: Payload<'a>) -> Result<(), MergeError> {
        match payload {
            Payload::TypeSection(section) => {
                for group in section {
                    for ty in group?.into_types() {
                        self.types.push(function_type(ty)?);
                    }
                }
            }
            Payload::ImportSection(section) => {
                self.imports = section.into_imports().collect::<Result<_, _>>()?;
            }
            Payload::FunctionSection(section) => self.functions = all(section)?,
            Payload::TableSection(section) => {
                self.tables = all(section)?;
                let is_empty = |table: &Table<'_>| matches!(table.init, TableInit::RefNull);
                if !self.tables.iter().all(is_empty) {
                    return Err(MergeError::new("a table begins with something in it"));
                }
            }
            Payload::MemorySection(section) => self.memories = all(section)?,
            Payload::TagSection(section) => self.tags = all(section)?,
            Payload::GlobalSection(section) => self.globals = all(section)?,
            Payload::ExportSection(section) => {
                for export in section {
                    let export = export?;
                    let item = (Kind::of(export.kind), export.index);
                    self.exports.insert(export.name, item);
                }
            }
            Payload::StartSection { func, .. } => self.start = Some(func),
            Payload::ElementSection(section) => self.elements = all(section)?,
            Payload::DataSection(section) => self.data = all(section)?,
            Payload::CodeSectionEntry(body) => self.bodies.push(body),
            Payload::CustomSection(section) => {
                if let KnownCustom::Dylink0(section) = section.as_known() {
                    self.dylink = Some(dylink(section)?);
                }
            }
            // Versions, counts that others repeat, and names.
            _other => {}
        }
        Ok(())
    }

    /// Whether it is what libraries are around: it has the memory and the table.
    pub(super) fn is_environment(&self) -> bool {
        self.memories.len() == 1 && self.tables.len() == 1
    }

    /// How many of a kind it defines itself.
    pub(super) fn own(&self, kind: Kind) -> usize {
        match kind {
            Kind::Function => self.functions.len(),
            Kind::Table => self.tables.len(),
            Kind::Memory => self.memories.len(),
            Kind::Global => self.globals.len(),
            Kind::Tag => self.tags.len(),
        }
    }
}

fn dylink(section: Dylink0SectionReader<'_>) -> Result<Dylink<'_>, MergeError> {
    let mut dylink = Dylink::default();
    for part in section {
        match part? {
            Dylink0Subsection::MemInfo(info) => {
                dylink.memory_bytes = info.memory_size;
                dylink.memory_alignment = info.memory_alignment;
                dylink.table_slots = info.table_size;
                dylink.table_alignment = info.table_alignment;
            }
            Dylink0Subsection::Needed(names) => dylink.needed.extend(names),
            Dylink0Subsection::ImportInfo(imports) => {
                let weak = imports
                    .iter()
                    .filter(|import| import.flags.contains(SymbolFlags::BINDING_WEAK));
                dylink.weak.extend(weak.map(|import| import.field));
            }
            _other => {}
        }
    }
    Ok(dylink)
}

fn all<'a, T: wasmparser::FromReader<'a>>(
    section: wasmparser::SectionLimited<'a, T>,
) -> Result<Vec<T>, MergeError> {
    Ok(section.into_iter().collect::<Result<_, _>>()?)
}

/// Types that refer to others by number are not moved into another module.
fn function_type(ty: wasmparser::SubType) -> Result<FuncType, MergeError> {
    let refers = |ty: &wasmparser::ValType| matches!(ty, wasmparser::ValType::Ref(ty) if ty.type_index().is_some());
    match ty.composite_type.inner {
        CompositeInnerType::Func(ty) if !ty.params().iter().chain(ty.results()).any(refers) => {
            Ok(ty)
        }
        _other => Err(MergeError::new(
            "it has types of other kinds than plain functions",
        )),
    }
}
