//! A process of its own for a test: its peak of memory is its own, a crash
//! of the host is that test's failure alone, and one that hangs is ended. And, where
//! a test asks for it, a disk of its own that is soon full.
//!
//! The test's program runs itself again with the test's name, so this works the
//! same under `cargo test` and under runners that isolate tests themselves.

use std::{
    env,
    io::Read,
    path::Path,
    process::{Command, ExitStatus, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

/// Says to the second process that it is the second one.
const MARK: &str = "WEFT_TEST_ISOLATED";

/// Names the folder of a small disk to the second process.
const DISK: &str = "WEFT_TEST_SMALL_DISK";

/// No test takes longer, on the busiest machine; one that does hangs.
const PATIENCE: Duration = Duration::from_mins(3);

/// Runs the body in a process of its own. Must be the only thing the test does.
#[macro_export]
macro_rules! isolated {
    ($body:expr) => {{
        fn marker() {}
        $crate::isolation::run(std::any::type_name_of_val(&marker), $body)
    }};
}

/// What [`isolated!`] expands to: `marker` is the path of a function inside the test's own.
///
/// # Panics
/// If the body panics, crashes or hangs in its process.
pub fn run(marker: &str, body: impl FnOnce()) {
    let test = name(marker);
    if is_second(test) {
        return body();
    }
    let program = env::current_exe().expect("a running program has a path");
    again(test, Command::new(program));
}

/// Runs the body on a disk of its own that holds so much: a file system in
/// memory, which only the second process sees. Must be the only thing the test does.
#[macro_export]
macro_rules! on_small_disk {
    ($mib:expr, $body:expr) => {{
        fn marker() {}
        $crate::isolation::run_on_small_disk(std::any::type_name_of_val(&marker), $mib, $body)
    }};
}

/// What [`on_small_disk!`] expands to; the body is given the disk's folder.
///
/// # Panics
/// If this user can't have mounts of its own, and as [`run`] does.
pub fn run_on_small_disk(marker: &str, mib: u32, body: impl FnOnce(&Path)) {
    let test = name(marker);
    if is_second(test) {
        let folder = env::var_os(DISK).expect("the first process names the disk");
        return body(Path::new(&folder));
    }
    let folder = tempfile::tempdir().expect("there is room for a folder");
    let program = env::current_exe().expect("a running program has a path");
    let script = format!("mount -t tmpfs -o size={mib}m none \"${DISK}\" && exec \"$0\" \"$@\"");
    // unshare(1), of util-linux: mounts that end with the process, which no other process sees.
    let mut command = Command::new("unshare");
    command
        .args(["--map-root-user", "--mount", "sh", "-c", &script])
        .arg(program)
        .env(DISK, folder.path());
    again(test, command);
}

/// The test's own name, of the path of a function inside it.
fn name(marker: &str) -> &str {
    let test = marker
        .strip_suffix("::marker")
        .expect("the macro passes its marker");
    let (_crate, test) = test.split_once("::").expect("a test is in a crate");
    test
}

fn is_second(test: &str) -> bool {
    env::var_os(MARK).is_some_and(|mark| mark == test)
}

/// Starts this program again for one test alone, by a command that ends in its path.
fn again(test: &str, mut command: Command) {
    let mut child = command
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(MARK, test)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("this program can be started again");
    let stdout = collect(child.stdout.take().expect("standard output is piped"));
    let stderr = collect(child.stderr.take().expect("standard error is piped"));
    // Both streams end with the process; waiting on them has a bound, unlike waiting on the process.
    let words = stdout
        .recv_timeout(PATIENCE)
        .and_then(|out| Ok((out, stderr.recv_timeout(PATIENCE)?)));
    let Ok((out, err)) = words else {
        child.kill().expect("a hanging child can be killed");
        panic!("{test} did not end within {PATIENCE:?}");
    };
    let status: ExitStatus = child.wait().expect("a child can be waited for");
    assert!(
        status.success(),
        "{test} failed in its process ({status}):\n{out}\n{err}"
    );
    assert!(
        out.contains("1 passed"),
        "{test} did not run in its process:\n{out}"
    );
}

fn collect(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let words = match stream.read_to_end(&mut bytes) {
            Ok(_) => String::from_utf8_lossy(&bytes).into_owned(),
            Err(error) => format!("unreadable: {error}"),
        };
        // Once the time is up there is no waiter.
        sender.send(words).ok();
    });
    receiver
}
