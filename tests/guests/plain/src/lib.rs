//! The well-behaved guest: one task for each thing that an author may do.
//!
//! JSON is passed on as text and never parsed, so that the component stays small
//! enough to be committed as the fixture of the contract.

mod http;

wit_bindgen::generate!({
    path: "../../../wit/weft.wit",
    world: "dag",
    generate_all,
});

use exports::weft::dag::tasks::{Failure, Guest, Outcome};
use weft::dag::{context, log, variables};

const DOCUMENT: &str = include_str!("../document.json");

struct Plain;

impl Guest for Plain {
    fn describe() -> Result<String, String> {
        Ok(DOCUMENT.trim().to_owned())
    }

    fn run(task: String, inputs: Vec<(String, String)>) -> Result<Outcome, Failure> {
        let inputs = Inputs(inputs);
        match task.as_str() {
            "echo" => success(inputs.json("value")?),
            "fib" => Ok(Outcome::Success(fib(inputs.number("n")?).to_string())),
            "sleep" => {
                let ms = inputs.number("ms")?;
                std::thread::sleep(std::time::Duration::from_millis(ms));
                success(&ms.to_string())
            }
            "sleep_until_cancelled" => {
                while !context::cancelled() {
                    std::thread::sleep(std::time::Duration::from_millis(2));
                }
                Err(Failure {
                    retryable: false,
                    message: "stopped as asked".into(),
                    more: None,
                })
            }
            "log" => {
                println!("a line on standard output");
                eprintln!("a line on standard error");
                log::write(
                    log::Level::Warn,
                    "a structured line",
                    &[("key".into(), "value".into())],
                );
                success("null")
            }
            "progress" => {
                for step in 1..=4u8 {
                    context::progress(f64::from(step) / 4.0, &format!("step {step}"));
                }
                success("null")
            }
            "attempt" => success(&context::attempt()),
            "resumed" => success(context::resumed().as_deref().unwrap_or("null")),
            "variable" => {
                let name = inputs.text("name")?;
                match variables::get(name) {
                    Ok(value) => success(&format!("{value:?}")),
                    Err(variables::Error::Denied) => {
                        Err(failure(&format!("variable {name}: denied")))
                    }
                    Err(variables::Error::NotFound) => {
                        Err(failure(&format!("variable {name}: not found")))
                    }
                }
            }
            "http_get" => match http::get(inputs.text("url")?) {
                Ok((status, body)) => {
                    success(&format!(r#"{{"status":{status},"bytes":{}}}"#, body.len()))
                }
                Err(error) => Err(failure(&error)),
            },
            "fail" => Err(Failure {
                retryable: true,
                message: "the author's own failure".into(),
                more: Some(r#"{"retry_after_ms":25,"details":{"why":"asked to"}}"#.into()),
            }),
            "skip" => Ok(Outcome::Control(
                r#"{"kind":"skip","reason":"nothing to do"}"#.into(),
            )),
            "branch" => Ok(Outcome::Control(
                r#"{"kind":"branch","tasks":["left"],"output":7}"#.into(),
            )),
            "defer" => Ok(Outcome::Control(
                r#"{"kind":"defer","after_ms":1,"state":{"page":2}}"#.into(),
            )),
            _ => Err(failure(&format!("there is no task {task:?}"))),
        }
    }
}

/// Inputs by parameter name, as JSON text.
struct Inputs(Vec<(String, String)>);

impl Inputs {
    fn json(&self, name: &str) -> Result<&str, Failure> {
        let found = self.0.iter().find(|(input, _)| input == name);
        found
            .map(|(_, json)| json.trim())
            .ok_or_else(|| failure(&format!("there is no input {name:?}")))
    }

    fn number(&self, name: &str) -> Result<u64, Failure> {
        self.json(name)?
            .parse()
            .map_err(|_| failure(&format!("{name:?} is not a number")))
    }

    /// A JSON string without escapes.
    fn text(&self, name: &str) -> Result<&str, Failure> {
        let json = self.json(name)?;
        let inner = json
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'));
        inner.ok_or_else(|| failure(&format!("{name:?} is not a string")))
    }
}

fn fib(n: u64) -> u64 {
    if n < 2 { n } else { fib(n - 1) + fib(n - 2) }
}

fn success(json: &str) -> Result<Outcome, Failure> {
    Ok(Outcome::Success(json.to_owned()))
}

fn failure(message: &str) -> Failure {
    Failure {
        retryable: false,
        message: message.to_owned(),
        more: None,
    }
}

export!(Plain);
