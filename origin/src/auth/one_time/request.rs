//! Asks for mails. Every answer is the same, and so is the work, whether the address has an account or not.

use super::{MAX_GUESSES, Purpose, body::Asked};
use crate::{
    App,
    admission::Admitted,
    auth::{
        codes::{Code, CodeAttempt},
        routes::json_body,
    },
    clock,
    db::{Effect, NewMail, ProfileRow, Queued, Use, User},
    http::{Answer, ApiError, respond},
    log,
    mail::{Kind, Language, Order, redirect},
};
use gapura_shared::{event, outcome::AccountId, parse::query, time::UnixMillis};
use http::header::ACCEPT_LANGUAGE;
use std::sync::Arc;

/// `POST /auth/v1/recover`: a mail with which its reader can choose another password.
pub(crate) async fn recover(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let asked = asked(app, request).await?;
    ask_for(app, request, Kind::Recovery, asked).await
}

/// `POST /auth/v1/otp` and `/auth/v1/magiclink`: a mail that lets its reader in. With `create_user` the
/// account is made when it is used, not before: until then nobody has shown whose the address is.
pub(crate) async fn otp(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let asked = asked(app, request).await?;
    ask_for(app, request, Kind::MagicLink, asked).await
}

/// `POST /auth/v1/resend`: the mail of a sign-up or of a change of address once more.
pub(crate) async fn resend(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let mut asked = asked(app, request).await?;
    let kind = match asked.kind.take().as_deref() {
        Some("signup") => Kind::Signup,
        Some("email_change") => Kind::EmailChange,
        _ => return Err(ApiError::Invalid("The type is signup or email_change.")),
    };
    ask_for(app, request, kind, asked).await
}

/// `GET /auth/v1/reauthenticate`: a code to the account's address, for `nonce` in `PUT /auth/v1/user`.
pub(crate) async fn reauthenticate(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let principal = request.identity().principal.as_ref();
    let id = principal.ok_or(ApiError::NoPrincipal)?.subject.as_deref();
    let id = id.ok_or(ApiError::NoSubject)?;
    is_on(app)?;
    let user = app.db.user_by_id(id).await?.ok_or(ApiError::UserGone)?;
    let order = Order {
        to: user.email.clone(),
        user: Some(user.id.clone()),
        ..order(app, request)?
    };
    let mail = app.mail.new_mail(Kind::Reauthentication, &order);
    queue(app, request, Some(&user.id), &[mail], "reauthentication").await
}

/// Compares the code that a mail for reauthentication brought; its id, by which [`use_nonce`] uses it up.
///
/// # Errors
/// [`ApiError::ReauthenticationInvalid`], [`ApiError::CodesLocked`].
pub async fn check_nonce(
    app: &App,
    request: &Admitted,
    user: &User,
    nonce: &str,
) -> Result<String, ApiError> {
    let now = clock::now();
    let attempt = CodeAttempt::count(&app.db, request, Code::Mail, &user.email, now).await?;
    let account = AccountId::of(&user.email);
    let purpose = Purpose::Reauthentication.as_str();
    let found = app
        .db
        .count_code(account.as_str(), purpose, MAX_GUESSES, now)
        .await?;
    let found = found.filter(|found| {
        found.user.as_deref() == Some(user.id.as_str())
            && app.auth.one_time.is_code(&found.id, nonce)
    });
    let found = found.ok_or(ApiError::ReauthenticationInvalid)?;
    attempt.succeeded(&app.db, now).await?;
    Ok(found.id)
}

/// Uses it up; it is good once.
///
/// # Errors
/// [`ApiError::ReauthenticationInvalid`].
pub async fn use_nonce(app: &App, id: &str) -> Result<(), ApiError> {
    let now = clock::now();
    match app.db.use_one_time(id, &Effect::Nothing, now).await? {
        Use::Done => Ok(()),
        Use::HalfDone | Use::Refused | Use::Taken => Err(ApiError::ReauthenticationInvalid),
    }
}

/// Mails to both addresses of a change; the account gets the new one when both have agreed. Whether that
/// one has an account already is told to its owner alone.
///
/// # Errors
/// [`ApiError`].
pub async fn change_email(
    app: &App,
    request: &mut Admitted,
    user: &User,
    new_email: String,
    challenge: Option<String>,
) -> Result<(), ApiError> {
    is_on(app)?;
    let order = order(app, request)?;
    let to = |address: &str| Order {
        to: address.to_owned(),
        user: Some(user.id.clone()),
        new_email: Some(new_email.clone()),
        code_challenge: challenge.clone(),
        ..order.clone()
    };
    let mails =
        [&user.email, &new_email].map(|address| app.mail.new_mail(Kind::EmailChange, &to(address)));
    queue(app, request, Some(&user.id), &mails, "email_change").await?;
    Ok(())
}

/// An account, and the address that it is to have when both have agreed.
///
/// # Errors
/// [`ApiError`].
pub async fn changing_user(
    app: &App,
    id: &str,
    now: UnixMillis,
) -> Result<Option<(Arc<ProfileRow>, Option<String>)>, ApiError> {
    let purpose = Purpose::EmailChange.as_str();
    let found = app.db.user_with_token(id, purpose, now).await?;
    let new_email = |content: String| serde_json::from_str::<Order>(&content).ok()?.new_email;
    Ok(found.map(|(shown, content)| (shown, content.and_then(new_email))))
}

/// What every mail of a request has in common.
///
/// # Errors
/// [`ApiError::Invalid`] for a query that cannot be read.
pub(crate) fn order(app: &App, request: &Admitted) -> Result<Order, ApiError> {
    let place = query::first(request.query(), "redirect_to")
        .map_err(|_| ApiError::Invalid("The query is not readable."))?;
    let settings = &app.mail.settings;
    let place = place.filter(|place| {
        redirect::allowed(place, &settings.site_url, &settings.redirects).is_some()
    });
    let accepted = request.headers().get(ACCEPT_LANGUAGE);
    Ok(Order {
        language: accepted
            .and_then(|value| value.to_str().ok())
            .and_then(Language::accepted),
        redirect_to: place,
        ..Order::default()
    })
}

async fn asked(app: &App, request: &mut Admitted) -> Result<Asked, ApiError> {
    is_on(app)?;
    Asked::parse(&json_body(request).await?)
}

fn is_on(app: &App) -> Result<(), ApiError> {
    app.mail.is_on().then_some(()).ok_or(ApiError::MailOff)
}

async fn ask_for(
    app: &App,
    request: &mut Admitted,
    kind: Kind,
    asked: Asked,
) -> Result<Answer, ApiError> {
    let order = Order {
        to: asked.email,
        code_challenge: asked.challenge,
        // Where nobody signs up, the answer is the same; there is no mail.
        creates: asked.creates && kind == Kind::MagicLink && !app.auth.settings.disable_signup,
        data: asked.data,
        ..order(app, request)?
    };
    let mail = app.mail.new_mail(kind, &order);
    queue(app, request, None, &[mail], kind.as_str()).await
}

async fn queue(
    app: &App,
    request: &mut Admitted,
    actor: Option<&str>,
    mails: &[NewMail],
    reason: &'static str,
) -> Result<Answer, ApiError> {
    match app.mail.queue(&app.db, mails, clock::now()).await? {
        Queued::Taken => {
            log::security(request, event::Kind::MailRequested, actor, 200, reason);
            Ok(respond::private_json("{}"))
        }
        Queued::Full => Err(ApiError::Busy),
    }
}
