//! The server of a process, and what goes with it: the first token, the file that
//! says where it listens, maintenance.

use crate::{
    data_folder::DataFolder,
    maintenance::{Maintenance, Retention},
    notifications::Notifications,
    service::{Service, ended_early, log_end, unavailable},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval_at},
};
use weft_api::problem::Problem;
use weft_broker::direct_worker::DirectWorkerBroker;
use weft_client::{LocalServer, transport};
use weft_notify::Sender;
use weft_server::{
    BasePath, Deps, Listener, Server, ServerOptions, TraceUrl, create_first_token, write_token_file,
};

/// How often the credentials of direct workers are checked for expiry.
const EXPIRY_INTERVAL: Duration = Duration::from_secs(5);

/// What the operator sets of a server.
pub(super) struct ServerSettings {
    /// The path that browsers reach it under.
    pub(super) base_path: BasePath,
    /// Where a tracing system shows a trace.
    pub(super) trace_url: Option<TraceUrl>,
    /// How long running requests may take at the end.
    pub(super) drain: Duration,
    /// What maintenance keeps.
    pub(super) retention: Retention,
}

/// A running server.
pub(super) struct ServerRuntime {
    server: Service<()>,
    maintenance: JoinHandle<()>,
    direct_workers: JoinHandle<()>,
    notifications: JoinHandle<()>,
    folder: DataFolder,
}

impl ServerRuntime {
    /// Serves from now on.
    ///
    /// # Errors
    /// The first token can't be made or written.
    pub(super) async fn open(
        listener: Listener,
        folder: &DataFolder,
        deps: Deps,
        settings: ServerSettings,
    ) -> Result<Self, Problem> {
        let ServerSettings {
            base_path,
            trace_url,
            drain,
            retention,
        } = settings;
        let url = listener.url();
        let token = create_first_token(&deps.database)
            .await
            .map_err(|error| unavailable("the first token can't be made", &error))?;
        if let Some(token) = token {
            write_token_file(&folder.token(), &token)
                .map_err(|error| unavailable("the first token can't be written down", &error))?;
        }
        let local = listener.local_url();
        std::fs::write(folder.url(), format!("{local}\n"))
            .map_err(|error| unavailable("the server's address can't be written down", &error))?;
        let recorded = LocalServer::record(folder.path()).is_ok();
        let token_use = if recorded {
            "wfctl of this user finds it by itself".to_owned()
        } else {
            format!("use it with wfctl --url {local} --token-file FILE")
        };
        print_greeting(&url, &base_path, folder, &token_use);
        let mut options = ServerOptions {
            base_path,
            trace_url,
            drain,
            ..ServerOptions::default()
        };
        options.temporary = folder.scratch();
        let maintenance = Maintenance {
            folder: folder.clone(),
            database: deps.database.clone(),
            blobs: deps.blobs.clone(),
            retention,
        };
        let notifications = tokio::spawn(notifications(&deps)?.run());
        let direct_workers = tokio::spawn(expire_direct_workers(Arc::clone(&deps.direct_workers)));
        Ok(Self {
            server: Service::start(|stop| Server::run(options, listener, deps, stop.wait())),
            maintenance: tokio::spawn(maintenance.run()),
            direct_workers,
            notifications,
            folder: folder.clone(),
        })
    }

    /// Ready when the server ends although nothing asked it to.
    pub(super) async fn ended_early(&mut self) -> Problem {
        let ended = (&mut self.server.task).await;
        ended_early("server", ended)
    }

    /// Accepts nothing new, and lets running requests end.
    pub(super) async fn close(self) {
        self.maintenance.abort();
        self.direct_workers.abort();
        self.notifications.abort();
        log_end("server", self.server.end().await);
        // The file may be gone already.
        drop(std::fs::remove_file(self.folder.url()));
    }
}

/// The service that sends notifications; its HTTPS trusts whom this machine trusts.
fn notifications(deps: &Deps) -> Result<Notifications, Problem> {
    Ok(Notifications {
        database: deps.database.clone(),
        keyring: deps.keyring.clone(),
        scheduler: Arc::clone(&deps.scheduler),
        wake: Arc::clone(&deps.notifications),
        sender: Sender::new(transport::tls_to_any_server()?),
    })
}

/// Removes the credentials of direct workers that expired, whichever server issued them.
async fn expire_direct_workers(broker: Arc<dyn DirectWorkerBroker>) {
    let mut ticks = interval_at(Instant::now() + EXPIRY_INTERVAL, EXPIRY_INTERVAL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        match broker.remove_expired().await {
            Ok(0) => {}
            Ok(expired) => {
                tracing::info!(
                    expired,
                    operation = "expire direct workers",
                    "expired direct workers; their Redis credentials are gone"
                );
            }
            // The next tick finds them.
            Err(error) => {
                tracing::debug!(%error, operation = "expire direct workers", "broker call failed; retrying at the next tick");
            }
        }
    }
}

/// The UI's address comes first: it is what a reader opens. Programs read it there, too.
fn print_greeting(url: &str, base: &BasePath, folder: &DataFolder, token_use: &str) {
    let token = folder.token();
    let url = format!("{url}{}", base.as_str().trim_end_matches('/'));
    anstream::eprintln!("Weft serves {url}");
    anstream::eprintln!("  UI     {url}/ (sign in with the token)");
    anstream::eprintln!("  data   {}", folder.path().display());
    anstream::eprintln!("  token  {} ({token_use})", token.display());
    anstream::eprintln!("  API    {url}/api/v1/docs");
    anstream::eprintln!("Try: wfctl deploy dag.wasm");
}
