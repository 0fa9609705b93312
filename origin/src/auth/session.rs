//! Sessions: opened by a login, carried on by exchanging refresh tokens.

use super::{
    Auth,
    cookie::Delivery,
    refresh::{GRACE_MS, RefreshToken},
    routes::simple,
    token::Unsigned,
    view::{SessionView, UserView},
};
use crate::{
    admission::Admitted,
    db::{Db, DbError, Device, End, Exchange, GoodLogin, NewSession, Proofs, Rotation, User},
    http::{Answer, ApiError, respond},
    random,
};
use gapura_shared::{
    claims::{ACCESS_TOKEN_TYPE, AccessClaims, Assurance, Proof},
    time::{UnixMillis, UnixSeconds},
};
use http::header::{SET_COOKIE, USER_AGENT};
use std::time::Duration;

/// How somebody proves who they are, by the names that supabase has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    Password,
    Totp,
    RecoveryCode,
    /// A link or a code by mail.
    OneTime,
}

impl Method {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
            Self::OneTime => "otp",
        }
    }
}

/// A session with tokens for its owner.
pub(super) struct Session {
    pub(super) user: User,
    access_token: String,
    pub(super) refresh_token: RefreshToken,
    expires_at: UnixSeconds,
    /// Of the access token.
    pub(super) lifetime: Duration,
}

/// A session that has just begun.
pub(super) struct Opened {
    pub(super) session: Session,
    /// As [`Db::open_session`] counts them.
    pub(super) count: u32,
}

/// Longest `User-Agent` that is kept.
const MAX_USER_AGENT_BYTES: usize = 256;

/// How long an ended session stays as the record of it: 30 days.
const KEEP_MS: u64 = 30 * 86_400_000;

/// How long an exchanged token stays: longer than any request that waits for the same successor.
const KEEP_USED_MS: u64 = 3_600_000;

/// From where a request comes. A header value is ASCII as far as it is text at all.
pub(super) fn device(request: &Admitted) -> Device {
    let mut user_agent = request
        .headers()
        .get(USER_AGENT)
        .and_then(|field| field.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    user_agent.truncate(MAX_USER_AGENT_BYTES);
    Device {
        user_agent,
        address: request.identity().client.to_string(),
    }
}

/// How an exchange ended for the client.
pub(super) enum Refreshed {
    /// The session goes on.
    Session(Box<Session>),
    /// The token had been exchanged before; the session of `user` has ended.
    Reused {
        user: String,
        session: String,
    },
    Expired,
    /// The account may not log in for now.
    Banned,
    Unknown,
}

/// Why there is no session.
#[derive(Debug, thiserror::Error)]
pub(super) enum SessionError {
    #[error(transparent)]
    Db(#[from] DbError),
    #[error(transparent)]
    Unsigned(#[from] Unsigned),
    #[error("the account has another password by now, or may not log in any more")]
    Changed,
}

/// How often an account may change while somebody logs in.
const TRIES: u32 = 4;

impl Auth {
    /// Opens a session of an account as it was when its owner was asked for a proof. What has changed since,
    /// while the password waited in the queue perhaps, counts: the session has the role of now, and
    /// there is none where the password is another one or the account was disabled. The `attempt` that it is
    /// opened by was right in any case, and is taken back.
    pub(super) async fn open(
        &self,
        db: &Db,
        mut user: User,
        method: Method,
        mut attempt: Option<GoodLogin<'_>>,
        device: &Device,
        now: UnixMillis,
    ) -> Result<Opened, SessionError> {
        for _ in 0..TRIES {
            let opened = self.try_open(db, user.clone(), method, attempt.take(), device, now);
            if let Some(opened) = opened.await? {
                return Ok(opened);
            }
            let proven = user.password_hash;
            user = db
                .user_by_id(&user.id)
                .await?
                .filter(|user| user.password_hash == proven && user.deleted_at.is_none())
                .filter(|user| !user.is_banned(now))
                .ok_or(SessionError::Changed)?;
        }
        Err(SessionError::Changed)
    }

    async fn try_open(
        &self,
        db: &Db,
        mut user: User,
        method: Method,
        attempt: Option<GoodLogin<'_>>,
        device: &Device,
        now: UnixMillis,
    ) -> Result<Option<Opened>, SessionError> {
        let id = random::uuid();
        let token = self.refresh_keys.token(&id, random::bytes());
        user.last_sign_in_at = Some(now);
        let proofs = Proofs {
            method: method.as_str().to_owned(),
            at: now,
            second: None,
            ends: after(now, self.settings.session_lifetime),
        };
        let hash = token.hash();
        let session = self.session(user, &id, &proofs, token, now)?;
        let new = NewSession {
            id: &id,
            user: &session.user.id,
            token_hash: hash,
            expires: self.refresh_expires(now).min(proofs.ends),
            ends: proofs.ends,
            device,
            method: method.as_str(),
            seen: session.user.updated_at,
            attempt,
        };
        let count = db.open_session(&new, now).await?;
        Ok(count.map(|count| Opened { session, count }))
    }

    /// Exchanges a refresh token.
    pub(super) async fn refresh(
        &self,
        db: &Db,
        token: &RefreshToken,
        device: &Device,
        now: UnixMillis,
    ) -> Result<Refreshed, SessionError> {
        let successor = self.refresh_keys.successor(token);
        let exchange = Exchange {
            token_hash: token.hash(),
            successor_hash: successor.hash(),
            successor_expires: self.refresh_expires(now),
            grace_ms: GRACE_MS,
            device,
        };
        Ok(match db.exchange(&exchange, now).await? {
            Rotation::Exchanged {
                user,
                session,
                proofs,
            } => Refreshed::Session(Box::new(
                self.session(*user, &session, &proofs, successor, now)?,
            )),
            Rotation::Reused { user, session } => Refreshed::Reused { user, session },
            Rotation::Expired => Refreshed::Expired,
            Rotation::Banned => Refreshed::Banned,
            Rotation::Unknown => self.forgotten(db, token, now).await?,
        })
    }

    /// A token without a row. One of ours was exchanged so long ago that its row was swept: it is used again.
    async fn forgotten(
        &self,
        db: &Db,
        token: &RefreshToken,
        now: UnixMillis,
    ) -> Result<Refreshed, SessionError> {
        let Some(session) = self.refresh_keys.session(token) else {
            return Ok(Refreshed::Unknown);
        };
        let Some(user) = db.owner_of_session(&session).await? else {
            return Ok(Refreshed::Unknown);
        };
        let ended = db.end_sessions(&user, End::One(&session), now).await?;
        Ok(if ended.is_empty() {
            Refreshed::Expired
        } else {
            Refreshed::Reused { user, session }
        })
    }

    /// Until when a refresh token of now can be exchanged, if its session lasts.
    pub(super) fn refresh_expires(&self, now: UnixMillis) -> UnixMillis {
        after(now, self.settings.refresh_lifetime)
    }

    /// Deletes sessions that ended 30 days ago, by whatever, and tokens that were exchanged an hour ago.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn sweep(&self, db: &Db, now: UnixMillis) -> Result<(), DbError> {
        let before = |at: UnixMillis| UnixMillis(at.0.saturating_sub(KEEP_MS));
        let idle = before(self.idle_since(now));
        let used = UnixMillis(now.0.saturating_sub(KEEP_USED_MS));
        db.sweep_sessions(before(now), idle).await?;
        db.sweep_used_tokens(used).await
    }

    /// A session that nobody used since then can be used no more.
    pub(crate) fn idle_since(&self, now: UnixMillis) -> UnixMillis {
        let idle_ms = u64::try_from(self.settings.refresh_lifetime.as_millis());
        UnixMillis(now.0.saturating_sub(idle_ms.unwrap_or(u64::MAX)))
    }

    /// Signs an access token for a session and puts the refresh token beside it.
    pub(super) fn session(
        &self,
        user: User,
        id: &str,
        proofs: &Proofs,
        refresh_token: RefreshToken,
        now: UnixMillis,
    ) -> Result<Session, SessionError> {
        let left_s = proofs.ends.seconds().0.saturating_sub(now.seconds().0);
        let lifetime_s = self.settings.access_lifetime.as_secs().min(left_s);
        let claims = AccessClaims {
            iss: self.settings.issuer.clone(),
            aud: self.settings.audience.clone(),
            sub: Some(user.id.clone()),
            user_id: self.settings.user_id_claim.then(|| user.id.clone()),
            role: user.role.clone(),
            tenant_id: user.tenant.clone(),
            session_id: Some(id.to_owned()),
            jti: random::uuid(),
            token_type: ACCESS_TOKEN_TYPE.into(),
            aal: Some(assurance(proofs)),
            amr: amr(proofs),
            email: Some(user.email.clone()),
        };
        let (keys, at, now) = (self.keys(), now, now.seconds());
        Ok(Session {
            access_token: keys
                .signing(at)
                .ok_or(Unsigned)?
                .sign(claims, now, lifetime_s)?,
            refresh_token,
            expires_at: now.after(lifetime_s),
            lifetime: Duration::from_secs(lifetime_s),
            user,
        })
    }
}

impl Session {
    /// The answer that hands it over.
    pub(super) fn answer(&self, auth: &Auth, delivery: Delivery) -> Result<Answer, ApiError> {
        self.answer_with(auth, delivery, None)
    }

    /// What a browser takes along in the fragment of a page's address, as supabase-js reads it there.
    pub(super) fn fields(&self) -> [(&'static str, String); 5] {
        [
            ("access_token", self.access_token.clone()),
            ("expires_at", self.expires_at.0.to_string()),
            ("expires_in", self.lifetime.as_secs().to_string()),
            ("refresh_token", self.refresh_token.encode()),
            ("token_type", "bearer".to_owned()),
        ]
    }

    /// The answer with recovery codes that are never shown again.
    pub(super) fn answer_with(
        &self,
        auth: &Auth,
        delivery: Delivery,
        recovery_codes: Option<&[String]>,
    ) -> Result<Answer, ApiError> {
        let refresh_token = self.refresh_token.encode();
        if delivery == Delivery::Simple {
            let view = simple::SessionView {
                access_token: &self.access_token,
                refresh_token: &refresh_token,
                token_type: "bearer",
                expires_in: self.lifetime.as_secs(),
                user: simple::AccountView::new(&self.user),
            };
            return respond::private_view(&view);
        }
        let in_body = delivery == Delivery::Body;
        let view = SessionView {
            access_token: in_body.then_some(self.access_token.as_str()),
            token_type: "bearer",
            expires_in: self.lifetime.as_secs(),
            expires_at: self.expires_at.0,
            refresh_token: in_body.then_some(refresh_token.as_str()),
            user: UserView::new(&self.user, &auth.settings.audience),
            recovery_codes,
        };
        let mut answer = respond::private_view(&view)?;
        if !in_body {
            let access = Delivery::access_cookie(&self.access_token, self.lifetime);
            let refresh = Delivery::refresh_cookie(&refresh_token, auth.settings.refresh_lifetime);
            answer.headers_mut().append(SET_COOKIE, access);
            answer.headers_mut().append(SET_COOKIE, refresh);
        }
        Ok(answer)
    }
}

const fn assurance(proofs: &Proofs) -> Assurance {
    match proofs.second {
        None => Assurance::Aal1,
        Some(_) => Assurance::Aal2,
    }
}

/// The latest first, as supabase has it.
fn amr(proofs: &Proofs) -> Vec<Proof> {
    let first = (&proofs.method, proofs.at);
    let second = proofs.second.as_ref().map(|(method, at)| (method, *at));
    second
        .into_iter()
        .chain([first])
        .map(|(method, at)| Proof {
            method: method.clone(),
            timestamp: at.seconds(),
        })
        .collect()
}

fn after(now: UnixMillis, lifetime: Duration) -> UnixMillis {
    let lifetime_ms = u64::try_from(lifetime.as_millis()).unwrap_or(u64::MAX);
    UnixMillis(now.0.saturating_add(lifetime_ms))
}
