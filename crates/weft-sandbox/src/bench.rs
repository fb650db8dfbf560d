//! Measures one instance, made under every limit and dropped without a call.

use crate::{
    CancelSignal, ConnectionScope, EventSink, Guest, NoArtifacts, NoVariables, Sandbox, Services,
    attempt::{Setup, store},
    guest::Callable,
};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use weft_core::limit::Limits;

/// How long an instance of a component with tasks takes, in a store that is there.
///
/// # Panics
/// The guest is no such component, or can't be instantiated.
pub async fn instantiate(sandbox: &Sandbox, guest: &Guest) -> Duration {
    let shared = sandbox.shared();
    let Callable::Tasks(tasks) = &guest.0.home.callable else {
        panic!("only components with tasks are measured");
    };
    let runtime = shared
        .runtime(guest.kind().profile())
        .expect("the engine was there when the guest was loaded");
    let setup = Setup {
        attempt: Arc::from("{}"),
        resumed: None,
        cancel: CancelSignal::new(),
        granted: Arc::default(),
        limits: Limits::DEFAULT,
        services: Services {
            events: EventSink::discard(),
            artifacts: Arc::new(NoArtifacts),
            variables: Arc::new(NoVariables),
        },
        inputs: Vec::new(),
        scratch_root: None,
        connection_scope: ConnectionScope::of_task("", "", ""),
        determinism: None,
    };
    let _slot = runtime
        .pool
        .take(guest.0.home.slots)
        .await
        .expect("a slot is free");
    let _running = shared.ticker.running();
    let mut store = store(shared, &runtime, setup).expect("a store can be made");
    let begin = Instant::now();
    tasks
        .instantiate(&mut store)
        .await
        .expect("the guest can be instantiated");
    begin.elapsed()
}
