//! Accepts connections, as many as may be open at once, until told to stop.

use super::{connection, shutdown::Stopped};
use crate::App;
use std::{io, net::SocketAddr, sync::Arc, time::Duration};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    time::{sleep, timeout},
};

/// Pause after a failed accept: without file descriptors it fails at once again.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Opens the port.
///
/// # Errors
/// When it is taken or not allowed.
pub async fn bind(address: SocketAddr) -> io::Result<TcpListener> {
    TcpListener::bind(address).await
}

/// Serves until `stop` ends, then closes the port, lets idle connections go
/// and waits for the others.
pub async fn serve(
    listener: TcpListener,
    app: Arc<App>,
    stop: impl Future<Output = ()>,
) -> Stopped {
    let max_connections = app.config.listen.max_connections;
    let drain = app.config.listen.timeouts.drain;
    let permits = Arc::new(Semaphore::new(
        usize::try_from(max_connections).unwrap_or(Semaphore::MAX_PERMITS),
    ));
    let (stopping, stopped) = watch::channel(false);
    tokio::select! {
        () = accept_all(&listener, &app, &permits, &stopped) => {}
        () = stop => {}
    }
    drop(listener);
    // Fails only when no connection is left to be told.
    let _ = stopping.send(true);
    // Requests whose clients have gone are as much in flight as others.
    let drained = async {
        let _ = permits.acquire_many(max_connections).await;
        let _ = app.unbroken.acquire_many(max_connections).await;
    };
    match timeout(drain, drained).await {
        Ok(()) => Stopped::Drained,
        Err(_) => Stopped::CutOff,
    }
}

async fn accept_all(
    listener: &TcpListener,
    app: &Arc<App>,
    permits: &Arc<Semaphore>,
    stopped: &watch::Receiver<bool>,
) {
    // The permit comes first: what is over the cap waits in the kernel's queue.
    while let Ok(permit) = Arc::clone(permits).acquire_owned().await {
        match listener.accept().await {
            Ok((stream, peer)) => start(stream, peer, app, permit, stopped),
            Err(cause) => {
                tracing::warn!(%cause, "cannot accept a connection");
                sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

fn start(
    stream: TcpStream,
    peer: SocketAddr,
    app: &Arc<App>,
    permit: OwnedSemaphorePermit,
    stopped: &watch::Receiver<bool>,
) {
    // Answers are written whole: waiting for more of them only delays.
    let _ = stream.set_nodelay(true);
    let (app, stopped) = (Arc::clone(app), stopped.clone());
    tokio::spawn(async move {
        connection::serve(stream, peer.ip(), app, stopped).await;
        drop(permit);
    });
}
