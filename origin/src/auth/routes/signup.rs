//! `/auth/v1/signup`.

use super::{json_body, user_answer};
use crate::{
    App,
    admission::Admitted,
    auth::{
        ROLE_USER,
        body::Signup,
        cookie::Delivery,
        new_user,
        session::{Method, device},
    },
    clock,
    http::{Answer, ApiError},
    log,
};
use gapura_shared::event::Kind;

/// `POST /auth/v1/signup`.
///
/// Without `signup_session` the answer is the account as it would be, made and
/// hashed before the database is asked, so that text, status and work are the
/// same whether the address is new or taken (there, the account in the answer
/// does not exist). supabase-js reads it as "no session yet" and logs in next.
///
/// # Errors
/// [`ApiError`].
pub async fn signup(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let delivery = Delivery::of(app, request)?;
    let Signup { login, data } = Signup::parse(&json_body(request).await?, &app.auth.passwords)?;
    let hash = app.auth.hasher.hash(login.password).await?;
    let now = clock::now();
    let mut user = new_user(login.email, hash, ROLE_USER, now);
    user.user_metadata = data;
    let created = app.db.insert_user(&user).await?;
    if created {
        log::security(request, Kind::AccountCreated, Some(&user.id), 200, "signup");
    } else {
        log::security(request, Kind::AuthFailed, None, 200, "signup-existing");
    }
    match (app.auth.settings.signup_session, created) {
        (false, _) => user_answer(app, &user),
        (true, false) => Err(ApiError::EmailTaken),
        (true, true) => {
            let device = device(request);
            let opened = app.auth.open(&app.db, user, Method::Password, &device, now);
            opened.await?.answer(&app.auth, delivery)
        }
    }
}
