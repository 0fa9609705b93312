//! `/auth/v1/signup`.

use super::{json_body, open_session, simple, user_answer};
use crate::{
    App,
    admission::Admitted,
    auth::{ROLE_USER, body::Signup, cookie::Delivery, new_user, one_time, session::Method},
    clock,
    db::{SignUp, SignUpMails},
    http::{Answer, ApiError},
    log,
    mail::{self, Order},
};
use gapura_shared::event::Kind;

/// `POST /auth/v1/signup`.
///
/// Without `signup_session` the answer is the account as it would be, made and
/// hashed before the database is asked, so that text, status and work are the
/// same whether the address is new or taken (there, the account in the answer
/// does not exist). supabase-js reads it as "no session yet" and logs in next.
/// Only the owner of a taken address learns of it, by mail. With `confirm_email`
/// the account waits for its confirmation, and nobody is in before.
///
/// # Errors
/// [`ApiError`].
pub async fn signup(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let delivery = Delivery::of(app, request)?;
    sign_up(app, request, delivery).await
}

pub(super) async fn sign_up(
    app: &App,
    request: &mut Admitted,
    delivery: Delivery,
) -> Result<Answer, ApiError> {
    if app.auth.settings.disable_signup {
        return Err(ApiError::SignupDisabled);
    }
    let Signup {
        login,
        data,
        challenge,
    } = Signup::parse(&json_body(request).await?, &app.auth.passwords)?;
    // So that a sign-up that is sent again is known from one of somebody else's.
    let salt = app.auth.sign_up_salt(&login.email);
    let hash = app.auth.hasher.hash_salted(login.password, salt).await?;
    let now = clock::now();
    let mut user = new_user(login.email, hash, ROLE_USER, now);
    user.user_metadata = data;
    user.signed_up = true;
    let confirms = app.auth.settings.confirm_email;
    if confirms {
        user.email_confirmed_at = None;
    }
    let order = Order {
        to: user.email.clone(),
        code_challenge: challenge,
        ..one_time::order(app, request)?
    };
    let mail = confirms.then(|| app.mail.new_mail(mail::Kind::Signup, &order));
    let notice = app.mail.new_mail(mail::Kind::AccountExists, &order);
    let mails = SignUpMails {
        confirmation: mail.as_ref(),
        notice: Some(&notice).filter(|_| app.mail.is_on()),
        max: app.mail.settings.max_queue,
    };
    let signed_up = app.db.sign_up(&user, &mails, now).await?;
    app.mail.wake();
    let created = match signed_up {
        SignUp::Created => true,
        SignUp::Existing => false,
        SignUp::QueueFull => return Err(ApiError::Busy),
    };
    if created {
        log::security(request, Kind::AccountCreated, Some(&user.id), 200, "signup");
    } else {
        log::security(request, Kind::AuthFailed, None, 200, "signup-existing");
    }
    match (app.auth.settings.signup_session && !confirms, created) {
        (false, _) if delivery == Delivery::Simple => simple::registered(&user),
        (false, _) => user_answer(app, &user),
        (true, false) => Err(ApiError::EmailTaken),
        (true, true) => {
            let session = open_session(app, request, user, Method::Password).await?;
            session.answer(&app.auth, delivery)
        }
    }
}
