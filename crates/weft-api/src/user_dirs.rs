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

/// The three sources of a folder's path. The first one that is set counts.
struct Sources {
    /// The variable that names the folder itself.
    own: &'static str,
    /// The variable of the XDG specification that names the parent of `weft`.
    xdg: &'static str,
    /// The parent of `weft`, below the home folder.
    home: &'static str,
}

const CACHE: Sources = Sources {
    own: "WEFT_CACHE_DIR",
    xdg: "XDG_CACHE_HOME",
    home: ".cache",
};
const DATA: Sources = Sources {
    own: "WEFT_DATA_DIR",
    xdg: "XDG_DATA_HOME",
    home: ".local/share",
};

/// Where compiled code is kept: `$WEFT_CACHE_DIR`, `$XDG_CACHE_HOME/weft`, `~/.cache/weft`.
pub fn cache() -> Option<PathBuf> {
    CACHE.folder()
}

/// Where runs leave logs and artifacts: `$WEFT_DATA_DIR`, `$XDG_DATA_HOME/weft`, `~/.local/share/weft`.
pub fn data() -> Option<PathBuf> {
    DATA.folder()
}

impl Sources {
    fn folder(&self) -> Option<PathBuf> {
        let set = |name: &str| {
            env::var_os(name)
                .filter(|value| !value.is_empty())
                .map(PathBuf::from)
        };
        set(self.own)
            .or_else(|| set(self.xdg).map(|base| base.join("weft")))
            .or_else(|| env::home_dir().map(|base| base.join(self.home).join("weft")))
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The reference page of files, which people look folders up in.
    const PAGE: &str = include_str!("../../../docs/reference/files.md");

    #[test]
    fn the_reference_page_has_the_sources_of_both_folders() {
        for Sources { own, xdg, home } in [CACHE, DATA] {
            let sources = format!("`${own}`, else `${xdg}/weft`, else `~/{home}/weft`");
            assert!(PAGE.contains(&sources), "{sources}");
        }
    }
}
