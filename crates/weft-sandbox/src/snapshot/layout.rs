//! Where things are in a component: its modules with their globals and exports, and how many of each kind of
//! item it has, which what is appended is numbered by.

use crate::binary::{Section, component_section, module_section, only, sections};
use std::{collections::BTreeMap, ops::Range};
use wasmparser::{
    BinaryReader, CanonicalFunction, ComponentAlias, ComponentAliasSectionReader,
    ComponentCanonicalSectionReader, ComponentExportSectionReader, ComponentExternalKind,
    ComponentImportSectionReader, ComponentOuterAliasKind, ComponentTypeRef,
    ComponentTypeSectionReader, Export, ExportSectionReader, ExternalKind, GlobalSectionReader,
    GlobalType, ImportSectionReader, Instance, InstanceSectionReader, MemorySectionReader, TypeRef,
};

/// A component's items.
#[derive(Default)]
pub(super) struct Layout<'a> {
    pub(super) modules: Vec<InnerModule<'a>>,
    pub(super) core_instances: u32,
    pub(super) core_functions: u32,
    pub(super) core_memories: u32,
    pub(super) functions: u32,
    pub(super) types: u32,
    /// Whether a module has two instances.
    is_ambiguous: bool,
}

/// A module of a component.
pub(super) struct InnerModule<'a> {
    /// Its section in the component, and its bytes in there.
    pub(super) section: Range<usize>,
    pub(super) body: Range<usize>,
    /// The only instance of it.
    pub(super) instance: Option<u32>,
    /// The number of the first global that it does not import.
    pub(super) first_global: u32,
    /// Globals that it defines and can change, by their number in it.
    pub(super) changing_globals: BTreeMap<u32, GlobalType>,
    pub(super) exports: Vec<Export<'a>>,
    /// Whether it defines memory.
    pub(super) has_memory: bool,
}

impl<'a> InnerModule<'a> {
    /// The name that it exports this by.
    pub(super) fn exported(&self, kind: ExternalKind, index: u32) -> Option<&'a str> {
        let is_it = |export: &&Export<'a>| export.kind == kind && export.index == index;
        self.exports.iter().find(is_it).map(|export| export.name)
    }
}

const DAMAGED: &str = "it is damaged";

/// Reads a component.
pub(super) fn layout(component: &[u8]) -> Result<Layout<'_>, &'static str> {
    let mut layout = Layout::default();
    for section in sections(component).ok_or(DAMAGED)? {
        if section.number == component_section::CORE_MODULE {
            let module = module(component, section).ok_or(DAMAGED)?;
            layout.modules.push(module);
        } else {
            let reader = BinaryReader::new(&component[section.body], 0);
            layout.count(section.number, reader).map_err(|_| DAMAGED)?;
        }
    }
    if layout.is_ambiguous {
        return Err("one of its modules is instantiated twice");
    }
    Ok(layout)
}

impl Layout<'_> {
    /// All globals that can change: module, and number in it.
    pub(super) fn changing_globals(&self) -> Vec<(usize, u32)> {
        let modules = self.modules.iter().enumerate();
        let globals = modules.flat_map(|(number, module)| {
            let globals = module.changing_globals.keys();
            globals.map(move |global| (number, *global))
        });
        globals.collect()
    }

    /// Adds the items of a section.
    fn count(&mut self, section: u8, reader: BinaryReader<'_>) -> wasmparser::Result<()> {
        match section {
            component_section::CORE_INSTANCE => {
                for instance in InstanceSectionReader::new(reader)? {
                    if let Instance::Instantiate { module_index, .. } = instance?
                        && let Some(module) = self.modules.get_mut(module_index as usize)
                        && module.instance.replace(self.core_instances).is_some()
                    {
                        self.is_ambiguous = true;
                    }
                    self.core_instances += 1;
                }
            }
            component_section::ALIAS => {
                for alias in ComponentAliasSectionReader::new(reader)? {
                    self.count_alias(&alias?);
                }
            }
            component_section::TYPE => {
                self.types += ComponentTypeSectionReader::new(reader)?.count();
            }
            component_section::CANONICAL => {
                for function in ComponentCanonicalSectionReader::new(reader)? {
                    match function? {
                        CanonicalFunction::Lift { .. } => self.functions += 1,
                        _core => self.core_functions += 1,
                    }
                }
            }
            component_section::IMPORT => {
                for import in ComponentImportSectionReader::new(reader)? {
                    match import?.ty {
                        ComponentTypeRef::Func(_) => self.functions += 1,
                        ComponentTypeRef::Type(_) => self.types += 1,
                        _other => {}
                    }
                }
            }
            component_section::EXPORT => {
                for export in ComponentExportSectionReader::new(reader)? {
                    match export?.kind {
                        ComponentExternalKind::Func => self.functions += 1,
                        ComponentExternalKind::Type => self.types += 1,
                        _other => {}
                    }
                }
            }
            _other => {}
        }
        Ok(())
    }

    fn count_alias(&mut self, alias: &ComponentAlias<'_>) {
        match alias {
            ComponentAlias::CoreInstanceExport {
                kind: ExternalKind::Func,
                ..
            } => self.core_functions += 1,
            ComponentAlias::CoreInstanceExport {
                kind: ExternalKind::Memory,
                ..
            } => self.core_memories += 1,
            ComponentAlias::InstanceExport {
                kind: ComponentExternalKind::Func,
                ..
            } => self.functions += 1,
            ComponentAlias::InstanceExport {
                kind: ComponentExternalKind::Type,
                ..
            }
            | ComponentAlias::Outer {
                kind: ComponentOuterAliasKind::Type,
                ..
            } => self.types += 1,
            _other => {}
        }
    }
}

fn module(component: &[u8], section: Section) -> Option<InnerModule<'_>> {
    let module = &component[section.body.clone()];
    let sections = sections(module)?;
    let of = |number| only(module, &sections, number).ok();
    let mut first_global = 0;
    if let Some(imports) = of(module_section::IMPORT)? {
        for import in ImportSectionReader::new(imports).ok()?.into_imports() {
            if let TypeRef::Global(_) = import.ok()?.ty {
                first_global += 1;
            }
        }
    }
    let mut changing_globals = BTreeMap::new();
    if let Some(globals) = of(module_section::GLOBAL)? {
        for (number, global) in (first_global..).zip(GlobalSectionReader::new(globals).ok()?) {
            let ty = global.ok()?.ty;
            if ty.mutable {
                changing_globals.insert(number, ty);
            }
        }
    }
    let exports = match of(module_section::EXPORT)? {
        Some(exports) => {
            let exports = ExportSectionReader::new(exports).ok()?;
            exports.into_iter().collect::<Result<_, _>>().ok()?
        }
        None => Vec::new(),
    };
    let has_memory = match of(module_section::MEMORY)? {
        Some(memories) => MemorySectionReader::new(memories).ok()?.count() > 0,
        None => false,
    };
    Some(InnerModule {
        section: section.whole,
        body: section.body,
        instance: None,
        first_global,
        changing_globals,
        exports,
        has_memory,
    })
}
