//! A wire between the halves that keeps answers back: what the origin has done, nobody hears of.

use std::{
    io::{Read, Write},
    net::{Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Condvar, Mutex},
    thread,
    time::Duration,
};

/// What becomes of answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// They arrive.
    Pass,
    /// The connection ends in their place.
    Cut,
    /// They wait.
    Hold,
    /// They arrive so much later.
    Late(Duration),
}

#[derive(Debug)]
struct State {
    answers: Answers,
    /// Answers that came while they did not pass.
    kept: usize,
}

/// A TCP relay on a port of its own. It ends with the test process.
#[derive(Debug)]
pub struct Weir {
    /// Where the edge is to send.
    pub address: SocketAddr,
    state: Arc<(Mutex<State>, Condvar)>,
}

impl Weir {
    /// Relays to `to`; answers pass.
    #[must_use]
    pub fn start(to: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let state = State {
            answers: Answers::Pass,
            kept: 0,
        };
        let state = Arc::new((Mutex::new(state), Condvar::new()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if let Ok(server) = TcpStream::connect(to) {
                    relay(client, server, &shared);
                }
            }
        });
        Self { address, state }
    }

    /// What becomes of answers from now on, and of those that wait.
    pub fn set(&self, answers: Answers) {
        self.state.0.lock().expect("no panic").answers = answers;
        self.state.1.notify_all();
    }

    /// Waits until an answer was kept back.
    pub fn await_kept(&self) {
        let (state, changed) = &*self.state;
        let state = state.lock().expect("no panic");
        let waited = changed
            .wait_timeout_while(state, Duration::from_mins(1), |state| state.kept == 0)
            .expect("no panic");
        assert!(!waited.1.timed_out(), "no answer came");
    }
}

fn relay(mut client: TcpStream, mut server: TcpStream, state: &Arc<(Mutex<State>, Condvar)>) {
    let (mut from, mut to) = (
        client.try_clone().expect("a handle"),
        server.try_clone().expect("a handle"),
    );
    thread::spawn(move || {
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Both);
    });
    let state = Arc::clone(state);
    thread::spawn(move || {
        let mut piece = [0; 16 * 1024];
        while let Ok(length @ 1..) = server.read(&mut piece) {
            if !passes(&state) || client.write_all(&piece[..length]).is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
        let _ = client.shutdown(Shutdown::Both);
    });
}

/// Whether an answer that has come goes on, in the end.
fn passes((state, changed): &(Mutex<State>, Condvar)) -> bool {
    let mut state = state.lock().expect("no panic");
    if let Answers::Late(by) = state.answers {
        drop(state);
        thread::sleep(by);
        return true;
    }
    if state.answers != Answers::Pass {
        state.kept += 1;
        changed.notify_all();
    }
    let state = changed
        .wait_while(state, |state| state.answers == Answers::Hold)
        .expect("no panic");
    state.answers == Answers::Pass
}
