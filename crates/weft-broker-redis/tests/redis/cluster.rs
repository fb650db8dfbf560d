//! The promises, by a Cluster of three nodes.

use crate::{
    brokers::Brokers,
    command::command,
    server::{Server, free_port},
};
use std::{sync::OnceLock, time::Duration};
use tokio::time::{Instant, sleep};

/// Slots of a Cluster.
const SLOTS: u16 = 16_384;
/// A Cluster that needs longer to find itself never will.
const PATIENCE: Duration = Duration::from_secs(30);

async fn cluster() -> Brokers {
    let nodes = nodes().await;
    let hosts: Vec<String> = nodes
        .iter()
        .map(|node| format!("127.0.0.1:{}", node.port))
        .collect();
    Brokers::new(&format!("redis-cluster://{}", hosts.join(",")), None, 1).await
}

async fn nodes() -> &'static [Server; 3] {
    static NODES: OnceLock<[Server; 3]> = OnceLock::new();
    static MET: tokio::sync::OnceCell<()> = tokio::sync::OnceCell::const_new();
    let nodes = NODES.get_or_init(start_nodes);
    MET.get_or_init(|| meet(nodes)).await;
    nodes
}

/// Three servers that don't know each other yet.
pub(crate) fn start_nodes() -> [Server; 3] {
    [(); 3].map(|()| {
        let (port, bus) = (free_port(), free_port());
        let (text, bus) = (port.to_string(), bus.to_string());
        let listens = ["--port", &text, "--cluster-port", &bus];
        Server::start_at(port, &listens, &["--cluster-enabled", "yes"])
    })
}

/// Each gets a third of the slots, and all of them know each other.
pub(crate) async fn meet(nodes: &[Server; 3]) {
    let third = SLOTS / 3 + 1;
    for (at, node) in (0..).zip(nodes) {
        let first = (at * third).to_string();
        let last = ((at + 1) * third - 1).min(SLOTS - 1).to_string();
        let words = ["CLUSTER", "ADDSLOTSRANGE", &first, &last];
        command(&node.url(), &words).await.unwrap();
    }
    for node in &nodes[1..] {
        let (port, bus) = (node.port.to_string(), bus_of(node).await);
        let words = ["CLUSTER", "MEET", "127.0.0.1", &port, &bus];
        command(&nodes[0].url(), &words).await.unwrap();
    }
    let begin = Instant::now();
    for node in nodes {
        while !knows_all(node).await {
            assert!(begin.elapsed() < PATIENCE, "the nodes did not meet");
            sleep(Duration::from_millis(50)).await;
        }
    }
}

async fn bus_of(node: &Server) -> String {
    let answer = command(&node.url(), &["CONFIG", "GET", "cluster-port"])
        .await
        .unwrap();
    let pair: Vec<String> = redis::from_redis_value(answer).unwrap();
    pair[1].clone()
}

async fn knows_all(node: &Server) -> bool {
    let answer = command(&node.url(), &["CLUSTER", "INFO"]).await.unwrap();
    let info: String = redis::from_redis_value(answer).unwrap();
    info.contains("cluster_state:ok") && info.contains("cluster_known_nodes:3")
}

#[tokio::test]
async fn a_direct_worker_has_a_user_on_every_node_of_a_cluster() {
    let nodes = nodes().await;
    let url = format!("redis-cluster://127.0.0.1:{}", nodes[0].port);
    crate::direct_workers::works(&url, None).await;
}

weft_broker::conformance_suite!(#[tokio::test], cluster);
