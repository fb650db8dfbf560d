//! `wfctl assets`: named data that tasks update, and whose updates create runs.

use super::{run_ref::RunRef, runs::given};
use crate::{
    client::{self, ConnectArgs},
    local_time::Zone,
    table::{self, FormatArgs, ListArgs},
};
use serde_json::{Map, Value};
use weft_api::{
    Asset, AssetBackfill, AssetUpdate, NewAssetBackfill, NewAssetUpdate, PartitionRun,
    problem::{Code, Exit, Problem, Problems},
    text,
};
use weft_client::{
    Client,
    page::{self, Listed},
    route,
};

/// How many updates are shown with an asset.
const NEWEST: usize = 10;
/// The longest line of an update, in characters.
const MAX_LINE: usize = 600;

/// Show assets and their updates, and report updates
#[derive(Debug, clap::Args)]
#[command(after_long_help = "\
Examples:
  wfctl assets list
  wfctl assets show s3://lake/orders
  wfctl assets updates s3://lake/orders --limit 500
  wfctl assets update s3://lake/orders --partition 2026-11-26 --metadata '{\"rows\": 3}'
  wfctl assets backfill s3://lake/orders --partition north --partition south --only-missing
  wfctl assets of-run 0c3k5v7n9q1st           # the updates that created the run
  wfctl assets of-run 0c3k5v7n9q1st --made    # those that its tasks made")]
pub(crate) struct AssetsArgs {
    #[command(subcommand)]
    command: AssetsCommand,
    #[command(flatten)]
    server: ConnectArgs,
}

#[derive(Debug, clap::Subcommand)]
enum AssetsCommand {
    /// List assets with the tasks that update them and the DAGs whose runs they create
    List {
        #[command(flatten)]
        list: ListArgs,
    },
    /// Show an asset and its newest updates
    Show {
        /// The asset
        #[arg(value_name = "ASSET")]
        asset: String,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// List the updates of an asset, the newest first
    Updates {
        /// The asset
        #[arg(value_name = "ASSET")]
        asset: String,
        #[command(flatten)]
        list: ListArgs,
    },
    /// List the updates that created a run, or that it made
    OfRun {
        #[command(flatten)]
        run: RunRef,
        /// Those that its tasks made
        #[arg(long)]
        made: bool,
        #[command(flatten)]
        list: ListArgs,
    },
    /// Create a run for each of some partitions of an asset
    Backfill {
        /// The asset
        #[arg(value_name = "ASSET")]
        asset: String,
        /// A partition to fill; may be repeated
        #[arg(long, value_name = "KEY", required = true)]
        partition: Vec<String>,
        /// The DAG that updates the asset, where several do
        #[arg(long, value_name = "DAG")]
        dag: Option<String>,
        /// The DAG's parameter that receives the partition
        #[arg(long, value_name = "NAME", default_value = "partition")]
        param_name: String,
        /// A further parameter of every run: text or JSON, or @FILE; may be repeated
        #[arg(long, short, value_name = "NAME=VALUE", requires = "dag")]
        param: Vec<String>,
        /// Leave out the partitions that were updated before
        #[arg(long)]
        only_missing: bool,
        /// Create no runs, and print what would be created
        #[arg(long)]
        dry_run: bool,
        /// Identifies the backfill: the same key again creates no second run for a partition [default: a random one]
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
    /// Report that an asset was updated
    Update {
        /// The asset
        #[arg(value_name = "ASSET")]
        asset: String,
        /// Which part of it was updated
        #[arg(long, value_name = "KEY")]
        partition: Option<String>,
        /// What consumers should know: a JSON object
        #[arg(long, value_name = "JSON")]
        metadata: Option<String>,
        /// Identifies the update: the same key again makes no second one
        #[arg(long, value_name = "KEY")]
        key: Option<String>,
        #[command(flatten)]
        format: FormatArgs,
    },
}

/// Runs the subcommand.
pub(crate) fn run(args: &AssetsArgs) -> Result<Exit, Problems> {
    let client = client::connect(&args.server)?;
    client::block_on(async {
        match &args.command {
            AssetsCommand::List { list } => {
                let assets = page::collect::<Asset>(list.limit(), || {
                    client.request(&route::LIST_ASSETS, &[])
                })
                .await?;
                table::list(list, &assets)?;
            }
            AssetsCommand::Show { asset, format } => {
                let shown = show(&client, asset).await?;
                let newest = updates(&client, asset, NEWEST).await?.items;
                table::one(format.output, &shown, |zone| {
                    describe(&shown, &newest, zone)
                })?;
            }
            AssetsCommand::Updates { asset, list } => {
                table::list(list, &updates(&client, asset, list.limit()).await?)?;
            }
            AssetsCommand::OfRun { run, made, list } => {
                let run = run.id(&client).await?;
                let which = if *made { "made" } else { "taken" };
                let updates = page::collect::<AssetUpdate>(list.limit(), || {
                    let request = client.request(&route::LIST_ASSETS_OF_RUN, &[&run]);
                    request.query_some("which", Some(which))
                })
                .await?;
                table::list(list, &updates)?;
            }
            AssetsCommand::Backfill {
                asset,
                partition,
                dag,
                param_name,
                param,
                only_missing,
                dry_run,
                key,
                format,
            } => {
                let params = match dag {
                    Some(dag) => given::params(&client, dag, param).await?,
                    None => Map::new(),
                };
                let body = NewAssetBackfill {
                    asset: asset.clone(),
                    partitions: partition.clone(),
                    dag: dag.clone(),
                    param: param_name.clone(),
                    params,
                    only_missing: *only_missing,
                    dry_run: *dry_run,
                };
                let key = key.clone().unwrap_or_else(weft_client::idempotency_key);
                let request = client.request(&route::BACKFILL_ASSET, &[]).json(&body);
                let made: AssetBackfill = request.idempotency_key(&key)?.fetch().await?;
                table::one(format.output, &made, |_| filled(&made))?;
            }
            AssetsCommand::Update {
                asset,
                partition,
                metadata,
                key,
                format,
            } => {
                let body = NewAssetUpdate {
                    asset: asset.clone(),
                    partition: partition.clone(),
                    metadata: metadata.as_deref().map(object).transpose()?,
                };
                let mut request = client.request(&route::REPORT_ASSET_UPDATE, &[]).json(&body);
                if let Some(key) = key {
                    request = request.idempotency_key(key)?;
                }
                let update: AssetUpdate = request.fetch().await?;
                table::one(format.output, &update, |zone| {
                    format!("{asset} was updated at {}\n", zone.shown(update.at))
                })?;
            }
        }
        Ok(Exit::Success)
    })
}

async fn show(client: &Client, asset: &str) -> Result<Asset, Problems> {
    let found = page::collect::<Asset>(1, || {
        let request = client.request(&route::LIST_ASSETS, &[]);
        request.query("asset", asset)
    });
    let mut found = found.await?.items;
    let none = || {
        let asset = text::line(asset, 250);
        let message = format!("no task updates the asset {asset}, and it was never updated");
        Problem::new(Code::Usage, message).help("`wfctl assets list` shows those there are")
    };
    Ok(found.pop().ok_or_else(none)?)
}

async fn updates(
    client: &Client,
    asset: &str,
    limit: usize,
) -> Result<Listed<AssetUpdate>, Problems> {
    page::collect(limit, || {
        let request = client.request(&route::LIST_ASSET_UPDATES, &[]);
        request.query("asset", asset)
    })
    .await
}

/// What a backfill created, for people.
fn filled(made: &AssetBackfill) -> String {
    let runs = text::counted(made.runs.len(), "run");
    let verb = if made.dry_run {
        "would be made"
    } else {
        "made"
    };
    let mut said = format!("{runs} of {} {verb} (version {})\n", made.dag, made.version);
    for PartitionRun { partition, run } in &made.runs {
        let line = format!("  {partition}  {}", run.as_deref().unwrap_or_default());
        said.push_str(text::line(&line, MAX_LINE).trim_end());
        said.push('\n');
    }
    if !made.updated.is_empty() {
        let left_out = text::counted(made.updated.len(), "partition");
        said.extend([left_out.as_str(), " left out: updated before\n"]);
    }
    said
}

/// An asset for people.
fn describe(asset: &Asset, newest: &[AssetUpdate], zone: &Zone) -> String {
    let producers = asset.producers.iter();
    let producers: Vec<String> = producers
        .map(|by| format!("{}/{}", by.dag, by.task))
        .collect();
    let mut said = table::fields(&[
        ("asset", asset.asset.clone()),
        ("updated", zone.shown_some(asset.updated)),
        ("updated by", producers.join(", ")),
        ("creates runs of", asset.consumers.join(", ")),
    ]);
    for update in newest {
        let by = update.made_by.as_ref();
        let by = by.map(|by| format!("{}/{} of run {}", by.dag, by.task, by.run));
        let by = by
            .or_else(|| update.reported_by.clone())
            .unwrap_or_default();
        let partition = update.partition.as_deref().unwrap_or_default();
        let line = format!("{} {partition} by {by}", zone.shown(update.at));
        said.push_str(&text::line(&line, MAX_LINE));
        said.push('\n');
    }
    said
}

fn object(text: &str) -> Result<Map<String, Value>, Problem> {
    serde_json::from_str(text).map_err(|error| {
        let message = format!("--metadata is no JSON object: {error}");
        Problem::new(Code::Usage, message).help("write --metadata '{\"rows\": 3}'")
    })
}
