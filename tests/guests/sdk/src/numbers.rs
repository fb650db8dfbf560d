//! Tasks that compute, in a module of their own.

use weft::prelude::*;

#[task(deterministic)]
pub fn range(count: u64) -> Vec<u64> {
    (0..count).collect()
}

#[task]
pub fn halve(n: u64) -> Result<u64> {
    if n % 2 == 1 { skip("odd") } else { Ok(n / 2) }
}

#[task]
pub fn add(n: u64, more: u64) -> u64 {
    n + more
}

#[task]
pub fn total(numbers: &[u64]) -> u64 {
    numbers.iter().sum()
}

#[task]
pub fn fib(n: u32) -> u64 {
    if n < 2 {
        u64::from(n)
    } else {
        fib(n - 1) + fib(n - 2)
    }
}
