//! What an instance gets as its inputs: bindings resolved against outputs and
//! parameters, mapped lists taken apart.
//!
//! Values are JSON text throughout. What several instances share (the gathered
//! list of a mapped upstream, the lists that are mapped over) is prepared once
//! for each task and kept while the run lasts.

use super::{
    outputs::Outputs,
    pick::{self, PickError},
};
use serde_json::{Map, Value};
use std::{collections::HashMap, io, ops::Range, sync::Arc};
use weft_core::{
    document::{Binding, Dag, TaskIndex},
    run::Instance,
};

/// The most instances of one mapped task.
pub(crate) const MAX_INSTANCES: u32 = weft_core::run::MAX_INSTANCES;

/// Why an instance has no inputs, or a task no number of instances.
#[derive(Debug, thiserror::Error)]
pub(crate) enum InputError {
    #[error("the input {name:?}: {error}")]
    Pick { name: String, error: PickError },
    #[error("mapping over {count} combinations is more than the {MAX_INSTANCES} that are allowed")]
    TooMany { count: u128 },
    #[error("an output of an upstream task can't be read back from disk: {0}")]
    Disk(#[from] io::Error),
}

/// Values that the user gave for inputs, as JSON text, by task and parameter.
pub(crate) type Given = HashMap<(TaskIndex, String), Arc<str>>;

/// Resolves the bindings of one run.
#[derive(Debug)]
pub(crate) struct Inputs {
    dag: Arc<Dag>,
    params: Map<String, Value>,
    /// Values that stand in for bindings, by task and parameter.
    given: Given,
    /// By task: the lists it is mapped over, once they are known.
    axes: Vec<Option<Vec<Axis>>>,
    /// By task: the gathered outputs, once a downstream asked.
    gathered: Vec<Option<Arc<str>>>,
}

/// One list that is mapped over.
#[derive(Debug)]
struct Axis {
    list: Arc<str>,
    elements: Vec<Range<usize>>,
}

impl Inputs {
    /// For one run of a DAG with these parameters.
    pub(crate) fn new(dag: Arc<Dag>, params: Map<String, Value>, given: Given) -> Self {
        let tasks = dag.tasks.len();
        Self {
            dag,
            params,
            given,
            axes: (0..tasks).map(|_| None).collect(),
            gathered: vec![None; tasks],
        }
    }

    /// The parameters of the run.
    pub(crate) const fn params(&self) -> &Map<String, Value> {
        &self.params
    }

    /// How many instances a mapped task has.
    pub(crate) fn expand(
        &mut self,
        task: TaskIndex,
        outputs: &mut Outputs,
    ) -> Result<u32, InputError> {
        let dag = Arc::clone(&self.dag);
        let mut axes = Vec::new();
        let mut count: u128 = 1;
        for (name, binding) in &dag.tasks[task.as_usize()].expand {
            let list = self.value(task, name, binding, outputs)?;
            let elements = pick::elements(&list).map_err(|error| InputError::Pick {
                name: name.clone(),
                error,
            })?;
            count = count.saturating_mul(elements.len() as u128);
            axes.push(Axis { list, elements });
        }
        let instances = u32::try_from(count)
            .ok()
            .filter(|count| *count <= MAX_INSTANCES)
            .ok_or(InputError::TooMany { count })?;
        self.axes[task.as_usize()] = Some(axes);
        Ok(instances)
    }

    /// The task starts over: nothing that was prepared from it counts any more.
    pub(crate) fn clear(&mut self, task: TaskIndex) {
        self.axes[task.as_usize()] = None;
        self.gathered[task.as_usize()] = None;
    }

    /// The inputs of an instance by name, each as JSON text.
    pub(crate) fn of(
        &mut self,
        instance: Instance,
        outputs: &mut Outputs,
    ) -> Result<Vec<(String, String)>, InputError> {
        let dag = Arc::clone(&self.dag);
        let task = &dag.tasks[instance.task.as_usize()];
        let mut inputs = Vec::with_capacity(task.inputs.len() + task.expand.len());
        for (name, binding) in &task.inputs {
            inputs.push((
                name.clone(),
                self.value(instance.task, name, binding, outputs)?
                    .to_string(),
            ));
        }
        if let Some(axes) = &self.axes[instance.task.as_usize()] {
            // The last list varies fastest, so positions are read from the back.
            let mut left = instance.index as usize;
            let mut picked: Vec<&str> = Vec::with_capacity(axes.len());
            for axis in axes.iter().rev() {
                let at = left % axis.elements.len().max(1);
                left /= axis.elements.len().max(1);
                picked.push(
                    axis.elements
                        .get(at)
                        .map_or("null", |element| &axis.list[element.clone()]),
                );
            }
            for ((name, _), value) in task.expand.iter().zip(picked.into_iter().rev()) {
                inputs.push((name.clone(), value.to_owned()));
            }
        }
        Ok(inputs)
    }

    fn value(
        &mut self,
        task: TaskIndex,
        name: &str,
        binding: &Binding,
        outputs: &mut Outputs,
    ) -> Result<Arc<str>, InputError> {
        if !self.given.is_empty()
            && let Some(value) = self.given.get(&(task, name.to_owned()))
        {
            return Ok(Arc::clone(value));
        }
        let picked = |whole: Arc<str>, pointer: Option<&String>| match pointer {
            None => Ok(whole),
            Some(pointer) => pick::pointer(&whole, pointer)
                .map(Arc::from)
                .map_err(|error| InputError::Pick {
                    name: name.to_owned(),
                    error,
                }),
        };
        match binding {
            Binding::Literal(value) => Ok(value.to_string().into()),
            Binding::Param {
                name: param,
                pointer,
            } => {
                let value = self.params.get(param).unwrap_or(&Value::Null);
                picked(value.to_string().into(), pointer.as_ref())
            }
            Binding::Output { task, pointer } => {
                let whole = if self.dag.tasks[task.as_usize()].expand.is_empty() {
                    outputs.get(Instance {
                        task: *task,
                        index: 0,
                    })?
                } else {
                    Some(self.gathered(*task, outputs)?)
                };
                match whole {
                    Some(whole) => picked(whole, pointer.as_ref()),
                    // Skipped, and the trigger rule lets this task run all the same.
                    None => Ok("null".into()),
                }
            }
        }
    }

    fn gathered(&mut self, task: TaskIndex, outputs: &mut Outputs) -> io::Result<Arc<str>> {
        let kept = &mut self.gathered[task.as_usize()];
        if let Some(list) = kept {
            return Ok(Arc::clone(list));
        }
        let list = outputs.gather(task)?;
        Ok(Arc::clone(kept.insert(list)))
    }
}
