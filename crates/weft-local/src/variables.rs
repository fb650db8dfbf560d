//! Variables that the user gives to a run with `--variable`.

use crate::params;
use std::collections::HashMap;
use weft_api::problem::{Code, Problem};
use weft_sandbox::{VariableError, Variables};

/// By name.
#[derive(Debug, Default)]
pub(crate) struct GivenVariables(HashMap<String, String>);

impl GivenVariables {
    /// From `NAME=VALUE` and `NAME=@FILE`.
    pub(crate) fn parse(given: &[String]) -> Result<Self, Problem> {
        given
            .iter()
            .map(|text| {
                let (name, value) = text.split_once('=').ok_or_else(|| {
                    Problem::new(Code::Usage, format!("--variable {text:?} has no '='"))
                        .help("write --variable NAME=VALUE")
                })?;
                Ok((name.to_owned(), params::read(value)?))
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

#[async_trait::async_trait]
impl Variables for GivenVariables {
    async fn get(&self, name: &str) -> Result<String, VariableError> {
        self.0.get(name).cloned().ok_or(VariableError::NotFound)
    }
}
