//! The arguments that a call of a task accepts inside `#[dag]`: an edge, a
//! parameter, a value, or `each(..)` of one of them.
//!
//! The types do the checking: an argument for a parameter of type `T` is an
//! [`Argument<T>`], and the [`Mode`]s of all arguments decide whether the call
//! is one task or one per element.

use super::{Edge, Param};
use serde::Serialize;
use serde_json::Value;

/// An argument that fits a task's parameter of type `T`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` doesn't fit a parameter of type `{T}`",
    label = "the task takes `{T}` here",
    note = "an edge fits where the upstream returns what the parameter takes; `each(..)` makes one task per element of a list"
)]
pub trait Argument<T> {
    /// Whether the call becomes one task per element.
    type Mode: Mode;

    /// Where the value comes from.
    #[doc(hidden)]
    fn bind(self) -> Bound;
}

/// The source of an input.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub enum Bound {
    /// A node of the builder, and a part of its output.
    Task {
        node: usize,
        pointer: Option<String>,
    },
    /// A parameter of the run.
    Param { name: &'static str },
    /// A constant, or why it is none.
    Value(Result<Value, String>),
}

/// Whether a call is one task ([`Single`]) or one per element ([`Mapped`]).
pub trait Mode {
    /// What downstream sees of outputs of type `U`.
    type Of<U>;
    /// Mapped if any argument is.
    type Or<M: Mode>: Mode;
    /// Whether this is [`Mapped`].
    const MAPPED: bool;
}

/// One task; downstream sees its output.
#[derive(Debug)]
pub enum Single {}

/// One task per element; downstream sees the list of outputs.
#[derive(Debug)]
pub enum Mapped {}

impl Mode for Single {
    type Of<U> = U;
    type Or<M: Mode> = M;
    const MAPPED: bool = false;
}

impl Mode for Mapped {
    type Of<U> = Vec<U>;
    type Or<M: Mode> = Mapped;
    const MAPPED: bool = true;
}

/// One task for each element of a list: `count(each(&regions))`.
#[derive(Debug, Clone, Copy)]
pub struct Each<S>(S);

/// Marks an argument to be mapped over: the task is run once for each element,
/// and downstream sees the list of outputs, in order, without those of skipped
/// instances. Several in one call make every combination; the last varies fastest.
///
/// ```
/// use weft::prelude::*;
///
/// #[task]
/// fn regions() -> Vec<String> { vec!["north".into(), "south".into()] }
/// #[task]
/// fn count(region: String, year: u32) -> u64 { region.len() as u64 + u64::from(year) }
/// #[task]
/// fn total(counts: Vec<u64>) -> u64 { counts.iter().sum() }
///
/// #[dag]
/// fn census() {
///     let counts = count(each(regions()), 2026);
///     total(counts);
/// }
/// # assert_eq!(census().to_json()["tasks"]["count"]["expand"]["region"], "regions");
/// ```
pub const fn each<S>(source: S) -> Each<S> {
    Each(source)
}

impl<T, S: Argument<Vec<T>, Mode = Single>> Argument<T> for Each<S> {
    type Mode = Mapped;

    fn bind(self) -> Bound {
        self.0.bind()
    }
}

impl<T> Argument<T> for Edge<'_, T> {
    type Mode = Single;

    fn bind(self) -> Bound {
        self.bound()
    }
}

impl<T> Argument<T> for &Edge<'_, T> {
    type Mode = Single;

    fn bind(self) -> Bound {
        self.bound()
    }
}

/// An optional input accepts a value that is always present.
impl<T> Argument<Option<T>> for Edge<'_, T> {
    type Mode = Single;

    fn bind(self) -> Bound {
        self.bound()
    }
}

impl<T> Argument<Option<T>> for &Edge<'_, T> {
    type Mode = Single;

    fn bind(self) -> Bound {
        self.bound()
    }
}

impl<T> Argument<T> for Param<T> {
    type Mode = Single;

    fn bind(self) -> Bound {
        Bound::Param { name: self.name() }
    }
}

impl<T> Argument<T> for &Param<T> {
    type Mode = Single;

    fn bind(self) -> Bound {
        Bound::Param { name: self.name() }
    }
}

impl<T> Argument<Option<T>> for Param<T> {
    type Mode = Single;

    fn bind(self) -> Bound {
        Bound::Param { name: self.name() }
    }
}

impl<T: Serialize> Argument<T> for T {
    type Mode = Single;

    fn bind(self) -> Bound {
        Bound::Value(Literal::<T>::literal(self))
    }
}

impl Argument<String> for &str {
    type Mode = Single;

    fn bind(self) -> Bound {
        Bound::Value(Literal::<String>::literal(self))
    }
}

impl<T: Serialize, const N: usize> Argument<Vec<T>> for [T; N] {
    type Mode = Single;

    fn bind(self) -> Bound {
        Bound::Value(Literal::<Vec<T>>::literal(self))
    }
}

impl<const N: usize> Argument<Vec<String>> for [&str; N] {
    type Mode = Single;

    fn bind(self) -> Bound {
        Bound::Value(Literal::<Vec<String>>::literal(self))
    }
}

/// A constant for a parameter of type `T`: a `T`, or what is written for one.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no default for a parameter of type `{T}`",
    label = "the parameter is a `{T}`"
)]
pub trait Literal<T> {
    /// The constant as JSON, or why it has none.
    #[doc(hidden)]
    fn literal(self) -> Result<Value, String>;
}

fn json(value: &impl Serialize) -> Result<Value, String> {
    serde_json::to_value(value).map_err(|error| error.to_string())
}

impl<T: Serialize> Literal<T> for T {
    fn literal(self) -> Result<Value, String> {
        json(&self)
    }
}

impl Literal<String> for &str {
    fn literal(self) -> Result<Value, String> {
        Ok(Value::from(self))
    }
}

impl<T: Serialize, const N: usize> Literal<Vec<T>> for [T; N] {
    fn literal(self) -> Result<Value, String> {
        self.iter().map(json).collect()
    }
}

impl<const N: usize> Literal<Vec<String>> for [&str; N] {
    fn literal(self) -> Result<Value, String> {
        Ok(self.into_iter().map(Value::from).collect())
    }
}
