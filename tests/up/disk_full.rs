//! A disk that is full: what can't be kept is refused and says so, what was
//! acknowledged stays, and with space again everything goes on by itself.

use crate::{
    api::Api,
    installation::{Installation, Up},
};
use std::{
    fs::File,
    io::{ErrorKind, Write as _},
    path::Path,
};
use weft_tests::on_small_disk;

/// Room for the database's own files and some compiled code.
const DISK_MIB: u32 = 48;
/// Triggers until the database's own spare room is used up, at most.
const TRIGGERS: usize = 20_000;

const CHAIN: &str = r#"
[dag]
id = "chain"
max_active_runs = 2

[tasks.first]
program = "busy.wasm"

[tasks.second]
program = "busy.wasm"
inputs = { given = "first" }
"#;

/// Writes a file until nothing more fits.
fn fill(path: &Path) {
    let mut file = File::create(path).expect("there is room for its name");
    for piece in [1 << 20, 4 << 10, 1] {
        let bytes = vec![1; piece];
        let refused = loop {
            if let Err(refused) = file.write_all(&bytes) {
                break refused;
            }
        };
        assert_eq!(refused.kind(), ErrorKind::StorageFull, "{refused}");
    }
}

/// A trigger: the run's id, or the refusal's status and code.
fn trigger(api: &Api) -> Result<String, (u16, String)> {
    let json = ["content-type: application/json"];
    let answer = api
        .ask("POST", "/dags/chain/runs", &json, b"{}")
        .expect("it answers");
    if answer.status == 201 {
        let run = answer.json();
        return Ok(run["id"].as_str().expect("a run has an id").to_owned());
    }
    Err((answer.status, answer.code()))
}

/// Deploys another DAG of the same program.
fn deploy(installation: &Installation, up: &Up) -> crate::installation::Said {
    let manifest = CHAIN.replace("id = \"chain\"", "id = \"other\"");
    installation.deploy(up, &manifest)
}

#[test]
fn a_full_disk_refuses_what_it_can_not_keep_and_loses_nothing() {
    on_small_disk!(DISK_MIB, |disk| {
        let installation = Installation::new();
        let data = disk.join("data");
        std::fs::create_dir(&data).expect("there is room");
        std::os::unix::fs::symlink(&data, installation.path("data")).expect("there is room");
        let up = installation.up();
        let api = up.api();
        let said = installation.deploy(&up, CHAIN);
        assert_eq!(said.code, Some(0), "{said:?}");
        let mut acknowledged = vec![trigger(&api).expect("there is room")];

        let ballast = disk.join("ballast");
        fill(&ballast);
        let refusal = (0..TRIGGERS).find_map(|_| match trigger(&api) {
            Ok(run) => {
                acknowledged.push(run);
                None
            }
            Err(refusal) => Some(refusal),
        });
        assert_eq!(refusal, Some((507, "storage_full".into())));
        let said = deploy(&installation, &up);
        assert_eq!(said.code, Some(1), "{said:?}");
        assert!(said.stderr.contains("storage_full"), "{said:?}");
        // What is there can still be read.
        let kept = api.all("/dags/chain/runs").len();
        assert_eq!(kept, acknowledged.len());
        assert_eq!(api.all("/dags").len(), 1);

        std::fs::remove_file(&ballast).expect("it is there");
        acknowledged.push(trigger(&api).expect("there is room again"));
        let said = deploy(&installation, &up);
        assert_eq!(said.code, Some(0), "{said:?}");
        println!(
            "{} runs were acknowledged before and while the disk was full",
            acknowledged.len() - 1
        );
        for run in &acknowledged {
            let said = installation.client(&up, &["runs", "watch", run]);
            assert_eq!(said.code, Some(0), "{said:?}");
        }
        assert_eq!(
            api.all("/dags/chain/runs?state=success").len(),
            acknowledged.len()
        );
        let (status, said) = up.terminate();
        assert!(status.success(), "{said}");
        assert!(!said.contains("panicked"), "{said}");
    });
}
