//! Many writes as one statement, and so one round trip, for any number of rows.
//!
//! Each write is a part of one WITH, its rows one array for each column; all of them see
//! the database as it was before, and touch different rows. The first one must change
//! something: where it doesn't, the statement fails before the others begin.

use crate::backend::{Bulk, Column, Value};
use sqlx::{
    Arguments as _, Encode, Type,
    postgres::{PgArguments, PgHasArrayType},
};
use std::fmt::Write as _;
use weft_store::StoreError;

/// The code of the failure: `division_by_zero`.
pub(super) const NOTHING_CHANGED: &str = "22012";

/// The statement, its parameters, and how many values they hold; writes without rows are left out.
pub(super) fn statement<'w>(
    writes: impl Iterator<Item = &'w (&'static Bulk, Vec<Value>)>,
) -> Result<(String, PgArguments, usize), StoreError> {
    let mut text = String::new();
    let mut arguments = PgArguments::default();
    let (mut parameters, mut count) = (0, 0);
    for (at, (bulk, values)) in writes
        .filter(|(_bulk, values)| !values.is_empty())
        .enumerate()
    {
        let start = if at == 0 { "WITH" } else { "," };
        let part = bulk.over_arrays(parameters + 1);
        write!(text, "{start} part{at} AS ({part})").expect("writing to a String can't fail");
        let columns = bulk.columns();
        for (offset, column) in columns.iter().enumerate() {
            let cells = values.iter().skip(offset).step_by(columns.len());
            match column {
                Column::Int => bind(&mut arguments, cells.map(int))?,
                Column::Text => bind(&mut arguments, cells.map(text_of))?,
                Column::Bytes => bind(&mut arguments, cells.map(bytes))?,
            }
        }
        parameters += columns.len();
        count += values.len();
    }
    text.push_str(" SELECT 1 / count(*) FROM part0");
    Ok((text, arguments, count))
}

fn bind<'v, T>(
    arguments: &mut PgArguments,
    cells: impl Iterator<Item = Result<Option<T>, StoreError>>,
) -> Result<(), StoreError>
where
    T: PgHasArrayType + Type<sqlx::Postgres> + Encode<'v, sqlx::Postgres> + 'v,
{
    let cells = cells.collect::<Result<Vec<Option<T>>, StoreError>>()?;
    let added = arguments.add(cells);
    added.map_err(|error| StoreError::Defect(error.to_string()))
}

fn int(value: &Value) -> Result<Option<i64>, StoreError> {
    match value {
        Value::Null => Ok(None),
        Value::Int(number) => Ok(Some(*number)),
        Value::Text(_) | Value::Bytes(_) => Err(wrong_type("a number")),
    }
}

fn text_of(value: &Value) -> Result<Option<&str>, StoreError> {
    match value {
        Value::Null => Ok(None),
        Value::Text(text) => Ok(Some(text)),
        Value::Int(_) | Value::Bytes(_) => Err(wrong_type("a text")),
    }
}

fn bytes(value: &Value) -> Result<Option<&[u8]>, StoreError> {
    match value {
        Value::Null => Ok(None),
        Value::Bytes(bytes) => Ok(Some(bytes)),
        Value::Int(_) | Value::Text(_) => Err(wrong_type("bytes")),
    }
}

fn wrong_type(wanted: &str) -> StoreError {
    StoreError::Defect(format!(
        "a column that takes {wanted} was given something else"
    ))
}
