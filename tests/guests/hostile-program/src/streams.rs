//! Attacks through standard output, exit codes and the environment.

use crate::saw;
use std::io::{Write, stdout};

/// Whatever of the host leaks into the program's environment.
pub(crate) fn environment() {
    let names: Vec<String> = std::env::vars().map(|(name, _)| name).collect();
    let args = std::env::args().count();
    saw(format!("args {args}, env [{}]", names.join(" ")));
}

pub(crate) fn exit_zero() {
    saw("leaving");
    std::process::exit(0);
}

pub(crate) fn exit_seven() {
    std::process::exit(7);
}

pub(crate) fn endless_stdout() {
    let piece = [b'1'; 64 * 1024];
    let mut out = stdout().lock();
    loop {
        out.write_all(&piece).expect("standard output takes bytes");
    }
}

pub(crate) fn stdout_not_json() {
    println!("plain words, and no JSON");
}

/// Each of them would take a hundred times its length as a tree; the file has the host look into all.
pub(crate) fn million_objects_beside_a_file() {
    std::fs::write("/out/a.txt", "a").expect("there is room");
    let mut out = std::io::BufWriter::new(stdout().lock());
    write!(out, r#"[{{"$artifact":"/out/a.txt"}}"#).expect("standard output takes bytes");
    for _ in 0..1_000_000 {
        out.write_all(br#",{"":0}"#)
            .expect("standard output takes bytes");
    }
    out.write_all(b"]").expect("standard output takes bytes");
    out.flush().expect("standard output takes bytes");
}
