//! A call of a task under description: its settings, then its arguments.

use super::{
    Builder, TaskSettings, Upstream,
    argument::{Argument, Bound, Mode},
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

    /// Attempts beyond the first.
    #[must_use]
    fn retries(self, retries: u32) -> Self {
        self.with(|task| task.retries = Some(retries))
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
}
