//! Reads JSON into a tree.

use super::{
    bounds::{Counts, Part, check_memory, split_help},
    node::{Entry, Node},
};
use crate::document::{
    ProblemCode,
    collect::Problems,
    lines::Lines,
    path::{At, Path, quoted},
};
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::Number;
use std::{borrow::Cow, collections::HashSet, fmt};

pub(super) fn read_json<'a>(text: &'a str, problems: &Problems) -> Option<Node<'a>> {
    let mut reader = Reader::new(problems);
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let seed = Seed {
        part: Part::Root,
        parent: Part::Other,
        depth: 0,
        path: Path::Root,
        reader: &mut reader,
    };
    let read = seed
        .deserialize(&mut deserializer)
        .and_then(|node| deserializer.end().map(|()| node));
    match read {
        Ok(node) => Some(node),
        Err(error) if error.is_data() => {
            // The only data error is a bound, whose message ends in serde_json's own place.
            let position = Lines(text).position(Lines(text).offset(error.line(), error.column()));
            let message = without_place(&error);
            problems.add_at(
                Some(position),
                ProblemCode::TooLarge,
                message,
                Some(split_help()),
            );
            None
        }
        Err(error) => {
            let lines = Lines(text);
            let position = lines.position(lines.offset(error.line(), error.column()));
            problems.add_at(
                Some(position),
                ProblemCode::Syntax,
                format!("this is no JSON: {}", without_place(&error)),
                None,
            );
            None
        }
    }
}

/// A message of `serde_json` without " at line 1 column 2", which the position has.
fn without_place(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rfind(" at line ") {
        Some(end) => text[..end].to_owned(),
        None => text,
    }
}

/// What the values of one document share while they are read.
struct Reader<'a, 'p> {
    counts: Counts,
    problems: &'p Problems,
    /// The values so far of every list and table that isn't at its end yet, the
    /// innermost one's last: each then takes its own in one allocation of the right size.
    open_items: Vec<Node<'a>>,
    open_entries: Vec<Entry<'a>>,
}

impl<'p> Reader<'_, 'p> {
    fn new(problems: &'p Problems) -> Self {
        Self {
            counts: Counts::default(),
            problems,
            open_items: Vec::new(),
            open_entries: Vec::new(),
        }
    }

    /// Counts one more value of `bytes`.
    fn take<E: serde::de::Error>(&self, bytes: usize) -> Result<(), E> {
        check_memory(self.problems.memory.take(bytes)).map_err(E::custom)
    }
}

struct Seed<'r, 'k, 'a, 'p> {
    part: Part,
    parent: Part,
    depth: usize,
    path: Path<'k>,
    reader: &'r mut Reader<'a, 'p>,
}

impl<'de> DeserializeSeed<'de> for Seed<'_, '_, 'de, '_> {
    type Value = Node<'de>;

    fn deserialize<D: serde::Deserializer<'de>>(
        self,
        deserializer: D,
    ) -> Result<Node<'de>, D::Error> {
        self.reader
            .counts
            .add(self.parent, self.depth)
            .map_err(D::Error::custom)?;
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Seed<'_, '_, 'de, '_> {
    type Value = Node<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Node<'de>, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Node<'de>, E> {
        Ok(Node::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Node<'de>, E> {
        Ok(Node::Number(value.into()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Node<'de>, E> {
        Ok(Number::from_f64(value).map_or(Node::Null, Node::Number))
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Node<'de>, E> {
        Ok(Node::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Node<'de>, E> {
        check_memory(self.reader.problems.memory.take_text(text.len())).map_err(E::custom)?;
        Ok(Node::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Node<'de>, A::Error> {
        let first = self.reader.open_items.len();
        let part = if self.part == Part::Dags {
            Part::Dag
        } else {
            Part::Other
        };
        loop {
            let index = self.reader.open_items.len() - first;
            let seed = Seed {
                part,
                parent: self.part,
                depth: self.depth + 1,
                path: Path::Index(&self.path, index),
                reader: &mut *self.reader,
            };
            let Some(node) = access.next_element_seed(seed)? else {
                return Ok(Node::List(self.reader.open_items.drain(first..).collect()));
            };
            self.reader.take::<A::Error>(size_of::<Node<'_>>())?;
            if index == 0 {
                check_memory(self.reader.problems.memory.take_list(0, 0))
                    .map_err(A::Error::custom)?;
            }
            self.reader.open_items.push(node);
        }
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Node<'de>, A::Error> {
        let first = self.reader.open_entries.len();
        let mut seen = Keys::Few;
        while let Some(Key(key)) = access.next_key()? {
            let path = Path::Key(&self.path, &key);
            let entries = &self.reader.open_entries[first..];
            self.reader
                .take::<A::Error>(seen.entry_bytes(entries, &key))?;
            let is_new = seen.insert(entries, &key);
            if !is_new {
                let message = format!("the key {} occurs twice", quoted(&key));
                self.reader.problems.add(
                    At::SecondKey,
                    &path,
                    ProblemCode::DuplicateKey,
                    message,
                    Some("remove one of the two".into()),
                );
            }
            let seed = Seed {
                part: self.part.below(&key),
                parent: self.part,
                depth: self.depth + 1,
                path,
                reader: &mut *self.reader,
            };
            let node = access.next_value_seed(seed)?;
            if is_new {
                self.reader.open_entries.push((key, node));
            }
        }
        Ok(Node::Table(
            self.reader.open_entries.drain(first..).collect(),
        ))
    }
}

/// The keys of one table: compared one by one while they are few, hashed when they are many.
enum Keys<'a> {
    Few,
    Many(HashSet<Cow<'a, str>>),
}

/// From so many keys on, hashing is cheaper than comparing.
const MANY_KEYS: usize = 24;

impl<'a> Keys<'a> {
    /// What one more entry takes, with the place of its key among the hashed ones.
    #[expect(
        clippy::ptr_arg,
        reason = "what a key takes depends on whether it is owned"
    )]
    fn entry_bytes(&self, entries: &[Entry<'a>], key: &Cow<'a, str>) -> usize {
        const FIRST: usize = 24;
        /// A hash table doubles, and holds the old half while it does.
        const HASHED: usize = 3 * (size_of::<Cow<'_, str>>() + 1);
        let text = match key {
            Cow::Borrowed(_) => 0,
            // Once more where it is hashed.
            Cow::Owned(text) => 2 * (FIRST + text.len()),
        };
        let first = if entries.is_empty() { FIRST } else { 0 };
        let hashed = match self {
            Self::Few => 0,
            Self::Many(_) => HASHED,
        };
        size_of::<Entry<'_>>() + text + first + hashed
    }

    /// Remembers a key beside those of the entries before it; `false` if it is one of them.
    #[expect(
        clippy::ptr_arg,
        reason = "a key that borrows from the text is copied without its bytes"
    )]
    fn insert(&mut self, entries: &[Entry<'a>], key: &Cow<'a, str>) -> bool {
        match self {
            Self::Few if entries.len() + 1 < MANY_KEYS => {
                entries.iter().all(|(known, _)| known != key)
            }
            Self::Few => {
                let mut keys: HashSet<_> = entries.iter().map(|(known, _)| known.clone()).collect();
                let is_new = keys.insert(key.clone());
                *self = Self::Many(keys);
                is_new
            }
            Self::Many(keys) => keys.insert(key.clone()),
        }
    }
}

/// A key that borrows from the text where it holds no escapes.
struct Key<'a>(Cow<'a, str>);

impl<'de> serde::Deserialize<'de> for Key<'de> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct KeyVisitor;
        impl<'de> Visitor<'de> for KeyVisitor {
            type Value = Key<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a key")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Key<'de>, E> {
                Ok(Key(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(KeyVisitor)
    }
}
