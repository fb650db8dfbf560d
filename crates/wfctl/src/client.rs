//! The options by which a command names its server, and how it runs requests.

use std::{future::Future, path::PathBuf};
use weft_api::problem::{Code, Problem, Problems};
use weft_client::{Client, ConnectOptions, Environment, Server};

/// Which server, and with which token.
#[derive(Debug, Clone, Default, clap::Args)]
#[command(next_help_heading = "Server")]
pub(crate) struct ConnectArgs {
    /// The server's URL [env: `WEFT_URL`] [default: that of the context, or of wfctl up on this machine]
    #[arg(long, global = true, value_name = "URL", conflicts_with = "context")]
    pub(crate) url: Option<String>,
    /// A server that `wfctl context add` named [env: `WEFT_CONTEXT`]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// A file with the token [env: `WEFT_TOKEN` holds the token itself]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// The tenant, for a token of several tenants [env: `WEFT_TENANT`]
    #[arg(long, global = true, value_name = "TENANT")]
    pub(crate) tenant: Option<String>,
    /// Send the token to another machine without encryption
    #[arg(long, global = true)]
    pub(crate) insecure: bool,
}

impl ConnectArgs {
    /// The server that the arguments, the environment and the files name.
    pub(crate) fn server(&self) -> Result<Server, Problem> {
        let options = ConnectOptions {
            url: self.url.clone(),
            context: self.context.clone(),
            token_file: self.token_file.clone(),
            tenant: self.tenant.clone(),
            insecure: self.insecure,
        };
        Server::resolve(&options, &Environment::read()?)
    }
}

/// A client of the server that the arguments name. Nothing is sent yet.
pub(crate) fn connect(args: &ConnectArgs) -> Result<Client, Problem> {
    Client::new(args.server()?)
}

/// Runs a command's async part. One thread is enough for one request at a time.
pub(crate) fn block_on<T>(work: impl Future<Output = Result<T, Problems>>) -> Result<T, Problems> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| {
            Problem::new(Code::Internal, format!("can't start the runtime: {error}"))
        })?;
    let result = runtime.block_on(work);
    // A thread that still waits for standard input must not delay the exit.
    runtime.shutdown_background();
    result
}
