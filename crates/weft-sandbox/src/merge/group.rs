//! The instances that become one module, and what the numbers in each of their modules mean.

use super::{
    MergeError,
    parsed::{Kind, Module},
};
use wasmparser::FuncType;

/// An item of the merged module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Entity {
    /// One that a member defines, counted over all members.
    Own(u32),
    /// A function that comes from outside, by the number that the component knows it by.
    Host(u32),
}

/// An instance of a module.
pub(super) struct Member<'a> {
    pub(super) module: Module<'a>,
    /// What it calls by number, of each kind.
    numbers: [Vec<Entity>; Kind::COUNT],
    /// The first of each kind that it defines, counted over all members.
    pub(super) first: [u32; Kind::COUNT],
}

impl Member<'_> {
    pub(super) fn entity(&self, kind: Kind, number: u32) -> Result<Entity, MergeError> {
        let numbers = &self.numbers[kind as usize];
        let entity = numbers.get(number as usize).copied();
        entity.ok_or_else(|| MergeError::new("a module refers to what it does not have"))
    }

    /// Its item of that name.
    pub(super) fn export(&self, kind: Kind, name: &str) -> Option<Entity> {
        let (found, number) = self.module.exports.get(name)?;
        let entity = self.entity(kind, *number).ok();
        entity.filter(|_| *found == kind)
    }

    /// What it imports by that name.
    pub(super) fn import(&self, module: &str, name: &str) -> Option<Entity> {
        let mut before = [0; Kind::COUNT];
        for import in &self.module.imports {
            let kind = Kind::of_import(import.ty);
            if (import.module, import.name) == (module, name) {
                return self.entity(kind, before[kind as usize]).ok();
            }
            before[kind as usize] += 1;
        }
        None
    }

    pub(super) fn function_type(&self, number: u32) -> Result<&FuncType, MergeError> {
        let ty = self.module.types.get(number as usize);
        ty.ok_or_else(|| MergeError::new("a module refers to a type that it does not have"))
    }
}

/// All of them, in the order of their instantiation.
#[derive(Default)]
pub(super) struct Group<'a> {
    pub(super) members: Vec<Member<'a>>,
    /// How many of each kind they define.
    pub(super) counts: [u32; Kind::COUNT],
}

impl<'a> Group<'a> {
    /// Adds a module with what it imports; answers with its number.
    pub(super) fn add(&mut self, module: Module<'a>, imported: &[Entity]) -> usize {
        let mut numbers: [Vec<Entity>; Kind::COUNT] = Default::default();
        for (import, entity) in module.imports.iter().zip(imported) {
            numbers[Kind::of_import(import.ty) as usize].push(*entity);
        }
        let first = self.counts;
        for kind in Kind::ALL {
            let count = &mut self.counts[kind as usize];
            let own = u32::try_from(module.own(kind)).expect("files have a bound");
            numbers[kind as usize].extend((*count..*count + own).map(Entity::Own));
            *count += own;
        }
        self.members.push(Member {
            module,
            numbers,
            first,
        });
        self.members.len() - 1
    }

    /// Makes the first memory and the first table at least so large.
    pub(super) fn enlarge(&mut self, pages: u64, slots: u64) {
        let mut modules = self.members.iter_mut().map(|member| &mut member.module);
        let environment = modules.find(|module| module.is_environment());
        if let Some(environment) = environment {
            let (memory, table) = (&mut environment.memories[0], &mut environment.tables[0]);
            memory.initial = memory.initial.max(pages);
            table.ty.initial = table.ty.initial.max(slots);
        }
    }

    pub(super) fn count(&self, kind: Kind) -> usize {
        self.counts[kind as usize] as usize
    }

    /// The first exported function of that name.
    pub(super) fn function(&self, name: &str) -> Option<Entity> {
        let mut members = self.members.iter();
        members.find_map(|member| member.export(Kind::Function, name))
    }
}
