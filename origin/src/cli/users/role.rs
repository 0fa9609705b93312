//! `users role`.

use super::{Account, CliError, Out, role, tell};
use crate::{clock, db::User, log};
use clap::Args;
use gapura_shared::event::Kind;
use serde_json::json;

#[derive(Debug, Args)]
pub(in crate::cli) struct SetRole {
    #[command(flatten)]
    account: Account,
    /// The role from now on.
    #[arg(long)]
    role: String,
    /// Make the role, without permissions, if it is not there.
    #[arg(long)]
    make_missing: bool,
}

impl SetRole {
    /// Tokens carry the role that was: they end with it.
    pub(super) async fn run(self, out: Out) -> Result<(), CliError> {
        let role = role(&self.role)?;
        let (site, user) = self.account.open().await?;
        site.have_role(&role, self.make_missing).await?;
        let change = |user: &mut User| user.role.clone_from(&role);
        let ended = site.change(&user.id, clock::now(), change).await?;
        log::operator(Kind::AccountChanged, &user.id, "users role");
        site.db.close().await;
        let edge = site.revoke_user(&user.id).await;
        let text = format!(
            "{} ({}) has role {role}, before {}; ended {ended} sessions",
            user.email, user.id, user.role
        );
        let json = json!({
            "id": user.id, "email": user.email, "role": role, "role_before": user.role,
            "sessions_ended": ended,
        });
        tell(out, text, json, edge)
    }
}
