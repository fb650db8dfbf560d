//! `wfctl check --against`: a file beside what a server has, as one comment for a pull request.
//!
//! The file stays here: only what is deployed is read, so that a viewer's token is enough.

use super::{breaking::breaking, comment};
use crate::{client::ConnectArgs, command::difference, table};
use bytes::Bytes;
use serde::Serialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};
use weft_api::{
    Asset, ChangeKind, Connection, DagDetail, Difference, Pool, Queue, Run, Variable,
    VersionDetail, Webhook,
    difference::{Side, between, split},
    problem::{Code, Exit, Problem, Problems},
};
use weft_client::{Client, page, route};
use weft_core::{
    asset::Condition,
    digest::Digest,
    document::{Dag, Format},
    policy::DEFAULT_QUEUE,
};
use weft_dagfile::{Content, OpenedFile, engine};
use weft_sandbox::Sandbox;

/// The most runs under way that are counted.
const MAX_RUNS: usize = 1_000;

/// How to print what was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, clap::ValueEnum)]
pub(super) enum CommentFormat {
    /// For a terminal.
    #[default]
    Text,
    /// A comment of a pull request.
    Markdown,
    /// For programs.
    Json,
}

/// A file beside what a server has.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// The file.
    pub(super) file: String,
    /// The server's URL.
    pub(super) server: String,
    /// Whether nothing breaks and nothing is missing.
    pub(super) fine: bool,
    /// The file's DAGs.
    pub(super) dags: Vec<ComparedDag>,
}

/// A DAG of the file.
#[derive(Debug, Serialize)]
pub(super) struct ComparedDag {
    /// Its id.
    pub(super) dag: String,
    /// What a deploy would do.
    pub(super) change: ChangeKind,
    /// The active version; absent if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) version: Option<u32>,
    /// The difference from it.
    pub(super) difference: Difference,
    /// What may fail once it is deployed, a sentence each.
    pub(super) breaking: Vec<String>,
    /// What it needs and the server lacks, a sentence each.
    pub(super) missing: Vec<String>,
    /// How many runs go on with the version that they began with.
    pub(super) runs_under_way: usize,
}

/// Compares, and prints what was found. The exit code says whether something breaks or is missing.
pub(super) fn run(
    path: &Path,
    server: &ConnectArgs,
    format: CommentFormat,
) -> Result<Exit, Problems> {
    let server = server.server()?;
    let url = server.url.value.to_string();
    let client = Client::new(server)?;
    let found = weft_dagfile::find(path)?;
    let bytes = crate::command::deploy::packed(&found)?;
    let sandbox = engine::sandbox(1)?;
    let comparison = engine::runtime()?.block_on(async {
        let name = found.display().to_string();
        let file = LocalFile::read(&name, &bytes, &sandbox).await?;
        let offers = Offers::read(&client).await?;
        let mut dags = Vec::with_capacity(file.dags.len());
        for (dag, document) in &file.dags {
            let digest = file.digest.to_string();
            dags.push(compare(&client, &offers, (dag, document), &digest, &file).await?);
        }
        let fine = |dag: &ComparedDag| dag.breaking.is_empty() && dag.missing.is_empty();
        Ok::<_, Problems>(Comparison {
            file: name,
            server: url,
            fine: dags.iter().all(fine),
            dags,
        })
    })?;
    let text = match format {
        CommentFormat::Text => comment::text(&comparison),
        CommentFormat::Markdown => comment::markdown(&comparison),
        CommentFormat::Json => {
            let json = serde_json::to_string_pretty(&comparison);
            let json = json.map_err(|error| Problem::new(Code::Internal, error.to_string()))?;
            format!("{json}\n")
        }
    };
    table::write(&text)?;
    Ok(if comparison.fine {
        Exit::Success
    } else {
        Exit::Failed
    })
}

/// The file as a deploy would send it.
struct LocalFile {
    digest: Digest,
    dags: Vec<(Dag, String)>,
}

impl LocalFile {
    async fn read(name: &str, bytes: &Bytes, sandbox: &Sandbox) -> Result<Self, Problems> {
        let opened = OpenedFile::of_wasm(name, bytes)?;
        let digest = opened.digest;
        let text = match opened.content {
            Content::Container { document, .. } => document,
            Content::Component(bytes) => {
                let guest = sandbox.load(bytes).await;
                let guest = guest.map_err(|error| engine::load_problem(name, &error))?;
                let described = sandbox.describe(&guest).await;
                described.map_err(|error| engine::describe_problem(name, &error))?
            }
            Content::Manifest { text, .. } => text,
        };
        let whole = parsed(name, &text)?;
        let documents = split(&text).filter(|parts| parts.len() == whole.len());
        let none = || Problem::new(Code::Internal, "a valid document could not be split");
        let documents = documents.ok_or_else(none)?;
        let documents = documents.iter().map(ToString::to_string);
        let dags = whole.into_iter().zip(documents).collect();
        Ok(Self { digest, dags })
    }

    fn ids(&self) -> BTreeSet<&str> {
        self.dags.iter().map(|(dag, _)| dag.id.as_str()).collect()
    }
}

fn parsed(name: &str, text: &str) -> Result<Vec<Dag>, Problems> {
    weft_dagfile::parse(name, text, Format::Json).map(|document| document.dags)
}

/// What the server has for tasks.
struct Offers {
    variables: BTreeSet<String>,
    connections: BTreeSet<String>,
    pools: BTreeMap<String, u32>,
    /// Queues with workers.
    queues: BTreeSet<String>,
}

impl Offers {
    async fn read(client: &Client) -> Result<Self, Problems> {
        let all = usize::MAX;
        let variables =
            page::collect::<Variable>(all, || client.request(&route::LIST_VARIABLES, &[])).await?;
        let connections =
            page::collect::<Connection>(all, || client.request(&route::LIST_CONNECTIONS, &[]))
                .await?;
        let pools = page::collect::<Pool>(all, || client.request(&route::LIST_POOLS, &[])).await?;
        let queues: Vec<Queue> = client.request(&route::LIST_QUEUES, &[]).fetch().await?;
        let variables = variables.items.into_iter();
        let connections = connections.items.into_iter();
        let pools = pools.items.into_iter();
        let served = queues.into_iter().filter(|queue| queue.workers > 0);
        Ok(Self {
            variables: variables.map(|variable| variable.name).collect(),
            connections: connections.map(|connection| connection.name).collect(),
            pools: pools.map(|pool| (pool.name, pool.slots)).collect(),
            queues: served.map(|queue| queue.name).collect(),
        })
    }

    /// What a DAG needs that is not there.
    fn missing(&self, dag: &Dag) -> BTreeSet<String> {
        let mut missing = BTreeSet::new();
        for task in &dag.tasks {
            let id = &task.id;
            let variables = task.grants.variables.iter();
            for name in variables.filter(|name| !self.variables.contains(*name)) {
                missing.insert(format!("the variable {name} (task {id})"));
            }
            let connections = task.grants.connections.iter();
            for name in connections.filter(|name| !self.connections.contains(*name)) {
                missing.insert(format!("the connection {name} (task {id})"));
            }
            if let Some(pool) = &task.pool {
                let needed = task.pool_slots.unwrap_or(1);
                match self.pools.get(pool) {
                    None => drop(missing.insert(format!("the pool {pool} (task {id})"))),
                    Some(slots) if *slots < needed => {
                        missing.insert(format!(
                            "{needed} slots in the pool {pool}, which has {slots} (task {id})"
                        ));
                    }
                    Some(_) => {}
                }
            }
            let queue = task.queue.as_deref().unwrap_or(DEFAULT_QUEUE);
            if !self.queues.contains(queue) {
                missing.insert(format!("a worker for the queue {queue} (task {id})"));
            }
        }
        missing
    }
}

async fn compare(
    client: &Client,
    offers: &Offers,
    (dag, document): (&Dag, &str),
    digest: &str,
    file: &LocalFile,
) -> Result<ComparedDag, Problems> {
    let id = dag.id.as_str();
    let mut missing = offers.missing(dag);
    missing.extend(missing_dags(client, dag, &file.ids()).await?);
    missing.extend(missing_producers(client, dag, file).await?);
    let after = Side { document, dag };
    let Some(active) = active(client, id).await? else {
        return Ok(ComparedDag {
            dag: id.to_owned(),
            change: ChangeKind::Created,
            version: None,
            difference: between(None, after, true),
            breaking: Vec::new(),
            missing: missing.into_iter().collect(),
            runs_under_way: 0,
        });
    };
    let text = active.document.to_string();
    let before = parsed("the active version", &text)?.pop();
    let none = || Problem::new(Code::InvalidDocument, "the active version has no DAG");
    let before = before.ok_or_else(none)?;
    let code_changed = active.version.digest != digest;
    let before_side = Side {
        document: &text,
        dag: &before,
    };
    let difference = between(Some(before_side), after, code_changed);
    let mut breaks = breaking(&before, dag);
    breaks.extend(broken_webhooks(client, dag).await?);
    let mut runs_under_way = 0;
    for state in ["queued", "running"] {
        let runs = page::collect::<Run>(MAX_RUNS, || {
            let request = client.request(&route::LIST_RUNS_OF_DAG, &[id]);
            request.query("state", state)
        });
        runs_under_way += runs.await?.items.len();
    }
    Ok(ComparedDag {
        dag: id.to_owned(),
        change: if code_changed {
            ChangeKind::Changed
        } else {
            ChangeKind::Unchanged
        },
        version: Some(active.version.number),
        difference,
        breaking: breaks,
        missing: missing.into_iter().collect(),
        runs_under_way,
    })
}

/// The active version of a DAG, if it has one.
async fn active(client: &Client, dag: &str) -> Result<Option<VersionDetail>, Problems> {
    let Some(detail) = shown(client, dag).await? else {
        return Ok(None);
    };
    let Some(version) = detail.dag.version else {
        return Ok(None);
    };
    let version = version.to_string();
    let active = client.request(&route::SHOW_VERSION, &[dag, &version]);
    active.fetch().await.map(Some)
}

async fn shown(client: &Client, dag: &str) -> Result<Option<DagDetail>, Problems> {
    match client.request(&route::SHOW_DAG, &[dag]).fetch().await {
        Ok(detail) => Ok(Some(detail)),
        Err(problems) if is_unknown(&problems) => Ok(None),
        Err(problems) => Err(problems),
    }
}

fn is_unknown(problems: &Problems) -> bool {
    problems
        .iter()
        .all(|problem| problem.code == Code::DagNotFound)
}

/// DAGs that tasks call and that are neither there nor in the file.
async fn missing_dags(
    client: &Client,
    dag: &Dag,
    in_file: &BTreeSet<&str>,
) -> Result<Vec<String>, Problems> {
    let mut missing = Vec::new();
    for task in &dag.tasks {
        for called in &task.grants.dags {
            if !in_file.contains(called.as_str()) && shown(client, called).await?.is_none() {
                missing.push(format!("the DAG {called} (task {})", task.id));
            }
        }
    }
    Ok(missing)
}

/// Assets that are to create runs, and that no task of the server or the file updates.
async fn missing_producers(
    client: &Client,
    dag: &Dag,
    file: &LocalFile,
) -> Result<Vec<String>, Problems> {
    let mut missing = Vec::new();
    let condition = dag.on_assets.iter();
    for name in condition.flat_map(Condition::assets) {
        let mut tasks = file.dags.iter().flat_map(|(dag, _)| &dag.tasks);
        if tasks.any(|task| task.outlets.contains(&name)) {
            continue;
        }
        let found = page::collect::<Asset>(1, || {
            let request = client.request(&route::LIST_ASSETS, &[]);
            request.query("asset", name.as_str())
        });
        if found
            .await?
            .items
            .iter()
            .all(|asset| asset.producers.is_empty())
        {
            missing.push(format!("a task that updates the asset {name}"));
        }
    }
    Ok(missing)
}

/// Webhooks that give parameters which the DAG does not have any more.
async fn broken_webhooks(client: &Client, dag: &Dag) -> Result<Vec<String>, Problems> {
    let id = dag.id.as_str();
    let webhooks =
        page::collect::<Webhook>(usize::MAX, || client.request(&route::LIST_WEBHOOKS, &[id]));
    let mut broken = Vec::new();
    for webhook in webhooks.await?.items {
        for name in webhook.params.keys() {
            if !dag.params.iter().any(|param| param.name == *name) {
                let webhook = &webhook.name;
                broken.push(format!(
                    "the webhook {webhook} gives the parameter {name}, which is gone"
                ));
            }
        }
    }
    Ok(broken)
}

impl ComparedDag {
    /// What a deploy would do, in a line.
    pub(super) fn headline(&self) -> String {
        match (self.change, self.version) {
            (ChangeKind::Created, _) | (_, None) => "new".to_owned(),
            (ChangeKind::Unchanged, Some(version)) => format!("the same as version {version}"),
            (ChangeKind::Changed, Some(version)) => format!("changes version {version}"),
        }
    }

    /// What differs, a line each.
    pub(super) fn lines(&self) -> Vec<String> {
        match self.change {
            ChangeKind::Created => difference::requests(&self.difference),
            ChangeKind::Unchanged => Vec::new(),
            ChangeKind::Changed => difference::lines(&self.difference),
        }
    }
}
