//! The examples of waits on a server: a service that is not up and a manifest that is not there yet.

use crate::{python::Author, server::Server};
use std::{
    collections::HashMap,
    fs,
    io::{self, BufRead as _, BufReader, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{self, Receiver},
    thread,
};
use weft_tests::guests;

/// The supplier's address in the examples.
const SUPPLIER: &str = "http://127.0.0.1:8000";

/// What the supplier has, by path.
const DELIVERY: [(&str, &str); 4] = [
    ("/health", "ok"),
    ("/manifest.json", r#"{"files": ["north.csv", "south.csv"]}"#),
    ("/north.csv", "order,cents\n1,1250\n2,790\n"),
    ("/south.csv", "order,cents\n3,2100\n"),
];

/// How many requests the supplier refuses at first, by path.
const REFUSALS: [(&str, u32); 2] = [("/health", 2), ("/manifest.json", 1)];

#[test]
fn a_delivery_is_waited_for_in_python() {
    a_delivery_is_waited_for("sensors", &["pyproject.toml", "dags/deliveries.py"]);
}

#[test]
fn a_delivery_is_waited_for_in_typescript() {
    let files = ["package.json", "tsconfig.json", "dags/deliveries.ts"];
    a_delivery_is_waited_for("sensors-js", &files);
}

fn a_delivery_is_waited_for(example: &str, files: &[&str]) {
    let (address, requests) = supplier();
    let text = |name: &str| {
        let path = guests::root().join("examples").join(name);
        let text = fs::read_to_string(path).expect("the example has the file");
        text.replace(SUPPLIER, &address)
    };
    let author = Author::new(&[("policy.toml", &text("sensors/policy.toml"))]);
    for &file in files {
        author.write(&[(file, &text(&format!("{example}/{file}")))]);
    }
    author.wfctl(&["build"]).exits(0);
    let server = Server::start(&author);
    let client = |args: &[&str]| server.client(&author, args).exits(0);
    client(&["policy", "set", "policy.toml"]);
    client(&["deploy", "dag.wasm"]);
    client(&["runs", "trigger", "deliveries", "--watch"]);

    let said = client(&["outputs", "get", "latest", "report", "--dag", "deliveries"]);
    assert_eq!(
        said.stdout.trim(),
        "\"2 files with 3 orders of 41.40\"",
        "{}",
        said.stderr
    );
    let mut counts: HashMap<String, u32> = HashMap::new();
    for path in requests.try_iter() {
        *counts.entry(path).or_default() += 1;
    }
    for (path, refused) in REFUSALS {
        assert_eq!(counts.get(path), Some(&(refused + 1)), "{counts:?}");
    }
}

/// An HTTP server that refuses the first requests, and the paths of the requests that it answered.
fn supplier() -> (String, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
    let address = listener.local_addr().expect("it is bound");
    let (answered, requests) = mpsc::channel();
    thread::spawn(move || {
        let mut refusals = HashMap::from(REFUSALS);
        for stream in listener.incoming().flatten() {
            // A client that goes away is a test that fails by itself.
            let Ok(path) = answer(stream, &mut refusals) else {
                continue;
            };
            if answered.send(path).is_err() {
                return;
            }
        }
    });
    (format!("http://{address}"), requests)
}

/// Answers a request, and returns its path.
fn answer(mut stream: TcpStream, refusals: &mut HashMap<&str, u32>) -> io::Result<String> {
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default().to_owned();
    let refused = match refusals.get_mut(path.as_str()) {
        Some(left) if *left > 0 => {
            *left -= 1;
            true
        }
        Some(_) | None => false,
    };
    let found = DELIVERY.iter().find(|(name, _)| *name == path);
    let (status, body) = match found {
        Some(_) if refused => ("503 Service Unavailable", ""),
        Some((_, body)) => ("200 OK", *body),
        None => ("404 Not Found", ""),
    };
    write!(
        stream,
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len()
    )?;
    Ok(path)
}
