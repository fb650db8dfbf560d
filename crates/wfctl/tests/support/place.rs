//! Runs the real binary in a folder of its own, and makes its output the same
//! on every machine.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

/// A folder with its own cache and data, removed at the end.
pub(crate) struct Place {
    folder: tempfile::TempDir,
}

impl Default for Place {
    fn default() -> Self {
        Self::new()
    }
}

impl Place {
    /// An empty one.
    pub(crate) fn new() -> Self {
        Self {
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// Where commands run.
    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path().join(name);
        fs::create_dir_all(path.parent().expect("in a folder")).expect("a folder");
        fs::write(&path, content).expect("written");
        path
    }

    /// Writes WebAssembly from its text form.
    pub(crate) fn wat(&self, name: &str, text: &str) -> PathBuf {
        self.write(name, wat::parse_str(text).expect("valid text"))
    }

    /// A WASI 0.1 program that writes `output` to standard output.
    pub(crate) fn program(&self, name: &str, output: &str) -> PathBuf {
        let escaped = output
            .bytes()
            .fold(String::new(), |text, byte| format!("{text}\\{byte:02x}"));
        self.wat(
            name,
            &format!(
                r#"(module
                  (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
                  (memory (export "memory") 1)
                  (data (i32.const 16) "{escaped}")
                  (func (export "_start")
                    (i32.store (i32.const 0) (i32.const 16))
                    (i32.store (i32.const 4) (i32.const {}))
                    (drop (call $write (i32.const 1) (i32.const 0) (i32.const 1) (i32.const 8)))))"#,
                output.len()
            ),
        )
    }

    /// A command whose folders all lie in this place.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wfctl"));
        command
            .current_dir(self.path())
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path())
            .env("WEFT_CACHE_DIR", self.path().join(".cache"))
            .env("WEFT_DATA_DIR", self.path().join(".data"));
        command
    }

    /// Runs `wfctl` with these arguments, split at spaces.
    pub(crate) fn wfctl(&self, args: &str) -> Output {
        self.command()
            .args(args.split(' ').filter(|arg| !arg.is_empty()))
            .output()
            .expect("the binary starts")
    }

    /// Runs `wfctl` and tells its exit code and what it said, for a snapshot.
    pub(crate) fn said(&self, args: &str) -> String {
        self.transcript(&self.wfctl(args))
    }

    /// Exit code, standard output and standard error, with what differs from
    /// run to run replaced.
    pub(crate) fn transcript(&self, output: &Output) -> String {
        let text = |bytes: &[u8]| {
            String::from_utf8_lossy(bytes).replace(&self.path().display().to_string(), "[PLACE]")
        };
        format!(
            "exit code: {}\n--- stdout\n{}--- stderr\n{}",
            output
                .status
                .code()
                .map_or("none".to_owned(), |code| code.to_string()),
            text(&output.stdout),
            text(&output.stderr)
        )
    }
}

/// The events of `--output json`.
pub(crate) fn events(output: &Output) -> Vec<serde_json::Value> {
    String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}")))
        .collect()
}
