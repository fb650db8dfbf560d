//! Redis servers for the tests of one process.

use rustix::process::{Pid, Signal, kill_process};
use std::{
    io::{BufRead as _, BufReader},
    net::TcpListener,
    path::PathBuf,
    process::{Child, ChildStdin, Command, Stdio},
    sync::OnceLock,
};

/// How to get the server's program.
const MISSING: &str = "these tests need Redis: \
    'apt-get install --no-install-recommends redis-server' (or 'cargo xtask setup')";
/// A shell holds the server and ends it when its input ends, which it does with
/// the process that holds the other end: also where that one was killed. Signals
/// that end a whole group of processes must leave it the time to clean up.
const HOLD: &str = r#"
trap "" INT TERM HUP
program=$1; shift
"$program" "$@" &
server=$!
echo "pid $server"
read line
kill -KILL "$server" 2>/dev/null
wait "$server" 2>/dev/null
"#;

/// One server's process.
pub(crate) struct Server {
    pub(crate) port: u16,
    _folder: tempfile::TempDir,
    arguments: Vec<String>,
    running: Option<Running>,
}

struct Running {
    pid: Pid,
    shell: Child,
    /// The shell ends when this does.
    input: ChildStdin,
}

impl Server {
    /// One with these settings (`--name`, `value`, ...) on a free port.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let port = free_port();
        Self::start_at(port, &["--port", &port.to_string()], settings)
    }

    /// One whose port `listens` sets.
    pub(crate) fn start_at(port: u16, listens: &[&str], settings: &[&str]) -> Self {
        let mut arguments: Vec<String> = ["--save", "", "--appendonly", "no"]
            .iter()
            .chain(["--bind", "127.0.0.1", "--loglevel", "notice"].iter())
            .chain(listens)
            .chain(settings)
            .map(ToString::to_string)
            .collect();
        let folder = tempfile::tempdir().unwrap();
        arguments.extend(["--dir".to_owned(), folder.path().display().to_string()]);
        let mut server = Self {
            port,
            _folder: folder,
            arguments,
            running: None,
        };
        server.start_again();
        server
    }

    /// A Sentinel with this file of settings.
    pub(crate) fn start_sentinel(settings: &str) -> Self {
        let port = free_port();
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sentinel.conf");
        let text = format!(
            "port {port}\nbind 127.0.0.1\ndir {}\n{settings}",
            folder.path().display()
        );
        std::fs::write(&file, text).unwrap();
        let mut server = Self {
            port,
            _folder: folder,
            arguments: vec![file.display().to_string(), "--sentinel".to_owned()],
            running: None,
        };
        server.start_again();
        server
    }

    pub(crate) fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }

    /// Starts it, as empty as the first time, and waits until it answers.
    pub(crate) fn start_again(&mut self) {
        let program = program("redis-server").expect(MISSING);
        let mut shell = Command::new("sh")
            .args(["-c", HOLD, "hold"])
            .arg(&program)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(shell.stdout.take().unwrap());
        let (mut printed, mut pid, mut is_ready) = (String::new(), None, false);
        // The shell and Redis print into one pipe, in either order.
        while pid.is_none() || !is_ready {
            let mut line = String::new();
            let is_over = output.read_line(&mut line).unwrap() == 0;
            assert!(!is_over, "Redis did not start: {printed}");
            if let Some(number) = line.strip_prefix("pid ") {
                pid = Pid::from_raw(number.trim().parse().unwrap());
            }
            is_ready |=
                line.contains("Ready to accept connections") || line.contains("Sentinel ID is");
            printed.push_str(&line);
        }
        // Drains the pipe, so that the server never blocks on it.
        std::thread::spawn(move || {
            let mut rest = String::new();
            while output.read_line(&mut rest).is_ok_and(|bytes| bytes > 0) {
                rest.clear();
            }
        });
        self.running = Some(Running {
            pid: pid.expect("the loop ends when the shell printed it"),
            input: shell.stdin.take().unwrap(),
            shell,
        });
    }

    /// Ends it as a power failure would.
    pub(crate) fn kill(&mut self) {
        if let Some(Running {
            mut shell, input, ..
        }) = self.running.take()
        {
            drop(input);
            shell.wait().unwrap();
        }
    }

    /// Suspends it, like a machine that swaps.
    pub(crate) fn freeze(&self) {
        self.signal(Signal::STOP);
    }

    pub(crate) fn thaw(&self) {
        self.signal(Signal::CONT);
    }

    fn signal(&self, signal: Signal) {
        let running = self.running.as_ref().expect("it runs");
        kill_process(running.pid, signal).unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The one that tests share which do nothing to it.
pub(crate) fn shared() -> &'static Server {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(|| Server::start(&[]))
}

/// A port without a listener.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(name))
        .find(|file| file.exists())
}
