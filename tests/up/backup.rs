//! Backups of a running installation, and what is restored of them.

use crate::installation::{Installation, Said, Up};
use serde_json::Value;
use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

const CHAIN: &str = r#"
[dag]
id = "chain"

[tasks.first]
program = "busy.wasm"

[tasks.second]
program = "busy.wasm"
inputs = { given = "first" }
"#;

/// A command that asks no server.
fn offline(installation: &Installation, args: &[&str]) -> Said {
    let output = installation.command(args).output().expect("wfctl starts");
    Said {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("UTF-8"),
        stderr: String::from_utf8(output.stderr).expect("UTF-8"),
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders are UTF-8")
}

fn back_up(installation: &Installation, name: &str, more: &[&str]) -> (PathBuf, Said) {
    let (data, target) = (installation.path("data"), installation.path(name));
    let args = [&["backup", text(&target), "--data", text(&data)], more].concat();
    let said = offline(installation, &args);
    (target, said)
}

fn restore(installation: &Installation, backup: &Path, data: &Path, more: &[&str]) -> Said {
    let args = [&["restore", text(backup), "--data", text(data)], more].concat();
    offline(installation, &args)
}

/// An installation with a run that succeeded and a variable; the run's name.
fn lived_in(installation: &Installation) -> (Up, String) {
    let up = installation.up();
    let said = installation.deploy(&up, CHAIN);
    assert_eq!(said.code, Some(0), "{said:?}");
    let said = installation.client(&up, &["runs", "trigger", "chain", "--watch"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    fs::write(installation.path("work/value"), "hush").expect("there is room");
    let said = installation.client(&up, &["variables", "set", "api_key", "@value"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let runs = installation.list(&up, &["runs", "list"]);
    let run = runs[0]["id"].as_str().expect("it has a name").to_owned();
    (up, run)
}

fn output(installation: &Installation, up: &Up, run: &str) -> String {
    let said = installation.client(up, &["outputs", "get", run, "second"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    said.stdout.trim().to_owned()
}

#[test]
fn a_running_installation_is_restored_from_its_backup() {
    let installation = Installation::new();
    let (up, run) = lived_in(&installation);
    // It is still going on when the backup is made.
    let said = installation.client(&up, &["runs", "trigger", "chain", "--output", "json"]);
    let going: Value = serde_json::from_str(&said.stdout).expect("a run");
    let going = going["id"].as_str().expect("it has a name");
    let (backup, said) = back_up(&installation, "backup", &["--with-key"]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(!said.stderr.contains("secret.key"), "{said:?}");
    let again = back_up(&installation, "backup", &[]).1;
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("not empty"), "{again:?}");
    let sums = Command::new("sha256sum")
        .args(["--check", "--quiet", "--strict", "SHA256SUMS"])
        .current_dir(&backup)
        .output()
        .expect("coreutils are here");
    assert!(sums.status.success(), "{sums:?}");
    // All is lost, but for the backup.
    up.kill();
    let data = installation.path("data");
    fs::rename(&data, installation.path("lost")).expect("it is ours");
    let said = restore(&installation, &backup, &data, &[]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let up = installation.up();
    assert_eq!(output(&installation, &up, &run), "7");
    let said = installation.client(&up, &["runs", "watch", going]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let variables = installation.list(&up, &["variables", "list"]);
    assert_eq!(variables[0]["name"], "api_key", "{variables:?}");
    // The administrator's token of before holds, too.
    let before = installation.path("lost/admin.token");
    let said = installation.client_with(&up, &["dags", "list"], &before);
    assert_eq!(said.code, Some(0), "{said:?}");
    let (status, said) = up.terminate();
    assert!(status.success(), "{said}");
    assert!(!said.contains("sealed with a key"), "{said}");
}

#[test]
fn a_backup_without_the_key_says_so_at_both_ends() {
    let installation = Installation::new();
    let (up, _run) = lived_in(&installation);
    let (backup, said) = back_up(&installation, "backup", &[]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("secret.key is not in it"), "{said:?}");
    assert!(!backup.join("secret.key").exists());
    let (status, _said) = up.terminate();
    assert!(status.success());
    let key = installation.path("data/secret.key");
    let restored = installation.path("restored");
    let said = restore(&installation, &backup, &restored, &["--key", text(&key)]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert_eq!(
        fs::read(&key).expect("a key"),
        fs::read(restored.join("secret.key")).expect("a key")
    );
    let other = installation.path("other.key");
    fs::write(&other, "ab".repeat(32)).expect("there is room");
    let elsewhere = installation.path("elsewhere");
    let said = restore(&installation, &backup, &elsewhere, &["--key", text(&other)]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.contains("another key"), "{said:?}");
    assert!(!elsewhere.exists(), "nothing is left of what was refused");
    let said = restore(&installation, &backup, &elsewhere, &[]);
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stderr.contains("secret.key"), "{said:?}");
    // The service says what it lacks.
    fs::rename(installation.path("data"), installation.path("old")).expect("it is ours");
    fs::rename(&elsewhere, installation.path("data")).expect("it is ours");
    let (status, said) = installation.up().terminate();
    assert!(status.success(), "{said}");
    assert!(said.contains("sealed with a key"), "{said}");
}

/// A file of a backup, what is done to it, and what is said then.
type Harm<'a> = (&'a str, &'a dyn Fn(&Path), &'a str);

#[test]
fn a_damaged_backup_restores_nothing() {
    let installation = Installation::new();
    let (up, _run) = lived_in(&installation);
    let (backup, said) = back_up(&installation, "backup", &[]);
    assert_eq!(said.code, Some(0), "{said:?}");
    drop(up);
    let target = installation.path("restored");
    let blob = first_file(&backup.join("blobs/tenants"));
    let cut = |path: &Path| {
        let bytes = fs::read(path).expect("it is there");
        fs::write(path, &bytes[..bytes.len() / 2]).expect("there is room");
    };
    let remove = |path: &Path| fs::remove_file(path).expect("it is there");
    let newer = |path: &Path| {
        let manifest = fs::read_to_string(path).expect("it is there");
        let manifest = manifest.replace("\"backup\": 1", "\"backup\": 99");
        fs::write(path, manifest).expect("there is room");
    };
    let blob = text(blob.strip_prefix(&backup).expect("it is in it")).to_owned();
    let harms: [Harm<'_>; 7] = [
        ("weft.db", &cut, "weft.db is not what was written"),
        ("weft.db", &remove, "weft.db is missing"),
        (&blob, &cut, "is not what was written"),
        (&blob, &remove, "is missing"),
        ("SHA256SUMS", &cut, "SHA256SUMS is not the one"),
        ("backup.json", &remove, "is no backup"),
        ("backup.json", &newer, "was made by Weft"),
    ];
    for (file, harm, message) in harms {
        let copy = installation.path("copy");
        copy_folder(&backup, &copy);
        harm(&copy.join(file));
        let said = restore(&installation, &copy, &target, &[]);
        let code = if message.contains("made by") { 1 } else { 3 };
        assert_eq!(said.code, Some(code), "{file}: {said:?}");
        assert!(said.stderr.contains(message), "{file}: {said:?}");
        assert!(!target.exists(), "{file}");
        fs::remove_dir_all(copy).expect("it is ours");
    }
    let said = restore(&installation, &installation.path("nowhere"), &target, &[]);
    assert_eq!(said.code, Some(3), "{said:?}");
    // What is there is never overwritten.
    let data = installation.path("data");
    let before = fs::read(data.join("weft.db")).expect("it is there");
    let said = restore(&installation, &backup, &data, &[]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("not empty"), "{said:?}");
    assert_eq!(before, fs::read(data.join("weft.db")).expect("it is there"));
}

#[test]
fn a_torn_blob_is_named_and_everything_else_backed_up() {
    let installation = Installation::new();
    let (up, run) = lived_in(&installation);
    let (status, said) = up.terminate();
    assert!(status.success(), "{said}");
    // Not one of compiled code, which no backup holds.
    let torn = first_file(&installation.path("data/blobs/tenants/default/component"));
    let bytes = fs::read(&torn).expect("it is there");
    fs::write(&torn, &bytes[..bytes.len() / 2]).expect("there is room");
    let (backup, said) = back_up(&installation, "backup", &[]);
    assert_eq!(said.code, Some(1), "{said:?}");
    let name = torn
        .file_name()
        .and_then(|name| name.to_str())
        .expect("hex");
    assert!(said.stderr.contains(name), "{said:?}");
    fs::rename(installation.path("data"), installation.path("lost")).expect("it is ours");
    let said = restore(&installation, &backup, &installation.path("data"), &[]);
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains(name), "{said:?}");
    let up = installation.up();
    assert_eq!(output(&installation, &up, &run), "7");
}

#[test]
fn folders_that_are_no_backups_are_distinguished() {
    let installation = Installation::new();
    let said = back_up(&installation, "backup", &[]).1;
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stderr.contains("no data folder"), "{said:?}");
    fs::create_dir(installation.path("data")).expect("there is room");
    let said = back_up(&installation, "backup", &[]).1;
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stderr.contains("weft.db"), "{said:?}");
    let _up = installation.up();
    let said = back_up(&installation, "no/such/folder", &[]).1;
    assert_eq!(said.code, Some(3), "{said:?}");
    assert!(said.stderr.contains("there is no folder"), "{said:?}");
    // Nothing is left beside it.
    let said = back_up(&installation, "backup", &[]).1;
    assert_eq!(said.code, Some(0), "{said:?}");
    let names: Vec<String> = fs::read_dir(installation.path("."))
        .expect("it is there")
        .map(|entry| {
            entry
                .expect("an entry")
                .file_name()
                .to_string_lossy()
                .into()
        })
        .filter(|name: &String| name.contains("partial"))
        .collect();
    assert_eq!(names, [""; 0]);
}

#[test]
fn the_database_is_checked_and_brought_up_to_date() {
    let installation = Installation::new();
    let data = installation.path("data");
    let check = |action: &str| offline(&installation, &["db", action, "--data", text(&data)]);
    assert_eq!(check("check").code, Some(3), "there is none yet");
    assert_eq!(check("migrate").code, Some(3), "and none is made");
    let up = installation.up();
    let said = check("check");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("is intact"), "{said:?}");
    let said = check("migrate");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(
        said.stderr.contains("in use by another process"),
        "{said:?}"
    );
    let (status, _said) = up.terminate();
    assert!(status.success());
    let said = check("migrate");
    assert_eq!(said.code, Some(0), "{said:?}");
    assert!(said.stdout.contains("nothing to do"), "{said:?}");
    let file = data.join("weft.db");
    let mut bytes = fs::read(&file).expect("it is there");
    for byte in bytes.iter_mut().skip(8 * 4096).step_by(3) {
        *byte ^= 0x55;
    }
    fs::write(&file, bytes).expect("there is room");
    let said = check("check");
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.stderr.contains("damaged"), "{said:?}");
}

/// The first file below a folder, in the order of names.
fn first_file(folder: &Path) -> PathBuf {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder)
        .expect("it is there")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    entries.sort();
    entries
        .iter()
        .find_map(|entry| {
            if entry.is_file() {
                return Some(entry.clone());
            }
            (fs::read_dir(entry).expect("a folder").next().is_some()).then(|| first_file(entry))
        })
        .expect("there is a file")
}

fn copy_folder(from: &Path, to: &Path) {
    let done = Command::new("cp")
        .arg("-a")
        .args([from, to])
        .status()
        .expect("coreutils are here");
    assert!(done.success());
}
