//! Folders of this user: compiled code, and what runs and services leave behind.

use crate::problem::{Code, Problem};
use std::{
    env,
    path::{Path, PathBuf},
};

/// In the data folder of a server: the token that `wfctl` uses on this machine where no other is named.
pub const TOKEN_FILE: &str = "admin.token";
/// In the data folder of a server: the URL where it listens.
pub const URL_FILE: &str = "server.url";

/// Where compiled code is kept: `$WEFT_CACHE_DIR`, `$XDG_CACHE_HOME/weft`, `~/.cache/weft`.
pub fn cache() -> Option<PathBuf> {
    folder("WEFT_CACHE_DIR", "XDG_CACHE_HOME", ".cache")
}

/// Where runs leave logs and artifacts: `$WEFT_DATA_DIR`, `$XDG_DATA_HOME/weft`, `~/.local/share/weft`.
pub fn data() -> Option<PathBuf> {
    folder("WEFT_DATA_DIR", "XDG_DATA_HOME", ".local/share")
}

fn folder(own: &str, xdg: &str, home: &str) -> Option<PathBuf> {
    let set = |name: &str| {
        env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    set(own)
        .or_else(|| set(xdg).map(|base| base.join("weft")))
        .or_else(|| env::home_dir().map(|base| base.join(home).join("weft")))
}

/// Makes a folder for what runs leave behind.
///
/// # Errors
/// A problem that names the folder.
pub fn create(folder: &Path) -> Result<(), Problem> {
    std::fs::create_dir_all(folder).map_err(|error| {
        Problem::new(
            Code::DataUnavailable,
            format!("can't make the folder {}: {error}", folder.display()),
        )
        .help("free or fix it, or name another folder with WEFT_DATA_DIR")
    })
}
