//! `/auth/v1/user`: one's own account.

use super::{changing_user_answer, factors::is_stepped_up, json_body, may_log_in, present, revoke};
use crate::{
    App,
    admission::Admitted,
    auth::{
        Auth, body,
        login::{Attempt, Finding},
        metadata,
        one_time::{self, challenge},
        password,
    },
    clock,
    db::{Changed, End, Session, User},
    http::{Answer, ApiError},
    log,
    mail::{self, Order},
};
use gapura_shared::{event::Kind, outcome::Login};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::{Map, Value};

/// What supabase-js sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Update {
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    current_password: Option<String>,
    /// The code of a mail for reauthentication.
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    data: Option<Map<String, Value>>,
    #[serde(default)]
    code_challenge: Option<String>,
    #[serde(default)]
    code_challenge_method: Option<String>,
    #[serde(default, rename = "gotrue_meta_security")]
    _captcha: IgnoredAny,
}

/// `GET /auth/v1/user`: the account that the token names. `PUT` changes it.
///
/// # Errors
/// [`ApiError`].
pub async fn user(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    if request.method() == http::Method::PUT {
        return update(app, request).await;
    }
    let principal = request.identity().principal.as_ref();
    let principal = principal.ok_or(ApiError::NoPrincipal)?;
    let id = principal.subject.as_deref().ok_or(ApiError::NoSubject)?;
    let now = clock::now();
    let (shown, new_email) = one_time::changing_user(app, id, now)
        .await?
        .ok_or(ApiError::UserGone)?;
    let profile = shown.profile()?;
    may_log_in(&app.auth, &profile, now)?;
    changing_user_answer(app, profile, new_email.as_deref())
}

/// A new password ends every other session: whoever has the old one is out.
async fn update(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let sent: Update = body::json(&json_body(request).await?)?;
    let (user, session) = present(app, request).await?;
    let order = one_time::order(app, request)?;
    let challenge = challenge(sent.code_challenge, sent.code_challenge_method.as_deref())?;
    let email = sent.email.as_deref().map(body::address).transpose()?;
    let email = email.filter(|email| *email != user.email);
    if email.is_some() && !app.mail.is_on() {
        return Err(ApiError::MailOff);
    }
    // Asked before anything changes: both happen, or neither.
    if email.is_some() && !app.db.has_mail_room(app.mail.settings.max_queue).await? {
        return Err(ApiError::Busy);
    }
    let hash = match sent.password {
        Some(new) => {
            let change = NewPassword {
                new,
                current: sent.current_password,
                nonce: sent.nonce,
            };
            Some(change.checked(app, request, &user, &session).await?)
        }
        None => None,
    };
    let data = sent.data.unwrap_or_default();
    let others = hash.as_ref().map(|_| End::AllBut(&session.id));
    let change = |now: &mut User| {
        if let Some(hash) = &hash {
            if now.password_hash != user.password_hash {
                return Err(ApiError::Conflict);
            }
            now.password_hash.clone_from(hash);
        }
        metadata::merge(&mut now.user_metadata, &data)
    };
    let changed = app
        .db
        .change_user(&user.id, others, clock::now(), change)
        .await?;
    let (changed, ended) = match changed {
        Changed::Done { user, ended } => (user, ended),
        Changed::Taken | Changed::Gone => return Err(ApiError::UserGone),
    };
    let kind = if hash.is_some() {
        Kind::PasswordChanged
    } else {
        Kind::AccountChanged
    };
    revoke(app, request, &user.id, ended);
    if hash.is_some() {
        told_of_password(app, order, &changed).await?;
    }
    if let Some(email) = &email {
        one_time::change_email(app, request, &user, email.clone(), challenge).await?;
    }
    log::security(request, kind, Some(&user.id), 200, "own");
    changing_user_answer(app, (&*changed).into(), email.as_deref())
}

/// Links and codes that are out let nobody in any more, and the owner is told.
async fn told_of_password(app: &App, order: Order, user: &User) -> Result<(), ApiError> {
    app.db.revoke_one_time(&user.id).await?;
    let order = Order {
        to: user.email.clone(),
        ..order
    };
    let kind = mail::Kind::PasswordChanged;
    app.mail.notify(&app.db, kind, &order, clock::now()).await;
    Ok(())
}

/// A password that somebody wants from now on.
struct NewPassword {
    new: String,
    current: Option<String>,
    nonce: Option<String>,
}

impl NewPassword {
    /// Its hash, if it may become the account's.
    async fn checked(
        self,
        app: &App,
        request: &mut Admitted,
        user: &User,
        session: &Session,
    ) -> Result<String, ApiError> {
        let auth = &app.auth;
        auth.passwords
            .check(&self.new, &user.email)
            .map_err(ApiError::WeakPassword)?;
        // Who has two factors changes one of them with both.
        let has_factor = user.factors.iter().any(|factor| factor.verified);
        if has_factor && !is_stepped_up(app, request, &user.id, &session.id).await? {
            return Err(ApiError::InsufficientAal);
        }
        let age_ms = clock::now().0.saturating_sub(session.created.0);
        let is_fresh = u128::from(age_ms) < auth.settings.reauthenticate.as_millis();
        let nonce = match (self.current, self.nonce) {
            (Some(current), _) => {
                proven(app, request, user, current).await?;
                None
            }
            (None, Some(nonce)) => Some(one_time::check_nonce(app, request, user, &nonce).await?),
            (None, None) if is_fresh => None,
            (None, None) => return Err(ApiError::ReauthenticationNeeded),
        };
        let same = auth
            .hasher
            .verify(self.new.clone(), Some(&user.password_hash));
        if same.await?.matches {
            return Err(ApiError::SamePassword);
        }
        let hash = auth.hasher.hash(self.new).await?;
        // Last: what is refused before must not cost the code.
        if let Some(nonce) = nonce {
            one_time::use_nonce(app, &nonce).await?;
        }
        Ok(hash)
    }
}

/// Whoever has a stolen token must not try passwords here either: each one counts as a login.
async fn proven(
    app: &App,
    request: &mut Admitted,
    user: &User,
    current: String,
) -> Result<(), ApiError> {
    if current.len() > password::MAX_BYTES {
        return Err(ApiError::Invalid("The password is too long."));
    }
    let auth = &app.auth;
    let attempt = Attempt {
        turn: auth.hasher.turn()?,
        source: auth.source(request, &user.email),
        email: user.email.clone(),
        password: current,
    };
    let mut judged = auth.judge(&app.db, attempt).await?;
    // Whoever has the address by now.
    if matches!(&judged.finding, Finding::Right(owner) if *owner == user.id) {
        request.outcome().login = Some(Login::Succeeded);
        return Ok(());
    }
    log::security(
        request,
        Kind::AuthFailed,
        Some(&user.id),
        400,
        "current-password",
    );
    Auth::login_failed(request, &mut judged.counted, 0);
    Err(ApiError::InvalidCredentials)
}
