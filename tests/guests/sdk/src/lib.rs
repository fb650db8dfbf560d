//! Every feature of the Rust SDK in one component, for the tests of the host.

mod files;
mod numbers;

use files::{draw, read_back};
use numbers::{add, fib, halve, range, total};
use std::time::Duration;
use weft::{
    prelude::*,
    serde_json::{Value, json},
};

/// Returns everything that an attempt receives.
#[task]
fn describe_attempt(ctx: Context, note: String) -> Result<seen::Attempt> {
    weft::log::info!(attempt = ctx.number(); "describing {note}");
    println!("a line on standard output");
    eprintln!("a line on standard error");
    ctx.progress(0.5, "half way");
    Ok(seen::Attempt {
        dag: ctx.dag().into(),
        task: ctx.task().into(),
        run: ctx.run().into(),
        number: ctx.number(),
        logical_date: ctx.logical_date().to_string(),
        interval_start: ctx.data_interval().start.to_string(),
        idempotency_key: ctx.idempotency_key().into(),
        cancelled: ctx.cancelled(),
        note,
    })
}

mod seen {
    use weft::prelude::*;

    /// What `describe_attempt` saw.
    #[derive(Serialize, Deserialize, JsonSchema)]
    pub struct Attempt {
        pub dag: String,
        pub task: String,
        pub run: String,
        pub number: u32,
        pub logical_date: String,
        pub interval_start: String,
        pub idempotency_key: String,
        pub cancelled: bool,
        pub note: String,
    }
}

/// Fails until its third attempt.
#[task(retries = 3, retry_delay = "10ms")]
fn third_time_lucky(ctx: Context) -> Result<u32> {
    if ctx.number() < 3 {
        return Err(
            Error::retryable(format_args!("attempt {} fails", ctx.number()))
                .retry_after(Duration::from_millis(5)),
        );
    }
    Ok(ctx.number())
}

/// Puts itself off twice, counting.
#[task]
fn patient(ctx: Context) -> Result<u32> {
    let seen: u32 = ctx.resumed()?.unwrap_or(0);
    if seen < 2 {
        defer_for(Duration::from_millis(10), &(seen + 1))
    } else {
        Ok(seen)
    }
}

/// Waits for the event `paid`, for some milliseconds at the longest unless that is 0.
#[task]
fn payment(ctx: Context, timeout_ms: u64) -> Result<Value> {
    let Some(woken) = ctx.woken() else {
        let timeout = (timeout_ms > 0).then(|| Duration::from_millis(timeout_ms));
        return defer_until_event("paid", timeout, &ctx.number());
    };
    if woken.timed_out() {
        return Ok("late".into());
    }
    let payload: Value = woken.payload()?;
    Ok(json!({ "event": woken.event(), "payload": payload, "asked": ctx.resumed::<u32>()? }))
}

/// Chooses `large` from ten on.
#[task(branch)]
fn by_size(n: u64) -> Result<Branch<u64>> {
    let branch = if n < 10 {
        Branch::to::<small>()
    } else {
        Branch::to::<large>()
    };
    Ok(branch.with_output(n))
}

#[task]
fn small(n: u64) -> String {
    format!("{n} is small")
}

#[task]
fn large(n: u64) -> String {
    format!("{n} is large")
}

#[task(trigger_rule = "none_failed_min_one_success")]
fn joined(small: Option<String>, large: Option<String>) -> String {
    small.or(large).unwrap_or_default()
}

/// Skips itself.
#[task]
fn nothing_today() -> Result<()> {
    skip("nothing happened today")
}

/// Reads a variable that it asked for.
#[task(grant(variables = "greeting"))]
fn greet(ctx: Context) -> Result<String> {
    ctx.variable("greeting")
}

/// Reads a variable that it never asked for.
#[task]
fn greet_unasked(ctx: Context) -> Result<String> {
    ctx.variable("greeting")
}

#[task]
fn fails_for_good() -> Result<()> {
    Err(Error::permanent("this never works").details(vec![1, 2, 3]))
}

#[task]
fn panics() {
    panic!("the author's own message");
}

/// Everything that succeeds.
#[dag(schedule = "@daily", tags = ["sdk", "test"])]
fn features(
    /// How many numbers there are.
    #[param(default = 5)]
    count: Param<u64>,
    #[param(default = "hello")] note: Param<String>,
) {
    let numbers = range(count);
    let halves = halve(each(numbers));
    let sum = total(&halves);
    let choice = by_size(sum);
    joined(small(choice), large(choice));
    describe_attempt(note).after((third_time_lucky(), patient(), nothing_today()));
    read_back(draw(sum));
}

/// Forty Fibonacci numbers in a row.
#[dag]
fn chain() {
    let mut last = fib.id("fib_0")(10);
    for step in 1..40 {
        last = fib.id(format!("fib_{step}")).after(last)(10);
    }
}

/// One to a thousand to one.
#[dag]
fn wide(#[param(default = 1000)] count: Param<u64>) {
    total(add(each(range(count)), 1));
}

/// What waits for an event.
#[dag]
fn shop(#[param(default = 0)] timeout_ms: Param<u64>) {
    payment(timeout_ms);
}

/// Calls the DAG `books` for a region, and returns what its last task said.
#[task(grant(dags = "books"))]
fn close(ctx: Context, region: String) -> Result<String> {
    match ctx.woken() {
        None => call(Call::new("books").param("region", region), None, &()),
        Some(woken) => woken.output("closing"),
    }
}

#[task]
fn closing(region: String) -> Result<String> {
    match region.as_str() {
        "lost" => Err(Error::permanent("there is no such region")),
        _ => Ok(format!("{region} is closed")),
    }
}

/// Asks before it says that a version is out.
#[task]
fn release(ctx: Context, version: String) -> Result<String> {
    let Some(woken) = ctx.woken() else {
        let question = Approval::new(format!("Release {version}?"))
            .body("It passed **all** tests.")
            .form(json!({
                "type": "object",
                "properties": { "share": { "type": "integer", "minimum": 1, "maximum": 100 } },
            }));
        return ask(question, None, &());
    };
    let decision = woken.decision()?;
    if !decision.is_approved() {
        return skip(decision.comment().unwrap_or("rejected"));
    }
    let by = decision.by().unwrap_or("no one");
    Ok(format!("{version} is out, says {by}"))
}

/// What asks people.
#[dag]
fn releases(#[param(default = "1.0")] version: Param<String>) {
    release(version);
}

/// Waits for the run of `books` for the run's own date.
#[task]
fn after_books(ctx: Context) -> Result<String> {
    match ctx.woken() {
        None => defer_until_dag("books", ctx.logical_date(), None, &()),
        Some(woken) => Ok(woken.state().unwrap_or("none").into()),
    }
}

/// Waits for the task `closing` of the run of the DAG `books` for its own date.
#[task]
fn after_closing(ctx: Context) -> Result<String> {
    match ctx.woken() {
        None => defer_until_dag_task("books", ctx.logical_date(), "closing", None, &()),
        Some(woken) => Ok(woken.state().unwrap_or("none").into()),
    }
}

/// Waits for an update of the asset `orders`.
#[task]
fn after_orders(ctx: Context, partition: Option<String>) -> Result<Value> {
    let Some(woken) = ctx.woken() else {
        let orders = match partition {
            Some(partition) => AssetWait::new("orders").partition(partition),
            None => AssetWait::new("orders"),
        };
        return defer_until_asset(orders, None, &());
    };
    let update = woken.updated()?;
    Ok(json!({ "partition": update.partition, "metadata": update.metadata, "run": update.run }))
}

/// Waits for another run, or for this task of it unless that is empty.
#[task]
fn follow(ctx: Context, run: String, task: String) -> Result<String> {
    match ctx.woken() {
        None if task.is_empty() => defer_until_run(run, None, &()),
        None => defer_until_run_task(run, task, None, &()),
        Some(woken) => Ok(woken.state().unwrap_or("none").into()),
    }
}

/// What calls another DAG and waits for its runs.
#[dag]
fn months(#[param(default = "all")] region: Param<String>) {
    close(region);
    closing(region);
    after_books();
    after_closing();
    after_orders(None);
    follow("0000000000001", "");
}

/// What fails, each in its own way.
#[dag(id = "failures")]
fn failing() {
    fails_for_good();
    panics();
    greet();
    greet_unasked();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tasks_are_plain_functions() {
        assert_eq!(total(&[1, 2, 3]), 6);
        assert_eq!(third_time_lucky(Context::test().with_number(3)).unwrap(), 3);
        assert_eq!(by_size(12).unwrap().tasks(), ["large"]);
        assert_eq!(read_back(draw(7).unwrap()).unwrap(), 7);
        assert_eq!(
            greet(Context::test().with_variable("greeting", "moin")).unwrap(),
            "moin"
        );
    }

    #[test]
    fn a_wait_ends_with_the_event_or_the_timeout() {
        let waits = payment(Context::test(), 0).unwrap_err();
        assert_eq!((waits.event(), waits.wake()), (Some("paid"), None));
        let waits = payment(Context::test(), 5).unwrap_err();
        assert!(waits.wake().is_some());
        let paid = Context::test().with_event("paid", 3).with_resumed(1);
        assert_eq!(
            payment(paid, 0).unwrap(),
            json!({ "event": "paid", "payload": 3, "asked": 1 })
        );
        assert_eq!(payment(Context::test().with_timeout(), 0).unwrap(), "late");
    }

    #[test]
    fn every_dag_is_described() {
        assert_eq!(chain().task_ids().len(), 40);
        assert_eq!(
            features().to_json()["tasks"]["halve"]["expand"]["n"],
            "range"
        );
    }
}
