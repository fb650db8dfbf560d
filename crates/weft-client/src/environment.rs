//! Sources of the server's address and token besides command-line options: environment variables
//! and files.

use crate::context::{self, Config, Project};
use std::{
    env, fs, io,
    path::{self, Path, PathBuf},
};
use weft_api::{
    problem::Problem,
    user_dirs::{self, TOKEN_FILE, URL_FILE},
};

/// In the user's data folder: the data folder of the server that was started last.
const RECORD_FILE: &str = "local-server";

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
            local: LocalServer::of_this_user()?,
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

    /// The files of the server that this user started last, or else of the server in
    /// the user's data folder.
    fn of_this_user() -> Result<Option<Self>, Problem> {
        let Some(data) = user_dirs::data() else {
            return Ok(None);
        };
        Self::recorded_in(&data).map(Some)
    }

    fn recorded_in(data: &Path) -> Result<Self, Problem> {
        let recorded = context::read_small_file(&data.join(RECORD_FILE))?
            .map(|folder| Self::in_folder(Path::new(folder.trim_end_matches('\n'))))
            // A server removes the file of its URL when it ends.
            .filter(|local| local.url_file.exists());
        Ok(recorded.unwrap_or_else(|| Self::in_folder(&data.join("server"))))
    }

    /// Records the data folder of a server that starts on this machine, so that the
    /// clients of the same user find its URL and its token.
    ///
    /// # Errors
    /// The user has no data folder, or it can't be written.
    pub fn record(folder: &Path) -> io::Result<()> {
        let data = user_dirs::data().ok_or(io::ErrorKind::NotFound)?;
        Self::record_in(&data, folder)
    }

    fn record_in(data: &Path, folder: &Path) -> io::Result<()> {
        let folder = path::absolute(folder)?;
        let text = folder.to_str().ok_or(io::ErrorKind::InvalidFilename)?;
        fs::create_dir_all(data)?;
        fs::write(data.join(RECORD_FILE), format!("{text}\n"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_in_another_folder_is_found_while_it_runs() {
        let data = tempfile::tempdir().unwrap();
        let own = LocalServer::in_folder(&data.path().join("server"));
        assert_eq!(LocalServer::recorded_in(data.path()), Ok(own.clone()));
        let elsewhere = tempfile::tempdir().unwrap();
        LocalServer::record_in(data.path(), elsewhere.path()).unwrap();
        let other = LocalServer::in_folder(elsewhere.path());
        fs::write(&other.url_file, "http://127.0.0.1:4711\n").unwrap();
        assert_eq!(LocalServer::recorded_in(data.path()), Ok(other.clone()));
        fs::remove_file(&other.url_file).unwrap();
        assert_eq!(LocalServer::recorded_in(data.path()), Ok(own));
    }
}
