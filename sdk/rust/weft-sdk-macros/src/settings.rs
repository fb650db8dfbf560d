//! Reads the arguments of an attribute: `key = value`, `key`,
//! and `group(key = value, ..)`, each key known and once.

use proc_macro2::Span;
use syn::{
    Error, Expr, ExprLit, Ident, Lit, Result, Token,
    ext::IdentExt as _,
    parenthesized,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

/// One entry of an attribute.
pub(crate) struct Entry {
    pub(crate) key: Ident,
    pub(crate) value: Value,
}

/// The value of a key.
pub(crate) enum Value {
    /// Nothing: `branch`.
    Flag,
    /// `= expression`.
    Is(Expr),
    /// `(entries)`.
    Group(Vec<Entry>),
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let key = input.call(Ident::parse_any)?;
        let value = if input.peek(Token![=]) {
            input.parse::<Token![=]>()?;
            Value::Is(input.parse()?)
        } else if input.peek(syn::token::Paren) {
            let content;
            parenthesized!(content in input);
            Value::Group(content.parse::<Entries>()?.0)
        } else {
            Value::Flag
        };
        Ok(Self { key, value })
    }
}

/// Entries with commas between them.
pub(crate) struct Entries(pub(crate) Vec<Entry>);

impl Parse for Entries {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        Ok(Self(
            Punctuated::<Entry, Token![,]>::parse_terminated(input)?
                .into_iter()
                .collect(),
        ))
    }
}

/// Refuses keys that aren't known, naming the nearest, and duplicate keys.
pub(crate) fn check_keys(entries: &[Entry], known: &[&str], what: &str) -> Result<()> {
    for (at, entry) in entries.iter().enumerate() {
        let name = entry.key.unraw().to_string();
        if !known.contains(&name.as_str()) {
            return Err(Error::new(entry.key.span(), unknown(&name, known, what)));
        }
        if entries[..at].iter().any(|earlier| earlier.key == entry.key) {
            return Err(Error::new(
                entry.key.span(),
                format!("`{name}` is given twice"),
            ));
        }
    }
    Ok(())
}

/// Names the closest known name.
fn unknown(name: &str, known: &[&str], what: &str) -> String {
    const NEAR: f64 = 0.75;
    let near = known
        .iter()
        .map(|known| (strsim::jaro_winkler(name, known), known))
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match near {
        Some((likeness, near)) if likeness >= NEAR => {
            format!("{what} has no setting `{name}`; did you mean `{near}`?")
        }
        _ => format!(
            "{what} has no setting `{name}`; it has {}",
            known.join(", ")
        ),
    }
}

impl Entry {
    /// The expression behind `=`.
    pub(crate) fn expression(&self) -> Result<&Expr> {
        match &self.value {
            Value::Is(expression) => Ok(expression),
            Value::Flag => Err(self.error(&format!("`{0}` needs a value: `{0} = ..`", self.key))),
            Value::Group(_) => {
                Err(self.error(&format!("`{0}` has one value: `{0} = ..`", self.key)))
            }
        }
    }

    /// The text behind `=`, if it is a literal; an error if it is a literal of another kind.
    pub(crate) fn text(&self) -> Result<Option<(String, Span)>> {
        match self.expression()? {
            Expr::Lit(ExprLit {
                lit: Lit::Str(text),
                ..
            }) => Ok(Some((text.value(), text.span()))),
            Expr::Lit(literal) => Err(Error::new_spanned(
                literal,
                format!("`{}` is a text in quotes", self.key),
            )),
            _ => Ok(None),
        }
    }

    /// `key`, `key = true` or `key = false`.
    pub(crate) fn flag(&self) -> Result<bool> {
        match &self.value {
            Value::Flag => Ok(true),
            Value::Is(Expr::Lit(ExprLit {
                lit: Lit::Bool(value),
                ..
            })) => Ok(value.value),
            Value::Is(_) | Value::Group(_) => {
                Err(self.error(&format!("`{0}` takes no value, or true or false", self.key)))
            }
        }
    }

    /// The entries in parentheses.
    pub(crate) fn group(&self) -> Result<&[Entry]> {
        match &self.value {
            Value::Group(entries) => Ok(entries),
            Value::Flag | Value::Is(_) => Err(self.error(&format!(
                "`{0}` has settings of its own: `{0}(.. = ..)`",
                self.key
            ))),
        }
    }

    /// One expression or the elements of an array.
    pub(crate) fn list(&self) -> Result<Vec<&Expr>> {
        match self.expression()? {
            Expr::Array(array) => Ok(array.elems.iter().collect()),
            one => Ok(vec![one]),
        }
    }

    /// An error at the key.
    pub(crate) fn error(&self, message: &str) -> Error {
        Error::new(self.key.span(), message)
    }
}

/// The doc comment of an item or an argument, its lines trimmed.
pub(crate) fn doc_comment(attributes: &[syn::Attribute]) -> Option<String> {
    let lines: Vec<String> = attributes
        .iter()
        .filter(|attribute| attribute.path().is_ident("doc"))
        .filter_map(
            |attribute| match &attribute.meta.require_name_value().ok()?.value {
                Expr::Lit(ExprLit {
                    lit: Lit::Str(text),
                    ..
                }) => Some(text.value().trim().to_owned()),
                _ => None,
            },
        )
        .collect();
    let text = lines.join("\n").trim().to_owned();
    (!text.is_empty()).then_some(text)
}
