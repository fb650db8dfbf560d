//! A worker on a machine of its own, as far as the network goes: in a network
//! namespace whose only way out is a pair of interfaces, which is cut and healed.

use super::{Cluster, Process};
use crate::{patience::until, workers::token};
use std::process::Command;

const SLOW_DAG: &str = r#"
[dag]
id = "slow"

[tasks.first]
program = "slow.wasm"

[tasks.second]
program = "busy.wasm"
after = ["first"]
"#;

/// Some seconds.
const SLOW: u64 = 10_000_000_000;

/// A namespace and the interfaces that lead into it, gone with the test.
struct Namespace {
    name: String,
    /// This side's address, which the worker sees.
    outside: String,
}

impl Namespace {
    /// Needs root, as containers do.
    fn new() -> Self {
        let id = fastrand::u16(..);
        let name = format!("weft{id:04x}");
        let [high, low] = id.to_be_bytes();
        let (outside, inside) = (
            format!("10.{}.{low}.1", high | 1),
            format!("10.{}.{low}.2", high | 1),
        );
        ip(&["netns", "add", &name]);
        ip(&[
            "link", "add", &name, "type", "veth", "peer", "name", "out", "netns", &name,
        ]);
        ip(&["address", "add", &format!("{outside}/30"), "dev", &name]);
        ip(&["link", "set", &name, "up"]);
        ip(&[
            "-n",
            &name,
            "address",
            "add",
            &format!("{inside}/30"),
            "dev",
            "out",
        ]);
        ip(&["-n", &name, "link", "set", "out", "up"]);
        Self { name, outside }
    }

    /// Drops every packet, without an error to either side.
    fn cut(&self) {
        ip(&["-n", &self.name, "link", "set", "out", "down"]);
    }

    fn heal(&self) {
        ip(&["-n", &self.name, "link", "set", "out", "up"]);
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The interfaces go with it.
        drop(
            Command::new("ip")
                .args(["netns", "delete", &self.name])
                .status(),
        );
    }
}

fn ip(arguments: &[&str]) {
    let done = Command::new("ip").args(arguments).output();
    let done = done.expect("'ip' comes with Debian's package iproute2");
    assert!(done.status.success(), "ip {arguments:?}: {done:?}");
}

#[test]
fn a_worker_whose_network_is_cut_loses_what_it_had_and_works_again_when_it_heals() {
    let cluster = Cluster::new();
    let here = &cluster.here;
    let space = Namespace::new();
    let address = format!("{}:{}", space.outside, crate::redis::server::free_port());
    let server = cluster.server_at("127.0.0.1:0");
    let mut open = here.command(&["server", "--insecure", "--listen", &address, "--data"]);
    open.arg(here.path("open")).arg("--key-file");
    open.arg(here.path("data/secret.key"))
        .args(cluster.places());
    open.envs(cluster.s3.settings());
    let _open = Process::start(open, here.path("open.log"));
    let _scheduler = cluster.scheduler();
    let slow = crate::installation::computing(SLOW);
    std::fs::write(here.path("work").join("slow.wasm"), slow).expect("there is room");
    let said = here.deploy(&server, SLOW_DAG);
    assert_eq!(said.code, Some(0), "{said:?}");
    let token = token(here, &server, "worker");
    let mut command = Command::new("ip");
    command.args(["netns", "exec", &space.name]);
    let url = format!("http://{address}");
    let worker = cluster.worker_command(&url, "far", &token);
    command.arg(worker.get_program()).args(worker.get_args());
    command.arg("--insecure").current_dir(here.path("work"));
    command.env_clear().env("HOME", here.path("home"));
    let far = Process::start(command, here.path("far.log"));
    let run = here.trigger(&server, "slow");
    let api = server.api();
    until("the first task runs there", || {
        api.get(&format!("/runs/{run}"))["counts"]["running"] == 1
    });
    space.cut();
    let near = cluster.worker(&server, "near", &token);
    let said = here.client(&server, &["runs", "watch", &run]);
    assert_eq!(said.code, Some(0), "{said:?}");
    let first = api.get(&format!("/runs/{run}/tasks/first/0"));
    // A claim that the far one was waiting for may have gone the dead way once more.
    assert!(first["attempt"].as_u64() > Some(1), "{first}");
    assert_eq!(first["worker"], "near");
    assert!(near.terminate().success());
    space.heal();
    let said = here.client(&server, &["runs", "trigger", "slow", "--watch"]);
    assert_eq!(said.code, Some(0), "{said:?} {}", far.said());
}
