//! Records what a `#[dag]` function describes, and writes it as a document.
//!
//! Mistakes that only the whole DAG shows (an id used twice) are collected
//! with the author's line and come out as one text; what the document's own
//! validation finds (cycles, bad cron texts) is left to it.

use super::{
    argument::{Bound, Literal},
    call::{Call, schema_of},
    document::{
        BindingBody, DagBody, DagSettings, Document, GroupBody, Ordered, ParamBody, Source,
        TaskBody, Types,
    },
    edge::Param,
};
use crate::{data::Input, task::Run};
use schemars::generate::Contract;
use serde_json::Value;
use std::{cell::RefCell, collections::HashMap, panic::Location};

/// The contract that the SDK writes.
const CONTRACT: &str = "weft.dag/1";

/// A `#[dag]` function, as its macro sees it.
#[doc(hidden)]
pub trait DagDef {
    /// The attribute's settings.
    fn settings() -> DagSettings;
    /// Runs the function's body over a builder.
    fn define(builder: &Builder);
    /// The task of this name among those that the function calls.
    fn find(task: &str) -> Option<Run>;
}

/// Records the DAG that a `#[dag]` function describes while it runs.
#[derive(Debug, Default)]
pub struct Builder {
    state: RefCell<State>,
}

#[derive(Debug, Default)]
struct State {
    params: Vec<(String, ParamBody)>,
    nodes: Vec<Node>,
    by_id: HashMap<String, usize>,
    pointers: Vec<String>,
    groups: Vec<Group>,
    /// The mapped group whose body is running.
    open_group: Option<usize>,
    mistakes: Vec<String>,
}

/// A mapped group.
#[derive(Debug)]
struct Group {
    name: String,
    /// The names of its lists, and where they come from.
    expand: Vec<(String, Bound)>,
    zip: bool,
}

#[derive(Debug)]
struct Node {
    id: String,
    path: &'static str,
    body: TaskBody,
    /// Nodes that this one starts after, and bindings by index until all ids are known.
    after: Vec<usize>,
    teardown: Teardown,
    inputs: Vec<(&'static str, Bound)>,
    expand: Vec<(&'static str, Bound)>,
    group: Option<usize>,
    location: &'static Location<'static>,
}

/// What makes a node a teardown.
#[derive(Debug, Default)]
pub(super) struct Teardown {
    /// The nodes that it undoes; `None` for a node that is no teardown.
    pub(super) setups: Option<Vec<usize>>,
    pub(super) fails_run: bool,
}

impl Group {
    fn list_names(&self) -> Vec<String> {
        self.expand.iter().map(|(name, _)| name.clone()).collect()
    }
}

impl Node {
    /// What conflicts in its settings.
    fn conflict(&self) -> Option<&'static str> {
        let (settings, is_teardown) = (&self.body.settings, self.teardown.setups.is_some());
        if is_teardown && settings.trigger_rule.is_some() {
            Some("a teardown has a rule of its own; leave out `trigger_rule`")
        } else if is_teardown && settings.branch {
            Some("a teardown can't choose what runs")
        } else if is_teardown && settings.depends_on_other_runs() {
            Some(
                "a teardown runs whatever came of other runs; leave out `depends_on_past`, \
                 `wait_for_downstream` and `latest_only`",
            )
        } else if settings.on_missed_deadline.is_some() && settings.deadline.is_none() {
            Some("there is no deadline that could be missed; add `deadline`")
        } else if self.teardown.fails_run && !is_teardown {
            Some("it is no teardown; add `teardown_of`")
        } else if self.group.is_some() && !self.expand.is_empty() {
            Some("it is mapped with its group, and not by itself; pass it an element of the group")
        } else if self.group.is_some() && settings.branch {
            Some(
                "a task of a mapped group can't choose, since its instances could choose differently",
            )
        } else if settings.zip && self.expand.is_empty() {
            Some("only lists are zipped; give it some by `each(..)`")
        } else {
            None
        }
    }
}

impl Builder {
    /// Declares a parameter of the run.
    #[doc(hidden)]
    pub fn param<T: Input>(
        &self,
        name: &'static str,
        description: Option<&str>,
        default: Option<Result<Value, String>>,
    ) -> Param<T> {
        let mut state = self.state.borrow_mut();
        let default = default.and_then(|default| match default {
            Ok(default) => Some(default),
            Err(error) => {
                state.mistakes.push(format!(
                    "the default of parameter `{name}` is no JSON: {error}"
                ));
                None
            }
        });
        let body = ParamBody {
            description: description.map(Into::into),
            schema: schema_of::<T>(Contract::Deserialize),
            default,
        };
        state.params.push((name.into(), body));
        Param::new(name)
    }

    /// Begins a mapped group: calls belong to it until it ends. Answers with its position.
    pub(super) fn begin_group(
        &self,
        name: String,
        (lists, names): (Vec<Bound>, &[&str]),
        zip: bool,
        location: &'static Location<'static>,
    ) -> usize {
        let mut state = self.state.borrow_mut();
        let mistake = if state.open_group.is_some() {
            Some("is within another mapped group; map one of the two")
        } else if state.groups.iter().any(|group| group.name == name) {
            Some("is there already; give this one another name")
        } else {
            None
        };
        if let Some(mistake) = mistake {
            let (file, line) = (location.file(), location.line());
            let mistake = format!("{file}:{line}: the mapped group `{name}` {mistake}");
            state.mistakes.push(mistake);
        }
        let expand = lists.into_iter().enumerate().map(|(at, list)| {
            let name = names.get(at).map(ToString::to_string);
            (name.unwrap_or_else(|| format!("element_{}", at + 1)), list)
        });
        let expand = expand.collect();
        state.groups.push(Group { name, expand, zip });
        let group = state.groups.len() - 1;
        state.open_group = Some(group);
        group
    }

    pub(super) fn end_group(&self) {
        self.state.borrow_mut().open_group = None;
    }

    /// Outside of its mapped group an edge is a list, of which this part can't be taken.
    pub(super) fn refuse_part(&self, node: usize) {
        let mut state = self.state.borrow_mut();
        let node = &state.nodes[node];
        let (file, line) = (node.location.file(), node.location.line());
        let mistake = format!(
            "{file}:{line}: `{}`: the body of a mapped group can't return a part of an output; \
             return the edge, and take the part with `each(..).part(..)`",
            node.id
        );
        state.mistakes.push(mistake);
    }

    /// Records a call and answers with its node.
    pub(super) fn record(&self, mut call: Call<'_>, output: Value) -> usize {
        let mut state = self.state.borrow_mut();
        let group = state.open_group;
        if let Some(group) = group {
            call.id = format!("{}.{}", state.groups[group].name, call.id);
        }
        let node = state.nodes.len();
        if let Some(&first) = state.by_id.get(&call.id) {
            let first = &state.nodes[first];
            let at = call.location;
            let mistake = format!(
                "{}:{}: the id `{}` is used already at line {}; give this call another one: \
                 `{}.id(\"{}_2\")(..)`, or `.id(format!(..))` in a loop",
                at.file(),
                at.line(),
                call.id,
                first.location.line(),
                call.task,
                call.id,
            );
            state.mistakes.push(mistake);
        }
        state.by_id.entry(call.id.clone()).or_insert(node);
        let mut types = Types {
            inputs: Ordered::default(),
            output,
        };
        let mut bind = |bindings: Vec<(&'static str, Bound, Value)>| -> Vec<(&'static str, Bound)> {
            bindings
                .into_iter()
                .map(|(name, bound, schema)| {
                    types.inputs.0.push((name.into(), schema));
                    (name, bound)
                })
                .collect()
        };
        let (inputs, expand) = (bind(call.inputs), bind(call.expand));
        let body = TaskBody {
            task: (call.task != call.id).then_some(call.task),
            settings: call.settings,
            inputs: Ordered::default(),
            expand: Ordered::default(),
            after: Vec::new(),
            teardown_of: None,
            teardown_fails_run: false,
            types,
        };
        let (id, path, after, location) = (call.id, call.path, call.after, call.location);
        state.nodes.push(Node {
            id,
            path,
            body,
            after,
            teardown: call.teardown,
            inputs,
            expand,
            group,
            location,
        });
        node
    }

    /// Puts `downstream` after `upstream`.
    pub(super) fn order(&self, upstream: usize, downstream: usize) {
        self.state.borrow_mut().nodes[downstream]
            .after
            .push(upstream);
    }

    /// Changes of which nodes `node` is a teardown, and what it counts for.
    pub(super) fn change_teardown(&self, node: usize, change: impl FnOnce(&mut Teardown)) {
        change(&mut self.state.borrow_mut().nodes[node].teardown);
    }

    /// Keeps a pointer below another one.
    pub(super) fn pointer(&self, base: Option<usize>, pointer: &str) -> usize {
        let mut state = self.state.borrow_mut();
        let whole = base.map_or_else(String::new, |base| state.pointers[base].clone()) + pointer;
        state.pointers.push(whole);
        state.pointers.len() - 1
    }

    pub(super) fn pointer_text(&self, at: usize) -> String {
        self.state.borrow().pointers[at].clone()
    }
}

impl State {
    fn into_dag(mut self, settings: DagSettings) -> Result<Dag, String> {
        let ids: Vec<String> = self.nodes.iter().map(|node| node.id.clone()).collect();
        let lists: Vec<Vec<String>> = self.groups.iter().map(Group::list_names).collect();
        let mut groups = Vec::new();
        for group in self.groups {
            let mut bodies = Vec::new();
            for (name, bound) in group.expand {
                match binding(bound, &ids, &lists) {
                    Ok(binding) => bodies.push((name, binding)),
                    Err(error) => self.mistakes.push(format!(
                        "the list `{name}` of the mapped group `{}` is no JSON: {error}",
                        group.name
                    )),
                }
            }
            let body = GroupBody {
                expand: Ordered(bodies),
                zip: group.zip,
            };
            groups.push((group.name, body));
        }
        let mut names = Vec::new();
        let mut tasks = Vec::new();
        for node in self.nodes {
            if let Some(conflict) = node.conflict() {
                let (file, line) = (node.location.file(), node.location.line());
                self.mistakes
                    .push(format!("{file}:{line}: `{}`: {conflict}", node.id));
            }
            let elements = node.inputs.iter().chain(&node.expand);
            let foreign = elements
                .filter_map(|(name, bound)| Some((name, bound.group_of_element()?)))
                .find(|(_, group)| node.group != Some(*group));
            if let Some((name, _)) = foreign {
                let (file, line) = (node.location.file(), node.location.line());
                self.mistakes.push(format!(
                    "{file}:{line}: `{}`: `{name}` gets an element of a mapped group that the task is not in",
                    node.id
                ));
            }
            let mut body = node.body;
            let mut bind = |bindings: Vec<(&'static str, Bound)>| {
                let mut bodies = Vec::new();
                for (name, bound) in bindings {
                    match binding(bound, &ids, &lists) {
                        Ok(binding) => bodies.push((name.to_owned(), binding)),
                        Err(error) => {
                            let at = node.location;
                            let (file, line) = (at.file(), at.line());
                            self.mistakes.push(format!(
                                "{file}:{line}: the value for `{name}` is no JSON: {error}"
                            ));
                        }
                    }
                }
                Ordered(bodies)
            };
            body.inputs = bind(node.inputs);
            body.expand = bind(node.expand);
            body.after = ids_of(&node.after, &ids);
            body.teardown_of = node.teardown.setups.map(|setups| ids_of(&setups, &ids));
            body.teardown_fails_run = node.teardown.fails_run;
            names.push((body.task.unwrap_or_default(), node.path));
            if body.task.is_none() {
                // A task whose id is its name: the path ends with the name.
                let name = node.path.rsplit("::").next().unwrap_or(node.path);
                names.last_mut().expect("it was pushed above").0 = name;
            }
            tasks.push((node.id, body));
        }
        if self.mistakes.is_empty() {
            let body = DagBody {
                settings,
                params: Ordered(self.params),
                groups: Ordered(groups),
                tasks: Ordered(tasks),
            };
            Ok(Dag { body, names })
        } else {
            Err(self.mistakes.join("\n"))
        }
    }
}

/// A binding as the document has it, or why its constant is no JSON.
fn binding(bound: Bound, ids: &[String], lists: &[Vec<String>]) -> Result<BindingBody, String> {
    Ok(match bound {
        Bound::Task {
            node,
            pointer: None,
        } => BindingBody::Whole(ids[node].clone()),
        other => BindingBody::From(source(other, ids, lists)?),
    })
}

fn source(bound: Bound, ids: &[String], lists: &[Vec<String>]) -> Result<Source, String> {
    let none = Source::default();
    Ok(match bound {
        Bound::Task { node, pointer } => Source {
            task: Some(ids[node].clone()),
            pointer,
            ..none
        },
        Bound::Param { name } => Source {
            param: Some(name.into()),
            ..none
        },
        Bound::Value(value) => Source {
            value: Some(value?),
            ..none
        },
        Bound::Elements { list, each, filter } => Source {
            each,
            filter,
            ..source(*list, ids, lists)?
        },
        Bound::Element {
            group,
            list,
            pointer,
        } => Source {
            element: Some(lists[group][list].clone()),
            pointer,
            ..none
        },
    })
}

/// The ids of nodes, each once.
fn ids_of(nodes: &[usize], ids: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::with_capacity(nodes.len());
    for node in nodes {
        if !found.contains(&ids[*node]) {
            found.push(ids[*node].clone());
        }
    }
    found
}

/// A described DAG: what calling a `#[dag]` function returns, for tests.
///
/// ```
/// use weft::prelude::*;
///
/// #[task]
/// fn hello() -> String { "hello".into() }
///
/// #[dag(schedule = "@daily")]
/// fn greet() { hello(); }
///
/// assert_eq!(greet().task_ids(), ["hello"]);
/// assert_eq!(greet().to_json()["schedule"], "@daily");
/// ```
#[derive(Debug, Clone)]
pub struct Dag {
    body: DagBody,
    /// Name and path of each task, to find two of one name.
    names: Vec<(&'static str, &'static str)>,
}

impl Dag {
    /// Describes a `#[dag]`, or says what is wrong with it.
    ///
    /// # Errors
    /// The author's mistakes, one a line, each with its place.
    #[doc(hidden)]
    pub fn describe<D: DagDef>() -> Result<Self, String> {
        Self::from_parts(D::settings, D::define)
    }

    pub(crate) fn from_parts(
        settings: fn() -> DagSettings,
        define: fn(&Builder),
    ) -> Result<Self, String> {
        let builder = Builder::default();
        define(&builder);
        let settings = settings();
        let id = settings.id.clone();
        let described = builder.state.into_inner().into_dag(settings);
        described.map_err(|mistakes| format!("DAG `{id}`: {mistakes}"))
    }

    /// The DAG as the document has it.
    pub fn to_json(&self) -> Value {
        serde_json::to_value(&self.body).expect("keys are texts and values are JSON already")
    }

    /// The tasks' ids, in the order of their calls.
    pub fn task_ids(&self) -> Vec<&str> {
        self.body
            .tasks
            .0
            .iter()
            .map(|(id, _)| id.as_str())
            .collect()
    }

    /// The DAG's id.
    pub fn id(&self) -> &str {
        &self.body.settings.id
    }
}

/// The document of several DAGs, ordered by id, since the order in which a
/// linker places them says nothing.
pub(crate) fn describe(mut dags: Vec<Dag>) -> Result<String, String> {
    dags.sort_by(|a, b| a.id().cmp(b.id()));
    if let Some(pair) = dags.windows(2).find(|pair| pair[0].id() == pair[1].id()) {
        return Err(format!(
            "two DAGs have the id `{}`; give one another: #[dag(id = \"..\")]",
            pair[0].id()
        ));
    }
    let mut paths: HashMap<&str, &str> = HashMap::new();
    for (name, path) in dags.iter().flat_map(|dag| &dag.names) {
        let first = paths.entry(name).or_insert(path);
        if first != path {
            return Err(format!(
                "two tasks are called `{name}`: {first} and {path}; name one of them: #[task(name = \"..\")]"
            ));
        }
    }
    let bodies: Vec<DagBody> = dags.into_iter().map(|dag| dag.body).collect();
    serde_json::to_string(&Document {
        contract: CONTRACT,
        dags: &bodies,
    })
    .map_err(|error| error.to_string())
}

/// A default for a parameter of type `T`.
#[doc(hidden)]
pub fn default_of<T, L: Literal<T>>(literal: L) -> Option<Result<Value, String>> {
    Some(literal.literal())
}
