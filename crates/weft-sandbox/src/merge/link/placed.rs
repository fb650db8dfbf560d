//! A library with the places that it gets: where its functions and data are, and what it would do first.

use super::{ENV, MEMORY_BASE, TABLE_BASE};
use crate::merge::{
    MergeError,
    group::Entity,
    parsed::{Dylink, Kind, Module},
};
use std::collections::HashMap;
use wasmparser::{ConstExpr, Operator, TypeRef};

/// A library with the places that it got.
pub(super) struct Placed<'a> {
    pub(super) name: &'a str,
    pub(super) module: Module<'a>,
    pub(super) about: Dylink<'a>,
    /// The numbers that its own items will have.
    pub(super) first: [u32; Kind::COUNT],
    pub(super) memory_base: u32,
    pub(super) table_base: u32,
}

impl Placed<'_> {
    /// Its own function of that name.
    pub(super) fn function(&self, name: &str) -> Option<Entity> {
        self.own(Kind::Function, name)
            .map(|own| Entity::Own(self.first[Kind::Function as usize] + own))
    }

    /// The address of its own data of that name.
    pub(super) fn address(&self, name: &str) -> Option<u32> {
        let own = self.own(Kind::Global, name)?;
        let offset = i32_of(&self.module.globals.get(own as usize)?.init_expr)?;
        self.memory_base.checked_add(offset)
    }

    /// Computes what a library's start function would: it writes addresses of its data and slots of its functions,
    /// which are known here, into its globals, and zeros where there are zeros already.
    pub(super) fn preset_globals(&mut self) -> Result<(), MergeError> {
        if let Some(start) = self.module.start.take() {
            let mut preset = HashMap::new();
            self.preset_by(start, &mut preset)?;
            self.module.preset = preset;
        }
        Ok(())
    }

    fn preset_by(&self, function: u32, preset: &mut HashMap<u32, u32>) -> Result<(), MergeError> {
        let unknown = || MergeError::new(format!("{} starts in an unknown way", self.name));
        let own = function.checked_sub(self.imported(Kind::Function));
        let body = own.and_then(|own| self.module.bodies.get(own as usize));
        let mut operators = body.ok_or_else(unknown)?.get_operators_reader()?;
        let mut stack = Vec::new();
        while !operators.eof() {
            match operators.read()? {
                Operator::I32Const { value } => stack.push(value.cast_unsigned()),
                Operator::GlobalGet { global_index } => {
                    stack.push(self.place(global_index).ok_or_else(unknown)?);
                }
                Operator::I32Add => {
                    let (a, b) = stack.pop().zip(stack.pop()).ok_or_else(unknown)?;
                    stack.push(a.wrapping_add(b));
                }
                Operator::GlobalSet { global_index } => {
                    let own = global_index.checked_sub(self.imported(Kind::Global));
                    let (own, value) = own.zip(stack.pop()).ok_or_else(unknown)?;
                    preset.insert(own, value);
                }
                Operator::MemoryFill { .. } => {
                    let (_size, value) = stack.pop().zip(stack.pop()).ok_or_else(unknown)?;
                    if stack.pop().is_none() || value != 0 {
                        return Err(unknown());
                    }
                }
                // A function calls those that come before it.
                Operator::Call { function_index } if function_index < function => {
                    self.preset_by(function_index, preset)?;
                }
                Operator::End => {}
                _other => return Err(unknown()),
            }
        }
        Ok(())
    }

    /// The value of an imported global that says where something of the library is.
    fn place(&self, global: u32) -> Option<u32> {
        let mut globals = self
            .module
            .imports
            .iter()
            .filter(|import| matches!(import.ty, TypeRef::Global(_)));
        let import = globals.nth(global as usize)?;
        match (import.module, import.name) {
            (ENV, MEMORY_BASE) => Some(self.memory_base),
            (ENV, TABLE_BASE) => Some(self.table_base),
            _other => None,
        }
    }

    /// How many of a kind it imports.
    fn imported(&self, kind: Kind) -> u32 {
        let imports = self.module.imports.iter();
        let count = imports
            .filter(|import| Kind::of_import(import.ty) == kind)
            .count();
        u32::try_from(count).expect("files have a bound")
    }

    /// The number of what it exports, if it defines it.
    fn own(&self, kind: Kind, name: &str) -> Option<u32> {
        let (found, number) = self.module.exports.get(name)?;
        let own = number.checked_sub(self.imported(kind))?;
        (*found == kind).then_some(own)
    }
}

/// The number that an expression begins with.
pub(super) fn i32_of(expression: &ConstExpr<'_>) -> Option<u32> {
    match expression.get_operators_reader().read().ok()? {
        Operator::I32Const { value } => Some(value.cast_unsigned()),
        _other => None,
    }
}
