//! The direct connection: a worker that is trusted with the whole installation gets
//! credentials of its Redis from the server, and takes its attempts from there.
//!
//! The server decides at any time whether a worker may connect directly. While it
//! refuses, or Redis can't be reached from here, attempts come through the gateway. The
//! worker renews its credentials regularly, and at once when it can't connect: its Redis
//! user may be gone, after a failover or with everything that Redis held. Credentials are
//! never logged or stored.

use super::{CallError, GatewayClient, read_body, send};
use reqwest::{Method, StatusCode, header};
use std::{sync::Arc, time::Duration};
use tokio::time::sleep;
use weft_broker::{
    SwitchableBroker, WorkerBroker,
    direct_worker::{
        CREDENTIALS_RENEW_EVERY, CredentialRequest, CredentialResponse, RedisCredentials,
    },
};
use weft_broker_redis::{Options, Shards};
use weft_gateway::GatewayBroker;

/// How long a request for credentials may take.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// The most bytes of an answer, which holds certificates.
const MAX_ANSWER_BYTES: usize = 1 << 20;
/// Between two requests at least, and before the next one to a server that did not answer.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Before the next request to a server that refused.
const REFUSED_PAUSE: Duration = Duration::from_mins(1);

/// How a worker connects to its broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionMode {
    /// Directly if the server allows it, else through the gateway.
    Auto,
    /// Directly, or not at all.
    Direct,
    /// Through the gateway.
    Gateway,
}

/// A worker's connection, which switches between Redis and the gateway.
pub(crate) struct DirectConnection {
    client: GatewayClient,
    worker: String,
    gateway: Arc<dyn WorkerBroker>,
    broker: Arc<SwitchableBroker>,
    open: Option<OpenConnection>,
    /// Why attempts come through the gateway, as it was logged last.
    gateway_reason: Option<String>,
}

/// An open direct connection.
struct OpenConnection {
    shards: Arc<Shards>,
    user: String,
}

impl DirectConnection {
    /// For a worker of this name. Its attempts come through the gateway at first.
    pub(crate) fn new(client: &GatewayClient, worker: &str) -> Self {
        let gateway: Arc<dyn WorkerBroker> = Arc::new(GatewayBroker::new(client.clone()));
        Self {
            client: client.clone(),
            worker: worker.to_owned(),
            broker: Arc::new(SwitchableBroker::new(Arc::clone(&gateway))),
            gateway,
            open: None,
            gateway_reason: None,
        }
    }

    /// The broker that the worker calls, whichever connection is in use.
    pub(crate) fn broker(&self) -> Arc<SwitchableBroker> {
        Arc::clone(&self.broker)
    }

    /// Requests credentials once, and connects with them. `Err` says why attempts come through
    /// the gateway. No answer leaves an open connection as it is.
    pub(crate) async fn request(&mut self) -> Result<(), String> {
        let request = CredentialRequest {
            worker: self.worker.clone(),
            user: self.open.as_ref().map(|open| open.user.clone()),
            shards: self
                .open
                .as_ref()
                .map(|open| open.shards.shard_numbers())
                .unwrap_or_default(),
        };
        match self.client.request_credentials(&request).await {
            Ok(CredentialResponse::Renewed) => Ok(()),
            Ok(CredentialResponse::Issued(credentials)) => self.connect(&credentials).await,
            Ok(CredentialResponse::Refused { why }) => Err(self.use_gateway(why)),
            Err(CallError::Status(StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, _)) => {
                let why = "the server's version of Weft has no direct connections";
                Err(self.use_gateway(why.to_owned()))
            }
            Err(error) if self.open.is_some() => {
                tracing::debug!(%error, operation = "renew credentials", "gateway call failed; the direct connection stays until the credentials expire");
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    async fn connect(&mut self, credentials: &RedisCredentials) -> Result<(), String> {
        let shards = match Shards::connect_with_credentials(credentials, Options::default()).await {
            Ok(shards) => shards,
            Err(error) => {
                self.client.return_credentials(&credentials.user).await;
                let why = format!("the server's Redis can't be used from here: {error}");
                return Err(self.use_gateway(why));
            }
        };
        tracing::info!(
            worker = credentials.worker,
            redis = credentials.address,
            operation = "connect directly",
            "connected to the server's Redis directly"
        );
        self.client.use_session(&credentials.user);
        let broker = Arc::new(shards.worker());
        self.broker
            .switch_to(broker, Some(credentials.worker.as_str().into()));
        self.gateway_reason = None;
        self.open = Some(OpenConnection {
            shards,
            user: credentials.user.clone(),
        });
        Ok(())
    }

    /// Switches to the gateway, and returns the reason.
    fn use_gateway(&mut self, why: String) -> String {
        if self.gateway_reason.as_ref() != Some(&why) {
            tracing::info!(
                why,
                operation = "connect directly",
                "attempts come through the server's gateway"
            );
        }
        if self.open.take().is_some() {
            self.broker.switch_to(Arc::clone(&self.gateway), None);
        }
        self.gateway_reason = Some(why.clone());
        why
    }

    /// Renews the credentials until the worker has ended, then returns them.
    pub(crate) async fn renew(mut self, ended: impl Future<Output = ()>) {
        tokio::pin!(ended);
        loop {
            let due = async {
                match (&self.open, &self.gateway_reason) {
                    (Some(open), _) => {
                        tokio::select! {
                            () = sleep(CREDENTIALS_RENEW_EVERY) => {}
                            () = open.shards.connection_failed() => sleep(RETRY_PAUSE).await,
                        }
                    }
                    (None, Some(_refused)) => sleep(REFUSED_PAUSE).await,
                    (None, None) => sleep(RETRY_PAUSE).await,
                }
            };
            tokio::select! {
                () = due => {}
                () = &mut ended => break,
            }
            // The reason was logged where it was found.
            drop(self.request().await);
        }
        if let Some(open) = self.open {
            self.client.return_credentials(&open.user).await;
        }
    }
}

impl GatewayClient {
    async fn request_credentials(
        &self,
        request: &CredentialRequest,
    ) -> Result<CredentialResponse, CallError> {
        let request = serde_json::to_vec(request).expect("texts have a JSON form");
        let request = self
            .request(Method::POST, "direct")
            .header(header::CONTENT_TYPE, "application/json")
            .timeout(REQUEST_TIMEOUT)
            .body(request);
        let answer = read_body(send(request).await?, MAX_ANSWER_BYTES).await?;
        // The parser's error could quote the password, so it is not shown.
        serde_json::from_slice(&answer)
            .map_err(|_error| CallError::Unreachable("the server's answer can't be read".into()))
    }

    /// Returns credentials that are no longer needed; those that aren't returned expire.
    async fn return_credentials(&self, user: &str) {
        let request = self.request_as(user, Method::DELETE, "direct");
        if let Err(error) = send(request.timeout(REQUEST_TIMEOUT)).await {
            tracing::debug!(%error, operation = "return credentials", "gateway call failed; they expire by themselves");
        }
    }
}
