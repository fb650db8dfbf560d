//! The attribute macros of `weft-sdk`, which documents them.
//!
//! They only rewrite: what an edge may carry is decided by the types that the
//! expansion names, so that the compiler says it, at the author's line.

mod check;
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
/// | `retry_delay`, `retry_max_delay` | duration | the first wait, the longest one |
/// | `retry_backoff` | number | each wait is this many times the one before |
/// | `retry_jitter` | 0.0 to 1.0 | the random share of a wait |
/// | `timeout` | duration | the longest an attempt may take |
/// | `trigger_rule` | text | Airflow's name of when it may start: `"all_done"` |
/// | `branch` | | it returns a `Branch`, which chooses among its downstreams |
/// | `deterministic` | | same inputs, same output; runs on the deterministic engine |
/// | `max_active` | number | instances of a mapped task that run at once |
/// | `grant(http, variables, connections)` | text or list | what it asks to be allowed |
/// | `limits(memory, scratch, output, log, artifact)` | size | `"256MiB"` |
/// | `limits(cpu)` | duration | CPU time of an attempt |
/// | `queue`, `pool` | text | which workers run it, which pool it takes slots of |
/// | `pool_slots`, `priority` | number | how many slots; higher goes first |
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
/// | `schedule` | text | cron (`"0 6 * * *"`), a preset (`"@daily"`) or an interval (`"15m"`) |
/// | `timezone` | text | of the schedule: `"Europe/Berlin"` |
/// | `start`, `end` | text | the first and the last date |
/// | `catchup` | bool | whether missed runs are made up for |
/// | `max_active_runs`, `max_active_tasks` | number | at once |
/// | `timeout` | duration | the longest a run may take |
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
