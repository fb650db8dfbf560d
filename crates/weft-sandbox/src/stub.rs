//! Leaves the code out of a library, and puts it back into the component that the library was linked into.
//!
//! What links libraries and starts them has to compile them. That takes most of the time, for functions that
//! nothing calls before the program does. Without their bodies, a library is linked in the same way: it has
//! the same functions, tables, memory and names.

use crate::binary::{
    HEADER_BYTES, Unsuitable, append, component_section, module_section, only, sections,
};
use std::collections::{BTreeSet, HashMap};
use wasm_encoder::{CodeSection, Function, Instruction, Section as _};
use wasmparser::{
    CodeSectionReader, ExportSectionReader, ExternalKind, FunctionBody, ImportSectionReader,
    Operator, TypeRef,
};

/// Functions that linkers have called before anything else
/// (<https://github.com/WebAssembly/tool-conventions/blob/main/DynamicLinking.md>).
const FIRST_FUNCTIONS: [&str; 3] = [
    "__wasm_apply_data_relocs",
    "__wasm_call_ctors",
    "_initialize",
];

/// A library of which only what starts it has code.
#[derive(Debug)]
pub struct Stub {
    /// To be linked in the library's place.
    pub library: Vec<u8>,
    /// The contents of its section of code, and of the library's.
    short: Vec<u8>,
    whole: Vec<u8>,
}

/// A library without the code of functions that do not start it. The number is to tell it from others. `None`
/// for a file that is no such library.
pub fn stub(library: &[u8], number: u32) -> Option<Stub> {
    short(library, number).ok()
}

/// The component with the code of its libraries. `None` where a library is not in it, or was changed.
pub fn complete(component: &[u8], stubs: &[Stub]) -> Option<Vec<u8>> {
    let mut missing: HashMap<&[u8], &[u8]> = HashMap::new();
    for stub in stubs {
        missing.insert(&stub.short, &stub.whole);
    }
    let mut completed = component[..HEADER_BYTES].to_vec();
    for section in sections(component)? {
        let module = &component[section.body];
        if section.number != component_section::CORE_MODULE {
            completed.extend_from_slice(&component[section.whole]);
            continue;
        }
        let mut whole = module[..HEADER_BYTES].to_vec();
        for section in sections(module)? {
            let body = &module[section.body];
            let code = (section.number == module_section::CODE)
                .then(|| missing.remove(body))
                .flatten();
            match code {
                Some(code) => append(&mut whole, module_section::CODE, code),
                None => whole.extend_from_slice(&module[section.whole]),
            }
        }
        append(&mut completed, component_section::CORE_MODULE, &whole);
    }
    missing.is_empty().then_some(completed)
}

fn short(library: &[u8], number: u32) -> Result<Stub, Unsuitable> {
    let sections = sections(library).ok_or(Unsuitable)?;
    let code = only(library, &sections, module_section::CODE)?.ok_or(Unsuitable)?;
    let imports = only(library, &sections, module_section::IMPORT)?;
    let imported = imports.map_or(Some(0), |imports| {
        let imports = ImportSectionReader::new(imports).ok()?.into_imports();
        let imports: Vec<_> = imports.collect::<Result<_, _>>().ok()?;
        let functions = imports
            .iter()
            .filter(|import| matches!(import.ty, TypeRef::Func(_) | TypeRef::FuncExact(_)));
        u32::try_from(functions.count()).ok()
    });
    let bodies: Result<Vec<_>, _> = CodeSectionReader::new(code)
        .map_err(|_| Unsuitable)?
        .into_iter()
        .collect();
    let bodies = bodies.map_err(|_| Unsuitable)?;
    let mut first = Vec::new();
    if let Some(mut start) = only(library, &sections, module_section::START)? {
        first.push(start.read_var_u32().map_err(|_| Unsuitable)?);
    }
    if let Some(exports) = only(library, &sections, module_section::EXPORT)? {
        for export in ExportSectionReader::new(exports).map_err(|_| Unsuitable)? {
            let export = export.map_err(|_| Unsuitable)?;
            if export.kind == ExternalKind::Func && FIRST_FUNCTIONS.contains(&export.name) {
                first.push(export.index);
            }
        }
    }
    let imported = imported.ok_or(Unsuitable)?;
    let called = called(&bodies, imported, first).map_err(|_| Unsuitable)?;

    let mut code = CodeSection::new();
    for (index, body) in (imported..).zip(&bodies) {
        if called.contains(&index) {
            code.raw(body.as_bytes());
        } else {
            code.function(&without_code(number));
        }
    }
    let mut stub = library[..HEADER_BYTES].to_vec();
    let mut whole = Vec::new();
    for section in &sections {
        if section.number == module_section::CODE {
            whole = library[section.body.clone()].to_vec();
            code.append_to(&mut stub);
        } else {
            stub.extend_from_slice(&library[section.whole.clone()]);
        }
    }
    let section = self::sections(&stub).ok_or(Unsuitable)?;
    let mut section = section.into_iter();
    let short = section
        .find(|section| section.number == module_section::CODE)
        .ok_or(Unsuitable)?;
    Ok(Stub {
        short: stub[short.body].to_vec(),
        library: stub,
        whole,
    })
}

/// What these functions call, and themselves.
fn called(
    bodies: &[FunctionBody<'_>],
    imported: u32,
    mut open: Vec<u32>,
) -> wasmparser::Result<BTreeSet<u32>> {
    let mut called = BTreeSet::new();
    while let Some(function) = open.pop() {
        let own = function.checked_sub(imported);
        let Some(body) = own.and_then(|own| bodies.get(own as usize)) else {
            continue;
        };
        if !called.insert(function) {
            continue;
        }
        let mut operators = body.get_operators_reader()?;
        while !operators.eof() {
            if let Operator::Call { function_index } | Operator::ReturnCall { function_index } =
                operators.read()?
            {
                open.push(function_index);
            }
        }
    }
    Ok(called)
}

/// Ends the program. The number makes the code of each library another one.
fn without_code(number: u32) -> Function {
    let mut function = Function::new([]);
    function
        .instruction(&Instruction::I32Const(number.cast_signed()))
        .instruction(&Instruction::Drop)
        .instruction(&Instruction::Unreachable)
        .instruction(&Instruction::End);
    function
}

#[cfg(test)]
mod tests;
