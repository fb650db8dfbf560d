//! Which database: the data folder's own, or one of a Postgres server.

use crate::{
    error::{Code, Problem},
    services::PostgresUrl,
};
use std::path::PathBuf;
use url::Url;

/// The address of a database, password included, is never an argument.
const VARIABLE: &str = "WEFT_DATABASE_URL";

/// Which database.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Database")]
pub(crate) struct DatabaseArgs {
    /// A Postgres database instead of SQLite, such as `postgres://USER@HOST/NAME`
    #[arg(
        long,
        value_name = "URL",
        help = "A Postgres database instead of the data folder's own (SQLite): postgres://USER@HOST/NAME; with a password \
                only in $WEFT_DATABASE_URL or --database-file, since arguments can be seen by everybody (or in PGPASSWORD, ~/.pgpass)"
    )]
    database: Option<String>,
    /// A file whose only line is the address of the database
    #[arg(long, value_name = "FILE", conflicts_with = "database")]
    database_file: Option<PathBuf>,
}

impl DatabaseArgs {
    /// The Postgres database that was named, if one was.
    ///
    /// # Errors
    /// An address that is none, a file that can't be read, a password among the arguments.
    pub(crate) fn postgres(&self) -> Result<Option<PostgresUrl>, Problem> {
        if let Some(url) = &self.database {
            let named = parse(url, "--database")?;
            if Url::parse(url).is_ok_and(|url| has_password(&url)) {
                return Err(Problem::new(
                    Code::Usage,
                    "a password on the command line can be seen by everybody on this machine",
                )
                .help(format!(
                    "put the address into {VARIABLE} or into a file for --database-file, or leave the password to PGPASSWORD or ~/.pgpass"
                )));
            }
            return Ok(Some(named));
        }
        if let Some(path) = &self.database_file {
            let text =
                std::fs::read_to_string(path).map_err(|error| Problem::io("read", path, &error))?;
            return parse(text.trim(), &path.display().to_string()).map(Some);
        }
        match std::env::var(VARIABLE) {
            Ok(url) if !url.is_empty() => parse(&url, VARIABLE).map(Some),
            Ok(_) | Err(_) => Ok(None),
        }
    }
}

fn has_password(url: &Url) -> bool {
    url.password().is_some() || url.query_pairs().any(|(name, _)| name == "password")
}

/// Says nothing of the text itself, which may hold a password.
fn parse(text: &str, from: &str) -> Result<PostgresUrl, Problem> {
    let is_one =
        Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "postgres" | "postgresql"));
    if is_one {
        return Ok(PostgresUrl::new(text.to_owned()));
    }
    Err(Problem::new(
        Code::InvalidUrl,
        format!("{from} holds no address of a Postgres database"),
    )
    .help("it looks like this: postgres://USER:PASSWORD@HOST:5432/NAME; a special character in the password is written as %40, say"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(url: &str) -> DatabaseArgs {
        DatabaseArgs {
            database: Some(url.into()),
            database_file: None,
        }
    }

    #[test]
    fn a_password_among_the_arguments_is_refused_and_not_repeated() {
        for url in [
            "postgres://weft:hush@localhost/weft",
            "postgres://weft@localhost/weft?password=hush",
        ] {
            let problem = args(url).postgres().unwrap_err();
            assert_eq!(problem.code, Code::Usage);
            assert!(!format!("{problem:?}").contains("hush"), "{problem:?}");
        }
        let found = args("postgresql://weft@localhost/weft").postgres();
        assert!(found.is_ok_and(|found| found.is_some()));
    }

    #[test]
    fn what_is_no_address_is_told_without_its_text() {
        for url in ["hush", "mysql://hush@localhost/x", ""] {
            let problem = args(url).postgres().unwrap_err();
            assert_eq!(problem.code, Code::InvalidUrl);
            assert!(!format!("{problem:?}").contains("hush"), "{problem:?}");
        }
    }

    #[test]
    fn a_file_may_hold_a_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("url");
        let named = |path: &std::path::Path| DatabaseArgs {
            database: None,
            database_file: Some(path.into()),
        };
        let problem = named(&path).postgres().unwrap_err();
        assert_eq!(problem.code, Code::FileNotFound);
        std::fs::write(&path, "postgres://weft:hush@localhost/weft\n").unwrap();
        let found = named(&path).postgres().unwrap().unwrap();
        assert_eq!(found.reveal(), "postgres://weft:hush@localhost/weft");
        assert!(!format!("{found:?}").contains("hush"));
    }
}
