//! What decides about the server besides the caller's own options: variables of
//! the environment, and files.

use crate::context::{self, Config, Project};
use std::{
    env,
    path::{Path, PathBuf},
};
use weft_api::{
    problem::Problem,
    user_dirs::{self, TOKEN_FILE, URL_FILE},
};

/// The variables `WEFT_*`, the user's contexts, the project's, and the server of this machine.
///
/// [`Environment::read`] is the process's own. A test, or a program that must not
/// depend on its user's files, fills in what it wants.
#[derive(Debug, Clone, Default)]
pub struct Environment {
    /// `$WEFT_URL`.
    pub url: Option<String>,
    /// `$WEFT_TOKEN`.
    pub token: Option<String>,
    /// `$WEFT_CONTEXT`.
    pub context: Option<String>,
    /// `$WEFT_TENANT`.
    pub tenant: Option<String>,
    /// The user's contexts.
    pub config: Config,
    /// `weft.toml` of the current folder.
    pub project: Project,
    /// The folder of `weft.toml`.
    pub folder: PathBuf,
    /// The files of a `wfctl up` on this machine.
    pub local: Option<LocalServer>,
}

/// The files that a server on this machine leaves for its clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalServer {
    /// Holds its URL.
    pub url_file: PathBuf,
    /// Holds the token of its administrator.
    pub token_file: PathBuf,
}

impl Environment {
    /// The environment of this process.
    ///
    /// # Errors
    /// A file is unreadable or invalid.
    pub fn read() -> Result<Self, Problem> {
        let set = |name: &str| env::var(name).ok().filter(|value| !value.is_empty());
        let folder = PathBuf::from(".");
        Ok(Self {
            url: set("WEFT_URL"),
            token: set("WEFT_TOKEN"),
            context: set("WEFT_CONTEXT"),
            tenant: set("WEFT_TENANT"),
            config: context::path()
                .map_or_else(|| Ok(Config::default()), |path| Config::read(&path))?,
            project: Project::read(&folder)?,
            folder,
            local: LocalServer::of_this_user(),
        })
    }
}

impl LocalServer {
    /// The files in the data folder of a server.
    pub fn in_folder(folder: &Path) -> Self {
        Self {
            url_file: folder.join(URL_FILE),
            token_file: folder.join(TOKEN_FILE),
        }
    }

    /// The files of the server in this user's data folder.
    fn of_this_user() -> Option<Self> {
        user_dirs::data().map(|data| Self::in_folder(&data.join("server")))
    }
}
