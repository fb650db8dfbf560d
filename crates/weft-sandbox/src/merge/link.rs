//! Links further libraries to a component that was linked, and has run, without them.
//!
//! What a dynamic linker does when a program opens a library: it gives each one memory and slots of the table behind
//! what there is, and looks its symbols up. What it writes into globals elsewhere are constants here, and calls go
//! from library to library. The form of libraries, and what their functions are called, is that of
//! <https://github.com/WebAssembly/tool-conventions/blob/main/DynamicLinking.md>.
//!
//! `dlopen` and `dlsym` of such programs look into a list of libraries, which they are given when the libraries start
//! (`wit-component`'s `linking.rs` has its form).

mod glue;
mod list;
mod placed;

use super::{
    MergeError,
    group::{Entity, Group, Member},
    length,
    parsed::{Kind, Module},
};
use crate::binary::WASM_PAGE_BYTES;
use glue::{Glue, START};
use list::List;
use placed::{Placed, i32_of};
use std::collections::{BTreeMap, HashMap};
use wasmparser::{Import, TypeRef};

/// Modules that libraries import of: functions and places; addresses of data; slots of functions.
const ENV: &str = "env";
const GOT_DATA: &str = "GOT.mem";
const GOT_FUNCTIONS: &str = "GOT.func";
/// Where a library's data is, and its functions.
const MEMORY_BASE: &str = "__memory_base";
const TABLE_BASE: &str = "__table_base";
const STACK: &str = "__stack_pointer";
/// Interfaces of random numbers that libraries may import of WASI themselves, and functions of them.
const RANDOM: &str = "wasi:random/";
const RANDOM_SEED: &str = "insecure-seed";
const RANDOM_NUMBER: &str = "get-random-u64";
/// What these are made of: it fills memory with random bytes.
const ENTROPY: &str = "getentropy";
/// What a library exports to be started: the first writes addresses into its data.
const RELOCATE: &str = "__wasm_apply_data_relocs";
const STARTS: [&str; 2] = ["__wasm_call_ctors", "_initialize"];
/// Takes the address of the list of libraries.
const SET_LIBRARIES: &str = "__wasm_set_libraries";

/// A shared library.
#[derive(Clone, Copy, Debug)]
pub struct Library<'a> {
    /// What `dlopen` calls it.
    pub name: &'a str,
    /// The file.
    pub bytes: &'a [u8],
}

/// What links libraries to a group.
pub(super) struct Plan<'a> {
    /// The libraries, with what they import.
    pub(super) modules: Vec<(Module<'a>, Vec<Entity>)>,
    /// A module with what no library has: where things are, the list of libraries, and the function that starts them.
    pub(super) glue: Vec<u8>,
    pub(super) glue_imports: Vec<Entity>,
    pub(super) memory_pages: u64,
    pub(super) table_slots: u64,
}

/// Decides where libraries go, and looks all symbols up. Of each library, `dlsym` finds the functions whose names
/// begin with `looked_up`.
pub(super) fn plan<'a>(
    group: &Group<'a>,
    libraries: &[Library<'a>],
    looked_up: &str,
) -> Result<Plan<'a>, MergeError> {
    let mut linker = Linker::new(group, libraries)?;
    let mut imported = Vec::new();
    for number in 0..linker.libraries.len() {
        imported.push(linker.imports_of(number)?);
    }
    let list = linker.list(looked_up)?;
    linker.start(list)?;
    let memory_bytes = u64::from(linker.next_data);
    let (glue, glue_imports) = linker.glue.into_module()?;
    let modules = linker.libraries.into_iter().map(|library| library.module);
    Ok(Plan {
        modules: modules.zip(imported).collect(),
        glue,
        glue_imports,
        memory_pages: memory_bytes.div_ceil(WASM_PAGE_BYTES as u64),
        table_slots: u64::from(linker.next_slot),
    })
}

/// The function of a glue module that starts the libraries.
pub(super) fn start_of(glue: &Member<'_>) -> Result<Entity, MergeError> {
    glue.export(Kind::Function, START)
        .ok_or_else(MergeError::damaged)
}

struct Linker<'g, 'a> {
    group: &'g Group<'a>,
    libraries: Vec<Placed<'a>>,
    /// What exports what everything is around: memory, the table, the stack's pointer.
    environment: &'g Member<'a>,
    /// Who exports a function first.
    functions: HashMap<&'a str, Entity>,
    /// The addresses of data, of the first that exports it.
    addresses: HashMap<&'a str, u32>,
    /// The slots of functions in the table.
    slots: HashMap<Entity, u32>,
    glue: Glue,
    /// The first address and the first slot that are free.
    next_data: u32,
    next_slot: u32,
}

impl<'g, 'a> Linker<'g, 'a> {
    fn new(group: &'g Group<'a>, libraries: &[Library<'a>]) -> Result<Self, MergeError> {
        let no_environment = || MergeError::new("none of its modules has a memory and a table");
        let mut members = group.members.iter();
        let environment = members.find(|member| member.module.is_environment());
        let environment = environment.ok_or_else(no_environment)?;
        let memory = environment.module.memories[0]
            .initial
            .checked_mul(WASM_PAGE_BYTES as u64);
        let next_data = memory
            .and_then(|bytes| u32::try_from(bytes).ok())
            .ok_or_else(no_environment)?;
        let slots = u32::try_from(environment.module.tables[0].ty.initial);
        let table = environment.first[Kind::Table as usize];
        let memory = environment.first[Kind::Memory as usize];
        let stack = environment.export(Kind::Global, STACK);
        let stack = stack.ok_or_else(no_environment)?;
        let mut linker = Self {
            group,
            libraries: Vec::new(),
            environment,
            functions: HashMap::new(),
            addresses: HashMap::new(),
            slots: HashMap::new(),
            glue: Glue::new(Entity::Own(memory), Entity::Own(table), stack),
            next_data,
            next_slot: slots.map_err(|_| no_environment())?,
        };
        for member in &group.members {
            linker.learn_member(member);
        }
        for member in &group.members {
            linker.learn_slots(member);
        }
        let mut first = group.counts;
        for library in libraries {
            linker.place(library, &mut first)?;
        }
        linker.glue.first = first;
        Ok(linker)
    }

    /// Learns what a library that is linked already exports.
    fn learn_member(&mut self, member: &'g Member<'a>) {
        if member.module.dylink.is_none() {
            return;
        }
        let base = member
            .import(ENV, MEMORY_BASE)
            .and_then(|global| value(self.group, global));
        for (name, (kind, _number)) in &member.module.exports {
            match kind {
                Kind::Function => {
                    if let Some(function) = member.export(Kind::Function, name) {
                        self.functions.entry(name).or_insert(function);
                    }
                }
                Kind::Global => {
                    let offset = member.export(Kind::Global, name);
                    let offset = offset.and_then(|global| value(self.group, global));
                    if let (Some(base), Some(offset)) = (base, offset) {
                        self.addresses
                            .entry(name)
                            .or_insert(base.wrapping_add(offset));
                    }
                }
                _other => {}
            }
        }
    }

    /// Learns the slots that functions have already: a function has the same address everywhere.
    fn learn_slots(&mut self, member: &'g Member<'a>) {
        for import in &member.module.imports {
            if import.module == GOT_FUNCTIONS
                && let Some(function) = self.functions.get(import.name)
                && let Some(global) = member.import(GOT_FUNCTIONS, import.name)
                && let Some(slot) = value(self.group, global)
            {
                self.slots.insert(*function, slot);
            }
        }
    }

    /// Gives a library its places, and learns what it exports.
    fn place(
        &mut self,
        library: &Library<'a>,
        first: &mut [u32; Kind::COUNT],
    ) -> Result<(), MergeError> {
        let mut module = Module::parse(library.bytes)?;
        let about = module.dylink.take();
        let about =
            about.ok_or_else(|| MergeError::new(format!("{} is no library", library.name)))?;
        let full = || MergeError::new(format!("{} is too large", library.name));
        let align = |place: u32, bits: u32| {
            1_u32
                .checked_shl(bits)
                .and_then(|step| place.checked_next_multiple_of(step))
                .ok_or_else(full)
        };
        let memory_base = align(self.next_data, about.memory_alignment)?;
        let table_base = align(self.next_slot, about.table_alignment)?;
        self.next_data = memory_base
            .checked_add(about.memory_bytes)
            .ok_or_else(full)?;
        self.next_slot = table_base.checked_add(about.table_slots).ok_or_else(full)?;
        let mut placed = Placed {
            name: library.name,
            about,
            first: *first,
            memory_base,
            table_base,
            module,
        };
        placed.preset_globals()?;
        for kind in Kind::ALL {
            first[kind as usize] +=
                u32::try_from(placed.module.own(kind)).expect("files have a bound");
        }
        for name in placed.module.exports.keys() {
            if let Some(function) = placed.function(name) {
                self.functions.entry(name).or_insert(function);
            }
            if let Some(address) = placed.address(name) {
                self.addresses.entry(name).or_insert(address);
            }
        }
        self.libraries.push(placed);
        Ok(())
    }

    fn imports_of(&mut self, number: usize) -> Result<Vec<Entity>, MergeError> {
        let imports = self.libraries[number].module.imports.clone();
        imports
            .iter()
            .map(|import| self.import(number, import))
            .collect()
    }

    /// What a library's import is.
    fn import(&mut self, number: usize, import: &Import<'a>) -> Result<Entity, MergeError> {
        let library = &self.libraries[number];
        let is_weak = library.about.weak.contains(import.name);
        let missing = || {
            let reason = format!("nothing has {}, which {} needs", import.name, library.name);
            MergeError::new(reason)
        };
        // A library's own symbols come before those of others.
        let own = library.function(import.name);
        let function = own.or_else(|| self.functions.get(import.name).copied());
        let kind = Kind::of_import(import.ty);
        match (import.module, import.name, import.ty) {
            (ENV, MEMORY_BASE, _) => Ok(self.glue.constant(library.memory_base)),
            (ENV, TABLE_BASE, _) => Ok(self.glue.constant(library.table_base)),
            (ENV, _, TypeRef::Func(ty) | TypeRef::FuncExact(ty)) => match function {
                Some(function) => Ok(function),
                None if is_weak => {
                    let ty = library.module.types.get(ty as usize).ok_or_else(missing)?;
                    Ok(self.glue.trap(ty))
                }
                None => Err(missing()),
            },
            (ENV, ..) => self
                .environment
                .export(kind, import.name)
                .ok_or_else(missing),
            (GOT_DATA, ..) => {
                let address = library.address(import.name);
                let address = address.or_else(|| self.addresses.get(import.name).copied());
                let address = address
                    .or_else(|| is_weak.then_some(0))
                    .ok_or_else(missing)?;
                Ok(self.glue.constant(address))
            }
            (GOT_FUNCTIONS, ..) => {
                let slot = match function {
                    Some(function) => self.slot(function)?,
                    None if is_weak => 0,
                    None => return Err(missing()),
                };
                Ok(self.glue.constant(slot))
            }
            (module, name, _) if module.starts_with(RANDOM) => {
                let entropy = self.functions.get(ENTROPY).copied();
                match (name, entropy) {
                    (RANDOM_SEED, Some(entropy)) => Ok(self.glue.random_seed(entropy)),
                    (RANDOM_NUMBER, Some(entropy)) => Ok(self.glue.random_number(entropy)),
                    _other => Err(missing()),
                }
            }
            _other => Err(missing()),
        }
    }

    /// The slot of a function in the table.
    fn slot(&mut self, function: Entity) -> Result<u32, MergeError> {
        if let Some(slot) = self.slots.get(&function) {
            return Ok(*slot);
        }
        let slot = self.next_slot;
        self.next_slot = slot.checked_add(1).ok_or_else(MergeError::damaged)?;
        self.glue.elements.push((slot, function));
        self.slots.insert(function, slot);
        Ok(slot)
    }

    /// Makes the list of libraries for `dlopen`; answers with its address.
    fn list(&mut self, looked_up: &str) -> Result<u32, MergeError> {
        let mut libraries = Vec::new();
        for library in &self.libraries {
            let symbols = library.module.exports.keys();
            let symbols = symbols.filter(|name| name.starts_with(looked_up));
            let symbols = symbols.filter_map(|name| Some((*name, library.function(name)?)));
            let symbols: BTreeMap<&str, Entity> = symbols.collect();
            libraries.push((library.name, symbols));
        }
        // It is searched by halves.
        libraries.sort_by_key(|(name, _)| *name);
        let base = self.next_data.checked_next_multiple_of(list::ALIGNMENT);
        let mut list = List {
            base: base.ok_or_else(MergeError::damaged)?,
            bytes: Vec::new(),
        };
        let mut entries = Vec::new();
        for (name, symbols) in libraries {
            let name = list.text(name);
            let mut places = Vec::new();
            for (symbol, function) in symbols {
                let slot = self.slot(function)?;
                let (length, text) = list.text(symbol);
                places.push([length, text, slot]);
            }
            let count = length(&places);
            entries.push([name.0, name.1, count, list.words(places.as_flattened())]);
        }
        let count = length(&entries);
        let entries = list.words(entries.as_flattened());
        let root = list.words(&[count, entries]);
        self.next_data = list.next();
        self.glue.data = Some((list.base, list.bytes));
        Ok(root)
    }

    /// Starts the libraries: addresses in their data first, then what they do at the start.
    fn start(&mut self, list: u32) -> Result<(), MergeError> {
        let set = self.functions.get(SET_LIBRARIES).copied();
        let set = set.ok_or_else(|| MergeError::new("it has no dlopen"))?;
        let mut calls = Vec::new();
        for name in std::iter::once(RELOCATE).chain(STARTS) {
            calls.extend(
                self.libraries
                    .iter()
                    .filter_map(|library| library.function(name)),
            );
        }
        self.glue.start(&calls, set, list);
        Ok(())
    }
}

/// The value that a group's global begins with.
fn value(group: &Group<'_>, global: Entity) -> Option<u32> {
    let Entity::Own(number) = global else {
        return None;
    };
    let of = |member: &&Member<'_>| {
        let first = member.first[Kind::Global as usize];
        let own = member.module.own(Kind::Global);
        number
            .checked_sub(first)
            .is_some_and(|number| (number as usize) < own)
    };
    let member = group.members.iter().find(of)?;
    let own = number - member.first[Kind::Global as usize];
    i32_of(&member.module.globals.get(own as usize)?.init_expr)
}

#[cfg(test)]
mod tests;
