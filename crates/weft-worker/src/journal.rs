//! Which attempts are in guest code, on disk: what is left of a process that was
//! killed tells the next one who was there.
//!
//! One line of a fixed length for each slot, with the attempt and what proves its claim, written
//! in place when an attempt begins and when it ends: a `pwrite` of 128 bytes each, some microseconds, and
//! no sync, since the kernel keeps what a killed process has written. A machine
//! that goes down takes all attempts with it and blames none: the first line names
//! the boot. A worker that ends in order removes the file.
//!
//! Nor is anybody to blame for a process that was killed from outside: it left no
//! mark ([`fatal`]), and the kernel has killed nothing for want of memory since it
//! began. Where one of these can't be known, it may have been its own doing.
//!
//! It only ever says who was there. Where it can't be written, or is lost, a crash
//! is a loss as any other.

use crate::fatal;
use std::{
    collections::HashMap,
    fmt::{self, Write as _},
    fs::{self, File, OpenOptions, Permissions},
    io::{self, BufRead as _, BufReader},
    os::unix::fs::{FileExt as _, OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};
use weft_broker::{AttemptKey, ClaimSecret, HeldClaim, message};
use weft_core::suspicion::Evidence;

/// The length of a line, its end included.
pub(crate) const LINE_BYTES: usize = 128;
/// Lines before those of attempts: what the process was, and its mark.
const LINES_BEFORE: u32 = 2;
/// What names this boot of the machine; elsewhere than on Linux all are one.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";
/// What the kernel counts: a line `oom_kill N` since Linux 4.13, of the whole machine, a
/// container's too.
const COUNTS: &str = "/proc/vmstat";
/// Begins the line of a watched attempt.
const WATCHED: &str = "watched";
/// Begins the line of any other attempt.
const RUNNING: &str = "running";

/// An attempt that was in guest code when the process before this one ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Suspect {
    pub(crate) claim: HeldClaim,
    pub(crate) evidence: Evidence,
}

/// Attempts in guest code, one on each line of the file.
#[derive(Debug)]
pub(crate) struct Journal {
    open: Option<(PathBuf, File)>,
    lines: HashMap<AttemptKey, (u32, HeldClaim)>,
    free: Vec<u32>,
    /// The one watched attempt of the journal.
    watched: Option<AttemptKey>,
}

impl Journal {
    /// Of a worker that keeps none.
    pub(crate) fn none() -> Self {
        Self {
            open: None,
            lines: HashMap::new(),
            free: Vec::new(),
            watched: None,
        }
    }

    /// Begins a journal for so many attempts at once, and says who was there when
    /// the process before this one ended without a farewell.
    ///
    /// # Errors
    /// The file can't be read or written.
    pub(crate) fn begin(path: &Path, slots: u32) -> io::Result<(Self, Vec<Suspect>)> {
        let life = Life::now();
        let suspects = match File::open(path) {
            Ok(file) => read(file, &life)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            Err(error) => return Err(error),
        };
        // The claims' secrets are its owner's.
        let file = OpenOptions::new()
            .mode(0o600)
            .write(true)
            .create(true)
            .truncate(true)
            .open(path)?;
        // One of an earlier version may be there already.
        file.set_permissions(Permissions::from_mode(0o600))?;
        // Its full size from the start: a disk that fills up later can't lose a line.
        let mut text = line(&life.to_string()).to_vec();
        for _rest in 1..LINES_BEFORE + slots {
            text.extend_from_slice(&line(""));
        }
        file.write_all_at(&text, 0)?;
        fatal::open(&file);
        let journal = Self {
            open: Some((path.to_owned(), file)),
            lines: HashMap::new(),
            free: (LINES_BEFORE..LINES_BEFORE + slots).rev().collect(),
            watched: None,
        };
        Ok((journal, suspects))
    }

    /// An attempt is about to enter guest code, and so many tasks may run ahead on its success. If
    /// the process dies, it may have been any of them.
    pub(crate) fn begins(&mut self, claim: HeldClaim, is_watched: bool, ahead: usize) {
        let Some(at) = self.free.pop() else { return };
        let key = claim.key;
        self.lines.insert(key, (at, claim));
        if !is_watched {
            self.write(at, RUNNING, claim, ahead);
            return;
        }
        // The time of the attempt watched before is over.
        if let Some(before) = self.watched.replace(key)
            && let Some((before_at, before)) = self.lines.get(&before).copied()
        {
            self.write(before_at, RUNNING, before, 0);
        }
        self.write(at, WATCHED, claim, 0);
    }

    /// An attempt is out of guest code.
    pub(crate) fn ended(&mut self, key: &AttemptKey) {
        let Some((at, _claim)) = self.lines.remove(key) else {
            return;
        };
        if self.watched == Some(*key) {
            self.watched = None;
        }
        self.put(at, &line(""));
        self.free.push(at);
    }

    fn write(&mut self, at: u32, how: &str, claim: HeldClaim, ahead: usize) {
        let key = message::write_key(&claim.key);
        let secret = claim.secret.map(ClaimSecret::to_hex).unwrap_or_default();
        let mut text = format!("{how} {key} {secret}");
        if ahead > 0 {
            write!(text, " {ahead}").expect("a String accepts every write");
        }
        self.put(at, &line(&text));
    }

    fn put(&mut self, at: u32, line: &[u8; LINE_BYTES]) {
        let Some((path, file)) = &self.open else {
            return;
        };
        if let Err(error) = file.write_all_at(line, u64::from(at) * LINE_BYTES as u64) {
            tracing::warn!(path = %path.display(), %error, operation = "write journal", "writing the journal failed; a crash of this worker will have no suspects");
            fatal::close(file);
            self.open = None;
        }
    }
}

/// This process ends in order, or unwinds: no attempt took it down.
impl Drop for Journal {
    fn drop(&mut self) {
        let Some((path, file)) = &self.open else {
            return;
        };
        fatal::close(file);
        if let Err(error) = fs::remove_file(path) {
            tracing::warn!(path = %path.display(), %error, operation = "remove journal", "removing the journal failed; the next process may suspect its attempts");
        }
    }
}

/// A text padded to a line; a longer one is cut, and then names no attempt.
fn line(text: &str) -> [u8; LINE_BYTES] {
    let mut line = [b' '; LINE_BYTES];
    let most = text.len().min(LINE_BYTES - 1);
    line[..most].copy_from_slice(&text.as_bytes()[..most]);
    line[LINE_BYTES - 1] = b'\n';
    line
}

/// What tells one process's life from another's, and how it ended.
#[derive(Debug, PartialEq, Eq)]
struct Life {
    /// Which boot of the machine.
    boot: String,
    /// How many processes the kernel had killed for want of memory; none where that is not known.
    killed: Option<u64>,
    /// Whether it leaves a mark where it takes itself down.
    marks: bool,
}

impl Life {
    /// Of this process.
    fn now() -> Self {
        let boot = fs::read_to_string(BOOT).unwrap_or_default();
        let counts = fs::read_to_string(COUNTS).unwrap_or_default();
        let killed = counts
            .lines()
            .find_map(|line| line.strip_prefix("oom_kill ")?.parse().ok());
        Self {
            boot: boot.trim().to_owned(),
            killed,
            marks: fatal::are_seen(),
        }
    }

    /// Of the process that wrote this; an older version's line says less.
    fn of(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        if words.next() != Some("boot") {
            return None;
        }
        Some(Self {
            boot: words.next().unwrap_or_default().to_owned(),
            killed: words.next().and_then(|killed| killed.parse().ok()),
            marks: words.next() == Some("marks"),
        })
    }

    /// Whether it can only have been ended from outside, as it left no mark.
    fn was_ended(&self, next: &Self) -> bool {
        self.marks && self.killed.is_some() && self.killed == next.killed
    }
}

impl fmt::Display for Life {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "boot {} ", self.boot)?;
        match self.killed {
            Some(killed) => write!(f, "{killed}")?,
            None => f.write_str("unknown")?,
        }
        f.write_str(if self.marks { " marks" } else { "" })
    }
}

/// Reads the attempts of a journal of this boot. A line that names no attempt is ignored.
fn read(file: File, next: &Life) -> io::Result<Vec<Suspect>> {
    let mut lines = BufReader::new(file).lines();
    let first = lines.next().transpose()?;
    let Some(life) = first
        .and_then(|first| Life::of(first.trim_end()))
        .filter(|life| life.boot == next.boot)
    else {
        return Ok(Vec::new());
    };
    let mut found = Vec::new();
    let mut ahead: usize = 0;
    let mut is_marked = false;
    for text in lines {
        let text = text?;
        let text = text.trim_end();
        is_marked |= text == fatal::MARK;
        let mut words = text.split(' ');
        let (how, key) = (words.next(), words.next());
        if let Some(Ok(key)) = key.map(message::read_key) {
            let secret = words.next().and_then(ClaimSecret::from_hex);
            found.push((HeldClaim { key, secret }, how == Some(WATCHED)));
            ahead += words.next().map_or(0, |ahead| ahead.parse().unwrap_or(0));
        }
    }
    let was_ended = !is_marked && life.was_ended(next);
    let others = u32::try_from((found.len() + ahead).saturating_sub(1)).unwrap_or(u32::MAX);
    let is_one_watched = found.iter().filter(|(_, is_watched)| *is_watched).count() == 1;
    Ok(found
        .into_iter()
        .map(|(claim, is_watched)| {
            let is_the_one = others == 0 || (is_watched && is_one_watched);
            let evidence = if was_ended {
                Evidence::Outside
            } else if is_the_one {
                Evidence::Alone
            } else {
                Evidence::Among { others }
            };
            Suspect { claim, evidence }
        })
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use weft_broker::ClaimKeys;
    use weft_core::{
        document::TaskIndex,
        run::{Attempt, Instance},
        run_id::RunId,
    };

    fn key(index: u32) -> AttemptKey {
        AttemptKey {
            shard: u32::MAX,
            run: RunId::from_i64(i64::MAX).unwrap(),
            attempt: Attempt {
                instance: Instance {
                    task: TaskIndex(u32::MAX),
                    index,
                },
                number: u32::MAX,
                nonce: u64::MAX,
            },
        }
    }

    fn claim(index: u32) -> HeldClaim {
        let key = key(index);
        HeldClaim {
            key,
            secret: Some(ClaimKeys::new([3; 32], []).secret(&key)),
        }
    }

    /// What the process before left when it was killed now.
    fn killed(journal: Journal, path: &Path) -> Vec<Suspect> {
        let left = fs::read(path).unwrap();
        drop(journal);
        assert!(!path.exists(), "it ended in order");
        fs::write(path, left).unwrap();
        let (journal, suspects) = Journal::begin(path, 4).unwrap();
        drop(journal);
        suspects
    }

    fn journal(path: &Path) -> Journal {
        let (journal, suspects) = Journal::begin(path, 4).unwrap();
        assert!(suspects.is_empty());
        journal
    }

    #[test]
    fn an_attempt_that_was_alone_is_the_cause() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("running");
        let mut journal = journal(&path);
        for other in 1..=3 {
            journal.begins(claim(other), false, 0);
        }
        journal.begins(claim(u32::MAX), false, 0);
        (1..=3).for_each(|other| journal.ended(&key(other)));
        let suspect = Suspect {
            claim: claim(u32::MAX),
            evidence: Evidence::Alone,
        };
        assert_eq!(killed(journal, &path), [suspect]);
    }

    #[test]
    fn one_of_many_is_the_one_that_was_watched_last() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("running");
        let mut first = journal(&path);
        first.begins(claim(1), false, 0);
        first.begins(claim(2), false, 0);
        let found = killed(first, &path);
        assert!(
            found
                .iter()
                .all(|suspect| suspect.evidence == Evidence::Among { others: 1 }),
            "{found:?}"
        );
        fs::remove_file(&path).ok();
        let mut second = journal(&path);
        second.begins(claim(1), false, 0);
        second.begins(claim(2), true, 0);
        second.begins(claim(3), true, 0);
        let found = killed(second, &path);
        let alone: Vec<u32> = found
            .iter()
            .filter(|suspect| suspect.evidence == Evidence::Alone)
            .map(|suspect| suspect.claim.key.attempt.instance.index)
            .collect();
        assert_eq!((found.len(), alone), (3, vec![3]));
    }

    #[test]
    fn an_attempt_on_which_tasks_run_ahead_is_one_of_many() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("running");
        let mut journal = journal(&path);
        journal.begins(claim(u32::MAX), false, weft_core::run_ahead::MAX_TASKS);
        let suspect = Suspect {
            claim: claim(u32::MAX),
            evidence: Evidence::Among { others: 64 },
        };
        assert_eq!(killed(journal, &path), [suspect]);
    }

    #[test]
    fn no_attempt_is_blamed_for_a_kill_from_outside() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("running");
        let boot = Life::now().boot;
        let mut journal = journal(&path);
        journal.begins(claim(1), false, 0);
        let left = fs::read_to_string(&path).unwrap();
        drop(journal);
        let next = Life {
            boot,
            killed: Some(7),
            marks: false,
        };
        let evidence = |killed: Option<u64>, marks: bool, mark: &str| {
            let life = Life {
                boot: next.boot.clone(),
                killed,
                marks,
            };
            let mut lines: Vec<&str> = left.lines().collect();
            let first = life.to_string();
            (lines[0], lines[1]) = (&first, mark);
            fs::write(&path, lines.join("\n")).unwrap();
            let found = read(File::open(&path).unwrap(), &next).unwrap();
            assert_eq!((found.len(), found[0].claim), (1, claim(1)));
            found[0].evidence
        };
        assert_eq!(evidence(Some(7), true, ""), Evidence::Outside);
        for (killed, marks, mark) in [
            // Its own doing.
            (Some(7), true, fatal::MARK),
            // The kernel killed somebody meanwhile.
            (Some(6), true, ""),
            // It can't be known.
            (None, true, ""),
            (Some(7), false, ""),
        ] {
            assert_eq!(evidence(killed, marks, mark), Evidence::Alone);
        }
        // What an older version left.
        let old = format!(
            "boot {}\nrunning {}\n",
            next.boot,
            message::write_key(&key(1))
        );
        fs::write(&path, old).unwrap();
        let found = read(File::open(&path).unwrap(), &next).unwrap();
        assert_eq!(found[0].evidence, Evidence::Alone);
    }

    #[test]
    fn no_attempt_is_suspected_after_an_orderly_end_another_boot_or_damage() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("running");
        let mut first = journal(&path);
        first.begins(claim(1), false, 0);
        let left = fs::read_to_string(&path).unwrap();
        drop(first);
        drop(journal(&path));
        for damaged in [
            left.replacen("boot", "boat", 1),
            left.replace("running", "runninx").replace('.', ","),
            "running".to_owned(),
            String::new(),
        ] {
            fs::write(&path, damaged).unwrap();
            drop(journal(&path));
        }
        // Attempts beyond its lines run, and are not recorded.
        let mut full = journal(&path);
        for many in 0..9 {
            full.begins(claim(many), true, 0);
        }
        (0..9).for_each(|many| full.ended(&key(many)));
        assert_eq!(full.free.len(), 4);
        assert_eq!(killed(full, &path), []);
    }
}
