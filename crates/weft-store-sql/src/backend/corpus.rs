//! The texts of this version's statements, kept for the versions to come: each of them has to
//! fit the schemas that they make (`tests/database/released.rs`).

use super::registry;
use crate::dialect::Dialect;
use std::{collections::BTreeSet, fs, path::Path};

/// Every statement, those over many rows with one number of them.
fn texts(dialect: Dialect) -> BTreeSet<String> {
    let all = registry::all(dialect).map(|sql| sql.as_str().to_owned());
    let many = |text: &String| text.contains("), (");
    let single = all.filter(|text| !many(text));
    let batch = registry::over_arrays(dialect);
    single.chain(batch).collect()
}

/// Written down before a release: `WEFT_UPDATE_RELEASED=1`, as 'Release a version' in `CONTRIBUTING.md` says.
#[test]
fn every_statement_fits_one_line_of_a_release_fixture() {
    let version = concat!("../../tests/fixtures/version-", env!("CARGO_PKG_VERSION"));
    let version = Path::new(env!("CARGO_MANIFEST_DIR")).join(version);
    for (dialect, name) in [(Dialect::Sqlite, "sqlite"), (Dialect::Postgres, "postgres")] {
        let texts = texts(dialect);
        assert!(texts.len() > 100, "{}", texts.len());
        for text in &texts {
            assert!(!text.contains(['\n', ';']), "{text}");
        }
        if std::env::var_os("WEFT_UPDATE_RELEASED").is_some() {
            let lines: String = texts.iter().flat_map(|text| [text, ";\n"]).collect();
            fs::create_dir_all(version.join(name)).unwrap();
            fs::write(version.join(name).join("statements.sql"), lines).unwrap();
        }
    }
}
