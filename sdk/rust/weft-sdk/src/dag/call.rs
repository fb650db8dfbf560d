//! A call of a task under description: its settings, then its arguments.

use super::{
    Builder, TaskSettings, Upstream,
    argument::{Argument, Bound, Mode},
    builder::Teardown,
    edge::Edge,
};
use crate::data::{Input, Output};
use schemars::{
    JsonSchema,
    generate::{Contract, SchemaSettings},
};
use serde_json::Value;
use std::{marker::PhantomData, panic::Location};

/// A call that is being put together; the `#[task]` macro makes and uses it.
#[derive(Debug)]
pub struct Call<'d> {
    pub(super) builder: &'d Builder,
    pub(super) id: String,
    /// The name that the component knows the task by.
    pub(super) task: &'static str,
    /// Module and function, to tell two tasks of one name apart.
    pub(super) path: &'static str,
    pub(super) settings: TaskSettings,
    pub(super) inputs: Vec<(&'static str, Bound, Value)>,
    pub(super) expand: Vec<(&'static str, Bound, Value)>,
    pub(super) after: Vec<usize>,
    pub(super) teardown: Teardown,
    pub(super) location: &'static Location<'static>,
}

impl<'d> Call<'d> {
    /// A call of the task with the settings of its attribute.
    #[doc(hidden)]
    #[track_caller]
    pub fn new(
        builder: &'d Builder,
        task: &'static str,
        path: &'static str,
        settings: TaskSettings,
    ) -> Self {
        Self {
            builder,
            id: task.into(),
            task,
            path,
            settings,
            inputs: Vec::new(),
            expand: Vec::new(),
            after: Vec::new(),
            teardown: Teardown::default(),
            location: Location::caller(),
        }
    }

    /// Binds the parameter `name` of type `T`.
    #[doc(hidden)]
    #[must_use]
    pub fn input<T: Input, A: Argument<T>>(mut self, name: &'static str, argument: A) -> Self {
        let binding = (name, argument.bind(), schema_of::<T>(Contract::Deserialize));
        if <A::Mode as Mode>::MAPPED {
            self.expand.push(binding);
        } else {
            self.inputs.push(binding);
        }
        self
    }

    /// Records the call, whose task returns `U`.
    #[doc(hidden)]
    pub fn finish<U: Output, M: Mode>(self) -> Edge<'d, M::Of<U>> {
        let builder = self.builder;
        let node = builder.record(self, schema_of::<U>(Contract::Serialize));
        Edge {
            node,
            pointer: None,
            builder,
            output: PhantomData,
        }
    }
}

/// The JSON Schema (2020-12) of a type, as it is read or as it is written.
pub(super) fn schema_of<T: JsonSchema>(contract: Contract) -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.contract = contract;
    settings.meta_schema = None;
    settings
        .into_generator()
        .into_root_schema_for::<T>()
        .to_value()
}

/// Settings for one call of a task, over those of its attribute:
/// `extract.id("extract_again").retries(5)(url)`.
///
/// ```
/// use weft::prelude::*;
///
/// #[task(retries = 3)]
/// fn extract(url: String) -> u64 { url.len() as u64 }
///
/// #[dag]
/// fn twice() {
///     let first = extract("https://a.example.org");
///     let second = extract.id("extract_again").retries(5).queue("slow")("https://b.example.org");
///     first.before(second);
/// }
/// # let json = twice().to_json();
/// # assert_eq!(json["tasks"]["extract_again"]["retries"], 5);
/// # assert_eq!(json["tasks"]["extract_again"]["task"], "extract");
/// # assert_eq!(json["tasks"]["extract_again"]["after"][0], "extract");
/// ```
pub trait Task<'d>: Sized {
    /// The call that is being put together.
    #[doc(hidden)]
    fn weft_call(&mut self) -> &mut Call<'d>;

    /// Several settings at once: `fetch.with(|task| task.retries = Some(5))(url)`.
    #[must_use]
    fn with(mut self, change: impl FnOnce(&mut TaskSettings)) -> Self {
        change(&mut self.weft_call().settings);
        self
    }

    /// The task's id in this DAG; the name of the function where none is given.
    #[must_use]
    fn id(mut self, id: impl Into<String>) -> Self {
        self.weft_call().id = id.into();
        self
    }

    /// Starts after these, without taking anything from them.
    #[must_use]
    fn after(mut self, upstream: impl Upstream) -> Self {
        upstream.nodes(&mut self.weft_call().after);
        self
    }

    /// A teardown of these setups, which it starts after; see [`Edge::teardown_of`].
    #[must_use]
    fn teardown_of(mut self, setups: impl Upstream) -> Self {
        let teardown = &mut self.weft_call().teardown;
        setups.nodes(teardown.setups.get_or_insert_default());
        self
    }

    /// The run fails with this teardown. Otherwise how it ends counts for nothing.
    #[must_use]
    fn teardown_fails_run(mut self) -> Self {
        self.weft_call().teardown.fails_run = true;
        self
    }

    /// The elements at the same position of all lists make an instance, instead of each combination:
    /// `load.zip()(each(files), each(tables))`. Lists of unlike length fail the task.
    #[must_use]
    fn zip(self) -> Self {
        self.with(|task| task.zip = true)
    }

    /// Attempts beyond the first.
    #[must_use]
    fn retries(self, retries: u32) -> Self {
        self.with(|task| task.retries = Some(retries))
    }

    /// The codes of the failures that are retried: `["timeout", "internal"]`. Every failure that may
    /// pass is where none is named.
    #[must_use]
    fn retry_on<C: Into<String>>(self, codes: impl IntoIterator<Item = C>) -> Self {
        self.with(|task| task.retry_on = codes.into_iter().map(Into::into).collect())
    }

    /// The wait before the first retry: "30s", "1h30m".
    #[must_use]
    fn retry_delay(self, delay: impl Into<String>) -> Self {
        self.with(|task| task.retry_delay = Some(delay.into()))
    }

    /// The longest an attempt may take: "5m".
    #[must_use]
    fn timeout(self, timeout: impl Into<String>) -> Self {
        self.with(|task| task.timeout = Some(timeout.into()))
    }

    /// How long after its run was due all its instances have ended: "2h". A scheduled run was due at its
    /// date, another one when it was created.
    #[must_use]
    fn deadline(self, deadline: impl Into<String>) -> Self {
        self.with(|task| task.deadline = Some(deadline.into()))
    }

    /// What happens when the deadline is missed: "notify", or "stop", which cancels what has not ended
    /// as well.
    #[must_use]
    fn on_missed_deadline(self, action: impl Into<String>) -> Self {
        self.with(|task| task.on_missed_deadline = Some(action.into()))
    }

    /// Waits until, in the scheduled or backfilled run before, this task succeeded or was skipped.
    #[must_use]
    fn depends_on_past(self) -> Self {
        self.with(|task| task.depends_on_past = true)
    }

    /// As [`depends_on_past`](Self::depends_on_past), and its direct downstreams as well.
    #[must_use]
    fn wait_for_downstream(self) -> Self {
        self.with(|task| task.wait_for_downstream = true)
    }

    /// Skipped in a scheduled or backfilled run after which another one is due.
    #[must_use]
    fn latest_only(self) -> Self {
        self.with(|task| task.latest_only = true)
    }

    /// When the task may start, by Airflow's name of the rule: "`all_done`".
    #[must_use]
    fn trigger_rule(self, rule: impl Into<String>) -> Self {
        self.with(|task| task.trigger_rule = Some(rule.into()))
    }

    /// How many instances of a mapped task run at once.
    #[must_use]
    fn max_active(self, instances: u32) -> Self {
        self.with(|task| task.max_active = Some(instances))
    }

    /// The queue whose workers run it.
    #[must_use]
    fn queue(self, queue: impl Into<String>) -> Self {
        self.with(|task| task.queue = Some(queue.into()))
    }

    /// The pool it takes a slot of.
    #[must_use]
    fn pool(self, pool: impl Into<String>) -> Self {
        self.with(|task| task.pool = Some(pool.into()))
    }

    /// Higher goes first among ready tasks.
    #[must_use]
    fn priority(self, priority: i32) -> Self {
        self.with(|task| task.priority = Some(priority))
    }

    /// Each success updates this asset as well.
    #[must_use]
    fn outlet(self, asset: impl Into<String>) -> Self {
        self.with(|task| task.outlets.push(asset.into()))
    }

    /// Asks for outgoing HTTP to this host as well.
    #[must_use]
    fn grant_http(self, host: impl Into<String>) -> Self {
        self.with(|task| task.grants.http.push(host.into()))
    }

    /// Asks for this variable as well.
    #[must_use]
    fn grant_variable(self, name: impl Into<String>) -> Self {
        self.with(|task| task.grants.variables.push(name.into()))
    }

    /// Asks for calls of this DAG as well.
    #[must_use]
    fn grant_dag(self, id: impl Into<String>) -> Self {
        self.with(|task| task.grants.dags.push(id.into()))
    }
}
