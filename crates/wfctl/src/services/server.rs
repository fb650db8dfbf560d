//! `wfctl server`: the API of an installation of many machines, and the way in for
//! its workers.
//!
//! Schedulers are other processes, known by what they say by Redis (`line`). Several
//! servers may run at once: what they know stands in the database, in Redis and
//! with the blobs.

use super::{
    asked_to_end,
    compiler_role::CompilerRole,
    data_folder::DataFolder,
    database::{unfit, warn_of_closed},
    failed,
    fleet::BrokersFleet,
    foundation::{Foundation, Places},
    front::Front,
    line::FarSchedulers,
    live_logs::NoWriter,
    secrets::keyring,
    transport::Transport,
    upkeep::Retention,
};
use std::{path::PathBuf, sync::Arc, time::Duration};
use weft_api::problem::{Code, Exit, Problem, Problems};
use weft_blob::logs::LogReader;
use weft_server::{Deps, Listen, Listener, Metrics};
use weft_store_sql::DataFolderLock;

/// What `wfctl server` was asked for.
pub(crate) struct ServerPlan {
    pub(crate) places: Places,
    pub(crate) data: PathBuf,
    /// What seals variables and connections; the folder's own where none is named.
    pub(crate) key_file: Option<PathBuf>,
    pub(crate) listen: Listen,
    pub(crate) drain: Duration,
    pub(crate) retention: Retention,
}

/// Answers until somebody asks it to end.
///
/// # Errors
/// A problem with the address, the folder, or what the installation stands on.
pub(crate) async fn serve(plan: ServerPlan) -> Result<Exit, Problems> {
    let listener = Listener::bind(&plan.listen)
        .await
        .map_err(|error| Problem::new(Code::Usage, error.to_string()))?;
    let asked_to_end = asked_to_end()?;
    let folder = DataFolder::open(&plan.data)?;
    let _lock = DataFolderLock::take(folder.path()).map_err(unfit)?;
    folder
        .empty_scratch()
        .map_err(|error| failed("the scratch folder can't be emptied", &error))?;
    let keyring = keyring(&plan.key_file.unwrap_or_else(|| folder.key()))?;
    let Foundation {
        database,
        shards,
        blobs,
    } = Foundation::open(&plan.places).await?;
    warn_of_closed(&database, &keyring).await?;
    let transport = Transport::Redis(Arc::clone(&shards));
    let metrics = Metrics::default();
    metrics.register(|registry| blobs.register(registry));
    let deps = Deps {
        database: database.clone(),
        compiler: Arc::new(CompilerRole::of_this_program(&folder, &keyring)?),
        keyring,
        scheduler: Arc::new(FarSchedulers::listen(shards.redis())),
        live_logs: Arc::new(NoWriter),
        fleet: Arc::new(BrokersFleet {
            broker: transport.operator(),
            own: None,
        }),
        gate: Arc::new(transport.gate(Vec::new())),
        guests: transport.guests(),
        logs: LogReader::new(blobs.clone(), None),
        metrics,
        blobs,
    };
    let keep = (plan.drain, plan.retention);
    let mut front = Front::open(listener, &folder, deps, keep).await?;
    tokio::select! {
        () = asked_to_end => {}
        problem = front.gave_up() => return Err(problem.into()),
    }
    front.close().await;
    database.close().await;
    Ok(Exit::Success)
}
