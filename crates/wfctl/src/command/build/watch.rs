//! `wfctl build --watch`: builds, and again at each change of the sources, until
//! somebody presses Ctrl-C.
//!
//! What tells of a change is only a hint: whether there is something to build is
//! decided by comparing what the sources are with what they were when the last
//! build began. So neither its own output nor a file that is written twice with
//! the same bytes' time makes it build, and nothing that changes meanwhile is lost.

use super::{BuildArgs, show};
use crate::diagnostic;
use notify::{EventKind, RecommendedWatcher, RecursiveMode, Watcher as _};
use std::{
    collections::BTreeSet,
    path::PathBuf,
    sync::mpsc::{self, Receiver, RecvTimeoutError, Sender},
    time::Duration,
};
use weft_api::problem::{Code, Exit, Problem, Problems};
use weft_build::sources::{Since, Snapshot, SourceTree};
use weft_dagfile::engine;
use weft_local::interrupt;

/// An editor writes a file in several steps, a branch that is checked out changes many:
/// it is built when nothing has happened for so long.
const QUIET: Duration = Duration::from_millis(150);

/// What the loop waits for.
enum Happened {
    /// Something in a watched folder may have changed.
    Changed,
    /// Somebody asks it to end.
    Interrupted,
}

/// Builds until it is asked to end.
pub(super) fn run(args: &BuildArgs) -> Result<Exit, Problems> {
    let mut tree = SourceTree::of(&args.path, args.output.as_deref())?;
    let (sender, receiver) = mpsc::channel();
    let _listening = listen(sender.clone())?;
    let mut folders = Folders::watching(sender)?;
    loop {
        tree.refresh_manifest();
        folders.follow(tree.folders())?;
        let before = tree.snapshot();
        let built = weft_build::build(&args.path, args.output.as_deref());
        if is_interrupted(&receiver) {
            return Ok(Exit::Interrupted);
        }
        match &built {
            Ok(built) => show(built),
            Err(problems) => diagnostic::report(problems),
        }
        anstream::eprintln!("watching {}; Ctrl-C ends", tree.folder().display());
        if !changes(&tree, &mut folders, &receiver, &before)? {
            return Ok(Exit::Interrupted);
        }
    }
}

/// Waits until the sources are others than `before`; `false` when it is asked to end.
fn changes(
    tree: &SourceTree,
    folders: &mut Folders,
    receiver: &Receiver<Happened>,
    before: &Snapshot,
) -> Result<bool, Problem> {
    // A build may write a lock file, once; what changes later was somebody else.
    let mut now = tree.snapshot();
    if let Some(changed) = before.changed(&now, Since::BuildBegan) {
        tell(&changed);
        return Ok(true);
    }
    loop {
        match receiver.recv() {
            Ok(Happened::Changed) => {}
            Ok(Happened::Interrupted) | Err(mpsc::RecvError) => return Ok(false),
        }
        loop {
            match receiver.recv_timeout(QUIET) {
                Ok(Happened::Changed) => {}
                Ok(Happened::Interrupted) | Err(RecvTimeoutError::Disconnected) => {
                    return Ok(false);
                }
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        folders.follow(tree.folders())?;
        let later = tree.snapshot();
        if let Some(changed) = now.changed(&later, Since::BuildEnded) {
            tell(&changed);
            return Ok(true);
        }
        now = later;
    }
}

fn tell(changed: &std::path::Path) {
    anstream::eprintln!("{} changed, building again", changed.display());
}

/// Whether somebody asked it to end while it built.
fn is_interrupted(receiver: &Receiver<Happened>) -> bool {
    receiver
        .try_iter()
        .any(|happened| matches!(happened, Happened::Interrupted))
}

/// Sends a message for the first signal; the second one ends the process. What is
/// returned listens while it lives.
fn listen(sender: Sender<Happened>) -> Result<tokio::runtime::Runtime, Problem> {
    let runtime = engine::runtime()?;
    let mut asked = {
        let _inside = runtime.enter();
        interrupt::listen().map_err(|error| {
            Problem::new(
                Code::Internal,
                format!("signals can't be waited for: {error}"),
            )
        })?
    };
    runtime.spawn(async move {
        if asked.recv().await.is_some() && sender.send(Happened::Interrupted).is_err() {
            // The loop has ended by itself.
        }
        // Kept, so that the second signal finds somebody who has heard the first one.
        std::future::pending::<()>().await;
        drop(asked);
    });
    Ok(runtime)
}

/// The folders that are watched, each by itself: one that holds what builds make may
/// have thousands of folders below it that need no watch.
struct Folders {
    watcher: RecommendedWatcher,
    watched: BTreeSet<PathBuf>,
}

impl Folders {
    fn watching(sender: Sender<Happened>) -> Result<Self, Problem> {
        let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
            // What was lost may have been a change.
            let is_change = event.map_or(true, |event| !matches!(event.kind, EventKind::Access(_)));
            if is_change && sender.send(Happened::Changed).is_err() {
                // The loop has ended.
            }
        });
        Ok(Self {
            watcher: watcher.map_err(|error| cant_watch(&error))?,
            watched: BTreeSet::new(),
        })
    }

    /// Watches these folders, and no others.
    fn follow(&mut self, folders: BTreeSet<PathBuf>) -> Result<(), Problem> {
        for gone in self.watched.difference(&folders) {
            if let Err(_removed_with_the_folder) = self.watcher.unwatch(gone) {}
        }
        for new in folders.difference(&self.watched) {
            match self.watcher.watch(new, RecursiveMode::NonRecursive) {
                // It was removed since it was found.
                Err(error) if matches!(error.kind, notify::ErrorKind::PathNotFound) => {}
                watching => watching.map_err(|error| cant_watch(&error))?,
            }
        }
        self.watched = folders;
        Ok(())
    }
}

fn cant_watch(error: &notify::Error) -> Problem {
    Problem::new(
        Code::BuildFailed,
        format!("the sources can't be watched: {error}"),
    )
    .help("build without --watch, or allow more watched folders (fs.inotify.max_user_watches)")
}
