//! `weft:dag/tasks`, which guests export: finds its functions once per
//! component and calls them in an instance.

use crate::state::HostState;
use wasmtime::{
    Store,
    component::{Component, ComponentExportIndex, ComponentType, Instance, InstancePre, Lift},
};

/// The interface's name without its version.
const INTERFACE: &str = "weft:dag/tasks@0.1.0";

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
    #[error("the component does not export {INTERFACE}")]
    Missing,
    /// It exports something else under that name.
    #[error("{INTERFACE} has no function {0:?}")]
    Incomplete(&'static str),
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

type RunParams<'a> = (&'a str, &'a [(String, String)]);
type RunResult = (Result<RawOutcome, RawFailure>,);

impl Tasks {
    /// Finds the functions.
    pub(crate) fn find(
        component: &Component,
        pre: InstancePre<HostState>,
    ) -> Result<Self, TasksError> {
        let interface = component
            .get_export_index(None, INTERFACE)
            .ok_or(TasksError::Missing)?;
        let function = |name| {
            component
                .get_export_index(Some(&interface), name)
                .ok_or(TasksError::Incomplete(name))
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
        inputs: &[(String, String)],
    ) -> wasmtime::Result<Result<RawOutcome, RawFailure>> {
        let instance = self.instantiate(store).await?;
        let function =
            instance.get_typed_func::<RunParams<'_>, RunResult>(&mut *store, self.run)?;
        let (result,) = function.call_async(store, (name, inputs)).await?;
        Ok(result)
    }
}
