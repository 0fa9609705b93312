//! `users list`.

use super::{CliError, Out, Place};
use crate::{auth::timestamp, db::User};
use clap::Args;
use serde_json::{Value, json};

#[derive(Debug, Args)]
pub(in crate::cli) struct List {
    #[command(flatten)]
    place: Place,
    /// Begin behind this address.
    #[arg(long, default_value = "")]
    after: String,
    /// At most so many, 1 to 1000.
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

impl List {
    pub(super) async fn run(self, out: Out) -> Result<(), CliError> {
        let site = self.place.open().await?;
        let users = site.db.users_after(&self.after, self.limit).await?;
        site.db.close().await;
        let full = users.len() == usize::try_from(self.limit).unwrap_or(usize::MAX);
        let next = users.last().filter(|_| full).map(|user| &user.email);
        let mut lines: Vec<String> = users.iter().map(line).collect();
        if let Some(next) = next {
            lines.push(format!("more: --after {next}"));
        }
        let shown: Vec<Value> = users.iter().map(shown).collect();
        let json = json!({ "users": shown, "next": next });
        out.tell(&lines.join("\n"), &json)
    }
}

fn line(user: &User) -> String {
    let last = user
        .last_sign_in_at
        .map_or_else(|| "never".into(), timestamp);
    format!("{}  {}  {}  {last}", user.id, user.role, user.email)
}

fn shown(user: &User) -> Value {
    json!({
        "id": user.id, "email": user.email, "role": user.role, "tenant_id": user.tenant,
        "email_confirmed_at": user.email_confirmed_at.map(timestamp),
        "banned_until": user.banned_until.map(timestamp),
        "last_sign_in_at": user.last_sign_in_at.map(timestamp),
        "created_at": timestamp(user.created_at),
    })
}
