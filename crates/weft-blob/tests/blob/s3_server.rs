//! An S3 server for the tests of one process: on a free port, holding what it has in
//! memory, gone when the process ends, however it ends.
//!
//! It knows nothing of Weft, so that tests of other crates start theirs with it, too.

use std::{
    env,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{TcpListener, TcpStream},
    path::PathBuf,
    process::{Child, Command, Stdio},
    sync::atomic::{AtomicU64, Ordering},
};

/// How to get the server's program.
const MISSING: &str = "these tests need an S3 server: \
    'pip install \"moto[server]\"' (or 'cargo xtask setup')";
/// A shell holds the server and ends it when its input ends, which it does with
/// the process that holds the other end: also where that one was killed.
const HOLD: &str = r#"
trap "" INT TERM HUP
"$1" -H 127.0.0.1 -p "$2" 2>&1 &
server=$!
echo "pid $server"
read line
kill -KILL "$server" 2>/dev/null
wait "$server" 2>/dev/null
"#;

/// A running server.
pub(crate) struct Server {
    port: u16,
    pid: String,
    /// Its input stays open for as long as this lives.
    shell: Child,
}

impl Server {
    pub(crate) fn start() -> Self {
        let program = program().expect(MISSING);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let mut shell = Command::new("sh")
            .args(["-c", HOLD, "hold"])
            .arg(program)
            .arg(port.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(shell.stdout.take().unwrap());
        let (mut said, mut pid) = (String::new(), String::new());
        while !said.contains("Running on") {
            let mut line = String::new();
            let is_over = output.read_line(&mut line).unwrap() == 0;
            assert!(!is_over, "the S3 server did not start: {said}");
            if let Some(number) = line.strip_prefix("pid ") {
                number.trim().clone_into(&mut pid);
            }
            said.push_str(&line);
        }
        // Drains the pipe, so that the server never blocks on it.
        std::thread::spawn(move || drop(std::io::copy(&mut output, &mut std::io::sink())));
        Self { port, pid, shell }
    }

    #[allow(dead_code, reason = "not every crate's tests put a relay before it")]
    pub(crate) const fn port(&self) -> u16 {
        self.port
    }

    /// A new bucket, as a URL for blobs.
    pub(crate) fn bucket(&self) -> String {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        let name = format!("bucket-{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        let mut stream = TcpStream::connect(("127.0.0.1", self.port)).unwrap();
        let request = format!(
            "PUT /{name} HTTP/1.1\r\nhost: 127.0.0.1:{}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
            self.port
        );
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        format!("s3://{name}/weft")
    }

    /// The settings of its clients, as variables of S3's own tools.
    pub(crate) fn settings(&self) -> [(String, String); 5] {
        [
            (
                "AWS_ENDPOINT_URL",
                format!("http://127.0.0.1:{}", self.port),
            ),
            ("AWS_ACCESS_KEY_ID", "weft".to_owned()),
            ("AWS_SECRET_ACCESS_KEY", "hush".to_owned()),
            ("AWS_REGION", "us-east-1".to_owned()),
            ("AWS_ALLOW_HTTP", "true".to_owned()),
        ]
        .map(|(name, value)| (name.to_owned(), value))
    }

    /// Stops it, as a machine that swaps does.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let sent = Command::new("kill").args([signal, &self.pid]).status();
        assert!(sent.unwrap().success());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        drop(self.shell.wait());
    }
}

/// On the path, or where `cargo xtask setup` puts it.
fn program() -> Option<PathBuf> {
    let set = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = set("WEFT_CACHE_DIR")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("weft")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/weft")));
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path)
        .chain(cache.map(|cache| cache.join("tools/s3/bin")))
        .map(|folder| folder.join("moto_server"))
        .find(|file| file.exists())
}
