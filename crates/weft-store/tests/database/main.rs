//! The store over real databases: SQLite in a temporary folder, and a Postgres
//! server that the tests start.
//!
//! Every case of the conformance suite runs over both, each in a database of its own.

mod postgres_server;
mod setup;
mod turn;

/// Makes two tests of each case, one for each database.
macro_rules! conformance {
    ($($module:ident: $($case:ident),* $(,)?;)*) => {
        mod sqlite { $( mod $module { $(
            #[tokio::test]
            async fn $case() {
                let home = crate::setup::sqlite().await;
                crate::$module::$case(&home.database).await;
            }
        )* } )* }
        mod postgres { $( mod $module { $(
            #[tokio::test]
            async fn $case() {
                let home = crate::setup::postgres().await;
                crate::$module::$case(&home.database).await;
            }
        )* } )* }
    };
}

conformance! {
    turn:
        every_statement_fits,
        everything_of_a_turn_is_read_back;
}
