use weft::prelude::*;

#[task]
fn numbers() -> Vec<u32> {
    vec![1]
}

#[task]
fn shout(text: String) -> String {
    text
}

#[task]
fn total(numbers: Vec<u32>) {
    let _ = numbers;
}

#[dag]
fn wrong() {
    shout(each(numbers()));
    total(shout.id("again")(each(["a", "b"])));
}

fn main() {}
