//! Adds functions to a component that read its memory and its globals, and write them.

use super::layout::{InnerModule, Layout, layout};
use crate::binary::{
    HEADER_BYTES, WASM_PAGE_BYTES, append, component_section, module_section, sections,
};
use std::collections::BTreeMap;
use wasm_encoder::{
    Alias, CanonicalFunctionSection, CanonicalOption, CodeSection, Component,
    ComponentAliasSection, ComponentExportKind, ComponentExportSection, ComponentTypeSection,
    ComponentValType, EntityType, ExportKind, ExportSection, Function, FunctionSection, GlobalType,
    ImportSection, InstanceSection, Instruction, MemArg, MemoryType, Module, ModuleArg,
    ModuleSection, PrimitiveValType, Section as _, TypeSection, ValType,
};
use wasmparser::{Export, ExternalKind};

/// Answers with what is in memory, and behind it the globals, each in eight bytes, little-endian.
pub(super) const READ: &str = "weft-read-state";
/// Makes a list the whole of memory.
pub(super) const WRITE_MEMORY: &str = "weft-write-memory";
/// Sets a global, by its place in [`super::layout::Layout::changing_globals`].
pub(super) const WRITE_GLOBAL: &str = "weft-write-global";
/// Where the module has what the last two are made of.
const REALLOC: &str = "realloc";

/// A component with the functions.
pub(super) struct Instrumented {
    pub(super) component: Vec<u8>,
    /// How many globals can change.
    pub(super) globals: usize,
}

/// What the module that reads and writes is given of the others.
#[derive(Default)]
struct Accessor {
    imports: ImportSection,
    /// Instances that it imports of, by the name of their module.
    instances: BTreeMap<String, u32>,
    functions: u32,
    globals: Vec<ValType>,
}

/// Adds the functions to a component. The one that reads begins with calls of `last_calls`.
pub(super) fn instrument(
    component: &[u8],
    last_calls: &[&str],
) -> Result<Instrumented, &'static str> {
    let layout = layout(component)?;
    let mut accessor = Accessor::default();
    let mut names = Vec::new();
    let memory = accessor.import_memory(&layout)?;
    for name in last_calls {
        accessor.import_function(&layout, name);
    }
    for (number, module) in layout.modules.iter().enumerate() {
        names.push(accessor.import_globals(number, module)?);
    }
    let mut whole = with_exports(component, &layout, &names);
    whole.extend_from_slice(&accessor.into_sections(&layout, memory));
    Ok(Instrumented {
        component: whole,
        globals: layout.changing_globals().len(),
    })
}

/// The component, with exports of globals that its modules did not export.
fn with_exports(component: &[u8], layout: &Layout<'_>, names: &[BTreeMap<u32, String>]) -> Vec<u8> {
    let mut whole = Vec::with_capacity(component.len() + (1 << 20));
    let mut copied = 0;
    for (module, names) in layout.modules.iter().zip(names) {
        if names.is_empty() {
            continue;
        }
        whole.extend_from_slice(&component[copied..module.section.start]);
        let body = export_globals(&component[module.body.clone()], &module.exports, names);
        append(&mut whole, component_section::CORE_MODULE, &body);
        copied = module.section.end;
    }
    whole.extend_from_slice(&component[copied..]);
    whole
}

fn export_globals(module: &[u8], exports: &[Export<'_>], names: &BTreeMap<u32, String>) -> Vec<u8> {
    let mut all = ExportSection::new();
    for export in exports {
        all.export(export.name, kind(export.kind), export.index);
    }
    for (number, name) in names {
        all.export(name, ExportKind::Global, *number);
    }
    let mut with_exports = module[..HEADER_BYTES].to_vec();
    let mut exported = false;
    for section in sections(module).unwrap_or_default() {
        // Custom sections are anywhere, and tags are before globals.
        let is_later =
            section.number >= module_section::EXPORT && section.number != module_section::TAG;
        if !exported && is_later {
            all.append_to(&mut with_exports);
            exported = true;
        }
        if section.number != module_section::EXPORT {
            with_exports.extend_from_slice(&module[section.whole]);
        }
    }
    if !exported {
        all.append_to(&mut with_exports);
    }
    with_exports
}

fn kind(kind: ExternalKind) -> ExportKind {
    match kind {
        ExternalKind::Func | ExternalKind::FuncExact => ExportKind::Func,
        ExternalKind::Table => ExportKind::Table,
        ExternalKind::Memory => ExportKind::Memory,
        ExternalKind::Global => ExportKind::Global,
        ExternalKind::Tag => ExportKind::Tag,
    }
}

impl Accessor {
    /// Types of functions: those that it calls, and its own.
    const CALLED: u32 = 0;
    const READ: u32 = 1;
    const REALLOC: u32 = 2;
    const WRITE_MEMORY: u32 = 3;
    const WRITE_GLOBAL: u32 = 4;

    fn import(&mut self, number: usize, instance: u32, name: &str, entity: EntityType) {
        let module = number.to_string();
        self.imports.import(&module, name, entity);
        self.instances.insert(module, instance);
    }

    /// Imports the only memory; answers with its instance and its name there.
    fn import_memory<'a>(&mut self, layout: &Layout<'a>) -> Result<(u32, &'a str), &'static str> {
        let mut with_memory = layout
            .modules
            .iter()
            .enumerate()
            .filter(|(_, module)| module.has_memory);
        let (Some((number, module)), None) = (with_memory.next(), with_memory.next()) else {
            return Err("not exactly one of its modules has memory");
        };
        let (Some(instance), Some(name)) =
            (module.instance, module.exported(ExternalKind::Memory, 0))
        else {
            return Err("its memory is not exported");
        };
        let memory = MemoryType {
            minimum: 0,
            maximum: None,
            memory64: false,
            shared: false,
            page_size_log2: None,
        };
        self.import(number, instance, name, EntityType::Memory(memory));
        Ok((instance, name))
    }

    /// Imports a function, from the first module that exports one of this name.
    fn import_function(&mut self, layout: &Layout<'_>, name: &str) {
        for (number, module) in layout.modules.iter().enumerate() {
            let has_it = module
                .exports
                .iter()
                .any(|export| export.kind == ExternalKind::Func && export.name == name);
            if let (true, Some(instance)) = (has_it, module.instance) {
                self.import(number, instance, name, EntityType::Function(Self::CALLED));
                self.functions += 1;
                return;
            }
        }
    }

    /// Imports the globals of a module that can change; answers with names for those that have none.
    fn import_globals(
        &mut self,
        number: usize,
        module: &InnerModule<'_>,
    ) -> Result<BTreeMap<u32, String>, &'static str> {
        let mut names = BTreeMap::new();
        for (global, ty) in &module.changing_globals {
            let val_type = match ty.content_type {
                wasmparser::ValType::I32 => ValType::I32,
                wasmparser::ValType::I64 => ValType::I64,
                _other => return Err("a global that can change is no integer"),
            };
            let instance = module.instance.ok_or("a module is never instantiated")?;
            let own;
            let name = if let Some(name) = module.exported(ExternalKind::Global, *global) {
                name
            } else {
                own = format!("weft-snapshot:{global}");
                names.insert(*global, own.clone());
                &own
            };
            let ty = GlobalType {
                val_type,
                mutable: true,
                shared: false,
            };
            self.import(number, instance, name, EntityType::Global(ty));
            self.globals.push(val_type);
        }
        Ok(names)
    }

    /// What is appended to the component.
    fn into_sections(self, layout: &Layout<'_>, (memory, memory_name): (u32, &str)) -> Vec<u8> {
        let mut instances = InstanceSection::new();
        let arguments = self
            .instances
            .iter()
            .map(|(name, instance)| (name.as_str(), ModuleArg::Instance(*instance)));
        let modules = u32::try_from(layout.modules.len()).expect("wasmtime accepts a thousand");
        instances.instantiate(modules, arguments);

        let mut types = ComponentTypeSection::new();
        types.defined_type().list(PrimitiveValType::U8);
        let bytes = ComponentValType::Type(layout.types);
        let number = |ty| ComponentValType::Primitive(ty);
        let none: [(&str, ComponentValType); 0] = [];
        types.function().params(none).result(Some(bytes));
        types.function().params([("bytes", bytes)]).result(None);
        let parameters = [
            ("place", number(PrimitiveValType::U32)),
            ("value", number(PrimitiveValType::U64)),
        ];
        types.function().params(parameters).result(None);

        let mut aliases = ComponentAliasSection::new();
        for name in [READ, WRITE_MEMORY, WRITE_GLOBAL, REALLOC] {
            aliases.alias(Alias::CoreInstanceExport {
                instance: layout.core_instances,
                kind: ExportKind::Func,
                name,
            });
        }
        aliases.alias(Alias::CoreInstanceExport {
            instance: memory,
            kind: ExportKind::Memory,
            name: memory_name,
        });

        let mut lifted = CanonicalFunctionSection::new();
        let first = layout.core_functions;
        let options = [
            CanonicalOption::UTF8,
            CanonicalOption::Memory(layout.core_memories),
            CanonicalOption::Realloc(first + 3),
        ];
        let mut exports = ComponentExportSection::new();
        for (place, name) in (0..).zip([READ, WRITE_MEMORY, WRITE_GLOBAL]) {
            lifted.lift(first + place, layout.types + 1 + place, options);
            let function = layout.functions + place;
            exports.export(name, ComponentExportKind::Func, function, None);
        }

        let module = self.into_module();
        let mut component = Component::new();
        component
            .section(&ModuleSection(&module))
            .section(&instances)
            .section(&types)
            .section(&aliases)
            .section(&lifted)
            .section(&exports);
        component.finish()[HEADER_BYTES..].to_vec()
    }

    /// The module that reads and writes.
    fn into_module(self) -> Module {
        use ValType::{I32, I64};
        let mut types = TypeSection::new();
        types.ty().function([], []);
        types.ty().function([], [I32]);
        types.ty().function([I32, I32, I32, I32], [I32]);
        types.ty().function([I32, I32], []);
        types.ty().function([I32, I64], []);
        let mut functions = FunctionSection::new();
        let mut exports = ExportSection::new();
        for (place, (name, ty)) in (self.functions..).zip([
            (READ, Self::READ),
            (REALLOC, Self::REALLOC),
            (WRITE_MEMORY, Self::WRITE_MEMORY),
            (WRITE_GLOBAL, Self::WRITE_GLOBAL),
        ]) {
            functions.function(ty);
            exports.export(name, ExportKind::Func, place);
        }
        let mut code = CodeSection::new();
        code.function(&self.read());
        code.function(&Self::realloc());
        code.function(&Self::write_memory());
        code.function(&self.write_global());
        let mut module = Module::new();
        module.section(&types);
        module.section(&self.imports);
        module.section(&functions);
        module.section(&exports);
        module.section(&code);
        module
    }

    /// Has a list written to the beginning of memory, which grows for it.
    fn realloc() -> Function {
        const NEW_SIZE: u32 = 3;
        const MISSING: u32 = 4;
        let page_bits = WASM_PAGE_BYTES.trailing_zeros().cast_signed();
        let last = i32::try_from(WASM_PAGE_BYTES - 1).expect("pages are small");
        let mut body = Function::new([(1, ValType::I32)]);
        body.instruction(&Instruction::LocalGet(NEW_SIZE))
            .instruction(&Instruction::I32Const(last))
            .instruction(&Instruction::I32Add)
            .instruction(&Instruction::I32Const(page_bits))
            .instruction(&Instruction::I32ShrU)
            .instruction(&Instruction::MemorySize(0))
            .instruction(&Instruction::I32Sub)
            .instruction(&Instruction::LocalTee(MISSING))
            .instruction(&Instruction::I32Const(0))
            .instruction(&Instruction::I32GtS)
            .instruction(&Instruction::If(wasm_encoder::BlockType::Empty))
            .instruction(&Instruction::LocalGet(MISSING))
            .instruction(&Instruction::MemoryGrow(0))
            .instruction(&Instruction::I32Const(-1))
            .instruction(&Instruction::I32Eq)
            .instruction(&Instruction::If(wasm_encoder::BlockType::Empty))
            .instruction(&Instruction::Unreachable)
            .instruction(&Instruction::End)
            .instruction(&Instruction::End)
            .instruction(&Instruction::I32Const(0))
            .instruction(&Instruction::End);
        body
    }

    /// The list is where it belongs.
    fn write_memory() -> Function {
        let mut body = Function::new([]);
        body.instruction(&Instruction::End);
        body
    }

    fn write_global(&self) -> Function {
        const PLACE: u32 = 0;
        const VALUE: u32 = 1;
        let mut body = Function::new([]);
        for (number, ty) in (0_u32..).zip(&self.globals) {
            body.instruction(&Instruction::LocalGet(PLACE))
                .instruction(&Instruction::I32Const(number.cast_signed()))
                .instruction(&Instruction::I32Eq)
                .instruction(&Instruction::If(wasm_encoder::BlockType::Empty))
                .instruction(&Instruction::LocalGet(VALUE));
            if *ty == ValType::I32 {
                body.instruction(&Instruction::I32WrapI64);
            }
            body.instruction(&Instruction::GlobalSet(number))
                .instruction(&Instruction::End);
        }
        body.instruction(&Instruction::End);
        body
    }

    /// Grows memory by what the globals and the answer take, writes them there, and answers with where that is.
    fn read(&self) -> Function {
        const SIZE: u32 = 0;
        let page_bits = WASM_PAGE_BYTES.trailing_zeros().cast_signed();
        let place = |offset: usize, align: u32| MemArg {
            offset: offset as u64,
            align,
            memory_index: 0,
        };
        let values = self.globals.len() * size_of::<u64>();
        let pages = (values + 8).div_ceil(WASM_PAGE_BYTES);
        let constant = |value: usize| {
            Instruction::I32Const(i32::try_from(value).expect("globals have a bound"))
        };
        let mut body = Function::new([(1, ValType::I32)]);
        for function in 0..self.functions {
            body.instruction(&Instruction::Call(function));
        }
        body.instruction(&Instruction::MemorySize(0))
            .instruction(&Instruction::I32Const(page_bits))
            .instruction(&Instruction::I32Shl)
            .instruction(&Instruction::LocalSet(SIZE))
            .instruction(&constant(pages))
            .instruction(&Instruction::MemoryGrow(0))
            .instruction(&Instruction::I32Const(-1))
            .instruction(&Instruction::I32Eq)
            .instruction(&Instruction::If(wasm_encoder::BlockType::Empty))
            .instruction(&Instruction::Unreachable)
            .instruction(&Instruction::End);
        for (number, (global, ty)) in (0..).zip(self.globals.iter().enumerate()) {
            body.instruction(&Instruction::LocalGet(SIZE));
            body.instruction(&Instruction::GlobalGet(number));
            if *ty == ValType::I32 {
                body.instruction(&Instruction::I64ExtendI32U);
            }
            body.instruction(&Instruction::I64Store(place(global * size_of::<u64>(), 3)));
        }
        // The list: where it begins, and its length.
        body.instruction(&Instruction::LocalGet(SIZE))
            .instruction(&Instruction::I32Const(0))
            .instruction(&Instruction::I32Store(place(values, 2)))
            .instruction(&Instruction::LocalGet(SIZE))
            .instruction(&Instruction::LocalGet(SIZE))
            .instruction(&constant(values))
            .instruction(&Instruction::I32Add)
            .instruction(&Instruction::I32Store(place(values + 4, 2)))
            .instruction(&Instruction::LocalGet(SIZE))
            .instruction(&constant(values))
            .instruction(&Instruction::I32Add)
            .instruction(&Instruction::End);
        body
    }
}
