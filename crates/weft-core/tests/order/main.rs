//! The fair order of dispatch: bounds, shares, turns, and what it says about them.

mod fairness;
mod model;
mod properties;
mod reasons;
