//! Names of workers, shared by the servers of one test.

use async_trait::async_trait;
use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};
use weft_broker::BrokerError;
use weft_gateway::WorkerNames;

/// Which token claimed which name first.
#[derive(Default)]
pub(crate) struct Names(Mutex<HashMap<String, i64>>);

impl Names {
    pub(crate) fn new() -> Arc<Self> {
        Arc::default()
    }
}

#[async_trait]
impl WorkerNames for Names {
    async fn claim_name(&self, worker: &str, token: i64) -> Result<bool, BrokerError> {
        let mut names = self.0.lock().expect("no test panics with it");
        Ok(*names.entry(worker.to_owned()).or_insert(token) == token)
    }
}
