//! Addresses of servers that may hold a password: never among the arguments,
//! which everybody on the machine can see, and never repeated.

use std::path::Path;
use url::Url;
use weft_api::problem::{Code, Problem};

/// What is addressed, in the words of messages.
pub(super) struct Server {
    /// Such as `a Postgres database`.
    pub(super) what: &'static str,
    pub(super) schemes: &'static [&'static str],
    /// The argument that names it, and the one that names a file with it.
    pub(super) argument: &'static str,
    pub(super) file_argument: &'static str,
    /// The environment variable that holds it.
    pub(super) variable: &'static str,
    /// How an address with a password looks.
    pub(super) example: &'static str,
    /// Where else a password may stand; such as `, or leave it to PGPASSWORD`.
    pub(super) elsewhere: &'static str,
}

impl Server {
    /// The address that the argument, the file or the variable holds, if one of them does.
    ///
    /// # Errors
    /// An address that is none, a file that can't be read, a password among the arguments.
    pub(super) fn address(
        &self,
        argument: Option<&str>,
        file: Option<&Path>,
    ) -> Result<Option<String>, Problem> {
        if let Some(text) = argument {
            let address = self.parse(text, self.argument)?;
            if Url::parse(text).is_ok_and(|url| has_password(&url)) {
                return Err(Problem::new(
                    Code::Usage,
                    "a password on the command line can be seen by everybody on this machine",
                )
                .help(format!(
                    "put the address into {} or into a file for {}{}",
                    self.variable, self.file_argument, self.elsewhere
                )));
            }
            return Ok(Some(address));
        }
        if let Some(path) = file {
            let text =
                std::fs::read_to_string(path).map_err(|error| Problem::io("read", path, &error))?;
            return self
                .parse(text.trim(), &path.display().to_string())
                .map(Some);
        }
        match std::env::var(self.variable) {
            Ok(text) if !text.is_empty() => self.parse(&text, self.variable).map(Some),
            Ok(_) | Err(_) => Ok(None),
        }
    }

    /// Says nothing of the text itself, which may hold a password.
    fn parse(&self, text: &str, from: &str) -> Result<String, Problem> {
        // Lists of hosts, which some servers have, are left to the driver that connects.
        let scheme = text.split_once("://").map(|(scheme, _rest)| scheme);
        if scheme.is_some_and(|scheme| self.schemes.contains(&scheme)) {
            return Ok(text.to_owned());
        }
        Err(Problem::new(
            Code::InvalidUrl,
            format!("{from} holds no address of {}", self.what),
        )
        .help(format!(
            "it looks like this: {}; a special character in the password is written as %40, say",
            self.example
        )))
    }
}

fn has_password(url: &Url) -> bool {
    url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVER: Server = Server {
        what: "a Postgres database",
        schemes: &["postgres", "postgresql"],
        argument: "--database",
        file_argument: "--database-file",
        variable: "WEFT_TEST_URL_THAT_IS_NEVER_SET",
        example: "postgres://USER:PASSWORD@HOST:5432/NAME",
        elsewhere: "",
    };

    #[test]
    fn a_password_among_the_arguments_is_refused_and_not_repeated() {
        for url in [
            "postgres://weft:hush@localhost/weft",
            "postgres://weft@localhost/weft?password=hush",
        ] {
            let problem = SERVER.address(Some(url), None).unwrap_err();
            assert_eq!(problem.code, Code::Usage);
            assert!(!format!("{problem:?}").contains("hush"), "{problem:?}");
        }
        let found = SERVER.address(Some("postgresql://weft@localhost/weft"), None);
        assert!(found.is_ok_and(|found| found.is_some()));
        assert_eq!(SERVER.address(None, None).ok(), Some(None));
    }

    #[test]
    fn an_invalid_address_is_refused_without_repeating_it() {
        for url in ["hush", "mysql://hush@localhost/x", ""] {
            let problem = SERVER.address(Some(url), None).unwrap_err();
            assert_eq!(problem.code, Code::InvalidUrl);
            assert!(!format!("{problem:?}").contains("hush"), "{problem:?}");
        }
    }

    #[test]
    fn a_file_may_hold_a_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("url");
        let problem = SERVER.address(None, Some(&path)).unwrap_err();
        assert_eq!(problem.code, Code::FileNotFound);
        std::fs::write(&path, "postgres://weft:hush@localhost/weft\n").unwrap();
        let found = SERVER.address(None, Some(&path)).unwrap().unwrap();
        assert_eq!(found, "postgres://weft:hush@localhost/weft");
    }
}
