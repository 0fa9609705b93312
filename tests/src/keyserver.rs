//! A server of another issuer's public keys, which can rotate and fail.

use crate::token::Signer;
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

#[derive(Debug, Default)]
struct State {
    /// `None` fails every request.
    keys: Option<String>,
    hits: usize,
}

/// Serves a JWK set on a port of its own. It ends with the test process.
#[derive(Debug)]
pub struct KeyServer {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl KeyServer {
    /// Serves the public keys of these signers.
    #[must_use]
    pub fn start(signers: &[&Signer]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let state = Arc::<Mutex<State>>::default();
        let served = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                answer(stream, &served);
            }
        });
        let started = Self { address, state };
        started.publish(signers);
        started
    }

    /// Where the keys are.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}/jwks.json", self.address)
    }

    /// Serves these keys from now on.
    pub fn publish(&self, signers: &[&Signer]) {
        let keys: Vec<Value> = signers.iter().map(|signer| signer.jwk()).collect();
        self.state().keys = Some(json!({"keys": keys}).to_string());
    }

    /// Answers 500 from now on.
    pub fn fail(&self) {
        self.state().keys = None;
    }

    /// How often it was asked.
    #[must_use]
    pub fn hits(&self) -> usize {
        self.state().hits
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().expect("no panic while serving")
    }
}

fn answer(mut stream: TcpStream, state: &Mutex<State>) {
    let mut head = [0; 8192];
    let _ = stream.read(&mut head);
    let mut state = state.lock().expect("no panic while serving");
    state.hits += 1;
    let (status, body) = match &state.keys {
        Some(keys) => ("200 OK", keys.as_str()),
        None => ("500 Internal Server Error", ""),
    };
    let length = body.len();
    let _ = write!(
        stream,
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    );
}
