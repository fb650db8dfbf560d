//! Reads the parameters of a task: what each takes from its JSON, and how the
//! function wants it.

use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    Error, FnArg, GenericArgument, ItemFn, Pat, PathArguments, Result, ReturnType, Type,
    spanned::Spanned as _,
};

/// A parameter of a task.
pub(crate) struct Parameter {
    pub(crate) name: Ident,
    /// The type that is read from JSON: the type itself, or the owned form of a reference.
    pub(crate) owned: Type,
    /// Nothing, or `&` before the value.
    pub(crate) borrow: TokenStream,
}

/// Refuses what neither a task nor a DAG can be.
pub(crate) fn plain(function: &ItemFn, what: &str) -> Result<()> {
    let signature = &function.sig;
    if let Some(token) = &signature.asyncness {
        return Err(Error::new(
            token.span,
            format!(
                "{what} is an ordinary function, not an async one: each attempt has a sandbox of its own to block in"
            ),
        ));
    }
    if let Some(parameter) = signature.generics.params.first() {
        return Err(Error::new(
            parameter.span(),
            format!("{what} can't be generic: its document names one type for each input"),
        ));
    }
    if let Some(clause) = &signature.generics.where_clause {
        return Err(Error::new(
            clause.span(),
            format!("{what} can't be generic"),
        ));
    }
    if let Some(token) = &signature.unsafety {
        return Err(Error::new(token.span, format!("{what} can't be unsafe")));
    }
    if let Some(abi) = &signature.abi {
        return Err(Error::new(
            abi.span(),
            format!("{what} can't have another ABI"),
        ));
    }
    if let Some(FnArg::Receiver(receiver)) = signature.inputs.first() {
        return Err(Error::new(
            receiver.span(),
            format!("{what} is a free function: it can't take `self`"),
        ));
    }
    Ok(())
}

/// The name and the type of an argument.
pub(crate) fn named(argument: &FnArg) -> Result<(&Ident, &Type)> {
    match argument {
        FnArg::Receiver(receiver) => Err(Error::new(
            receiver.span(),
            "a free function is wanted: it can't take `self`",
        )),
        FnArg::Typed(argument) => match &*argument.pat {
            Pat::Ident(pattern) => Ok((&pattern.ident, &argument.ty)),
            pattern => Err(Error::new(
                pattern.span(),
                "this parameter needs a name: it is the input's name in the DAG",
            )),
        },
    }
}

/// How `Context` is wanted, if this argument is one.
pub(crate) fn context(argument: &FnArg) -> Option<TokenStream> {
    let FnArg::Typed(argument) = argument else {
        return None;
    };
    let span = argument.ty.span();
    match &*argument.ty {
        Type::Reference(reference) if is_named(&reference.elem, "Context") => {
            let mutability = &reference.mutability;
            Some(quote_spanned!(span=> & #mutability ::weft::Context::current()))
        }
        owned if is_named(owned, "Context") => {
            Some(quote_spanned!(span=> ::weft::Context::current()))
        }
        _ => None,
    }
}

/// A parameter of a task that is an input.
pub(crate) fn parameter(argument: &FnArg) -> Result<Parameter> {
    let (name, written) = named(argument)?;
    let (owned, borrow) = match written {
        Type::Reference(reference) => {
            if let Some(token) = &reference.mutability {
                return Err(Error::new(
                    token.span,
                    "an input can't be changed for others: take it by value",
                ));
            }
            let elem = &reference.elem;
            let owned = match &**elem {
                Type::Slice(slice) => {
                    let elem = &slice.elem;
                    syn::parse2(quote_spanned!(written.span()=> ::std::vec::Vec<#elem>))?
                }
                Type::Path(path) if path.path.is_ident("str") => {
                    syn::parse2(quote_spanned!(written.span()=> ::std::string::String))?
                }
                other => other.clone(),
            };
            (owned, quote!(&))
        }
        Type::ImplTrait(written) => {
            return Err(Error::new(
                written.span(),
                "a task can't be generic: its document names one type for each input",
            ));
        }
        written => (written.clone(), TokenStream::new()),
    };
    Ok(Parameter {
        name: name.clone(),
        owned,
        borrow,
    })
}

/// The return type of a task.
pub(crate) enum Returns {
    /// `-> T` or nothing.
    Plain(Type),
    /// `-> Result<..>`.
    Result(Type),
}

/// Reads the return type; `Result` by its name, whatever its error.
pub(crate) fn returns(output: &ReturnType) -> Result<Returns> {
    Ok(match output {
        ReturnType::Default => Returns::Plain(syn::parse2(quote!(()))?),
        ReturnType::Type(_, written) => match &**written {
            Type::ImplTrait(written) => {
                return Err(Error::new(
                    written.span(),
                    "a task returns one concrete type: its document names it",
                ));
            }
            Type::Reference(written) => {
                return Err(Error::new(
                    written.span(),
                    "a task returns an owned value: it travels to other sandboxes",
                ));
            }
            written if is_named(written, "Result") => Returns::Result(written.clone()),
            written => Returns::Plain(written.clone()),
        },
    })
}

/// Whether a type's last segment has this name.
pub(crate) fn is_named(written: &Type, name: &str) -> bool {
    matches!(written, Type::Path(path) if path.path.segments.last().is_some_and(|segment| segment.ident == name))
}

/// The first type in the angle brackets of a type.
pub(crate) fn first_argument(written: &Type) -> Option<&Type> {
    let Type::Path(path) = written else {
        return None;
    };
    let PathArguments::AngleBracketed(arguments) = &path.path.segments.last()?.arguments else {
        return None;
    };
    arguments.args.iter().find_map(|argument| match argument {
        GenericArgument::Type(found) => Some(found),
        _ => None,
    })
}
