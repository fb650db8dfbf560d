//! The DAGs of this component. Each `#[dag]` places one entry in the list when
//! the component is initialised, through the same table of constructors that C
//! programs use; nothing is allocated and nothing else happens before a call.

use crate::{
    dag::{self, Builder, Dag, DagDef, DagSettings},
    task::Run,
};
use std::{
    ptr,
    sync::atomic::{AtomicPtr, Ordering},
};

/// A `#[dag]` of this component; lives in a static of the author's crate.
#[doc(hidden)]
#[derive(Debug)]
pub struct Entry {
    settings: fn() -> DagSettings,
    define: fn(&Builder),
    find: fn(&str) -> Option<Run>,
    /// Null in the last entry and in one that isn't listed yet.
    next: AtomicPtr<Entry>,
}

impl Entry {
    /// The entry of a `#[dag]`.
    #[doc(hidden)]
    pub const fn new<D: DagDef>() -> Self {
        Self {
            settings: D::settings,
            define: D::define,
            find: D::find,
            next: AtomicPtr::new(ptr::null_mut()),
        }
    }

    /// Lists the entry; a second time changes nothing.
    #[doc(hidden)]
    pub fn register(&'static self) {
        if all().any(|entry| ptr::eq(entry, self)) {
            return;
        }
        self.next
            .store(FIRST.load(Ordering::Relaxed), Ordering::Relaxed);
        FIRST.store(ptr::from_ref(self).cast_mut(), Ordering::Relaxed);
    }
}

/// The head of the list. Only `register` writes it, before anything reads it.
static FIRST: AtomicPtr<Entry> = AtomicPtr::new(ptr::null_mut());

fn all() -> impl Iterator<Item = &'static Entry> {
    #[allow(
        unsafe_code,
        reason = "the list is made of pointers, so that it needs no allocation before the first call"
    )]
    // SAFETY: only `register` stores into the list, and only references to
    // statics, which live for ever and are never changed but for `next`.
    let entry = |pointer: *mut Entry| unsafe { pointer.cast_const().as_ref::<'static>() };
    std::iter::successors(entry(FIRST.load(Ordering::Relaxed)), move |at| {
        entry(at.next.load(Ordering::Relaxed))
    })
}

/// The document of all DAGs.
#[cfg_attr(
    not(target_family = "wasm"),
    allow(dead_code, reason = "only a host asks")
)]
pub(crate) fn describe() -> Result<String, String> {
    let dags: Vec<Dag> = all()
        .map(|entry| Dag::from_parts(entry.settings, entry.define))
        .collect::<Result<_, _>>()?;
    if dags.is_empty() {
        return Err("this component has no DAG: put #[dag] before a function".into());
    }
    dag::describe(dags)
}

/// The task of this name.
#[cfg_attr(
    not(target_family = "wasm"),
    allow(dead_code, reason = "only a host asks")
)]
pub(crate) fn find(task: &str) -> Option<Run> {
    all().find_map(|entry| (entry.find)(task))
}
