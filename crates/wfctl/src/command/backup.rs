//! `wfctl backup`: a copy of what `wfctl up` holds, while it runs.

use super::{inspect::size, up::server_data};
use std::path::PathBuf;
use weft_api::{
    problem::{Code, Exit, Problem, Problems},
    text,
};
use weft_dagfile::engine;
use weft_node::backup::{BackedUp, BackupOptions, GivenUp, back_up};

/// Copy the database and the blobs of 'wfctl up', which may be running
///
/// The copy is one of one moment, whatever goes on meanwhile: everything that
/// was acknowledged before this command was started is in it. The folder appears
/// when it is whole. Tokens are not in it as such, and the key that seals
/// variables and connections is only where --with-key says so: keep that key
/// elsewhere, since without it they can't be read any more.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A database in Postgres is backed up by pg_dump, and the blobs after it, while nothing removes any:
  flock --shared DATA/backup.lock sh -c 'pg_dump \"$WEFT_DATABASE_URL\" > weft.sql && cp -a DATA/blobs .'

Examples:
  wfctl backup /backups/weft-$(date +%F)
  wfctl backup --data /srv/weft /backups/weft
  (cd /backups/weft && sha256sum --check --quiet SHA256SUMS)
  wfctl restore /backups/weft --data /srv/weft-again")]
pub(crate) struct BackupArgs {
    /// The folder to create; it must not exist
    #[arg(value_name = "FOLDER")]
    target: PathBuf,
    /// The data folder
    #[arg(
        long,
        value_name = "FOLDER",
        help = "The data folder (default: the folder 'server' in $WEFT_DATA_DIR or ~/.local/share/weft)"
    )]
    data: Option<PathBuf>,
    /// Include the key of variables and connections, so the backup reveals them
    #[arg(long)]
    with_key: bool,
}

/// Makes the backup; damaged data is backed up as far as possible, and reported.
pub(crate) fn run(args: &BackupArgs) -> Result<Exit, Problems> {
    let data = match &args.data {
        Some(data) => data.clone(),
        None => server_data()?,
    };
    let options = BackupOptions {
        data,
        target: args.target.clone(),
        with_key: args.with_key,
    };
    let given_up = GivenUp::default();
    let work = back_up(&options, &given_up);
    let BackedUp {
        files,
        bytes,
        secrets,
        damages,
    } = engine::runtime()?.block_on(until_interrupted(work, &given_up))?;
    anstream::println!(
        "{} contains {}, {}",
        args.target.display(),
        counted_files(files),
        size(bytes)
    );
    if secrets > 0 && !args.with_key {
        anstream::eprintln!(
            "{} is not in it: without it, {secrets} variables and connections of the backup can't be read; keep a copy of it elsewhere",
            options.data.join("secret.key").display()
        );
    }
    let problems = damages
        .into_iter()
        .map(|damage| {
            Problem::new(Code::DamagedData, damage)
                .help("the backup contains everything else; putting the same bytes again (a deploy, the same task) heals a blob")
        })
        .collect();
    Problems::from_list(problems).map_or(Ok(Exit::Success), Err)
}

/// `1 file`, `1,204 files`.
pub(super) fn counted_files(files: u64) -> String {
    text::counted(usize::try_from(files).unwrap_or(usize::MAX), "file")
}

/// Ends the work early, with its cleanup, when the user presses Ctrl-C.
pub(super) async fn until_interrupted<T>(
    work: impl Future<Output = Result<T, Problem>>,
    given_up: &GivenUp,
) -> Result<T, Problem> {
    tokio::pin!(work);
    tokio::select! {
        done = &mut work => done,
        _ = tokio::signal::ctrl_c() => {
            given_up.set();
            work.await
        }
    }
}
