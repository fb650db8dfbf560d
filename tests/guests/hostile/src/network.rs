//! Raw sockets, and what else needs a grant that it lacks.

use crate::{End, exports::weft::dag::tasks::Outcome, saw, weft::dag::variables};
use wasip2::sockets::{
    instance_network::instance_network,
    ip_name_lookup::resolve_addresses,
    network::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress},
    tcp_create_socket::create_tcp_socket,
    udp_create_socket::create_udp_socket,
};

type Inputs = [(String, String)];

/// Every way to the network but HTTP, each of which must be refused: the output names the ones that were not.
pub(crate) fn sockets(_: &Inputs) -> End {
    let mut open = Vec::new();
    let network = instance_network();
    let loopback = IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port: 9,
        address: (127, 0, 0, 1),
    });
    if let Ok(socket) = create_tcp_socket(IpAddressFamily::Ipv4) {
        if socket.start_connect(&network, loopback).is_ok() {
            open.push("tcp connect");
        }
    }
    if let Ok(socket) = create_tcp_socket(IpAddressFamily::Ipv4) {
        if socket.start_bind(&network, loopback).is_ok() {
            open.push("tcp bind");
        }
    }
    if let Ok(socket) = create_udp_socket(IpAddressFamily::Ipv4) {
        if socket.start_bind(&network, loopback).is_ok() {
            open.push("udp bind");
        }
    }
    if resolve_addresses(&network, "localhost").is_ok() {
        open.push("name lookup");
    }
    saw(format!("open: {}", open.join(", ")))
}

pub(crate) fn variable_without_grant(_: &Inputs) -> End {
    match variables::get("database_password") {
        Ok(value) => Ok(Outcome::Success(format!("{value:?}"))),
        Err(error) => saw(format!("{error:?}")),
    }
}
