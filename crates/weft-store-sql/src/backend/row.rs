//! Rows as they come from a database, read column by column from the left.

use super::Value;
use std::sync::Arc;
use weft_core::{
    digest::Digest,
    id::{DagId, TenantId},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{CommandId, DagKey, ShardId, StoreError, VersionId};

/// One row.
#[derive(Debug)]
pub(crate) struct Row {
    values: std::vec::IntoIter<Value>,
}

impl Row {
    pub(crate) fn new(values: Vec<Value>) -> Self {
        Self {
            values: values.into_iter(),
        }
    }

    /// The next column.
    pub(crate) fn take<T: FromValue>(&mut self) -> Result<T, StoreError> {
        let value = self
            .values
            .next()
            .ok_or_else(|| StoreError::Defect("a row has too few columns".into()))?;
        T::from_value(value).map_err(|why| {
            StoreError::Corrupt(format!("{why}, before {} more columns", self.values.len()))
        })
    }
}

/// What a column can be read as. The error says what was found instead.
pub(crate) trait FromValue: Sized {
    fn from_value(value: Value) -> Result<Self, String>;
}

fn unexpected<T>(wanted: &str, value: &Value) -> Result<T, String> {
    let found = match value {
        Value::Null => "nothing",
        Value::Int(_) => "a number",
        Value::Text(_) => "a text",
        Value::Bytes(_) => "bytes",
    };
    Err(format!("{wanted} was expected and {found} was found"))
}

impl FromValue for i64 {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Int(number) => Ok(number),
            other => unexpected("a number", &other),
        }
    }
}

macro_rules! narrower {
    ($($type:ty),*) => { $(
        impl FromValue for $type {
            fn from_value(value: Value) -> Result<Self, String> {
                let number = i64::from_value(value)?;
                Self::try_from(number).map_err(|_out_of_range| format!("the number {number} is out of range"))
            }
        }
    )* };
}
narrower!(u32, i32, u16, i16, u64);

impl FromValue for bool {
    fn from_value(value: Value) -> Result<Self, String> {
        Ok(i64::from_value(value)? != 0)
    }
}

impl FromValue for Arc<str> {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Text(text) => Ok(text),
            other => unexpected("a text", &other),
        }
    }
}

impl FromValue for String {
    fn from_value(value: Value) -> Result<Self, String> {
        Ok(String::from(&*Arc::<str>::from_value(value)?))
    }
}

impl FromValue for Vec<u8> {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Bytes(bytes) => Ok(bytes),
            other => unexpected("bytes", &other),
        }
    }
}

impl FromValue for Digest {
    fn from_value(value: Value) -> Result<Self, String> {
        let bytes = Vec::from_value(value)?;
        let count = bytes.len();
        bytes
            .try_into()
            .map(Self)
            .map_err(|_other_length| format!("a digest has {count} bytes"))
    }
}

impl FromValue for RunId {
    fn from_value(value: Value) -> Result<Self, String> {
        let number = i64::from_value(value)?;
        Self::from_i64(number).ok_or_else(|| format!("{number} is no run"))
    }
}

macro_rules! wrapped {
    ($($type:ident),*) => { $(
        impl FromValue for $type {
            fn from_value(value: Value) -> Result<Self, String> {
                FromValue::from_value(value).map($type)
            }
        }
    )* };
}
wrapped!(Timestamp, ShardId, DagKey, VersionId, CommandId);

macro_rules! parsed {
    ($($type:ty),*) => { $(
        impl FromValue for $type {
            fn from_value(value: Value) -> Result<Self, String> {
                Arc::<str>::from_value(value)?.parse().map_err(|error| format!("{error}"))
            }
        }
    )* };
}
parsed!(TenantId, DagId);

impl<T: FromValue> FromValue for Option<T> {
    fn from_value(value: Value) -> Result<Self, String> {
        match value {
            Value::Null => Ok(None),
            other => T::from_value(other).map(Some),
        }
    }
}
