//! Links further libraries to a component that was linked, and has run, without them.
//!
//! What a dynamic linker does when a program opens a library: it gives each one memory and slots of the table behind
//! what there is, and looks its symbols up. What it writes into globals elsewhere are constants here, and calls go
//! from library to library. The form of libraries, and what their functions are called, is that of
//! <https://github.com/WebAssembly/tool-conventions/blob/main/DynamicLinking.md>.
//!
//! `dlopen` and `dlsym` of such programs look into a list of libraries, which they are given when the libraries start
//! (`wit-component`'s `linking.rs` has its form).

use super::{
    MergeError,
    group::{Entity, Group},
    parsed::{Dylink, Kind, Module},
};
use crate::binary::WASM_PAGE_BYTES;
use std::collections::{BTreeMap, HashMap};
use wasm_encoder::{
    CodeSection, ConstExpr, DataCountSection, DataSection, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection, Instruction, RefType,
    TypeSection, ValType,
};
use wasmparser::{Import, Operator, TypeRef};

/// Modules that libraries import of: functions and places; addresses of data; slots of functions.
const ENV: &str = "env";
const GOT_DATA: &str = "GOT.mem";
const GOT_FUNCTIONS: &str = "GOT.func";
/// Where a library's data is, and its functions.
const MEMORY_BASE: &str = "__memory_base";
const TABLE_BASE: &str = "__table_base";
/// What a library exports to be started: the first writes addresses into its data.
const RELOCATE: &str = "__wasm_apply_data_relocs";
const STARTS: [&str; 2] = ["__wasm_call_ctors", "_initialize"];
/// Takes the address of the list of libraries.
const SET_LIBRARIES: &str = "__wasm_set_libraries";
/// The alignment of the list.
const LIST_ALIGNMENT: u32 = 4;
/// What starts the libraries, as the module that is made here exports it.
const START: &str = "start";

/// A shared library.
#[derive(Clone, Copy, Debug)]
pub struct Library<'a> {
    /// What `dlopen` calls it.
    pub name: &'a str,
    /// The file.
    pub bytes: &'a [u8],
}

/// What links libraries to a group: a module of its own, and the places that they get.
pub(super) struct Link<'a> {
    libraries: Vec<Placed<'a>>,
    /// What each library imports.
    imported: Vec<Vec<Entity>>,
    glue: Vec<u8>,
    glue_imports: Vec<Entity>,
    memory_pages: u64,
    table_slots: u64,
}

impl<'a> Link<'a> {
    /// Plans where the libraries go, and looks all symbols up. Of each library, `dlsym` finds the functions whose
    /// names begin with `looked_up`.
    pub(super) fn plan(
        group: &Group<'a>,
        libraries: &[Library<'a>],
        looked_up: &str,
    ) -> Result<Self, MergeError> {
        let mut linker = Linker::new(group, libraries)?;
        let mut imported = Vec::new();
        for number in 0..linker.libraries.len() {
            imported.push(linker.imports_of(number)?);
        }
        linker.glue.list(&linker.libraries, looked_up, &mut linker.next_data);
        linker.glue.start(group, &linker.libraries)?;
        let table_slots = u64::from(linker.glue.next_slot());
        let memory_pages = u64::from(linker.next_data).div_ceil(WASM_PAGE_BYTES as u64);
        let (glue, glue_imports) = linker.glue.into_module();
        Ok(Self {
            libraries: linker.libraries,
            imported,
            glue,
            glue_imports,
            memory_pages,
            table_slots,
        })
    }

    /// Adds the libraries to the group; answers with the function that starts them.
    pub(super) fn add(self, group: &mut Group<'a>) -> Result<Entity, MergeError> {
        todo!()
    }
}
