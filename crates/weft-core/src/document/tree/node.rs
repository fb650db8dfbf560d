//! The values of the tree.

use serde_json::{Map, Number, Value};
use std::borrow::Cow;

/// A field of a table.
pub(crate) type Entry<'a> = (Cow<'a, str>, Node<'a>);

/// A value with its parts, in the order of the text. Exactly as large as they
/// are: a document has many small tables, and spare capacity would cost more than they do.
#[derive(Debug, Clone, PartialEq, Hash)]
pub(crate) enum Node<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    /// A date or time of TOML; JSON has none.
    Date(Box<str>),
    List(Box<[Node<'a>]>),
    Table(Box<[Entry<'a>]>),
}

impl Node<'_> {
    /// The type as messages call it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(number) if number.is_f64() => "a number",
            Self::Number(_) => "an integer",
            Self::Text(_) => "a text",
            Self::Date(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    /// The value as JSON; a date becomes its text.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.clone().into_owned()),
            Self::Date(text) => Value::String(text.clone().into()),
            Self::List(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            Self::Table(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, node)| (key.clone().into_owned(), node.to_value()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// Whether [`Self::to_value`] would give this value.
    pub(crate) fn is_value(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(this), Value::Bool(that)) => this == that,
            (Self::Number(this), Value::Number(that)) => this == that,
            (Self::Text(this), Value::String(that)) => this == that,
            (Self::Date(this), Value::String(that)) => **this == **that,
            (Self::List(this), Value::Array(that)) => {
                this.len() == that.len() && this.iter().zip(that).all(|(a, b)| a.is_value(b))
            }
            (Self::Table(this), Value::Object(that)) => {
                this.len() == that.len()
                    && this
                        .iter()
                        .all(|(key, node)| that.get(&**key).is_some_and(|v| node.is_value(v)))
            }
            (
                Self::Null
                | Self::Bool(_)
                | Self::Number(_)
                | Self::Text(_)
                | Self::Date(_)
                | Self::List(_)
                | Self::Table(_),
                _,
            ) => false,
        }
    }
}
