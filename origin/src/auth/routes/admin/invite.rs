//! `/auth/v1/invite`: an account for somebody who is asked in by mail.

use super::NO_PASSWORD;
use crate::{
    App,
    admission::Admitted,
    auth::{
        ROLE_USER, body, metadata, new_user, one_time,
        permission::{self, Permission},
        routes::{json_body, user_answer},
    },
    clock,
    db::{Queued, SignUp, User},
    http::{Answer, ApiError},
    log,
    mail::{Kind, Order},
};
use gapura_shared::event;
use serde::Deserialize;
use serde_json::{Map, Value};

/// What supabase-js sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Invitation {
    email: String,
    #[serde(default)]
    data: Option<Map<String, Value>>,
}

/// `POST /auth/v1/invite`: makes an account without a password and mails its owner the way in. As
/// long as nobody has followed it, it can be asked for again; the account stays as it is.
///
/// # Errors
/// [`ApiError`].
pub async fn invite(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let actor = permission::require(app, request, Permission::UsersWrite).await?;
    if !app.mail.is_on() {
        return Err(ApiError::MailOff);
    }
    let sent: Invitation = body::json(&json_body(request).await?)?;
    let now = clock::now();
    let email = body::address(&sent.email)?;
    let mut user = new_user(email, NO_PASSWORD.to_owned(), ROLE_USER, now);
    user.email_confirmed_at = None;
    metadata::merge(&mut user.user_metadata, &sent.data.unwrap_or_default())?;
    let order = Order {
        to: user.email.clone(),
        ..one_time::order(app, request)?
    };
    let mail = app.mail.new_mail(Kind::Invite, &order);
    let max = app.mail.settings.max_queue;
    let (user, kind) = match app.db.invite(&user, &mail, max, now).await? {
        SignUp::Created => (user, event::Kind::AccountCreated),
        SignUp::QueueFull => return Err(ApiError::Busy),
        SignUp::Existing => {
            let user = waiting(app, &user.email).await?;
            match app.mail.queue(&app.db, &[mail], now).await? {
                Queued::Taken => (user, event::Kind::MailRequested),
                Queued::Full => return Err(ApiError::Busy),
            }
        }
    };
    app.mail.wake();
    let target = format!("/auth/v1/admin/users/{}", user.id);
    log::security_on(request, kind, &actor.id, &target, 200, "invite");
    user_answer(app, &user)
}

/// The account of an address that nobody has confirmed.
async fn waiting(app: &App, email: &str) -> Result<User, ApiError> {
    let found = app.db.user_by_email(email).await?;
    found
        .filter(|user| user.email_confirmed_at.is_none())
        .ok_or(ApiError::EmailExists)
}
