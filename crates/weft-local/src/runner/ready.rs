//! Which ready instance is dispatched next: by priority, then in the author's
//! order, then by map index.
//!
//! A million ready instances of a mapped task are a few ranges here, never a
//! million entries. How many of a task may be ready at once is the run's to say.

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, VecDeque},
    ops::Range,
};
use weft_core::{document::TaskIndex, run::Instance};

/// The ready instances of a run.
#[derive(Debug)]
pub(crate) struct Ready {
    /// By task index.
    tasks: Vec<Queue>,
    /// Tasks that have something ready; each is here exactly once while it has.
    order: BinaryHeap<(i32, Reverse<u32>)>,
}

#[derive(Debug)]
struct Queue {
    priority: i32,
    ready: VecDeque<Range<u32>>,
}

impl Ready {
    /// The priorities of the tasks, in the DAG's order.
    pub(crate) fn new(priorities: impl Iterator<Item = i32>) -> Self {
        Self {
            tasks: priorities
                .map(|priority| Queue {
                    priority,
                    ready: VecDeque::new(),
                })
                .collect(),
            order: BinaryHeap::new(),
        }
    }

    /// These instances may run.
    pub(crate) fn push(&mut self, task: TaskIndex, indexes: Range<u32>) {
        if indexes.is_empty() {
            return;
        }
        let queue = &mut self.tasks[task.as_usize()];
        if queue.ready.is_empty() {
            self.order.push((queue.priority, Reverse(task.0)));
        }
        queue.ready.push_back(indexes);
    }

    /// Takes the next instance.
    pub(crate) fn pop(&mut self) -> Option<Instance> {
        let (_, Reverse(task)) = *self.order.peek()?;
        let queue = &mut self.tasks[task as usize];
        let range = queue
            .ready
            .front_mut()
            .expect("a task in the order has something ready");
        let index = range.start;
        range.start += 1;
        if range.start >= range.end {
            queue.ready.pop_front();
        }
        if queue.ready.is_empty() {
            self.order.pop();
        }
        Some(Instance {
            task: TaskIndex(task),
            index,
        })
    }

    /// What was ready of a task is not any more.
    pub(crate) fn forget(&mut self, task: TaskIndex) {
        if !self.tasks[task.as_usize()].ready.is_empty() {
            self.tasks[task.as_usize()].ready.clear();
            self.order.retain(|(_, Reverse(other))| *other != task.0);
        }
    }

    /// Whether nothing is ready.
    #[cfg(test)]
    fn is_empty(&self) -> bool {
        self.order.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(task: u32, index: u32) -> Instance {
        Instance {
            task: TaskIndex(task),
            index,
        }
    }

    #[test]
    fn priority_goes_before_order_and_order_before_index() {
        let mut ready = Ready::new([0, 5, 0].into_iter());
        ready.push(TaskIndex(2), 0..1);
        ready.push(TaskIndex(0), 0..2);
        ready.push(TaskIndex(0), 4..5);
        ready.push(TaskIndex(1), 7..8);
        for expected in [at(1, 7), at(0, 0), at(0, 1), at(0, 4), at(2, 0)] {
            assert_eq!(ready.pop(), Some(expected));
        }
        assert_eq!(ready.pop(), None);
    }

    #[test]
    fn a_cleared_task_is_no_longer_ready() {
        let mut ready = Ready::new([0, 0].into_iter());
        ready.push(TaskIndex(0), 0..3);
        ready.push(TaskIndex(1), 0..1);
        ready.forget(TaskIndex(0));
        assert_eq!(ready.pop(), Some(at(1, 0)));
        assert!(ready.is_empty());
        ready.push(TaskIndex(0), 0..1);
        assert_eq!(ready.pop(), Some(at(0, 0)));
    }
}
