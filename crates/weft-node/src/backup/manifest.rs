//! The description of a backup, and the digests of all its files.

use super::copy;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Component, Path, PathBuf},
};
use weft_api::problem::{Code, Problem};
use weft_core::digest::Digest;
use weft_store_sql::Database;

const MANIFEST: &str = "backup.json";
const SUMS: &str = "SHA256SUMS";
/// The form of a backup.
const FORM: u32 = 1;

/// `backup.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Manifest {
    /// Which form.
    backup: u32,
    /// The version of Weft that made it.
    weft: String,
    /// When, as RFC 3339.
    pub(super) created: String,
    /// The newest step of the database's schema.
    schema: i64,
    files: u64,
    bytes: u64,
    /// Variables and connections, which are sealed.
    pub(super) secrets: u64,
    /// Whether their key is in the backup.
    pub(super) key: bool,
    /// The digest of `SHA256SUMS`.
    sums: String,
}

/// The digest of every file, by its path within the backup.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Sums {
    files: BTreeMap<PathBuf, Digest>,
    bytes: u64,
}

impl Sums {
    pub(super) fn add(&mut self, relative: PathBuf, digest: Digest, bytes: u64) {
        self.files.insert(relative, digest);
        self.bytes += bytes;
    }

    /// Adds a file that exists already.
    pub(super) fn add_file(&mut self, root: &Path, relative: &Path) -> Result<(), Problem> {
        let (digest, bytes) = copy::digest(&root.join(relative))?;
        self.add(relative.to_owned(), digest, bytes);
        Ok(())
    }

    pub(super) fn files(&self) -> u64 {
        self.files.len() as u64
    }

    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&Path, &Digest)> {
        self.files
            .iter()
            .map(|(path, digest)| (path.as_path(), digest))
    }

    fn text(&self) -> String {
        self.iter().fold(String::new(), |mut text, (path, digest)| {
            writeln!(text, "{}  {}", digest.hex(), path.display())
                .expect("writing to a String can't fail");
            text
        })
    }

    fn parse(text: &str) -> Option<Self> {
        let mut sums = Self::default();
        for line in text.lines() {
            let (digest, path) = line.split_once("  ")?;
            let path = PathBuf::from(path);
            // No backup writes a path that leads out of it.
            let is_inside = path
                .components()
                .all(|part| matches!(part, Component::Normal(_)));
            if !is_inside {
                return None;
            }
            sums.add(path, Digest::from_hex(digest)?, 0);
        }
        Some(sums)
    }
}

impl Manifest {
    pub(super) fn new(schema: i64, secrets: u64, key: bool, sums: &Sums) -> Self {
        let now = jiff::Timestamp::now();
        let now = now.round(jiff::Unit::Second).unwrap_or(now);
        Self {
            backup: FORM,
            weft: env!("CARGO_PKG_VERSION").into(),
            created: now.to_string(),
            schema,
            files: sums.files(),
            bytes: sums.bytes(),
            secrets,
            key,
            sums: Digest::of(sums.text().as_bytes()).hex(),
        }
    }

    /// Writes it and the digests.
    pub(super) fn write(&self, folder: &Path, sums: &Sums) -> Result<(), Problem> {
        let text = serde_json::to_string_pretty(self).expect("it is all texts and numbers");
        for (name, text) in [(SUMS, sums.text()), (MANIFEST, text + "\n")] {
            let path = folder.join(name);
            fs::write(&path, text).map_err(|error| Problem::io("write", &path, &error))?;
        }
        Ok(())
    }

    /// Reads what a folder says of itself, and refuses what this version can't restore.
    pub(super) fn read(folder: &Path) -> Result<(Self, Sums), Problem> {
        let shown = folder.display();
        if !folder.exists() {
            return Err(Problem::new(
                Code::FileNotFound,
                format!("there is no folder {shown}"),
            ));
        }
        let path = folder.join(MANIFEST);
        let text = fs::read_to_string(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => Problem::new(
                Code::DamagedBackup,
                format!("{shown} is no backup: there is no {MANIFEST} in it"),
            )
            .help("name a folder that 'wfctl backup' made; it is all of it, or none"),
            _ => Problem::io("read", &path, &error),
        })?;
        let damaged = |why: &str| {
            Problem::new(
                Code::DamagedBackup,
                format!("the backup {shown} is damaged: {why}"),
            )
            .help("take another copy of it, or an older backup")
        };
        let any: serde_json::Value = serde_json::from_str(&text)
            .map_err(|error| damaged(&format!("{MANIFEST}: {error}")))?;
        if any["backup"]
            .as_u64()
            .is_some_and(|form| form > FORM.into())
        {
            return Err(newer(folder, &any));
        }
        let manifest: Self = serde_json::from_value(any.clone())
            .map_err(|error| damaged(&format!("{MANIFEST}: {error}")))?;
        if manifest.schema > Database::known_schema() {
            return Err(newer(folder, &any));
        }
        let path = folder.join(SUMS);
        let text = fs::read_to_string(&path)
            .map_err(|error| damaged(&format!("{SUMS} can't be read: {error}")))?;
        if Digest::of(text.as_bytes()).hex() != manifest.sums {
            return Err(damaged(&format!("{SUMS} is not the one that was written")));
        }
        let sums =
            Sums::parse(&text).ok_or_else(|| damaged(&format!("{SUMS} can't be understood")))?;
        Ok((manifest, sums))
    }
}

fn newer(folder: &Path, manifest: &serde_json::Value) -> Problem {
    let made_by = manifest["weft"].as_str().unwrap_or("a newer version");
    Problem::new(
        Code::NewerVersion,
        format!(
            "the backup {} was made by Weft {made_by}, which this version ({}) can't read",
            folder.display(),
            env!("CARGO_PKG_VERSION")
        ),
    )
    .help(format!("restore it with Weft {made_by} or newer"))
}
