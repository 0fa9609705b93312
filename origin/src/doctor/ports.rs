//! Ports of this machine that the world should not reach: the origin's own, and a database's.

use super::Check;
use crate::{config::Config, db::Inspection};
use std::{
    fs,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};

const NAME: &str = "ports";
/// `proc_pid_net(5)`: `st` of a socket that listens.
const LISTENS: &str = "0A";

pub(super) fn examine(config: &Config, database: Option<&Inspection>) -> Vec<Check> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"];
    let listening: Vec<SocketAddr> = tables
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .flat_map(|table| parse(&table))
        .collect();
    let mut checks = vec![origin(config.listen.address, &listening)];
    let port = database.and_then(|database| database.port);
    checks.extend(port.map(|port| server(port, &listening)));
    checks
}

/// A seal keeps others out, so this is no hole; but nobody has to be able to knock.
fn origin(address: SocketAddr, listening: &[SocketAddr]) -> Check {
    let open = open(address.port(), listening).filter(|_| address.port() != 0);
    let open = open.or_else(|| is_open(address.ip()).then_some(address.ip()));
    match open {
        Some(ip) => {
            let told = format!(
                "the origin's port {} is open on {ip}: let Cloudflare's addresses alone reach it",
                address.port()
            );
            Check::warn(NAME, told)
        }
        None => Check::ok(NAME, format!("the origin listens on {address}")),
    }
}

fn server(port: u16, listening: &[SocketAddr]) -> Check {
    match open(port, listening) {
        Some(ip) if is_private(ip) => {
            let told = format!("the database's port {port} is open on {ip}, in a private network");
            Check::warn(NAME, told)
        }
        Some(ip) => {
            let told = format!("the database's port {port} is open to the world on {ip}");
            Check::fail(NAME, told)
        }
        None => Check::ok(
            NAME,
            format!("the database's port {port} is open on loopback alone"),
        ),
    }
}

/// The address from which a port can be reached from outside, if any; the most public one.
fn open(port: u16, listening: &[SocketAddr]) -> Option<IpAddr> {
    listening
        .iter()
        .filter(|socket| socket.port() == port)
        .map(SocketAddr::ip)
        .filter(|ip| is_open(*ip))
        .min_by_key(|ip| is_private(*ip))
}

fn is_open(ip: IpAddr) -> bool {
    !ip.to_canonical().is_loopback()
}

fn is_private(ip: IpAddr) -> bool {
    match ip.to_canonical() {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// The sockets of a table that listen.
fn parse(table: &str) -> Vec<SocketAddr> {
    let socket = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let (local, _remote, state) = (fields.next()?, fields.next()?, fields.next()?);
        (state == LISTENS).then(|| address(local))?
    };
    table.lines().skip(1).filter_map(socket).collect()
}

/// An address as the kernel prints it: words of 32 bits, each in this machine's order.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::with_capacity(16);
    for at in (0..ip.len()).step_by(8) {
        let word = u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?;
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
    let ip = match bytes.len() {
        4 => <[u8; 4]>::try_from(bytes).map(Ipv4Addr::from).ok()?.into(),
        16 => <[u8; 16]>::try_from(bytes).map(Ipv6Addr::from).ok()?.into(),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::{origin, parse, server};
    use crate::doctor::Severity;
    use proptest::prelude::*;
    use std::net::{SocketAddr, TcpListener};

    fn sockets(all: &[&str]) -> Vec<SocketAddr> {
        all.iter().map(|one| one.parse().unwrap()).collect()
    }

    #[test]
    fn a_database_that_the_world_can_reach_fails() {
        let severity = |all: &[&str]| server(5432, &sockets(all)).severity;
        assert_eq!(severity(&["127.0.0.1:5432", "[::1]:5432"]), Severity::Ok);
        assert_eq!(severity(&["127.0.0.1:5432", "0.0.0.0:80"]), Severity::Ok);
        assert_eq!(severity(&["10.0.0.4:5432"]), Severity::Warn);
        assert_eq!(severity(&["0.0.0.0:5432"]), Severity::Fail);
        assert_eq!(severity(&["[::]:5432"]), Severity::Fail);
        assert_eq!(
            severity(&["10.0.0.4:5432", "203.0.113.7:5432"]),
            Severity::Fail
        );
    }

    #[test]
    fn an_origin_that_the_world_can_reach_is_warned_of() {
        let severity =
            |address: &str, all: &[&str]| origin(address.parse().unwrap(), &sockets(all)).severity;
        assert_eq!(
            severity("127.0.0.1:9080", &["127.0.0.1:9080"]),
            Severity::Ok
        );
        assert_eq!(severity("0.0.0.0:9080", &[]), Severity::Warn);
        assert_eq!(
            severity("127.0.0.1:9080", &["0.0.0.0:9080"]),
            Severity::Warn
        );
    }

    #[test]
    fn reads_the_kernels_table() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
        assert!(
            parse(&table).contains(&listener.local_addr().unwrap()),
            "{table}"
        );
        let all = "  sl  local_address rem_address   st\n   0: 00000000000000000000000000000000:1538 00000000000000000000000000000000:0000 0A\n   1: 0100007F:0016 0100007F:9999 01\n";
        assert_eq!(parse(all), sockets(&["[::]:5432"]));
    }

    proptest! {
        #[test]
        fn never_panics(table in "\n([0-9A-F]{0,40}[: ]?){0,8}") {
            let _ = parse(&table);
        }
    }
}
