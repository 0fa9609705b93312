//! Recovery codes.

use super::{Bearer, body, verify::raise, wrong_code};
use crate::{
    App,
    admission::Admitted,
    auth::{
        codes::{Code, CodeAttempt},
        cookie::Delivery,
        routes::json_body,
        second_factor::recovery,
        session::Method,
    },
    clock,
    db::SecondProof,
    http::{Answer, ApiError, respond},
    log, random,
};
use gapura_shared::event::Kind;
use serde_json::json;

/// `POST /auth/v1/factors/recovery-codes`: ten new ones in the place of all there are, by a
/// session that stands on two factors.
pub(super) async fn renew(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let bearer = Bearer::of(request)?;
    if !bearer.is_stepped_up(app, request).await? {
        return Err(ApiError::InsufficientAal);
    }
    let (codes, kept) = recovery::generate(&random::bytes());
    let kept: Vec<String> = kept.iter().map(recovery::StoredCode::encode).collect();
    if !app.db.renew_recovery_codes(&bearer.user, &kept).await? {
        return Err(ApiError::FactorNotFound);
    }
    let actor = Some(bearer.user.as_str());
    log::security(request, Kind::RecoveryCodesRenewed, actor, 200, "renewed");
    Ok(respond::private_json(
        json!({ "recovery_codes": codes }).to_string(),
    ))
}

/// `POST /auth/v1/factors/recovery-codes/verify`: a code in the place of the authenticator, once.
/// They have a count of their own: whoever guesses codes of the authenticator keeps its owner from these ones not.
pub(super) async fn verify(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let delivery = Delivery::of(app, request)?;
    let bearer = Bearer::of(request)?;
    let code = body::recovery(&json_body(request).await?)?;
    let now = clock::now();
    let attempted = CodeAttempt::count(&app.db, request, Code::Recovery, &bearer.user, now).await?;
    let texts = app.db.recovery_codes(&bearer.user).await?;
    let kept: Vec<_> = texts
        .iter()
        .filter_map(|text| recovery::StoredCode::decode(text))
        .collect();
    let found = recovery::find(&kept, &code).and_then(|at| texts.get(at));
    // A code that cannot be read would move the places of the others.
    let Some(text) = found.filter(|_| kept.len() == texts.len()) else {
        return Err(wrong_code(request, &bearer.user, "wrong-recovery-code"));
    };
    let proof = SecondProof::Recovery(text);
    let raised = raise(app, request, &bearer, proof, Method::RecoveryCode, now).await?;
    attempted.succeeded(&app.db, now).await?;
    let actor = Some(bearer.user.as_str());
    log::security(request, Kind::RecoveryCodeUsed, actor, 200, "recovery-code");
    raised.session.answer(&app.auth, delivery)
}
