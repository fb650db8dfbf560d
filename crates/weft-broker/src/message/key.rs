//! An attempt's name as one short text: `<run>.<task>.<instance>.<number>.<nonce>`, and
//! `.<shard>` where it is of another shard than 0.
//!
//! The run as people see it, the nonce in hexadecimal, the rest in decimal, so
//! that an operator who looks into Redis finds what the tools show.

use super::MessageError;
use crate::AttemptKey;
use weft_core::{
    document::TaskIndex,
    run::{Attempt, Instance},
};

/// The attempt's name.
pub fn write_key(key: &AttemptKey) -> String {
    let AttemptKey {
        shard,
        run,
        attempt:
            Attempt {
                instance: Instance { task, index },
                number,
                nonce,
            },
    } = key;
    let task = task.0;
    match shard {
        0 => format!("{run}.{task}.{index}.{number}.{nonce:x}"),
        _ => format!("{run}.{task}.{index}.{number}.{nonce:x}.{shard}"),
    }
}

/// The attempt of this name.
///
/// # Errors
/// [`MessageError::Broken`].
pub fn read_key(text: &str) -> Result<AttemptKey, MessageError> {
    let refuse = || MessageError::Broken(format!("{text:?} names no attempt"));
    let mut parts = text.split('.');
    let mut part = || parts.next().ok_or_else(refuse);
    let mut key = AttemptKey {
        shard: 0,
        run: part()?.parse().map_err(|_error| refuse())?,
        attempt: Attempt {
            instance: Instance {
                task: TaskIndex(part()?.parse().map_err(|_error| refuse())?),
                index: part()?.parse().map_err(|_error| refuse())?,
            },
            number: part()?.parse().map_err(|_error| refuse())?,
            nonce: u64::from_str_radix(part()?, 16).map_err(|_error| refuse())?,
        },
    };
    if let Some(shard) = parts.next() {
        key.shard = shard.parse().map_err(|_error| refuse())?;
        // A name is written in one way only.
        if key.shard == 0 || parts.next().is_some() {
            return Err(refuse());
        }
    }
    Ok(key)
}
