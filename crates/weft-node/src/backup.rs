//! A backup: a copy of the database, and of the blobs that it names, made while
//! the service goes on.
//!
//! ```text
//! backup.json   what this is; without it, it is no backup
//! SHA256SUMS    the digest of every file below, as `sha256sum -c` reads it
//! weft.db       the database
//! blobs/        as in the data folder
//! secret.key    only on request
//! ```
//!
//! What always holds: the blobs are copied after the database, and none is
//! removed meanwhile, so that all that the database names is there; a folder of
//! this form is whole, since it gets its name when everything is on disk. There
//! is never a token in it.

mod copy;
mod manifest;
pub mod restore;
mod staging;

use crate::{
    data_folder::DataFolder,
    database::{read_only, unfit},
};
use copy::Copied;
use manifest::{Manifest, Sums};
use staging::Staging;
use std::{
    collections::HashSet,
    fs::{self, File},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use tokio::{task::spawn_blocking, time::sleep};
use weft_api::problem::{Code, Problem};
use weft_core::digest::Digest;
use weft_store_sql::{BackupError, DATABASE_FILE, Database, DigestCursor, OpenError};

/// Names of the database that are read at once.
const PAGE: u32 = 1000;
/// How often the lock on removing blobs is tried.
const ASKED_EACH: Duration = Duration::from_millis(250);
/// Files that a message names.
const MAX_NAMED: usize = 5;
const BLOBS: &str = "blobs";
const KEY: &str = "secret.key";

/// What to back up, and where to.
#[derive(Debug, Clone)]
pub struct BackupOptions {
    /// The data folder.
    pub data: PathBuf,
    /// The folder that is made.
    pub target: PathBuf,
    /// Whether the key of variables and connections goes with it.
    pub with_key: bool,
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// How many files it has.
    pub files: u64,
    /// Their size together.
    pub bytes: u64,
    /// Variables and connections, which are sealed.
    pub secrets: u64,
    /// What is damaged in the data folder; not fit to be backed up.
    pub damages: Vec<String>,
}

/// A flag that cancels a copy.
#[derive(Debug, Clone, Default)]
pub struct GivenUp(Arc<AtomicBool>);

impl GivenUp {
    /// Makes the copy stop.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn check(&self) -> Result<(), Problem> {
        if self.0.load(Ordering::Relaxed) {
            return Err(Problem::new(Code::Interrupted, "interrupted"));
        }
        Ok(())
    }
}

/// Makes a backup of a data folder, which may be in use.
///
/// # Errors
/// A problem with one of the two folders; nothing is left at the target then.
pub async fn back_up(options: &BackupOptions, given_up: &GivenUp) -> Result<BackedUp, Problem> {
    let folder = DataFolder::existing(&options.data)?;
    let source = read_only(&folder.database()).await?;
    let staging = Staging::beside(&options.target)?;
    let _held = hold(&folder, given_up).await?;
    let database = staging.path().join(DATABASE_FILE);
    let copied = source.backup(&database).await;
    source.close().await;
    copied.map_err(|error| match error {
        BackupError::Store(error) => unfit(error.into()),
        other => Problem::new(Code::DataUnavailable, other.to_string()),
    })?;
    given_up.check()?;
    let seen = look(&database).await?;
    let mut sums = Sums::default();
    let mut damages = Vec::new();
    let mut found = HashSet::new();
    let (from, to) = (folder.path().to_owned(), staging.path().to_owned());
    let (with_key, stop) = (options.with_key, given_up.clone());
    let copying = spawn_blocking(move || {
        sums.add_file(&to, Path::new(DATABASE_FILE))?;
        for relative in copy::listed(&from, Path::new(BLOBS))? {
            stop.check()?;
            match copy::file(&from, &to, &relative)? {
                Copied::Gone => {}
                Copied::Whole { digest, bytes } => {
                    found.insert(digest);
                    sums.add(relative, digest, bytes);
                }
                Copied::Damaged => damages.push(format!(
                    "{} is damaged: its bytes are not those that were put",
                    from.join(&relative).display()
                )),
            }
        }
        if with_key {
            copy::key(&from.join(KEY), &to.join(KEY))?;
            sums.add_file(&to, Path::new(KEY))?;
        }
        Ok::<_, Problem>((sums, damages, found))
    });
    let (sums, mut damages, found) = copying
        .await
        .map_err(|error| Problem::new(Code::Internal, error.to_string()))??;
    let missing: Vec<&Digest> = seen
        .named
        .iter()
        .filter(|digest| !found.contains(*digest))
        .collect();
    if !missing.is_empty() {
        damages.push(format!(
            "{} of the blobs that the database names are not there: {}",
            missing.len(),
            listed(missing.iter().map(ToString::to_string))
        ));
    }
    let backed_up = BackedUp {
        files: sums.files(),
        bytes: sums.bytes(),
        secrets: seen.secrets,
        damages,
    };
    Manifest::new(seen.schema, seen.secrets, with_key, &sums).write(staging.path(), &sums)?;
    staging.finish(&options.target)?;
    Ok(backed_up)
}

/// What a copied database says.
struct Seen {
    schema: i64,
    secrets: u64,
    /// Blobs that have to be there.
    named: HashSet<Digest>,
}

/// Looks into a copy of a database, of this version or an older one.
async fn look(file: &Path) -> Result<Seen, Problem> {
    let copy = read_only(file).await?;
    let refuse = |error: &dyn std::fmt::Display| {
        Problem::new(
            Code::DamagedData,
            format!("the database is damaged: {error}"),
        )
        .help("restore an older backup, or recover what can be read with sqlite3's .recover")
    };
    let damages = copy.find_damage().await.map_err(|error| refuse(&error))?;
    if !damages.is_empty() {
        return Err(refuse(&damages.join("; ")));
    }
    let schema = copy.schema().await.map_err(|error| refuse(&error))?;
    let mut seen = Seen {
        schema,
        secrets: 0,
        named: HashSet::new(),
    };
    match copy.check().await {
        Ok(()) => {
            let keys = copy.sealing_keys().await.map_err(|error| refuse(&error))?;
            seen.secrets = keys.iter().map(|(_key, count)| count).sum();
            seen.named = named(&copy).await.map_err(|error| refuse(&error))?;
        }
        // It is copied as it is; which blobs it names, only its own version knows.
        Err(OpenError::Pending { .. }) => {}
        Err(error) => return Err(unfit(error)),
    }
    copy.close().await;
    Ok(seen)
}

/// Every blob that a database names, artifacts left out.
pub(crate) async fn named(database: &Database) -> Result<HashSet<Digest>, weft_store::StoreError> {
    let mut named = HashSet::new();
    let mut from = Some(DigestCursor::START);
    while let Some(cursor) = from {
        let (digests, next) = database.referenced_digests(cursor, PAGE).await?;
        named.extend(digests);
        from = next;
    }
    Ok(named)
}

/// Locks the removal of blobs; waits while maintenance removes some.
async fn hold(folder: &DataFolder, given_up: &GivenUp) -> Result<File, Problem> {
    let mut is_announced = false;
    loop {
        given_up.check()?;
        let held = folder
            .hold_blobs()
            .map_err(|error| Problem::io("lock", &folder.hold(), &error))?;
        if let Some(held) = held {
            return Ok(held);
        }
        if !is_announced {
            anstream::eprintln!("waiting until the server has removed what nothing names any more");
            is_announced = true;
        }
        sleep(ASKED_EACH).await;
    }
}

/// The first few of many.
fn listed(names: impl Iterator<Item = String>) -> String {
    let mut names: Vec<String> = names.take(MAX_NAMED + 1).collect();
    if names.len() > MAX_NAMED {
        names[MAX_NAMED] = "...".into();
    }
    names.join(", ")
}

/// Makes everything below a folder durable.
fn sync(folder: &Path) -> std::io::Result<()> {
    let folder = File::open(folder)?;
    #[cfg(target_os = "linux")]
    rustix::fs::syncfs(&folder)?;
    folder.sync_all()
}

/// Whether the path is free, or an empty folder.
fn is_free(path: &Path) -> std::io::Result<bool> {
    match fs::read_dir(path) {
        Ok(mut entries) => Ok(entries.next().is_none()),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => Ok(false),
        Err(error) => Err(error),
    }
}
