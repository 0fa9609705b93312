//! `gapura-origin serve`.

use super::{CliError, environment};
use crate::{App, auth, clock, config, edge, log, mail, server};
use std::{path::PathBuf, sync::Arc, time::Duration};
use tokio::sync::watch;

pub(super) async fn run(path: PathBuf) -> Result<(), CliError> {
    let (config, secrets) =
        config::load_all(&path, &environment).map_err(|bad| CliError::Config { path, bad })?;
    log::start(config.log);
    let failed = |what: &str| {
        let what = what.to_owned();
        move |error| CliError::Io(what, error)
    };
    let mut signals = server::StopSignals::watch().map_err(failed("signals"))?;
    let address = config.listen.address;
    let drain = config.listen.timeouts.drain;
    let app = Arc::new(App::start(config, secrets).await?);
    let listener = server::bind(address)
        .await
        .map_err(failed(&address.to_string()))?;
    let address = listener.local_addr().map_err(failed("local address"))?;
    tracing::info!(%address, "listening");
    if !app.mail.is_on() {
        tracing::warn!("no mail is sent: mail.host is not set");
    }
    for warning in app.data.warnings() {
        tracing::warn!("{warning}");
    }
    if app.data.waits_in_memory() {
        tracing::warn!(
            "TMPDIR is in memory: so is what slow clients have not taken of an answer yet"
        );
    }
    let forget = tokio::spawn(forget_hourly(Arc::clone(&app)));
    let keys = tokio::spawn(look_for_keys(Arc::clone(&app)));
    let (no_more, stopped) = watch::channel(false);
    let delivery = tokio::spawn(mail::run(Arc::clone(&app), stopped.clone()));
    let telling = tokio::spawn(edge::run(Arc::clone(&app), stopped));
    let stop = async {
        let signal = signals.received().await;
        tracing::info!(signal, "stopping");
    };
    let stopped = server::serve(listener, Arc::clone(&app), stop).await;
    forget.abort();
    keys.abort();
    // What is being handed over may end; what is not would be handed over again.
    let _ = no_more.send(true);
    let until = tokio::time::Instant::now() + drain;
    for mut worker in [delivery, telling] {
        if tokio::time::timeout_at(until, &mut worker).await.is_err() {
            worker.abort();
        }
    }
    app.db.close().await;
    tracing::info!(?stopped, "stopped");
    Ok(())
}

/// Sees keys that were made or retired on another machine.
async fn look_for_keys(app: Arc<App>) {
    let mut times = tokio::time::interval(auth::keys::RELOAD);
    loop {
        times.tick().await;
        if let Err(fault) = app.auth.reload_keys(&app.db).await {
            tracing::warn!(%fault, "the token keys stay as they were");
        }
    }
}

/// Deletes what nothing depends on any more: counts of failed logins, factors that nobody
/// verified, ended sessions.
async fn forget_hourly(app: Arc<App>) {
    let mut hours = tokio::time::interval(Duration::from_hours(1));
    loop {
        hours.tick().await;
        if let Err(fault) = app.auth.sweep(&app.db, clock::now()).await {
            tracing::warn!(%fault, "ended sessions stay");
        }
        let before = auth::forgotten_before(clock::now());
        if let Err(fault) = app.db.forget_login_failures(before).await {
            tracing::warn!(%fault, "old counts of failed logins stay");
        }
        if let Err(fault) = app.db.sweep_factors(auth::abandoned_before()).await {
            tracing::warn!(%fault, "abandoned factors stay");
        }
        if let Err(fault) = app.db.forget_mail(clock::now()).await {
            tracing::warn!(%fault, "old mails stay");
        }
        if let Err(fault) = app.db.forget_idempotency_keys(clock::now()).await {
            tracing::warn!(%fault, "old idempotency keys stay");
        }
    }
}
