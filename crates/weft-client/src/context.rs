//! Named servers: `~/.config/weft/config.toml`, which holds tokens and so is
//! its owner's alone (mode 0600).
//!
//! `weft.toml` of a project may name a context, never a URL or a token: a
//! folder that somebody downloads must not be able to send a token elsewhere.

use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    env, fmt,
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _},
    path::{Path, PathBuf},
};
use weft_api::problem::{Code, Problem};

/// The longest file that is read.
const MAX_CONFIG_BYTES: u64 = 1 << 20;

/// A token: its text is never shown.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Token(String);

impl Token {
    /// A token from a user's text; blanks around it are dropped.
    ///
    /// # Errors
    /// The text is empty, or can't be put into a header field.
    pub fn new(text: &str) -> Result<Self, Problem> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Problem::new(
                Code::InvalidToken,
                "that is no token: one is made of visible ASCII characters",
            )
            .help("copy the whole text, weft_ and what follows it"));
        }
        Ok(Self(text.to_owned()))
    }

    /// Its text, for the `Authorization` field.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A server with a name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Context {
    /// URL of the server.
    pub url: String,
    /// The token for this URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<Token>,
    /// The tenant, for a token of several tenants.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Whether the token may travel in the clear.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub insecure: bool,
}

/// The file of contexts.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The context that is used unless another is named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// The contexts by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub contexts: BTreeMap<String, Context>,
}

/// The path of the file: `$XDG_CONFIG_HOME/weft/config.toml`, else below `~/.config`.
pub fn path() -> Option<PathBuf> {
    env::var_os("XDG_CONFIG_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or_else(|| env::home_dir().map(|home| home.join(".config")))
        .map(|base| base.join("weft/config.toml"))
}

impl Config {
    /// Reads the file; without one there are no contexts.
    pub fn read(path: &Path) -> Result<Self, Problem> {
        let Some(text) = read_small_file(path)? else {
            return Ok(Self::default());
        };
        // The parser's message would repeat the line, and a token may stand in it.
        toml::from_str(&text).map_err(|error| invalid(path, &text, &error))
    }

    /// Replaces the file atomically. Only its owner can read it.
    pub fn write(&self, path: &Path) -> Result<(), Problem> {
        let text = toml::to_string(self).expect("texts and tables by name are TOML");
        replace(path, &text).map_err(|error| {
            Problem::new(
                Code::ConfigUnavailable,
                format!("can't write {}: {error}", path.display()),
            )
            .help(
                "check the owner and the mode of the folder, or name another with XDG_CONFIG_HOME",
            )
        })
    }

    /// The context of this name.
    pub fn get(&self, name: &str) -> Result<&Context, Problem> {
        self.contexts.get(name).ok_or_else(|| {
            let names = self.contexts.keys().map(String::as_str);
            Problem::new(
                Code::UnknownContext,
                format!("there is no context {name:?}"),
            )
            .help(weft_api::text::suggestion(name, names, "contexts"))
        })
    }
}

/// The client's settings in a project's `weft.toml`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Project {
    /// The name of the context that the project uses.
    pub context: Option<String>,
}

impl Project {
    /// Reads `context` of the table `client` in a folder's `weft.toml`. Other tables
    /// are for other programs.
    pub fn read(folder: &Path) -> Result<Self, Problem> {
        let path = folder.join("weft.toml");
        let Some(text) = read_small_file(&path)? else {
            return Ok(Self::default());
        };
        let table: toml::Table =
            toml::from_str(&text).map_err(|error| invalid(&path, &text, &error))?;
        let Some(client) = table.get("client").and_then(toml::Value::as_table) else {
            return Ok(Self::default());
        };
        let refused = |what: &str, help: &str| {
            Err(Problem::new(
                Code::InvalidConfig,
                format!("{}: client.{what}", path.display()),
            )
            .help(help))
        };
        let mut project = Self::default();
        for (key, value) in client {
            match (key.as_str(), value) {
                ("context", toml::Value::String(name)) => project.context = Some(name.clone()),
                ("context", _) => return refused("context is no text", "write context = \"NAME\""),
                ("url" | "token", _) => {
                    return refused(
                        &format!(
                            "{key} can't stand here: a project must not choose where a token goes"
                        ),
                        "make a context of it (wfctl context add) and name that: context = \"NAME\"",
                    );
                }
                _ => return refused(&format!("{key} is no setting"), "there is one: context"),
            }
        }
        Ok(project)
    }
}

/// The text of a small file; `None` if there is no file.
pub(crate) fn read_small_file(path: &Path) -> Result<Option<String>, Problem> {
    match fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Ok(data) if data.len() > MAX_CONFIG_BYTES => {
            return Err(Problem::new(
                Code::InvalidConfig,
                format!("{} has more than {MAX_CONFIG_BYTES} bytes", path.display()),
            ));
        }
        Ok(_) | Err(_) => {}
    }
    fs::read_to_string(path)
        .map(Some)
        .map_err(|error| Problem::io("read", path, &error))
}

/// Names the line without repeating it, since it may contain a token.
fn invalid(path: &Path, text: &str, error: &toml::de::Error) -> Problem {
    let at = error.span().map_or(0, |span| span.start).min(text.len());
    let line = text
        .get(..at)
        .map_or(1, |before| before.matches('\n').count() + 1);
    Problem::new(
        Code::InvalidConfig,
        format!("{}, line {line}: {}", path.display(), error.message()),
    )
    .help("correct it, or remove the file and begin again with wfctl context add")
}

fn replace(path: &Path, text: &str) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let beside = path.with_extension(format!("new-{}", std::process::id()));
    let write = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&beside)?;
        file.set_permissions(fs::Permissions::from_mode(0o600))?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&beside, path)
    };
    write().inspect_err(|_error| {
        // The first error is the one to tell; a file that is left over does no harm.
        drop(fs::remove_file(&beside));
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> Config {
        let context = Context {
            url: "https://weft.example.org".into(),
            token: Some(Token::new(" weft_abc\n").unwrap()),
            tenant: None,
            insecure: false,
        };
        Config {
            current: Some("work".into()),
            contexts: [("work".to_owned(), context)].into(),
        }
    }

    #[test]
    fn what_is_written_is_read_back_and_its_owners_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("weft/config.toml");
        assert_eq!(Config::read(&path), Ok(Config::default()));
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o666)).unwrap();
        config().write(&path).unwrap();
        assert_eq!(Config::read(&path), Ok(config()));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 1);
    }

    #[test]
    fn a_token_is_not_shown() {
        assert!(!format!("{:?}", config()).contains("weft_abc"));
        for bad in ["", " ", "a b", "weft_\u{1b}", "é"] {
            assert_eq!(
                Token::new(bad).unwrap_err().code,
                Code::InvalidToken,
                "{bad:?}"
            );
        }
    }

    #[test]
    fn a_broken_file_is_named_without_its_secrets() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, "[contexts.a]\nurl = \"x\"\ntoken = \"weft_secret").unwrap();
        let problem = Config::read(&path).unwrap_err();
        assert_eq!(problem.code, Code::InvalidConfig);
        assert!(problem.message.contains("line 3"), "{}", problem.message);
        assert!(!problem.message.contains("secret"), "{}", problem.message);
    }

    #[test]
    fn a_near_name_is_offered() {
        let problem = config().get("wrok").unwrap_err();
        assert_eq!(problem.code, Code::UnknownContext);
        assert_eq!(problem.help.as_deref(), Some("did you mean \"work\"?"));
    }

    #[test]
    fn a_project_names_a_context_and_no_server() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(Project::read(folder.path()), Ok(Project::default()));
        let say = |text: &str| {
            fs::write(folder.path().join("weft.toml"), text).unwrap();
            Project::read(folder.path())
        };
        assert_eq!(
            say("[server]\nport = 1\n[client]\ncontext = \"a\"")
                .unwrap()
                .context
                .as_deref(),
            Some("a")
        );
        for bad in [
            "[client]\nurl = \"http://evil.example\"",
            "[client]\ncontext = 1",
            "[client]\ncolour = 1",
            "x",
        ] {
            assert_eq!(say(bad).unwrap_err().code, Code::InvalidConfig, "{bad}");
        }
    }
}
