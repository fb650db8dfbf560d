//! The arguments that a call of a task accepts inside `#[dag]`: an edge, a
//! parameter, a value, or `each(..)` of one of them.
//!
//! The types do the checking: an argument for a parameter of type `T` is an
//! [`Argument<T>`], and the [`Mode`]s of all arguments decide whether the call
//! is one task or one per element.

use super::{Edge, Param};
use serde::Serialize;
use serde_json::Value;
use std::marker::PhantomData;

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
    /// An element of a list of a mapped group, or a part of it.
    Element {
        group: usize,
        list: usize,
        pointer: Option<String>,
    },
    /// Parts of a list's elements, or some elements.
    Elements {
        list: Box<Bound>,
        each: Option<String>,
        filter: Option<String>,
    },
}

impl Bound {
    /// The mapped group of whose lists it takes an element.
    pub(super) const fn group_of_element(&self) -> Option<usize> {
        match self {
            Self::Element { group, .. } => Some(*group),
            Self::Task { .. } | Self::Param { .. } | Self::Value(_) | Self::Elements { .. } => None,
        }
    }
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
/// instances. Several in one call make every combination; the last varies fastest. For several tasks
/// in a row for each element, see [`Element`](super::Element).
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

impl<S> Each<S> {
    pub(super) fn into_source(self) -> S {
        self.0
    }
}

impl<T, S: Argument<Vec<T>, Mode = Single>> Argument<T> for Each<S> {
    type Mode = Mapped;

    fn bind(self) -> Bound {
        self.0.bind()
    }
}

/// A list whose elements can be taken apart.
pub trait List {
    /// The type of its elements.
    type Element;

    /// Where the list comes from.
    #[doc(hidden)]
    fn bind_list(self) -> Bound;
}

macro_rules! lists {
    ($($source:ty),*) => {
        $(impl<T> List for $source {
            type Element = T;

            fn bind_list(self) -> Bound {
                Argument::<Vec<T>>::bind(self)
            }
        })*
    };
}

lists!(
    Edge<'_, Vec<T>>,
    &Edge<'_, Vec<T>>,
    Param<Vec<T>>,
    &Param<Vec<T>>
);

impl<S: List> Each<S> {
    /// A part of each element, by JSON Pointer (RFC 6901), as a `U`. The types are compared when the
    /// DAG is checked and when the part arrives. An element without that part leaves the input out:
    /// the parameter is an `Option` then.
    ///
    /// ```
    /// use weft::prelude::*;
    ///
    /// #[derive(Serialize, Deserialize, JsonSchema)]
    /// struct File { path: String, table: String, is_new: bool }
    ///
    /// #[task]
    /// fn files() -> Vec<File> { Vec::new() }
    /// #[task]
    /// fn load(path: String, table: String) {}
    ///
    /// #[dag]
    /// fn nightly() {
    ///     let files = files();
    ///     let new = each(files).filter("/is_new");
    ///     load.zip()(new.clone().part("/path"), new.part("/table"));
    /// }
    /// # let json = nightly().to_json();
    /// # let path = &json["tasks"]["load"]["expand"]["path"];
    /// # assert_eq!([&path["task"], &path["each"], &path["filter"]], ["files", "/path", "/is_new"]);
    /// ```
    #[must_use]
    pub fn part<U>(self, pointer: &str) -> Elements<U, false> {
        self.whole().part(pointer)
    }

    /// Only the elements whose part, by JSON Pointer (RFC 6901), is there and neither null nor false.
    #[must_use]
    pub fn filter(self, pointer: &str) -> Elements<S::Element, true> {
        self.whole().filter(pointer)
    }

    fn whole(self) -> Elements<S::Element, false> {
        Elements {
            list: self.0.bind_list(),
            each: None,
            filter: None,
            element: PhantomData,
        }
    }
}

/// Elements of a list to map over, of type `T`: some of them, or a part of each.
#[derive(Debug)]
pub struct Elements<T, const FILTERED: bool> {
    list: Bound,
    each: Option<String>,
    filter: Option<String>,
    element: PhantomData<fn() -> T>,
}

impl<T, const FILTERED: bool> Clone for Elements<T, FILTERED> {
    fn clone(&self) -> Self {
        Self {
            list: self.list.clone(),
            each: self.each.clone(),
            filter: self.filter.clone(),
            element: PhantomData,
        }
    }
}

impl<T, const FILTERED: bool> Elements<T, FILTERED> {
    /// A part of each, as a `U`; see [`Each::part`].
    #[must_use]
    pub fn part<U>(self, pointer: &str) -> Elements<U, FILTERED> {
        Elements {
            each: Some(self.each.unwrap_or_default() + pointer),
            list: self.list,
            filter: self.filter,
            element: PhantomData,
        }
    }
}

impl<T> Elements<T, false> {
    /// Only those whose part is there and neither null nor false; see [`Each::filter`].
    #[must_use]
    pub fn filter(self, pointer: &str) -> Elements<T, true> {
        Elements {
            filter: Some(self.each.clone().unwrap_or_default() + pointer),
            each: self.each,
            list: self.list,
            element: PhantomData,
        }
    }
}

impl<T, const FILTERED: bool> Argument<T> for Elements<T, FILTERED> {
    type Mode = Mapped;

    fn bind(self) -> Bound {
        self.bound()
    }
}

impl<T, const FILTERED: bool> Argument<Option<T>> for Elements<T, FILTERED> {
    type Mode = Mapped;

    fn bind(self) -> Bound {
        self.bound()
    }
}

impl<T, const FILTERED: bool> Elements<T, FILTERED> {
    pub(super) fn bound(self) -> Bound {
        Bound::Elements {
            list: Box::new(self.list),
            each: self.each,
            filter: self.filter,
        }
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
