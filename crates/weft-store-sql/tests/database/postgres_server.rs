//! Postgres servers for tests: one for all tests of a process, and others for those that
//! restart theirs. Each is made in a temporary folder, reached through a socket there, and
//! gone when the process ends, however it ends.
//!
//! It knows nothing of Weft, so that tests of other crates start theirs with it, too.

use std::{
    fs,
    io::{BufRead as _, BufReader, Write as _},
    os::unix::fs::chown,
    path::PathBuf,
    process::{Child, ChildStdout, Command, Stdio},
    sync::{
        OnceLock,
        atomic::{AtomicU64, Ordering},
    },
};

/// How to get the server's programs.
const MISSING: &str = "these tests need Postgres' server programs: \
    'apt-get install --no-install-recommends postgresql' (or 'cargo xtask setup')";
/// The user and group `nobody`, since the server refuses to run as root.
const NOBODY: u32 = 65_534;
/// A shell holds the server and ends it when its input ends, which it does with
/// the process that holds the other end: also where that one was killed. Signals
/// that end a whole group of processes must leave it the time to clean up. A line of
/// its input is a signal that ends the server, which is started again then.
const HOLD: &str = r#"
trap "" INT TERM HUP
"$1/initdb" -D "$2/data" -U weft -A trust -E UTF8 --locale=C --no-sync >"$2/initdb.log" 2>&1 || { cat "$2/initdb.log"; exit 1; }
while true; do
    "$1/postgres" -D "$2/data" -k "$2" -c listen_addresses= -c fsync=off -c full_page_writes=off \
        -c max_connections=500 -c shared_buffers=64MB >>"$2/server.log" 2>&1 &
    server=$!
    for try in 1 2 3 4 5 6 7 8 9 10; do
        "$1/pg_isready" -q -h "$2" -t 10 && break
        sleep 0.3
    done
    "$1/pg_isready" -q -h "$2" && echo ready || cat "$2/server.log"
    read signal || break
    kill -"$signal" "$server"
    wait "$server"
done
kill -QUIT "$server"
wait "$server"
rm -rf "$2"
"#;

pub(crate) struct Server {
    /// Of the server's programs.
    programs: PathBuf,
    folder: PathBuf,
    /// It ends with what holds it: its input is open for so long.
    shell: Child,
    output: BufReader<ChildStdout>,
}

/// The address of an empty database of its own, on the server of all tests.
pub(crate) fn new_database() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    SERVER.get_or_init(Server::start).new_database()
}

/// How a server ends.
#[allow(dead_code, reason = "not every crate's tests restart theirs")]
#[derive(Debug, Clone, Copy)]
pub(crate) enum End {
    /// In order, with every session cut.
    Order,
    /// At once: it recovers from its log when it starts.
    Crash,
}

impl Server {
    /// The address of an empty database of its own.
    pub(crate) fn new_database(&self) -> String {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("weft_{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let made = Command::new(self.programs.join("createdb"))
            .arg("--host")
            .arg(&self.folder)
            .args(["--username=weft", &name])
            .output()
            .unwrap();
        assert!(made.status.success(), "{made:?}");
        format!(
            "postgres://weft@localhost/{name}?host={}",
            self.folder.display()
        )
    }

    /// Ends it and starts it again; it answers when this returns.
    #[allow(dead_code, reason = "not every crate's tests restart theirs")]
    pub(crate) fn restart(&mut self, end: End) {
        let signal = match end {
            End::Order => "INT",
            End::Crash => "QUIT",
        };
        writeln!(self.shell.stdin.as_mut().unwrap(), "{signal}").unwrap();
        self.answers();
    }

    fn answers(&mut self) {
        let mut said = String::new();
        while self.output.read_line(&mut said).unwrap() > 0 && !said.ends_with("ready\n") {}
        assert!(said.ends_with("ready\n"), "Postgres did not start: {said}");
    }

    pub(crate) fn start() -> Self {
        let programs = programs().expect(MISSING);
        let folder = tempfile::Builder::new()
            .prefix("weft-postgres-")
            .tempdir()
            .unwrap()
            .keep();
        let mut shell = if rustix::process::geteuid().is_root() {
            chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
            let mut setpriv = Command::new("setpriv");
            setpriv.args(["--reuid=nobody", "--regid=nogroup", "--clear-groups", "sh"]);
            setpriv
        } else {
            Command::new("sh")
        };
        let mut shell = shell
            .args(["-c", HOLD, "hold"])
            .arg(&programs)
            .arg(&folder)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let output = BufReader::new(shell.stdout.take().unwrap());
        let mut server = Self {
            programs,
            folder,
            shell,
            output,
        };
        server.answers();
        server
    }
}

/// The folder of `initdb` and `postgres`: the newest of Debian's, or one of the path.
fn programs() -> Option<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let folder = entry.ok()?;
            let version: u32 = folder.file_name().to_str()?.parse().ok()?;
            Some((version, folder.path().join("bin")))
        })
        .max()
        .map(|(_version, folder)| folder);
    let path = std::env::var_os("PATH").unwrap_or_default();
    debian
        .into_iter()
        .chain(std::env::split_paths(&path))
        .find(|folder| folder.join("initdb").exists() && folder.join("postgres").exists())
}
