//! The parts of a source file that are searched: identifiers, comments and strings.
//!
//! One scanner serves all languages, since only their comments and quotes matter. It need not
//! understand every literal: a quote that its line does not close ends there.

/// A language, as far as comments and quotes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Rust,
    /// JavaScript and TypeScript.
    Script,
    Go,
    C,
    Python,
    Lua,
    Markdown,
}

/// A part of a file: code between literals, a comment, or a string between its escapes.
#[derive(Debug)]
pub(super) struct Text<'t> {
    /// The line that it begins on, counted from 1.
    pub(super) line: usize,
    pub(super) text: &'t str,
}

impl Language {
    /// The language of a file, by its name.
    pub(super) fn of(path: &str) -> Option<Self> {
        Some(match path.rsplit_once('.')?.1 {
            "rs" => Self::Rust,
            "ts" | "js" | "mjs" => Self::Script,
            "go" => Self::Go,
            "c" | "h" => Self::C,
            "py" => Self::Python,
            "lua" => Self::Lua,
            "md" => Self::Markdown,
            _ => return None,
        })
    }

    fn line_comment(self) -> &'static str {
        match self {
            Self::Python => "#",
            Self::Lua => "--",
            _ => "//",
        }
    }

    fn block_comment(self) -> Option<(&'static str, &'static str)> {
        match self {
            Self::Python => None,
            Self::Lua => Some(("--[[", "]]")),
            _ => Some(("/*", "*/")),
        }
    }

    /// Whether a quote of this kind may span lines.
    fn spans_lines(self, quote: u8) -> bool {
        quote == b'`' || (self == Self::Rust && quote == b'"')
    }
}

/// The parts of a file that are searched, in order.
pub(super) fn texts(language: Language, text: &str) -> Vec<Text<'_>> {
    if language == Language::Markdown {
        return prose(text);
    }
    Scanner {
        language,
        text,
        found: Vec::new(),
    }
    .scan()
}

/// Lines outside of fenced blocks.
fn prose(text: &str) -> Vec<Text<'_>> {
    let mut fenced = false;
    let mut found = Vec::new();
    for (index, text) in text.lines().enumerate() {
        if text.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            found.push(Text {
                line: index + 1,
                text,
            });
        }
    }
    found
}

struct Scanner<'t> {
    language: Language,
    text: &'t str,
    found: Vec<Text<'t>>,
}

impl<'t> Scanner<'t> {
    fn scan(mut self) -> Vec<Text<'t>> {
        let (mut at, mut code, mut line) = (0, 0, 1);
        while at < self.text.len() {
            let literal = self.literal(at);
            if literal == 0 {
                at += 1;
                continue;
            }
            self.push(code, at, &mut line);
            if self.is_comment(at) {
                self.push(at, at + literal, &mut line);
            } else {
                self.push_string(at, at + literal, &mut line);
            }
            at += literal;
            code = at;
        }
        self.push(code, at, &mut line);
        self.found
    }

    fn push(&mut self, from: usize, to: usize, line: &mut usize) {
        let text = &self.text[from..to];
        if !text.trim().is_empty() {
            self.found.push(Text { line: *line, text });
        }
        *line += newlines(text.as_bytes());
    }

    /// The parts between escapes: the `n` of `\n` belongs to no word.
    fn push_string(&mut self, from: usize, to: usize, line: &mut usize) {
        let text = self.text;
        let mut start = from;
        for (offset, _backslash) in text[from..to].match_indices('\\') {
            let at = from + offset;
            if at < start {
                continue;
            }
            self.push(start, at, line);
            let escaped = text[at + 1..to].chars().next();
            *line += usize::from(escaped == Some('\n'));
            start = at + 1 + escaped.map_or(0, char::len_utf8);
        }
        self.push(start, to, line);
    }

    fn is_comment(&self, at: usize) -> bool {
        let rest = &self.text.as_bytes()[at..];
        let begins = |with: &str| rest.starts_with(with.as_bytes());
        begins(self.language.line_comment())
            || self
                .language
                .block_comment()
                .is_some_and(|(open, _close)| begins(open))
    }

    /// The length of the comment or string that begins here; 0 where none does.
    fn literal(&self, at: usize) -> usize {
        let bytes = self.text.as_bytes();
        let rest = &bytes[at..];
        if let Some((open, close)) = self.language.block_comment()
            && rest.starts_with(open.as_bytes())
        {
            return until(rest, open.len(), close.as_bytes());
        }
        if rest.starts_with(self.language.line_comment().as_bytes()) {
            return rest
                .iter()
                .position(|byte| *byte == b'\n')
                .unwrap_or(rest.len());
        }
        match rest[0] {
            b'"' | b'\''
                if self.language == Language::Python && rest[1..].starts_with(&[rest[0]; 2]) =>
            {
                until(rest, 3, &[rest[0]; 3])
            }
            b'\'' if self.language == Language::Rust => character(rest),
            b'"' | b'\'' => self.string(rest),
            b'`' if matches!(self.language, Language::Script | Language::Go) => self.string(rest),
            b'r' if self.language == Language::Rust && !continues_a_name(bytes, at) => raw(rest),
            _ => 0,
        }
    }

    fn string(&self, rest: &[u8]) -> usize {
        let quote = rest[0];
        let raw = self.language == Language::Go && quote == b'`';
        let mut at = 1;
        while at < rest.len() {
            match rest[at] {
                b'\\' if !raw => at += 1,
                b'\n' if !self.language.spans_lines(quote) => return at,
                byte if byte == quote => return at + 1,
                _ => {}
            }
            at += 1;
        }
        rest.len()
    }
}

/// A character of Rust; a lifetime is none.
fn character(rest: &[u8]) -> usize {
    const LONGEST: usize = "'\\u{10ffff}'".len();
    let escaped = rest.get(1) == Some(&b'\\');
    let from = if escaped { 3 } else { 2 };
    let longest = if escaped { LONGEST } else { 6 };
    let close = rest
        .iter()
        .take(longest)
        .skip(from)
        .position(|byte| *byte == b'\'');
    close
        .map(|close| from + close + 1)
        .filter(|length| {
            escaped
                || std::str::from_utf8(&rest[1..length - 1])
                    .is_ok_and(|text| text.chars().count() == 1)
        })
        .unwrap_or(0)
}

/// A raw string of Rust.
fn raw(rest: &[u8]) -> usize {
    let hashes = rest[1..].iter().take_while(|byte| **byte == b'#').count();
    if rest.get(1 + hashes) != Some(&b'"') {
        return 0;
    }
    let close = [&b"\""[..], &b"#".repeat(hashes)].concat();
    until(rest, hashes + 2, &close)
}

/// Whether the byte before is a part of the same name; a `b` alone makes bytes of the string.
fn continues_a_name(bytes: &[u8], at: usize) -> bool {
    let is_name = |at: usize| bytes[at].is_ascii_alphanumeric() || bytes[at] == b'_';
    at > 0 && is_name(at - 1) && !(bytes[at - 1] == b'b' && (at == 1 || !is_name(at - 2)))
}

fn until(rest: &[u8], from: usize, close: &[u8]) -> usize {
    rest.get(from..)
        .and_then(|rest| rest.windows(close.len()).position(|window| window == close))
        .map_or(rest.len(), |position| from + position + close.len())
}

fn newlines(bytes: &[u8]) -> usize {
    #[expect(
        clippy::naive_bytecount,
        reason = "files are small, and bytecount is a dependency"
    )]
    bytes.iter().filter(|byte| **byte == b'\n').count()
}
