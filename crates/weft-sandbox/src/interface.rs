//! Which interfaces Weft offers to guests, and why it does not offer the others.
//!
//! One table for each version of WASI and of Weft's own, which the linker must agree
//! with (a test holds it). Within a version's compatible range (0.2.x and 0.3.x of
//! WASI, 0.1.x of Weft) every release is accepted, as the component model's rule is.

use crate::GuestKind;

/// Interfaces by package.
type Table = [(&'static str, &'static [&'static str])];

/// WASI 0.2.
const WASI: &Table = &[
    ("io", &["error", "poll", "streams"]),
    ("clocks", &["monotonic-clock", "wall-clock"]),
    ("random", &["random", "insecure", "insecure-seed"]),
    ("filesystem", &["types", "preopens"]),
    (
        "sockets",
        &[
            "network",
            "instance-network",
            "ip-name-lookup",
            "tcp",
            "tcp-create-socket",
            "udp",
            "udp-create-socket",
        ],
    ),
    (
        "cli",
        &[
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("http", &["types", "outgoing-handler"]),
];

/// WASI 0.3, for guests with async tasks alone.
const WASI_3: &Table = &[
    ("clocks", &["types", "monotonic-clock", "system-clock"]),
    ("random", &["random", "insecure", "insecure-seed"]),
    ("filesystem", &["types", "preopens"]),
    ("sockets", &["types", "ip-name-lookup"]),
    (
        "cli",
        &[
            "types",
            "environment",
            "exit",
            "stdin",
            "stdout",
            "stderr",
            "terminal-input",
            "terminal-output",
            "terminal-stdin",
            "terminal-stdout",
            "terminal-stderr",
        ],
    ),
    ("http", &["types", "client"]),
];

/// Weft 0.1.
const WEFT: &Table = &[
    ("dag", &["types", "context", "log", "variables"]),
    ("artifacts", &["store"]),
];

/// The interface that a component with tasks exports.
pub(crate) const TASKS: &str = "weft:dag/tasks";

/// The interface that a component with async tasks exports.
pub(crate) const ASYNC_TASKS: &str = "weft:async-dag/tasks";

/// The interface that a command component exports.
pub(crate) const RUN: &str = "wasi:cli/run";

/// The module whose functions WASI 0.1 is.
pub(crate) const PREVIEW1: &str = "wasi_snapshot_preview1";

/// `major.minor` of what is offered.
const WASI_VERSION: (u64, u64) = (0, 2);
const WASI_3_VERSION: (u64, u64) = (0, 3);
const WEFT_VERSION: (u64, u64) = (0, 1);

/// An interface's name taken apart.
struct Name<'a> {
    namespace: &'a str,
    package: &'a str,
    interface: &'a str,
    version: Option<Version>,
}

/// As much of a version as decides compatibility.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Version {
    major: u64,
    minor: u64,
    is_prerelease: bool,
}

fn parse(name: &str) -> Option<Name<'_>> {
    let (path, version) = match name.split_once('@') {
        Some((path, version)) => (path, Some(version)),
        None => (name, None),
    };
    let (namespace, rest) = path.split_once(':')?;
    let (package, interface) = rest.split_once('/')?;
    let version = version.map(|text| {
        let (numbers, pre) = text
            .split_once('-')
            .map_or((text, None), |(n, pre)| (n, Some(pre)));
        let mut parts = numbers
            .split('.')
            .map(|part| part.parse().unwrap_or(u64::MAX));
        let mut next = || parts.next().unwrap_or(0);
        Version {
            major: next(),
            minor: next(),
            is_prerelease: pre.is_some(),
        }
    });
    Some(Name {
        namespace,
        package,
        interface,
        version,
    })
}

fn is_listed(table: &Table, name: &Name<'_>) -> bool {
    table.iter().any(|(package, interfaces)| {
        *package == name.package && interfaces.contains(&name.interface)
    })
}

/// Why an import is not offered to a component of this kind; `None` where it is.
pub(crate) fn refusal(kind: Option<GuestKind>, import: &str) -> Option<String> {
    let Some(name) = parse(import) else {
        return Some("it is no interface of WASI or Weft".into());
    };
    let Some(version) = name.version else {
        return Some("it names no version".into());
    };
    let numbers = (version.major, version.minor);
    let (table, offered) = match name.namespace {
        "wasi" if numbers == WASI_3_VERSION && kind == Some(GuestKind::AsyncTasks) => {
            (WASI_3, WASI_3_VERSION)
        }
        "wasi" => (WASI, WASI_VERSION),
        "weft" => (WEFT, WEFT_VERSION),
        _other => return Some("it is no interface of WASI or Weft".into()),
    };
    if numbers > offered {
        return Some(match name.namespace {
            "weft" => "it needs a newer Weft".into(),
            _wasi if numbers == WASI_3_VERSION => format!(
                "WASI 0.3 is offered to components that export {ASYNC_TASKS} alone; build it for WASI 0.2, or export that"
            ),
            _wasi => format!(
                "WASI {}.{} is not offered, build it for WASI 0.2",
                version.major, version.minor
            ),
        });
    }
    if numbers < offered || version.is_prerelease {
        return Some("its version was never a release that Weft offers".into());
    }
    (!is_listed(table, &name)).then(|| "Weft offers no such interface".into())
}

/// Why a core module's import is not offered; `None` where it is.
pub(crate) fn module_refusal(module: &str) -> Option<String> {
    (module != PREVIEW1).then(|| format!("a module may import {PREVIEW1} only"))
}

/// Whether an export is this interface, in the version that Weft runs.
pub(crate) fn is_export(export: &str, interface: &str) -> bool {
    let offered = if interface.starts_with("weft:") {
        WEFT_VERSION
    } else {
        WASI_VERSION
    };
    export
        .split_once('@')
        .is_some_and(|(path, _)| path == interface)
        && parse(export)
            .and_then(|name| name.version)
            .is_some_and(|version| {
                (version.major, version.minor) == offered && !version.is_prerelease
            })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        SandboxOptions,
        engine::{Profile, Runtime},
    };
    use wasmtime::component::Component;

    /// One function or resource of each interface; none where it holds plain types only.
    fn something_in(interface: &str, is_wasi_3: bool) -> Option<String> {
        let resource = |name| format!(r#"(export "{name}" (type (sub resource)))"#);
        // A function with a type that it doesn't have: found, it is refused for its type.
        let function = |name| format!(r#"(export "{name}" (func (param "nobodys" u8)))"#);
        Some(match interface {
            "wasi:http/client" => function("send"),
            "wasi:random/insecure-seed" if is_wasi_3 => function("get-insecure-seed"),
            "wasi:cli/stdin" if is_wasi_3 => function("read-via-stream"),
            "wasi:cli/stdout" | "wasi:cli/stderr" if is_wasi_3 => function("write-via-stream"),
            "wasi:io/error" => resource("error"),
            "wasi:io/poll" => resource("pollable"),
            "wasi:io/streams" => resource("input-stream"),
            "wasi:clocks/monotonic-clock"
            | "wasi:clocks/wall-clock"
            | "wasi:clocks/system-clock" => function("now"),
            "wasi:random/random" => function("get-random-u64"),
            "wasi:random/insecure" => function("get-insecure-random-u64"),
            "wasi:random/insecure-seed" => function("insecure-seed"),
            "wasi:filesystem/types" => resource("descriptor"),
            "wasi:filesystem/preopens" => function("get-directories"),
            "wasi:sockets/network" => resource("network"),
            "wasi:sockets/instance-network" => function("instance-network"),
            "wasi:sockets/ip-name-lookup" => function("resolve-addresses"),
            "wasi:sockets/tcp" | "wasi:sockets/types" => resource("tcp-socket"),
            "wasi:sockets/tcp-create-socket" => function("create-tcp-socket"),
            "wasi:sockets/udp" => resource("udp-socket"),
            "wasi:sockets/udp-create-socket" => function("create-udp-socket"),
            "wasi:cli/environment" => function("get-arguments"),
            "wasi:cli/exit" => function("exit"),
            "wasi:cli/stdin" => function("get-stdin"),
            "wasi:cli/stdout" => function("get-stdout"),
            "wasi:cli/stderr" => function("get-stderr"),
            "wasi:cli/terminal-input" => resource("terminal-input"),
            "wasi:cli/terminal-output" => resource("terminal-output"),
            "wasi:cli/terminal-stdin" => function("get-terminal-stdin"),
            "wasi:cli/terminal-stdout" => function("get-terminal-stdout"),
            "wasi:cli/terminal-stderr" => function("get-terminal-stderr"),
            "wasi:http/types" => resource("fields"),
            "wasi:http/outgoing-handler" => function("handle"),
            "weft:dag/types" | "wasi:clocks/types" | "wasi:cli/types" => return None,
            "weft:dag/context" => function("attempt"),
            "weft:dag/log" => function("write"),
            "weft:dag/variables" => function("get"),
            "weft:artifacts/store" => function("create"),
            other => panic!("{other} is listed and not tested"),
        })
    }

    #[test]
    fn every_listed_interface_is_linked() {
        let fast = Runtime::new(Profile::Fast, &SandboxOptions::default()).unwrap();
        let concurrent = Runtime::new(Profile::Concurrent, &SandboxOptions::default()).unwrap();
        let tables = [
            (&fast, "wasi", WASI, WASI_VERSION),
            (&fast, "weft", WEFT, WEFT_VERSION),
            (&concurrent, "wasi", WASI, WASI_VERSION),
            (&concurrent, "weft", WEFT, WEFT_VERSION),
            (&concurrent, "wasi", WASI_3, WASI_3_VERSION),
        ];
        for (runtime, namespace, table, version @ (major, minor)) in tables {
            for (package, interface) in table
                .iter()
                .flat_map(|(package, names)| names.iter().map(move |name| (package, name)))
            {
                let name = format!("{namespace}:{package}/{interface}");
                let Some(item) = something_in(&name, version == WASI_3_VERSION) else {
                    continue;
                };
                let text =
                    format!(r#"(component (import "{name}@{major}.{minor}.0" (instance {item})))"#);
                let component =
                    Component::new(&runtime.engine, wat::parse_str(text).unwrap()).unwrap();
                if let Err(error) = runtime.components.instantiate_pre(&component) {
                    let error = format!("{error:#}");
                    assert!(error.contains("type mismatch"), "{name}: {error}");
                }
            }
        }
    }

    #[test]
    fn refusals_say_what_to_do() {
        let kind = Some(GuestKind::Tasks);
        let newer = refusal(kind, "weft:dag/context@0.2.0").unwrap();
        assert!(newer.contains("newer Weft"), "{newer}");
        let wasi3 = refusal(kind, "wasi:clocks/monotonic-clock@0.3.0").unwrap();
        assert!(wasi3.contains(ASYNC_TASKS), "{wasi3}");
        let wasi4 = refusal(Some(GuestKind::AsyncTasks), "wasi:io/streams@0.4.0").unwrap();
        assert!(wasi4.contains("WASI 0.2"), "{wasi4}");
        for name in [
            "wasi:nn/graph@0.2.0",
            "log",
            "acme:db/query@1.0.0",
            "wasi:io/streams",
        ] {
            assert!(refusal(kind, name).is_some(), "{name}");
        }
        for name in [
            "wasi:io/streams@0.2.0",
            "wasi:io/streams@0.2.12",
            "weft:dag/log@0.1.7",
        ] {
            assert_eq!(refusal(kind, name), None);
        }
    }

    #[test]
    fn async_tasks_alone_are_offered_both_versions_of_wasi() {
        for name in [
            "wasi:clocks/monotonic-clock@0.3.0",
            "wasi:http/client@0.3.1",
            "wasi:clocks/monotonic-clock@0.2.6",
        ] {
            assert_eq!(refusal(Some(GuestKind::AsyncTasks), name), None);
        }
        for name in [
            "wasi:clocks/monotonic-clock@0.3.0",
            "wasi:clocks/monotonic-clock@0.3.0-rc-2026-01-01",
        ] {
            for kind in [None, Some(GuestKind::Tasks), Some(GuestKind::Command)] {
                assert!(refusal(kind, name).is_some(), "{kind:?}: {name}");
            }
        }
        let unfinished = "wasi:clocks/monotonic-clock@0.3.0-rc-2026-01-01";
        assert!(refusal(Some(GuestKind::AsyncTasks), unfinished).is_some());
    }

    #[test]
    fn exports_are_known_in_their_range() {
        assert!(is_export("weft:dag/tasks@0.1.0", TASKS));
        assert!(is_export("weft:async-dag/tasks@0.1.0", ASYNC_TASKS));
        assert!(!is_export("weft:async-dag/tasks@0.1.0", TASKS));
        assert!(is_export("wasi:cli/run@0.2.9", RUN));
        assert!(!is_export("weft:dag/tasks@0.2.0", TASKS));
        assert!(!is_export("wasi:cli/runner@0.2.9", RUN));
    }
}
