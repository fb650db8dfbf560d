//! `wfctl build --watch`: builds at each change, and at nothing else.

use crate::home::Home;
use rustix::process::{Pid, Signal, kill_process};
use std::{
    fs,
    io::{BufRead as _, BufReader, Read},
    process::Child,
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    thread,
    time::Duration,
};

/// A build takes a moment; a longer wait means that it will not come.
const SOON: Duration = Duration::from_mins(1);

fn manifest(id: &str) -> String {
    format!("[dag]\nid = \"{id}\"\n\n[tasks.log]\ncomponent = \"guest_plain.wasm\"\n")
}

/// The lines of a stream, as they come.
fn lines(stream: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stream).lines() {
            let line = line.expect("it speaks UTF-8");
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The next line with these words.
#[track_caller]
fn next(lines: &Receiver<String>, words: &str) -> String {
    loop {
        match lines.recv_timeout(SOON) {
            Ok(line) if line.contains(words) => return line,
            Ok(_other) => {}
            Err(error) => panic!("{words:?} does not come: {error}"),
        }
    }
}

struct Watching {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Watching {
    fn start(home: &Home) -> Self {
        let mut child = home.spawn(&["build", "--watch"]);
        let stdout = lines(child.stdout.take().expect("it is piped"));
        let stderr = lines(child.stderr.take().expect("it is piped"));
        Self {
            child,
            stdout,
            stderr,
        }
    }

    /// Ctrl-C; what it had still said on standard output.
    fn interrupt(mut self) -> (Option<i32>, Vec<String>) {
        kill_process(Pid::from_child(&self.child), Signal::INT)
            .expect("a child can be interrupted");
        let ended = self.child.wait().expect("it ends");
        let mut rest = Vec::new();
        loop {
            match self.stdout.recv_timeout(SOON) {
                Ok(line) => rest.push(line),
                Err(RecvTimeoutError::Disconnected) => return (ended.code(), rest),
                Err(RecvTimeoutError::Timeout) => panic!("standard output stays open"),
            }
        }
    }
}

#[test]
fn each_change_is_built_and_a_mistake_is_shown_and_waited_out() {
    let home = Home::new();
    home.dag(&manifest("first"));
    let dag = home.path("work").join("dag.toml");
    let watching = Watching::start(&home);
    next(&watching.stdout, "  first  1 task");
    next(&watching.stderr, "watching");

    fs::write(&dag, manifest("second")).expect("the manifest can be written");
    next(&watching.stderr, "dag.toml changed");
    next(&watching.stdout, "  second  1 task");
    next(&watching.stderr, "watching");

    fs::write(&dag, "[dag]\nid = \"torn").expect("the manifest can be written");
    next(&watching.stderr, "error[");
    next(&watching.stderr, "watching");

    fs::write(&dag, manifest("third")).expect("the manifest can be written");
    next(&watching.stdout, "  third  1 task");
    next(&watching.stderr, "watching");

    let (code, rest) = watching.interrupt();
    assert_eq!(code, Some(130));
    // What it wrote itself was no change.
    assert_eq!(rest, Vec::<String>::new());
    let built = home.run(&["inspect", "dag.wasm"]).exits(0);
    assert!(built.stdout.contains("third"), "{}", built.stdout);
}

/// Files that the manifest names are sources too, and so is a folder that is new.
#[test]
fn a_file_that_the_manifest_names_is_built_when_it_comes() {
    let home = Home::new();
    home.dag(&manifest("moved").replace("guest_plain.wasm", "made/guest_plain.wasm"));
    let watching = Watching::start(&home);
    next(&watching.stderr, "error[");
    next(&watching.stderr, "watching");
    let folder = home.path("work").join("made");
    fs::create_dir(&folder).expect("there is room for a folder");
    fs::copy(
        home.path("work").join("guest_plain.wasm"),
        folder.join("guest_plain.wasm"),
    )
    .expect("the guest can be copied");
    next(&watching.stdout, "  moved  1 task");
    let (code, _rest) = watching.interrupt();
    assert_eq!(code, Some(130));
}

#[test]
fn what_is_not_there_can_not_be_watched() {
    let home = Home::new();
    let said = home.run(&["build", "--watch", "nowhere"]).exits(3);
    assert!(said.stderr.contains("nowhere"), "{}", said.stderr);
}
