//! One connection: hyper's HTTP/1 between its phases and their timeouts.

use super::progress::{Noticing, Phase, Progress, interval};
use crate::{
    App,
    http::{self, Broken, Bytes, Incoming, Outgoing},
};
use ::http::{Request, Response};
use hyper::{
    body::{Body, Frame, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use std::{
    convert::Infallible,
    net::IpAddr,
    pin::{Pin, pin},
    sync::Arc,
    task::{Context, Poll},
};
use tokio::{net::TcpStream, sync::watch};

/// Serves one connection to its end: the client's, a timeout's or the server's.
pub(super) async fn serve(
    stream: TcpStream,
    peer: IpAddr,
    app: Arc<App>,
    mut stopped: watch::Receiver<bool>,
) {
    let progress = Progress::new();
    let listen = &app.config.listen;
    let io = TokioIo::new(Noticing::new(stream, Arc::clone(&progress)));
    let service = service_fn(|request| answer(&app, peer, request, &progress));
    let mut connection = pin!(
        http1::Builder::new()
            .max_header_size(listen.max_header_bytes)
            // Timeouts are ours: see `progress`.
            .header_read_timeout(None)
            .serve_connection(io, service)
    );
    let mut look = tokio::time::interval(interval(&listen.timeouts));
    let mut stopping = false;
    loop {
        tokio::select! {
            // A broken connection is the client's business: nobody is left to be told.
            _ = connection.as_mut() => return,
            _ = look.tick() => if let Some(why) = progress.overdue(&listen.timeouts) {
                tracing::debug!(%peer, phase = ?progress.phase(), why, "connection timed out");
                return;
            },
            _ = stopped.changed(), if !stopping => {
                stopping = true;
                connection.as_mut().graceful_shutdown();
            }
        }
    }
}

async fn answer(
    app: &Arc<App>,
    peer: IpAddr,
    request: Request<Incoming>,
    progress: &Arc<Progress>,
) -> Result<Response<Tracked>, Infallible> {
    progress.begin();
    let answer = http::answer(app, peer, request).await;
    Ok(answer.map(|body| Tracked {
        body,
        progress: Arc::clone(progress),
    }))
}

/// An answer's body; when hyper is done with it, the connection is idle.
struct Tracked {
    body: Outgoing,
    progress: Arc<Progress>,
}

impl Drop for Tracked {
    fn drop(&mut self) {
        self.progress.enter(Phase::Idle);
    }
}

impl Body for Tracked {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if self.body.is_in_pieces() {
            // From here on it is the client's time, or ours.
            match (&polled, self.progress.phase()) {
                (Poll::Ready(_), _) => self.progress.enter(Phase::Sending),
                (Poll::Pending, Phase::Sending) => self.progress.enter(Phase::Busy),
                (Poll::Pending, _) => {}
            }
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
