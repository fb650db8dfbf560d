//! The server of a process, and what goes with it: the first token, the file that
//! says where it listens, upkeep.

use super::{
    Service,
    data_folder::DataFolder,
    failed, gave_up, report,
    upkeep::{Retention, Upkeep},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    task::JoinHandle,
    time::{Instant, MissedTickBehavior, interval_at},
};
use weft_api::problem::Problem;
use weft_broker::direct_worker::DirectWorkerBroker;
use weft_server::{Deps, Listener, Server, ServerOptions, create_first_token, write_token_file};

/// How often it is looked whose time at the transport has passed.
const GUESTS_EVERY: Duration = Duration::from_secs(5);

/// A server that answers.
pub(super) struct Front {
    server: Service<()>,
    upkeep: JoinHandle<()>,
    guests: JoinHandle<()>,
    folder: DataFolder,
}

impl Front {
    /// Answers from now on.
    ///
    /// # Errors
    /// The first token can't be made or written down.
    pub(super) async fn open(
        listener: Listener,
        folder: &DataFolder,
        deps: Deps,
        (drain, retention): (Duration, Retention),
    ) -> Result<Self, Problem> {
        let url = listener.url();
        let token = create_first_token(&deps.database)
            .await
            .map_err(|error| failed("the first token can't be made", &error))?;
        if let Some(token) = token {
            write_token_file(&folder.token(), &token)
                .map_err(|error| failed("the first token can't be written down", &error))?;
        }
        let local = listener.local_url();
        std::fs::write(folder.url(), format!("{local}\n"))
            .map_err(|error| failed("the server's address can't be written down", &error))?;
        greet(&url, folder);
        let mut options = ServerOptions {
            drain,
            ..ServerOptions::default()
        };
        options.temporary = folder.scratch();
        let upkeep = Upkeep {
            folder: folder.clone(),
            database: deps.database.clone(),
            blobs: deps.blobs.clone(),
            retention,
        };
        let guests = tokio::spawn(see_off(Arc::clone(&deps.guests)));
        Ok(Self {
            server: Service::start(|stop| Server::run(options, listener, deps, stop.wait())),
            upkeep: tokio::spawn(upkeep.run()),
            guests,
            folder: folder.clone(),
        })
    }

    /// Ready when the server ends without being asked to.
    pub(super) async fn gave_up(&mut self) -> Problem {
        let ended = (&mut self.server.task).await;
        gave_up("server", ended)
    }

    /// Answers nothing new, and lets what is under way end.
    pub(super) async fn close(self) {
        self.upkeep.abort();
        self.guests.abort();
        report("server", self.server.end().await);
        // Nobody listens there any more.
        drop(std::fs::remove_file(self.folder.url()));
    }
}

/// Sees workers off whose time at the transport has passed, whichever server took them in.
async fn see_off(guests: Arc<dyn DirectWorkerBroker>) {
    let mut rounds = interval_at(Instant::now() + GUESTS_EVERY, GUESTS_EVERY);
    rounds.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        rounds.tick().await;
        match guests.remove_expired().await {
            Ok(0) => {}
            Ok(gone) => tracing::info!(gone, "workers may not reach Redis any more"),
            // The next round finds them.
            Err(error) => tracing::debug!(%error, "workers could not be seen off"),
        }
    }
}

fn greet(url: &str, folder: &DataFolder) {
    let token = folder.token();
    anstream::eprintln!("Weft serves {url}");
    anstream::eprintln!("  data   {}", folder.path().display());
    anstream::eprintln!(
        "  token  {} (wfctl on this machine finds it by itself)",
        token.display()
    );
    anstream::eprintln!("  API    {url}/api/v1/docs");
    anstream::eprintln!("Try: wfctl deploy dag.wasm");
}
