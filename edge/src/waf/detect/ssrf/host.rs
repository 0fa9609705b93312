//! Hosts that no outsider should name: this machine, its network, its cloud's metadata, in every
//! notation that some reader understands.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What a host is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A cloud's metadata service.
    Metadata,
    /// This machine, by its plain name or address.
    Loopback,
    /// A private network.
    Internal,
    /// An address that nobody writes this way, or a name that resolves to any address.
    Obscured,
    /// An address of the internet.
    Address,
    /// Any other name.
    Public,
}

/// Metadata services of the public clouds, container hosts and virtual machine managers.
const METADATA: &[&str] = &[
    "169.254.169.254",
    "metadata.google.internal",
    "metadata.goog",
    "metadata",
    "100.100.100.200",
    "169.254.170.2",
    "169.254.170.23",
    "192.0.0.192",
    "instance-data",
    "instance-data.ec2.internal",
    "metadata.azure.com",
    "metadata.azure.internal",
    "metadata.tencentyun.com",
    "metadata.nova",
    "metadata.packet.net",
    "metadata.platformequinix.com",
    "metadata.oraclecloud.com",
    "metadata.google.com",
    "rancher-metadata",
    "168.63.129.16",
    "fd00:ec2::254",
];

/// Domains whose names resolve to any address one likes, and listeners for out-of-band tests.
const REBINDING: &[&str] = &[
    "nip.io",
    "sslip.io",
    "xip.io",
    "localtest.me",
    "lvh.me",
    "vcap.me",
    "lacolhost.com",
    "yoogle.com",
    "fuf.me",
    "readme.localtest.me",
    "1u.ms",
    "rbndr.us",
    "rebind.network",
    "bugbounty.dod.network",
    "mail.ebc.apple.com",
    "oastify.com",
    "interact.sh",
    "interactsh.com",
    "oast.fun",
    "oast.pro",
    "oast.live",
    "oast.site",
    "oast.online",
    "oast.me",
    "burpcollaborator.net",
    "dnslog.cn",
    "ceye.io",
    "requestrepo.com",
    "canarytokens.com",
    "bxss.me",
    "eyes.sh",
    "dnsbin.zhack.ca",
    "traefik.me",
    "local-ip.co",
    "local-ip.medicmobile.org",
    "localho.st",
    "localdomain.pw",
    "backname.io",
    "pingb.in",
    "dnsbin.io",
    "canary.domain",
    "interactsh.io",
    "oast.us",
    "oast.today",
    "log4shell.tools",
    "burpcollab.net",
    "bxss.in",
    "xss.ht",
    "xss.report",
    "ez.pe",
    "dnslog.link",
    "dnslog.pw",
    "dnslog.pro",
    "evil.corp",
    "whbap.com",
];

/// Names by which services stand in private networks.
const SERVICES: &[&str] = &[
    "internal",
    "intranet",
    "redis",
    "elasticsearch",
    "consul",
    "vault",
    "etcd",
    "mysql",
    "postgres",
    "mongo",
    "mongodb",
    "rabbitmq",
    "memcached",
    "kafka",
    "jenkins",
    "gitlab",
    "kibana",
    "docker",
    "router",
    "gateway",
    "backend",
    "kubernetes",
    "loopback",
    "ip6-loopback",
    "broadcasthost",
];

/// Endings of names in private networks.
const PRIVATE: &[&str] = &[
    ".internal",
    ".local",
    ".localdomain",
    ".lan",
    ".home.arpa",
    ".corp",
    ".intranet",
    ".consul",
    ".svc",
    ".cluster.local",
    ".kubernetes.default",
    ".private",
    "fritz.box",
];

/// Judges a host without its port, in lower case.
pub(super) fn judge(host: &[u8], port: Option<u16>) -> Kind {
    let Ok(host) = std::str::from_utf8(host) else {
        return Kind::Public;
    };
    let (folded, is_folded) = fold(host);
    let host = folded.trim_end_matches('.');
    if host.is_empty() {
        return Kind::Public;
    }
    let kind = plain(host, port);
    if is_folded && kind != Kind::Public {
        return Kind::Obscured;
    }
    kind
}

fn plain(host: &str, port: Option<u16>) -> Kind {
    let is_domain = |domain: &str| {
        host.strip_suffix(domain)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if METADATA.contains(&host) {
        return Kind::Metadata;
    }
    if REBINDING.iter().any(|domain| is_domain(domain)) {
        return Kind::Obscured;
    }
    if matches!(
        host,
        "localhost" | "localhost.localdomain" | "localhost6" | "ip6-localhost"
    ) {
        return Kind::Loopback;
    }
    let address = host.split('%').next().unwrap_or(host);
    if let Ok(address) = address.parse::<IpAddr>() {
        return match address {
            IpAddr::V4(address) => kind_v4(address),
            IpAddr::V6(address) => kind_v6(address),
        };
    }
    let is_single = !host.contains('.') && host.bytes().any(|byte| byte.is_ascii_alphabetic());
    if PRIVATE.iter().any(|ending| host.ends_with(ending))
        || host.ends_with(".localhost")
        || SERVICES.contains(&host)
        || host == "kubernetes.default"
        || (is_single && port.is_some() && !host.starts_with("0x"))
    {
        return Kind::Internal;
    }
    if is_numeric(host) {
        return Kind::Obscured;
    }
    Kind::Public
}

fn kind_v4(address: Ipv4Addr) -> Kind {
    let [first, second, third, _] = address.octets();
    let is_shared = first == 100 && (64..128).contains(&second);
    let is_benchmark = first == 198 && (18..20).contains(&second);
    match () {
        () if address == Ipv4Addr::LOCALHOST => Kind::Loopback,
        () if address.is_loopback()
            || address.is_private()
            || address.is_link_local()
            || is_shared
            || is_benchmark
            || first == 0
            || first >= 224
            || (first == 192 && second == 0 && third == 0) =>
        {
            Kind::Internal
        }
        () => Kind::Address,
    }
}

fn kind_v6(address: Ipv6Addr) -> Kind {
    if address == Ipv6Addr::LOCALHOST {
        return Kind::Loopback;
    }
    // IPv4 addresses in IPv6 (mapped, compatible, NAT64, 6to4) lead to the same machines.
    let [a, b, .., g, h] = address.segments();
    let embedded = match (a, b) {
        (0x64, 0xff9b) | (0, 0) => Some((g, h)),
        (0x2002, first) => match address.segments() {
            [_, _, second, ..] => Some((first, second)),
        },
        _ => None,
    };
    let is_inner = embedded.is_some_and(|(high, low)| {
        let address = Ipv4Addr::from((u32::from(high) << 16) | u32::from(low));
        kind_v4(address) != Kind::Address
    });
    if is_inner || address.is_unspecified() || matches!(a, 0xfc00..=0xfdff | 0xfe80..=0xfebf) {
        return Kind::Internal;
    }
    Kind::Address
}

/// Digits of the least address outside of `0.0.0.0/8`, written as one number.
const MIN_DECIMAL: usize = 8;

/// `2130706433`, `0x7f.1`, `0177.0.0.1`, `127.1`: what `inet_aton` reads as an address.
fn is_numeric(host: &str) -> bool {
    let is_number = |part: &str| {
        let (digits, radix) = match part.get(..2) {
            Some("0x") => (part.get(2..).unwrap_or_default(), 16),
            Some("0b") => (part.get(2..).unwrap_or_default(), 2),
            _ => (part, 10),
        };
        !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix))
    };
    // `//94`: a number of no network.
    let is_low = host.len() < MIN_DECIMAL
        && host.bytes().all(|byte| byte.is_ascii_digit())
        && host.bytes().any(|byte| byte != b'0');
    host.split('.').count() <= 4 && host.split('.').all(is_number) && !is_low
}

/// Letters, digits and dots in the forms that Unicode's compatibility mapping folds.
fn fold(host: &str) -> (String, bool) {
    if host.is_ascii() {
        return (host.to_owned(), false);
    }
    let mut out = String::with_capacity(host.len());
    for character in host.chars() {
        let code = u32::from(character);
        let offset = |first: u32, ascii: u8| char::from_u32(u32::from(ascii) + code - first);
        let folded = match code {
            0x2460..=0x2468 => offset(0x2460, b'1'),
            0x2474..=0x247c => offset(0x2474, b'1'),
            0x2488..=0x2490 => offset(0x2488, b'1'),
            0x24ea | 0x24ff => Some('0'),
            0x24b6..=0x24cf => offset(0x24b6, b'a'),
            0x24d0..=0x24e9 => offset(0x24d0, b'a'),
            0x249c..=0x24b5 => offset(0x249c, b'a'),
            0xff10..=0xff19 => offset(0xff10, b'0'),
            0xff41..=0xff5a => offset(0xff41, b'a'),
            0x1d7ce..=0x1d7ff => char::from_digit((code - 0x1d7ce) % 10, 10),
            0x00b2 => Some('2'),
            0x00b3 => Some('3'),
            0x00b9 => Some('1'),
            0x2070 | 0x2074..=0x2079 => offset(0x2070, b'0'),
            0x2080..=0x2089 => offset(0x2080, b'0'),
            0x3002 | 0xff61 | 0xff0e | 0x2024 => Some('.'),
            0x00ad | 0x200b..=0x200d | 0x2060 | 0xfeff => None,
            _ => Some(character),
        };
        match code {
            // Ten to twenty in a circle are two digits.
            0x2469..=0x2473 => out.push_str(&(code - 0x245f).to_string()),
            _ => out.extend(folded),
        }
    }
    (out, true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_every_notation() {
        for (host, kind) in [
            ("127.0.0.1", Kind::Loopback),
            ("localhost.", Kind::Loopback),
            ("::1", Kind::Loopback),
            ("127.9.9.9", Kind::Internal),
            ("::ffff:7f00:1", Kind::Internal),
            ("::ffff:169.254.169.254", Kind::Internal),
            ("64:ff9b::7f00:1", Kind::Internal),
            ("2002:7f00:1::", Kind::Internal),
            ("fe80::1%25eth0", Kind::Internal),
            ("2130706433", Kind::Obscured),
            ("0x7f.1", Kind::Obscured),
            ("0177.0.0.01", Kind::Obscured),
            ("127.1", Kind::Obscured),
            ("0b01111111.0.0.1", Kind::Obscured),
            ("①②⑦.⓪.⓪.①", Kind::Obscured),
            ("127。0。0。1", Kind::Obscured),
            ("ⓛⓞⓒⓐⓛⓗⓞⓢⓣ", Kind::Obscured),
            ("a.127.0.0.1.nip.io", Kind::Obscured),
            ("169.254.169.254", Kind::Metadata),
            ("kubernetes.default.svc", Kind::Internal),
            ("8.8.8.8", Kind::Address),
            ("2606:4700::1111", Kind::Address),
            ("example.com", Kind::Public),
            ("12345.example.com", Kind::Public),
            ("163.com", Kind::Public),
            ("nip.io.example.com", Kind::Public),
            ("münchen.example", Kind::Public),
        ] {
            assert_eq!(judge(host.as_bytes(), None), kind, "{host}");
        }
        assert_eq!(judge(b"db", Some(5432)), Kind::Internal);
    }
}
