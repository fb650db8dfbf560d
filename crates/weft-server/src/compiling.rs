//! Compilations that run now: concurrent requests for the same code share one.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::OnceCell;
use weft_blob::BlobError;
use weft_core::digest::Digest;
use weft_store::StoreError;
use weft_store_sql::CompiledKey;

/// The compilations that requests wait for now.
#[derive(Debug, Default)]
pub(crate) struct Compiling(Mutex<HashMap<CompiledKey, Flight>>);

/// One compilation, and what came of it: the blob.
pub(crate) type Flight = Arc<OnceCell<Result<Digest, NoCode>>>;

impl Compiling {
    fn flights(&self) -> MutexGuard<'_, HashMap<CompiledKey, Flight>> {
        // Entries come and go whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn join(&self, key: &CompiledKey) -> Flight {
        Arc::clone(self.flights().entry(key.clone()).or_default())
    }

    pub(crate) fn leave(&self, key: &CompiledKey, flight: &Flight) {
        let mut flights = self.flights();
        if flights
            .get(key)
            .is_some_and(|current| Arc::ptr_eq(current, flight))
        {
            flights.remove(key);
        }
    }
}

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
    pub(crate) fn unavailable(error: &impl ToString) -> Self {
        Self::Unavailable(error.to_string().into())
    }

    pub(crate) fn of_blob(error: &BlobError) -> Self {
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
