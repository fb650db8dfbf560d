//! Several shards: schedulers share them out among themselves, and tasks of every tenant run
//! on the same workers, whichever scheduler owns their shard.

use super::{Cluster, process::Process};
use crate::{
    installation::{Installation, Up},
    patience::until,
    workers::token,
};
use serde_json::json;
use std::{collections::BTreeMap, time::Instant};

const TENANTS: [&str; 4] = ["default", "ants", "bees", "crabs"];
const SHARDS: usize = 4;
/// Runs of each tenant while something happens.
const RUNS: usize = 6;

const PAIR: &str = r#"
[dag]
id = "pair"
max_active_runs = 3

[tasks.first]
program = "busy.wasm"

[tasks.second]
program = "busy.wasm"
inputs = { given = "first" }
"#;

/// How many shards each scheduler has, by the name that it was given; all of them have one.
fn owned(here: &Installation, server: &Up) -> Option<BTreeMap<String, usize>> {
    let mut owned = BTreeMap::new();
    for shard in here.list(server, &["shards", "list"]) {
        let id = shard["scheduler"].as_str()?;
        let (name, _random) = id.rsplit_once('-')?;
        *owned.entry(name.to_owned()).or_default() += 1;
    }
    Some(owned)
}

fn is_owned(here: &Installation, server: &Up, by: &[(&str, usize)]) {
    let by: BTreeMap<String, usize> = by
        .iter()
        .map(|(name, count)| ((*name).into(), *count))
        .collect();
    let began = Instant::now();
    until(&format!("{by:?}"), || {
        owned(here, server).as_ref() == Some(&by)
    });
    println!("{by:?} after {:?}", began.elapsed());
}

/// Makes runs in every tenant, lets something happen, and waits until all have ended well.
fn amid(here: &Installation, server: &Up, happens: impl FnOnce()) {
    for _run in 0..RUNS {
        for tenant in TENANTS {
            let said = here.client(server, &["runs", "trigger", "pair", "--tenant", tenant]);
            assert_eq!(said.code, Some(0), "{said:?}");
        }
    }
    happens();
    for tenant in TENANTS {
        until(&format!("the runs of {tenant} end well"), || {
            let runs = here.list(server, &["runs", "list", "--tenant", tenant]);
            runs.iter().all(|run| {
                let state = run["state"].as_str().expect("it has one");
                assert!(matches!(state, "queued" | "running" | "success"), "{run}");
                state == "success"
            })
        });
    }
}

#[test]
fn schedulers_share_the_shards_out_and_nothing_is_lost_when_one_comes_or_goes() {
    let cluster = Cluster::new();
    let here = &cluster.here;
    let server = cluster.server_at("127.0.0.1:0");
    let _far = cluster.worker(&server, "far", &token(here, &server, "worker"));
    let near = cluster.worker(&server, "near", &token(here, &server, "trusted-worker"));
    let _first = cluster.scheduler();
    is_owned(here, &server, &[("scheduler-0", 1)]);
    // Workers are there already and have to hear of the new shards.
    until("the worker reaches Redis itself", || {
        near.said()
            .contains("connected to the server's Redis directly")
    });
    let said = here.client(&server, &["shards", "grow", &SHARDS.to_string()]);
    assert_eq!(
        (said.code, &*said.stdout),
        (Some(0), "there are 4 shards\n"),
        "{said:?}"
    );
    let said = here.client(&server, &["shards", "grow", "3"]);
    assert_eq!(said.code, Some(2), "{said:?}");
    assert!(said.stderr.contains("4 to 64 shards, not 3"), "{said:?}");
    is_owned(here, &server, &[("scheduler-0", SHARDS)]);
    assert_eq!(here.deploy(&server, PAIR).code, Some(0));
    for tenant in &TENANTS[1..] {
        let made = server
            .api()
            .send("PUT", &format!("/tenants/{tenant}"), &json!({}));
        assert_eq!(made.expect("it answers").status, 200);
        let said = here.client(&server, &["deploy", "dag.toml", "--tenant", tenant]);
        assert_eq!(said.code, Some(0), "{said:?}");
    }
    let shards = here.list(&server, &["shards", "list"]);
    assert!(
        shards.iter().all(|shard| shard["tenants"] == 1),
        "{shards:?}"
    );

    amid(here, &server, || {});
    let second = amid_coming(&cluster, &server, "scheduler-1");
    let workers = here.list(&server, &["workers", "list"]);
    assert_eq!(
        workers.len(),
        2,
        "one of each, however many shards: {workers:?}"
    );
    // As a loss of power, and as a restart in order.
    amid(here, &server, || {
        second.kill();
        is_owned(here, &server, &[("scheduler-0", SHARDS)]);
    });
    let third = amid_coming(&cluster, &server, "scheduler-2");
    amid(here, &server, || {
        assert!(third.terminate().success());
        is_owned(here, &server, &[("scheduler-0", SHARDS)]);
    });
    // A direct worker reports the position of a task of any shard.
    for tenant in TENANTS {
        let runs = here.list(&server, &["runs", "list", "--tenant", tenant]);
        assert_eq!(runs.len(), 5 * RUNS, "{tenant}");
    }
    amid(here, &server, || cluster.flush());
}

/// Another scheduler comes while there is work, and gets its share.
fn amid_coming(cluster: &Cluster, server: &Up, name: &str) -> Process {
    let mut came = None;
    amid(&cluster.here, server, || {
        came = Some(cluster.scheduler());
        let half = SHARDS / 2;
        is_owned(
            &cluster.here,
            server,
            &[("scheduler-0", half), (name, half)],
        );
    });
    came.expect("it came")
}
