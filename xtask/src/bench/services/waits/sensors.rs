//! 10,000 HTTP sensors that poll once a minute, each a deferred instance of a mapped task. The server that they poll is a part of
//! the bench, and never ready.

use super::{Bench, Better, Client, Measurement, Process, await_condition, folder, row};
use crate::{
    installation::{Installation, Start},
    program,
};
use anyhow::Result;
use std::{
    fs,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

/// How many sensors there are.
const SENSORS: u64 = 10_000;
/// How long they are watched: each polls twice meanwhile.
const WATCHED: Duration = Duration::from_mins(2);
/// How long the server waits for a connection's next request.
const READ_TIMEOUT: Duration = Duration::from_secs(75);
/// Between two looks at how many requests there were.
const LOOK_INTERVAL: Duration = Duration::from_millis(100);
/// The guest.
const GUEST: &str = "bench_sensors.wasm";

const NOT_READY: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n";

pub(super) fn measure(bench: &Bench<'_>) -> Result<Vec<Measurement>> {
    let server = Server::start()?;
    let installation = bench.resume(Start::Empty, &[])?;
    deploy(bench, &installation, server.address)?;
    let client = Client::of(&installation)?;
    let start = Instant::now();
    client.trigger("sensors")?;
    await_condition("not all sensors polled", LOOK_INTERVAL, || {
        Ok(server.polls() >= SENSORS)
    })?;
    let first = start.elapsed().as_secs_f64();
    let process = Process::of(&installation);
    let before = server.polls();
    let busy = process.busy_while(|| thread::sleep(WATCHED))?;
    let polls = u32::try_from(server.polls() - before)?;
    let memory = process.proportional_mb()?;
    installation.end()?;
    let per_minute = f64::from(polls) / (WATCHED.as_secs_f64() / 60.0);
    Ok(vec![
        row("10,000 sensors: trigger until each has polled", "s", first),
        row("10,000 sensors, one poll a minute: a core", "%", busy),
        Measurement {
            better: Better::Higher,
            ..row("10,000 sensors: polls", "polls/min", per_minute)
        },
        row("10,000 sensors: memory of the process", "MB", memory),
    ])
}

/// Allows tasks to reach the server, and deploys the sensors.
fn deploy(bench: &Bench<'_>, installation: &Installation<'_>, server: SocketAddr) -> Result<()> {
    let folder = folder(bench)?;
    let policy = folder.join("policy.toml");
    fs::write(
        &policy,
        format!(
            "[http]\nallow = [\"http://{server}\"]\n\n[http.private]\n\"127.0.0.1\" = [\"127.0.0.1\"]\n"
        ),
    )?;
    let mut set = installation.client(["policy".as_ref(), "set".as_ref(), policy.as_os_str()]);
    program::read(&mut set)?;
    fs::copy(bench.workspace.guests().join(GUEST), folder.join(GUEST))?;
    let manifest = folder.join("dag.toml");
    fs::write(&manifest, sensors(server))?;
    let mut deploy = installation.client(["deploy".as_ref(), manifest.as_os_str()]);
    program::read(&mut deploy)?;
    Ok(())
}

fn sensors(server: SocketAddr) -> String {
    format!(
        r#"[dag]
id = "sensors"

[tasks.numbers]
component = "{GUEST}"
inputs = {{ count = {{ value = {SENSORS} }} }}

[tasks.poll]
component = "{GUEST}"
grants = {{ http = ["http://{server}"] }}
inputs = {{ url = {{ value = "http://{server}" }} }}
expand = {{ n = "numbers" }}
"#
    )
}

/// A server that answers each request with 503, and keeps connections open as servers do. It has a
/// thread for each connection; they end with the process.
struct Server {
    address: SocketAddr,
    polls: Arc<AtomicU64>,
}

impl Server {
    fn start() -> Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let address = listener.local_addr()?;
        let polls = Arc::new(AtomicU64::new(0));
        let answered = Arc::clone(&polls);
        thread::spawn(move || {
            while let Ok((stream, _peer)) = listener.accept() {
                let answered = Arc::clone(&answered);
                thread::spawn(move || answer(&stream, &answered));
            }
        });
        Ok(Self { address, polls })
    }

    /// How many requests were answered.
    fn polls(&self) -> u64 {
        self.polls.load(Ordering::Relaxed)
    }
}

/// Answers requests without a body until the client closes the connection or sends none.
fn answer(mut stream: &TcpStream, polls: &AtomicU64) -> io::Result<()> {
    stream.set_read_timeout(Some(READ_TIMEOUT))?;
    stream.set_nodelay(true)?;
    let mut requests = BufReader::new(stream);
    let mut line = String::new();
    loop {
        line.clear();
        if requests.read_line(&mut line)? == 0 {
            return Ok(());
        }
        if line == "\r\n" {
            stream.write_all(NOT_READY)?;
            polls.fetch_add(1, Ordering::Relaxed);
        }
    }
}
