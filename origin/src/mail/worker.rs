//! Empties the queue.

use super::{Kind, Order, SendError};
use crate::{App, auth::one_time, clock, db::DueMail};
use gapura_shared::time::UnixMillis;
use std::{sync::Arc, time::Duration};
use tokio::{sync::watch, task::JoinSet, time::sleep};

/// Mails that are sent at once.
const BATCH: u32 = 8;
/// How often the queue is looked at when nobody in this process put anything in.
const POLL: Duration = Duration::from_secs(2);
/// Longest wait between two attempts.
const MAX_RETRY: Duration = Duration::from_hours(1);
/// After so long nobody waits for a mail any more.
const GIVE_UP_MS: u64 = 86_400_000;

/// Sends what is due until told to stop; what is being sent then is finished first.
pub async fn run(app: Arc<App>, mut stopped: watch::Receiver<bool>) {
    if !app.mail.is_on() {
        return;
    }
    while !*stopped.borrow() {
        let now = clock::now();
        // Longer than an attempt can take, or another one would begin meanwhile.
        let lease_ms = millis(app.mail.settings.timeout.saturating_mul(2));
        match app.db.due_mail(BATCH, lease_ms, now).await {
            Ok(due) if !due.is_empty() => {
                let mut sending = JoinSet::new();
                for mail in due {
                    sending.spawn(deliver(Arc::clone(&app), mail, now));
                }
                sending.join_all().await;
                continue;
            }
            Ok(_) => {}
            Err(error) => tracing::warn!(%error, "the mail queue cannot be read"),
        }
        tokio::select! {
            () = app.mail.waiting.notified() => {}
            () = sleep(POLL) => {}
            _ = stopped.changed() => {}
        }
    }
}

/// One attempt. What fails for the database is left: the lease ends, and it is due again.
async fn deliver(app: Arc<App>, mail: DueMail, now: UnixMillis) {
    let (id, kind) = (mail.id.as_str(), mail.kind.as_str());
    if now.0.saturating_sub(mail.created.0) > GIVE_UP_MS {
        tracing::warn!(id, kind, attempts = mail.attempts, "gave a mail up");
        return done(&app, id, now).await;
    }
    let (Some(what), Ok(order)) = (
        Kind::parse(kind),
        serde_json::from_str::<Order>(&mail.content),
    ) else {
        tracing::error!(id, kind, "a queued mail cannot be read");
        return done(&app, id, now).await;
    };
    let letter = match one_time::prepare(&app, id, what, &order, now).await {
        Ok(Some(letter)) => letter,
        Ok(None) => return done(&app, id, now).await,
        Err(error) => {
            tracing::warn!(id, kind, %error, "a mail cannot be written");
            return;
        }
    };
    let (settings, (letter, language)) = (&app.mail.settings, letter);
    let transport = &app.mail.transport;
    let sent = transport
        .send(settings, id, &order.to, &letter, language)
        .await;
    match sent {
        Ok(()) => {
            tracing::info!(id, kind, attempts = mail.attempts + 1, "sent a mail");
            done(&app, id, now).await;
        }
        Err(error @ SendError::Refused(_)) => {
            tracing::warn!(id, kind, %error, "a mail is not delivered");
            done(&app, id, now).await;
        }
        Err(error @ SendError::NotNow(_)) => {
            let wait = wait(settings.retry, mail.attempts);
            tracing::warn!(id, kind, %error, again_s = wait.as_secs(), "a mail waits");
            let next = UnixMillis(clock::now().0.saturating_add(millis(wait)));
            if let Err(error) = app.db.mail_later(id, next).await {
                tracing::warn!(id, kind, %error, "a mail waits for its lease to end");
            }
        }
    }
}

/// A mail of which this cannot be noted is sent a second time, rather than not at all.
async fn done(app: &App, id: &str, now: UnixMillis) {
    if let Err(error) = app.db.mail_done(id, now).await {
        tracing::warn!(id, %error, "a mail that is done stays in the queue");
    }
}

/// How long to wait after an attempt that `before` others failed before.
fn wait(first: Duration, before: u32) -> Duration {
    first
        .saturating_mul(2_u32.saturating_pow(before))
        .min(MAX_RETRY)
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::wait;
    use std::time::Duration;

    #[test]
    fn waits_double_up_to_an_hour() {
        let first = Duration::from_secs(30);
        let waits: Vec<u64> = [0, 1, 2, 6, 7, 40, u32::MAX]
            .map(|before| wait(first, before).as_secs())
            .into();
        assert_eq!(waits, [30, 60, 120, 1920, 3600, 3600, 3600]);
    }
}
