//! Attacks through the number and the size of files.

use crate::saw;
use std::{
    fs::{self, File},
    io::Write,
};

/// Writes until the host says no.
pub(crate) fn fill_scratch() {
    let piece = vec![b'f'; 1 << 20];
    let mut written = 0u64;
    let error = 'full: loop {
        let mut file = match File::create(format!("fill{written}")) {
            Ok(file) => file,
            Err(error) => break error,
        };
        for _ in 0..8 {
            match file.write_all(&piece) {
                Ok(()) => written += 1,
                Err(error) => break 'full error,
            }
        }
    };
    saw(format!("refused after {written} MiB: {error}"));
}

/// A file that is large without holding anything.
pub(crate) fn sparse_file() {
    let file = File::create("sparse").expect("the scratch folder takes files");
    match file.set_len(1 << 40) {
        Ok(()) => saw("a file of a terabyte"),
        Err(error) => saw(format!("refused: {error}")),
    }
}

/// Empty files, which cost the host an entry each.
pub(crate) fn million_files() {
    for made in 0..1_000_000u32 {
        if let Err(error) = fs::write(format!("f{made}"), "") {
            return saw(format!("refused after {made}: {error}"));
        }
    }
    saw("a million files");
}

pub(crate) fn million_open_files() {
    fs::write("one", "x").expect("the scratch folder takes files");
    let mut open = Vec::new();
    loop {
        match File::open("one") {
            Ok(file) => open.push(file),
            Err(error) => return saw(format!("refused after {}: {error}", open.len())),
        }
        if open.len() == 1_000_000 {
            return saw("a million handles");
        }
    }
}

/// Lists a folder with more files than a host should hold the names of: `WEFT_FILES` says how many.
pub(crate) fn list_many_files() {
    let many: u32 = std::env::var("WEFT_FILES")
        .ok()
        .and_then(|many| many.parse().ok())
        .expect("WEFT_FILES says how many");
    fs::create_dir("many").expect("the scratch folder takes folders");
    // Names of the greatest length that file systems take make the list as long as it gets.
    let name = "n".repeat(240);
    for made in 0..many {
        if let Err(error) = File::create(format!("many/{name}{made:06}")) {
            return saw(format!("refused after {made}: {error}"));
        }
    }
    let mut begun = fs::read_dir("many").expect("the folder can be listed");
    begun
        .next()
        .expect("there is a file")
        .expect("it can be listed");
    let mut listed = 0u32;
    for entry in fs::read_dir("many").expect("the folder can be listed") {
        entry.expect("every file can be listed");
        listed += 1;
    }
    saw(format!("listed {listed} beside {}", begun.count() + 1));
}
