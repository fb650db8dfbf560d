//! The attribute macros of `weft-sdk`, which documents them.
//!
//! They only rewrite: what an edge may carry is decided by the types that the
//! expansion names, so that the compiler says it, at the author's line.

mod check;
mod condition;
mod dag;
mod settings;
mod signature;
mod task;

use proc_macro::TokenStream;

/// Makes a function a task of DAGs.
///
/// The function stays what it is, to be called by unit tests and by other
/// functions; inside `#[dag]` a call of it makes an edge.
///
/// ```text
/// #[task(retries = 3, retry_delay = "30s", timeout = "5m", grant(http = "api.example.org"))]
/// fn extract(ctx: Context, url: String) -> Result<Vec<Quake>> { .. }
/// ```
///
/// | setting | value | meaning |
/// |---|---|---|
/// | `name` | text | the task's name and default id, instead of the function's |
/// | `description` | text | instead of the doc comment |
/// | `retries` | number | attempts beyond the first |
/// | `retry_on` | text or list | the codes of the failures that are retried: `["timeout", "internal"]` |
/// | `retry_delay`, `retry_max_delay` | duration | the first wait, the longest one |
/// | `retry_backoff` | number | each wait is this many times the one before |
/// | `retry_jitter` | 0.0 to 1.0 | the random share of a wait |
/// | `timeout` | duration | the longest an attempt may take |
/// | `deadline` | duration | how long after its run was due it has ended: `"2h"` |
/// | `on_missed_deadline` | text | `"notify"` of a missed deadline, or `"stop"` what has not ended as well |
/// | `trigger_rule` | text | Airflow's name of when it may start: `"all_done"` |
/// | `depends_on_past` | | it waits until, in the scheduled run before, it succeeded or was skipped |
/// | `wait_for_downstream` | | as `depends_on_past`, and its direct downstreams as well |
/// | `latest_only` | | it is skipped in a scheduled run after which another one is due |
/// | `branch` | | it returns a `Branch`, which chooses among its downstreams |
/// | `deterministic` | | same inputs, same output; runs on the deterministic engine |
/// | `max_active` | number | instances of a mapped task that run at once |
/// | `grant(http, variables, connections, dags)` | text or list | what it asks to be allowed |
/// | `limits(memory, scratch, output, log, artifact)` | size | `"256MiB"` |
/// | `limits(cpu)` | duration | CPU time of an attempt |
/// | `queue`, `pool` | text | which workers run it, which pool it takes slots of |
/// | `pool_slots`, `priority` | number | how many slots; higher goes first |
/// | `outlets` | list of texts | the assets that each success updates; with more to say it returns an `Update` |
///
/// Parameters are owned types or references to them (`&str`, `&[T]`, `&T`);
/// `Context` may be the first.
#[proc_macro_attribute]
pub fn task(arguments: TokenStream, item: TokenStream) -> TokenStream {
    task::expand(arguments.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}

/// Makes a function a DAG: calls of tasks in it are edges.
///
/// ```text
/// /// The doc comment is the description.
/// #[dag(schedule = "0 6 * * *", timezone = "Europe/Berlin")]
/// fn quakes(#[param(default = "https://example.org/day.csv")] url: Param<String>) { .. }
/// ```
///
/// | setting | value | meaning |
/// |---|---|---|
/// | `id` | text | the DAG's id, instead of the function's name |
/// | `description` | text | instead of the doc comment |
/// | `tags` | list of texts | to find it by |
/// | `owners` | list of texts | the people or teams that it belongs to |
/// | `schedule` | text, or list of texts | cron (`"0 6 * * *"`), a preset (`"@daily"`), an interval (`"every 15m"`) or a date (`"2026-12-24T06:00"`) |
/// | `holidays` | list of texts | days on which the schedule makes no runs: `"2026-12-25"`, or `"12-25"` of each year |
/// | `on_assets` | condition | which updates of assets create runs: a name, a list, `all_of(..)`, `any_of(..)`, `within("rates", "1d")` |
/// | `timezone` | text | of the schedule: `"Europe/Berlin"` |
/// | `start`, `end` | text | the first and the last date |
/// | `catchup` | bool | whether missed runs are made up for |
/// | `max_active_runs`, `max_active_tasks` | number | at once |
/// | `concurrency_key` | text | runs whose texts are equal count together: `"{{ params.customer }}"` |
/// | `max_active_runs_per_key` | number | how many runs of one key are active at once; one if it is left out |
/// | `rate_limit(runs, per)` | number, duration | how many runs start within any span of that length, of each key |
/// | `timeout` | duration | the longest a run may take |
/// | `deadline` | duration | how long after it was due a run has ended: `"2h"` |
/// | `on_missed_deadline` | text | `"notify"` of a missed deadline, or `"stop"` the run as well |
///
/// Each argument is a `Param<T>`, a parameter of the run; `#[param(default =
/// .., description = "..")]` before it gives a default, and a doc comment
/// describes it as well. The macro leaves a function without arguments that
/// returns what it describes, for tests: `assert_eq!(quakes().task_ids(), ["extract"])`.
#[proc_macro_attribute]
pub fn dag(arguments: TokenStream, item: TokenStream) -> TokenStream {
    dag::expand(arguments.into(), item.into())
        .unwrap_or_else(syn::Error::into_compile_error)
        .into()
}
