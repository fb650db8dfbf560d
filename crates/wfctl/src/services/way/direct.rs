//! The direct way: a worker that is trusted with the whole installation asks the server
//! for credentials of its Redis, and takes its attempts from there.
//!
//! Whether there is this way is the server's to say, at any time: while it says no, or
//! Redis can't be reached from here, attempts come through the server. The worker asks to
//! be prolonged, and asks at once when it can't connect: its user may be gone, after a
//! failover or with everything that Redis held. Nothing of what opens the way is ever
//! shown or kept anywhere.

use super::{Refused, Way, answered, whole};
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

/// How long an answer may take.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
/// The most bytes of one: certificates.
const MOST_ANSWER_BYTES: usize = 1 << 20;
/// Before a server is asked again that did not answer, and between two questions at least.
const PAUSE: Duration = Duration::from_secs(1);
/// Before a server is asked again that has said no.
const AGAIN_AFTER: Duration = Duration::from_mins(1);

/// Which way attempts are to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// The direct one where the server offers it.
    Offered,
    /// The direct one, or none.
    Direct,
    /// Through the server.
    Server,
}

/// Finds the way, and keeps it.
pub(in crate::services) struct DirectWay {
    way: Way,
    worker: String,
    through_server: Arc<dyn WorkerBroker>,
    broker: Arc<SwitchableBroker>,
    open: Option<Open>,
    /// Why attempts come through the server, as was said last.
    why: Option<String>,
}

/// What it goes by now.
struct Open {
    shards: Arc<Shards>,
    user: String,
}

impl DirectWay {
    /// For a worker of this name. Its attempts come through the server at first.
    pub(in crate::services) fn new(way: &Way, worker: &str) -> Self {
        let through_server: Arc<dyn WorkerBroker> = Arc::new(GatewayBroker::new(way.clone()));
        Self {
            way: way.clone(),
            worker: worker.to_owned(),
            broker: Arc::new(SwitchableBroker::new(Arc::clone(&through_server))),
            through_server,
            open: None,
            why: None,
        }
    }

    /// What the worker calls, whichever way its attempts come.
    pub(in crate::services) fn broker(&self) -> Arc<SwitchableBroker> {
        Arc::clone(&self.broker)
    }

    /// Asks the server once. `Err` says why attempts come through it; that it did not answer
    /// changes nothing.
    pub(in crate::services) async fn ask(&mut self) -> Result<(), String> {
        let asked = CredentialRequest {
            worker: self.worker.clone(),
            user: self.open.as_ref().map(|open| open.user.clone()),
            shards: self
                .open
                .as_ref()
                .map(|open| open.shards.shard_numbers())
                .unwrap_or_default(),
        };
        match self.way.direct(&asked).await {
            Ok(CredentialResponse::Renewed) => Ok(()),
            Ok(CredentialResponse::Issued(pass)) => self.enter(&pass).await,
            Ok(CredentialResponse::Refused { why }) => Err(self.through_server(why)),
            Err(Refused::Told(StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED, _)) => {
                let why = "the server's version of Weft knows no other way";
                Err(self.through_server(why.to_owned()))
            }
            Err(unanswered) if self.open.is_some() => {
                tracing::debug!(%unanswered, "the server does not say whether Redis stays open to this worker");
                Ok(())
            }
            Err(unanswered) => Err(unanswered.to_string()),
        }
    }

    async fn enter(&mut self, pass: &RedisCredentials) -> Result<(), String> {
        let shards = match Shards::connect_with_credentials(pass, Options::default()).await {
            Ok(shards) => shards,
            Err(error) => {
                self.way.leave_direct(&pass.user).await;
                let why = format!("the server's Redis can't be used from here: {error}");
                return Err(self.through_server(why));
            }
        };
        tracing::info!(
            worker = pass.worker,
            redis = pass.address,
            "tasks come from the server's Redis itself: the server trusts this worker's token"
        );
        self.way.goes_as(&pass.user);
        let broker = Arc::new(shards.worker());
        self.broker
            .switch_to(broker, Some(pass.worker.as_str().into()));
        self.why = None;
        self.open = Some(Open {
            shards,
            user: pass.user.clone(),
        });
        Ok(())
    }

    /// Attempts come through the server from now on.
    fn through_server(&mut self, why: String) -> String {
        if self.why.as_ref() != Some(&why) {
            tracing::info!(why, "tasks come through the server");
        }
        if self.open.take().is_some() {
            self.broker
                .switch_to(Arc::clone(&self.through_server), None);
        }
        self.why = Some(why.clone());
        why
    }

    /// Keeps the way until the worker has ended.
    pub(in crate::services) async fn keep(mut self, ended: impl Future<Output = ()>) {
        tokio::pin!(ended);
        loop {
            let later = async {
                match (&self.open, &self.why) {
                    (Some(open), _) => {
                        tokio::select! {
                            () = sleep(CREDENTIALS_RENEW_EVERY) => {}
                            () = open.shards.connection_failed() => sleep(PAUSE).await,
                        }
                    }
                    (None, Some(_said_no)) => sleep(AGAIN_AFTER).await,
                    (None, None) => sleep(PAUSE).await,
                }
            };
            tokio::select! {
                () = later => {}
                () = &mut ended => break,
            }
            // What it says stands in the log already.
            drop(self.ask().await);
        }
        if let Some(open) = self.open {
            self.way.leave_direct(&open.user).await;
        }
    }
}

impl Way {
    async fn direct(&self, asked: &CredentialRequest) -> Result<CredentialResponse, Refused> {
        let asked = serde_json::to_vec(asked).expect("texts have a JSON form");
        let request = self
            .request(Method::POST, "direct")
            .header(header::CONTENT_TYPE, "application/json")
            .timeout(ANSWER_WITHIN)
            .body(asked);
        let answer = whole(answered(request).await?, MOST_ANSWER_BYTES).await?;
        // What is wrong with it could hold the password: it is not shown.
        serde_json::from_slice(&answer)
            .map_err(|_odd| Refused::Unanswered("the server's answer can't be read".into()))
    }

    /// Says that a user is needed no more; one that stays ends by itself.
    async fn leave_direct(&self, user: &str) {
        let request = self.request_as(user, Method::DELETE, "direct");
        if let Err(error) = answered(request.timeout(ANSWER_WITHIN)).await {
            tracing::debug!(%error, "the server was not told that this worker goes");
        }
    }
}
