//! Many seeds at once: each makes a world of its own, so they share nothing.

use std::{ops::Range, thread};

/// What `simulate` makes of each seed, in the order of the seeds.
pub fn on_all_cores<T: Send>(seeds: Range<u64>, simulate: impl Fn(u64) -> T + Sync) -> Vec<T> {
    let threads = thread::available_parallelism().map_or(2, |cores| cores.get() as u64);
    let mut outcomes: Vec<(u64, T)> = thread::scope(|scope| {
        let simulate = &simulate;
        let handles: Vec<_> = (0..threads)
            .map(|thread| {
                let own = seeds.clone().filter(move |seed| seed % threads == thread);
                scope.spawn(move || own.map(|seed| (seed, simulate(seed))).collect::<Vec<_>>())
            })
            .collect();
        handles
            .into_iter()
            .flat_map(|handle| match handle.join() {
                Ok(outcomes) => outcomes,
                Err(panic) => std::panic::resume_unwind(panic),
            })
            .collect()
    });
    outcomes.sort_by_key(|(seed, _)| *seed);
    outcomes.into_iter().map(|(_, outcome)| outcome).collect()
}
