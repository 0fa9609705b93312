//! `users unlock`.

use super::{CliError, Out, Place, tell};
use crate::{
    auth::{Auth, email},
    log,
};
use clap::Args;
use gapura_shared::{event::Kind, outcome::AccountId};
use serde_json::json;

#[derive(Debug, Args)]
pub(in crate::cli) struct Unlock {
    #[command(flatten)]
    place: Place,
    /// The address, or whatever else was typed as login name.
    #[arg(long)]
    email: String,
}

impl Unlock {
    /// The edge keeps what it mirrors until the lock's end, unless it is told.
    pub(super) async fn run(self, out: Out) -> Result<(), CliError> {
        let site = self.place.open().await?;
        let login = AccountId::of(&self.email);
        let account = login.as_str();
        let mut was_counted = site.db.unlock(account).await?;
        // Whoever is locked out may be so by codes.
        if let Some(email) = email::normalise(&self.email) {
            was_counted |= Auth::unlock_mailed_codes(&site.db, &email).await?;
            if let Some(user) = site.db.user_by_email(&email).await? {
                was_counted |= Auth::unlock_codes(&site.db, &user.id).await?;
            }
        }
        site.db.close().await;
        log::operator(Kind::AccountUnlocked, account, "users unlock");
        let edge = site.lift_locks(login.clone()).await;
        let what = if was_counted {
            "unlocked"
        } else {
            "no failed logins of"
        };
        let text = format!("{what} {} (account:{account})", self.email);
        let json = json!({ "email": self.email, "account": account, "unlocked": was_counted });
        tell(out, text, json, edge)
    }
}
