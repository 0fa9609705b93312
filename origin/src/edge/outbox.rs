//! Tells the gate what the database keeps for it.

use super::push;
use crate::{App, clock, config::EdgeUrl, db::Untold};
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, time::sleep};

/// Revocations of one push.
const BATCH: u32 = 1_000;
/// How often the database is asked when nothing in this process put anything in: what another origin left.
const POLL: Duration = Duration::from_secs(5);
/// Longer than a push may take, or another origin would begin meanwhile. So long after one that failed comes
/// the next.
const LEASE_MS: u64 = 15_000;

/// Tells what is due until told to stop; what is being told then is finished first. Where it is not known where the
/// gate is, it hears of revocations by answers alone.
pub async fn run(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    let Some(edge) = app.config.edge.url.clone() else {
        return;
    };
    while !*stopped.borrow() {
        match app.db.take_untold(BATCH, LEASE_MS, clock::now()).await {
            Ok(Some(untold)) => {
                tell(&app, &edge, untold).await;
                continue;
            }
            Ok(None) => {}
            Err(error) => tracing::warn!(%error, "what the gate is to hear cannot be read"),
        }
        tokio::select! {
            () = app.db.has_untold() => {}
            () = sleep(POLL) => {}
            _ = stopped.changed() => {}
        }
    }
}

/// One push. What fails is left: the lease ends, and it is due again.
async fn tell(app: &App, edge: &EdgeUrl, untold: Untold) {
    let count = untold.revocations.len();
    if count > 0 {
        let (edge, keys) = (edge.clone(), app.admission.keys().clone());
        let revocations = untold.revocations.clone();
        let pushed = tokio::task::spawn_blocking(move || push(&edge, &keys, revocations)).await;
        match pushed {
            Ok(Ok(())) => tracing::debug!(count, "the gate knows"),
            Ok(Err(error)) => {
                tracing::warn!(count, %error, "the gate is not told of revocations yet");
                return;
            }
            Err(error) => {
                tracing::error!(count, %error, "the gate is not told of revocations yet");
                return;
            }
        }
    }
    if let Err(error) = app.db.told(&untold).await {
        tracing::warn!(count, %error, "the gate is told of revocations again");
    }
}
