//! Makes one component of the JavaScript and TypeScript DAGs of a folder: tsc
//! checks the types, esbuild makes one file of the modules and their packages,
//! and componentize-qjs makes a component of it.
//!
//! Each of them reports in its own words. All that is built or installed stays
//! in the cache folder; the author's folder is only read.
//!
//! componentize-qjs draws random numbers while it takes its snapshot, so that
//! some bytes differ from one time to the next. What was made of the same
//! program with the same tools is kept, and is the answer when it comes again.

mod embedded_sdk;
mod project;
mod tools;
mod types;

pub(crate) use project::Project;

use super::{
    build_dir,
    component_cache::{ComponentCache, Fingerprint, MAX_COMPONENTS},
    embedded_sdk::{self as shared, WIT},
    test_command::TestCommand,
};
use serde::Deserialize;
use serde_json::json;
use std::{
    fs,
    io::IsTerminal as _,
    path::{Path, PathBuf},
    process::Command,
};
use tools::Tools;
use weft_api::problem::{Code, Problem};

/// The folder of the cache.
const LANGUAGE: &str = "js";
/// What WASI is called while the component is made; see `sdk/js/wit/guest.wit`.
const WASI_FOR_ENGINE: &str = "wqjs:";

/// Lets Node find the SDK where a project has not installed it.
const REGISTER: &str =
    "import { register } from \"node:module\";\nregister(\"./resolve.mjs\", import.meta.url);\n";
const RESOLVE: &str = r#"import { pathToFileURL } from "node:url";
const own = { "@weft/sdk": "index.js", "@weft/sdk/sensors": "sensors.js", "@weft/sdk/testing": "testing.js" };
export async function resolve(specifier, context, next) {
  const file = own[specifier];
  return file ? { url: pathToFileURL(`${SDK}/dist/${file}`).href, shortCircuit: true } : next(specifier, context);
}
"#;

/// What `sdk/js/build/main.mjs` writes where something went wrong.
#[derive(Deserialize)]
struct Report {
    errors: Vec<String>,
}

/// Builds the project and answers with the component's bytes.
pub(super) fn build(project: &Project) -> Result<Vec<u8>, Problem> {
    let entries = project.entries()?;
    let tools = Tools::find()?;
    let sdk = embedded_sdk::unpack(&tools)?;
    let stage = build_dir::temporary(LANGUAGE)?;
    let stage = stage.path();
    let folder = project.absolute()?;
    types::check(&folder, &entries, &tools, &sdk, stage)?;

    let plan = stage.join("plan.json");
    let bundle = stage.join("bundle.js");
    let component = stage.join("dag.wasm");
    let report = stage.join("report.json");
    let wit = wit();
    shared::write(
        stage,
        &wit.iter()
            .map(|(name, text)| (format!("wit/{name}"), text.as_str()))
            .collect::<Vec<_>>(),
    )
    .map_err(|error| Problem::io("write", stage, &error))?;
    let text = json!({
        "folder": folder,
        "entries": entries,
        "sdk": sdk.join("src"),
        "tools": tools.folder(),
        "web": tools.web(),
        "bundle": bundle,
        "wit": stage.join("wit"),
        "component": component,
        "report": report,
        "color": std::io::stderr().is_terminal(),
    });
    fs::write(&plan, text.to_string()).map_err(|error| Problem::io("write", &plan, &error))?;

    if !tools.step("bundle", &plan)? {
        return Err(failed(
            &report,
            &folder,
            "esbuild can't make one file of the modules",
        ));
    }
    let program = fs::read(&bundle).map_err(|error| Problem::io("read", &bundle, &error))?;
    let mut parts = Fingerprint::default();
    parts.add("tools", Tools::name().as_bytes());
    for (name, text) in &wit {
        parts.add(name, text.as_bytes());
    }
    parts.add("program", &program);
    let key = parts.key();
    let cache = ComponentCache::of(LANGUAGE, "components", MAX_COMPONENTS);
    if let Some(component) = cache.find(&key) {
        return Ok(component);
    }
    if !tools.step("component", &plan)? {
        return Err(failed(&report, &folder, "the DAGs do not load"));
    }
    let bytes = fs::read(&component).map_err(|error| Problem::io("read", &component, &error))?;
    cache.store(&key, &bytes);
    Ok(bytes)
}

/// The project's tests, by the Node that is installed.
pub(super) fn tests(project: &Project) -> Result<TestCommand, Problem> {
    let folder = project.absolute()?;
    let mut command = Command::new("node");
    command.current_dir(&folder);
    let is_installed = folder.join("node_modules/@weft/sdk").exists();
    let stage = if is_installed {
        tools::node()?;
        None
    } else {
        let sdk = embedded_sdk::unpack(&Tools::find()?)?;
        let stage = build_dir::temporary(LANGUAGE)?;
        let resolve = RESOLVE.replace("SDK", &json!(sdk).to_string());
        let files = [
            ("register.mjs".to_owned(), REGISTER),
            ("resolve.mjs".to_owned(), &resolve),
        ];
        shared::write(stage.path(), &files)
            .map_err(|error| Problem::io("write", stage.path(), &error))?;
        let register = build_dir::absolute(stage.path())?.join("register.mjs");
        command.arg("--import").arg(register);
        Some(stage)
    };
    command.arg("--test");
    Ok(TestCommand { command, stage })
}

/// The contract's interfaces as componentize-qjs is given them.
fn wit() -> Vec<(String, String)> {
    let shared = WIT.iter().filter(|(name, _)| name.starts_with("deps/"));
    shared
        .chain(embedded_sdk::WIT)
        .map(|(name, text)| ((*name).to_owned(), text.replace("wasi:", WASI_FOR_ENGINE)))
        .collect()
}

/// A tool has said what is wrong; what is left is to say what to do.
fn failed(report: &Path, folder: &Path, what: &str) -> Problem {
    let errors = fs::read(report)
        .ok()
        .and_then(|text| serde_json::from_slice::<Report>(&text).ok())
        .map(|report| report.errors)
        .unwrap_or_default();
    let problem = Problem::new(Code::BuildFailed, what);
    match errors.iter().find_map(|words| advice(words, folder)) {
        Some(help) => problem.help(help),
        None => problem,
    }
}

/// What to do about an error that has a usual cause.
fn advice(words: &str, folder: &Path) -> Option<String> {
    if words.contains("No loader is configured for \".node\" files") {
        return Some("a package with native code can't run in the sandbox: use one in JavaScript alone, or call a service that the task was granted".to_owned());
    }
    if words.starts_with("Top-level await is not available") {
        return Some(
            "nothing can be waited for while the program is built: await inside of a task"
                .to_owned(),
        );
    }
    let name = words
        .strip_prefix("Could not resolve \"")?
        .split('"')
        .next()?;
    if name.starts_with('.') || name.starts_with('/') {
        return None;
    }
    let package = package(name);
    if name.starts_with("node:") || NODE.contains(&package) {
        return Some(format!(
            "{package} is Node's own, which is not in the sandbox: there are fetch, crypto, console, timers and Artifact; data that is known at build can be imported: import rows from \"./rows.json\""
        ));
    }
    let within = folder.display();
    Some(if folder.join("node_modules").is_dir() {
        format!("if {package} is a package, get it: cd {within} && npm install {package}")
    } else {
        format!("get the packages of the project: cd {within} && npm install")
    })
}

/// The package that an import is of: its first part, or two where it has a scope.
fn package(name: &str) -> &str {
    let parts = if name.starts_with('@') { 2 } else { 1 };
    match name.match_indices('/').nth(parts - 1) {
        Some((at, _)) => &name[..at],
        None => name,
    }
}

/// Modules of Node that packages ask for (its documentation, 'Built-in modules').
const NODE: [&str; 28] = [
    "assert",
    "async_hooks",
    "buffer",
    "child_process",
    "cluster",
    "crypto",
    "dgram",
    "dns",
    "events",
    "fs",
    "http",
    "http2",
    "https",
    "module",
    "net",
    "os",
    "path",
    "perf_hooks",
    "process",
    "querystring",
    "readline",
    "stream",
    "tls",
    "tty",
    "url",
    "util",
    "worker_threads",
    "zlib",
];

/// What is there to build JavaScript with, or what is missing and the line that gets it.
pub(crate) fn doctor() -> Result<String, Problem> {
    let node = tools::node()?;
    let versions = tools::VERSIONS;
    Ok(match Tools::installed() {
        Some(_) => format!("Node {node}, {versions}"),
        None => format!("Node {node}; the first build gets {versions}"),
    })
}

/// The SDK as a package that npm installs, for tests and editors of the author.
pub fn sdk() -> Result<PathBuf, Problem> {
    embedded_sdk::unpack(&Tools::find()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_not_be_found_is_explained() {
        let folder = tempfile::tempdir().expect("a folder");
        let advice = |words: &str| advice(words, folder.path());
        let missing = advice("Could not resolve \"@a/b/c\"").expect("there is advice");
        assert!(missing.ends_with("npm install"), "{missing}");
        fs::create_dir(folder.path().join("node_modules")).expect("a folder");
        let missing = advice("Could not resolve \"@a/b/c\"").expect("there is advice");
        assert!(missing.ends_with("npm install @a/b"), "{missing}");
        for name in ["node:fs/promises", "fs"] {
            let words = format!("Could not resolve \"{name}\"");
            let help = advice(&words).expect("there is advice");
            assert!(help.contains("is Node's own"), "{help}");
        }
        assert_eq!(advice("Could not resolve \"./near\""), None);
        assert_eq!(advice("Unexpected \";\""), None);
    }

    #[test]
    fn wasi_has_another_name_of_the_same_length_while_it_is_built() {
        assert_eq!(WASI_FOR_ENGINE.len(), "wasi:".len());
        let wit = wit();
        assert!(wit.iter().any(|(name, _)| name == "guest.wit"));
        assert!(wit.iter().all(|(_, text)| !text.contains("wasi:")));
    }
}
