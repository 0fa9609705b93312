//! A wire between the halves that remembers what the edge sent: the only way to
//! hold a real seal in hand.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

/// Requests for a target with this in it are recorded and go no further: their
/// seals are good, and nobody has used them.
pub const HELD: &str = "/held";

type Record = Arc<Mutex<Vec<Vec<u8>>>>;

/// A TCP relay on a port of its own. It ends with the test process.
#[derive(Debug)]
pub struct Recorder {
    /// Where the edge is to send.
    pub address: SocketAddr,
    sent: Record,
}

impl Recorder {
    /// Relays to `to`.
    #[must_use]
    pub fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let sent = Record::default();
        let record = Arc::clone(&sent);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(to) {
                    relay(client, server, &record);
                }
            }
        });
        Self { address, sent }
    }

    /// The requests so far, as bytes, one entry per request: the edge sends a
    /// request in one or more pieces on a connection that it keeps.
    #[must_use]
    pub fn requests(&self) -> Vec<Vec<u8>> {
        self.sent.lock().expect("no panic while recording").clone()
    }

    /// The last recorded request whose head contains `text`.
    #[must_use]
    pub fn last(&self, text: &str) -> Vec<u8> {
        let requests = self.requests();
        let found = requests
            .iter()
            .rev()
            .find(|r| String::from_utf8_lossy(r).contains(text));
        found
            .unwrap_or_else(|| panic!("nothing recorded with {text:?}"))
            .clone()
    }
}

fn relay(mut client: TcpStream, mut server: TcpStream, record: &Record) {
    let record = Arc::clone(record);
    let mut back = (
        server.try_clone().expect("a handle"),
        client.try_clone().expect("a handle"),
    );
    thread::spawn(move || {
        let _ = std::io::copy(&mut back.0, &mut back.1);
        let _ = back.1.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let mut piece = [0; 16 * 1024];
        while let Ok(length @ 1..) = client.read(&mut piece) {
            let request = note(&record, &piece[..length]);
            if is_held(&request) {
                if is_whole(&request) {
                    break;
                }
            } else if server.write_all(&piece[..length]).is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
        let _ = client.shutdown(Shutdown::Both);
    });
}

/// A piece that begins with a method begins a request; others go on with the
/// last one. What is known of the request so far.
fn note(record: &Record, piece: &[u8]) -> Vec<u8> {
    const METHODS: [&[u8]; 7] = [
        b"GET ",
        b"POST ",
        b"PUT ",
        b"PATCH ",
        b"DELETE ",
        b"HEAD ",
        b"OPTIONS ",
    ];
    let begins = METHODS.iter().any(|method| piece.starts_with(method));
    let mut record = record.lock().expect("no panic while recording");
    if begins || record.is_empty() {
        record.push(Vec::new());
    }
    let request = record.last_mut().expect("one was pushed");
    request.extend(piece);
    request.clone()
}

fn is_held(request: &[u8]) -> bool {
    let line = request.split(|b| *b == b'\r').next().unwrap_or_default();
    String::from_utf8_lossy(line).contains(HELD)
}

fn is_whole(request: &[u8]) -> bool {
    let text = String::from_utf8_lossy(request).to_ascii_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        return false;
    };
    let declared = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    declared.is_none_or(|length| body.len() >= length.trim().parse().unwrap_or(0))
}
