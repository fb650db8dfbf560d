//! The memory of tasks with pandas that are in the sandbox at once.
//!
//! The proportional set size of `wfctl run`, which runs guests in its own process: what a page of memory that all
//! guests have in common takes counts once. Resident memory would count it for each guest.

use super::{Bench, row};
use crate::{
    bench::{measurement::Measurement, process::Process},
    native::measurements::SlotMemory,
};
use anyhow::{Context as _, Result, ensure};
use serde_json::Value;
use std::{
    io::{BufRead as _, BufReader},
    path::Path,
};

/// How many tasks are there at once at most; the DAG has as many.
const SLOTS: u32 = 32;
/// What a task prints when it has its table.
const WAITING: &str = "waiting";
/// What a slot may take, in megabytes.
const SLOT_BAR_MB: f64 = 25.0;

/// Measures with one task and with all of them.
pub(super) fn measure(bench: &Bench<'_>) -> Result<SlotMemory> {
    let component = bench.project("memory", &["requirements.txt", "dags/memory.py"])?;
    let alone = with(bench, &component, 1)?;
    let all = with(bench, &component, SLOTS)?;
    Ok(SlotMemory {
        first_bytes: alone,
        slot_bytes: all.saturating_sub(alone) / u64::from(SLOTS - 1),
    })
}

/// The process's memory while so many tasks wait.
fn with(bench: &Bench<'_>, component: &Path, slots: u32) -> Result<u64> {
    let jobs = slots.to_string();
    let mut child = bench.wfctl.start(component, &["--jobs", &jobs])?;
    let lines = BufReader::new(child.stdout.take().context("its output is piped")?).lines();
    let mut waiting = 0;
    for line in lines {
        let event: Value = serde_json::from_str(&line?)?;
        waiting += u32::from(event["message"] == WAITING);
        if waiting == slots {
            break;
        }
    }
    ensure!(waiting == slots, "{waiting} of {slots} tasks wait");
    let memory = Process::numbered(child.id()).proportional_bytes();
    child.kill()?;
    child.wait()?;
    memory
}

#[expect(clippy::cast_precision_loss, reason = "no memory has 2^52 bytes")]
pub(super) fn rows(memory: &SlotMemory) -> Vec<Measurement> {
    let of = |what, bytes, bar| row(what, "MB", bytes as f64 / 1e6, bar);
    vec![
        of("memory of one task with pandas", memory.first_bytes, None),
        of(
            "memory of each further task with pandas",
            memory.slot_bytes,
            Some(SLOT_BAR_MB),
        ),
    ]
}
