//! `/auth/v1/verify`: uses a token, by link or by code.

use super::{
    MAX_GUESSES, Purpose,
    body::{Shown, Verify, purposes},
    hash, pkce,
};
use crate::{
    App,
    admission::Admitted,
    auth::{
        ROLE_USER,
        codes::{self, Code, CodeAttempt},
        cookie::Delivery,
        lockout, new_user,
        routes::{json_body, open_session},
        session::{Method, Session},
    },
    clock,
    db::{Effect, OneTime, Use, User},
    http::{Answer, ApiError, respond},
    log,
    mail::{Order, redirect},
    random,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_shared::{
    event::Kind,
    outcome::{AccountId, Login},
    parse::query,
    time::UnixMillis,
};
use http::StatusCode;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// What came of a token.
enum Accepted {
    /// Its reader is in.
    In(Box<User>),
    /// The other address of a change has yet to agree.
    Half,
}

/// What one address of a change is told until the other one has agreed too.
const HALF: &str =
    "Confirmation accepted. Please confirm in the mail that went to the other address, too.";

/// `POST /auth/v1/verify` answers with a session, `GET` sends a browser on with one.
pub(crate) async fn verify(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    if request.method() == http::Method::GET {
        return follow(app, request).await;
    }
    let delivery = Delivery::of(app, request)?;
    let verify = Verify::parse(&json_body(request).await?)?;
    let found = match find(app, request, &verify, clock::now()).await {
        Err(refusal @ (ApiError::OtpExpired | ApiError::CodesLocked { .. })) => {
            // A guess: who makes many is turned away at the edge.
            if matches!(verify.shown, Shown::Code { .. }) {
                request.outcome().login = Some(Login::Failed);
            }
            let shape = refusal.shape();
            log::security(request, Kind::AuthFailed, None, shape.status, "one-time");
            return Err(refusal);
        }
        found => found?,
    };
    match accept(app, request, found).await?.0 {
        Accepted::In(user) => {
            let session = open_session(app, request, *user, Method::OneTime).await?;
            session.answer(&app.auth, delivery)
        }
        Accepted::Half => {
            let told = serde_json::json!({ "code": 200, "msg": HALF });
            Ok(respond::private_json(told.to_string()))
        }
    }
}

/// A link in a mail, followed by a browser: it goes on to the place that the link names, if that is allowed,
/// with the session in the fragment, which no server sees, or with a code for who asked for the mail.
async fn follow(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let value = |name| {
        query::first(request.query(), name)
            .map_err(|_| ApiError::Invalid("The query is not readable."))
    };
    let (token, kind, place) = (value("token")?, value("type")?, value("redirect_to")?);
    let settings = &app.mail.settings;
    let place = place
        .as_deref()
        .and_then(|place| redirect::allowed(place, &settings.site_url, &settings.redirects))
        .unwrap_or(&settings.site_url)
        .to_owned();
    let verify = Verify {
        purposes: purposes(&kind.unwrap_or_default())?,
        shown: Shown::Link(token.unwrap_or_default()),
    };
    let now = clock::now();
    let found = find(app, request, &verify, now).await;
    let accepted = match found {
        Ok(found) => accept(app, request, found).await,
        Err(error) => Err(error),
    };
    let fragment = match accepted {
        Ok((Accepted::In(user), order)) => {
            if let Some(challenge) = order.code_challenge {
                let code = pkce::issue(app, &user, challenge, now).await?;
                let mark = if place.contains('?') { '&' } else { '?' };
                return Ok(respond::see_other(&format!("{place}{mark}code={code}")));
            }
            let session = open_session(app, request, *user, Method::OneTime).await?;
            fragment_of(&session, kind_of(&verify))
        }
        Ok((Accepted::Half, _)) => format!("message={}", encoded(HALF)),
        Err(error @ (ApiError::OtpExpired | ApiError::EmailTaken | ApiError::UserBanned)) => {
            let shape = error.shape();
            format!(
                "error=access_denied&error_code={}&error_description={}",
                shape.code,
                encoded(shape.title)
            )
        }
        Err(error) => return Err(error),
    };
    Ok(respond::see_other(&format!("{place}#{fragment}")))
}

fn kind_of(verify: &Verify) -> &'static str {
    verify
        .purposes
        .first()
        .map_or("", |purpose| purpose.as_str())
}

/// As supabase-js finds a session in the address of a page.
fn fragment_of(session: &Session, kind: &str) -> String {
    let fields = session.fields();
    let mut parts: Vec<String> = fields
        .iter()
        .map(|(name, value)| format!("{name}={}", encoded(value)))
        .collect();
    parts.push(format!("type={kind}"));
    parts.join("&")
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The token, if it is good.
async fn find(
    app: &App,
    request: &Admitted,
    verify: &Verify,
    now: UnixMillis,
) -> Result<OneTime, ApiError> {
    match &verify.shown {
        Shown::Link(link) => {
            let found = app.db.one_time_by_hash(&hash(link)).await?;
            let is_good = |found: &OneTime| {
                let purpose = Purpose::parse(&found.kind);
                purpose.is_some_and(|purpose| verify.purposes.contains(&purpose))
                    && found.used.is_none()
                    && found.expires > now
            };
            found.filter(is_good).ok_or(ApiError::OtpExpired)
        }
        Shown::Code { email, code } => {
            CodeAttempt::count(&app.db, request, Code::Mail, email, now).await?;
            let account = AccountId::of(email);
            for purpose in verify.purposes {
                let found = app
                    .db
                    .count_code(account.as_str(), purpose.as_str(), MAX_GUESSES, now)
                    .await?;
                let is_code = |found: &OneTime| app.auth.one_time.is_code(&found.id, code);
                if let Some(found) = found.filter(is_code) {
                    return Ok(found);
                }
            }
            Err(ApiError::OtpExpired)
        }
    }
}

/// Uses a token that was found good, in one transaction with what it lets happen.
async fn accept(
    app: &App,
    request: &mut Admitted,
    found: OneTime,
) -> Result<(Accepted, Order), ApiError> {
    let accepted = try_accept(app, request, found).await;
    if accepted.is_err() {
        log::security(request, Kind::AuthFailed, None, 403, "one-time");
    }
    accepted
}

async fn try_accept(
    app: &App,
    request: &mut Admitted,
    found: OneTime,
) -> Result<(Accepted, Order), ApiError> {
    let purpose = Purpose::parse(&found.kind).ok_or(ApiError::OtpExpired)?;
    let order: Order = serde_json::from_str(&found.content).map_err(|_| ApiError::Internal)?;
    let now = clock::now();
    let (mut user, is_new) = match &found.user {
        Some(id) => (
            app.db.user_by_id(id).await?.ok_or(ApiError::OtpExpired)?,
            false,
        ),
        None if order.creates => (newcomer(app, &order, now).await?, true),
        // Of an address without an account: such a token was sent to nobody.
        None => return Err(ApiError::OtpExpired),
    };
    if user.is_banned(now) {
        return Err(ApiError::UserBanned);
    }
    // A password that was chosen before the address was confirmed may be a stranger's.
    let unproven = purpose != Purpose::Signup;
    let no_password = match user.email_confirmed_at {
        None => Some(no_password(app).await?),
        Some(_) => None,
    };
    let effect = match (purpose, &order.new_email) {
        (Purpose::EmailChange, Some(email)) => Effect::ChangeEmail {
            user: &user.id,
            email,
        },
        _ if is_new => Effect::Create(&user),
        _ => Effect::Confirm {
            user: &user.id,
            unproven,
            no_password: no_password.as_deref(),
        },
    };
    match app.db.use_one_time(&found.id, &effect, now).await? {
        Use::Done => {}
        Use::HalfDone => return Ok((Accepted::Half, order)),
        Use::Refused => return Err(ApiError::OtpExpired),
        Use::Taken => return Err(ApiError::EmailTaken),
    }
    // As it is now: with its new address, confirmed.
    user = app
        .db
        .user_by_id(&user.id)
        .await?
        .filter(|user| !user.is_banned(now) && user.deleted_at.is_none())
        .ok_or(ApiError::OtpExpired)?;
    // By link or by code: whoever reads what is sent there has nothing to guess.
    codes::proven(&app.db, request, Code::Mail, &order.to, now).await?;
    if matches!(purpose, Purpose::Recovery | Purpose::Signup) {
        lockout::lift(&app.db, request, &user.email, now).await?;
    }
    let (event, reason) = match purpose {
        _ if is_new => (Kind::AccountCreated, "one-time"),
        Purpose::EmailChange => (Kind::EmailChanged, "one-time"),
        _ => (Kind::AuthSuccess, purpose.as_str()),
    };
    log::security(
        request,
        event,
        Some(&user.id),
        StatusCode::OK.as_u16(),
        reason,
    );
    Ok((Accepted::In(Box::new(user)), order))
}

/// The account of somebody who has shown whose the address is; without a password.
async fn newcomer(app: &App, order: &Order, now: UnixMillis) -> Result<User, ApiError> {
    let hash = no_password(app).await?;
    let mut user = new_user(order.to.clone(), hash, ROLE_USER, now);
    user.user_metadata.clone_from(&order.data);
    Ok(user)
}

/// The hash of a password that nobody knows.
async fn no_password(app: &App) -> Result<String, ApiError> {
    let password = URL_SAFE_NO_PAD.encode(random::bytes::<32>());
    Ok(app.auth.hasher.hash(password).await?)
}
