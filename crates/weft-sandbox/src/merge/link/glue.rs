//! The module with what no library has.

use super::ENV;
use crate::merge::{MergeError, group::Entity, length, parsed::Kind};
use std::collections::HashMap;
use wasm_encoder::{
    CodeSection, ConstExpr, DataSection, ElementSection, Elements, EntityType, ExportKind,
    ExportSection, Function, FunctionSection, GlobalSection, GlobalType, ImportSection,
    Instruction, MemArg, MemoryType, RefType, TableType, TypeSection, ValType,
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
const STACK: GlobalType = GlobalType {
    val_type: ValType::I32,
    mutable: true,
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
    /// What is not a function first.
    imports: Vec<Entity>,
    /// Values of its globals, with their numbers.
    constants: HashMap<u32, u32>,
    values: Vec<u32>,
    /// Functions that libraries call.
    functions: Vec<(FuncType, Function)>,
    /// Functions in slots of the table.
    pub(super) elements: Vec<(u32, Entity)>,
    pub(super) data: Option<(u32, Vec<u8>)>,
    start: Vec<Instruction<'static>>,
}

impl Glue {
    /// Memory, the table and the pointer to the stack, which are not functions.
    const OTHER_IMPORTS: usize = 3;
    /// The number of the pointer to the stack.
    const STACK: u32 = 0;
    /// The type of functions without parameters and results.
    const THUNK: u32 = 0;

    pub(super) fn new(memory: Entity, table: Entity, stack: Entity) -> Self {
        Self {
            first: [0; Kind::COUNT],
            imports: vec![memory, table, stack],
            constants: HashMap::new(),
            values: Vec::new(),
            functions: Vec::new(),
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
        let mut body = Function::new([]);
        body.instruction(&Instruction::Unreachable)
            .instruction(&Instruction::End);
        self.function(ty.clone(), body)
    }

    /// `insecure-seed` of WASI: writes 16 random bytes to an address.
    pub(super) fn random_seed(&mut self, entropy: Entity) -> Entity {
        let entropy = self.import(entropy);
        let mut body = Function::new([]);
        body.instruction(&Instruction::LocalGet(0))
            .instruction(&Instruction::I32Const(16))
            .instruction(&Instruction::Call(entropy))
            .instruction(&Instruction::Drop)
            .instruction(&Instruction::End);
        self.function(FuncType::new([wasmparser::ValType::I32], []), body)
    }

    /// `get-random-u64` of WASI: has a random number written to the stack.
    pub(super) fn random_number(&mut self, entropy: Entity) -> Entity {
        const PLACE: u32 = 0;
        let entropy = self.import(entropy);
        let place = MemArg {
            offset: 0,
            align: 3,
            memory_index: 0,
        };
        let mut body = Function::new([(1, ValType::I32)]);
        body.instruction(&Instruction::GlobalGet(Self::STACK))
            .instruction(&Instruction::I32Const(16))
            .instruction(&Instruction::I32Sub)
            .instruction(&Instruction::LocalTee(PLACE))
            .instruction(&Instruction::GlobalSet(Self::STACK))
            .instruction(&Instruction::LocalGet(PLACE))
            .instruction(&Instruction::I32Const(8))
            .instruction(&Instruction::Call(entropy))
            .instruction(&Instruction::Drop)
            .instruction(&Instruction::LocalGet(PLACE))
            .instruction(&Instruction::I64Load(place))
            .instruction(&Instruction::LocalGet(PLACE))
            .instruction(&Instruction::I32Const(16))
            .instruction(&Instruction::I32Add)
            .instruction(&Instruction::GlobalSet(Self::STACK))
            .instruction(&Instruction::End);
        self.function(FuncType::new([], [wasmparser::ValType::I64]), body)
    }

    fn function(&mut self, ty: FuncType, body: Function) -> Entity {
        self.functions.push((ty, body));
        Entity::Own(self.first[Kind::Function as usize] + length(&self.functions) - 1)
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
            .import(ENV, "table", TABLE)
            .import(ENV, "stack", STACK);
        let imported = length(&self.imports[Self::OTHER_IMPORTS..]);
        for _function in 0..imported {
            imports.import(ENV, "", EntityType::Function(Self::THUNK));
        }
        let mut functions = FunctionSection::new();
        let mut code = CodeSection::new();
        for ((ty, body), number) in self.functions.iter().zip(Self::THUNK + 1..) {
            let ty = RoundtripReencoder.func_type(ty.clone());
            types
                .ty()
                .func_type(&ty.map_err(|_| MergeError::damaged())?);
            functions.function(number);
            code.function(body);
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
        exports.export(START, ExportKind::Func, imported + length(&self.functions));
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
