//! Attempts to leave the scratch folder, and trees that are hard to remove.

use crate::saw;
use std::{
    ffi::{CString, c_char, c_int},
    fs,
};

/// Every way out, each of which must be refused: the output names the ones that were not.
pub(crate) fn read_outside() {
    let mut escaped = Vec::new();
    fs::create_dir_all("inner").expect("the scratch folder takes folders");
    fs::write("inner/file", "x").expect("the scratch folder takes files");

    let outside = [
        "/etc/passwd",
        "../../../../../../../../etc/passwd",
        "inner/../../../../../../../../../etc/passwd",
        "/../etc/passwd",
        "//etc/passwd",
        "/proc/self/environ",
        "/tmp/../../../../../etc/passwd",
        "/in/../../../../../../../etc/passwd",
        "/out/../../../../../../../etc/passwd",
    ];
    for path in outside {
        if fs::read(path).is_ok() {
            escaped.push(format!("read {path}"));
        }
        if fs::write(path, "owned").is_ok() {
            escaped.push(format!("write {path}"));
        }
    }
    for folder in [
        "..",
        "../",
        "inner/../..",
        "/..",
        "/tmp/..",
        "/tmp/../",
        "../.",
        "/in/..",
        "/out/..",
    ] {
        // `/..` is `/` itself: what counts is whether anything of the host shows.
        let names = fs::read_dir(folder)
            .map(|entries| entries.flatten().map(|e| e.file_name()).collect::<Vec<_>>());
        if names.is_ok_and(|names| {
            names
                .iter()
                .any(|name| name == "etc" || name == "usr" || name == "proc")
        }) {
            escaped.push(format!("list {folder}"));
        }
    }
    for (target, link) in [
        ("/etc", "absolute"),
        ("/etc/passwd", "absolute_file"),
        ("../../../../../../../etc", "relative"),
        ("inner/../../../../../../../../etc", "winding"),
        ("loop", "loop"),
    ] {
        if symlink(target, link).is_err() {
            continue;
        }
        for path in [
            link.to_owned(),
            format!("{link}/"),
            format!("{link}/passwd"),
            format!("{link}/./passwd"),
            format!("{link}/../passwd"),
        ] {
            if fs::read(&path).is_ok() || fs::read_dir(&path).is_ok() {
                escaped.push(format!("follow {path} to {target}"));
            }
            if fs::write(&path, "owned").is_ok() {
                escaped.push(format!("write through {path} to {target}"));
            }
        }
    }
    for (from, to) in [
        ("inner/file", "../file"),
        ("inner/file", "../../../../../../tmp/owned"),
        ("/etc/hostname", "stolen"),
    ] {
        if fs::rename(from, to).is_ok() {
            escaped.push(format!("rename {from} to {to}"));
        }
        if fs::hard_link(from, to).is_ok() {
            escaped.push(format!("link {from} to {to}"));
        }
    }
    // A file is no folder, whatever follows its name.
    for path in [
        "inner/file/",
        "inner/file/.",
        "inner/file/..",
        "inner/file/../file",
    ] {
        if fs::read(path).is_ok() {
            escaped.push(format!("read {path}"));
        }
    }
    saw(format!("escaped: {}", escaped.join(", ")));
}

/// A folder in a folder in a folder, past the longest path that the host can name.
pub(crate) fn deep_folders() {
    let name = "d".repeat(200);
    let mut made = 0;
    let mut path = name.clone();
    while made < 200 {
        if fs::create_dir(&path).is_err() {
            break;
        }
        made += 1;
        path = format!("{path}/{name}");
    }
    // Renaming the tree under a new root makes it deeper than any one path could.
    let mut rounds = 0;
    for round in 0..50 {
        let root = format!("root{round}");
        let mut inner = root.clone();
        if fs::create_dir(&root).is_err() {
            break;
        }
        for _ in 0..15 {
            inner = format!("{inner}/{name}");
            if fs::create_dir(&inner).is_err() {
                break;
            }
        }
        let before = if round == 0 {
            name.clone()
        } else {
            format!("root{}", round - 1)
        };
        if fs::rename(&before, format!("{inner}/deeper")).is_err() {
            break;
        }
        rounds += 1;
    }
    saw(format!("made {made}, nested {rounds}"));
}

/// Leaves links to the host's files where artifacts are collected.
pub(crate) fn link_in_out() {
    let mut made = Vec::new();
    for (target, link) in [
        ("/etc/passwd", "/out/absolute"),
        ("../../../../../../../../etc/passwd", "/out/relative"),
        ("/etc", "/out/folder"),
    ] {
        if symlink(target, link).is_ok() {
            made.push(link);
        }
    }
    let honest = fs::write("/out/honest.txt", "honest").is_ok();
    saw(format!("honest {honest}, links: {}", made.join(", ")));
}

/// The standard library's own way to make a symbolic link is unstable for WASI.
fn symlink(target: &str, link: &str) -> std::io::Result<()> {
    unsafe extern "C" {
        fn symlink(target: *const c_char, link: *const c_char) -> c_int;
    }
    let (target, link) = (CString::new(target)?, CString::new(link)?);
    // SAFETY: both are live strings that end with a zero byte.
    match unsafe { symlink(target.as_ptr(), link.as_ptr()) } {
        0 => Ok(()),
        _ => Err(std::io::Error::last_os_error()),
    }
}
