//! `users add`, and the first administrator of `init`.

use super::{CliError, Out, Place, Site, address, password::Chosen, role};
use crate::{
    auth::{self, ROLE_USER},
    clock, log,
};
use clap::Args;
use gapura_shared::event::Kind;
use serde_json::{Value, json};
use std::path::PathBuf;

#[derive(Debug, Args)]
pub(in crate::cli) struct Add {
    #[command(flatten)]
    place: Place,
    /// The address.
    #[arg(long)]
    email: String,
    /// The role.
    #[arg(long, default_value = ROLE_USER)]
    role: String,
    /// Make the role, without permissions, if it is not there.
    #[arg(long)]
    make_missing: bool,
    /// Read the password from standard input; otherwise one is made and printed.
    #[arg(long)]
    password_stdin: bool,
    /// Leave an account that is there as it is, without an error.
    #[arg(long)]
    if_missing: bool,
}

/// What became of an account that was to be added.
pub(in crate::cli) struct Added {
    id: String,
    email: String,
    role: String,
    is_new: bool,
    /// Where one was made.
    password: Option<String>,
}

impl Added {
    pub(in crate::cli) fn text(&self) -> String {
        let Self {
            id, email, role, ..
        } = self;
        match &self.password {
            _ if !self.is_new => format!("kept {email} ({id})"),
            None => format!("added {email} ({role}, {id})"),
            Some(password) => format!("added {email} ({role}, {id})\npassword: {password}"),
        }
    }

    pub(in crate::cli) fn json(&self) -> Value {
        json!({
            "id": self.id, "email": self.email, "role": self.role,
            "added": self.is_new, "password": self.password,
        })
    }
}

/// Adds an administrator with a password that is made here.
pub(in crate::cli) async fn first_admin(
    config: PathBuf,
    email: String,
    if_missing: bool,
) -> Result<Added, CliError> {
    let add = Add {
        place: Place { config },
        email,
        role: "admin".into(),
        make_missing: false,
        password_stdin: false,
        if_missing,
    };
    add.add().await
}

impl Add {
    pub(super) async fn run(self, out: Out) -> Result<(), CliError> {
        let added = self.add().await?;
        out.tell(&added.text(), &added.json())
    }

    async fn add(self) -> Result<Added, CliError> {
        let email = address(&self.email)?;
        let role = role(&self.role)?;
        let site = self.place.open().await?;
        site.have_role(&role, self.make_missing).await?;
        let added = add(&site, email, role, self.password_stdin).await?;
        site.db.close().await;
        if added.is_new || self.if_missing {
            Ok(added)
        } else {
            let message = format!("{} has an account already", added.email);
            Err(CliError::Usage(message))
        }
    }
}

async fn add(
    site: &Site,
    email: String,
    role: String,
    password_stdin: bool,
) -> Result<Added, CliError> {
    let known = |id, email, role| Added {
        id,
        email,
        role,
        is_new: false,
        password: None,
    };
    if let Some(user) = site.db.user_by_email(&email).await? {
        return Ok(known(user.id, user.email, user.role));
    }
    let chosen = Chosen::take(site, password_stdin, &email)?;
    let hash = chosen.hash(site).await?;
    let user = auth::new_user(email.clone(), hash, &role, clock::now());
    if !site.db.insert_user(&user).await? {
        // Somebody else was faster: the id is theirs.
        let theirs = site.db.user_by_email(&email).await?;
        return Ok(known(
            theirs.map_or_else(String::new, |u| u.id),
            email,
            role,
        ));
    }
    log::operator(Kind::AccountCreated, &user.id, "users add");
    Ok(Added {
        id: user.id,
        email,
        role,
        is_new: true,
        password: chosen.made(),
    })
}
