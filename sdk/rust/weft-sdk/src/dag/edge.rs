//! What flows in a DAG under description: outputs of tasks ([`Edge`]) and
//! parameters of the run ([`Param`]). Neither holds a value.

use super::{Builder, argument::Bound};
use std::{fmt, marker::PhantomData};

/// The output of a task, of type `T`, as a thing to hand to other tasks.
/// Handing it over makes an edge; it may be copied freely.
pub struct Edge<'d, T> {
    pub(super) node: usize,
    /// A part of the output: an index of the builder's pointers.
    pub(super) pointer: Option<usize>,
    pub(super) builder: &'d Builder,
    pub(super) output: PhantomData<fn() -> T>,
}

impl<T> Clone for Edge<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Edge<'_, T> {}

impl<T> fmt::Debug for Edge<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Edge").field(&self.node).finish()
    }
}

impl<'d, T> Edge<'d, T> {
    /// This task starts after `upstream`, though it takes nothing from it.
    /// `upstream` is an edge, or a tuple, array or `Vec` of edges.
    #[allow(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "the order is recorded; the result only allows chaining"
    )]
    pub fn after(&self, upstream: impl Upstream) -> Self {
        let mut nodes = Vec::new();
        upstream.nodes(&mut nodes);
        for node in nodes {
            self.builder.order(node, self.node);
        }
        *self
    }

    /// `downstream` starts after this task; returns `downstream`, so that
    /// `a.before(b).before(c)` reads as a chain.
    #[allow(
        clippy::must_use_candidate,
        reason = "the order is recorded; the result only allows chaining"
    )]
    pub fn before<U>(&self, downstream: impl std::borrow::Borrow<Edge<'d, U>>) -> Edge<'d, U> {
        let downstream = *downstream.borrow();
        self.builder.order(self.node, downstream.node);
        downstream
    }

    /// Makes this task a teardown of `setups`, which it starts after: an edge, or a tuple, array or `Vec`
    /// of edges; `()` for none.
    ///
    /// It runs once everything upstream has ended if one of its setups succeeded, or it has none, also
    /// when the run is cancelled. A parameter whose task failed or was skipped is an `Option`.
    ///
    /// ```
    /// use weft::prelude::*;
    ///
    /// #[task]
    /// fn create() -> String { "cluster-7".into() }
    /// #[task]
    /// fn work(cluster: String) {}
    /// #[task]
    /// fn destroy(cluster: String) {}
    ///
    /// #[dag]
    /// fn nightly() {
    ///     let cluster = create();
    ///     let done = work(&cluster);
    ///     destroy(&cluster).teardown_of(cluster).after(done);
    /// }
    /// # let json = nightly().to_json();
    /// # assert_eq!(json["tasks"]["destroy"]["teardown_of"][0], "create");
    /// # assert_eq!(json["tasks"]["destroy"]["after"][0], "work");
    /// # assert!(json["tasks"]["work"].get("teardown_of").is_none());
    /// # assert!(json["tasks"]["destroy"].get("teardown_fails_run").is_none());
    /// ```
    #[allow(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "the teardown is recorded; the result only allows chaining"
    )]
    pub fn teardown_of(&self, setups: impl Upstream) -> Self {
        let mut nodes = Vec::new();
        setups.nodes(&mut nodes);
        self.builder.change_teardown(self.node, |teardown| {
            teardown.setups.get_or_insert_default().append(&mut nodes);
        });
        *self
    }

    /// The run fails with this teardown. Otherwise how it ends counts for nothing.
    #[allow(
        clippy::must_use_candidate,
        clippy::return_self_not_must_use,
        reason = "it is recorded; the result only allows chaining"
    )]
    pub fn teardown_fails_run(&self) -> Self {
        self.builder
            .change_teardown(self.node, |teardown| teardown.fails_run = true);
        *self
    }

    /// A part of the output, by JSON Pointer (RFC 6901), as a `U`: the compiler
    /// can't see into the output, so that the types are compared when the DAG
    /// is checked and when the part arrives.
    ///
    /// ```
    /// # use weft::prelude::*;
    /// # #[derive(Serialize, Deserialize, JsonSchema)]
    /// # struct Quake { place: String }
    /// #[task]
    /// fn strongest() -> Quake { Quake { place: "Tonga".into() } }
    /// #[task]
    /// fn announce(place: String) {}
    ///
    /// #[dag]
    /// fn quakes() {
    ///     announce(strongest().part::<String>("/place"));
    /// }
    /// # assert_eq!(quakes().to_json()["tasks"]["announce"]["inputs"]["place"]["pointer"], "/place");
    /// ```
    #[must_use]
    pub fn part<U>(&self, pointer: &str) -> Edge<'d, U> {
        let pointer = self.builder.pointer(self.pointer, pointer);
        Edge {
            node: self.node,
            pointer: Some(pointer),
            builder: self.builder,
            output: PhantomData,
        }
    }

    /// The same task from outside of the mapped group that it is in.
    pub(super) fn into_list(self) -> Edge<'d, Vec<T>> {
        if self.pointer.is_some() {
            self.builder.refuse_part(self.node);
        }
        Edge {
            node: self.node,
            pointer: None,
            builder: self.builder,
            output: PhantomData,
        }
    }

    pub(super) fn bound(self) -> Bound {
        Bound::Task {
            node: self.node,
            pointer: self.pointer.map(|at| self.builder.pointer_text(at)),
        }
    }
}

impl<'d, A, B> Edge<'d, (A, B)> {
    /// The two halves of a pair, each with its own type.
    pub fn split(&self) -> (Edge<'d, A>, Edge<'d, B>) {
        (self.part("/0"), self.part("/1"))
    }
}

impl<'d, A, B, C> Edge<'d, (A, B, C)> {
    /// The three parts of a triple, each with its own type.
    pub fn split(&self) -> (Edge<'d, A>, Edge<'d, B>, Edge<'d, C>) {
        (self.part("/0"), self.part("/1"), self.part("/2"))
    }
}

/// One or several tasks that another one starts after.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no task to start after",
    note = "an edge is, and so is a tuple, an array or a `Vec` of edges"
)]
pub trait Upstream {
    /// Their nodes, in order.
    #[doc(hidden)]
    fn nodes(&self, into: &mut Vec<usize>);
}

impl<T> Upstream for Edge<'_, T> {
    fn nodes(&self, into: &mut Vec<usize>) {
        into.push(self.node);
    }
}

impl<U: Upstream + ?Sized> Upstream for &U {
    fn nodes(&self, into: &mut Vec<usize>) {
        (**self).nodes(into);
    }
}

impl<U: Upstream> Upstream for [U] {
    fn nodes(&self, into: &mut Vec<usize>) {
        for upstream in self {
            upstream.nodes(into);
        }
    }
}

impl<U: Upstream, const N: usize> Upstream for [U; N] {
    fn nodes(&self, into: &mut Vec<usize>) {
        self.as_slice().nodes(into);
    }
}

impl<U: Upstream> Upstream for Vec<U> {
    fn nodes(&self, into: &mut Vec<usize>) {
        self.as_slice().nodes(into);
    }
}

impl Upstream for () {
    fn nodes(&self, _: &mut Vec<usize>) {}
}

macro_rules! upstream_tuple {
    ($($name:ident)+) => {
        impl<$($name: Upstream),+> Upstream for ($($name,)+) {
            #[allow(non_snake_case, reason = "a type parameter and its value share their name")]
            fn nodes(&self, into: &mut Vec<usize>) {
                let ($($name,)+) = self;
                $($name.nodes(into);)+
            }
        }
    };
}

upstream_tuple!(A B);
upstream_tuple!(A B C);
upstream_tuple!(A B C D);
upstream_tuple!(A B C D E);
upstream_tuple!(A B C D E F);

/// A parameter of the run, of type `T`: an argument of a `#[dag]` function.
///
/// Without a default it must be given to every run:
///
/// ```
/// use weft::prelude::*;
///
/// #[task]
/// fn fetch(url: String, days: u32) {}
///
/// #[dag]
/// fn quakes(
///     /// Where the data is.
///     #[param(default = "https://earthquake.example.org/day.csv")]
///     url: Param<String>,
///     days: Param<u32>,
/// ) {
///     fetch(url, days);
/// }
/// # let json = quakes().to_json();
/// # assert_eq!(json["params"]["url"]["description"], "Where the data is.");
/// # assert!(json["params"]["days"].get("default").is_none());
/// ```
pub struct Param<T> {
    name: &'static str,
    value: PhantomData<fn() -> T>,
}

impl<T> Param<T> {
    pub(super) const fn new(name: &'static str) -> Self {
        Self {
            name,
            value: PhantomData,
        }
    }

    pub(super) const fn name(&self) -> &'static str {
        self.name
    }
}

impl<T> Clone for Param<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Param<T> {}

impl<T> fmt::Debug for Param<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Param").field(&self.name).finish()
    }
}
