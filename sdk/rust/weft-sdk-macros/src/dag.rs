//! Expands `#[dag]`: the body becomes a description, with each call of a task
//! made an edge, and an entry in the list of the component's DAGs.

mod calls;

use crate::{
    check,
    condition::condition,
    settings::{Entries, Entry, Value, check_keys, doc_comment},
    signature,
    task::{builder, group, literal, text, whole_number},
};
use calls::Calls;
use proc_macro2::{Ident, TokenStream};
use quote::{quote, quote_spanned};
use syn::{Error, Expr, FnArg, ItemFn, Result, ReturnType, Type, spanned::Spanned as _};

const SETTINGS: [&str; 21] = [
    "id",
    "description",
    "tags",
    "owners",
    "schedule",
    "holidays",
    "on_assets",
    "timezone",
    "start",
    "end",
    "catchup",
    "max_active_runs",
    "concurrency_key",
    "max_active_runs_per_key",
    "rate_limit",
    "max_active_tasks",
    "timeout",
    "deadline",
    "on_missed_deadline",
    "priority",
    "priority_rule",
];
const RATE_LIMIT: [&str; 2] = ["runs", "per"];
const PARAM: [&str; 2] = ["default", "description"];

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let function: ItemFn = syn::parse2(item).map_err(|error| {
        Error::new(
            error.span(),
            format!("#[dag] applies to a function with a body: {error}"),
        )
    })?;
    signature::plain(&function, "a DAG")?;
    if let ReturnType::Type(_, written) = &function.sig.output {
        return Err(Error::new(
            written.span(),
            "a DAG returns nothing: what its tasks return are their outputs",
        ));
    }
    let Entries(entries) = syn::parse2(arguments)?;
    check_keys(&entries, &SETTINGS, "a DAG")?;
    let settings = settings(&entries, &function)?;
    let params = function
        .sig
        .inputs
        .iter()
        .map(param)
        .collect::<Result<Vec<_>>>()?;
    let mut body = (*function.block).clone();
    let calls = Calls::rewrite(&mut body, &function.sig.inputs)?;
    Ok(assemble(&function, &settings, &params, &body, &calls))
}

fn assemble(
    function: &ItemFn,
    settings: &TokenStream,
    params: &[TokenStream],
    body: &syn::Block,
    calls: &Calls,
) -> TokenStream {
    let name = &function.sig.ident;
    let visibility = &function.vis;
    let builder = builder();
    let attributes = function
        .attrs
        .iter()
        .filter(|attribute| !attribute.path().is_ident("doc"));
    let docs = function
        .attrs
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"));
    let tasks = calls.tasks();
    quote! {
        #(#docs)*
        #[allow(dead_code, reason = "a program may have no use for the document")]
        #visibility fn #name() -> ::weft::Dag {
            match ::weft::Dag::describe::<#name>() {
                ::core::result::Result::Ok(dag) => dag,
                ::core::result::Result::Err(mistakes) => ::core::panic!("{mistakes}"),
            }
        }

        #[doc(hidden)]
        #[allow(non_camel_case_types, dead_code, reason = "it represents the function of its name")]
        #visibility struct #name {}

        const _: () = {
            impl ::weft::__private::DagDef for #name {
                fn settings() -> ::weft::__private::DagSettings {
                    #[allow(unused_mut, reason = "a DAG may set nothing")]
                    let mut settings = ::weft::__private::DagSettings::default();
                    #settings
                    settings
                }

                #(#attributes)*
                fn define(#builder: &::weft::__private::Builder) {
                    #[allow(unused_imports, reason = "a DAG may call no method of a task")]
                    use ::weft::__private::Task as _;
                    #(#params)*
                    #body
                }

                #[allow(unreachable_patterns, reason = "a DAG may use a task several times")]
                fn find(task: &str) -> ::core::option::Option<::weft::__private::Run> {
                    match task {
                        #(<#tasks as ::weft::__private::TaskDef>::NAME => {
                            ::core::option::Option::Some(<#tasks as ::weft::__private::TaskDef>::run)
                        })*
                        _ => ::core::option::Option::None,
                    }
                }
            }

            #[cfg(target_family = "wasm")]
            static ENTRY: ::weft::__private::Entry = ::weft::__private::Entry::new::<#name>();

            #[cfg(target_family = "wasm")]
            #[used]
            #[allow(unsafe_code, reason = "naming a section of the file is; this one is run before everything else")]
            #[unsafe(link_section = ".init_array")]
            static REGISTER: extern "C" fn() = {
                extern "C" fn register() {
                    ENTRY.register();
                }
                register
            };
        };
    }
}

fn settings(entries: &[Entry], function: &ItemFn) -> Result<TokenStream> {
    let mut settings = TokenStream::new();
    let name = syn::ext::IdentExt::unraw(&function.sig.ident).to_string();
    settings.extend(quote!(settings.id = #name.into();));
    if let Some(text) = doc_comment(&function.attrs) {
        settings.extend(quote!(settings.description = Some(#text.into());));
    }
    for entry in entries {
        let key = &entry.key;
        let into = quote!(settings);
        settings.extend(match key.to_string().as_str() {
            "id" => {
                let Some((text, span)) = entry.text()? else {
                    return Err(entry.error("`id` is a text in quotes"));
                };
                check::id(&text).map_err(|error| Error::new(span, error))?;
                quote!(settings.id = #text.into();)
            }
            "tags" | "owners" => {
                let values = entry.list()?;
                quote!(settings.#key = ::std::vec![#((#values).into()),*];)
            }
            "schedule" => {
                let check = match entry.expression()? {
                    Expr::Array(array) if array.elems.is_empty() => {
                        return Err(Error::new_spanned(
                            array,
                            "a list of schedules has at least one",
                        ));
                    }
                    Expr::Array(array) if array.elems.len() > 1 => check::one_schedule,
                    _ => check::schedule,
                };
                let schedules = texts(entry, "a schedule", check)?;
                quote!(settings.schedule = Some(::weft::__private::Schedules(#schedules));)
            }
            "holidays" => {
                if !has(entries, "schedule") {
                    return Err(entry.error(
                        "there is no schedule that could leave out a day; add `schedule = \"@daily\"`",
                    ));
                }
                let days = texts(entry, "a holiday", check::holiday)?;
                quote!(settings.holidays = #days;)
            }
            "on_assets" => {
                let condition = condition(entry.expression()?)?;
                quote!(settings.on_assets = Some(#condition);)
            }
            "timeout" | "deadline" => text(entry, &into, check::duration)?,
            "on_missed_deadline" => {
                if !has(entries, "deadline") {
                    return Err(entry.error(
                        "there is no deadline that could be missed; add `deadline = \"2h\"`",
                    ));
                }
                text(entry, &into, check::on_missed_deadline)?
            }
            "priority_rule" => text(entry, &into, check::priority_rule)?,
            "rate_limit" => rate_limit(entry)?,
            "description" | "timezone" | "start" | "end" | "concurrency_key" => text(entry, &into, |_| Ok(()))?,
            "catchup" => {
                let value = entry.flag()?;
                quote!(settings.catchup = Some(#value);)
            }
            "max_active_runs_per_key" if !has(entries, "concurrency_key") => {
                return Err(entry.error(
                    "the runs of this DAG have no key; add `concurrency_key = \"{{ params.customer }}\"`",
                ));
            }
            "max_active_runs" | "max_active_tasks" | "max_active_runs_per_key" | "priority" => {
                let value = entry.expression()?;
                whole_number(entry, value)?;
                quote_spanned!(value.span()=> settings.#key = Some(#value);)
            }
            other => return Err(entry.error(&format!("`{other}` is not allowed here"))),
        });
    }
    Ok(settings)
}

fn has(entries: &[Entry], key: &str) -> bool {
    entries.iter().any(|entry| entry.key == key)
}

/// `rate_limit(runs = 100, per = "1m")`.
fn rate_limit(entry: &Entry) -> Result<TokenStream> {
    for key in RATE_LIMIT {
        let Value::Group(entries) = &entry.value else {
            break;
        };
        if !has(entries, key) {
            return Err(entry.error("write `rate_limit(runs = 100, per = \"1m\")`"));
        }
    }
    let fields = group(entry, &RATE_LIMIT, "a rate limit", |inner| {
        let into = quote!(limit);
        if inner.key == "per" {
            return text(inner, &into, check::duration);
        }
        let value = inner.expression()?;
        whole_number(inner, value)?;
        Ok(quote_spanned!(value.span()=> limit.runs = Some(#value);))
    })?;
    Ok(quote!({
        let mut limit = ::weft::__private::RateLimit::default();
        #fields
        settings.rate_limit = Some(limit);
    }))
}

/// The list that a setting makes of a text or a list of texts. Literals in it are checked.
fn texts(
    entry: &Entry,
    what: &str,
    check: impl Fn(&str) -> std::result::Result<(), String>,
) -> Result<TokenStream> {
    let value = entry.expression()?;
    let Expr::Array(array) = value else {
        literal(value, what, check)?;
        return Ok(quote_spanned!(value.span()=> ::weft::__private::Texts::texts(#value)));
    };
    let items = &array.elems;
    for item in items {
        literal(item, what, &check)?;
    }
    let items = items.iter();
    Ok(quote_spanned!(value.span()=> ::std::vec![#((#items).into()),*]))
}

/// The statement that declares a parameter of the run.
fn param(argument: &FnArg) -> Result<TokenStream> {
    let (name, written) = signature::named(argument)?;
    let inner = value_type(written)?;
    let FnArg::Typed(typed) = argument else {
        return Err(Error::new(
            argument.span(),
            "a DAG is a free function: it can't take `self`",
        ));
    };
    let mut description = doc_comment(&typed.attrs);
    let mut default = quote!(::core::option::Option::None);
    for attribute in &typed.attrs {
        if attribute.path().is_ident("doc") {
            continue;
        }
        if !attribute.path().is_ident("param") {
            return Err(Error::new(
                attribute.span(),
                "a parameter takes #[param(default = .., description = \"..\")] alone",
            ));
        }
        let Entries(entries) = attribute.parse_args()?;
        check_keys(&entries, &PARAM, "a parameter")?;
        for entry in &entries {
            if entry.key == "default" {
                if matches!(entry.value, Value::Flag) {
                    return Err(entry.error("`default` needs a value: `default = ..`"));
                }
                let value = entry.expression()?;
                default = quote_spanned!(value.span()=> ::weft::__private::default_of::<#inner, _>(#value));
            } else {
                let Some((text, _)) = entry.text()? else {
                    return Err(entry.error("`description` is a text in quotes"));
                };
                description = Some(text);
            }
        }
    }
    let description = description.map_or(
        quote!(::core::option::Option::None),
        |text| quote!(::core::option::Option::Some(#text)),
    );
    let label = syn::ext::IdentExt::unraw(name).to_string();
    let builder = builder();
    let declare = quote_spanned!(inner.span()=> #builder.param::<#inner>);
    let bound: &Ident = name;
    Ok(quote!(let #bound: #written = #declare(#label, #description, #default);))
}

/// The `T` of a `Param<T>`.
fn value_type(written: &Type) -> Result<&Type> {
    if signature::is_named(written, "Context") {
        return Err(Error::new(
            written.span(),
            "a DAG has no `Context`: nothing runs while it is described; a task takes one",
        ));
    }
    let inner = signature::is_named(written, "Param")
        .then(|| signature::first_argument(written))
        .flatten();
    inner.ok_or_else(|| {
        let written_text = quote!(#written).to_string().replace(' ', "");
        let message = format!(
            "an argument of a DAG is a parameter of its runs, which has no value yet: write `Param<{written_text}>`"
        );
        Error::new(written.span(), message)
    })
}
