//! Cycles among tasks: each is named in full, in the direction of the work.
//!
//! Linear in tasks and edges: tasks that wait for nothing are taken away
//! until only cycles and what hangs on them are left, then one cycle after
//! another is named and taken away.

use super::{
    ProblemCode, Task, TaskIndex,
    collect::Problems,
    path::{At, Path},
};

/// How many tasks of a cycle are named; of a longer one the rest is counted.
const MAX_NAMED: usize = 100;

/// Reports each cycle once, at its first task.
pub(crate) fn check_cycles(tasks: &[Task], tasks_path: &Path<'_>, problems: &Problems) {
    let mut left = Left::new(tasks);
    left.take_away(
        (0..tasks.len())
            .filter(|task| left.open[*task] == 0)
            .collect(),
    );
    let mut from = 0;
    while let Some(start) = (from..tasks.len()).find(|task| left.open[*task] > 0) {
        from = start;
        let cycle = left.cycle(start);
        report(tasks, &cycle, tasks_path, problems);
        for task in &cycle {
            left.open[*task] = 0;
        }
        left.take_away(cycle);
    }
}

struct Left<'t> {
    tasks: &'t [Task],
    /// Of one task after another, in one list: a task's begin where `starts` says.
    downstreams: Vec<u32>,
    /// One more than there are tasks.
    starts: Vec<usize>,
    /// Upstreams that are left; zero for a task that is taken away.
    open: Vec<usize>,
}

impl<'t> Left<'t> {
    fn new(tasks: &'t [Task]) -> Self {
        let mut ends = vec![0; tasks.len() + 1];
        for upstream in tasks.iter().flat_map(|task| &task.upstreams) {
            ends[upstream.as_usize()] += 1;
        }
        let mut total = 0;
        for end in &mut ends {
            total += *end;
            *end = total;
        }
        // Filled from its end, each task's part is in place once its end has become its start.
        let mut starts = ends;
        let mut downstreams = vec![0; total];
        for (index, task) in (0u32..).zip(tasks) {
            for upstream in &task.upstreams {
                let at = &mut starts[upstream.as_usize()];
                *at -= 1;
                downstreams[*at] = index;
            }
        }
        Self {
            tasks,
            downstreams,
            starts,
            open: tasks.iter().map(|task| task.upstreams.len()).collect(),
        }
    }

    /// Takes these tasks away, whose `open` is zero, and all that then wait for nothing.
    fn take_away(&mut self, mut ready: Vec<usize>) {
        while let Some(task) = ready.pop() {
            for at in self.starts[task]..self.starts[task + 1] {
                let downstream = self.downstreams[at] as usize;
                if self.open[downstream] > 0 {
                    self.open[downstream] -= 1;
                    if self.open[downstream] == 0 {
                        ready.push(downstream);
                    }
                }
            }
        }
    }

    /// A cycle among what is left, upstream first; every task left has an upstream that is left.
    fn cycle(&self, start: usize) -> Vec<usize> {
        let mut place = std::collections::HashMap::new();
        let mut walk = Vec::new();
        let mut here = start;
        loop {
            if let Some(begin) = place.get(&here) {
                let mut cycle = walk.split_off(*begin);
                // The walk went against the direction of the work.
                cycle.reverse();
                let first = cycle
                    .iter()
                    .enumerate()
                    .min_by_key(|(_, task)| **task)
                    .map_or(0, |(at, _)| at);
                cycle.rotate_left(first);
                return cycle;
            }
            place.insert(here, walk.len());
            walk.push(here);
            let upstreams = &self.tasks[here].upstreams;
            let next = upstreams
                .iter()
                .copied()
                .map(TaskIndex::as_usize)
                .find(|upstream| self.open[*upstream] > 0);
            here = next.expect("a task that is left has an upstream that is left");
        }
    }
}

fn report(tasks: &[Task], cycle: &[usize], tasks_path: &Path<'_>, problems: &Problems) {
    let first = tasks[cycle[0]].id.as_str();
    let mut names: Vec<&str> = cycle
        .iter()
        .take(MAX_NAMED)
        .map(|task| tasks[*task].id.as_str())
        .collect();
    let rest;
    if cycle.len() > MAX_NAMED {
        rest = format!("({} more)", cycle.len() - MAX_NAMED);
        names.push(&rest);
    }
    names.push(first);
    let message = format!("these tasks wait for each other: {}", names.join(" -> "));
    problems.add(
        At::Key,
        &Path::Key(tasks_path, first),
        ProblemCode::Cycle,
        message,
        Some("remove one of these edges".into()),
    );
}
