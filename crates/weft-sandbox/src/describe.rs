//! Calls a component's `describe`: nothing granted, tight limits, no receiver of events.

use crate::{
    AttemptFailure, CancelSignal, ConnectionScope, DescribeError, EventSink, FailureKind, Guest,
    NoArtifacts, NoVariables, SandboxOptions, Services,
    attempt::{Setup, store},
    failure,
    guest::Callable,
    meter::Metered,
    shared::Shared,
};
use std::{pin::pin, sync::Arc, time::Duration};
use weft_core::limit::Limits;

/// A longer message of an author is cut.
const MAX_MESSAGE_BYTES: usize = 16 << 10;

/// See [`crate::Sandbox::describe`].
pub(crate) async fn describe(shared: &Arc<Shared>, guest: &Guest) -> Result<String, DescribeError> {
    let host = |reason: String| DescribeError::Host { reason };
    let prepared = &guest.0.home;
    let Callable::Tasks(tasks) = &prepared.callable else {
        return Err(DescribeError::NotTasks);
    };
    let runtime = shared
        .runtime(guest.kind().profile())
        .map_err(|error| host(error.to_string()))?;
    let _slot = runtime
        .pool
        .take(prepared.slots)
        .await
        .map_err(|error| host(error.to_string()))?;
    let _running = shared.ticker.running();
    let options = &shared.options;
    let limit = options.describe_timeout;
    let limits = limits(options);
    let mut store =
        store(shared, &runtime, setup(limits)).map_err(|error| host(format!("{error:#}")))?;
    let meter = Arc::clone(&store.data().meter);
    let ended = {
        let call = pin!(tasks.describe(&mut store));
        tokio::time::timeout(limit, Metered::new(&meter, call)).await
    };
    let error = match ended {
        Err(_elapsed) => return Err(DescribeError::Timeout { limit }),
        Ok(Err(panic)) => return Err(host(panic.to_string())),
        Ok(Ok(Ok(Ok(document)))) if document.len() as u64 <= options.describe_bytes => {
            return Ok(document);
        }
        Ok(Ok(Ok(Ok(_larger)))) => {
            return Err(DescribeError::TooLarge {
                limit_bytes: options.describe_bytes,
            });
        }
        Ok(Ok(Ok(Err(mut message)))) => {
            failure::cut(&mut message, MAX_MESSAGE_BYTES);
            return Err(DescribeError::Author { message });
        }
        Ok(Ok(Err(error))) => error,
    };
    let failure = failure::read(&error, store.data(), &limits);
    Err(describe_error(failure, &limits, limit))
}

fn limits(options: &SandboxOptions) -> Limits {
    let millis = u64::try_from(options.describe_timeout.as_millis()).unwrap_or(u64::MAX);
    Limits {
        memory_bytes: options.describe_memory_bytes.min(options.max_memory_bytes),
        cpu_ms: millis,
        timeout_ms: millis,
        output_bytes: options.describe_bytes,
        // One call may carry the whole document and not much more.
        host_memory_bytes: 0,
        ..Limits::DEFAULT
    }
}

/// An attempt that was granted nothing.
fn setup(limits: Limits) -> Setup {
    Setup {
        attempt: Arc::from("{}"),
        resumed: None,
        cancel: CancelSignal::new(),
        granted: Arc::default(),
        limits,
        services: Services {
            events: EventSink::discard(),
            artifacts: Arc::new(NoArtifacts),
            variables: Arc::new(NoVariables),
        },
        inputs: Vec::new(),
        scratch_root: None,
        connection_scope: ConnectionScope::of_task("", "", ""),
        determinism: None,
    }
}

fn describe_error(failure: AttemptFailure, limits: &Limits, limit: Duration) -> DescribeError {
    match failure.kind {
        FailureKind::Timeout | FailureKind::CpuLimit => DescribeError::Timeout { limit },
        FailureKind::MemoryLimit => DescribeError::Memory {
            limit_bytes: limits.memory_bytes,
        },
        FailureKind::OutputLimit => DescribeError::TooLarge {
            limit_bytes: limits.output_bytes,
        },
        FailureKind::Internal => DescribeError::Host {
            reason: failure.message,
        },
        _guests_fault => DescribeError::Trap {
            reason: failure.message,
            backtrace: failure.backtrace,
        },
    }
}
