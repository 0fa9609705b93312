//! Codes for sessions (RFC 7636): a link that leaves a browser ends where it was asked for, or nowhere.

use super::{Purpose, body::Exchange, hash};
use crate::{
    App,
    admission::Admitted,
    auth::{
        cookie::Delivery,
        routes::{json_body, open_session},
        session::Method,
    },
    clock,
    db::{Effect, NewOneTime, Use, User},
    http::{Answer, ApiError},
    log,
    mail::Order,
    random,
};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use gapura_shared::{event::Kind, outcome::AccountId, time::UnixMillis};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// For as long as a browser needs for a redirect, or a person for a look at it.
const LIFETIME_MS: u64 = 5 * 60_000;

/// A code for a session of `user`, for who made `challenge`.
pub(super) async fn issue(
    app: &App,
    user: &User,
    challenge: String,
    now: UnixMillis,
) -> Result<String, ApiError> {
    let code = URL_SAFE_NO_PAD.encode(random::bytes::<32>());
    let order = Order {
        code_challenge: Some(challenge),
        ..Order::default()
    };
    let account = AccountId::of(&user.email);
    let token = NewOneTime {
        id: &random::uuid(),
        account: account.as_str(),
        kind: Purpose::Pkce.as_str(),
        token_hash: hash(&code),
        user: Some(&user.id),
        content: &serde_json::to_string(&order).unwrap_or_default(),
        expires: UnixMillis(now.0.saturating_add(LIFETIME_MS)),
    };
    app.db.issue_one_time(&token).await?;
    Ok(code)
}

/// `POST /auth/v1/token?grant_type=pkce`: a session for a code. A wrong verifier uses the code up.
pub(crate) async fn exchange(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let delivery = Delivery::of(app, request)?;
    let Exchange { code, verifier } = Exchange::parse(&json_body(request).await?)?;
    let now = clock::now();
    let found = app.db.one_time_by_hash(&hash(&code)).await?;
    let found = found.filter(|found| found.kind == Purpose::Pkce.as_str());
    let found = found.ok_or(ApiError::CodeUnknown)?;
    let outcome = app
        .db
        .use_one_time(&found.id, &Effect::Nothing, now)
        .await?;
    let (Use::Done, Some(id)) = (outcome, &found.user) else {
        return Err(ApiError::CodeUnknown);
    };
    let order: Order = serde_json::from_str(&found.content).map_err(|_| ApiError::Internal)?;
    let made = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier));
    let challenge = order.code_challenge.unwrap_or_default();
    if !bool::from(made.as_bytes().ct_eq(challenge.as_bytes())) {
        log::security(request, Kind::AuthFailed, Some(id), 400, "code-verifier");
        return Err(ApiError::BadCodeVerifier);
    }
    let user = app.db.user_by_id(id).await?.ok_or(ApiError::CodeUnknown)?;
    if user.deleted_at.is_some() {
        return Err(ApiError::CodeUnknown);
    }
    if user.is_banned(now) {
        return Err(ApiError::UserBanned);
    }
    let session = open_session(app, request, user, Method::OneTime).await?;
    log::security(request, Kind::AuthSuccess, Some(id), 200, "pkce");
    session.answer(&app.auth, delivery)
}
