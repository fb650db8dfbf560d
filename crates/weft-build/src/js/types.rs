//! Checks the types of a project in TypeScript, above all those of its edges.
//!
//! esbuild only drops types, so that the compiler is asked first. The author's
//! `tsconfig.json` counts; what is added is where the SDK lies, since authors
//! who don't run tests need not install it.

use super::tools::Tools;
use crate::build_dir::run_tool;
use serde_json::{Value, json};
use std::{
    fs,
    io::IsTerminal as _,
    path::{Path, PathBuf},
};
use weft_api::problem::{Code, Problem};

/// Runs tsc over the project, if there is TypeScript in it.
pub(super) fn check(
    folder: &Path,
    entries: &[String],
    tools: &Tools,
    sdk: &Path,
    stage: &Path,
) -> Result<(), Problem> {
    let is_typed = |entry: &String| {
        Path::new(entry)
            .extension()
            .is_some_and(|end| end == "ts" || end == "mts")
    };
    if !entries.iter().any(is_typed) {
        return Ok(());
    }
    let config = config(folder, entries, sdk, stage)?;
    let pretty = std::io::stderr().is_terminal().to_string();
    let done = run_tool(
        tools
            .tsc()
            .current_dir(folder)
            .args(["--noEmit", "--pretty", &pretty, "--project"])
            .arg(&config),
    )?;
    if done.success {
        return Ok(());
    }
    anstream::eprintln!("{}", format!("{}{}", done.stdout, done.stderr).trim_end());
    // tsc's own messages are above.
    Err(Problem::new(Code::BuildFailed, "the types do not fit"))
}

/// The author's configuration, where it finds the SDK by itself, or one that adds to it.
fn config(folder: &Path, entries: &[String], sdk: &Path, stage: &Path) -> Result<PathBuf, Problem> {
    let own = folder.join("tsconfig.json");
    if own.is_file() && folder.join("node_modules/@weft/sdk").exists() {
        return Ok(own);
    }
    let dist = sdk.join("dist");
    let mut options = json!({
        "noEmit": true,
        "skipLibCheck": true,
        "paths": {
            "@weft/sdk": [dist.join("index.d.ts")],
            "@weft/sdk/sensors": [dist.join("sensors.d.ts")],
            "@weft/sdk/testing": [dist.join("testing.d.ts")],
        },
        "typeRoots": [folder.join("node_modules/@types")],
    });
    let files: Vec<PathBuf> = entries.iter().map(|entry| folder.join(entry)).collect();
    let text = if own.is_file() {
        json!({ "extends": own, "compilerOptions": options })
    } else {
        let defaults = json!({
            "strict": true,
            "target": "ES2023",
            "lib": ["ES2023", "DOM"],
            "module": "ESNext",
            "moduleResolution": "Bundler",
            "resolveJsonModule": true,
            "allowImportingTsExtensions": true,
            "allowJs": true,
        });
        extend(&mut options, defaults);
        json!({ "files": files, "compilerOptions": options })
    };
    let path = stage.join("tsconfig.json");
    fs::write(&path, text.to_string()).map_err(|error| Problem::io("write", &path, &error))?;
    Ok(path)
}

fn extend(object: &mut Value, more: Value) {
    if let (Value::Object(object), Value::Object(more)) = (object, more) {
        object.extend(more);
    }
}
