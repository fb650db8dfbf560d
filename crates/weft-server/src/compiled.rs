//! Compiled code for the whole fleet: made once for each file and kind of
//! machine, by the compiler role, and kept among the blobs.
//!
//! A request for code that is not compiled yet waits for it; concurrent requests for
//! the same code share one compilation.

use crate::{app::App, ports::CodeError};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::OnceCell;
use weft_blob::{BlobError, Kind};
use weft_core::{digest::Digest, id::TenantId};
use weft_store::StoreError;
use weft_store_sql::CompiledKey;

/// Why there is no code.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum NoCode {
    /// It can't be made here: it is of another version of Weft, or there is no such file.
    #[error("there is no such code: {0}")]
    Unknown(Arc<str>),
    /// It was not made, this time.
    #[error("the code can't be made now: {0}")]
    Unavailable(Arc<str>),
}

impl NoCode {
    fn unavailable(error: &impl ToString) -> Self {
        Self::Unavailable(error.to_string().into())
    }

    fn of_blob(error: &BlobError) -> Self {
        match error {
            BlobError::Missing { .. } => Self::Unknown(error.to_string().into()),
            other => Self::unavailable(other),
        }
    }
}

impl From<StoreError> for NoCode {
    fn from(error: StoreError) -> Self {
        Self::unavailable(&error)
    }
}

/// What is being compiled for somebody right now.
#[derive(Debug, Default)]
pub(crate) struct Compiling(Mutex<HashMap<CompiledKey, Flight>>);

/// One compilation, and what came of it: the blob.
type Flight = Arc<OnceCell<Result<Digest, NoCode>>>;

impl Compiling {
    fn flights(&self) -> MutexGuard<'_, HashMap<CompiledKey, Flight>> {
        // Entries come and go whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn join(&self, key: &CompiledKey) -> Flight {
        Arc::clone(self.flights().entry(key.clone()).or_default())
    }

    fn leave(&self, key: &CompiledKey, flight: &Flight) {
        let mut flights = self.flights();
        if flights
            .get(key)
            .is_some_and(|current| Arc::ptr_eq(current, flight))
        {
            flights.remove(key);
        }
    }
}

/// The blob with the code of a tenant's component; `name` is the sandbox's word for what it is for.
pub(crate) async fn code(
    app: &App,
    tenant: &TenantId,
    component: Digest,
    name: &str,
) -> Result<Digest, NoCode> {
    let key = CompiledKey {
        tenant: tenant.clone(),
        component,
        name: name.into(),
        signer: app.compiler().signer(),
    };
    if let Some(digest) = app.database().find_compiled(&key).await? {
        let found = app.blobs().exists(Kind::Compiled, tenant, &digest).await;
        // The row may have outlived its blob: a backup holds no code.
        if found.map_err(|error| NoCode::of_blob(&error))? {
            return Ok(digest);
        }
    }
    let flight = app.compiling().join(&key);
    let made = flight.get_or_init(|| make(app, &key)).await.clone();
    app.compiling().leave(&key, &flight);
    made
}

async fn make(app: &App, key: &CompiledKey) -> Result<Digest, NoCode> {
    let CompiledKey {
        tenant, component, ..
    } = key;
    let file = app
        .blobs()
        .get(Kind::Component, tenant, component)
        .await
        .map_err(|error| NoCode::of_blob(&error))?;
    // As many at once as deploys are compiled, together with them.
    let _turn = app
        .deploys()
        .acquire()
        .await
        .map_err(|error| NoCode::unavailable(&error))?;
    let code = app
        .compiler()
        .code(file, *component, &key.name)
        .await
        .map_err(|error| match error {
            CodeError::Unknown(why) => NoCode::Unknown(why.into()),
            CodeError::Unavailable(why) => NoCode::unavailable(&why),
        })?;
    let digest = app
        .blobs()
        .put(Kind::Compiled, tenant, code)
        .await
        .map_err(|error| NoCode::of_blob(&error))?;
    app.database().put_compiled(key, &digest).await?;
    Ok(digest)
}

/// Has what a deploy compiled at hand for the fleet, without anybody waiting for it.
pub(crate) fn offer(app: &App, tenant: &TenantId, files: Vec<(Digest, String)>) {
    let (app, tenant) = (app.clone(), tenant.clone());
    tokio::spawn(async move {
        for (component, name) in files {
            if let Err(error) = code(&app, &tenant, component, &name).await {
                tracing::warn!(%tenant, %component, %error, "compiling a component ahead failed; workers compile it themselves");
            }
        }
    });
}
