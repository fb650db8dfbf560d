//! Deploying a file.

use super::dags;
use crate::{
    app::App,
    auth::Deploying,
    caller::By,
    compiled,
    deploy::{decode, receive::Received, requests},
    documents,
    extract::Query,
    policies::policy_of,
    ports::{BadFile, CompileError, InspectedFile, Inspection, Wake},
    problem::{Code, Problem, convert},
};
use axum::{body::Body, extract::State};
use http::HeaderMap;
use serde::Deserialize;
use std::{
    collections::{BTreeSet, HashMap},
    sync::Arc,
};
use utoipa::IntoParams;
use utoipa_axum::{router::OpenApiRouter, routes};
use weft_api::{
    ChangeKind, DeployedDag, Deployment, DeploymentFile,
    difference::{Side, between, split},
};
use weft_blob::Kind;
use weft_core::{
    asset::AssetName,
    digest::Digest,
    document::{self, Code as TaskCode, Dag, Document, DocumentError, Format, Source, TaskTypes},
    id::TenantId,
};
use weft_store::FileEntry;
use weft_store_sql::{Deploy, DeployChange, DeployDag, DeployError, Deployed};

pub(super) fn routes() -> OpenApiRouter<App> {
    OpenApiRouter::new().routes(routes!(deploy))
}

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct DeployQuery {
    /// Whether new runs use the deployed version; true by default.
    activate: Option<bool>,
    /// Whether new DAGs start paused; false by default.
    paused: Option<bool>,
    /// Stores nothing and returns what a deploy would do. False by default.
    dry_run: Option<bool>,
}

/// Deploy a file
///
/// The body is the content of the file. It may be compressed: with `Content-Encoding: zstd`, or with `dcz`
/// (RFC 9842) beside a component that was deployed before; if the server does not have that any more, the answer
/// is 415. The server inspects and compiles it in a subprocess,
/// validates its DAGs, checks them against the policy, and deploys all of them or none. Deploying
/// the same file again changes nothing.
#[utoipa::path(post, path = "/deployments", tag = "deployments", params(DeployQuery), request_body(content = Vec<u8>, content_type = "application/wasm"), responses((status = 200, description = "The result for each DAG", body = Deployment)))]
async fn deploy(
    by: By<Deploying>,
    State(app): State<App>,
    Query(query): Query<DeployQuery>,
    headers: HeaderMap,
    body: Body,
) -> Result<axum::Json<Deployment>, Problem> {
    let options = app.options();
    let received =
        Received::receive(&headers, body, &options.temporary, options.max_deploy_bytes).await?;
    let _turn = app.deploys().acquire().await.map_err(Problem::internal)?;
    let file = decode::decode(&app, &by.tenant, &headers, received.read().await?).await?;
    let size = file.len() as u64;
    let inspection = app
        .compiler()
        .inspect(file.clone())
        .await
        .map_err(refused_file)?;
    if inspection.digest != Digest::of(&file) {
        return Err(Problem::internal(
            "the compiler inspected another file than it was given",
        ));
    }
    let parts = read_dags(&inspection)?;
    requests::check(
        &policy_of(&app, &by.tenant).await?,
        parts.iter().map(|part| &part.dag),
    )?;
    let dry_run = query.dry_run.unwrap_or(false);
    let activate = query.activate.unwrap_or(true);
    let dags = if dry_run {
        describe_dry_run(&app, &by.tenant, &inspection, &parts).await?
    } else {
        store_files(&app, &by.tenant, &file, &inspection).await?;
        let request = Deploy {
            tenant: by.tenant.clone(),
            digest: inspection.digest,
            dags: parts.iter().map(Part::to_store).collect(),
            activate,
            paused: query.paused.unwrap_or(false),
            by: by.actor(),
        };
        let deployed = app
            .database()
            .deploy(&request)
            .await
            .map_err(refused_deploy)?;
        app.scheduler().wake(Wake::Settings);
        app.metrics().deployments.inc();
        compiled::offer(&app, &by.tenant, code_of(&inspection));
        describe_deployed(&app, &by.tenant, &inspection, &parts, &deployed).await?
    };
    Ok(axum::Json(Deployment {
        digest: inspection.digest.to_string(),
        kind: inspection.kind,
        bytes: size,
        dry_run,
        imports: inspection.imports,
        files: inspection
            .files
            .iter()
            .map(|file| DeploymentFile {
                name: file.name.clone(),
                digest: file.digest.to_string(),
                bytes: file.bytes.len() as u64,
            })
            .collect(),
        dags,
    }))
}

/// The code that was made of it, by file.
fn code_of(inspection: &Inspection) -> Vec<(Digest, String)> {
    let files = inspection.files.iter();
    files
        .filter_map(|file| Some((file.digest, file.code.clone()?)))
        .collect()
}

/// One DAG of the file.
struct Part {
    dag: Dag,
    document: Arc<str>,
    files: Vec<FileEntry>,
}

impl Part {
    fn to_store(&self) -> DeployDag {
        DeployDag {
            id: self.dag.id.clone(),
            document: Arc::clone(&self.document),
            files: self.files.clone(),
        }
    }

    fn side(&self) -> Side<'_> {
        Side {
            document: &self.document,
            dag: &self.dag,
        }
    }
}

/// The file's DAGs, each with its own document and the files that its tasks run.
fn read_dags(inspection: &Inspection) -> Result<Vec<Part>, Problem> {
    let source = Source {
        name: "the file's document",
        text: &inspection.document,
        format: Format::Json,
    };
    let refused = |error: DocumentError| convert::refused_document(Code::InvalidDocument, &error);
    let whole = document::parse(source).map_err(refused)?;
    check_edges_between_components(&whole, source, inspection).map_err(refused)?;
    let documents = split(&inspection.document).filter(|parts| parts.len() == whole.dags.len());
    let documents =
        documents.ok_or_else(|| Problem::internal("a valid document could not be split"))?;
    let known: HashMap<&str, Digest> = inspection
        .files
        .iter()
        .map(|file| (file.name.as_str(), file.digest))
        .collect();
    whole
        .dags
        .into_iter()
        .zip(documents)
        .map(|(dag, document)| {
            let files = files_of(&dag, &known)?;
            Ok(Part {
                dag,
                document,
                files,
            })
        })
        .collect()
}

/// Compares the two ends of each edge with what the components at them say of their tasks.
/// What is stored stays as the author wrote it: what is learned here is compared and dropped.
fn check_edges_between_components(
    whole: &Document,
    source: Source<'_>,
    inspection: &Inspection,
) -> Result<(), DocumentError> {
    let types = |file: &InspectedFile| {
        let source = Source {
            name: &file.name,
            text: file.document.as_deref()?,
            format: Format::Json,
        };
        // A component whose own document is wrong runs; its edges stay unchecked.
        let types = document::parse(source).ok()?.own_types();
        Some((file.name.clone(), types))
    };
    let known: HashMap<String, HashMap<String, TaskTypes>> =
        inspection.files.iter().filter_map(types).collect();
    if known.is_empty() {
        return Ok(());
    }
    whole
        .clone()
        .learn_types(source, |file, task| known.get(file)?.get(task).cloned())
}

/// The files that the DAG's tasks name, each once, in their order.
fn files_of(dag: &Dag, known: &HashMap<&str, Digest>) -> Result<Vec<FileEntry>, Problem> {
    let mut files: Vec<FileEntry> = Vec::new();
    for task in &dag.tasks {
        let name = match &task.code {
            TaskCode::Own { task: _ } => "",
            TaskCode::Component { file, task: _ } => file,
            TaskCode::Program(program) => &program.file,
        };
        if files.iter().any(|file| file.name == name) {
            continue;
        }
        let digest = *known.get(name).ok_or_else(|| {
            let detail = format!(
                "the task {} of {} runs the file {name:?}, which the deployed file does not hold",
                task.id, dag.id
            );
            Problem::new(Code::InvalidDocument, detail)
        })?;
        files.push(FileEntry {
            name: name.to_owned(),
            digest,
        });
    }
    Ok(files)
}

/// The deployed file, and the files inside it: workers fetch each by its own digest.
async fn store_files(
    app: &App,
    tenant: &TenantId,
    file: &bytes::Bytes,
    inspection: &Inspection,
) -> Result<(), Problem> {
    app.blobs()
        .put(Kind::Component, tenant, file.clone())
        .await?;
    for inside in &inspection.files {
        if inside.digest == inspection.digest {
            continue;
        }
        let stored = app
            .blobs()
            .put(Kind::Component, tenant, inside.bytes.clone())
            .await?;
        if stored != inside.digest {
            return Err(Problem::internal(format!(
                "the compiler called {:?} {}, and it is {stored}",
                inside.name, inside.digest
            )));
        }
    }
    Ok(())
}

/// What the deploy did, DAG by DAG.
async fn describe_deployed(
    app: &App,
    tenant: &TenantId,
    inspection: &Inspection,
    parts: &[Part],
    deployed: &[Deployed],
) -> Result<Vec<DeployedDag>, Problem> {
    let mut described = Vec::with_capacity(parts.len());
    for (part, done) in parts.iter().zip(deployed) {
        let row = dags::find(app, tenant, &part.dag.id).await?;
        let before = done
            .previous
            .as_ref()
            .map(|previous| (previous.document.as_ref(), previous.digest));
        described.push(DeployedDag {
            dag: part.dag.id.to_string(),
            change: match done.change {
                DeployChange::NewDag => ChangeKind::Created,
                DeployChange::NewVersion | DeployChange::Reactivated => ChangeKind::Changed,
                DeployChange::Unchanged => ChangeKind::Unchanged,
            },
            version: Some(done.number),
            previous_version: done.previous.as_ref().map(|previous| previous.number),
            active: row
                .active
                .as_ref()
                .is_some_and(|active| active.id == done.version),
            paused: row.paused,
            difference: compare(before, part, inspection.digest)?,
            unproduced: unproduced(app, tenant, part, parts).await?,
        });
    }
    Ok(described)
}

/// What the deploy would do.
async fn describe_dry_run(
    app: &App,
    tenant: &TenantId,
    inspection: &Inspection,
    parts: &[Part],
) -> Result<Vec<DeployedDag>, Problem> {
    let mut described = Vec::with_capacity(parts.len());
    for part in parts {
        let row = app.database().show_dag(tenant, &part.dag.id).await?;
        let active = row.as_ref().and_then(|row| row.active.as_ref());
        let stored = match active {
            None => None,
            Some(active) => {
                app.database()
                    .show_version(tenant, &part.dag.id, active.number)
                    .await?
            }
        };
        let before = stored
            .as_ref()
            .map(|(version, stored)| (stored.document.as_ref(), version.digest));
        let same = active.is_some_and(|active| active.digest == inspection.digest);
        described.push(DeployedDag {
            dag: part.dag.id.to_string(),
            change: match (&row, same) {
                (None, _) => ChangeKind::Created,
                (Some(_), true) => ChangeKind::Unchanged,
                (Some(_), false) => ChangeKind::Changed,
            },
            version: active.filter(|_| same).map(|active| active.number),
            previous_version: active.map(|active| active.number),
            active: same,
            paused: row.as_ref().is_some_and(|row| row.paused),
            difference: compare(before, part, inspection.digest)?,
            unproduced: unproduced(app, tenant, part, parts).await?,
        });
    }
    Ok(described)
}

/// The assets of a DAG's condition that nothing is known to update.
async fn unproduced(
    app: &App,
    tenant: &TenantId,
    part: &Part,
    parts: &[Part],
) -> Result<Vec<String>, Problem> {
    let Some(condition) = &part.dag.on_assets else {
        return Ok(Vec::new());
    };
    let tasks = parts.iter().flat_map(|part| &part.dag.tasks);
    let in_file: BTreeSet<&AssetName> = tasks.flat_map(|task| &task.outlets).collect();
    let mut unproduced = Vec::new();
    for name in condition.assets() {
        let is_produced = in_file.contains(&name)
            || app
                .database()
                .asset(tenant, &name)
                .await?
                .is_some_and(|asset| !asset.producers.is_empty());
        if !is_produced {
            unproduced.push(name.to_string());
        }
    }
    Ok(unproduced)
}

fn compare(
    before: Option<(&str, Digest)>,
    part: &Part,
    digest: Digest,
) -> Result<weft_api::Difference, Problem> {
    let Some((document, old_digest)) = before else {
        return Ok(between(None, part.side(), false));
    };
    let dag = documents::parse_text(document)?;
    Ok(between(
        Some(Side {
            document,
            dag: &dag,
        }),
        part.side(),
        old_digest != digest,
    ))
}

fn refused_file(error: CompileError) -> Problem {
    match error {
        CompileError::Bad {
            what,
            message,
            help,
        } => {
            let code = match what {
                BadFile::NotWasm => Code::InvalidWasm,
                BadFile::NoDags => Code::UnsupportedFile,
                BadFile::UnknownImport => Code::UnknownImport,
                BadFile::Describe => Code::DescribeFailed,
                BadFile::Compile => Code::CompileFailed,
            };
            let problem = Problem::new(code, message);
            match help {
                Some(help) => problem.help(help),
                None => problem,
            }
        }
        CompileError::Unavailable(why) => {
            tracing::error!(error = %why, operation = "compile deploy", "the compiler is unavailable; the deploy fails");
            Problem::new(Code::Unavailable, "the compiler does not answer now")
        }
    }
}

fn refused_deploy(error: DeployError) -> Problem {
    match error {
        error @ (DeployError::TooMany(_) | DeployError::Twice(_)) => {
            Problem::new(Code::InvalidDocument, error.to_string())
        }
        error @ DeployError::UnknownTenant(_) => Problem::internal(error),
        DeployError::Store(error) => error.into(),
    }
}
