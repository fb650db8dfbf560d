//! `weft:dag/tasks` and its async form, which guests export: finds the functions
//! once per component and calls them in an instance.
//!
//! The two forms differ in how `run` is lifted alone, which wasmtime knows of its
//! own: on an engine with component concurrency a call also drives what the guest
//! has in progress meanwhile. What that is when `run` has returned ends with the
//! attempt.

use crate::state::HostState;
use std::sync::Arc;
use wasmtime::{
    Store,
    component::{Component, ComponentExportIndex, ComponentType, Instance, InstancePre, Lift},
};

/// The interface that guests export.
pub(crate) const INTERFACE: &str = "weft:dag/tasks@0.1.0";

/// Its async form.
const ASYNC_INTERFACE: &str = "weft:async-dag/tasks@0.1.0";

/// A component's `tasks`, found.
#[derive(Clone)]
pub(crate) struct Tasks {
    pre: InstancePre<HostState>,
    describe: ComponentExportIndex,
    run: ComponentExportIndex,
}

/// Why a component's `tasks` can't be called.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum TasksError {
    /// It doesn't export the interface.
    #[error("the component does not export {0}")]
    Missing(&'static str),
    /// It exports something else under that name.
    #[error("{0} has no function {1:?}")]
    Incomplete(&'static str, &'static str),
}

/// What `run` returns when it succeeds.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift)]
#[component(variant)]
pub(crate) enum RawOutcome {
    #[component(name = "success")]
    Success(String),
    #[component(name = "control")]
    Control(String),
}

/// What `run` returns when the author's code fails.
#[derive(Debug, Clone, PartialEq, Eq, ComponentType, Lift)]
#[component(record)]
pub(crate) struct RawFailure {
    pub(crate) retryable: bool,
    pub(crate) message: String,
    pub(crate) more: Option<String>,
}

type RunParams<'a> = (&'a str, &'a [(String, Arc<str>)]);
type RunResult = (Result<RawOutcome, RawFailure>,);

impl Tasks {
    /// Finds the functions of the interface that guests export.
    pub(crate) fn find(
        component: &Component,
        pre: InstancePre<HostState>,
    ) -> Result<Self, TasksError> {
        Self::find_in(INTERFACE, component, pre)
    }

    /// Finds the functions of its async form.
    pub(crate) fn find_async(
        component: &Component,
        pre: InstancePre<HostState>,
    ) -> Result<Self, TasksError> {
        Self::find_in(ASYNC_INTERFACE, component, pre)
    }

    fn find_in(
        name: &'static str,
        component: &Component,
        pre: InstancePre<HostState>,
    ) -> Result<Self, TasksError> {
        let interface = component
            .get_export_index(None, name)
            .ok_or(TasksError::Missing(name))?;
        let function = |function| {
            component
                .get_export_index(Some(&interface), function)
                .ok_or(TasksError::Incomplete(name, function))
        };
        Ok(Self {
            describe: function("describe")?,
            run: function("run")?,
            pre,
        })
    }

    /// A fresh instance.
    pub(crate) async fn instantiate(
        &self,
        store: &mut Store<HostState>,
    ) -> wasmtime::Result<Instance> {
        self.pre.instantiate_async(store).await
    }

    /// Calls `describe`.
    pub(crate) async fn describe(
        &self,
        store: &mut Store<HostState>,
    ) -> wasmtime::Result<Result<String, String>> {
        let instance = self.instantiate(store).await?;
        let function =
            instance.get_typed_func::<(), (Result<String, String>,)>(&mut *store, self.describe)?;
        let (result,) = function.call_async(store, ()).await?;
        Ok(result)
    }

    /// Calls `run`.
    pub(crate) async fn run(
        &self,
        store: &mut Store<HostState>,
        name: &str,
        inputs: &[(String, Arc<str>)],
    ) -> wasmtime::Result<Result<RawOutcome, RawFailure>> {
        let instance = self.instantiate(store).await?;
        let function =
            instance.get_typed_func::<RunParams<'_>, RunResult>(&mut *store, self.run)?;
        let (result,) = function.call_async(store, (name, inputs)).await?;
        Ok(result)
    }
}
