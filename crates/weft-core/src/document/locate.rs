//! Finds the places of problems in a document's text, by parsing it once
//! more: a good document never pays for positions.
//!
//! JSON is descended through its raw values, whose addresses within the text
//! are their offsets; one pass a level serves all places together.

use super::{Format, Source, path::At, path::Segment};
use serde::de::{DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use std::{collections::HashMap, fmt};
use toml::de::{DeTable, DeValue};

/// The offset of each place that can be found.
pub(crate) fn locate(
    source: Source<'_>,
    wanted: &[Option<(&[Segment], At)>],
) -> Vec<Option<usize>> {
    let mut offsets = vec![None; wanted.len()];
    let here: Vec<Wanted<'_>> = wanted
        .iter()
        .enumerate()
        .filter_map(|(slot, place)| place.map(|(path, at)| Wanted { slot, path, at }))
        .collect();
    if here.is_empty() {
        return offsets;
    }
    match source.format {
        Format::Json => Descent {
            base: source.text.as_ptr().addr(),
            offsets: &mut offsets,
        }
        .descend(source.text, &here),
        Format::Toml => {
            let (table, _errors_are_reported_already) = DeTable::parse_recoverable(source.text);
            for place in here {
                offsets[place.slot] = locate_toml(table.get_ref(), &place);
            }
        }
    }
    offsets
}

/// A place that is looked for: what is left of its path, and where its offset goes.
#[derive(Debug, Clone, Copy)]
struct Wanted<'w> {
    slot: usize,
    path: &'w [Segment],
    at: At,
}

fn locate_toml(table: &DeTable<'_>, wanted: &Wanted<'_>) -> Option<usize> {
    let root = DeValueRef::Table(table);
    let mut here = root;
    let mut offset = None;
    for segment in wanted.path {
        match (segment, here) {
            (Segment::Key(key), DeValueRef::Table(table)) => {
                match table.get_key_value(key.as_str()) {
                    Some((key, value)) => {
                        // A table's own span is its header's or its braces'; its key says more.
                        let of_key =
                            wanted.at != At::Value || matches!(value.get_ref(), DeValue::Table(_));
                        offset = Some(if of_key {
                            key.span().start
                        } else {
                            value.span().start
                        });
                        here = DeValueRef::of(value.get_ref());
                    }
                    // The place of what is missing is that of its table.
                    None => return offset,
                }
            }
            (Segment::Index(index), DeValueRef::Array(array)) => match array.get(*index) {
                Some(value) => {
                    offset = Some(value.span().start);
                    here = DeValueRef::of(value.get_ref());
                }
                None => return offset,
            },
            (Segment::Key(_) | Segment::Index(_), _) => return offset,
        }
    }
    offset
}

#[derive(Clone, Copy)]
enum DeValueRef<'t, 'i> {
    Table(&'t DeTable<'i>),
    Array(&'t [toml::Spanned<DeValue<'i>>]),
    Scalar,
}

impl<'t, 'i> DeValueRef<'t, 'i> {
    fn of(value: &'t DeValue<'i>) -> Self {
        match value {
            DeValue::Table(table) => Self::Table(table),
            DeValue::Array(array) => Self::Array(array),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => Self::Scalar,
        }
    }
}

struct Descent<'o> {
    /// The address of the text's first byte.
    base: usize,
    offsets: &'o mut Vec<Option<usize>>,
}

impl Descent<'_> {
    /// Sets the offsets of the wanted places within one value; each starts as the value's own.
    fn descend(&mut self, text: &str, wanted: &[Wanted<'_>]) {
        let mut deserializer = serde_json::Deserializer::from_str(text);
        let level = Level {
            descent: self,
            wanted,
        };
        // A text that stops being JSON has been reported as that; places behind it stay unknown.
        level.deserialize(&mut deserializer).unwrap_or_default();
    }

    fn offset_of(&self, raw: &RawValue) -> usize {
        raw.get().as_ptr().addr() - self.base
    }
}

struct Level<'d, 'o, 'w> {
    descent: &'d mut Descent<'o>,
    wanted: &'d [Wanted<'w>],
}

impl<'de> DeserializeSeed<'de> for Level<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let mut index = 0;
        loop {
            let below: Vec<Wanted<'_>> = self
                .wanted
                .iter()
                .filter(|wanted| matches!(wanted.path.first(), Some(Segment::Index(at)) if *at == index))
                .map(|wanted| Wanted { path: &wanted.path[1..], ..*wanted })
                .collect();
            if below.is_empty() {
                if access.next_element::<IgnoredAny>()?.is_none() {
                    return Ok(());
                }
            } else {
                let Some(raw) = access.next_element::<&RawValue>()? else {
                    return Ok(());
                };
                let offset = self.descent.offset_of(raw);
                for wanted in &below {
                    self.descent.offsets[wanted.slot] = Some(offset);
                }
                self.descent.descend(raw.get(), &below);
            }
            index += 1;
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<(), A::Error> {
        let mut by_key: HashMap<&str, Vec<Wanted<'_>>> = HashMap::new();
        for wanted in self.wanted {
            if let Some(Segment::Key(key)) = wanted.path.first() {
                by_key.entry(key).or_default().push(Wanted {
                    path: &wanted.path[1..],
                    ..*wanted
                });
            }
        }
        let mut seen: HashMap<&str, usize> = HashMap::new();
        while let Some(raw_key) = access.next_key::<&RawValue>()? {
            let key: String = serde_json::from_str(raw_key.get()).unwrap_or_default();
            let Some((name, below)) = by_key.get_key_value(key.as_str()) else {
                access.next_value::<IgnoredAny>()?;
                continue;
            };
            let raw = access.next_value::<&RawValue>()?;
            let (of_key, of_value) = (self.descent.offset_of(raw_key), self.descent.offset_of(raw));
            let times = seen.entry(name).or_default();
            *times += 1;
            for wanted in below {
                let ends_here = wanted.path.is_empty();
                let offset = if ends_here && wanted.at == At::Value {
                    of_value
                } else {
                    of_key
                };
                // The value that counts is the first; only a repeated key is about the second.
                if *times == 1 || (*times == 2 && ends_here && wanted.at == At::SecondKey) {
                    self.descent.offsets[wanted.slot] = Some(offset);
                }
            }
            let deeper: Vec<Wanted<'_>> = below
                .iter()
                .filter(|wanted| !wanted.path.is_empty())
                .copied()
                .collect();
            if *times == 1 && !deeper.is_empty() {
                self.descent.descend(raw.get(), &deeper);
            }
        }
        Ok(())
    }
}
