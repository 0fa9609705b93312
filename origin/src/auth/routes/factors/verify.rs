//! Codes of an authenticator.

use super::{Bearer, body, wrong_code};
use crate::{
    App,
    admission::Admitted,
    auth::{
        at_rest,
        codes::{Code, CodeAttempt},
        cookie::Delivery,
        refresh::GRACE_MS,
        routes::{json_body, revocation},
        second_factor::{recovery, totp::TotpSecret},
        session::Method,
    },
    clock,
    db::{Ended, SecondProof, StepUp, SteppedUp},
    http::{Answer, ApiError, respond},
    log, random,
};
use gapura_shared::{event::Kind, limits::MAX_REVOCATIONS, push, time::UnixMillis};
use serde_json::json;

/// `POST /auth/v1/factors/{id}/challenge`.
pub(super) async fn challenge(
    app: &App,
    request: &mut Admitted,
    factor: &str,
) -> Result<Answer, ApiError> {
    let bearer = Bearer::of(request)?;
    let found = app.db.factor_secret(&bearer.user, factor).await?;
    found.ok_or(ApiError::FactorNotFound)?;
    let now = clock::now().seconds();
    let challenge = app.auth.challenges.challenge(factor, &bearer.session, now);
    let answer = json!({ "id": challenge.id, "type": "totp", "expires_at": challenge.expires.0 });
    Ok(respond::private_json(answer.to_string()))
}

/// `POST /auth/v1/factors/{id}/verify`: the session stands on two factors from now on. The
/// account's first verified factor brings its recovery codes, which are never shown again, and ends
/// the account's other sessions that stand on one factor.
pub(super) async fn verify(
    app: &App,
    request: &mut Admitted,
    factor: &str,
) -> Result<Answer, ApiError> {
    let delivery = Delivery::of(app, request)?;
    let bearer = Bearer::of(request)?;
    let sent = body::verify(&json_body(request).await?)?;
    let (auth, db, now) = (&app.auth, &app.db, clock::now());
    let found = db.factor_secret(&bearer.user, factor).await?;
    let found = found.ok_or(ApiError::FactorNotFound)?;
    let (id, session) = (&sent.challenge_id, &bearer.session);
    if !auth.challenges.holds(id, factor, session, now.seconds()) {
        return Err(ApiError::ChallengeExpired);
    }
    let attempted = CodeAttempt::count(db, request, Code::Totp, &bearer.user, now).await?;
    let secret = auth.at_rest.open(&at_rest::factor(factor), &found.secret);
    let secret = secret.map_err(|fault| {
        tracing::error!(factor, %fault, "a factor is unusable");
        ApiError::Internal
    })?;
    let secret = std::str::from_utf8(secret.expose()).ok();
    let secret = secret.and_then(TotpSecret::from_base32);
    let secret = secret.ok_or(ApiError::Internal)?;
    let Some(step) = secret.verify(&sent.code, now.seconds(), found.last_step) else {
        return Err(wrong_code(request, &bearer.user, "wrong-code"));
    };
    let (codes, kept) = if found.verified {
        (Vec::new(), Vec::new())
    } else {
        recovery::generate(&random::bytes())
    };
    let kept: Vec<String> = kept.iter().map(recovery::StoredCode::encode).collect();
    let proof = SecondProof::Step {
        factor,
        step,
        recovery_codes: &kept,
    };
    let raised = raise(app, request, &bearer, proof, Method::Totp, now).await?;
    attempted.succeeded(db, now).await?;
    let codes = raised.kept_recovery_codes.then_some(codes);
    raised.session.answer_with(auth, delivery, codes.as_deref())
}

/// A session that stands on two factors now.
pub(super) struct Raised {
    pub(super) session: crate::auth::session::Session,
    kept_recovery_codes: bool,
}

/// Takes a proof and raises the bearer's session by it.
pub(super) async fn raise(
    app: &App,
    request: &mut Admitted,
    bearer: &Bearer,
    proof: SecondProof<'_>,
    method: Method,
    now: UnixMillis,
) -> Result<Raised, ApiError> {
    let token = app
        .auth
        .refresh_keys
        .token(&bearer.session, random::bytes());
    let up = StepUp {
        user: &bearer.user,
        session: &bearer.session,
        proof,
        method: method.as_str(),
        token_hash: token.hash(),
        expires: app.auth.refresh_expires(now),
        grace_ms: GRACE_MS,
    };
    match app.db.step_up(&up, now).await? {
        SteppedUp::Done {
            user,
            proofs,
            kept_recovery_codes,
            ended,
        } => {
            let session = |ended: Ended| revocation(app, push::Kind::Session, ended.id);
            // More than an answer can name end at their next refresh.
            let ended = ended.into_iter().take(MAX_REVOCATIONS).map(session);
            request.outcome().revoked = ended.collect();
            log::security(
                request,
                Kind::AuthSuccess,
                Some(&user.id),
                200,
                method.as_str(),
            );
            let session = app
                .auth
                .session(*user, &bearer.session, &proofs, token, now)?;
            Ok(Raised {
                session,
                kept_recovery_codes,
            })
        }
        SteppedUp::Used => Err(wrong_code(request, &bearer.user, "code-used")),
        SteppedUp::Gone => Err(ApiError::SessionExpired),
    }
}
