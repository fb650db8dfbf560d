//! Which database: the data folder's own, or one of a Postgres server.

use super::address::Server;
use std::path::PathBuf;
use weft_api::problem::Problem;
use weft_node::PostgresUrl;

const POSTGRES: Server = Server {
    what: "a Postgres database",
    schemes: &["postgres", "postgresql"],
    argument: "--database",
    file_argument: "--database-file",
    variable: "WEFT_DATABASE_URL",
    example: "postgres://USER:PASSWORD@HOST:5432/NAME",
    elsewhere: ", or leave the password to PGPASSWORD or ~/.pgpass",
};

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
        let address = POSTGRES.address(self.database.as_deref(), self.database_file.as_deref())?;
        Ok(address.map(PostgresUrl::new))
    }
}
