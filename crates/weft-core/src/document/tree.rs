//! A document's text as a tree of values that borrows from it: what JSON and
//! TOML have in common, with the bounds on size, depth and count held while
//! it grows, and duplicate keys reported.
//!
//! The tree knows no field of the document but the ones that hold tasks,
//! which it counts.

use super::{
    Format, MAX_DAGS, MAX_DEPTH, MAX_READ_BYTES, MAX_TASKS, MAX_VALUES, ProblemCode, Source,
    collect::Problems,
    lines::Lines,
    path::{At, Path},
};
use serde::de::{DeserializeSeed, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use std::{borrow::Cow, collections::HashSet, fmt};
use toml::de::{DeTable, DeValue};

/// A field of a table.
pub(crate) type Entry<'a> = (Cow<'a, str>, Node<'a>);

/// A value with its parts, in the order of the text. Exactly as large as they
/// are: a document has many small tables, and spare capacity would cost more than they do.
#[derive(Debug, Clone, PartialEq, Hash)]
pub(crate) enum Node<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(Cow<'a, str>),
    /// A date or time of TOML; JSON has none.
    Date(Box<str>),
    List(Box<[Node<'a>]>),
    Table(Box<[Entry<'a>]>),
}

impl Node<'_> {
    /// The type as messages call it.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Number(number) if number.is_f64() => "a number",
            Self::Number(_) => "an integer",
            Self::Text(_) => "a text",
            Self::Date(_) => "a date",
            Self::List(_) => "a list",
            Self::Table(_) => "a table",
        }
    }

    /// The value as JSON; a date becomes its text.
    pub(crate) fn to_value(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(number) => Value::Number(number.clone()),
            Self::Text(text) => Value::String(text.clone().into_owned()),
            Self::Date(text) => Value::String(text.clone().into()),
            Self::List(items) => Value::Array(items.iter().map(Node::to_value).collect()),
            Self::Table(entries) => Value::Object(
                entries
                    .iter()
                    .map(|(key, node)| (key.clone().into_owned(), node.to_value()))
                    .collect::<Map<_, _>>(),
            ),
        }
    }

    /// Whether [`Self::to_value`] would give this value.
    pub(crate) fn is_value(&self, value: &Value) -> bool {
        match (self, value) {
            (Self::Null, Value::Null) => true,
            (Self::Bool(this), Value::Bool(that)) => this == that,
            (Self::Number(this), Value::Number(that)) => this == that,
            (Self::Text(this), Value::String(that)) => this == that,
            (Self::Date(this), Value::String(that)) => **this == **that,
            (Self::List(this), Value::Array(that)) => {
                this.len() == that.len() && this.iter().zip(that).all(|(a, b)| a.is_value(b))
            }
            (Self::Table(this), Value::Object(that)) => {
                this.len() == that.len()
                    && this
                        .iter()
                        .all(|(key, node)| that.get(&**key).is_some_and(|v| node.is_value(v)))
            }
            (
                Self::Null
                | Self::Bool(_)
                | Self::Number(_)
                | Self::Text(_)
                | Self::Date(_)
                | Self::List(_)
                | Self::Table(_),
                _,
            ) => false,
        }
    }
}

/// Reads the text; `None` if it couldn't be read to its end, with the reason among the problems.
pub(crate) fn read<'a>(source: Source<'a>, problems: &Problems) -> Option<Node<'a>> {
    match source.format {
        Format::Json => read_json(source.text, problems),
        Format::Toml => read_toml(source.text, problems),
    }
}

/// Which part of the document a value is, as far as counting needs to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Root,
    Dags,
    Dag,
    Tasks,
    Other,
}

impl Part {
    fn below(self, key: &str) -> Self {
        match (self, key) {
            (Self::Root, "dags") => Self::Dags,
            (Self::Root | Self::Dag, "tasks") => Self::Tasks,
            (Self::Root | Self::Dags | Self::Dag | Self::Tasks | Self::Other, _) => Self::Other,
        }
    }
}

#[derive(Debug, Default)]
struct Counts {
    values: usize,
    tasks: usize,
    dags: usize,
}

impl Counts {
    /// Counts one value below `part`, or says which bound it breaks.
    fn add(&mut self, parent: Part, depth: usize) -> Result<(), String> {
        let bound = |count: usize, most: usize, what: &str| {
            if count > most {
                Err(format!("the document has more than {most} {what}"))
            } else {
                Ok(())
            }
        };
        self.values += 1;
        match parent {
            Part::Tasks => self.tasks += 1,
            Part::Dags => self.dags += 1,
            Part::Root | Part::Dag | Part::Other => {}
        }
        bound(self.values, MAX_VALUES, "values")?;
        bound(self.tasks, MAX_TASKS, "tasks")?;
        bound(self.dags, MAX_DAGS, "DAGs")?;
        bound(depth, MAX_DEPTH, "levels of nesting")
    }
}

fn read_json<'a>(text: &'a str, problems: &Problems) -> Option<Node<'a>> {
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

/// Says that the document takes more memory than it may.
pub(crate) fn too_large(problems: &Problems) {
    problems.add_at(
        None,
        ProblemCode::TooLarge,
        too_much_memory(),
        Some(split_help()),
    );
}

fn too_much_memory() -> String {
    format!(
        "the document takes more than {} MiB of memory to read",
        MAX_READ_BYTES >> 20
    )
}

fn split_help() -> String {
    "split it into several DAGs or documents, or map one task over a list with `expand`".into()
}

/// A message of `serde_json` without " at line 1 column 2", which the position says.
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
                let message = format!("the key {} stands twice", super::path::quoted(&key));
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

/// An error if the document's memory is used up.
fn check_memory(is_left: bool) -> Result<(), String> {
    if is_left {
        Ok(())
    } else {
        Err(too_much_memory())
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

fn read_toml<'a>(text: &'a str, problems: &Problems) -> Option<Node<'a>> {
    let (table, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let lines = Lines(text);
        for error in errors {
            let position = error.span().map(|span| lines.position(span.start));
            let (code, help) = if error.message().contains("duplicate key") {
                (
                    ProblemCode::DuplicateKey,
                    Some("remove one of the two".into()),
                )
            } else {
                (ProblemCode::Syntax, None)
            };
            problems.add_at(
                position,
                code,
                format!("this is no TOML: {}", error.message()),
                help,
            );
        }
        return None;
    }
    let mut counts = Counts::default();
    let converted = from_toml(
        DeValue::Table(table.into_inner()),
        &mut Walk {
            counts: &mut counts,
            problems,
        },
        Part::Root,
        Part::Other,
        0,
        &Path::Root,
    );
    match converted {
        Ok(node) => Some(node),
        Err(message) => {
            problems.add_at(None, ProblemCode::TooLarge, message, Some(split_help()));
            None
        }
    }
}

/// What the parser of TOML took for a value before, its entry in the tree included.
const TOML_VALUE_BYTES: usize = 400;

struct Walk<'s> {
    counts: &'s mut Counts,
    problems: &'s Problems,
}

/// The depth of the recursion is bounded by [`MAX_DEPTH`] here and by the parser before.
fn from_toml<'a>(
    value: DeValue<'a>,
    walk: &mut Walk<'_>,
    part: Part,
    parent: Part,
    depth: usize,
    path: &Path<'_>,
) -> Result<Node<'a>, String> {
    walk.counts.add(parent, depth)?;
    check_memory(walk.problems.memory.take(TOML_VALUE_BYTES))?;
    Ok(match value {
        DeValue::String(text) => Node::Text(text),
        DeValue::Boolean(value) => Node::Bool(value),
        DeValue::Datetime(date) => Node::Date(date.to_string().into()),
        DeValue::Integer(digits) => match i64::from_str_radix(digits.as_str(), digits.radix()) {
            Ok(number) => Node::Number(number.into()),
            Err(_beyond_i64) => match u64::from_str_radix(digits.as_str(), digits.radix()) {
                Ok(number) => Node::Number(number.into()),
                Err(_beyond_u64) => {
                    walk.problems.add(
                        At::Value,
                        path,
                        ProblemCode::InvalidValue,
                        "the number is too large",
                        None,
                    );
                    Node::Null
                }
            },
        },
        DeValue::Float(digits) => {
            let number = digits.as_str().parse().ok().and_then(Number::from_f64);
            if number.is_none() {
                let message = format!("{} has no counterpart in JSON", digits.as_str());
                walk.problems
                    .add(At::Value, path, ProblemCode::InvalidValue, message, None);
            }
            number.map_or(Node::Null, Node::Number)
        }
        DeValue::Array(items) => {
            let below = if part == Part::Dags {
                Part::Dag
            } else {
                Part::Other
            };
            let items = items.into_iter().enumerate().map(|(index, item)| {
                from_toml(
                    item.into_inner(),
                    walk,
                    below,
                    part,
                    depth + 1,
                    &Path::Index(path, index),
                )
            });
            Node::List(items.collect::<Result<_, _>>()?)
        }
        DeValue::Table(table) => {
            let entries = table.into_iter().map(|(key, value)| {
                let key = key.into_inner();
                let node = from_toml(
                    value.into_inner(),
                    walk,
                    part.below(&key),
                    part,
                    depth + 1,
                    &Path::Key(path, &key),
                )?;
                Ok((key, node))
            });
            Node::Table(entries.collect::<Result<_, String>>()?)
        }
    })
}
