//! Inputs of task instances: bindings resolved against outputs and parameters, mapped lists taken
//! apart.
//!
//! Values are JSON text throughout. What several instances share (the gathered
//! list of a mapped upstream, the lists that are mapped over) is prepared once
//! for each task and stored while the run lasts. Where outputs are stored is the
//! driver's matter: it hands them over through [`Outputs`], and knows by
//! [`needs`] which ones to have at hand.

mod pick;
mod program;
mod template;

pub use pick::PickError;
pub use program::{Invocation, MAX_ARGUMENT_BYTES};
pub(crate) use template::Template;
pub use template::TemplateError;

use crate::{
    document::{Binding, Dag, Elements, TaskIndex},
    run::{Instance, MAX_INSTANCES},
};
use serde_json::{Map, Value};
use std::{
    collections::{BTreeSet, HashMap},
    ops::Range,
    sync::Arc,
};

/// The inputs of an instance by name, each as JSON text.
pub type NamedInputs = Vec<(String, Arc<str>)>;

/// The most bytes of JSON that the inputs of one attempt may have, and the lists that one task is
/// mapped over.
pub const MAX_INPUT_BYTES: usize = 64 << 20;

/// The bytes from which on a value that all instances of a task get is kept and shared. A copy of
/// a shorter one costs less than its entry.
const MIN_SHARED_BYTES: usize = 1024;

/// The outputs of a run, as JSON texts.
pub trait Outputs {
    /// Why an output can't be had.
    type Error;

    /// The bytes that the outputs of a task have, as far as they are known without reading one:
    /// never more than they have.
    fn known_bytes(&mut self, task: TaskIndex) -> u64;

    /// The output of one instance; `None` where it has none.
    ///
    /// # Errors
    /// The implementation's.
    fn get(&mut self, instance: Instance) -> Result<Option<Arc<str>>, Self::Error>;

    /// The outputs of a mapped task as one list, in order, without the
    /// instances that have none.
    ///
    /// # Errors
    /// The implementation's.
    fn gather(&mut self, task: TaskIndex) -> Result<Arc<str>, Self::Error>;
}

/// Why an instance has no inputs, or a task no number of instances.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InputError<E> {
    /// A value doesn't have the part, or isn't the list, that a binding names.
    #[error("the input {name:?}: {error}")]
    Pick {
        /// The parameter.
        name: String,
        /// What is wrong.
        error: PickError,
    },
    /// More instances than a task can have.
    #[error("mapping over {count} combinations is more than the {MAX_INSTANCES} that are allowed")]
    TooMany {
        /// How many there would be.
        count: u128,
    },
    /// Lists whose elements go together, of unlike lengths.
    #[error(
        "the lists {first:?} ({first_len}) and {other:?} ({other_len}) go together and must have one length"
    )]
    Unlike {
        /// The parameter of the first list.
        first: String,
        /// How many elements the first list has.
        first_len: usize,
        /// The parameter of the first other list that differs.
        other: String,
        /// How many elements that list has.
        other_len: usize,
    },
    /// More than [`MAX_INPUT_BYTES`].
    #[error(
        "the inputs have at least {bytes} bytes of JSON, and {MAX_INPUT_BYTES} are allowed; pass large data on as artifacts"
    )]
    TooLarge {
        /// How many bytes are known of.
        bytes: u64,
    },
    /// An output can't be had.
    #[error("an output of an upstream task can't be read: {0}")]
    Output(E),
}

/// An input of a task that may run ahead of its upstream's commit, where the output is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AheadInput {
    /// JSON text.
    Value(Arc<str>),
    /// What the output of the upstream holds at `pointer` (RFC 6901), all of it where absent.
    Output {
        /// RFC 6901.
        pointer: Option<String>,
    },
}

/// The inputs of a task that runs ahead on this output.
///
/// # Errors
/// The output has no such part.
pub fn resolve_ahead(
    inputs: &[(String, AheadInput)],
    output: &Arc<str>,
) -> Result<NamedInputs, PickError> {
    let resolve = |input: &AheadInput| match input {
        AheadInput::Value(value) => Ok(Arc::clone(value)),
        AheadInput::Output { pointer: None } => Ok(Arc::clone(output)),
        AheadInput::Output {
            pointer: Some(pointer),
        } => pick::pointer(output, pointer).map(Arc::from),
    };
    let inputs = inputs.iter();
    inputs
        .map(|(name, input)| Ok((name.clone(), resolve(input)?)))
        .collect()
}

/// The tasks whose outputs a task's inputs and lists are made of, once each.
pub fn needs(dag: &Dag, task: TaskIndex) -> impl Iterator<Item = TaskIndex> + use<> {
    let task = &dag.tasks[task.as_usize()];
    let bindings = task.inputs.iter().chain(&task.expand);
    let needed: BTreeSet<TaskIndex> = bindings
        .filter_map(|(_, binding)| binding.upstream())
        .collect();
    needed.into_iter()
}

/// Values that replace bindings, as JSON text, by task and parameter.
pub type Given = HashMap<(TaskIndex, String), Arc<str>>;

/// Resolves the bindings of one run.
#[derive(Debug)]
pub struct Inputs {
    dag: Arc<Dag>,
    params: Map<String, Value>,
    /// Values that replace bindings, by task and parameter.
    given: Given,
    /// By task: the lists it is mapped over, once they are known.
    axes: Vec<Option<Vec<Axis>>>,
    /// By task: the gathered outputs, once a downstream needed them.
    gathered: Vec<Option<Arc<str>>>,
    /// Large values that all instances of a task get, and that no output is as a whole: by task
    /// and position of the input.
    shared: HashMap<(TaskIndex, usize), Shared>,
    /// By task: how often its outputs have changed.
    changes: Vec<u32>,
}

/// A value that all instances of a task get.
#[derive(Debug)]
struct Shared {
    text: Arc<str>,
    /// The task of whose output it is a part, and how often that had changed.
    source: Option<(TaskIndex, u32)>,
}

/// One list that is mapped over.
#[derive(Debug)]
struct Axis {
    list: Arc<str>,
    /// Where in the list instances find what they get, empty where an element does not have it.
    elements: Vec<Range<usize>>,
}

impl Axis {
    fn new(list: Arc<str>, of: &Elements) -> Result<Self, PickError> {
        let mut elements = pick::elements(&list)?;
        if let Some(filter) = &of.filter {
            elements.retain(|at| pick::is_set(&list[at.clone()], filter));
        }
        if let Some(each) = &of.each {
            for at in &mut elements {
                let part = pick::range(&list[at.clone()], each);
                *at = part.map_or(0..0, |part| at.start + part.start..at.start + part.end);
            }
        }
        Ok(Self { list, elements })
    }
}

impl Inputs {
    /// For one run of a DAG with these parameters.
    pub fn new(dag: Arc<Dag>, params: Map<String, Value>, given: Given) -> Self {
        let tasks = dag.tasks.len();
        Self {
            dag,
            params,
            given,
            axes: (0..tasks).map(|_| None).collect(),
            gathered: vec![None; tasks],
            shared: HashMap::new(),
            changes: vec![0; tasks],
        }
    }

    /// The parameters of the run.
    pub const fn params(&self) -> &Map<String, Value> {
        &self.params
    }

    /// Whether the lists that a task is mapped over are known.
    pub fn is_expanded(&self, task: TaskIndex) -> bool {
        self.axes[task.as_usize()].is_some()
    }

    /// Works out the lists that a task is mapped over: how many instances it has.
    ///
    /// # Errors
    /// See [`InputError`]; nothing is stored then.
    pub fn expand<O: Outputs>(
        &mut self,
        task: TaskIndex,
        outputs: &mut O,
    ) -> Result<u32, InputError<O::Error>> {
        let dag = Arc::clone(&self.dag);
        self.check_known_bytes(task, &dag.tasks[task.as_usize()].expand, outputs)?;
        let mapped = &dag.tasks[task.as_usize()];
        let mut axes: Vec<Axis> = Vec::new();
        let mut count: u128 = 1;
        let whole = Elements::default();
        for ((name, binding), elements) in mapped.expand.iter().zip(&mapped.elements) {
            let list = self.value(task, name, binding, outputs)?;
            let is_given = self.given.contains_key(&(task, name.clone()));
            // A value that was given for a parameter holds what the instances get.
            let elements = if is_given { &whole } else { elements };
            let axis = Axis::new(list, elements).map_err(|error| InputError::Pick {
                name: name.clone(),
                error,
            })?;
            let len = axis.elements.len();
            match axes.first() {
                Some(first) if mapped.zip && first.elements.len() != len => {
                    return Err(InputError::Unlike {
                        first: mapped.expand[0].0.clone(),
                        first_len: first.elements.len(),
                        other: name.clone(),
                        other_len: len,
                    });
                }
                Some(_) if mapped.zip => {}
                Some(_) | None => count = count.saturating_mul(len as u128),
            }
            axes.push(axis);
        }
        let instances = u32::try_from(count)
            .ok()
            .filter(|count| *count <= MAX_INSTANCES)
            .ok_or(InputError::TooMany { count })?;
        self.axes[task.as_usize()] = Some(axes);
        Ok(instances)
    }

    /// The task starts over: nothing that was prepared from it counts any more.
    pub fn clear(&mut self, task: TaskIndex) {
        self.axes[task.as_usize()] = None;
        self.grew(task);
    }

    /// A mapped task has a further output: the list of them that was gathered,
    /// for a task that may start before all upstreams have ended, isn't whole.
    pub fn grew(&mut self, task: TaskIndex) {
        self.gathered[task.as_usize()] = None;
        self.changes[task.as_usize()] += 1;
    }

    /// The bytes of the lists and shared values that are prepared.
    pub fn prepared_bytes(&self) -> usize {
        let gathered = self.gathered.iter().flatten().map(|list| list.len());
        let axes = self.axes.iter().flatten().flatten();
        let shared = self.shared.values().map(|shared| shared.text.len());
        gathered.sum::<usize>()
            + axes.map(|axis| axis.list.len()).sum::<usize>()
            + shared.sum::<usize>()
    }

    /// Drops what is prepared; it is made of the outputs again when it is needed.
    pub fn drop_prepared(&mut self) {
        self.gathered.fill(None);
        self.axes.fill_with(|| None);
        self.shared.clear();
    }

    /// Adds up the outputs that bindings take, before one of them is read. An output of which
    /// only parts are taken counts once.
    fn check_known_bytes<O: Outputs>(
        &self,
        task: TaskIndex,
        bindings: &[(String, Binding)],
        outputs: &mut O,
    ) -> Result<(), InputError<O::Error>> {
        let mut bytes = 0;
        let mut taken_apart = BTreeSet::new();
        for (name, binding) in bindings {
            let Binding::Output {
                task: source,
                pointer,
            } = binding
            else {
                continue;
            };
            // An instance takes one of these outputs.
            if self.dag.are_mapped_together(task, *source) {
                continue;
            }
            let is_given = self.given.contains_key(&(task, name.clone()));
            let is_counted = pointer.is_some() && !taken_apart.insert(*source);
            if !is_given && !is_counted {
                let known = outputs.known_bytes(*source);
                add_bytes(&mut bytes, usize::try_from(known).unwrap_or(usize::MAX))?;
            }
        }
        Ok(())
    }

    /// The inputs of an instance by name, each as JSON text. Those of a mapped
    /// task's parameters are there once [`Self::expand`] has been asked. What all instances of
    /// a task get they share, unless it is short.
    ///
    /// # Errors
    /// See [`InputError`].
    pub fn of<O: Outputs>(
        &mut self,
        instance: Instance,
        outputs: &mut O,
    ) -> Result<NamedInputs, InputError<O::Error>> {
        let dag = Arc::clone(&self.dag);
        let task = &dag.tasks[instance.task.as_usize()];
        self.check_known_bytes(instance.task, &task.inputs, outputs)?;
        let mut inputs = Vec::with_capacity(task.inputs.len() + task.expand.len());
        let mut bytes = 0;
        for (position, (name, binding)) in task.inputs.iter().enumerate() {
            let value = match binding {
                Binding::Element { list, pointer } => {
                    self.element(instance, name, *list, pointer.as_deref())
                }
                Binding::Output {
                    task: source,
                    pointer,
                } if dag.are_mapped_together(instance.task, *source) => {
                    let source = (*source, pointer.as_deref());
                    Some(self.output_of_index(instance, name, source, outputs)?)
                }
                Binding::Output { .. } | Binding::Param { .. } | Binding::Literal(_) => {
                    Some(self.shared_value((instance.task, position), name, binding, outputs)?)
                }
            };
            let Some(value) = value else {
                continue;
            };
            add_bytes(&mut bytes, name.len() + value.len())?;
            inputs.push((name.clone(), value));
        }
        let axes = match &self.axes[instance.task.as_usize()] {
            Some(axes) if task.mapped_group.is_none() => axes.as_slice(),
            // What a task of a mapped group takes of the lists is among its `inputs`.
            Some(_) | None => &[],
        };
        let picked = elements_of(axes, task.zip, instance.index);
        for ((name, _), value) in task.expand.iter().zip(picked) {
            let Some(value) = value else {
                continue;
            };
            add_bytes(&mut bytes, name.len() + value.len())?;
            inputs.push((name.clone(), value.into()));
        }
        Ok(inputs)
    }

    /// The inputs of a task that may run ahead ([`crate::run_ahead`]), as far as they are known
    /// before its upstream has an output.
    ///
    /// # Errors
    /// See [`InputError`].
    pub fn ahead<O: Outputs>(
        &mut self,
        task: TaskIndex,
        outputs: &mut O,
    ) -> Result<Vec<(String, AheadInput)>, InputError<O::Error>> {
        let dag = Arc::clone(&self.dag);
        let mut input = |(name, binding): &(String, Binding)| {
            let input = match binding {
                Binding::Output { task: _, pointer } if self.given_value(task, name).is_none() => {
                    AheadInput::Output {
                        pointer: pointer.clone(),
                    }
                }
                Binding::Output { .. }
                | Binding::Param { .. }
                | Binding::Element { .. }
                | Binding::Literal(_) => {
                    AheadInput::Value(self.value(task, name, binding, outputs)?)
                }
            };
            Ok((name.clone(), input))
        };
        let bindings = dag.tasks[task.as_usize()].inputs.iter();
        bindings.map(&mut input).collect()
    }

    /// What an instance of a task in a mapped group gets of one of the group's lists.
    fn element(
        &self,
        instance: Instance,
        name: &str,
        list: u32,
        pointer: Option<&str>,
    ) -> Option<Arc<str>> {
        if let Some(value) = self.given_input(instance.task, name) {
            return Some(value);
        }
        let task = &self.dag.tasks[instance.task.as_usize()];
        let axes = self.axes[instance.task.as_usize()].as_ref()?;
        let picked = elements_of(axes, task.zip, instance.index);
        let element = picked.get(list as usize).copied().flatten()?;
        match pointer {
            None => Some(element.into()),
            Some(pointer) => pick::range(element, pointer).map(|part| element[part].into()),
        }
    }

    /// The output of the instance with the same index, of a task in the same mapped group.
    fn output_of_index<O: Outputs>(
        &self,
        instance: Instance,
        name: &str,
        (source, pointer): (TaskIndex, Option<&str>),
        outputs: &mut O,
    ) -> Result<Arc<str>, InputError<O::Error>> {
        if let Some(value) = self.given_input(instance.task, name) {
            return Ok(value);
        }
        let source = Instance {
            task: source,
            index: instance.index,
        };
        match outputs.get(source).map_err(InputError::Output)? {
            Some(whole) => picked(whole, name, pointer),
            // Skipped, and the trigger rule lets this instance run all the same.
            None => Ok("null".into()),
        }
    }

    /// As [`Self::value`]. A large value that is made of a parameter, a literal or a part of an
    /// output is made once for all instances of the task.
    fn shared_value<O: Outputs>(
        &mut self,
        (task, position): (TaskIndex, usize),
        name: &str,
        binding: &Binding,
        outputs: &mut O,
    ) -> Result<Arc<str>, InputError<O::Error>> {
        let source = match binding {
            // The instances share the output itself.
            Binding::Output { pointer: None, .. } => {
                return self.value(task, name, binding, outputs);
            }
            Binding::Output {
                task: source,
                pointer: Some(_),
            } => Some((*source, self.changes[source.as_usize()])),
            Binding::Param { .. } | Binding::Element { .. } | Binding::Literal(_) => None,
        };
        if let Some(shared) = self.shared.get(&(task, position))
            && shared.source == source
        {
            return Ok(Arc::clone(&shared.text));
        }
        let text = self.value(task, name, binding, outputs)?;
        if text.len() >= MIN_SHARED_BYTES {
            let shared = Shared {
                text: Arc::clone(&text),
                source,
            };
            self.shared.insert((task, position), shared);
        } else {
            self.shared.remove(&(task, position));
        }
        Ok(text)
    }

    fn value<O: Outputs>(
        &mut self,
        task: TaskIndex,
        name: &str,
        binding: &Binding,
        outputs: &mut O,
    ) -> Result<Arc<str>, InputError<O::Error>> {
        if let Some(value) = self.given_value(task, name) {
            return Ok(value);
        }
        match binding {
            // Each instance has its own; `of` finds it.
            Binding::Element { .. } => Ok("null".into()),
            Binding::Literal(value) => Ok(value.to_string().into()),
            Binding::Param {
                name: param,
                pointer,
            } => {
                let value = self.params.get(param).unwrap_or(&Value::Null);
                picked(value.to_string().into(), name, pointer.as_deref())
            }
            Binding::Output { task, pointer } => {
                let whole = if self.dag.tasks[task.as_usize()].expand.is_empty() {
                    let only = Instance {
                        task: *task,
                        index: 0,
                    };
                    outputs.get(only).map_err(InputError::Output)?
                } else {
                    let gathered = self.gathered(*task, outputs);
                    Some(gathered.map_err(InputError::Output)?)
                };
                match whole {
                    Some(whole) => picked(whole, name, pointer.as_deref()),
                    // Skipped, and the trigger rule lets this task run all the same.
                    None => Ok("null".into()),
                }
            }
        }
    }

    /// A value that was given for an input of a task in a mapped group. One that was given under the name
    /// of a list of the group is that list.
    fn given_input(&self, task: TaskIndex, name: &str) -> Option<Arc<str>> {
        let lists = &self.dag.tasks[task.as_usize()].expand;
        if lists.iter().any(|(known, _)| known == name) {
            return None;
        }
        self.given_value(task, name)
    }

    fn given_value(&self, task: TaskIndex, name: &str) -> Option<Arc<str>> {
        if self.given.is_empty() {
            return None;
        }
        self.given.get(&(task, name.to_owned())).map(Arc::clone)
    }

    fn gathered<O: Outputs>(
        &mut self,
        task: TaskIndex,
        outputs: &mut O,
    ) -> Result<Arc<str>, O::Error> {
        let kept = &mut self.gathered[task.as_usize()];
        if let Some(list) = kept {
            return Ok(Arc::clone(list));
        }
        let list = outputs.gather(task)?;
        Ok(Arc::clone(kept.insert(list)))
    }
}

/// The part of a value that a binding takes.
fn picked<E>(
    whole: Arc<str>,
    name: &str,
    pointer: Option<&str>,
) -> Result<Arc<str>, InputError<E>> {
    let Some(pointer) = pointer else {
        return Ok(whole);
    };
    let part = pick::pointer(&whole, pointer).map(Arc::from);
    part.map_err(|error| InputError::Pick {
        name: name.to_owned(),
        error,
    })
}

/// What an instance gets of each list: nothing where its element has no such part.
fn elements_of(axes: &[Axis], zip: bool, index: u32) -> Vec<Option<&str>> {
    // The last list varies fastest, so positions are read from the back.
    let mut left = index as usize;
    let mut picked: Vec<Option<&str>> = Vec::with_capacity(axes.len());
    for axis in axes.iter().rev() {
        let at = if zip {
            left
        } else {
            let at = left % axis.elements.len().max(1);
            left /= axis.elements.len().max(1);
            at
        };
        picked.push(match axis.elements.get(at) {
            Some(element) if element.is_empty() => None,
            Some(element) => Some(&axis.list[element.clone()]),
            None => Some("null"),
        });
    }
    picked.reverse();
    picked
}

/// Adds to the bytes of one attempt's inputs.
fn add_bytes<E>(bytes: &mut usize, more: usize) -> Result<(), InputError<E>> {
    *bytes = bytes.saturating_add(more);
    if *bytes <= MAX_INPUT_BYTES {
        return Ok(());
    }
    Err(InputError::TooLarge {
        bytes: *bytes as u64,
    })
}
