//! Values as they travel to and from a database.
//!
//! Both databases are given the same values. A text loses its NUL characters on
//! the way in, since Postgres refuses them: nothing that Weft writes has one, but
//! what people send may.

use std::sync::Arc;
use weft_core::{
    digest::Digest,
    id::{DagId, TenantId},
    run_id::RunId,
    time::Timestamp,
};
use weft_store::{CommandId, DagKey, RunKind, ShardId, VersionId};

/// One value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Null,
    Int(i64),
    Text(Arc<str>),
    Bytes(Vec<u8>),
}

/// The values of a statement's parameters, in order.
macro_rules! args {
    ($($value:expr),* $(,)?) => { vec![$($crate::backend::Value::from($value)),*] };
}
pub(crate) use args;

macro_rules! integers {
    ($($type:ty),*) => { $(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::Int(i64::from(value))
            }
        }
    )* };
}
integers!(i64, i32, u32, i16, u16, bool);

macro_rules! wrapped {
    ($($type:ty => $field:tt),*) => { $(
        impl From<$type> for Value {
            fn from(value: $type) -> Self {
                Self::Int(i64::from(value.$field))
            }
        }
    )* };
}
wrapped!(Timestamp => 0, ShardId => 0, DagKey => 0, VersionId => 0, CommandId => 0);

impl From<RunId> for Value {
    fn from(value: RunId) -> Self {
        Self::Int(value.as_i64())
    }
}

impl From<RunKind> for Value {
    fn from(value: RunKind) -> Self {
        Self::Int(crate::encoding::encode_run_kind(value))
    }
}

impl From<&str> for Value {
    fn from(value: &str) -> Self {
        if value.contains('\0') {
            return Self::Text(value.replace('\0', "").into());
        }
        Self::Text(value.into())
    }
}

impl From<String> for Value {
    fn from(value: String) -> Self {
        Self::from(value.as_str())
    }
}

impl From<&String> for Value {
    fn from(value: &String) -> Self {
        Self::from(value.as_str())
    }
}

impl From<&Arc<str>> for Value {
    fn from(value: &Arc<str>) -> Self {
        if value.contains('\0') {
            return Self::from(&**value);
        }
        Self::Text(Arc::clone(value))
    }
}

impl From<&TenantId> for Value {
    fn from(value: &TenantId) -> Self {
        Self::Text(value.as_str().into())
    }
}

impl From<&DagId> for Value {
    fn from(value: &DagId) -> Self {
        Self::Text(value.as_str().into())
    }
}

impl From<&Digest> for Value {
    fn from(value: &Digest) -> Self {
        Self::Bytes(value.0.to_vec())
    }
}

impl From<&[u8]> for Value {
    fn from(value: &[u8]) -> Self {
        Self::Bytes(value.to_vec())
    }
}

impl<T: Into<Value>> From<Option<T>> for Value {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}
