//! Compiles a Rust crate to a component: cargo in release, for `wasm32-wasip2`,
//! with its messages as they are.
//!
//! The same sources give the same bytes wherever they lie: paths of this
//! machine are replaced before they get into the file.

use super::{sdk, test_command::TestCommand, toolchain};
use serde::Deserialize;
use std::{
    collections::BTreeMap,
    ffi::OsString,
    fs,
    io::{self, BufRead as _, BufReader, IsTerminal as _, Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    thread,
};
use toolchain::{TARGET, Toolchain};
use weft_api::problem::{Code, Problem};

/// Bytes of heap that a component begins with: what most tasks get along with. Else each 64 KiB of
/// them would be a growth of its memory, which the host has to ask the kernel for, and give back.
const INITIAL_HEAP: u32 = 256 * 1024;

/// The part of a manifest that decides how the SDK is found.
#[derive(Deserialize)]
struct Manifest {
    #[serde(default)]
    package: Option<toml::Table>,
    #[serde(default)]
    dependencies: BTreeMap<String, toml::Value>,
}

impl Manifest {
    /// Whether the crate takes the SDK by version, which no registry has.
    fn wants_sdk(&self) -> bool {
        self.dependencies.iter().any(|(name, dependency)| {
            let package = dependency
                .get("package")
                .and_then(toml::Value::as_str)
                .unwrap_or(name);
            let elsewhere = ["path", "git", "workspace"]
                .iter()
                .any(|key| dependency.get(key).is_some());
            package == "weft-sdk" && !elsewhere
        })
    }
}

/// One line of cargo's messages, of which only artifacts matter.
#[derive(Deserialize)]
struct Message {
    reason: String,
    #[serde(default)]
    manifest_path: PathBuf,
    #[serde(default)]
    filenames: Vec<PathBuf>,
}

impl Manifest {
    /// The manifest of the package in this folder.
    fn of(folder: &Path) -> Result<Self, Problem> {
        let path = folder.join("Cargo.toml");
        let text = fs::read_to_string(&path).map_err(|error| Problem::io("read", &path, &error))?;
        let manifest: Self = toml::from_str(&text).map_err(|error| {
            Problem::new(
                Code::InvalidDocument,
                format!("{}: {error}", path.display()),
            )
        })?;
        if manifest.package.is_none() {
            return Err(Problem::new(
                Code::WrongFileType,
                format!("{} is a workspace without a package", path.display()),
            )
            .help("name the folder of the package that holds the DAGs: wfctl build PATH"));
        }
        Ok(manifest)
    }
}

/// Cargo, in this folder.
fn cargo_in(folder: &Path) -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(folder);
    cargo
}

/// The tests of the crate in this folder, which are compiled for this machine.
pub(super) fn tests(folder: &Path) -> Result<TestCommand, Problem> {
    let folder = &fs::canonicalize(folder).map_err(|error| Problem::io("open", folder, &error))?;
    let mut cargo = cargo_in(folder);
    cargo.arg("test");
    if Manifest::of(folder)?.wants_sdk() {
        let sdk = sdk::unpack()?;
        sdk::configure(folder, &sdk)?;
        cargo.arg("--config").arg(sdk::cargo_config(&sdk));
    }
    Ok(TestCommand {
        command: cargo,
        stage: None,
    })
}

/// Compiles the crate in this folder and answers with the component's bytes.
pub(super) fn build(folder: &Path) -> Result<Vec<u8>, Problem> {
    let folder = &fs::canonicalize(folder).map_err(|error| Problem::io("open", folder, &error))?;
    let manifest = Manifest::of(folder)?;
    let toolchain = Toolchain::find(folder)?;
    let mut cargo = cargo_in(folder);
    cargo.args([
        "build",
        "--release",
        "--lib",
        "--target",
        TARGET,
        "--message-format",
        "json-render-diagnostics",
    ]);
    if std::io::stderr().is_terminal() {
        cargo.args(["--color", "always"]);
    }
    let mut remapped = vec![(folder.clone(), "/dag")];
    if manifest.wants_sdk() {
        let sdk = sdk::unpack()?;
        sdk::configure(folder, &sdk)?;
        cargo.arg("--config").arg(sdk::cargo_config(&sdk));
        remapped.push((
            sdk.parent()
                .expect("the SDK is two packages in a folder")
                .to_owned(),
            "/weft",
        ));
    }
    let cargo_home = std::env::var_os("CARGO_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(std::env::home_dir()?.join(".cargo")));
    remapped.extend(cargo_home.map(|home| (home, "/cargo")));
    remapped.push((toolchain.sysroot().to_owned(), "/rustc"));
    let flags = remapped
        .into_iter()
        .map(|(from, to)| remap(&from, to))
        .chain([format!("-Clink-arg=--initial-heap={INITIAL_HEAP}").into()])
        .collect();
    toolchain.prepare(&mut cargo, flags)?;
    // The library that is compiled along has no use for the SDK's patch, and cargo says so.
    let says_too_much = matches!(toolchain, Toolchain::Debian { .. });
    let stderr = if says_too_much {
        Stdio::piped()
    } else {
        Stdio::inherit()
    };
    run(cargo.stderr(stderr), &folder.join("Cargo.toml"))
}

fn remap(from: &Path, to: &str) -> OsString {
    let mut flag = OsString::from("--remap-path-prefix=");
    flag.push(from);
    flag.push("=");
    flag.push(to);
    flag
}

/// Runs cargo, whose messages go where ours do, and reads what it made.
fn run(cargo: &mut Command, manifest: &Path) -> Result<Vec<u8>, Problem> {
    let mut child = cargo
        .stdout(Stdio::piped())
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| {
            Problem::new(Code::Missing, format!("can't start cargo: {error}"))
                .help("wfctl doctor says how to get it")
        })?;
    let said = child
        .stderr
        .take()
        .map(|said| thread::spawn(move || pass_on(said, &mut io::stderr())));
    let mut made = None;
    let output = BufReader::new(child.stdout.take().expect("it is piped"));
    for line in output.lines() {
        let line = line.map_err(|error| {
            Problem::new(
                Code::Internal,
                format!("cargo's messages broke off: {error}"),
            )
        })?;
        let Ok(message) = serde_json::from_str::<Message>(&line) else {
            continue;
        };
        if message.reason == "compiler-artifact" && message.manifest_path == manifest {
            let wasm = |file: &&PathBuf| {
                file.extension()
                    .is_some_and(|extension| extension == "wasm")
            };
            made = message.filenames.iter().find(wasm).cloned().or(made);
        }
    }
    let status = child
        .wait()
        .map_err(|error| Problem::new(Code::Internal, format!("cargo was lost: {error}")))?;
    if let Some(Err(error)) = said.map(|said| said.join().expect("copying lines never panics")) {
        return Err(Problem::new(
            Code::Internal,
            format!("cargo's messages broke off: {error}"),
        ));
    }
    if !status.success() {
        // cargo's own messages are above.
        return Err(Problem::new(
            Code::BuildFailed,
            "the crate does not compile",
        ));
    }
    let made = made.ok_or_else(|| {
        Problem::new(Code::BuildFailed, "the crate makes no component")
            .help("put this in Cargo.toml: [lib] crate-type = [\"cdylib\"]")
    })?;
    fs::read(&made).map_err(|error| Problem::io("read", &made, &error))
}

/// Copies what cargo says, but for one warning: that the patch which supplies the SDK
/// was not used for the standard library, which is true, and of no use to authors.
fn pass_on(said: impl Read, to: &mut impl Write) -> io::Result<()> {
    const WARNING: [&str; 2] = ["patch `weft-sdk ", "was not used in the crate graph"];
    const HELP: &str = "Check that the patched package version";
    let mut within = false;
    for line in BufReader::new(said).split(b'\n') {
        let mut line = line?;
        let text = String::from_utf8_lossy(&line);
        // Its help goes on in lines that are indented and begin with a small letter, unlike cargo's own steps.
        let goes_on = text
            .strip_prefix("      ")
            .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_lowercase()));
        within = WARNING.iter().all(|words| text.contains(words))
            || (within && (goes_on || text.contains(HELP)));
        if !within {
            line.push(b'\n');
            to.write_all(&line)?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_warning_about_the_patch_is_left_out() {
        let said = "\
    Updating crates.io index
warning: patch `weft-sdk v0.1.0 (/sdk/weft-sdk)` was not used in the crate graph
help: Check that the patched package version and available features are compatible
      with the dependency requirements. If the patch has a different version from
      what is locked in the Cargo.lock file, run `cargo update` to use the new
      version. This may also occur with an optional dependency that is not enabled.
      Adding serde v1.0.0
warning: unused variable: `x`
      with its own help
";
        let mut heard = Vec::new();
        pass_on(said.as_bytes(), &mut heard).expect("a Vec takes everything");
        assert_eq!(
            String::from_utf8_lossy(&heard),
            "Updating crates.io index\n      Adding serde v1.0.0\nwarning: unused variable: `x`\n      with its own help\n"
        );
    }

    #[test]
    fn the_sdk_is_supplied_where_a_version_is_asked_for() {
        for (text, wanted) in [
            (
                "[dependencies]\nweft = { package = \"weft-sdk\", version = \"0.1\" }",
                true,
            ),
            ("[dependencies]\nweft-sdk = \"0.1\"", true),
            (
                "[dependencies]\nweft = { package = \"weft-sdk\", path = \"../sdk\" }",
                false,
            ),
            ("[dependencies]\nserde = \"1\"", false),
        ] {
            let manifest: Manifest = toml::from_str(text).expect("the manifest is TOML");
            assert_eq!(manifest.wants_sdk(), wanted, "{text}");
        }
    }
}
