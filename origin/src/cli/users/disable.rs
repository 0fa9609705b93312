//! `users disable` and `users enable`.

use super::{Account, CliError, Out, tell};
use crate::{auth::timestamp, clock, log};
use chrono::DateTime;
use clap::Args;
use gapura_shared::{event::Kind, time::UnixMillis};
use serde_json::json;

/// The year 9999: what nobody sees the end of.
const FOR_EVER: UnixMillis = UnixMillis(253_370_764_800_000);

#[derive(Debug, Args)]
pub(in crate::cli) struct Disable {
    #[command(flatten)]
    account: Account,
    /// Until then, such as 2026-12-31T00:00:00Z; otherwise for good.
    #[arg(long)]
    until: Option<String>,
}

impl Disable {
    pub(super) async fn run(self, out: Out) -> Result<(), CliError> {
        let until = self.until.as_deref().map_or(Ok(FOR_EVER), time)?;
        let (site, user) = self.account.open().await?;
        let ended = site
            .change(&user.id, clock::now(), |user| {
                user.banned_until = Some(until);
            })
            .await?;
        log::operator(Kind::AccountChanged, &user.id, "users disable");
        site.db.close().await;
        let edge = site.revoke_user(&user.id).await;
        let until = timestamp(until);
        let text = format!(
            "disabled {} ({}) until {until}; ended {ended} sessions",
            user.email, user.id
        );
        let json = json!({
            "id": user.id, "email": user.email, "banned_until": until,
            "sessions_ended": ended,
        });
        tell(out, text, json, edge)
    }
}

fn time(text: &str) -> Result<UnixMillis, CliError> {
    let at = DateTime::parse_from_rfc3339(text).ok();
    let at = at.and_then(|at| u64::try_from(at.timestamp_millis()).ok());
    at.map(UnixMillis)
        .filter(|at| *at > clock::now() && *at <= FOR_EVER)
        .ok_or_else(|| CliError::Usage("--until is a time to come, as in RFC 3339".into()))
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Enable {
    #[command(flatten)]
    account: Account,
}

impl Enable {
    /// Nothing has to be told to the edge: what ended stays ended.
    pub(super) async fn run(self, out: Out) -> Result<(), CliError> {
        let (site, user) = self.account.open().await?;
        let changed = site.db.change_user(&user.id, None, clock::now(), |user| {
            user.banned_until = None;
            Ok::<(), CliError>(())
        });
        changed.await?;
        log::operator(Kind::AccountChanged, &user.id, "users enable");
        site.db.close().await;
        let text = format!("enabled {} ({})", user.email, user.id);
        out.tell(&text, &json!({ "id": user.id, "email": user.email }))
    }
}
