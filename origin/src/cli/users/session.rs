//! `users sessions` and `users logout`.

use super::{Account, CliError, Out, tell};
use crate::{
    auth::timestamp,
    clock,
    db::{Device, End, Session},
    log,
};
use clap::Args;
use gapura_shared::{event::Kind, push, time::UnixMillis};
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub(in crate::cli) struct Sessions {
    #[command(flatten)]
    account: Account,
    /// End this one.
    #[arg(long, value_name = "ID")]
    end: Option<String>,
}

impl Sessions {
    pub(super) async fn run(self, out: Out) -> Result<(), CliError> {
        let (site, user) = self.account.open().await?;
        let Some(id) = self.end else {
            let now = clock::now();
            let lifetime_ms = site.config.auth.refresh_lifetime.as_millis();
            let idle_ms = u64::try_from(lifetime_ms).unwrap_or(u64::MAX);
            let idle_since = UnixMillis(now.0.saturating_sub(idle_ms));
            let open = site.db.sessions(&user.id, idle_since, now).await?;
            site.db.close().await;
            let mut lines = vec![format!("{} ({}): {}", user.email, user.id, open.len())];
            lines.extend(open.iter().map(line));
            let sessions: Vec<Value> = open.iter().map(shown).collect();
            let json = json!({ "id": user.id, "email": user.email, "sessions": sessions });
            return out.tell(&lines.join("\n"), &json);
        };
        let ended = site.db.end_sessions(&user.id, End::One(&id), clock::now());
        if ended.await?.is_empty() {
            let message = format!("{} has no open session {id}", user.email);
            return Err(CliError::Usage(message));
        }
        log::operator(Kind::SessionEnded, &user.id, "users sessions");
        site.db.close().await;
        let edge = site.revoke(push::Kind::Session, &id, None).await;
        let text = format!("ended session {id} of {}", user.email);
        tell(out, text, json!({ "id": user.id, "ended": id }), edge)
    }
}

fn line(session: &Session) -> String {
    let last_seen = timestamp(session.last_seen);
    let Device {
        address,
        user_agent,
    } = &session.device;
    format!("{}  {last_seen}  {address}  {user_agent}", session.id)
}

fn shown(session: &Session) -> Value {
    json!({
        "id": session.id,
        "created_at": timestamp(session.created),
        "last_seen_at": timestamp(session.last_seen),
        "address": session.device.address,
        "user_agent": session.device.user_agent,
    })
}

#[derive(Debug, Args)]
pub(in crate::cli) struct Logout {
    #[command(flatten)]
    account: Account,
}

impl Logout {
    /// Whatever was issued until now holds no longer, at the edge too where it is told.
    pub(super) async fn run(self, out: Out) -> Result<(), CliError> {
        let (site, user) = self.account.open().await?;
        let ended = site.db.end_sessions(&user.id, End::All, clock::now());
        let ended = ended.await?.len();
        site.db.close().await;
        log::operator(Kind::SessionEnded, &user.id, "users logout");
        let edge = site.revoke_user(&user.id).await;
        let text = format!("ended {ended} sessions of {} ({})", user.email, user.id);
        let json = json!({ "id": user.id, "email": user.email, "sessions_ended": ended });
        tell(out, text, json, edge)
    }
}
