//! A task that polls a URL once a minute, with the SDK's sensor.
//!
//! The bench's manifest grants the URL's address, so that nothing here needs to know it.

use std::time::Duration;
use weft::{
    http,
    prelude::*,
    sensors::{Every, http_ready},
};

/// The numbers from nothing on.
#[task]
fn numbers(count: u64) -> Vec<u64> {
    (0..count).collect()
}

/// Waits until the server has the object of this number.
#[task]
fn poll(ctx: Context, url: String, n: u64) -> Result<()> {
    let every = Every::new(Duration::from_secs(60));
    http_ready(&ctx, http::get(format!("{url}/{n}")), every)
}

/// So that the component describes something of its own.
#[dag]
fn sensors(url: Param<String>, #[param(default = 3)] count: Param<u64>) {
    poll(url, each(numbers(count)));
}
