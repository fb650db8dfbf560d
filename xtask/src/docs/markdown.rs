//! References in a Markdown file: links, code spans and anchors. Fenced blocks are skipped.

/// A link or a code span, with its line.
pub(super) struct Reference {
    /// Counted from one.
    pub(super) line: usize,
    /// The link's target, or the span's text.
    pub(super) text: String,
}

/// The parts of a file that are checked.
#[derive(Default)]
pub(super) struct Markdown {
    pub(super) links: Vec<Reference>,
    pub(super) spans: Vec<Reference>,
    pub(super) anchors: Vec<String>,
}

impl Markdown {
    /// Reads a file.
    pub(super) fn parse(text: &str) -> Self {
        let mut found = Self::default();
        let mut fence = None;
        for (number, line) in text.lines().enumerate() {
            let start = line.trim_start();
            let marker = ["```", "~~~"]
                .into_iter()
                .find(|mark| start.starts_with(mark));
            match (fence, marker) {
                (None, Some(mark)) => fence = Some(mark),
                (Some(open), Some(mark)) if open == mark => fence = None,
                (Some(_), _) => {}
                (None, None) => found.line(number + 1, line),
            }
        }
        found
    }

    fn line(&mut self, number: usize, line: &str) {
        if line.starts_with('#') {
            let anchor = anchor(line.trim_start_matches('#').trim());
            let earlier = self
                .anchors
                .iter()
                .filter(|known| **known == anchor)
                .count();
            self.anchors.push(if earlier == 0 {
                anchor
            } else {
                format!("{anchor}_{earlier}")
            });
        }
        let reference = |text: &str| Reference {
            line: number,
            text: text.to_owned(),
        };
        // Every second part is between backticks, and contains no links.
        let mut outside = String::new();
        for (at, part) in line.split('`').enumerate() {
            if at % 2 == 1 {
                self.spans.push(reference(part));
            } else {
                outside.push_str(part);
            }
        }
        let mut rest = &*outside;
        while let Some((_, after)) = rest.split_once("](") {
            let Some((target, behind)) = after.split_once(')') else {
                break;
            };
            self.links.push(reference(target));
            rest = behind;
        }
    }
}

/// As Python's Markdown, which the site uses, names a heading.
fn anchor(heading: &str) -> String {
    let kept: String = heading
        .to_lowercase()
        .chars()
        .filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter))
        .collect();
    let words: Vec<&str> = kept
        .split([' ', '-'])
        .filter(|word| !word.is_empty())
        .collect();
    words.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_and_spans_outside_of_fences_are_found() {
        let text =
            "# A `b` title?\n[x](a.md) and [y](b.md#c) `src/d.rs` `[e](f)`\n```\n[z](no.md)\n```\n";
        let found = Markdown::parse(text);
        let links: Vec<_> = found
            .links
            .iter()
            .map(|link| (link.line, &*link.text))
            .collect();
        assert_eq!(links, [(2, "a.md"), (2, "b.md#c")]);
        assert_eq!(found.spans[1].text, "src/d.rs");
        assert_eq!(found.anchors, ["a-b-title"]);
    }
}
