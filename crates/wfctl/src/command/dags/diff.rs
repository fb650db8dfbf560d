//! How two versions of a DAG differ.

use crate::{
    command::difference,
    table::{self, FormatArgs},
};
use weft_api::{
    DagDetail, VersionDetail,
    problem::{Code, Problem, Problems},
};
use weft_client::{Client, route};

/// Which versions.
#[derive(Debug, clap::Args)]
pub(super) struct DiffArgs {
    /// The DAG's id
    dag: String,
    /// The version before [default: the one before AFTER]
    before: Option<u32>,
    /// The version after [default: the active one]
    after: Option<u32>,
    #[command(flatten)]
    format: FormatArgs,
}

/// Reads both and compares them as the server compares at a deploy.
pub(super) async fn run(client: &Client, args: &DiffArgs) -> Result<(), Problems> {
    let after = match args.after {
        Some(after) => after,
        None => active(client, &args.dag).await?,
    };
    let before = match args.before {
        Some(before) => before,
        None if after > 1 => after - 1,
        None => {
            return Err(Problem::new(
                Code::Usage,
                format!("{} has no version before {after}", args.dag),
            )
            .help("name two versions; wfctl dags versions shows those there are")
            .into());
        }
    };
    let (old, new) = (
        version(client, &args.dag, before).await?,
        version(client, &args.dag, after).await?,
    );
    let files = |detail: &VersionDetail| {
        detail
            .files
            .iter()
            .map(|file| (file.name.clone(), file.digest.clone()))
            .collect::<Vec<_>>()
    };
    let code_changed = files(&old) != files(&new);
    let difference = weft_api::difference::between_documents(
        &old.document.to_string(),
        &new.document.to_string(),
        code_changed,
    )
    .map_err(|error| {
        Problem::new(
            Code::UnexpectedAnswer,
            format!("a document of {} can't be read: {error}", args.dag),
        )
    })?;
    table::one(args.format.output, &difference, |_zone| {
        let lines = difference::lines(&difference);
        let said = if lines.is_empty() {
            vec!["no difference".to_owned()]
        } else {
            lines
        };
        format!(
            "{} version {before} -> {after}\n  {}\n",
            args.dag,
            said.join("\n  ")
        )
    })?;
    Ok(())
}

async fn active(client: &Client, dag: &str) -> Result<u32, Problems> {
    let detail: DagDetail = client.request(&route::SHOW_DAG, &[dag]).fetch().await?;
    detail.dag.version.ok_or_else(|| {
        Problem::new(Code::Usage, format!("{dag} has no active version"))
            .help("name two versions; wfctl dags versions shows those there are")
            .into()
    })
}

async fn version(client: &Client, dag: &str, number: u32) -> Result<VersionDetail, Problems> {
    client
        .request(&route::SHOW_VERSION, &[dag, &number.to_string()])
        .fetch()
        .await
}
