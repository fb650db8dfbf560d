//! Classes of IP addresses: only public ones are reachable without a rule of the policy.
//!
//! Sources: the IANA special-purpose registries for IPv4 and IPv6
//! (RFC 6890 and its updates). Addresses that carry an IPv4 address inside
//! (mapped, compatible, NAT64, 6to4, Teredo) are judged by what is inside.

use std::{
    fmt,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

/// What an address is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Class {
    /// Reachable from anywhere.
    Public,
    /// This machine: 127.0.0.0/8, `::1`.
    Loopback,
    /// 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16.
    Private,
    /// This link, cloud metadata services: 169.254.0.0/16, `fe80::/10`.
    LinkLocal,
    /// A provider's own network (CGNAT): 100.64.0.0/10.
    SharedProvider,
    /// `fc00::/7`, and the old site-local `fec0::/10`.
    UniqueLocal,
    /// 224.0.0.0/4, `ff00::/8`.
    Multicast,
    /// 255.255.255.255.
    Broadcast,
    /// 0.0.0.0/8, `::`.
    Unspecified,
    /// Examples in documents: 192.0.2.0/24, `2001:db8::/32` and others.
    Documentation,
    /// Measuring devices: 198.18.0.0/15, `2001:2::/48`.
    Benchmarking,
    /// Set aside for protocols or the future: 192.0.0.0/24, 240.0.0.0/4, what lies outside `2000::/3`, and others.
    Reserved,
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Public => "a public address",
            Self::Loopback => "this machine itself (loopback)",
            Self::Private => "a private address",
            Self::LinkLocal => "a link-local address",
            Self::SharedProvider => "an address of a provider's own network",
            Self::UniqueLocal => "a unique-local (private) address",
            Self::Multicast => "a multicast address",
            Self::Broadcast => "the broadcast address",
            Self::Unspecified => "no particular address (unspecified)",
            Self::Documentation => "an address for documentation",
            Self::Benchmarking => "an address for benchmarks",
            Self::Reserved => "a reserved address",
        })
    }
}

/// What an address is for.
pub fn class(address: IpAddr) -> Class {
    match address {
        IpAddr::V4(address) => class_v4(address),
        IpAddr::V6(address) => class_v6(address),
    }
}

/// An IPv4 address that is written as IPv6 (`::ffff:a.b.c.d`), as IPv4.
pub fn unmapped(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(six) => six.to_ipv4_mapped().map_or(address, IpAddr::V4),
    }
}

fn class_v4(address: Ipv4Addr) -> Class {
    match address.octets() {
        [0, ..] => Class::Unspecified,
        [127, ..] => Class::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Class::Private,
        [169, 254, ..] => Class::LinkLocal,
        [100, 64..=127, ..] => Class::SharedProvider,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [233, 252, 0, _] => {
            Class::Documentation
        }
        [198, 18..=19, ..] => Class::Benchmarking,
        [255, 255, 255, 255] => Class::Broadcast,
        [224..=239, ..] => Class::Multicast,
        // 192.88.99.0/24 was 6to4's anycast relay.
        [192, 0, 0, _] | [192, 88, 99, _] | [240..=255, ..] => Class::Reserved,
        [..] => Class::Public,
    }
}

fn class_v6(address: Ipv6Addr) -> Class {
    if let Some(inside) = carried(address) {
        return class_v4(inside);
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Class::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Class::Loopback,
        [0xfe80..=0xfebf, ..] => Class::LinkLocal,
        [0xfc00..=0xfdff | 0xfec0..=0xfeff, ..] => Class::UniqueLocal,
        [0xff00..=0xffff, ..] => Class::Multicast,
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] => Class::Documentation,
        [0x2001, 2, 0, ..] => Class::Benchmarking,
        // 2001::/23 is for protocols; what of it carries IPv4 (Teredo) was judged above.
        [0x2001, 0..=0x01ff, ..] => Class::Reserved,
        [0x2000..=0x3fff, ..] => Class::Public,
        [..] => Class::Reserved,
    }
}

/// The IPv4 address inside an IPv6 one, in every form that a host or a gateway may unpack.
fn carried(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let join = |high: u16, low: u16| Ipv4Addr::from(u32::from(high) << 16 | u32::from(low));
    match address.segments() {
        // `::` and `::1` only look like IPv4-compatible addresses.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        // IPv4-mapped, IPv4-compatible, IPv4-translated, NAT64's well-known prefix, 6to4.
        [0, 0, 0, 0, 0, 0xffff | 0, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(join(high, low)),
        // Teredo holds its client's address inverted.
        [0x2001, 0, .., high, low] => Some(join(!high, !low)),
        [..] => None,
    }
}
