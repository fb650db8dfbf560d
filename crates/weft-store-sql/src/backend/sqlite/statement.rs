//! Statements on a connection: values in, rows out, errors by kind.

use crate::backend::{Row, Value, error_kind::ErrorKind};
use rusqlite::{
    Connection, Error, Statement, ToSql,
    types::{ToSqlOutput, Value as Owned, ValueRef},
};
use weft_store::StoreError;

/// Runs one statement to its end, which is prepared once on each connection. All rows are fetched, even of a
/// statement that has one: a statement that is left before its end commits without telling whether
/// it could.
pub(super) fn run(
    connection: &Connection,
    sql: &str,
    values: &[Value],
) -> Result<Vec<Row>, StoreError> {
    let mut statement = connection.prepare_cached(sql).map_err(classify)?;
    bind(&mut statement, values)?;
    let columns = statement.column_count();
    let mut found = statement.raw_query();
    let mut rows = Vec::new();
    while let Some(row) = found.next().map_err(classify)? {
        let mut values = Vec::with_capacity(columns);
        for at in 0..columns {
            values.push(decode(row.get_ref(at).map_err(classify)?)?);
        }
        rows.push(Row::new(values));
    }
    Ok(rows)
}

/// Binds values: the parameter `$N` gets the Nth one, and one without a name that after the one before.
fn bind(statement: &mut Statement<'_>, values: &[Value]) -> Result<(), StoreError> {
    let mut next = 0;
    for parameter in 1..=statement.parameter_count() {
        let name = statement.parameter_name(parameter);
        let number = name.and_then(|name| name.strip_prefix('$')?.parse().ok());
        let at = number.map_or(next, |number: usize| number - 1);
        next = at + 1;
        let value = values.get(at).ok_or_else(|| {
            StoreError::Defect(format!(
                "the statement's parameter {parameter} has no value"
            ))
        })?;
        statement
            .raw_bind_parameter(parameter, value)
            .map_err(classify)?;
    }
    Ok(())
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(match self {
            Self::Null => ToSqlOutput::Owned(Owned::Null),
            Self::Int(number) => ToSqlOutput::Owned(Owned::Integer(*number)),
            Self::Text(text) => ToSqlOutput::Borrowed(ValueRef::Text(text.as_bytes())),
            Self::Bytes(bytes) => ToSqlOutput::Borrowed(ValueRef::Blob(bytes)),
        })
    }
}

fn decode(value: ValueRef<'_>) -> Result<Value, StoreError> {
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Int(number),
        ValueRef::Text(text) => {
            let text = std::str::from_utf8(text);
            let text =
                text.map_err(|error| StoreError::Corrupt(format!("a text is not UTF-8: {error}")))?;
            Value::Text(text.into())
        }
        ValueRef::Blob(bytes) => Value::Bytes(bytes.to_vec()),
        ValueRef::Real(_) => {
            return Err(StoreError::Defect("a column has the type REAL".into()));
        }
    })
}

/// By SQLite's extended result codes (<https://www.sqlite.org/rescode.html>).
#[expect(
    clippy::needless_pass_by_value,
    reason = "it is what `map_err` is given"
)]
pub(super) fn classify(error: Error) -> StoreError {
    match &error {
        Error::SqliteFailure(failure, text) => {
            let text = text.clone().unwrap_or_else(|| failure.to_string());
            kind_of_code(failure.extended_code).error(text)
        }
        // The enum is open-ended; any other error lies in the call itself.
        _ => ErrorKind::Defect.error(error.to_string()),
    }
}

const fn kind_of_code(code: i32) -> ErrorKind {
    match code {
        // Writing, syncing, truncating and growing files.
        778 | 1034 | 1290 | 1546 | 4874 => return ErrorKind::Full,
        _ => {}
    }
    match code & 0xff {
        // READONLY, FULL
        8 | 13 => ErrorKind::Full,
        // BUSY, LOCKED, NOMEM, INTERRUPT, IOERR, CANTOPEN
        5 | 6 | 7 | 9 | 10 | 14 => ErrorKind::Unavailable,
        // CORRUPT, NOTADB
        11 | 26 => ErrorKind::Corrupt,
        _ => ErrorKind::Defect,
    }
}
