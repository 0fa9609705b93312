//! `[listen]`: address, limits and timeouts.

use super::{Environment, Fault, reader::Section};
use std::{
    net::{Ipv4Addr, SocketAddr},
    time::Duration,
};

const ADDRESS: &str = "127.0.0.1:9080";
const EXPECTED: &str = "must be an address with a port, such as \"127.0.0.1:9080\"";

/// Where and within which bounds the server listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listen {
    /// `address`, or `GAPURA_LISTEN`.
    pub address: SocketAddr,
    /// `max_connections`: open at once.
    pub max_connections: u32,
    /// `max_header_bytes`: request line and headers.
    pub max_header_bytes: usize,
    /// `max_nonces`: seals remembered at once.
    pub max_nonces: usize,
    /// The timeouts.
    pub timeouts: Timeouts,
}

/// How long each part of a request may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    /// `header_read_s`: the whole head.
    pub header_read: Duration,
    /// `body_read_s`: the whole body; of a stream, each piece.
    pub body_read: Duration,
    /// `body_write_s`: for a client to take anything of an answer that is sent in pieces.
    pub body_write: Duration,
    /// `body_write_rate`: bytes a second that a client takes of such an answer, over all of it.
    pub body_write_rate: u64,
    /// `request_s`: from the head to the answer.
    pub request: Duration,
    /// `idle_s`: between two requests.
    pub idle: Duration,
    /// `drain_s`: for what is in flight when the server stops.
    pub drain: Duration,
}

impl Listen {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        Self {
            address: section
                .parsed("address", ADDRESS, EXPECTED, |text| text.parse().ok())
                .unwrap_or_else(|| (Ipv4Addr::LOCALHOST, 9080).into()),
            max_connections: section.number("max_connections", 1024, 1..=65_536),
            max_header_bytes: section.number("max_header_bytes", 65_536, 8192..=1_048_576),
            max_nonces: section.number("max_nonces", 1_048_576, 1024..=67_108_864),
            timeouts: Timeouts {
                header_read: section.seconds("header_read_s", 10, 1..=600),
                body_read: section.seconds("body_read_s", 30, 1..=600),
                body_write: section.seconds("body_write_s", 30, 1..=600),
                body_write_rate: section.number("body_write_rate", 16_384, 1..=1_073_741_824),
                request: section.seconds("request_s", 60, 1..=3600),
                idle: section.seconds("idle_s", 60, 1..=3600),
                drain: section.seconds("drain_s", 30, 1..=3600),
            },
        }
    }

    pub(super) fn apply(&mut self, environment: Environment<'_>) -> Option<Fault> {
        const NAME: &str = "GAPURA_LISTEN";
        match environment(NAME)?.parse() {
            Ok(address) => {
                self.address = address;
                None
            }
            Err(_) => Some(Fault {
                key: NAME.into(),
                position: None,
                message: EXPECTED.into(),
            }),
        }
    }
}
