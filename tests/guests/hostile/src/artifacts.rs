//! Attacks through artifacts: on those of others, and on the room that they take.

use crate::{
    End,
    exports::weft::dag::tasks::{Failure, Outcome},
};
use bindings::weft::artifacts::store::{self, Error, Writer};

/// The streams among them are of the version that the artifacts package was released with.
mod bindings {
    wit_bindgen::generate!({
        path: ["../../../crates/weft-sandbox/wit/wasi-io.wit", "../../../wit/artifacts.wit"],
        world: "weft:artifacts/artifacts",
        generate_all,
    });
}

type Inputs = [(String, String)];

/// What a hostile task says when nothing of its attack worked: a failure, so that the host adds why.
fn refused(how: String) -> End {
    Err(Failure {
        retryable: false,
        message: how,
        more: None,
    })
}

fn text(inputs: &Inputs, name: &str) -> String {
    let found = inputs.iter().find(|(input, _)| input == name);
    found
        .map(|(_, json)| json.trim_matches('"').to_owned())
        .unwrap_or_default()
}

/// References that the attempt was not given: one that exists, if the input `existing` is right, and
/// some that a careless store would take for a path.
pub(crate) fn artifact_guessed(inputs: &Inputs) -> End {
    let guesses = [
        text(inputs, "existing"),
        String::new(),
        "../../../../../../etc/passwd".into(),
        "/etc/passwd".into(),
        "sha256:../../../../../../etc/passwd".into(),
        "g".repeat(1 << 20),
    ];
    let answers = guesses.map(|guess| match store::open(&guess) {
        Ok(_) => "opened",
        Err(Error::Denied) => "denied",
        Err(_) => "another error",
    });
    refused(answers.join(", "))
}

/// An output that hands somebody else's artifact on, with the key spelled in a way that JSON allows.
pub(crate) fn artifact_smuggled_out(inputs: &Inputs) -> End {
    Ok(Outcome::Success(format!(
        r#"{{"chart":{{"\u0024artifact":"{}"}}}}"#,
        text(inputs, "existing")
    )))
}

/// One after the other, none of them ever finished.
pub(crate) fn artifacts_by_the_million(_: &Inputs) -> End {
    for made in 0..1_000_000u32 {
        if let Err(error) = store::create("text/plain") {
            return refused(format!("{error:?} after {made}"));
        }
    }
    refused("a million".into())
}

/// As many at once as can be held, each with a little in it.
pub(crate) fn artifacts_all_at_once(_: &Inputs) -> End {
    let mut held = Vec::new();
    loop {
        match store::create("text/plain") {
            Ok(writer) => {
                if let Ok(stream) = writer.body() {
                    stream.blocking_write_and_flush(b"held").ok();
                }
                held.push(writer);
            }
            Err(error) => return refused(format!("{error:?} after {}", held.len())),
        }
    }
}

/// One that never ends; what was written of it must not stay.
pub(crate) fn artifact_endless(_: &Inputs) -> End {
    let writer = match store::create("text/plain") {
        Ok(writer) => writer,
        Err(error) => return refused(format!("{error:?}")),
    };
    let stream = writer.body().expect("the stream is taken once");
    let piece = [b'e'; 4096];
    let mut written = 0u64;
    while stream.blocking_write_and_flush(&piece).is_ok() {
        written += piece.len() as u64;
    }
    drop(stream);
    match Writer::finish(writer) {
        Ok(_) => refused(format!("finished after {written} bytes")),
        Err(error) => refused(format!("{error:?} after {written} bytes")),
    }
}
