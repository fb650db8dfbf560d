//! Expands `#[task]`: the function as it was, and beside it a type of the same
//! name, in the namespace of types, through which `#[dag]` makes edges and the
//! component finds what to run.

use crate::{
    check,
    condition::asset,
    settings::{Entries, Entry, check_keys, doc_comment},
    signature::{self, Parameter, Returns},
};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Error, Expr, ExprLit, ItemFn, Lit, Result, Type, spanned::Spanned as _};

const SETTINGS: [&str; 26] = [
    "name",
    "description",
    "retries",
    "retry_on",
    "retry_delay",
    "retry_backoff",
    "retry_max_delay",
    "retry_jitter",
    "timeout",
    "deadline",
    "on_missed_deadline",
    "trigger_rule",
    "depends_on_past",
    "wait_for_downstream",
    "latest_only",
    "branch",
    "deterministic",
    "max_active",
    "grant",
    "limits",
    "queue",
    "pool",
    "pool_slots",
    "priority",
    "outlets",
    "grants",
];
const GRANTS: [&str; 4] = ["http", "variables", "connections", "dags"];
const LIMITS: [&str; 6] = ["memory", "cpu", "scratch", "output", "log", "artifact"];

pub(crate) fn expand(arguments: TokenStream, item: TokenStream) -> Result<TokenStream> {
    let function: ItemFn = syn::parse2(item).map_err(|error| {
        Error::new(
            error.span(),
            format!("#[task] applies to a function with a body: {error}"),
        )
    })?;
    // An error in the attribute must not hide the function from the
    // rest of the crate, or every call of it would be an error too.
    let expansion = Task::read(arguments, &function).map(|task| task.expand(&function));
    let rest = expansion.unwrap_or_else(Error::into_compile_error);
    Ok(quote!(#function #rest))
}

/// What a task returns.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Its output.
    Plain,
    /// Which of its downstreams go on.
    Branch,
    /// Its output, and what it says of its outlets.
    Update,
}

impl Kind {
    /// By the name of the type. Authors have types called `Update` of their own, so it counts only beside `outlets`.
    fn of(returned: Option<&Type>, entries: &[Entry]) -> Self {
        let is_named = |name| returned.is_some_and(|returned| signature::is_named(returned, name));
        if is_named("Branch") {
            Self::Branch
        } else if is_named("Update") && entries.iter().any(|entry| entry.key == "outlets") {
            Self::Update
        } else {
            Self::Plain
        }
    }
}

struct Task {
    name: Ident,
    label: String,
    settings: TokenStream,
    kind: Kind,
    context: Option<TokenStream>,
    parameters: Vec<Parameter>,
    returns: Returns,
}

impl Task {
    fn read(arguments: TokenStream, function: &ItemFn) -> Result<Self> {
        signature::plain(function, "a task")?;
        let Entries(entries) = syn::parse2(arguments)?;
        check_keys(&entries, &SETTINGS, "a task")?;
        let name = function.sig.ident.clone();
        let context = function.sig.inputs.first().and_then(signature::context);
        let inputs = function
            .sig
            .inputs
            .iter()
            .skip(usize::from(context.is_some()));
        if let Some(late) = inputs
            .clone()
            .find(|argument| signature::context(argument).is_some())
        {
            return Err(Error::new(late.span(), "`Context` is the first parameter"));
        }
        let parameters = inputs.map(signature::parameter).collect::<Result<_>>()?;
        let returns = signature::returns(&function.sig.output)?;
        let returned = match &returns {
            Returns::Plain(returned) => Some(returned),
            Returns::Result(result) => signature::first_argument(result),
        };
        let mut kind = Kind::of(returned, &entries);
        let mut label = syn::ext::IdentExt::unraw(&name).to_string();
        let mut settings = TokenStream::new();
        if !entries.iter().any(|entry| entry.key == "description")
            && let Some(text) = doc_comment(&function.attrs)
        {
            settings.extend(quote!(settings.description = Some(#text.into());));
        }
        for entry in &entries {
            if entry.key == "branch" {
                kind = match (entry.flag()?, kind) {
                    (true, _) => Kind::Branch,
                    (false, Kind::Branch) => Kind::Plain,
                    (false, other) => other,
                };
            } else if entry.key == "name" {
                let Some((text, span)) = entry.text()? else {
                    return Err(entry.error("`name` is a text in quotes"));
                };
                check::id(&text).map_err(|error| Error::new(span, error))?;
                label = text;
            } else {
                settings.extend(setting(entry)?);
            }
        }
        if kind == Kind::Branch {
            settings.extend(quote!(settings.branch = true;));
        }
        Ok(Self {
            name,
            label,
            settings,
            kind,
            context,
            parameters,
            returns,
        })
    }

    fn expand(&self, function: &ItemFn) -> TokenStream {
        let Self {
            name,
            label,
            settings,
            ..
        } = self;
        let visibility = &function.vis;
        let (edge, run) = (self.edge(function), self.run());
        let about = format!("The task `{label}` as DAGs see it.");
        quote! {
            #[doc = #about]
            #[doc(hidden)]
            #[allow(non_camel_case_types, dead_code, reason = "it has the name of its function, and a task may be in no DAG")]
            #visibility struct #name<'dag> { call: ::weft::__private::Call<'dag> }

            const _: () = {
                #[allow(dead_code, reason = "a task may be in no DAG")]
                impl<'dag> #name<'dag> {
                    #[doc(hidden)]
                    #[track_caller]
                    pub fn on(builder: &'dag ::weft::__private::Builder) -> Self {
                        Self {
                            call: ::weft::__private::Call::new(
                                builder,
                                <Self as ::weft::__private::TaskDef>::NAME,
                                ::core::concat!(::core::module_path!(), "::", ::core::stringify!(#name)),
                                <Self as ::weft::__private::TaskDef>::settings(),
                            ),
                        }
                    }

                    #edge
                }

                impl<'dag> ::weft::__private::Task<'dag> for #name<'dag> {
                    fn weft_call(&mut self) -> &mut ::weft::__private::Call<'dag> {
                        &mut self.call
                    }
                }

                impl ::weft::__private::TaskDef for #name<'_> {
                    const NAME: &'static str = #label;

                    fn settings() -> ::weft::__private::TaskSettings {
                        #[allow(unused_mut, reason = "a task may set nothing")]
                        let mut settings = ::weft::__private::TaskSettings::default();
                        #settings
                        settings
                    }

                    fn run(inputs: &::weft::__private::Inputs) -> ::weft::__private::Outcome {
                        #run
                    }
                }
            };
        }
    }

    /// The method that a call inside `#[dag]` becomes: as many arguments as
    /// the function has, each of them anything that fits.
    fn edge(&self, function: &ItemFn) -> TokenStream {
        let generics: Vec<Ident> = (0..self.parameters.len())
            .map(|at| format_ident!("Argument{at}"))
            .collect();
        let names: Vec<&Ident> = self
            .parameters
            .iter()
            .map(|parameter| &parameter.name)
            .collect();
        let labels = names
            .iter()
            .map(|name| syn::ext::IdentExt::unraw(*name).to_string());
        let types: Vec<TokenStream> = self
            .parameters
            .iter()
            .map(|parameter| parameter.owned.to_token_stream())
            .collect();
        let mode = generics.iter().rev().zip(types.iter().rev()).fold(
            quote!(::weft::__private::Single),
            |rest, (generic, owned)| {
                quote!(<<#generic as ::weft::__private::Argument<#owned>>::Mode as ::weft::__private::Mode>::Or<#rest>)
            },
        );
        let output = self.output();
        let span = function.sig.ident.span();
        quote_spanned! {span=>
            #[allow(
                clippy::too_many_arguments,
                clippy::type_complexity,
                clippy::used_underscore_binding,
                reason = "its parameters are those of the function"
            )]
            #[doc(hidden)]
            pub fn edge<#(#generics: ::weft::__private::Argument<#types>),*>(
                self, #(#names: #generics),*
            ) -> ::weft::Edge<'dag, <#mode as ::weft::__private::Mode>::Of<#output>> {
                let call = self.call;
                #(let call = call.input::<#types, #generics>(#labels, #names);)*
                call.finish::<#output, #mode>()
            }
        }
    }

    /// The type of the output.
    fn output(&self) -> TokenStream {
        let returned = match &self.returns {
            Returns::Plain(returned) => returned.to_token_stream(),
            Returns::Result(result) => {
                quote_spanned!(result.span()=> <#result as ::weft::__private::Returned>::Output)
            }
        };
        let span = returned.span();
        match self.kind {
            Kind::Plain => returned,
            Kind::Branch => quote_spanned!(span=> <#returned as ::weft::__private::Chosen>::Output),
            Kind::Update => {
                quote_spanned!(span=> <#returned as ::weft::__private::Reported>::Output)
            }
        }
    }

    /// From JSON into the function and back.
    fn run(&self) -> TokenStream {
        let name = &self.name;
        let values: Vec<Ident> = (0..self.parameters.len())
            .map(|at| format_ident!("value{at}"))
            .collect();
        let take = self
            .parameters
            .iter()
            .zip(&values)
            .map(|(parameter, value)| {
                let label = syn::ext::IdentExt::unraw(&parameter.name).to_string();
                let owned = &parameter.owned;
                quote_spanned!(owned.span()=> let #value = inputs.take::<#owned>(#label)?;)
            });
        let context = self.context.iter();
        let arguments = self
            .parameters
            .iter()
            .zip(&values)
            .map(|(parameter, value)| {
                let borrow = &parameter.borrow;
                quote!(#borrow #value)
            });
        let arguments = context.cloned().chain(arguments);
        let call = quote!(#name(#(#arguments),*));
        let output = match &self.returns {
            Returns::Plain(_) => call,
            Returns::Result(result) => {
                quote_spanned!(result.span()=> <#result as ::weft::__private::Returned>::returned(#call)?)
            }
        };
        let span = match &self.returns {
            Returns::Plain(returned) | Returns::Result(returned) => returned.span(),
        };
        let finish = match self.kind {
            Kind::Plain => quote_spanned!(span=> ::weft::__private::Outcome::success(&output)),
            Kind::Branch => quote_spanned!(span=> ::weft::__private::Outcome::branch(output)),
            Kind::Update => quote_spanned!(span=> ::weft::__private::Outcome::update(output)),
        };
        quote! {
            ::weft::__private::Outcome::of(|| {
                #(#take)*
                #[allow(clippy::let_unit_value, reason = "a task may return nothing")]
                let output = #output;
                #finish
            })
        }
    }
}

/// The statement that one entry of the attribute becomes.
fn setting(entry: &Entry) -> Result<TokenStream> {
    let key = &entry.key;
    Ok(match key.to_string().as_str() {
        "deterministic" | "depends_on_past" | "wait_for_downstream" | "latest_only" => {
            let value = entry.flag()?;
            quote!(settings.#key = #value;)
        }
        "retry_delay" | "retry_max_delay" | "timeout" | "deadline" => {
            text(entry, &quote!(settings), check::duration)?
        }
        "on_missed_deadline" => text(entry, &quote!(settings), check::on_missed_deadline)?,
        "trigger_rule" => text(entry, &quote!(settings), check::trigger_rule)?,
        "description" | "queue" | "pool" => text(entry, &quote!(settings), |_| Ok(()))?,
        "retries" | "max_active" | "pool_slots" | "priority" => {
            let value = entry.expression()?;
            whole_number(entry, value)?;
            quote_spanned!(value.span()=> settings.#key = Some(#value);)
        }
        "retry_backoff" | "retry_jitter" => {
            let value = entry.expression()?;
            quote_spanned!(value.span()=> settings.#key = Some((#value) as f64);)
        }
        "grant" | "grants" => group(entry, &GRANTS, "a grant", |inner| {
            let key = &inner.key;
            let values = inner.list()?;
            for value in &values {
                if let Expr::Lit(literal @ ExprLit { lit, .. }) = value
                    && !matches!(lit, Lit::Str(_))
                {
                    return Err(Error::new_spanned(
                        literal,
                        format!("`{key}` is a text in quotes, or a list of them"),
                    ));
                }
            }
            Ok(quote!(settings.grants.#key = ::std::vec![#((#values).into()),*];))
        })?,
        "outlets" => {
            let values = entry.list()?;
            let names = values
                .iter()
                .map(|name| asset(name))
                .collect::<Result<Vec<_>>>()?;
            quote!(settings.outlets = ::std::vec![#((#names).into()),*];)
        }
        "retry_on" => {
            let codes = entry.list()?;
            for code in &codes {
                literal(code, "a code", check::failure_code)?;
            }
            quote!(settings.retry_on = ::std::vec![#((#codes).into()),*];)
        }
        "limits" => group(entry, &LIMITS, "a limit", |inner| {
            let check = if inner.key == "cpu" {
                check::duration
            } else {
                check::size
            };
            text(inner, &quote!(settings.limits), check)
        })?,
        other => return Err(entry.error(&format!("`{other}` is not allowed here"))),
    })
}

/// The statements of a group.
pub(crate) fn group(
    entry: &Entry,
    known: &[&str],
    what: &str,
    each: impl Fn(&Entry) -> Result<TokenStream>,
) -> Result<TokenStream> {
    let entries = entry.group()?;
    check_keys(entries, known, what)?;
    entries.iter().map(each).collect()
}

/// Checks an element of a list where it is a literal.
pub(crate) fn literal(
    element: &Expr,
    what: &str,
    check: impl Fn(&str) -> std::result::Result<(), String>,
) -> Result<()> {
    match element {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => check(&text.value()).map_err(|error| Error::new(text.span(), error)),
        Expr::Lit(other) => Err(Error::new_spanned(
            other,
            format!("{what} is a text in quotes"),
        )),
        _ => Ok(()),
    }
}

/// A text that is checked where it is a literal.
pub(crate) fn text(
    entry: &Entry,
    into: &TokenStream,
    check: impl Fn(&str) -> std::result::Result<(), String>,
) -> Result<TokenStream> {
    if let Some((text, span)) = entry.text()? {
        check(&text).map_err(|error| Error::new(span, error))?;
    }
    let (key, value) = (&entry.key, entry.expression()?);
    Ok(quote_spanned!(value.span()=> #into.#key = Some((#value).into());))
}

/// Refuses literals that are no whole numbers, since the type's own message would speak of the expansion.
pub(crate) fn whole_number(entry: &Entry, value: &Expr) -> Result<()> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Int(_), ..
        }) => Ok(()),
        Expr::Lit(literal) => Err(Error::new_spanned(
            literal,
            format!("`{}` is a whole number", entry.key),
        )),
        _ => Ok(()),
    }
}

/// The identifier that holds the builder, which no author's name can be.
pub(crate) fn builder() -> Ident {
    Ident::new("__weft_builder", Span::mixed_site())
}
