//! Sessions: opened by a login, carried on by exchanging refresh tokens.

use super::{
    Auth,
    refresh::{GRACE_MS, RefreshToken},
    token::Unsigned,
    view::{SessionView, UserView},
};
use crate::{
    db::{Db, DbError, Exchange, NewSession, Rotation, User},
    random,
};
use gapura_shared::{
    claims::{ACCESS_TOKEN_TYPE, AccessClaims},
    time::UnixMillis,
};

/// How an exchange ended for the client.
pub(super) enum Refreshed {
    /// The session goes on: its JSON, and whose it is.
    Json {
        body: String,
        user: String,
    },
    /// The token had been exchanged before; the session of `user` has ended.
    Reused {
        user: String,
        session: String,
    },
    Expired,
    Unknown,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    #[error("a session is not JSON: {0}")]
    Json(#[from] serde_json::Error),
}

impl Auth {
    /// Opens a session and returns its JSON.
    pub(super) async fn open(
        &self,
        db: &Db,
        user: &mut User,
        now: UnixMillis,
    ) -> Result<String, SessionError> {
        let token = RefreshToken::new(random::bytes());
        let id = random::uuid();
        user.last_sign_in_at = Some(now);
        let body = self.json(user, &id, &token, now)?;
        let session = NewSession {
            id: &id,
            user: &user.id,
            token_hash: token.hash(),
            expires: self.refresh_expires(now),
        };
        db.open_session(&session, now).await?;
        Ok(body)
    }

    /// Exchanges a refresh token.
    pub(super) async fn refresh(
        &self,
        db: &Db,
        token: &RefreshToken,
        now: UnixMillis,
    ) -> Result<Refreshed, SessionError> {
        let successor = self.successors.of(token);
        let exchange = Exchange {
            token_hash: token.hash(),
            successor_hash: successor.hash(),
            successor_expires: self.refresh_expires(now),
            grace_ms: GRACE_MS,
        };
        Ok(match db.exchange(&exchange, now).await? {
            Rotation::Exchanged { user, session } => Refreshed::Json {
                body: self.json(&user, &session, &successor, now)?,
                user: user.id,
            },
            Rotation::Reused { user, session } => Refreshed::Reused { user, session },
            Rotation::Expired => Refreshed::Expired,
            Rotation::Unknown => Refreshed::Unknown,
        })
    }

    fn refresh_expires(&self, now: UnixMillis) -> UnixMillis {
        let lifetime_ms = self.settings.refresh_lifetime.as_millis();
        UnixMillis(
            now.0
                .saturating_add(u64::try_from(lifetime_ms).unwrap_or(u64::MAX)),
        )
    }

    fn json(
        &self,
        user: &User,
        session: &str,
        refresh_token: &RefreshToken,
        now: UnixMillis,
    ) -> Result<String, SessionError> {
        let lifetime_s = self.settings.access_lifetime.as_secs();
        let claims = AccessClaims {
            iss: self.settings.issuer.clone(),
            aud: self.settings.audience.clone(),
            sub: Some(user.id.clone()),
            role: user.role.clone(),
            tenant_id: user.tenant.clone(),
            session_id: Some(session.to_owned()),
            jti: random::uuid(),
            token_type: ACCESS_TOKEN_TYPE.into(),
            aal: Some("aal1".into()),
            email: Some(user.email.clone()),
        };
        let now = now.seconds();
        let view = SessionView {
            access_token: self.token_key.sign(claims, now, lifetime_s)?,
            token_type: "bearer",
            expires_in: lifetime_s,
            expires_at: now.after(lifetime_s).0,
            refresh_token: refresh_token.encode(),
            user: UserView::new(user, &self.settings.audience),
        };
        Ok(serde_json::to_string(&view)?)
    }
}
