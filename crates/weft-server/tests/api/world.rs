//! A server in this process, and how tests talk to it.

mod fakes;
mod turns;

pub(crate) use {
    fakes::{CODE, FakeDirectWorkers, FakeScheduler, fake_code, file, packed},
    turns::{instance, text},
};

use axum::{
    Router,
    body::Body,
    http::{HeaderMap, Method, Request, StatusCode},
};
use fakes::{FakeCompiler, FakeFleet, FakeLogs};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use tempfile::TempDir;
use tower::ServiceExt;
use weft_blob::{Blobs, logs::LogReader};
use weft_broker::{
    ClaimKeys, WorkerBroker,
    in_process::{InProcess, Options as BrokerOptions},
};
use weft_gateway::WorkerSessions;
use weft_secrets::Variables;
use weft_server::{
    Deps, Listen, Metrics, Secret, Server, ServerOptions, WorkerNamesTable, create_first_token,
};
use weft_store_sql::{Database, DatabaseLocation, secret::Keyring};

/// A server with its database in a folder that goes with it.
pub(crate) struct World {
    pub(crate) service: Router,
    pub(crate) database: Database,
    pub(crate) blobs: Blobs,
    pub(crate) scheduler: Arc<FakeScheduler>,
    pub(crate) compiler: Arc<FakeCompiler>,
    pub(crate) logs: Arc<FakeLogs>,
    pub(crate) broker: Arc<InProcess>,
    pub(crate) direct_workers: Arc<FakeDirectWorkers>,
    /// An administrator's token of the whole installation.
    pub(crate) admin: String,
    pub(crate) deps: Deps,
    _folder: TempDir,
}

/// What was answered.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Reply {
    /// The body as JSON; null where there is none.
    pub(crate) fn json(&self) -> Value {
        if self.body.is_empty() {
            return Value::Null;
        }
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    /// The body of a success.
    #[track_caller]
    pub(crate) fn ok(&self) -> Value {
        assert!(
            self.status.is_success(),
            "{}: {}",
            self.status,
            String::from_utf8_lossy(&self.body)
        );
        self.json()
    }

    /// Holds the answer to be this problem; returns it.
    #[track_caller]
    pub(crate) fn problem(&self, status: u16, code: &str) -> Value {
        let body = self.json();
        assert_eq!(
            (self.status.as_u16(), body["code"].as_str()),
            (status, Some(code)),
            "{body}"
        );
        assert_eq!(self.headers["content-type"], "application/problem+json");
        assert_eq!(body["status"], status);
        assert_eq!(body["type"], format!("urn:weft:problem:{code}"));
        assert_eq!(
            body["request"].as_str(),
            self.headers["x-request-id"].to_str().ok()
        );
        body
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers[name].to_str().unwrap()
    }
}

/// A request that is put together.
pub(crate) struct Call<'w> {
    world: &'w World,
    method: Method,
    path: String,
    token: Option<String>,
    headers: Vec<(String, String)>,
    body: Body,
}

impl Call<'_> {
    pub(crate) fn token(mut self, token: impl Into<String>) -> Self {
        self.token = Some(token.into());
        self
    }

    pub(crate) fn anonymous(mut self) -> Self {
        self.token = None;
        self
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    pub(crate) fn json(self, body: &Value) -> Self {
        self.header("content-type", "application/json")
            .body(body.to_string())
    }

    pub(crate) fn body(mut self, body: impl Into<Body>) -> Self {
        self.body = body.into();
        self
    }

    /// The answer with its body still to come.
    pub(crate) async fn open(self) -> axum::response::Response {
        let mut request = Request::builder().method(self.method).uri(&self.path);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            request = request.header("host", "localhost");
        }
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request
            .body(self.body)
            .unwrap_or_else(|error| panic!("{}: {error}", self.path));
        self.world.service.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(self) -> Reply {
        let response = self.open().await;
        let (parts, body) = response.into_parts();
        Reply {
            status: parts.status,
            headers: parts.headers,
            body: body.collect().await.unwrap().to_bytes().to_vec(),
        }
    }
}

/// The gateway before a broker of this process.
fn gateway_before(broker: &Arc<InProcess>, database: &Database) -> Arc<WorkerSessions> {
    let broker = Arc::clone(broker);
    let handle = move || Arc::new(broker.worker()) as Arc<dyn WorkerBroker>;
    let names = Arc::new(WorkerNamesTable::new(database.clone()));
    Arc::new(WorkerSessions::new(
        handle,
        ClaimKeys::new([7; 32], []),
        names,
        Vec::new(),
    ))
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(ServerOptions::default()).await
    }

    pub(crate) async fn with(options: ServerOptions) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let place = DatabaseLocation::Sqlite {
            folder: folder.path().join("data"),
        };
        let database = Database::open(&place).await.unwrap();
        database.migrate().await.unwrap();
        let blobs = Blobs::local(&folder.path().join("blobs")).unwrap();
        let admin: Secret = create_first_token(&database)
            .await
            .unwrap()
            .expect("a new database has no token");
        let scheduler = Arc::new(FakeScheduler::default());
        let logs = Arc::new(FakeLogs::default());
        let compiler = Arc::new(FakeCompiler::default());
        let broker = InProcess::new(BrokerOptions::default());
        let direct_workers = Arc::new(FakeDirectWorkers::default());
        let keyring = Keyring::parse(&"7".repeat(64)).unwrap();
        let sources = weft_secrets::Sources::none();
        let variables = Variables::new(database.clone(), keyring.clone(), sources);
        let deps = Deps {
            database: database.clone(),
            keyring,
            variables,
            blobs: blobs.clone(),
            logs: LogReader::new(blobs.clone(), None),
            compiler: Arc::clone(&compiler) as _,
            scheduler: Arc::clone(&scheduler) as _,
            live_logs: Arc::clone(&logs) as _,
            fleet: Arc::new(FakeFleet),
            worker_sessions: gateway_before(&broker, &database),
            direct_workers: Arc::clone(&direct_workers) as _,
            notifications: Arc::default(),
            metrics: Metrics::default(),
        };
        Self {
            service: Server::service(options, &Listen::default(), deps.clone()),
            database,
            blobs,
            scheduler,
            compiler,
            logs,
            broker,
            direct_workers,
            admin: admin.reveal().to_owned(),
            deps,
            _folder: folder,
        }
    }

    fn call(&self, method: Method, path: &str) -> Call<'_> {
        let path = if path.starts_with("/api")
            || path.starts_with("/worker/")
            || path.starts_with("/health")
            || path == "/metrics"
            || path == "/"
            || path.starts_with("/assets/")
            || path.starts_with("/ui-")
        {
            path.to_owned()
        } else {
            format!("/api/v1{path}")
        };
        Call {
            world: self,
            method,
            path,
            token: Some(self.admin.clone()),
            headers: Vec::new(),
            body: Body::empty(),
        }
    }

    pub(crate) fn get(&self, path: &str) -> Call<'_> {
        self.call(Method::GET, path)
    }

    pub(crate) fn post(&self, path: &str) -> Call<'_> {
        self.call(Method::POST, path)
    }

    pub(crate) fn put(&self, path: &str) -> Call<'_> {
        self.call(Method::PUT, path)
    }

    pub(crate) fn patch(&self, path: &str) -> Call<'_> {
        self.call(Method::PATCH, path)
    }

    pub(crate) fn delete(&self, path: &str) -> Call<'_> {
        self.call(Method::DELETE, path)
    }

    pub(crate) fn any(&self, method: &str, path: &str) -> Call<'_> {
        self.call(method.parse().unwrap(), path)
    }

    /// Deploys one DAG with these tasks; returns what the deploy answered.
    pub(crate) async fn deploy(&self, id: &str, tasks: Value) -> Value {
        self.deploy_dags(json!([{ "id": id, "tasks": tasks }]))
            .await
    }

    pub(crate) async fn deploy_dags(&self, dags: Value) -> Value {
        self.post("/deployments").body(file(dags)).send().await.ok()
    }

    /// Triggers a run without parameters; returns its id.
    pub(crate) async fn trigger(&self, dag: &str) -> String {
        let run = self
            .post(&format!("/dags/{dag}/runs"))
            .json(&json!({}))
            .send()
            .await
            .ok();
        run["id"].as_str().unwrap().to_owned()
    }

    /// A new token of this role.
    pub(crate) async fn token(&self, role: &str) -> String {
        let body = json!({ "name": format!("a {role}"), "role": role });
        let created = self.post("/tokens").json(&body).send().await.ok();
        created["secret"].as_str().unwrap().to_owned()
    }
}
