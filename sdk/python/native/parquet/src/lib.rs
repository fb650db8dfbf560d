//! Reads and writes Parquet files for pandas, where pyarrow is not.
//!
//! Columns cross the boundary to Python as tuples, the same in both directions, which
//! `weft_parquet` turns into pandas' arrays and makes of them:
//!
//! | tuple | column |
//! |---|---|
//! | `("fixed", type, validity, bytes)` | values of one width, little endian |
//! | `("bool", validity, bytes)` | one byte for each |
//! | `("string", list)`, `("binary", list)` | objects, `None` for null |
//! | `("dictionary", codes, values, ordered)` | 32-bit codes, -1 for null, of a column of values |
//! | `("list", validity, offsets, values)` | 32-bit offsets into a column |
//! | `("map", validity, offsets, keys, values)` | the same, into two columns |
//! | `("struct", length, validity, names, columns)` | a column for each name |
//! | `("null", length)` | nothing but nulls |
//!
//! `validity` is one byte for each value, or `None` where none is null.

mod fixed;
mod read;
mod write;

use pyo3::prelude::*;

#[pymodule]
fn _parquet(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(read::schema, module)?)?;
    module.add_function(wrap_pyfunction!(read::read, module)?)?;
    module.add_function(wrap_pyfunction!(write::write, module)?)
}

/// What goes wrong with a file is the caller's to correct, as pyarrow has it.
fn refused(error: impl std::fmt::Display) -> PyErr {
    pyo3::exceptions::PyValueError::new_err(error.to_string())
}
