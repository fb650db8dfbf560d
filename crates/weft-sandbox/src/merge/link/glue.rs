//! The module with what no library has.

use super::ENV;
use crate::merge::{MergeError, group::Entity, length, parsed::Kind};
use std::collections::HashMap;
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection,
    Instruction, MemoryType, RefType, TableType, TypeSection, ValType,
    reencode::{Reencode as _, RoundtripReencoder},
};
use wasmparser::FuncType;

/// What starts the libraries, as it is exported.
pub(super) const START: &str = "start";
/// Types of what the glue imports and defines.
const MEMORY: MemoryType = MemoryType {
    minimum: 0,
    maximum: None,
    memory64: false,
    shared: false,
    page_size_log2: None,
};
const TABLE: TableType = TableType {
    element_type: RefType::FUNCREF,
    minimum: 0,
    maximum: None,
    table64: false,
    shared: false,
};
const ADDRESS: GlobalType = GlobalType {
    val_type: ValType::I32,
    mutable: false,
    shared: false,
};

/// The module while it is made. It is never there by itself: merged, what it imports has types of its own.
pub(super) struct Glue {
    /// The numbers that its items will have.
    pub(super) first: [u32; Kind::COUNT],
    /// Memory and the table first, then functions.
    imports: Vec<Entity>,
    /// Values of its globals, with their numbers.
    constants: HashMap<u32, u32>,
    values: Vec<u32>,
    /// Types of functions that nothing has and a library may do without.
    traps: Vec<FuncType>,
    /// Functions in slots of the table.
    pub(super) elements: Vec<(u32, Entity)>,
    pub(super) data: Option<(u32, Vec<u8>)>,
    start: Vec<Instruction<'static>>,
}

impl Glue {
    /// Memory and the table, which are not functions.
    const OTHER_IMPORTS: usize = 2;
    /// The type of functions without parameters and results.
    const THUNK: u32 = 0;

    pub(super) fn new(memory: Entity, table: Entity) -> Self {
        Self {
            first: [0; Kind::COUNT],
            imports: vec![memory, table],
            constants: HashMap::new(),
            values: Vec::new(),
            traps: Vec::new(),
            elements: Vec::new(),
            data: None,
            start: Vec::new(),
        }
    }

    /// A global with this value.
    pub(super) fn constant(&mut self, value: u32) -> Entity {
        let number = *self.constants.entry(value).or_insert_with(|| {
            self.values.push(value);
            length(&self.values) - 1
        });
        Entity::Own(self.first[Kind::Global as usize] + number)
    }

    /// A function that ends the program.
    pub(super) fn trap(&mut self, ty: &FuncType) -> Entity {
        self.traps.push(ty.clone());
        Entity::Own(self.first[Kind::Function as usize] + length(&self.traps) - 1)
    }

    /// The number of an imported function.
    fn import(&mut self, function: Entity) -> u32 {
        self.imports.push(function);
        length(&self.imports[Self::OTHER_IMPORTS..]) - 1
    }

    /// Gives the list of libraries to `set`, and makes calls.
    pub(super) fn start(&mut self, calls: &[Entity], set: Entity, list: u32) {
        let set = self.import(set);
        self.start.push(Instruction::I32Const(list.cast_signed()));
        self.start.push(Instruction::Call(set));
        for call in calls {
            let call = self.import(*call);
            self.start.push(Instruction::Call(call));
        }
        self.start.push(Instruction::End);
    }

    pub(super) fn into_module(mut self) -> Result<(Vec<u8>, Vec<Entity>), MergeError> {
        let mut elements = ElementSection::new();
        for (slot, function) in std::mem::take(&mut self.elements) {
            let function = [self.import(function)];
            let offset = ConstExpr::i32_const(slot.cast_signed());
            elements.active(None, &offset, Elements::Functions(function[..].into()));
        }
        let mut types = TypeSection::new();
        types.ty().function([], []);
        let mut imports = ImportSection::new();
        imports
            .import(ENV, "memory", MEMORY)
            .import(ENV, "table", TABLE);
        let imported = length(&self.imports[Self::OTHER_IMPORTS..]);
        for _function in 0..imported {
            imports.import(ENV, "", EntityType::Function(Self::THUNK));
        }
        let mut functions = FunctionSection::new();
        let mut code = CodeSection::new();
        for (ty, number) in self.traps.iter().zip(Self::THUNK + 1..) {
            let ty = RoundtripReencoder.func_type(ty.clone());
            types
                .ty()
                .func_type(&ty.map_err(|_| MergeError::damaged())?);
            functions.function(number);
            let mut body = Function::new([]);
            body.instruction(&Instruction::Unreachable)
                .instruction(&Instruction::End);
            code.function(&body);
        }
        functions.function(Self::THUNK);
        let mut body = Function::new([]);
        for instruction in &self.start {
            body.instruction(instruction);
        }
        code.function(&body);
        let mut globals = GlobalSection::new();
        for value in &self.values {
            globals.global(ADDRESS, &ConstExpr::i32_const(value.cast_signed()));
        }
        let mut exports = ExportSection::new();
        exports.export(START, ExportKind::Func, imported + length(&self.traps));
        let mut data = DataSection::new();
        if let Some((base, bytes)) = self.data {
            data.active(0, &ConstExpr::i32_const(base.cast_signed()), bytes);
        }
        let mut module = wasm_encoder::Module::new();
        module
            .section(&types)
            .section(&imports)
            .section(&functions)
            .section(&globals)
            .section(&exports)
            .section(&elements)
            .section(&code)
            .section(&data);
        Ok((module.finish(), self.imports))
    }
}
