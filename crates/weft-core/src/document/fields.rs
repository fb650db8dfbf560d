//! Reads the fields of one table of the tree: each with its type, problems
//! with their paths, unknown keys with the nearest known one.
//!
//! A value of the wrong type is reported and then treated as absent, so that
//! reading goes on and finds the other problems.

use super::{
    ProblemCode,
    collect::Problems,
    path::{At, Path, quoted},
    tree::{Entry, Node},
};
use crate::time::DurationMs;

/// A table whose keys have been checked.
pub(crate) struct Fields<'n> {
    entries: &'n [Entry<'n>],
    pub(crate) path: &'n Path<'n>,
    keys: &'static [&'static str],
    pub(crate) problems: &'n Problems,
}

/// The entries of a table whose keys are the author's own.
pub(crate) type Entries<'n> = &'n [Entry<'n>];

/// The known name that is closest to a misspelt text.
pub(crate) fn nearest<'k>(text: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    // A long text is no typing error of a short name, and comparing costs the product of both lengths.
    if text.len() > 300 {
        return None;
    }
    let score = |name: &str| {
        let folded = |text: &str| text.replace('-', "_").to_lowercase();
        strsim::damerau_levenshtein(&folded(text), &folded(name))
    };
    let allowed = (text.chars().count() / 3).max(1);
    known
        .into_iter()
        .map(|name| (score(name), name))
        .filter(|(score, _)| *score <= allowed)
        .min()
        .map(|(_, name)| name)
}

/// "did you mean `x`?" where something is near.
pub(crate) fn did_you_mean<'k>(
    text: &str,
    known: impl IntoIterator<Item = &'k str>,
) -> Option<String> {
    nearest(text, known).map(|name| format!("did you mean `{name}`?"))
}

pub(crate) fn wrong_type(problems: &Problems, path: &Path<'_>, expected: &str, found: &Node<'_>) {
    let shown = match found {
        Node::Text(text) if text.len() <= 60 => format!("the text {}", quoted(text)),
        Node::Number(number) => format!("the number {number}"),
        Node::Bool(value) => value.to_string(),
        Node::Null | Node::Text(_) | Node::Date(_) | Node::List(_) | Node::Table(_) => {
            found.kind().to_owned()
        }
    };
    problems.add(
        At::Value,
        path,
        ProblemCode::WrongType,
        format!("this must be {expected}, not {shown}"),
        None,
    );
}

/// The entries of a table; anything else is reported.
pub(crate) fn entries<'n>(
    node: &'n Node<'n>,
    path: &Path<'_>,
    problems: &Problems,
    expected: &str,
) -> Option<Entries<'n>> {
    if let Node::Table(entries) = node {
        Some(entries)
    } else {
        wrong_type(problems, path, expected, node);
        None
    }
}

impl<'n> Fields<'n> {
    /// Opens a table and reports the keys that aren't among `keys`.
    pub(crate) fn open(
        node: &'n Node<'n>,
        path: &'n Path<'n>,
        keys: &'static [&'static str],
        problems: &'n Problems,
        expected: &str,
    ) -> Option<Self> {
        let entries = entries(node, path, problems, expected)?;
        for (key, _) in entries {
            if !keys.contains(&&**key) {
                // Finding the closest name takes longer than reading the field did.
                let help = if problems.has_enough() {
                    String::new()
                } else {
                    did_you_mean(key, keys.iter().copied()).unwrap_or_else(|| {
                    format!("it needs a newer Weft than this one ({}), or doesn't belong here; known are {}", env!("CARGO_PKG_VERSION"), keys.join(", "))
                })
                };
                problems.add(
                    At::Key,
                    &Path::Key(path, key),
                    ProblemCode::UnknownField,
                    format!("there is no field {}", quoted(key)),
                    Some(help),
                );
            }
        }
        Some(Self {
            entries,
            path,
            keys,
            problems,
        })
    }

    /// The value of a field; one that is null counts as absent.
    pub(crate) fn get(&self, key: &'static str) -> Option<&'n Node<'n>> {
        debug_assert!(self.keys.contains(&key), "{key} is read but not known");
        self.entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, node)| node)
            .filter(|node| **node != Node::Null)
    }

    /// The value of a field even if it is null.
    pub(crate) fn get_any(&self, key: &'static str) -> Option<&'n Node<'n>> {
        self.entries
            .iter()
            .find(|(name, _)| name == key)
            .map(|(_, node)| node)
    }

    /// Whether the table may have a field.
    pub(crate) fn knows(&self, key: &str) -> bool {
        self.keys.contains(&key)
    }

    pub(crate) fn has(&self, key: &'static str) -> bool {
        self.get(key).is_some()
    }

    /// Reports a problem about a field's value.
    pub(crate) fn problem(
        &self,
        key: &str,
        code: ProblemCode,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.problems
            .add(At::Value, &Path::Key(self.path, key), code, message, help);
    }

    /// Reports a problem about the table as a whole.
    pub(crate) fn problem_here(
        &self,
        code: ProblemCode,
        message: impl Into<String>,
        help: Option<String>,
    ) {
        self.problems.add(At::Key, self.path, code, message, help);
    }

    fn wrong(&self, key: &str, expected: &str, node: &Node<'_>) {
        wrong_type(self.problems, &Path::Key(self.path, key), expected, node);
    }

    pub(crate) fn text(&self, key: &'static str) -> Option<&'n str> {
        match self.get(key)? {
            Node::Text(text) => Some(text),
            other => {
                self.wrong(key, "a text", other);
                None
            }
        }
    }

    pub(crate) fn owned(&self, key: &'static str) -> Option<String> {
        self.text(key).map(str::to_owned)
    }

    /// A text that names something: not empty, of one line, of bounded length.
    pub(crate) fn name(&self, key: &'static str) -> Option<String> {
        let text = self.text(key)?;
        match check_name(text) {
            Ok(()) => Some(text.to_owned()),
            Err(why) => {
                self.problem(key, ProblemCode::InvalidValue, why, None);
                None
            }
        }
    }

    pub(crate) fn flag(&self, key: &'static str) -> Option<bool> {
        match self.get(key)? {
            Node::Bool(value) => Some(*value),
            other => {
                self.wrong(key, "true or false", other);
                None
            }
        }
    }

    /// A whole number within bounds.
    pub(crate) fn count(&self, key: &'static str, least: u32, most: u32) -> Option<u32> {
        let node = self.get(key)?;
        let number = match node {
            Node::Number(number) if !number.is_f64() => number,
            other => {
                self.wrong(key, "a whole number", other);
                return None;
            }
        };
        let count = number
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
            .filter(|number| (least..=most).contains(number));
        if count.is_none() {
            self.problem(
                key,
                ProblemCode::InvalidValue,
                format!("this must be between {least} and {most}, not {number}"),
                None,
            );
        }
        count
    }

    pub(crate) fn integer(&self, key: &'static str) -> Option<i32> {
        let node = self.get(key)?;
        let number = match node {
            Node::Number(number) if !number.is_f64() => number
                .as_i64()
                .and_then(|number| i32::try_from(number).ok()),
            other => {
                self.wrong(key, "a whole number", other);
                return None;
            }
        };
        if number.is_none() {
            self.problem(
                key,
                ProblemCode::InvalidValue,
                format!("this must be between {} and {}", i32::MIN, i32::MAX),
                None,
            );
        }
        number
    }

    /// A number within bounds.
    pub(crate) fn number(&self, key: &'static str, least: f64, most: f64) -> Option<f64> {
        let number = match self.get(key)? {
            Node::Number(number) => number.as_f64()?,
            other => {
                self.wrong(key, "a number", other);
                return None;
            }
        };
        if (least..=most).contains(&number) {
            Some(number)
        } else {
            self.problem(
                key,
                ProblemCode::InvalidValue,
                format!("this must be between {least} and {most}, not {number}"),
                None,
            );
            None
        }
    }

    /// A span of time: a text such as "1h30m", or a number of seconds.
    pub(crate) fn span(&self, key: &'static str) -> Option<DurationMs> {
        let node = self.get(key)?;
        match read_span(node) {
            Ok(span) => Some(span),
            Err(Unread::Type) => {
                self.wrong(
                    key,
                    "a duration, such as \"30s\" or a number of seconds",
                    node,
                );
                None
            }
            Err(Unread::Value(why)) => {
                self.problem(
                    key,
                    ProblemCode::InvalidValue,
                    why,
                    Some("write it as \"30s\", \"5m\" or \"1h30m\"".into()),
                );
                None
            }
        }
    }

    /// A span of time that isn't empty.
    pub(crate) fn timeout(&self, key: &'static str) -> Option<DurationMs> {
        let span = self.span(key)?;
        if span.0 == 0 {
            let help = "leave it out for the installation's default".to_owned();
            self.problem(
                key,
                ProblemCode::InvalidValue,
                "a span of zero would end everything before it starts",
                Some(help),
            );
            return None;
        }
        Some(span)
    }

    /// A size: a text such as "256MiB", or a number of bytes; not zero.
    pub(crate) fn size(&self, key: &'static str) -> Option<u64> {
        let node = self.get(key)?;
        match read_size(node) {
            Ok(0) => {
                self.problem(
                    key,
                    ProblemCode::InvalidValue,
                    "a size of zero leaves nothing to work with",
                    None,
                );
                None
            }
            Ok(bytes) => Some(bytes),
            Err(Unread::Type) => {
                self.wrong(key, "a size, such as \"256MiB\" or a number of bytes", node);
                None
            }
            Err(Unread::Value(why)) => {
                self.problem(
                    key,
                    ProblemCode::InvalidValue,
                    why,
                    Some("write it as \"512KiB\", \"256MiB\" or \"1GiB\"".into()),
                );
                None
            }
        }
    }

    /// The items of a list, each with its path's position.
    pub(crate) fn list(&self, key: &'static str, expected: &str) -> &'n [Node<'n>] {
        match self.get(key) {
            None => &[],
            Some(Node::List(items)) => items,
            Some(other) => {
                self.wrong(key, expected, other);
                &[]
            }
        }
    }

    /// A list of texts.
    pub(crate) fn texts(&self, key: &'static str) -> Vec<(usize, &'n str)> {
        let mut texts = Vec::new();
        let taken = |text: &str| self.problems.memory.take_text(text.len() + TEXT_ITEM_BYTES);
        for (index, item) in self.list(key, "a list of texts").iter().enumerate() {
            match item {
                Node::Text(text) if taken(text) => texts.push((index, &**text)),
                Node::Text(_) => return Vec::new(),
                other => wrong_type(
                    self.problems,
                    &Path::Index(&Path::Key(self.path, key), index),
                    "a text",
                    other,
                ),
            }
        }
        texts
    }

    /// A list of names, each once.
    pub(crate) fn names(&self, key: &'static str) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut seen = std::collections::HashSet::new();
        for (index, text) in self.texts(key) {
            let list = Path::Key(self.path, key);
            let path = Path::Index(&list, index);
            if let Err(why) = check_name(text) {
                self.problems
                    .add(At::Value, &path, ProblemCode::InvalidValue, why, None);
            } else if seen.insert(text) {
                names.push(text.to_owned());
            } else {
                let message = format!("{} occurs twice", quoted(text));
                self.problems.add(
                    At::Value,
                    &path,
                    ProblemCode::Duplicate,
                    message,
                    Some("remove one of the two".into()),
                );
            }
        }
        names
    }

    /// The entries of a table whose keys are the author's.
    pub(crate) fn table(&self, key: &'static str, expected: &str) -> Entries<'n> {
        match self.get(key) {
            None => &[],
            Some(node) => entries(node, &Path::Key(self.path, key), self.problems, expected)
                .unwrap_or_default(),
        }
    }
}

/// What an item of a list of texts takes besides, while it is read.
const TEXT_ITEM_BYTES: usize = size_of::<(usize, &str)>();

/// The longest name of a queue, pool, variable, connection, tag, parameter or file, in bytes.
pub(crate) const MAX_NAME_BYTES: usize = 250;

pub(crate) fn check_name(text: &str) -> Result<(), String> {
    if text.is_empty() {
        return Err("a name can't be empty".into());
    }
    if text.len() > MAX_NAME_BYTES {
        return Err(format!(
            "a name has at most {MAX_NAME_BYTES} bytes, this one has {}",
            text.len()
        ));
    }
    if text.trim() != text || text.chars().any(char::is_control) {
        return Err(format!(
            "the name {} begins or ends with a blank, or holds a control character",
            quoted(text)
        ));
    }
    Ok(())
}

/// Why an amount couldn't be read.
pub(crate) enum Unread {
    Type,
    Value(String),
}

/// A text such as "1h30m", or a number of seconds.
pub(crate) fn read_span(node: &Node<'_>) -> Result<DurationMs, Unread> {
    match node {
        Node::Text(text) => text
            .parse()
            .map_err(|error: crate::time::TimeError| Unread::Value(error.to_string())),
        Node::Number(number) => {
            let beyond = || Unread::Value(format!("{number} seconds is no span of time"));
            if let Some(seconds) = number.as_u64() {
                return seconds
                    .checked_mul(1_000)
                    .map(DurationMs)
                    .ok_or_else(beyond);
            }
            let seconds = number.as_f64().ok_or_else(beyond)?;
            let span = std::time::Duration::try_from_secs_f64(seconds)
                .map_err(|_negative_or_huge| beyond())?;
            u64::try_from(span.as_millis())
                .map(DurationMs)
                .map_err(|_huge| beyond())
        }
        Node::Null | Node::Bool(_) | Node::Date(_) | Node::List(_) | Node::Table(_) => {
            Err(Unread::Type)
        }
    }
}

/// A text such as "256MiB", or a number of bytes.
pub(crate) fn read_size(node: &Node<'_>) -> Result<u64, Unread> {
    match node {
        Node::Text(text) => text
            .parse::<bytesize::ByteSize>()
            .map(|size| size.0)
            .map_err(|error| Unread::Value(format!("{} is no size: {error}", quoted(text)))),
        Node::Number(number) => number
            .as_u64()
            .ok_or_else(|| Unread::Value(format!("{number} is no number of bytes"))),
        Node::Null | Node::Bool(_) | Node::Date(_) | Node::List(_) | Node::Table(_) => {
            Err(Unread::Type)
        }
    }
}
