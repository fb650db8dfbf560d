//! `wfctl db`: the database of `wfctl up`, looked at and brought up to date.

use super::{database::DatabaseArgs, up::server_data};
use std::path::PathBuf;
use weft_api::problem::{Code, Exit, Problem, Problems};
use weft_dagfile::engine;
use weft_node::{
    PostgresUrl,
    data_folder::DataFolder,
    database::{read_only, unfit},
};
use weft_store_sql::{Database, DatabaseLocation};

/// Check or migrate the database of 'wfctl up'
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wfctl db check
  wfctl db migrate --data /srv/weft
  WEFT_DATABASE_URL=postgres://weft:secret@db.example.org/weft wfctl db check

'wfctl up' migrates its database at the start; this command does it beforehand.")]
pub(crate) struct DbArgs {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, clap::Subcommand)]
enum Action {
    /// Check that the database is intact and fits this version; changes nothing
    #[command(long_about = "\
Check that the database is intact and fits this version. Changes nothing, and
may run while 'wfctl up' uses the database. Exit code 1: it is damaged, has to
be migrated first, or is of a newer version.")]
    Check(WhichArgs),
    /// Migrate the database to this version of Weft; 'wfctl up' must not run
    Migrate(WhichArgs),
}

#[derive(Debug, clap::Args)]
struct WhichArgs {
    /// The data folder
    #[arg(
        long,
        value_name = "FOLDER",
        help = "The data folder (default: the folder 'server' in $WEFT_DATA_DIR or ~/.local/share/weft)"
    )]
    data: Option<PathBuf>,
    #[command(flatten)]
    database: DatabaseArgs,
}

impl WhichArgs {
    fn folder(&self) -> Result<DataFolder, Problem> {
        match &self.data {
            Some(data) => DataFolder::existing(data),
            None => DataFolder::existing(&server_data()?),
        }
    }
}

/// Does one of the two.
pub(crate) fn run(args: &DbArgs) -> Result<Exit, Problems> {
    let runtime = engine::runtime()?;
    match &args.action {
        Action::Check(which) => runtime.block_on(check(which))?,
        Action::Migrate(which) => runtime.block_on(migrate(which))?,
    }
    Ok(Exit::Success)
}

async fn check(which: &WhichArgs) -> Result<(), Problem> {
    let (database, shown) = if let Some(url) = which.database.postgres()? {
        (postgres(&url).await?, "the Postgres database".to_owned())
    } else {
        let file = which.folder()?.database();
        (read_only(&file).await?, file.display().to_string())
    };
    database.check().await.map_err(unfit)?;
    let damages = database
        .find_damage()
        .await
        .map_err(|error| damaged(&error))?;
    if !damages.is_empty() {
        return Err(damaged(&damages.join("; ")));
    }
    let statements = database
        .check_statements()
        .await
        .map_err(|error| damaged(&error))?;
    database.close().await;
    anstream::println!(
        "{shown} is intact: schema {}, which this version of Weft expects, and all {statements} statements fit it",
        Database::known_schema()
    );
    Ok(())
}

async fn migrate(which: &WhichArgs) -> Result<(), Problem> {
    let database = if let Some(url) = which.database.postgres()? {
        postgres(&url).await?
    } else {
        let folder = which.folder()?;
        // Nothing is made where there was nothing.
        read_only(&folder.database()).await?.close().await;
        let place = DatabaseLocation::Sqlite {
            folder: folder.path().to_owned(),
        };
        Database::open(&place).await.map_err(unfit)?
    };
    // Servers and schedulers of the version before may go on meanwhile.
    database.lock_shared().await.map_err(unfit)?;
    let done = database.migrate().await.map_err(unfit)?;
    database.close().await;
    for migration in &done {
        anstream::println!("{:>4}  {}", migration.number, migration.name);
    }
    if done.is_empty() {
        anstream::println!(
            "nothing to do: the database has schema {}",
            Database::known_schema()
        );
    }
    Ok(())
}

async fn postgres(url: &PostgresUrl) -> Result<Database, Problem> {
    Database::open(&url.location()).await.map_err(unfit)
}

fn damaged(error: &dyn std::fmt::Display) -> Problem {
    Problem::new(
        Code::DamagedData,
        format!("the database is damaged: {error}"),
    )
    .help("restore a backup: wfctl restore")
}
