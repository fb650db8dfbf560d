//! Finds the shared libraries inside of a component, and makes a component of each one that has
//! nothing else in it: what it is compiled from once, for all components that contain it.
//!
//! wasmtime compiles a function the same way in two components if its module has the same bytes, the
//! same number, the same types before it (they are numbered over the whole component), and imports
//! from modules of the component. So a library's component consists of the library itself, behind one
//! module for each earlier one with nothing but that one's types, and a module that exports whatever
//! the library imports. All of it is copied from the component that contains the library.
//!
//! Files come from outside. What this can't read, or finds too large, has no libraries, and is compiled
//! as a whole: the compiler finds what is wrong with it.

use std::collections::BTreeMap;
use wasm_encoder::{
    Alias, CodeSection, Component, ComponentAliasSection, ConstExpr, ExportKind, ExportSection,
    Function, FunctionSection, GlobalSection, GlobalType, InstanceSection, Instruction,
    MemorySection, MemoryType, Module, ModuleArg, ModuleSection, RawSection, RefType, SectionId,
    TableSection, TableType, ValType,
};
use wasmparser::{Import, ImportSectionReader, Parser, Payload, TypeRef};

/// The section that a shared library begins with
/// (<https://github.com/WebAssembly/tool-conventions/blob/main/DynamicLinking.md>).
const LIBRARY_SECTION: &str = "dylink.0";
/// Smaller libraries are compiled with the component, in less time than a subprocess takes.
const MIN_CODE_BYTES: u32 = 128 << 10;
/// The most modules of a component that has libraries; wasmtime accepts as many.
const MAX_MODULES: usize = 1000;
/// The deepest nesting of a component that has libraries.
const MAX_NESTING: usize = 16;
/// The most imports of a library. Each takes many times its bytes in memory.
const MAX_IMPORTS: usize = 50_000;
/// The most bytes of all libraries' components together, as a multiple of the file.
const MAX_FACTOR: usize = 2;

/// The components of the libraries in a component, in their order.
pub(crate) fn libraries(component: &[u8]) -> Vec<Vec<u8>> {
    let Some(modules) = modules(component) else {
        return Vec::new();
    };
    let most = component.len().saturating_mul(MAX_FACTOR);
    let mut total = 0;
    let mut libraries = Vec::new();
    for (index, module) in modules.iter().enumerate() {
        if !module.is_library || module.code_bytes < MIN_CODE_BYTES {
            continue;
        }
        let before = &modules[..index];
        let types: usize = before.iter().map(|module| module.types.len()).sum();
        total += types + module.bytes.len();
        if total > most {
            break;
        }
        libraries.extend(library(before, module));
    }
    libraries
}

/// A core module inside of a component.
#[derive(Default)]
struct InnerModule<'a> {
    bytes: &'a [u8],
    /// Contents of the type section.
    types: &'a [u8],
    imports: Option<ImportSectionReader<'a>>,
    code_bytes: u32,
    is_library: bool,
}

/// The modules of a component and of those nested in it, in the order of their bytes, as wasmtime
/// numbers them.
fn modules(component: &[u8]) -> Option<Vec<InnerModule<'_>>> {
    let mut modules: Vec<InnerModule<'_>> = Vec::new();
    // For each level whether it is a module; that is always the last one found.
    let mut nesting: Vec<bool> = Vec::new();
    for payload in Parser::new(0).parse_all(component) {
        let payload = payload.ok()?;
        match payload {
            Payload::ModuleSection {
                unchecked_range, ..
            } => {
                nesting.push(true);
                modules.push(InnerModule {
                    bytes: component.get(unchecked_range)?,
                    ..InnerModule::default()
                });
            }
            Payload::ComponentSection { .. } => nesting.push(false),
            Payload::End(_) => {
                nesting.pop();
            }
            within if nesting.last() == Some(&true) => {
                let module = modules.last_mut()?;
                match within {
                    Payload::CustomSection(section) if section.name() == LIBRARY_SECTION => {
                        module.is_library = true;
                    }
                    Payload::TypeSection(types) => module.types = component.get(types.range())?,
                    Payload::ImportSection(imports) => module.imports = Some(imports),
                    Payload::CodeSectionStart { size, .. } => module.code_bytes = size,
                    _other => {}
                }
            }
            _outside => {}
        }
        if modules.len() > MAX_MODULES || nesting.len() > MAX_NESTING {
            return None;
        }
    }
    Some(modules)
}

/// The component of one library, if its imports are such as libraries have.
fn library(before: &[InnerModule<'_>], library: &InnerModule<'_>) -> Option<Vec<u8>> {
    let imports = library.imports.clone().map_or_else(
        || Some(Vec::new()),
        |imports| {
            let imports = imports.into_imports().take(MAX_IMPORTS + 1);
            imports.collect::<Result<Vec<_>, _>>().ok()
        },
    )?;
    if imports.len() > MAX_IMPORTS {
        return None;
    }
    let number = u32::try_from(before.len()).ok()?;
    let mut component = Component::new();
    for module in before {
        component.section(&ModuleSection(&types_alone(module.types)));
    }
    component.section(&RawSection {
        id: wasm_encoder::ComponentSectionId::CoreModule as u8,
        data: library.bytes,
    });
    let (exporter, kinds) = exporter(library.types, &imports)?;
    component.section(&ModuleSection(&exporter));
    instantiate(&mut component, number, &imports, &kinds)?;
    Some(component.finish())
}

fn types_alone(types: &[u8]) -> Module {
    let mut module = Module::new();
    if !types.is_empty() {
        module.section(&RawSection {
            id: SectionId::Type as u8,
            data: types,
        });
    }
    module
}

/// The module that exports something of each import's type; its exports are named by their numbers.
fn exporter(types: &[u8], imports: &[Import<'_>]) -> Option<(Module, Vec<ExportKind>)> {
    let mut functions = FunctionSection::new();
    let mut tables = TableSection::new();
    let mut memories = MemorySection::new();
    let mut globals = GlobalSection::new();
    let mut exports = ExportSection::new();
    let mut code = CodeSection::new();
    let mut kinds = Vec::with_capacity(imports.len());
    for (number, import) in imports.iter().enumerate() {
        let (kind, index) = match import.ty {
            TypeRef::Func(ty) => {
                functions.function(ty);
                let mut body = Function::new([]);
                body.instruction(&Instruction::Unreachable)
                    .instruction(&Instruction::End);
                code.function(&body);
                (ExportKind::Func, functions.len() - 1)
            }
            TypeRef::Table(ty) => {
                tables.table(table_type(&ty)?);
                (ExportKind::Table, tables.len() - 1)
            }
            TypeRef::Memory(ty) => {
                memories.memory(memory_type(&ty)?);
                (ExportKind::Memory, memories.len() - 1)
            }
            TypeRef::Global(ty) => {
                let (ty, value) = global(&ty)?;
                globals.global(ty, &value);
                (ExportKind::Global, globals.len() - 1)
            }
            TypeRef::Tag(_) | TypeRef::FuncExact(_) => return None,
        };
        exports.export(&number.to_string(), kind, index);
        kinds.push(kind);
    }
    let mut module = types_alone(types);
    module
        .section(&functions)
        .section(&tables)
        .section(&memories)
        .section(&globals)
        .section(&exports)
        .section(&code);
    Some((module, kinds))
}

fn table_type(ty: &wasmparser::TableType) -> Option<TableType> {
    let is_ordinary = ty.element_type == wasmparser::RefType::FUNCREF && !ty.table64 && !ty.shared;
    is_ordinary.then_some(TableType {
        element_type: RefType::FUNCREF,
        table64: false,
        minimum: ty.initial,
        maximum: ty.maximum,
        shared: false,
    })
}

fn memory_type(ty: &wasmparser::MemoryType) -> Option<MemoryType> {
    let is_ordinary = !ty.memory64 && !ty.shared && ty.page_size_log2.is_none();
    is_ordinary.then_some(MemoryType {
        minimum: ty.initial,
        maximum: ty.maximum,
        memory64: false,
        shared: false,
        page_size_log2: None,
    })
}

fn global(ty: &wasmparser::GlobalType) -> Option<(GlobalType, ConstExpr)> {
    let (val_type, value) = match ty.content_type {
        wasmparser::ValType::I32 => (ValType::I32, ConstExpr::i32_const(0)),
        wasmparser::ValType::I64 => (ValType::I64, ConstExpr::i64_const(0)),
        _other => return None,
    };
    let ty = GlobalType {
        val_type,
        mutable: ty.mutable,
        shared: false,
    };
    Some((ty, value))
}

/// Instantiates the library, which is this module, with the exports of the one after it.
fn instantiate(
    component: &mut Component,
    library: u32,
    imports: &[Import<'_>],
    kinds: &[ExportKind],
) -> Option<()> {
    const EXPORTER: u32 = 0;
    let mut instances = InstanceSection::new();
    instances.instantiate(library + 1, std::iter::empty::<(&str, ModuleArg)>());
    component.section(&instances);

    let mut aliases = ComponentAliasSection::new();
    let mut counts: BTreeMap<u8, u32> = BTreeMap::new();
    let mut groups: BTreeMap<&str, BTreeMap<&str, (ExportKind, u32)>> = BTreeMap::new();
    for (number, (import, kind)) in imports.iter().zip(kinds).enumerate() {
        aliases.alias(Alias::CoreInstanceExport {
            instance: EXPORTER,
            kind: *kind,
            name: &number.to_string(),
        });
        let count = counts.entry(*kind as u8).or_default();
        let group = groups.entry(import.module).or_default();
        if group.insert(import.name, (*kind, *count)).is_some() {
            // Two imports of one name can't be satisfied by one export each.
            return None;
        }
        *count += 1;
    }
    component.section(&aliases);

    let mut instances = InstanceSection::new();
    let mut arguments = Vec::with_capacity(groups.len());
    for (module, group) in groups {
        let items = group
            .iter()
            .map(|(name, (kind, index))| (*name, *kind, *index));
        instances.export_items(items.collect::<Vec<_>>());
        arguments.push((module, ModuleArg::Instance(EXPORTER + instances.len())));
    }
    instances.instantiate(library, arguments);
    component.section(&instances);
    Some(())
}

#[cfg(test)]
mod tests;
