use weft::prelude::*;

#[task]
async fn waits() {}

#[task]
fn any<T>(value: T) {
    let _ = value;
}

#[task]
fn some(value: impl Sized) {
    let _ = value;
}

#[task]
fn pair((a, b): (u32, u32)) {
    let _ = (a, b);
}

#[task]
fn late(n: u32, ctx: Context) {
    let _ = (n, ctx);
}

#[task]
fn changes(numbers: &mut Vec<u32>) {
    numbers.clear();
}

#[task]
fn borrows() -> &'static str {
    ""
}

#[task]
struct NotAFunction;

struct Holder;

impl Holder {
    #[task]
    fn method(&self) {}
}

fn main() {}
