//! Mistakes are compile errors at the author's line, in words about DAGs.
//!
//! After a change: `TRYBUILD=overwrite cargo test -p weft-sdk --test compile_errors`,
//! and read what changed.

#[test]
fn mistakes_are_errors_at_the_authors_line() {
    trybuild::TestCases::new().compile_fail("tests/ui/*.rs");
}
