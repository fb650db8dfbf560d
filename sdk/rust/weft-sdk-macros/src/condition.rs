//! Reads a condition on assets: a name, a list, `all_of(..)`, `any_of(..)`, `within(.., "1d")`, or an expression that
//! becomes a `weft::Condition`. How many assets it names and how deep it goes is left to the document's validation.

use crate::check;
use proc_macro2::TokenStream;
use quote::{quote, quote_spanned};
use syn::{
    Error, Expr, ExprCall, ExprLit, Lit, Result, Token, punctuated::Punctuated,
    spanned::Spanned as _,
};

const EXPECTED: &str = "a condition is an asset's name in quotes, a list, all_of(..), any_of(..) or within(.., \"1d\")";

/// The expression that makes it.
pub(crate) fn condition(written: &Expr) -> Result<TokenStream> {
    match written {
        Expr::Lit(_) => {
            let name = literal(written, EXPECTED, check::asset)?;
            Ok(quote!(::weft::Condition::updated(#name)))
        }
        Expr::Array(array) => several(&quote!(all_of), &array.elems, written),
        Expr::Call(call) => match combinator(call).as_deref() {
            Some("all_of") => several(&quote!(all_of), &call.args, written),
            Some("any_of") => several(&quote!(any_of), &call.args, written),
            Some("within") => within(call),
            _ => Ok(converted(written)),
        },
        other => Ok(converted(other)),
    }
}

/// The name of an asset, checked where it is a literal.
pub(crate) fn asset(written: &Expr) -> Result<TokenStream> {
    literal(
        written,
        "the name of an asset is a text in quotes",
        check::asset,
    )
}

fn literal(
    written: &Expr,
    expected: &str,
    check: impl Fn(&str) -> std::result::Result<(), String>,
) -> Result<TokenStream> {
    match written {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => check(&text.value()).map_err(|error| Error::new(text.span(), error))?,
        Expr::Lit(literal) => return Err(Error::new_spanned(literal, expected)),
        _ => {}
    }
    Ok(quote!(#written))
}

fn combinator(call: &ExprCall) -> Option<String> {
    match &*call.func {
        Expr::Path(path) => path.path.get_ident().map(ToString::to_string),
        _ => None,
    }
}

fn several(
    kind: &TokenStream,
    written: &Punctuated<Expr, Token![,]>,
    whole: &Expr,
) -> Result<TokenStream> {
    if written.is_empty() {
        return Err(Error::new_spanned(
            whole,
            "a condition names at least one asset",
        ));
    }
    let parts = written.iter().map(condition).collect::<Result<Vec<_>>>()?;
    Ok(quote!(::weft::Condition::#kind([#(#parts),*])))
}

fn within(call: &ExprCall) -> Result<TokenStream> {
    let mut arguments = call.args.iter();
    let (Some(name), Some(span), None) = (arguments.next(), arguments.next(), arguments.next())
    else {
        return Err(Error::new_spanned(
            call,
            "`within` has an asset and how old its last update may be: within(\"rates\", \"1d\")",
        ));
    };
    let name = asset(name)?;
    let span = literal(
        span,
        "how old an update may be is a text in quotes: \"1d\"",
        check::duration,
    )?;
    Ok(quote!(::weft::Condition::within(#name, #span)))
}

fn converted(written: &Expr) -> TokenStream {
    quote_spanned!(written.span()=> ::weft::Condition::from(#written))
}
