//! Bounds on the work of comparing types.

/// The most comparisons for one document.
const MAX_STEPS: u32 = 20_000_000;
/// The most comparisons for one edge.
pub(super) const MAX_EDGE_STEPS: u32 = 20_000;
/// The deepest comparison, which bounds the stack.
pub(super) const MAX_LEVELS: u32 = 100;

/// The comparisons that a document may still cause.
#[derive(Debug)]
pub(crate) struct Budget {
    pub(super) left: u32,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: MAX_STEPS }
    }
}
