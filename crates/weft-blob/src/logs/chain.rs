//! An attempt's chunks so far: enough of them to link the next one.
//!
//! Each chunk links the one before and one further back, chosen so that any
//! chunk is reached in a logarithmic number of steps: E. W. Myers, "An
//! applicative random-access stack" (1983). What is kept here is that stack's
//! spine, which is logarithmic as well.

use super::{LogPointer, chunk::Link};

/// The spine, the newest chunk last.
#[derive(Debug, Clone, Default)]
pub(super) struct Chain {
    /// How many chunks each covers, itself included.
    trees: Vec<(u64, Link)>,
}

impl Chain {
    /// The newest chunk.
    pub(super) fn last(&self) -> Option<LogPointer> {
        self.trees.last().map(|(_weight, link)| link.at)
    }

    /// What the next chunk is to link: the one before, and one further back.
    pub(super) fn links(&self) -> (Option<Link>, Option<Link>) {
        let before = self.trees.last().map(|(_weight, link)| *link);
        let further = if self.merges() {
            self.trees.len().checked_sub(3).map(|at| self.trees[at].1)
        } else {
            before
        };
        (before, further)
    }

    /// The next chunk.
    pub(super) fn push(&mut self, link: Link) {
        let mut weight = 1;
        if self.merges() {
            for (merged, _link) in self.trees.drain(self.trees.len() - 2..) {
                weight += merged;
            }
        }
        self.trees.push((weight, link));
    }

    fn merges(&self) -> bool {
        matches!(self.trees.as_slice(), [.., (older, _), (newer, _)] if older == newer)
    }
}
