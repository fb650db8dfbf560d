//! `wfctl restore`: a data folder of a backup.

use super::{
    backup::{counted_files, until_interrupted},
    up::server_data,
};
use std::path::PathBuf;
use weft_api::problem::{Code, Exit, Problem, Problems};
use weft_dagfile::engine;
use weft_node::backup::{
    GivenUp,
    restore::{RestoreOptions, Restored, restore},
};

/// Restore a data folder for 'wfctl up' from a backup
///
/// Every byte is checked, and the folder appears when it is whole; where there
/// is something already, nothing is done. Runs that had not ended go on when
/// 'wfctl up' starts: what ran after the backup was made runs again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  wfctl restore /backups/weft
  wfctl restore /backups/weft --data /srv/weft --key /safe/secret.key")]
pub(crate) struct RestoreArgs {
    /// The folder that 'wfctl backup' made
    #[arg(value_name = "BACKUP")]
    backup: PathBuf,
    /// The data folder that is made
    #[arg(
        long,
        value_name = "FOLDER",
        help = "The data folder that is made (default: the folder 'server' in $WEFT_DATA_DIR or ~/.local/share/weft)"
    )]
    data: Option<PathBuf>,
    /// The key of variables and connections, where it isn't in the backup
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// Makes it.
pub(crate) fn run(args: &RestoreArgs) -> Result<Exit, Problems> {
    let data = match &args.data {
        Some(data) => data.clone(),
        None => server_data()?,
    };
    let options = RestoreOptions {
        backup: args.backup.clone(),
        data,
        key: args.key.clone(),
    };
    let given_up = GivenUp::default();
    let work = restore(&options, &given_up);
    let Restored {
        created,
        files,
        token,
        lacks_key,
        missing,
    } = engine::runtime()?.block_on(until_interrupted(work, &given_up))?;
    anstream::println!(
        "{} is restored from the backup of {created}: {}, all verified",
        options.data.display(),
        counted_files(files)
    );
    anstream::println!(
        "a new administrator's token is in {}; the tokens of the backup are valid as well",
        token.display()
    );
    if let Some((path, secrets)) = lacks_key {
        anstream::eprintln!(
            "{secrets} variables and connections can't be read before their key is put to {}",
            path.display()
        );
    }
    if missing.is_empty() {
        return Ok(Exit::Success);
    }
    let count = missing.len();
    Err(Problem::new(
        Code::DamagedData,
        format!("{count} blobs that the database names were not in the backup: they were damaged or missing when it was made"),
    )
    .note(missing.iter().take(5).map(ToString::to_string).collect::<Vec<_>>().join("\n"))
    .help("everything else was restored; runs that need them fail and name them")
    .into())
}
