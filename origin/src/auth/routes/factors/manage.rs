//! Factors come and go.

use super::{Bearer, body};
use crate::{
    App,
    admission::Admitted,
    auth::{
        at_rest,
        routes::json_body,
        second_factor::{qr, totp::TotpSecret},
    },
    clock,
    db::{Enrolment, NewFactor},
    http::{Answer, ApiError, respond},
    log, random,
};
use gapura_shared::event::Kind;
use serde_json::json;

/// Most factors of an account.
const MOST: usize = 10;

/// `POST /auth/v1/factors`: a secret for an authenticator, which counts for nothing until a code
/// of it was right.
pub(super) async fn enrol(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let bearer = Bearer::of(request)?;
    let sent = body::enrol(&json_body(request).await?)?;
    let user = app.db.user_by_id(&bearer.user).await?;
    let user = user.ok_or(ApiError::UserGone)?;
    let (id, secret) = (random::uuid(), TotpSecret::new(random::bytes()));
    let text = secret.base32();
    let sealed = app
        .auth
        .at_rest
        .seal(&at_rest::factor(&id), text.as_bytes(), random::bytes());
    let factor = NewFactor {
        id: &id,
        user: &bearer.user,
        friendly_name: &sent.friendly_name,
        secret: &sealed,
        is_stepped_up: bearer.is_stepped_up(app, request).await?,
        most: MOST,
    };
    match app.db.enrol_factor(&factor, clock::now()).await? {
        Enrolment::Done => {}
        Enrolment::NeedsSecondFactor => return Err(ApiError::InsufficientAal),
        Enrolment::TooMany => return Err(ApiError::TooManyFactors),
        Enrolment::NameTaken => return Err(ApiError::FactorNameTaken),
        Enrolment::Gone => return Err(ApiError::UserGone),
    }
    let issuer = sent.issuer.as_deref().unwrap_or(&request.identity().host);
    let uri = secret.uri(issuer, &user.email);
    let answer = json!({
        "id": id,
        "type": "totp",
        "friendly_name": sent.friendly_name,
        "totp": { "qr_code": qr::svg(&uri).ok_or(ApiError::Internal)?, "secret": text, "uri": uri },
    });
    log::security(
        request,
        Kind::FactorEnrolled,
        Some(&bearer.user),
        200,
        "totp",
    );
    Ok(respond::private_json(answer.to_string()))
}

/// `DELETE /auth/v1/factors/{id}`. One that was verified goes by a session that stands on two.
pub(super) async fn remove(
    app: &App,
    request: &mut Admitted,
    factor: &str,
) -> Result<Answer, ApiError> {
    let bearer = Bearer::of(request)?;
    let found = app.db.factor_secret(&bearer.user, factor).await?;
    let found = found.ok_or(ApiError::FactorNotFound)?;
    if found.verified && !bearer.is_stepped_up(app, request).await? {
        return Err(ApiError::InsufficientAal);
    }
    let removed = app.db.remove_factor(&bearer.user, factor).await?;
    removed.ok_or(ApiError::FactorNotFound)?;
    log::security(
        request,
        Kind::FactorRemoved,
        Some(&bearer.user),
        200,
        "totp",
    );
    Ok(respond::private_json(json!({ "id": factor }).to_string()))
}
