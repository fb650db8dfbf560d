//! How much memory this process may use: what a worker can give its tasks.

use std::{fs, path::Path};
use weft_core::limit::Limits;

/// The file with the cgroups of this process.
const CGROUP: &str = "/proc/self/cgroup";
const HIERARCHY: &str = "/sys/fs/cgroup";
const MEMORY: &str = "/proc/meminfo";

/// The machine's memory, or less where a control group allows less; enough for one task of
/// the usual limit however small that is, so that a small machine runs usual tasks at all.
pub(crate) fn of_this_process() -> u64 {
    let group = fs::read_to_string(CGROUP).unwrap_or_default();
    let machine = fs::read_to_string(MEMORY).unwrap_or_default();
    let allowed = allowed(&group, |path| {
        fs::read_to_string(Path::new(HIERARCHY).join(path)).ok()
    });
    let total = total(&machine).unwrap_or(u64::MAX);
    allowed
        .unwrap_or(u64::MAX)
        .min(total)
        .max(Limits::DEFAULT.memory_bytes)
}

/// What the control group of the process and those above it allow, in version 2 or 1.
fn allowed(group: &str, read: impl Fn(&str) -> Option<String>) -> Option<u64> {
    let own = group
        .lines()
        .filter_map(|line| {
            let mut parts = line.splitn(3, ':').skip(1);
            Some((parts.next()?, parts.next()?))
        })
        .find_map(|(controllers, path)| {
            let is_one = controllers.split(',').any(|name| name == "memory");
            match (controllers, is_one) {
                ("", _) => Some((path, "", "memory.max")),
                (_, true) => Some((path, "memory", "memory.limit_in_bytes")),
                (_, false) => None,
            }
        });
    let (path, controller, file) = own?;
    let mut least = None;
    let mut path = path.trim_matches('/');
    loop {
        let place = [controller, path, file];
        let place: Vec<&str> = place.into_iter().filter(|part| !part.is_empty()).collect();
        let bytes = read(&place.join("/")).and_then(|text| text.trim().parse::<u64>().ok());
        least = least.into_iter().chain(bytes).min();
        if path.is_empty() {
            return least;
        }
        path = path.rsplit_once('/').map_or("", |(above, _)| above);
    }
}

/// The machine's memory, in bytes.
fn total(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1 << 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_of_all_groups_counts() {
        let read = |path: &str| match path {
            "a/b/memory.max" => Some("max\n".to_owned()),
            "a/memory.max" => Some("1000\n".to_owned()),
            "memory/docker/x/memory.limit_in_bytes" => Some("500".to_owned()),
            _ => None,
        };
        assert_eq!(allowed("0::/a/b\n", read), Some(1000));
        assert_eq!(allowed("0::/\n", read), None);
        let first = "12:cpu,cpuacct:/docker/x\n7:memory:/docker/x\n";
        assert_eq!(allowed(first, read), Some(500));
        assert_eq!(allowed("", read), None);
    }

    #[test]
    fn the_machine_s_memory_is_read() {
        assert_eq!(
            total("MemTotal:        2048 kB\nMemFree: 1 kB\n"),
            Some(2 << 20)
        );
        assert_eq!(total("nothing"), None);
        assert!(of_this_process() >= Limits::DEFAULT.memory_bytes);
    }
}
