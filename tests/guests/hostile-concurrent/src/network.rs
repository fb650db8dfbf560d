//! Calls that need a grant, made without one.

use crate::{End, saw};
use wasip3::{
    http::{
        client,
        types::{Fields, Request, Scheme},
    },
    sockets::{
        ip_name_lookup::resolve_addresses,
        types::{IpAddressFamily, IpSocketAddress, Ipv4SocketAddress, TcpSocket, UdpSocket},
    },
    wit_future,
};

/// Every way to the network but HTTP, each of which must be refused: the output names the ones that were not.
pub(crate) async fn sockets_of_wasi_3() -> End {
    let loopback = IpSocketAddress::Ipv4(Ipv4SocketAddress {
        port: 9,
        address: (127, 0, 0, 1),
    });
    let tcp = || TcpSocket::create(IpAddressFamily::Ipv4);
    let udp = || UdpSocket::create(IpAddressFamily::Ipv4);
    let mut open = Vec::new();
    if let Ok(socket) = tcp()
        && socket.connect(loopback).await.is_ok()
    {
        open.push("tcp connect");
    }
    if tcp().is_ok_and(|socket| socket.bind(loopback).is_ok()) {
        open.push("tcp bind");
    }
    if tcp().is_ok_and(|socket| socket.listen().is_ok()) {
        open.push("tcp listen");
    }
    if udp().is_ok_and(|socket| socket.bind(loopback).is_ok()) {
        open.push("udp bind");
    }
    if udp().is_ok_and(|socket| socket.connect(loopback).is_ok()) {
        open.push("udp connect");
    }
    if let Ok(socket) = udp()
        && socket.send(vec![1], Some(loopback)).await.is_ok()
    {
        open.push("udp send");
    }
    if resolve_addresses("localhost".into()).await.is_ok() {
        open.push("name lookup");
    }
    saw(format!("open: {}", open.join(", ")))
}

pub(crate) async fn http_3_without_grant() -> End {
    let (trailers, no_trailers) = wit_future::new(|| Ok(None));
    drop(trailers);
    let (request, _sent) = Request::new(Fields::new(), None, no_trailers, None);
    let is_made = request.set_scheme(Some(&Scheme::Https)).is_ok()
        && request.set_authority(Some("not-granted.example")).is_ok()
        && request.set_path_with_query(Some("/")).is_ok();
    match client::send(request).await {
        Ok(response) => saw(response.get_status_code()),
        Err(error) => saw(format!("{is_made} {error:?}")),
    }
}
