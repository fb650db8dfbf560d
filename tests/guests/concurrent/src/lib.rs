//! The guest of WASI 0.3: its `run` is async, and each task shows something that a guest
//! of 0.2 can't do, or does something in 0.3's way that 0.2 has too.

mod files;
mod http;

wit_bindgen_async::generate!({
    path: ["../../../wit/weft.wit", "../../../wit/async-dag.wit"],
    world: "weft:async-dag/dag",
    runtime_path: "::wit_bindgen_async::rt",
    bitflags_path: "::wit_bindgen_async::bitflags",
    generate_all,
});

use exports::weft::async_dag::tasks::{Failure, Guest, Outcome};
use futures_util::future::{join, join_all};
use std::cell::RefCell;
use wasip3::{
    cli::{stdin, stdout},
    clocks::monotonic_clock,
    wit_stream,
};
use weft::dag::{context, log, variables};

const DOCUMENT: &str = r#"{"contract":"weft.dag/1","dags":[{"id":"concurrent","description":"Several things at once.","tasks":{"overlap":{},"report":{"inputs":{"overlap":"overlap"}}}}]}"#;

const MILLISECOND: u64 = 1_000_000;

struct Concurrent;

impl Guest for Concurrent {
    fn describe() -> Result<String, String> {
        Ok(DOCUMENT.to_owned())
    }

    async fn run(task: String, inputs: Vec<(String, String)>) -> Result<Outcome, Failure> {
        let input = |name: &str| {
            let found = inputs.iter().find(|(input, _)| input == name);
            let json = found.map(|(_, json)| json.trim()).unwrap_or_default();
            json.trim_matches('"').to_owned()
        };
        let answer = match task.as_str() {
            "overlap" => Ok(overlap().await),
            "streams" => Ok(streams().await),
            "stdio" => stdio().await,
            "files" => files::round_trip().await,
            "http_get_both" => http::get_both(&input("url")).await,
            "attempt" => Ok(context::attempt()),
            "variable" => variables::get(&input("name"))
                .map(|value| format!("{value:?}"))
                .map_err(|error| format!("{error:?}")),
            "report" => {
                log::write(
                    log::Level::Info,
                    "reported",
                    &[("overlap".into(), input("overlap"))],
                );
                Ok("null".to_owned())
            }
            "fail" => Err("the author's own failure".to_owned()),
            _ => Err(format!("there is no task {task:?}")),
        };
        answer.map(Outcome::Success).map_err(|message| Failure {
            retryable: false,
            message,
            more: None,
        })
    }
}

/// Ten waits at once, the longest begun first: in what order they ended, and how long all
/// of them took, which is as long as the longest one.
async fn overlap() -> String {
    let ended = RefCell::new(Vec::new());
    let begun = monotonic_clock::now();
    join_all((1..=10u64).rev().map(|turn| {
        let ended = &ended;
        async move {
            monotonic_clock::wait_for(turn * 40 * MILLISECOND).await;
            ended.borrow_mut().push(turn);
        }
    }))
    .await;
    let took = (monotonic_clock::now() - begun) / MILLISECOND;
    format!(r#"{{"ended":{:?},"took_ms":{took}}}"#, ended.into_inner())
}

/// One part of the guest reads what another part still writes.
async fn streams() -> String {
    let (mut writer, mut reader) = wit_stream::new::<u8>();
    let order = RefCell::new(String::new());
    let writes = async {
        for turn in 0..3u8 {
            order.borrow_mut().push('w');
            let left = writer.write_all(vec![turn; 4]).await;
            assert!(left.is_empty());
        }
        drop(writer);
    };
    let reads = async {
        let mut sum = 0u64;
        while let Some(byte) = reader.next().await {
            if sum == 0 {
                order.borrow_mut().push('r');
            }
            sum += u64::from(byte) + 1;
        }
        sum
    };
    let ((), sum) = join(writes, reads).await;
    format!(r#"{{"sum":{sum},"order":{:?}}}"#, order.into_inner())
}

/// Standard output through a stream, and standard input, which is empty.
async fn stdio() -> Result<String, String> {
    let (mut writer, reader) = wit_stream::new::<u8>();
    let ended = stdout::write_via_stream(reader);
    let left = writer
        .write_all(b"a line by a stream\nand another\n".to_vec())
        .await;
    drop(writer);
    ended.await.map_err(|error| format!("{error:?}"))?;
    let (input, ended) = stdin::read_via_stream();
    let bytes = input.collect().await;
    ended.await.map_err(|error| format!("{error:?}"))?;
    Ok(format!(
        r#"{{"not_written":{},"read":{}}}"#,
        left.len(),
        bytes.len()
    ))
}

export!(Concurrent);
