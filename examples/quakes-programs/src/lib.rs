//! What the programs have in common: inputs come as one JSON object on standard
//! input, and the output goes as JSON to standard output.

use serde::{Serialize, de::DeserializeOwned};
use std::{error::Error, io};

/// The inputs, by the names that the manifest gives them.
pub fn inputs<T: DeserializeOwned>() -> Result<T, Box<dyn Error>> {
    Ok(serde_json::from_reader(io::stdin().lock())?)
}

/// The output.
pub fn output<T: Serialize>(value: &T) -> Result<(), Box<dyn Error>> {
    serde_json::to_writer(io::stdout().lock(), value)?;
    Ok(())
}
