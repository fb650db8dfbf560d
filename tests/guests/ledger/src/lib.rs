//! Tasks that leave a trace outside Weft: each attempt tells a ledger, over
//! HTTP, who it is, before it answers. What was recorded can be held against what
//! Weft says happened.
//!
//! The manifests of the tests grant the ledger's address, so that nothing here
//! needs to know it.

use weft::prelude::*;

fn tell(ctx: &Context, ledger: &str) -> Result<()> {
    let (run, task, number) = (ctx.run(), ctx.task(), ctx.number());
    let index = ctx.map_index().unwrap_or(0);
    // The key comes last, since it may hold anything.
    let key = ctx.idempotency_key();
    weft::http::put(format!("{ledger}/{run}/{task}/{index}/{number}/{key}"))
        .send()?
        .ok()?;
    Ok(())
}

/// The numbers from nothing on.
#[task]
fn numbers(ctx: Context, ledger: String, count: u64) -> Result<Vec<u64>> {
    tell(&ctx, &ledger)?;
    Ok((0..count).collect())
}

/// Gives back what it got.
#[task]
fn note(ctx: Context, ledger: String, n: u64) -> Result<u64> {
    tell(&ctx, &ledger)?;
    Ok(n)
}

/// Adds up.
#[task]
fn sum(ctx: Context, ledger: String, numbers: Vec<u64>) -> Result<u64> {
    tell(&ctx, &ledger)?;
    Ok(numbers.iter().sum())
}

/// Puts itself off for a day, once.
#[task]
fn hold(ctx: Context, ledger: String) -> Result<u64> {
    if ctx.resumed::<u64>()?.is_none() {
        return defer_for(std::time::Duration::from_secs(24 * 60 * 60), &1_u64);
    }
    tell(&ctx, &ledger)?;
    Ok(1)
}

/// So that the component describes something of its own.
#[dag]
fn ledger(ledger: Param<String>, #[param(default = 3)] count: Param<u64>) {
    let listed = numbers(&ledger, count);
    let noted = note(&ledger, each(listed));
    hold(&ledger).after(sum(&ledger, noted));
}
