//! What a merged module needs: functions that can be called, and globals that change.

use super::{
    MergeError,
    group::{Entity, Group},
    parsed::Kind,
};
use std::collections::BTreeSet;
use wasmparser::{ConstExpr, ElementItems, Operator, OperatorsReader, ValType};

/// What a global has forever.
#[derive(Clone, Copy)]
pub(super) enum Constant {
    I32(i32),
    I64(i64),
    F32(wasmparser::Ieee32),
    F64(wasmparser::Ieee64),
}

/// What is needed.
pub(super) struct Liveness {
    /// Whether an own function can be called.
    pub(super) functions: Vec<bool>,
    /// Functions from outside that can be called.
    pub(super) hosts: BTreeSet<u32>,
    /// The values of own globals that nothing changes.
    pub(super) constants: Vec<Option<Constant>>,
}

impl Liveness {
    /// Follows what these exports, and the tables, lead to.
    pub(super) fn of(
        group: &Group<'_>,
        exports: impl Iterator<Item = (Kind, Entity)>,
    ) -> Result<Self, MergeError> {
        let mut search = Search::new(group);
        // A module that imports a global can change it, or needs it as one.
        let mut changing = BTreeSet::new();
        for (kind, entity) in exports {
            match (kind, entity) {
                (Kind::Function, entity) => search.reach(entity),
                (Kind::Global, Entity::Own(global)) => {
                    changing.insert(global);
                }
                _other => {}
            }
        }
        for (number, member) in group.members.iter().enumerate() {
            for element in &member.module.elements {
                match element.items.clone() {
                    ElementItems::Functions(functions) => {
                        for function in functions {
                            search.reach(member.entity(Kind::Function, function?)?);
                        }
                    }
                    ElementItems::Expressions(_ty, expressions) => {
                        for expression in expressions {
                            search.expression(number, &expression?)?;
                        }
                    }
                }
            }
            for global in &member.module.globals {
                search.expression(number, &global.init_expr)?;
            }
        }
        search.follow()?;
        changing.append(&mut search.changed);
        let constants = constants(group, &changing)?;
        Ok(Self {
            functions: search.functions,
            hosts: search.hosts,
            constants,
        })
    }

    /// The value of a member's global, if it always has the same.
    pub(super) fn constant(&self, global: Entity) -> Option<Constant> {
        match global {
            Entity::Own(number) => *self.constants.get(number as usize)?,
            Entity::Host(_) => None,
        }
    }
}

struct Search<'g, 'a> {
    group: &'g Group<'a>,
    /// The member that each own function is of.
    members: Vec<usize>,
    functions: Vec<bool>,
    hosts: BTreeSet<u32>,
    /// Globals that functions change.
    changed: BTreeSet<u32>,
    /// Functions that were not looked into yet.
    open: Vec<u32>,
}

impl<'g, 'a> Search<'g, 'a> {
    fn new(group: &'g Group<'a>) -> Self {
        let mut members = Vec::with_capacity(group.count(Kind::Function));
        for (number, member) in group.members.iter().enumerate() {
            members.resize(members.len() + member.module.own(Kind::Function), number);
        }
        Self {
            group,
            functions: vec![false; members.len()],
            members,
            hosts: BTreeSet::new(),
            changed: BTreeSet::new(),
            open: Vec::new(),
        }
    }

    fn reach(&mut self, function: Entity) {
        match function {
            Entity::Host(number) => {
                self.hosts.insert(number);
            }
            Entity::Own(number) => {
                if let Some(is_live) = self.functions.get_mut(number as usize)
                    && !std::mem::replace(is_live, true)
                {
                    self.open.push(number);
                }
            }
        }
    }

    /// Looks into functions until none is left.
    fn follow(&mut self) -> Result<(), MergeError> {
        while let Some(number) = self.open.pop() {
            let member = self.members[number as usize];
            let of = &self.group.members[member];
            let own = number - of.first[Kind::Function as usize];
            let body = of.module.bodies.get(own as usize);
            let body = body.ok_or_else(|| MergeError::new("a function has no code"))?;
            self.operators(member, body.get_operators_reader()?)?;
        }
        Ok(())
    }

    fn expression(&mut self, member: usize, expression: &ConstExpr<'_>) -> Result<(), MergeError> {
        self.operators(member, expression.get_operators_reader())
    }

    fn operators(
        &mut self,
        member: usize,
        mut operators: OperatorsReader<'_>,
    ) -> Result<(), MergeError> {
        let of = &self.group.members[member];
        while !operators.eof() {
            match operators.read()? {
                Operator::Call { function_index }
                | Operator::ReturnCall { function_index }
                | Operator::RefFunc { function_index } => {
                    self.reach(of.entity(Kind::Function, function_index)?);
                }
                Operator::GlobalSet { global_index } => {
                    if let Entity::Own(global) = of.entity(Kind::Global, global_index)? {
                        self.changed.insert(global);
                    }
                }
                _other => {}
            }
        }
        Ok(())
    }
}

/// The values of globals that no function changes.
fn constants(
    group: &Group<'_>,
    changing: &BTreeSet<u32>,
) -> Result<Vec<Option<Constant>>, MergeError> {
    let mut constants = Vec::with_capacity(group.count(Kind::Global));
    for member in &group.members {
        for (own, global) in (0..).zip(&member.module.globals) {
            let number = u32::try_from(constants.len()).expect("globals have a bound");
            let is_number = matches!(
                global.ty.content_type,
                ValType::I32 | ValType::I64 | ValType::F32 | ValType::F64
            );
            let mut operators = global.init_expr.get_operators_reader();
            let constant = match operators.read()? {
                _ if changing.contains(&number) || !is_number => None,
                Operator::I32Const { value } => Some(Constant::I32(value)),
                Operator::I64Const { value } => Some(Constant::I64(value)),
                Operator::F32Const { value } => Some(Constant::F32(value)),
                Operator::F64Const { value } => Some(Constant::F64(value)),
                Operator::GlobalGet { global_index } => {
                    match member.entity(Kind::Global, global_index)? {
                        Entity::Own(other) => constants.get(other as usize).copied().flatten(),
                        Entity::Host(_) => None,
                    }
                }
                _other => None,
            };
            // Nothing but the value.
            let is_whole = operators.is_end_then_eof();
            let constant = match member.module.preset.get(&own) {
                Some(value) if !changing.contains(&number) => {
                    Some(Constant::I32(value.cast_signed()))
                }
                _other => constant.filter(|_| is_whole),
            };
            constants.push(constant);
        }
    }
    Ok(constants)
}
