//! The importer of Airflow's DAG files: a component of `CPython` and the package `weft_airflow`.
//!
//! It is a project in Python as any other, whose sources this program carries, so that DAG files are
//! evaluated where tasks run: in the sandbox, with nothing granted. It is built once, and cached.

use crate::{
    build_dir,
    embedded_sdk::{self, files},
    python,
};
use weft_api::problem::{Code, Problem};

/// The task that answers with the DAG files of a folder. Its input is `sources`: texts by path.
pub const FILES_TASK: &str = "dag_files";
/// The task that converts one DAG file. Its inputs are `sources` and `file`.
pub const CONVERT_TASK: &str = "convert_file";

files! {
    /// The importer.
    IMPORTER, "airflow/src",
    "weft_airflow/__init__.py",
    "weft_airflow/airflow_s3.py",
    "weft_airflow/airflow_support.py",
    "weft_airflow/assets.py",
    "weft_airflow/dates.py",
    "weft_airflow/decorators.py",
    "weft_airflow/edges.py",
    "weft_airflow/evaluate.py",
    "weft_airflow/ignore.py",
    "weft_airflow/imports.py",
    "weft_airflow/literal.py",
    "weft_airflow/mapped_groups.py",
    "weft_airflow/model.py",
    "weft_airflow/names.py",
    "weft_airflow/operator_tasks.py",
    "weft_airflow/operators.py",
    "weft_airflow/plan.py",
    "weft_airflow/project.py",
    "weft_airflow/python_tasks.py",
    "weft_airflow/reach.py",
    "weft_airflow/recorder.py",
    "weft_airflow/report.py",
    "weft_airflow/scope.py",
    "weft_airflow/settings.py",
    "weft_airflow/setup_teardown.py",
    "weft_airflow/shell.py",
    "weft_airflow/source.py",
    "weft_airflow/values.py",
    "weft_airflow/writer.py",
    "weft_import_airflow.py",
}

/// The component's bytes, built if they are not cached.
///
/// # Errors
/// What is missing to build components of Python.
pub fn importer() -> Result<Vec<u8>, Problem> {
    let stage = build_dir::temporary("airflow")?;
    let sources: Vec<_> = IMPORTER
        .iter()
        .map(|(path, contents)| (format!("dags/{path}"), *contents))
        .collect();
    embedded_sdk::write(stage.path(), &sources)
        .map_err(|error| Problem::io("write", stage.path(), &error))?;
    let project = python::Project::in_folder(stage.path()).ok_or_else(|| {
        Problem::new(
            Code::Internal,
            "the importer's own sources are no Python project",
        )
    })?;
    python::build(&project).map(|component| component.bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_module_of_the_importer_is_embedded() {
        assert_eq!(
            embedded_sdk::names(&[IMPORTER]),
            embedded_sdk::found("airflow/src", "", &["py"])
        );
    }
}
