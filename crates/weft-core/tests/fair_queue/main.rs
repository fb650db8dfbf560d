//! The fair queue: bounds, shares, order, and what blocks work.

mod blocked;
mod fairness;
mod held;
mod model;
mod occupancy;
mod properties;
