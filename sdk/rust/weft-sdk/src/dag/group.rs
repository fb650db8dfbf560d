//! Mapped groups: some tasks that are run for each element of a list, together.

use super::{
    Builder, Edge,
    argument::{Argument, Bound, Each, Elements, List, Single},
};
use std::{fmt, marker::PhantomData, panic::Location};

/// An element of a list that a group is mapped over, as a thing to hand to the tasks of that group.
///
/// `map_group(name, lists, body)` in a `#[dag]` runs the tasks that `body` calls once for each element, together:
/// for an element, a task starts as soon as the tasks of the group that it needs have ended for that element.
/// What `body` returns is outside of the group the list of the outputs. `zip_group` takes the elements at
/// the same position of several lists instead of each combination.
///
/// ```
/// use weft::prelude::*;
///
/// #[task]
/// fn files() -> Vec<String> { Vec::new() }
/// #[task]
/// fn fetch(path: String) -> Vec<u64> { Vec::new() }
/// #[task]
/// fn store(rows: Vec<u64>, day: u32) -> u64 { rows.len() as u64 }
/// #[task]
/// fn report(stored: Vec<u64>) {}
///
/// #[dag]
/// fn nightly(day: Param<u32>) {
///     let stored = map_group("load", each(files()), |file| {
///         let rows = fetch(file);
///         store(rows, day)
///     });
///     report(stored);
/// }
/// # let json = nightly().to_json();
/// # assert_eq!(json["groups"]["load"]["expand"]["file"], "files");
/// # assert_eq!(json["tasks"]["load.fetch"]["inputs"]["path"]["element"], "file");
/// # assert_eq!(json["tasks"]["load.store"]["inputs"]["rows"], "load.fetch");
/// # assert_eq!(json["tasks"]["report"]["inputs"]["stored"], "load.store");
/// ```
pub struct Element<'d, T> {
    group: usize,
    list: usize,
    pointer: Option<usize>,
    builder: &'d Builder,
    value: PhantomData<fn() -> T>,
}

impl<T> Clone for Element<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Element<'_, T> {}

impl<T> fmt::Debug for Element<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Element").field(&self.list).finish()
    }
}

impl<'d, T> Element<'d, T> {
    /// A part of the element, by JSON Pointer (RFC 6901), as a `U`; see [`Edge::part`]. An element without
    /// that part leaves the input out: the parameter is an `Option` then.
    #[must_use]
    pub fn part<U>(&self, pointer: &str) -> Element<'d, U> {
        Element {
            group: self.group,
            list: self.list,
            pointer: Some(self.builder.pointer(self.pointer, pointer)),
            builder: self.builder,
            value: PhantomData,
        }
    }

    fn bound(self) -> Bound {
        Bound::Element {
            group: self.group,
            list: self.list,
            pointer: self.pointer.map(|at| self.builder.pointer_text(at)),
        }
    }
}

impl<T> Argument<T> for Element<'_, T> {
    type Mode = Single;

    fn bind(self) -> Bound {
        self.bound()
    }
}

impl<T> Argument<T> for &Element<'_, T> {
    type Mode = Single;

    fn bind(self) -> Bound {
        self.bound()
    }
}

impl<T> Argument<Option<T>> for Element<'_, T> {
    type Mode = Single;

    fn bind(self) -> Bound {
        self.bound()
    }
}

/// One list that a group is mapped over: `each(..)` of it, or [`Elements`].
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no list that a group can be mapped over",
    note = "`each(..)` of an edge or parameter that is a list is one"
)]
pub trait GroupList {
    /// The type of its elements.
    type Element;

    #[doc(hidden)]
    fn bind_group(self) -> Bound;
}

impl<S: List> GroupList for Each<S> {
    type Element = S::Element;

    fn bind_group(self) -> Bound {
        self.into_source().bind_list()
    }
}

impl<T, const FILTERED: bool> GroupList for Elements<T, FILTERED> {
    type Element = T;

    fn bind_group(self) -> Bound {
        self.bound()
    }
}

/// What a group is mapped over: a list, or a tuple of them.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is nothing that a group can be mapped over",
    note = "`each(..)` of an edge or parameter that is a list is, and so is a tuple of such lists"
)]
pub trait GroupLists<'d> {
    /// What the body gets.
    type Elements;

    #[doc(hidden)]
    fn bind_all(self) -> Vec<Bound>;

    #[doc(hidden)]
    fn elements(builder: &'d Builder, group: usize) -> Self::Elements;
}

fn element<T>(builder: &Builder, group: usize, list: usize) -> Element<'_, T> {
    Element {
        group,
        list,
        pointer: None,
        builder,
        value: PhantomData,
    }
}

impl<'d, S: List> GroupLists<'d> for Each<S> {
    type Elements = Element<'d, S::Element>;

    fn bind_all(self) -> Vec<Bound> {
        vec![self.bind_group()]
    }

    fn elements(builder: &'d Builder, group: usize) -> Self::Elements {
        element(builder, group, 0)
    }
}

impl<'d, T, const FILTERED: bool> GroupLists<'d> for Elements<T, FILTERED> {
    type Elements = Element<'d, T>;

    fn bind_all(self) -> Vec<Bound> {
        vec![self.bind_group()]
    }

    fn elements(builder: &'d Builder, group: usize) -> Self::Elements {
        element(builder, group, 0)
    }
}

macro_rules! group_lists {
    ($($name:ident $at:literal)+) => {
        impl<'d, $($name: GroupList),+> GroupLists<'d> for ($($name,)+) {
            type Elements = ($(Element<'d, $name::Element>,)+);

            #[allow(non_snake_case, reason = "a type parameter and its value share their name")]
            fn bind_all(self) -> Vec<Bound> {
                let ($($name,)+) = self;
                vec![$($name.bind_group()),+]
            }

            fn elements(builder: &'d Builder, group: usize) -> Self::Elements {
                ($(element(builder, group, $at),)+)
            }
        }
    };
}

group_lists!(A 0 B 1);
group_lists!(A 0 B 1 C 2);
group_lists!(A 0 B 1 C 2 D 3);

/// What the body of a mapped group returns: an edge, a tuple of edges, or nothing.
#[diagnostic::on_unimplemented(
    message = "the body of a mapped group can't return `{Self}`",
    note = "it returns the edge of one of its tasks, a tuple of such edges, or nothing"
)]
pub trait GroupOutput {
    /// What it is outside of the group: of an edge, the list of outputs.
    type Outside;

    #[doc(hidden)]
    fn outside(self) -> Self::Outside;
}

impl<'d, U> GroupOutput for Edge<'d, U> {
    type Outside = Edge<'d, Vec<U>>;

    fn outside(self) -> Self::Outside {
        self.into_list()
    }
}

impl GroupOutput for () {
    type Outside = ();

    fn outside(self) {}
}

macro_rules! group_outputs {
    ($($name:ident)+) => {
        impl<$($name: GroupOutput),+> GroupOutput for ($($name,)+) {
            type Outside = ($($name::Outside,)+);

            #[allow(non_snake_case, reason = "a type parameter and its value share their name")]
            fn outside(self) -> Self::Outside {
                let ($($name,)+) = self;
                ($($name.outside(),)+)
            }
        }
    };
}

group_outputs!(A B);
group_outputs!(A B C);
group_outputs!(A B C D);

/// What `map_group` and `zip_group` become in a `#[dag]`; `names` are those of the body's parameters.
#[doc(hidden)]
#[track_caller]
pub fn map_group<'d, L: GroupLists<'d>, R: GroupOutput>(
    (builder, zip): (&'d Builder, bool),
    names: &[&str],
    name: impl Into<String>,
    lists: L,
    body: impl FnOnce(L::Elements) -> R,
) -> R::Outside {
    let location = Location::caller();
    let group = builder.begin_group(name.into(), (lists.bind_all(), names), zip, location);
    let returned = body(L::elements(builder, group));
    builder.end_group();
    returned.outside()
}
