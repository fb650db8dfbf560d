//! Restoring a backup: every byte is checked, and the folder appears whole or not at all.

use super::{
    BLOBS, GivenUp, KEY, copy,
    copy::Copied,
    is_free, listed,
    manifest::{Manifest, Sums},
    named,
    staging::Staging,
};
use crate::data_folder::DataFolder;
use std::{
    collections::HashSet,
    fs,
    path::{Path, PathBuf},
};
use tokio::task::spawn_blocking;
use weft_api::problem::{Code, Problem};
use weft_core::digest::Digest;
use weft_server::{create_admin_token, write_token_file};
use weft_store_sql::{Database, DatabaseLocation, OpenError, secret::Keyring};

/// Which backup, and where to.
#[derive(Debug, Clone)]
pub struct RestoreOptions {
    /// The folder of the backup.
    pub backup: PathBuf,
    /// The data folder that is made.
    pub data: PathBuf,
    /// The key of variables and connections, where it isn't in the backup.
    pub key: Option<PathBuf>,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// When the backup was made.
    pub created: String,
    /// How many files it had.
    pub files: u64,
    /// The file with the new administrator's token.
    pub token: PathBuf,
    /// Where the key has to go, and how many values wait for it.
    pub lacks_key: Option<(PathBuf, u64)>,
    /// Blobs that the database names, and that were not in the backup either.
    pub missing: Vec<Digest>,
}

/// Makes a data folder of a backup.
///
/// # Errors
/// A problem with one of the two folders; nothing is left at the data folder then.
pub async fn restore(options: &RestoreOptions, given_up: &GivenUp) -> Result<Restored, Problem> {
    let target = &options.data;
    if !is_free(target).map_err(|error| Problem::io("read", target, &error))? {
        return Err(Problem::new(
            Code::NotEmpty,
            format!("the data folder {} is not empty", target.display()),
        )
        .help("a backup is only restored where nothing is lost: move the folder away, or name another one with --data"));
    }
    let (manifest, sums) = Manifest::read(&options.backup)?;
    let staging = Staging::beside(target)?;
    let files = sums.files();
    let (from, to, stop) = (
        options.backup.clone(),
        staging.path().to_owned(),
        given_up.clone(),
    );
    let copying = spawn_blocking(move || copy_checked(&from, &to, &sums, &stop));
    let found = copying
        .await
        .map_err(|error| Problem::new(Code::Internal, error.to_string()))??;
    // A backup of nothing but a database has no blobs.
    fs::create_dir_all(staging.path().join(BLOBS))
        .map_err(|error| Problem::io("write", staging.path(), &error))?;
    let lacks_key = match (&options.key, manifest.key) {
        (Some(key), _) => {
            let to = staging.path().join(KEY);
            if manifest.key {
                fs::remove_file(&to).map_err(|error| Problem::io("replace", &to, &error))?;
            }
            copy::key(key, &to)?;
            None
        }
        (None, true) => None,
        (None, false) => (manifest.secrets > 0).then(|| (target.join(KEY), manifest.secrets)),
    };
    let place = DatabaseLocation::Sqlite {
        folder: staging.path().to_owned(),
    };
    let refuse = |error: OpenError| Problem::new(Code::DamagedBackup, error.to_string());
    let database = Database::open(&place).await.map_err(refuse)?;
    let looked = look(&database, staging.path(), lacks_key.is_none()).await;
    database.close().await;
    let needed = looked?;
    let folder = DataFolder::existing(staging.path())?;
    folder.restrict()?;
    staging.finish(target)?;
    Ok(Restored {
        created: manifest.created,
        files,
        token: DataFolder::existing(target)?.token(),
        lacks_key,
        missing: needed
            .into_iter()
            .filter(|digest| !found.contains(digest))
            .collect(),
    })
}

/// Copies every file of the backup; gives the digests of all.
fn copy_checked(
    from: &Path,
    to: &Path,
    sums: &Sums,
    stop: &GivenUp,
) -> Result<HashSet<Digest>, Problem> {
    let mut found = HashSet::new();
    for (relative, expected) in sums.iter() {
        stop.check()?;
        let damaged = |why: &str| {
            Problem::new(
                Code::DamagedBackup,
                format!(
                    "the backup {} is damaged: {} {why}",
                    from.display(),
                    relative.display()
                ),
            )
            .help("take another copy of it, or an older backup; nothing was restored")
        };
        match copy::file(from, to, relative)? {
            Copied::Gone => return Err(damaged("is missing")),
            Copied::Damaged => return Err(damaged("is not what was written")),
            Copied::Whole { digest, .. } if digest != *expected => {
                return Err(damaged("is not what was written"));
            }
            Copied::Whole { digest, .. } => found.insert(digest),
        };
        if relative == Path::new(KEY) {
            restrict_key(&to.join(relative))?;
        }
    }
    Ok(found)
}

fn restrict_key(path: &Path) -> Result<(), Problem> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
        .map_err(|error| Problem::io("restrict", path, &error))
}

/// Checks the database, migrates it, and creates an administrator's token: those of before are
/// valid, but may be lost. Returns the blobs that it names.
async fn look(
    database: &Database,
    folder: &Path,
    has_key: bool,
) -> Result<HashSet<Digest>, Problem> {
    let damaged = |error: &dyn std::fmt::Display| {
        Problem::new(
            Code::DamagedBackup,
            format!("the database of the backup is damaged: {error}"),
        )
        .help("take an older backup; nothing was restored")
    };
    let damages = database
        .find_damage()
        .await
        .map_err(|error| damaged(&error))?;
    if !damages.is_empty() {
        return Err(damaged(&listed(damages.into_iter())));
    }
    database.migrate().await.map_err(|error| damaged(&error))?;
    if has_key {
        check_key(database, &folder.join(KEY)).await?;
    }
    let token = create_admin_token(database, "restore")
        .await
        .map_err(|error| damaged(&error))?;
    let path = DataFolder::existing(folder)?.token();
    write_token_file(&path, &token).map_err(|error| Problem::io("write", &path, &error))?;
    named(database).await.map_err(|error| damaged(&error))
}

/// Whether the key opens what is sealed.
async fn check_key(database: &Database, key: &Path) -> Result<(), Problem> {
    let sealed = database
        .sealing_keys()
        .await
        .map_err(|error| Problem::new(Code::DamagedBackup, error.to_string()))?;
    if sealed.is_empty() && !key.exists() {
        return Ok(());
    }
    let keyring = Keyring::of_file(key)
        .map_err(|error| Problem::new(Code::DamagedBackup, error.to_string()))?;
    let closed: u64 = sealed
        .iter()
        .filter(|(id, _count)| !keyring.has(*id))
        .map(|(_id, count)| count)
        .sum();
    if closed > 0 {
        return Err(Problem::new(
            Code::Usage,
            format!("{closed} variables and connections are sealed with another key than this one"),
        )
        .help("name the file secret.key of the data folder that the backup was made of; without --key they are restored closed"));
    }
    Ok(())
}
