//! Writes the merged module.

use super::{
    MergeError,
    group::{Entity, Group, Member},
    liveness::{Constant, Liveness},
    parsed::Kind,
};
use std::collections::{BTreeMap, HashMap};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, EntityType,
    ExportSection, FunctionSection, GlobalSection, ImportSection, Instruction, MemorySection,
    Module, TableSection, TagSection, TypeSection,
    reencode::{self, Reencode},
};
use wasmparser::{FuncType, Operator, TypeRef};

/// The module that the merged one imports functions from.
pub(super) const HOST: &str = "host";

/// An item that the merged module exports.
pub(super) struct MergedExport<'a> {
    pub(super) name: &'a str,
    pub(super) kind: Kind,
    pub(super) entity: Entity,
}

/// The merged module.
pub(super) struct Merged {
    pub(super) module: Vec<u8>,
    /// The functions that it imports, each by its number.
    pub(super) hosts: Vec<u32>,
}

/// Writes a module with what these exports need.
pub(super) fn write(group: &Group<'_>, exports: &[MergedExport<'_>]) -> Result<Merged, MergeError> {
    let exported = exports.iter().map(|export| (export.kind, export.entity));
    let liveness = Liveness::of(group, exported)?;
    let hosts: Vec<u32> = liveness.hosts.iter().copied().collect();
    let numbers = Numbers::of(&liveness);
    let mut writer = Writer {
        numbers,
        liveness,
        types: Types::default(),
        sections: Sections::default(),
    };
    writer.imports(group, &hosts)?;
    for member in &group.members {
        writer.member(member)?;
    }
    for export in exports {
        let number = writer.numbers.of_entity(export.kind, export.entity)?;
        let (name, kind) = (export.name, export.kind.export());
        writer.sections.exports.export(name, kind, number);
    }
    Ok(Merged {
        module: writer.sections.into_module(&writer.types),
        hosts,
    })
}

/// The number of what is left out.
const LEFT_OUT: u32 = u32::MAX;

/// Numbers for those that are there, from this one on.
fn numbers(mut next: u32, are_there: impl Iterator<Item = bool>) -> Vec<u32> {
    let number = |is_there: bool| {
        if !is_there {
            return LEFT_OUT;
        }
        next += 1;
        next - 1
    };
    are_there.map(number).collect()
}

/// The numbers that items have in the merged module.
struct Numbers {
    functions: Vec<u32>,
    globals: Vec<u32>,
    hosts: BTreeMap<u32, u32>,
}

impl Numbers {
    fn of(liveness: &Liveness) -> Self {
        let hosts: BTreeMap<u32, u32> = liveness.hosts.iter().copied().zip(0..).collect();
        let first = u32::try_from(hosts.len()).expect("imports have a bound");
        let functions = numbers(first, liveness.functions.iter().copied());
        let globals = liveness.constants.iter().map(Option::is_none);
        let globals = numbers(0, globals);
        Self {
            functions,
            globals,
            hosts,
        }
    }

    fn of_entity(&self, kind: Kind, entity: Entity) -> Result<u32, MergeError> {
        let number = match (kind, entity) {
            (_, Entity::Host(number)) => self.hosts.get(&number).copied(),
            (Kind::Function, Entity::Own(number)) => self.functions.get(number as usize).copied(),
            (Kind::Global, Entity::Own(number)) => self.globals.get(number as usize).copied(),
            (_other, Entity::Own(number)) => Some(number),
        };
        let number = number.filter(|number| *number != LEFT_OUT);
        number.ok_or_else(|| MergeError::new("it refers to what was left out"))
    }
}

/// Types of functions, each once.
#[derive(Default)]
struct Types {
    numbers: HashMap<FuncType, u32>,
    list: Vec<FuncType>,
}

impl Types {
    fn number(&mut self, ty: &FuncType) -> u32 {
        if let Some(number) = self.numbers.get(ty) {
            return *number;
        }
        let number = u32::try_from(self.list.len()).expect("types have a bound");
        self.list.push(ty.clone());
        self.numbers.insert(ty.clone(), number);
        number
    }
}

#[derive(Default)]
struct Sections {
    imports: ImportSection,
    functions: FunctionSection,
    tables: TableSection,
    memories: MemorySection,
    tags: TagSection,
    globals: GlobalSection,
    exports: ExportSection,
    elements: ElementSection,
    code: CodeSection,
    data: DataSection,
}

impl Sections {
    fn into_module(self, types: &Types) -> Vec<u8> {
        let mut type_section = TypeSection::new();
        for ty in &types.list {
            let ty = reencode::RoundtripReencoder.func_type(ty.clone());
            type_section
                .ty()
                .func_type(&ty.expect("types were read without references"));
        }
        let mut module = Module::new();
        module
            .section(&type_section)
            .section(&self.imports)
            .section(&self.functions)
            .section(&self.tables)
            .section(&self.memories);
        // Even an empty one needs exceptions.
        if !self.tags.is_empty() {
            module.section(&self.tags);
        }
        module
            .section(&self.globals)
            .section(&self.exports)
            .section(&self.elements)
            .section(&DataCountSection {
                count: self.data.len(),
            })
            .section(&self.code)
            .section(&self.data);
        module.finish()
    }
}

struct Writer {
    numbers: Numbers,
    liveness: Liveness,
    types: Types,
    sections: Sections,
}

impl Writer {
    /// Imports the functions from outside, in the order of their numbers.
    fn imports(&mut self, group: &Group<'_>, hosts: &[u32]) -> Result<(), MergeError> {
        let mut types = BTreeMap::new();
        for member in &group.members {
            let mut number = 0;
            for import in &member.module.imports {
                if let TypeRef::Func(ty) | TypeRef::FuncExact(ty) = import.ty {
                    if let Entity::Host(host) = member.entity(Kind::Function, number)? {
                        types.insert(host, self.types.number(member.function_type(ty)?));
                    }
                    number += 1;
                }
            }
        }
        for host in hosts {
            let ty = types.get(host).copied();
            let ty = ty.ok_or_else(|| MergeError::new("a function from outside has no type"))?;
            let (name, ty) = (host.to_string(), EntityType::Function(ty));
            self.sections.imports.import(HOST, &name, ty);
        }
        Ok(())
    }

    /// Adds what a member defines.
    fn member(&mut self, member: &Member<'_>) -> Result<(), MergeError> {
        let types = member.module.types.iter();
        let mut renumber = Renumber {
            member,
            numbers: &self.numbers,
            liveness: &self.liveness,
            types: types.map(|ty| self.types.number(ty)).collect(),
            first_element: self.sections.elements.len(),
            first_segment: self.sections.data.len(),
        };
        let (module, sections) = (&member.module, &mut self.sections);
        let first = member.first[Kind::Function as usize] as usize;
        let live = &self.liveness.functions[first..];
        for ((ty, body), is_live) in module.functions.iter().zip(&module.bodies).zip(live) {
            if *is_live {
                sections.functions.function(renumber.type_index(*ty)?);
                renumber.parse_function_body(&mut sections.code, body.clone())?;
            }
        }
        for table in &module.tables {
            renumber.parse_table(&mut sections.tables, table.clone())?;
        }
        for memory in &module.memories {
            sections.memories.memory(renumber.memory_type(*memory)?);
        }
        for tag in &module.tags {
            sections.tags.tag(renumber.tag_type(*tag)?);
        }
        let first = member.first[Kind::Global as usize] as usize;
        let constants = &self.liveness.constants[first..];
        for ((own, global), constant) in (0..).zip(&module.globals).zip(constants) {
            match (constant, module.preset.get(&own)) {
                (Some(_), _) => {}
                (None, Some(value)) => {
                    let ty = renumber.global_type(global.ty)?;
                    let value = ConstExpr::i32_const(value.cast_signed());
                    sections.globals.global(ty, &value);
                }
                (None, None) => renumber.parse_global(&mut sections.globals, global.clone())?,
            }
        }
        for element in &module.elements {
            renumber.parse_element(&mut sections.elements, element.clone())?;
        }
        for data in &module.data {
            renumber.parse_data(&mut sections.data, data.clone())?;
        }
        Ok(())
    }
}

/// Gives what a member refers to the numbers that it has in the merged module.
struct Renumber<'w, 'a> {
    member: &'w Member<'a>,
    numbers: &'w Numbers,
    liveness: &'w Liveness,
    types: Vec<u32>,
    first_element: u32,
    first_segment: u32,
}

type Renumbered<T> = Result<T, reencode::Error<MergeError>>;

impl Renumber<'_, '_> {
    fn number(&self, kind: Kind, number: u32) -> Renumbered<u32> {
        let entity = self.member.entity(kind, number);
        let number = entity.and_then(|entity| self.numbers.of_entity(kind, entity));
        number.map_err(reencode::Error::UserError)
    }
}

impl Reencode for Renumber<'_, '_> {
    type Error = MergeError;

    fn function_index(&mut self, number: u32) -> Renumbered<u32> {
        self.number(Kind::Function, number)
    }

    fn table_index(&mut self, number: u32) -> Renumbered<u32> {
        self.number(Kind::Table, number)
    }

    fn memory_index(&mut self, number: u32) -> Renumbered<u32> {
        self.number(Kind::Memory, number)
    }

    fn global_index(&mut self, number: u32) -> Renumbered<u32> {
        self.number(Kind::Global, number)
    }

    fn tag_index(&mut self, number: u32) -> Renumbered<u32> {
        self.number(Kind::Tag, number)
    }

    fn type_index(&mut self, number: u32) -> Renumbered<u32> {
        let ty = self.types.get(number as usize).copied();
        let missing = || MergeError::new("a module refers to a type that it does not have");
        ty.ok_or_else(|| reencode::Error::UserError(missing()))
    }

    fn element_index(&mut self, number: u32) -> Renumbered<u32> {
        Ok(self.first_element + number)
    }

    fn data_index(&mut self, number: u32) -> Renumbered<u32> {
        Ok(self.first_segment + number)
    }

    fn instruction<'a>(&mut self, operator: Operator<'a>) -> Renumbered<Instruction<'a>> {
        if let Operator::GlobalGet { global_index } = operator
            && let Ok(global) = self.member.entity(Kind::Global, global_index)
            && let Some(constant) = self.liveness.constant(global)
        {
            return Ok(match constant {
                Constant::I32(value) => Instruction::I32Const(value),
                Constant::I64(value) => Instruction::I64Const(value),
                Constant::F32(value) => Instruction::F32Const(value.into()),
                Constant::F64(value) => Instruction::F64Const(value.into()),
            });
        }
        reencode::utils::instruction(self, operator)
    }
}
