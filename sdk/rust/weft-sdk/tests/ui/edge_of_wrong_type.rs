use weft::prelude::*;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Quake {
    place: String,
}

#[task]
fn extract() -> Result<Vec<Quake>> {
    Ok(vec![])
}

#[task]
fn announce(quake: Quake, times: u32) {
    let _ = (quake, times);
}

#[dag]
fn quakes() {
    let rows = extract();
    announce(&rows, 1);
}

fn main() {}
