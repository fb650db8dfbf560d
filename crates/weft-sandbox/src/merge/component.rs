//! The component around the merged module: which of its instances become one, and what follows them.
//!
//! The items of a component are numbered in their order, and refer to earlier ones alone. So they are put
//! in three parts. Before the merged instance is what it takes from outside, and everything that has nothing
//! to do with instances. After it is what needs an instance, in its old order, with new numbers.

use super::{
    MergeError,
    group::{Entity, Group},
    length,
    link::{self, Library},
    parsed::{Kind, Module},
    write::{self, HOST, MergedExport},
};
use crate::binary::{HEADER_BYTES, append, component_section, sections};
use std::collections::{BTreeMap, HashMap};
use wasm_encoder::{
    Alias, CanonicalFunctionSection, ComponentAliasSection, ComponentSection as _, EntityType,
    ExportKind, ImportSection, InstanceSection, ModuleArg, StartSection, TypeSection,
    reencode::{self, Reencode, ReencodeComponent, RoundtripReencoder},
};
use wasmparser::{
    BinaryReader, CanonicalFunction, CanonicalOption, ComponentAlias, ComponentAliasSectionReader,
    ComponentCanonicalSectionReader, ComponentOuterAliasKind, ComponentType,
    ComponentTypeSectionReader, Instance, InstanceSectionReader,
};

/// Custom sections with names of items by their numbers.
const NAMES: &str = "component-name";

pub(super) fn merge(component: &[u8], kept: &[&str]) -> Result<Vec<u8>, MergeError> {
    write(component, &Survey::of(component)?, kept, None)
}

pub(super) fn link(
    component: &[u8],
    libraries: &[Library<'_>],
    looked_up: &str,
    kept: &[&str],
) -> Result<Vec<u8>, MergeError> {
    let mut survey = Survey::of(component)?;
    let plan = link::plan(&survey.group, libraries, looked_up)?;
    for (module, imported) in plan.modules {
        survey.group.add(module, &imported);
    }
    survey.group.enlarge(plan.memory_pages, plan.table_slots);
    let glue = survey
        .group
        .add(Module::parse(&plan.glue)?, &plan.glue_imports);
    let start = link::start_of(&survey.group.members[glue])?;
    write(component, &survey, kept, Some(start))
}

/// Writes the component of a survey, and has a function called when it is instantiated.
fn write(
    component: &[u8],
    survey: &Survey<'_>,
    kept: &[&str],
    start: Option<Entity>,
) -> Result<Vec<u8>, MergeError> {
    if survey.group.members.len() < 2 {
        return Err(MergeError::new("none imports of another"));
    }
    let mut after = After::new(survey);
    for item in &survey.after {
        after.add(item)?;
    }
    if let Some(start) = start {
        after.start(start);
    }
    let mut exports = Vec::new();
    for name in kept {
        if let Some(entity) = survey.group.function(name) {
            exports.push(MergedExport {
                name,
                kind: Kind::Function,
                entity,
            });
        }
    }
    exports.extend(
        after
            .exports
            .iter()
            .map(|(name, kind, entity)| MergedExport {
                name,
                kind: *kind,
                entity: *entity,
            }),
    );
    let merged = write::write(&survey.group, &exports)?;

    let mut whole = component[..HEADER_BYTES].to_vec();
    whole.extend_from_slice(&survey.before);
    append(&mut whole, component_section::CORE_MODULE, &merged.module);
    let hosts = merged.hosts.iter().map(|host| (host.to_string(), *host));
    let hosts: Vec<_> = hosts.collect();
    let mut instances = InstanceSection::new();
    instances.export_items(
        hosts
            .iter()
            .map(|(name, host)| (name.as_str(), ExportKind::Func, *host)),
    );
    instances.instantiate(0, [(HOST, ModuleArg::Instance(0))]);
    instances.append_to_component(&mut whole);
    whole.extend_from_slice(&after.bytes);
    Ok(whole)
}

/// The instances that are before those of [`After`]: what the merged one imports, and itself.
const FIRST_INSTANCES: u32 = 2;
/// The number of the merged instance.
const MERGED_INSTANCE: u32 = 1;

/// What there is in a component.
#[derive(Default)]
struct Survey<'a> {
    modules: Vec<&'a [u8]>,
    instances: Vec<CoreInstance<'a>>,
    /// Items of modules, by kind and number.
    items: [Vec<CoreItem>; Kind::COUNT],
    group: Group<'a>,
    /// Functions that come before the merged instance.
    hosts: u32,
    before: Vec<u8>,
    after: Vec<Item<'a>>,
    /// Whether a function of an instance was lifted: whatever follows may depend on it.
    is_closed: bool,
}

/// An instance of a module.
enum CoreInstance<'a> {
    Merged(usize),
    /// Of items that have numbers already.
    Items(HashMap<&'a str, (Kind, u32)>),
    Apart,
}

/// A function, memory, table, global or tag that the component has a number for.
#[derive(Clone, Copy)]
enum CoreItem {
    /// Of the merged module, or before it.
    Merged(Entity),
    /// Of an instance apart, or a function that needs an instance.
    Apart,
}

/// Something that comes after the merged instance.
enum Item<'a> {
    Section(u8, &'a [u8]),
    ComponentAlias(ComponentAlias<'a>),
    /// With the number that it had.
    CoreAlias {
        number: u32,
        kind: Kind,
        instance: u32,
        name: &'a str,
    },
    /// With the number of the function that it made for modules, if it made one.
    Canonical(CanonicalFunction, Option<u32>),
    /// With the number that the instance had.
    Instance {
        number: u32,
        module: &'a [u8],
        arguments: BTreeMap<&'a str, u32>,
    },
}

impl<'a> Survey<'a> {
    fn of(component: &'a [u8]) -> Result<Self, MergeError> {
        let mut survey = Self::default();
        for section in sections(component).ok_or_else(MergeError::damaged)? {
            let body = &component[section.body];
            let reader = BinaryReader::new(body, 0);
            match section.number {
                component_section::CORE_MODULE => survey.modules.push(body),
                component_section::CORE_INSTANCE => {
                    for instance in InstanceSectionReader::new(reader)? {
                        survey.instance(instance?)?;
                    }
                }
                component_section::ALIAS => {
                    for alias in ComponentAliasSectionReader::new(reader)? {
                        survey.alias(alias?)?;
                    }
                }
                component_section::CANONICAL => {
                    for function in ComponentCanonicalSectionReader::new(reader)? {
                        survey.canonical(function?)?;
                    }
                }
                component_section::TYPE if has_destructor(reader.clone())? => {
                    let reason = "a resource has a destructor, which is one of its functions";
                    return Err(MergeError::new(reason));
                }
                component_section::CUSTOM if reader.clone().read_string()? == NAMES => {}
                number if survey.is_closed => survey.after.push(Item::Section(number, body)),
                number => append(&mut survey.before, number, body),
            }
        }
        Ok(survey)
    }

    fn alias(&mut self, alias: ComponentAlias<'a>) -> Result<(), MergeError> {
        match alias {
            ComponentAlias::CoreInstanceExport {
                kind,
                instance_index,
                name,
            } => {
                let kind = Kind::of(kind);
                let item = self.exported(instance_index, kind, name)?;
                let items = &mut self.items[kind as usize];
                if let CoreItem::Apart = item {
                    self.after.push(Item::CoreAlias {
                        number: length(items),
                        kind,
                        instance: instance_index,
                        name,
                    });
                }
                items.push(item);
            }
            ComponentAlias::Outer {
                kind: ComponentOuterAliasKind::CoreModule,
                ..
            } => return Err(MergeError::new("a module comes from outside")),
            alias if self.is_closed => self.after.push(Item::ComponentAlias(alias)),
            alias => append_alias(&mut self.before, alias)?,
        }
        Ok(())
    }

    fn canonical(&mut self, function: CanonicalFunction) -> Result<(), MergeError> {
        let functions = &mut self.items[Kind::Function as usize];
        if let CanonicalFunction::Lift { .. } = function {
            self.is_closed = true;
            self.after.push(Item::Canonical(function, None));
        } else if self.is_closed || needs_instance(&function) {
            let item = Item::Canonical(function, Some(length(functions)));
            self.after.push(item);
            functions.push(CoreItem::Apart);
        } else {
            let mut section = CanonicalFunctionSection::new();
            RoundtripReencoder.parse_component_canonical(&mut section, function)?;
            section.append_to_component(&mut self.before);
            functions.push(CoreItem::Merged(Entity::Host(self.hosts)));
            self.hosts += 1;
        }
        Ok(())
    }

    fn instance(&mut self, instance: Instance<'a>) -> Result<(), MergeError> {
        let number = length(&self.instances);
        let instance = match instance {
            Instance::FromExports(exports) => CoreInstance::Items(
                exports
                    .iter()
                    .map(|export| (export.name, (Kind::of(export.kind), export.index)))
                    .collect(),
            ),
            Instance::Instantiate { module_index, args } => {
                let arguments = args.iter().map(|argument| (argument.name, argument.index));
                let arguments: BTreeMap<_, _> = arguments.collect();
                let bytes = self.modules.get(module_index as usize).copied();
                let bytes = bytes.ok_or_else(MergeError::damaged)?;
                let module = Module::parse(bytes)?;
                if let Some(imported) = self.mergeable(&module, &arguments)? {
                    CoreInstance::Merged(self.group.add(module, &imported))
                } else {
                    self.after.push(Item::Instance {
                        number,
                        module: bytes,
                        arguments,
                    });
                    CoreInstance::Apart
                }
            }
        };
        self.instances.push(instance);
        Ok(())
    }

    /// What a module imports, if all of it is there before the merged instance, or in it.
    fn mergeable(
        &self,
        module: &Module<'_>,
        arguments: &BTreeMap<&str, u32>,
    ) -> Result<Option<Vec<Entity>>, MergeError> {
        if self.is_closed || module.start.is_some() {
            return Ok(None);
        }
        let mut imported = Vec::with_capacity(module.imports.len());
        for import in &module.imports {
            let kind = Kind::of_import(import.ty);
            match self.argument(arguments, import.module, kind, import.name)? {
                CoreItem::Merged(entity) => imported.push(entity),
                CoreItem::Apart => return Ok(None),
            }
        }
        Ok(Some(imported))
    }

    fn argument(
        &self,
        arguments: &BTreeMap<&str, u32>,
        module: &str,
        kind: Kind,
        name: &str,
    ) -> Result<CoreItem, MergeError> {
        let missing = || MergeError::new(format!("nothing is given for {module}"));
        let instance = arguments.get(module).ok_or_else(missing)?;
        self.exported(*instance, kind, name)
    }

    fn exported(&self, instance: u32, kind: Kind, name: &str) -> Result<CoreItem, MergeError> {
        let missing = || MergeError::new(format!("nothing exports {name}"));
        match self.instances.get(instance as usize).ok_or_else(missing)? {
            CoreInstance::Merged(member) => {
                let entity = self.group.members[*member].export(kind, name);
                Ok(CoreItem::Merged(entity.ok_or_else(missing)?))
            }
            CoreInstance::Items(items) => {
                let (found, number) = items.get(name).ok_or_else(missing)?;
                let item = self.items[*found as usize].get(*number as usize);
                Ok(*item.filter(|_| *found == kind).ok_or_else(missing)?)
            }
            CoreInstance::Apart => Ok(CoreItem::Apart),
        }
    }
}

/// Whether one of a section's types refers to a function of an instance.
fn has_destructor(section: BinaryReader<'_>) -> Result<bool, MergeError> {
    for ty in ComponentTypeSectionReader::new(section)? {
        if let ComponentType::Resource { dtor: Some(_), .. } = ty? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Whether a function is made of the memory or the functions of an instance.
fn needs_instance(function: &CanonicalFunction) -> bool {
    match function {
        CanonicalFunction::ResourceNew { .. }
        | CanonicalFunction::ResourceDrop { .. }
        | CanonicalFunction::ResourceRep { .. } => false,
        CanonicalFunction::Lower { options, .. } => options.iter().any(|option| {
            !matches!(
                option,
                CanonicalOption::UTF8 | CanonicalOption::UTF16 | CanonicalOption::CompactUTF16
            )
        }),
        _other => true,
    }
}

fn append_alias(bytes: &mut Vec<u8>, alias: ComponentAlias<'_>) -> Result<(), MergeError> {
    let mut section = ComponentAliasSection::new();
    section.alias(RoundtripReencoder.component_alias(alias)?);
    section.append_to_component(bytes);
    Ok(())
}

/// Writes what comes after the merged instance.
struct After<'s, 'a> {
    survey: &'s Survey<'a>,
    bytes: Vec<u8>,
    /// What the merged module has to export, with the name that it is exported by.
    exports: Vec<(String, Kind, Entity)>,
    /// The numbers of such exports.
    exported: HashMap<(Kind, Entity), u32>,
    /// The new numbers of items, by kind and the number that they had.
    items: HashMap<(Kind, u32), u32>,
    instances: HashMap<u32, u32>,
    /// How many items there are of each kind.
    counts: [u32; Kind::COUNT],
    instance_count: u32,
    module_count: u32,
}

impl<'s, 'a> After<'s, 'a> {
    fn new(survey: &'s Survey<'a>) -> Self {
        let mut counts = [0; Kind::COUNT];
        counts[Kind::Function as usize] = survey.hosts;
        Self {
            survey,
            bytes: Vec::new(),
            exports: Vec::new(),
            exported: HashMap::new(),
            items: HashMap::new(),
            instances: HashMap::new(),
            counts,
            instance_count: FIRST_INSTANCES,
            module_count: 1,
        }
    }

    fn add(&mut self, item: &Item<'a>) -> Result<(), MergeError> {
        match item {
            Item::Section(number, body) => append(&mut self.bytes, *number, body),
            Item::ComponentAlias(alias) => append_alias(&mut self.bytes, alias.clone())?,
            Item::CoreAlias {
                number,
                kind,
                instance,
                name,
            } => {
                let instance = self.instances.get(instance).copied();
                let instance = instance.ok_or_else(MergeError::damaged)?;
                let new = self.alias(*kind, instance, name);
                self.items.insert((*kind, *number), new);
            }
            Item::Canonical(function, number) => {
                let mut section = CanonicalFunctionSection::new();
                self.parse_component_canonical(&mut section, function.clone())?;
                section.append_to_component(&mut self.bytes);
                if let Some(number) = number {
                    let new = self.next(Kind::Function);
                    self.items.insert((Kind::Function, *number), new);
                }
            }
            Item::Instance {
                number,
                module,
                arguments,
            } => self.instance(*number, module, arguments)?,
        }
        Ok(())
    }

    fn next(&mut self, kind: Kind) -> u32 {
        let count = &mut self.counts[kind as usize];
        *count += 1;
        *count - 1
    }

    /// Gives an instance's item a number.
    fn alias(&mut self, kind: Kind, instance: u32, name: &str) -> u32 {
        let mut section = ComponentAliasSection::new();
        section.alias(Alias::CoreInstanceExport {
            instance,
            kind: kind.export(),
            name,
        });
        section.append_to_component(&mut self.bytes);
        self.next(kind)
    }

    /// The new number of an item.
    fn number(&mut self, kind: Kind, number: u32) -> Result<u32, MergeError> {
        let item = self.survey.items[kind as usize].get(number as usize);
        match *item.ok_or_else(MergeError::damaged)? {
            CoreItem::Apart => self
                .items
                .get(&(kind, number))
                .copied()
                .ok_or_else(MergeError::damaged),
            CoreItem::Merged(entity) => Ok(self.merged(kind, entity)),
        }
    }

    /// The number of an item of the merged instance, or of a function that it imports.
    fn merged(&mut self, kind: Kind, entity: Entity) -> u32 {
        if let Entity::Host(number) = entity {
            return number;
        }
        if let Some(number) = self.exported.get(&(kind, entity)) {
            return *number;
        }
        let name = format!("item-{}", self.exports.len());
        let number = self.alias(kind, MERGED_INSTANCE, &name);
        self.exports.push((name, kind, entity));
        self.exported.insert((kind, entity), number);
        number
    }

    /// Instantiates a module that stays apart: what it imports becomes an instance for each name.
    fn instance(
        &mut self,
        number: u32,
        bytes: &[u8],
        arguments: &BTreeMap<&str, u32>,
    ) -> Result<(), MergeError> {
        let module = Module::parse(bytes)?;
        let mut given: BTreeMap<&str, BTreeMap<&str, (ExportKind, u32)>> = BTreeMap::new();
        let mut whole = BTreeMap::new();
        for import in &module.imports {
            let instance = arguments.get(import.module).copied();
            let instance = instance.ok_or_else(MergeError::damaged)?;
            if let Some(apart) = self.instances.get(&instance) {
                whole.insert(import.module, *apart);
                continue;
            }
            let kind = Kind::of_import(import.ty);
            let new = self.instance_item(instance, kind, import.name)?;
            let items = given.entry(import.module).or_default();
            items.insert(import.name, (kind.export(), new));
        }
        append(&mut self.bytes, component_section::CORE_MODULE, bytes);
        let mut section = InstanceSection::new();
        for (name, items) in given {
            let items = items
                .into_iter()
                .map(|(name, (kind, number))| (name, kind, number));
            section.export_items(items);
            whole.insert(name, self.instance_count);
            self.instance_count += 1;
        }
        let arguments = whole
            .into_iter()
            .map(|(name, instance)| (name, ModuleArg::Instance(instance)));
        section.instantiate(self.module_count, arguments);
        section.append_to_component(&mut self.bytes);
        self.module_count += 1;
        self.instances.insert(number, self.instance_count);
        self.instance_count += 1;
        Ok(())
    }

    /// Calls a function when everything else is instantiated: what the host is called through is there by then.
    fn start(&mut self, function: Entity) {
        const NAME: &str = "start";
        let function = self.merged(Kind::Function, function);
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut imports = ImportSection::new();
        imports.import(NAME, NAME, EntityType::Function(0));
        let mut module = wasm_encoder::Module::new();
        module
            .section(&types)
            .section(&imports)
            .section(&StartSection { function_index: 0 });
        append(
            &mut self.bytes,
            component_section::CORE_MODULE,
            &module.finish(),
        );
        let mut section = InstanceSection::new();
        section.export_items([(NAME, ExportKind::Func, function)]);
        section.instantiate(
            self.module_count,
            [(NAME, ModuleArg::Instance(self.instance_count))],
        );
        section.append_to_component(&mut self.bytes);
        self.instance_count += 2;
        self.module_count += 1;
    }

    /// The new number of an item of an instance that is not apart.
    fn instance_item(&mut self, instance: u32, kind: Kind, name: &str) -> Result<u32, MergeError> {
        match self.survey.instances.get(instance as usize) {
            Some(CoreInstance::Items(items)) => {
                let number = items.get(name).map(|(_, number)| *number);
                let number = number.ok_or_else(MergeError::damaged)?;
                self.number(kind, number)
            }
            _merged => match self.survey.exported(instance, kind, name)? {
                CoreItem::Merged(entity) => Ok(self.merged(kind, entity)),
                CoreItem::Apart => Err(MergeError::damaged()),
            },
        }
    }
}

type Renumbered = Result<u32, reencode::Error<MergeError>>;

impl Reencode for After<'_, '_> {
    type Error = MergeError;

    fn function_index(&mut self, number: u32) -> Renumbered {
        self.number(Kind::Function, number)
            .map_err(reencode::Error::UserError)
    }

    fn memory_index(&mut self, number: u32) -> Renumbered {
        self.number(Kind::Memory, number)
            .map_err(reencode::Error::UserError)
    }

    fn table_index(&mut self, number: u32) -> Renumbered {
        self.number(Kind::Table, number)
            .map_err(reencode::Error::UserError)
    }
}

impl ReencodeComponent for After<'_, '_> {}
