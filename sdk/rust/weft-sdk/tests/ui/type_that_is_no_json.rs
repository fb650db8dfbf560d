use weft::prelude::*;

struct Quake {
    place: String,
}

#[task]
fn extract() -> Result<Quake> {
    Ok(Quake { place: String::new() })
}

#[task]
fn announce(quake: Quake) {
    let _ = quake.place;
}

fn main() {}
