//! A kept-alive HTTP/1.1 connection that waits for each answer.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Far beyond any answer's time: a server that hangs ends the bench.
const PATIENCE: Duration = Duration::from_secs(30);

pub(crate) struct Connection {
    stream: TcpStream,
    received: Vec<u8>,
}

impl Connection {
    pub(crate) fn open(to: SocketAddr) -> Self {
        let stream = TcpStream::connect(to).expect("the server listens");
        stream.set_nodelay(true).expect("an option can be set");
        stream
            .set_read_timeout(Some(PATIENCE))
            .expect("a timeout can be set");
        Self {
            stream,
            received: Vec::with_capacity(16 * 1024),
        }
    }

    /// Sends a request and reads the whole answer, which is its result.
    pub(crate) fn exchange(&mut self, request: &[u8]) -> (u16, &[u8]) {
        self.send(request);
        self.answer()
    }

    pub(crate) fn send(&mut self, request: &[u8]) {
        self.stream.write_all(request).expect("the server reads");
    }

    /// The whole answer to what was sent last.
    pub(crate) fn answer(&mut self) -> (u16, &[u8]) {
        self.received.clear();
        let mut piece = [0; 16 * 1024];
        loop {
            let length = self.stream.read(&mut piece).expect("the server answers");
            assert!(length > 0, "the server closed the connection");
            self.received.extend_from_slice(&piece[..length]);
            if let Some(status) = complete(&self.received) {
                return (status, &self.received);
            }
        }
    }
}

/// The status, as soon as the answer is there as a whole.
fn complete(bytes: &[u8]) -> Option<u16> {
    let mut slots = [httparse::EMPTY_HEADER; 64];
    let mut head = httparse::Response::new(&mut slots);
    let httparse::Status::Complete(at) = head.parse(bytes).expect("an HTTP answer") else {
        return None;
    };
    let length = head
        .headers
        .iter()
        .find(|h| h.name.eq_ignore_ascii_case("content-length"));
    let body = &bytes[at..];
    let whole = match length {
        Some(length) => {
            let length = std::str::from_utf8(length.value)
                .ok()
                .and_then(|n| n.parse().ok());
            body.len() >= length.unwrap_or(0)
        }
        // Without a length it comes in chunks, the last of which is empty.
        None => body.ends_with(b"0\r\n\r\n"),
    };
    whole.then_some(head.code.unwrap_or(0))
}
