//! Identifiers of tenants, DAGs, tasks and events: newtypes that are valid by construction.

use std::{borrow::Borrow, fmt, str::FromStr, sync::Arc};

/// The longest identifier, in bytes (Airflow's own bound).
pub const MAX_ID_BYTES: usize = 250;

/// Why a text is not an identifier.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Nothing was given.
    #[error("an id can't be empty")]
    Empty,
    /// Longer than [`MAX_ID_BYTES`].
    #[error("an id has at most {MAX_ID_BYTES} bytes, this one has {0}")]
    TooLong(usize),
    /// A character outside the alphabet.
    #[error(
        "an id is made of letters, digits, '_', '-' and '.', and starts with a letter, a digit or '_'; {0:?} doesn't fit"
    )]
    Character(char),
}

fn check(text: &str) -> Result<(), IdError> {
    if text.len() > MAX_ID_BYTES {
        return Err(IdError::TooLong(text.len()));
    }
    let mut chars = text.chars();
    let first = chars.next().ok_or(IdError::Empty)?;
    if !(first.is_ascii_alphanumeric() || first == '_') {
        return Err(IdError::Character(first));
    }
    match chars.find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'))) {
        Some(odd) => Err(IdError::Character(odd)),
        None => Ok(()),
    }
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The identifier as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = IdError;
            fn from_str(text: &str) -> Result<Self, IdError> {
                check(text)?;
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

id! {
    /// Names a DAG within a tenant.
    DagId
}
id! {
    /// Names a task within its DAG.
    TaskId
}
id! {
    /// Names an isolated customer of an installation.
    TenantId
}

id! {
    /// Names an event that can be sent to a run.
    EventName
}
id! {
    /// Names an option of an approval.
    OptionName
}

impl serde::Serialize for OptionName {
    fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(&self.0)
    }
}

impl TenantId {
    /// The tenant of an installation that has only one.
    pub const DEFAULT: &str = "default";
}

impl Default for TenantId {
    fn default() -> Self {
        Self(Self::DEFAULT.into())
    }
}
