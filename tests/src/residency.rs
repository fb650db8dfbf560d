//! How much memory this process holds, as the kernel counts it.

use std::fs;

/// Resident now, in bytes.
///
/// # Panics
/// Where there is no `/proc`.
pub fn now_bytes() -> u64 {
    field("VmRSS:")
}

/// The most that was resident at once since the last [`reset_peak`], in bytes.
///
/// # Panics
/// Where there is no `/proc`.
pub fn peak_bytes() -> u64 {
    field("VmHWM:")
}

/// Forgets the peak so far: proc(5), `clear_refs`, value 5.
///
/// # Panics
/// Where there is no `/proc`.
pub fn reset_peak() {
    fs::write("/proc/self/clear_refs", "5").expect("a process may reset its own peak of memory");
}

fn field(name: &str) -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let line = status
        .lines()
        .find(|line| line.starts_with(name))
        .expect("the kernel reports memory");
    let kib = line
        .split_whitespace()
        .nth(1)
        .and_then(|number| number.parse::<u64>().ok());
    kib.expect("the kernel reports memory in kB") * 1024
}
