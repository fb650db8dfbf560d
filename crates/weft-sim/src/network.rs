//! A network that delays, doubles and reorders, but loses nothing: what is
//! lost for good is a worker, whose lease then expires.

use crate::coverage::Coverage;
use fastrand::Rng;

/// Messages on their way.
#[derive(Debug, Clone)]
pub struct Network<M> {
    waiting: Vec<M>,
    /// In how many of 100 cases a delivered message arrives once more.
    doubling: u32,
}

impl<M: Clone> Network<M> {
    /// An empty one.
    pub fn new(rng: &mut Rng) -> Self {
        Self {
            waiting: Vec::new(),
            doubling: rng.u32(0..30),
        }
    }

    /// Sends a message.
    pub fn send(&mut self, message: M) {
        self.waiting.push(message);
    }

    /// Whether nothing is on its way.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Delivers any of the messages, and may keep a copy to deliver again.
    pub fn deliver(&mut self, rng: &mut Rng, coverage: &mut Coverage) -> Option<M> {
        if self.waiting.is_empty() {
            return None;
        }
        let at = rng.usize(0..self.waiting.len());
        if at > 0 {
            coverage.add("fault: message overtaken");
        }
        if rng.u32(0..100) < self.doubling {
            coverage.add("fault: message doubled");
            return Some(self.waiting[at].clone());
        }
        Some(self.waiting.swap_remove(at))
    }
}
