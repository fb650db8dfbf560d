//! Where things lie.

use std::{
    env,
    path::{Path, PathBuf},
};

/// The folders that the commands work in.
pub(crate) struct Workspace {
    root: PathBuf,
    target: PathBuf,
}

impl Workspace {
    /// Of the clone that this program was built from.
    pub(crate) fn find() -> Self {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = manifest
            .parent()
            .expect("xtask is one folder below the root")
            .to_path_buf();
        // Cargo resolves a relative target folder from the folder it is called in.
        let target = env::var_os("CARGO_TARGET_DIR").map_or_else(
            || root.join("target"),
            |dir| env::current_dir().map_or_else(|_| PathBuf::from(&dir), |here| here.join(&dir)),
        );
        Self { root, target }
    }

    /// The root of the clone.
    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    /// Cargo's target folder for programs of this machine.
    pub(crate) fn target(&self) -> &Path {
        &self.target
    }

    /// Cargo's target folder for everything that becomes WebAssembly: one for
    /// all guests, so that the standard library is compiled once.
    pub(crate) fn wasm_target(&self) -> PathBuf {
        self.target.join("wasm")
    }

    /// Where finished guests are put.
    pub(crate) fn guests(&self) -> PathBuf {
        self.target.join("guests")
    }

    /// The folder of an example.
    pub(crate) fn example(&self, name: &str) -> PathBuf {
        self.root.join("examples").join(name)
    }
}

/// Weft's cache folder, found as `wfctl` finds it.
pub(crate) fn cache_folder() -> PathBuf {
    let set = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set("WEFT_CACHE_DIR")
        .or_else(|| set("XDG_CACHE_HOME").map(|cache| cache.join("weft")))
        .or_else(|| set("HOME").map(|home| home.join(".cache/weft")))
        .unwrap_or_else(|| env::temp_dir().join("weft-cache"))
}
