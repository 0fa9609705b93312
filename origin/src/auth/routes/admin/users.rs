//! `/auth/v1/admin/users`, as `supabase.auth.admin` asks for it.

use super::{NO_PASSWORD, method};
use crate::{
    App,
    admission::Admitted,
    auth::{
        ROLE_USER,
        ban::{self, Ban},
        body, metadata, new_user, one_time,
        permission::{self, Actor, Permission},
        routes::{changing_user_answer, json_body, revoke, until_now, user_answer},
        view::{DeviceView, UserView},
    },
    clock,
    db::{Changed, DbError, End, User},
    http::{Answer, ApiError, respond},
    log, random,
};
use gapura_shared::{event::Kind, parse::query, push, time::UnixMillis};
use http::{HeaderValue, StatusCode, header::LINK};
use serde::Deserialize;
use serde_json::{Map, Value, json};

const DEFAULT_PER_PAGE: u32 = 50;
const MAX_PER_PAGE: u32 = 500;

/// What supabase-js sends, for new accounts and for changes of others.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Attributes {
    #[serde(default)]
    id: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    password_hash: Option<String>,
    #[serde(default)]
    email_confirm: Option<bool>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    app_metadata: Option<Map<String, Value>>,
    #[serde(default)]
    user_metadata: Option<Map<String, Value>>,
    #[serde(default)]
    ban_duration: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deletion {
    #[serde(default)]
    should_soft_delete: bool,
}

/// `GET`: a page of accounts. `POST` adds one.
pub(super) async fn all(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    if method(request, "GET, HEAD, POST")? == "POST" {
        create(app, request).await
    } else {
        list(app, request).await
    }
}

/// `GET`, `PUT` and `DELETE` of one account.
pub(super) async fn one(app: &App, request: &mut Admitted, id: &str) -> Result<Answer, ApiError> {
    match method(request, "GET, HEAD, PUT, DELETE")? {
        "PUT" => update(app, request, id).await,
        "DELETE" => delete(app, request, id).await,
        _ => {
            permission::require(app, request, Permission::UsersRead).await?;
            let found = one_time::changing_user(app, id, clock::now()).await?;
            let (shown, new_email) = found.ok_or(ApiError::UserUnknown)?;
            changing_user_answer(app, shown.profile()?, new_email.as_deref())
        }
    }
}

pub(super) async fn known(app: &App, id: &str) -> Result<User, ApiError> {
    let found = app.db.user_by_id(id).await?;
    found.ok_or(ApiError::UserUnknown)
}

async fn list(app: &App, request: &Admitted) -> Result<Answer, ApiError> {
    permission::require(app, request, Permission::UsersRead).await?;
    let page = number(request, "page", 1, u32::MAX)?;
    let per_page = number(request, "per_page", DEFAULT_PER_PAGE, MAX_PER_PAGE)?;
    let offset = (page - 1)
        .checked_mul(per_page)
        .ok_or(ApiError::Invalid("There is no such page."))?;
    let (users, total) = app.db.users(offset, per_page).await?;
    let audience = &app.auth.settings.audience;
    let views: Vec<_> = users
        .iter()
        .map(|user| UserView::new(user, audience))
        .collect();
    let body = json!({ "users": views, "aud": audience });
    let mut answer = respond::private_json(body.to_string());
    let fields = answer.headers_mut();
    fields.insert("x-total-count", total.into());
    let last = total.div_ceil(per_page.into()).max(1);
    let link = |page: u64, rel: &str| {
        format!("</auth/v1/admin/users?page={page}&per_page={per_page}>; rel=\"{rel}\"")
    };
    let mut links = vec![link(last, "last")];
    if u64::from(page) < last {
        links.insert(0, link(u64::from(page) + 1, "next"));
    }
    // Digits and words of ours are always a field value.
    if let Ok(links) = HeaderValue::try_from(links.join(", ")) {
        fields.insert(LINK, links);
    }
    Ok(answer)
}

/// A number of the query from 1 to `max`; an empty one is not there, as supabase-js has it.
fn number(request: &Admitted, name: &str, default: u32, max: u32) -> Result<u32, ApiError> {
    let sent = query::first(request.query(), name)
        .map_err(|_| ApiError::Invalid("The query is not readable."))?;
    match sent.as_deref() {
        None | Some("") => Ok(default),
        Some(digits) => digits
            .parse()
            .ok()
            .filter(|number| (1..=max).contains(number))
            .ok_or(ApiError::Invalid(
                "`page` counts from 1, `per_page` is 1 to 500.",
            )),
    }
}

impl Attributes {
    /// The hash that is to be kept, if any is sent.
    async fn hash(&mut self, app: &App, email: &str) -> Result<Option<String>, ApiError> {
        match (self.password.take(), self.password_hash.take()) {
            (Some(_), Some(_)) => Err(ApiError::Invalid(
                "A password or its hash is wanted, not both.",
            )),
            (Some(password), None) => {
                let checked = app.auth.passwords.check(&password, email);
                checked.map_err(ApiError::WeakPassword)?;
                Ok(Some(app.auth.hasher.hash(password).await?))
            }
            (None, Some(hash)) if app.auth.hasher.accepts(&hash) => Ok(Some(hash)),
            (None, Some(_)) => Err(ApiError::Invalid("This password hash is not accepted.")),
            (None, None) => Ok(None),
        }
    }

    /// The role, if one is sent that there is and that the actor may give.
    async fn role(&self, app: &App, actor: &Actor) -> Result<Option<String>, ApiError> {
        let Some(role) = &self.role else {
            return Ok(None);
        };
        if app.db.permissions(role).await?.is_none() {
            return Err(ApiError::Invalid("There is no such role."));
        }
        if role != ROLE_USER {
            actor.require_admin()?;
        }
        Ok(Some(role.clone()))
    }

    /// A ban or its end, if one is sent.
    fn ban(&self, now: UnixMillis) -> Result<Option<Ban>, ApiError> {
        let read = |text: &String| {
            ban::parse(text, now).ok_or(ApiError::Invalid(
                "`ban_duration` is such as `24h`, `1h30m` or `none`.",
            ))
        };
        self.ban_duration.as_ref().map(read).transpose()
    }
}

async fn create(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let actor = permission::require(app, request, Permission::UsersWrite).await?;
    let mut sent: Attributes = body::json(&json_body(request).await?)?;
    let now = clock::now();
    let email = sent.email.as_deref();
    let email = body::address(email.ok_or(ApiError::Invalid("An account has an address."))?)?;
    let role = sent.role(app, &actor).await?;
    let ban = sent.ban(now)?;
    let hash = sent.hash(app, &email).await?;
    let mut user = new_user(
        email,
        hash.unwrap_or_else(|| NO_PASSWORD.to_owned()),
        role.as_deref().unwrap_or(ROLE_USER),
        now,
    );
    if let Some(id) = &sent.id {
        user.id = random::parse_uuid(id).ok_or(ApiError::Invalid("`id` is a UUID."))?;
    }
    user.email_confirmed_at = (sent.email_confirm == Some(true)).then_some(now);
    user.banned_until = ban.and_then(Ban::until);
    metadata::merge(
        &mut user.app_metadata,
        &sent.app_metadata.unwrap_or_default(),
    )?;
    metadata::merge(
        &mut user.user_metadata,
        &sent.user_metadata.unwrap_or_default(),
    )?;
    if !app.db.insert_user(&user).await? {
        return Err(ApiError::EmailExists);
    }
    let target = format!("/auth/v1/admin/users/{}", user.id);
    log::security_on(
        request,
        Kind::AccountCreated,
        &actor.id,
        &target,
        200,
        "admin",
    );
    user_answer(app, &user)
}

/// A new password, role or ban ends every session of the account.
async fn update(app: &App, request: &mut Admitted, id: &str) -> Result<Answer, ApiError> {
    let actor = permission::require(app, request, Permission::UsersWrite).await?;
    let mut sent: Attributes = body::json(&json_body(request).await?)?;
    let now = clock::now();
    let before = known(app, id).await?;
    if before.deleted_at.is_some() {
        return Err(ApiError::UserUnknown);
    }
    actor.require_power_over(&app.db, &before).await?;
    if sent.id.as_deref().is_some_and(|other| other != id) {
        return Err(ApiError::Invalid("The id of an account stays."));
    }
    let email = sent.email.as_deref().map(body::address).transpose()?;
    let email = email.filter(|email| *email != before.email);
    let role = sent.role(app, &actor).await?;
    let role = role.filter(|role| *role != before.role);
    let ban = sent.ban(now)?;
    let hash = sent
        .hash(app, email.as_deref().unwrap_or(&before.email))
        .await?;
    let is_ban = ban.and_then(Ban::until).is_some();
    if actor.id == id && (role.is_some() || is_ban) {
        return Err(ApiError::Invalid("Nobody does this to their own account."));
    }
    let app_metadata = sent.app_metadata.unwrap_or_default();
    let user_metadata = sent.user_metadata.unwrap_or_default();
    let change = |user: &mut User| {
        if let Some(email) = &email {
            user.email.clone_from(email);
        }
        if let Some(role) = &role {
            user.role.clone_from(role);
        }
        if let Some(hash) = &hash {
            user.password_hash.clone_from(hash);
        }
        if let Some(ban) = ban {
            user.banned_until = ban.until();
        }
        if sent.email_confirm == Some(true) {
            user.email_confirmed_at.get_or_insert(now);
        }
        metadata::merge(&mut user.app_metadata, &app_metadata)?;
        metadata::merge(&mut user.user_metadata, &user_metadata)
    };
    let ends = (hash.is_some() || role.is_some() || is_ban).then_some(End::All);
    let (user, ended) = match app.db.change_user(id, ends, now, change).await? {
        Changed::Done { user, ended } => (user, ended),
        Changed::Taken => return Err(ApiError::EmailExists),
        Changed::Gone => return Err(ApiError::UserUnknown),
    };
    revoke(app, request, id, ended);
    if hash.is_some() || email.is_some() || is_ban {
        // Nor do links and codes that are out let anybody in.
        app.db.revoke_one_time(id).await?;
    }
    for (kind, reason, happened) in [
        (Kind::PasswordChanged, "admin", hash.is_some()),
        (Kind::AccessChanged, "admin-role", role.is_some()),
        (Kind::AccountChanged, "admin-ban", is_ban),
        (
            Kind::AccountChanged,
            "admin-unban",
            ban == Some(Ban::Lifted),
        ),
        (Kind::AccountChanged, "admin-email", email.is_some()),
        (
            Kind::AccountChanged,
            "admin-confirmed",
            sent.email_confirm == Some(true),
        ),
        (
            Kind::AccountChanged,
            "admin-metadata",
            !(app_metadata.is_empty() && user_metadata.is_empty()),
        ),
    ] {
        if happened {
            log::security(request, kind, Some(&actor.id), 200, reason);
        }
    }
    user_answer(app, &user)
}

async fn delete(app: &App, request: &mut Admitted, id: &str) -> Result<Answer, ApiError> {
    let actor = permission::require(app, request, Permission::UsersWrite).await?;
    let body = request.take_body().read(body::MAX_BYTES).await?;
    let is_soft = !body.is_empty() && body::json::<Deletion>(&body)?.should_soft_delete;
    let user = known(app, id).await?;
    actor.require_power_over(&app.db, &user).await?;
    if actor.id == id {
        return Err(ApiError::Invalid("Nobody does this to their own account."));
    }
    let (user, reason) = if is_soft {
        (forgotten(app, id).await?, "admin-soft")
    } else if app.db.delete_user(id, clock::now()).await? {
        (user, "admin")
    } else {
        return Err(ApiError::UserUnknown);
    };
    request.outcome().revoked = vec![until_now(app, push::Kind::User, id)];
    log::security(request, Kind::AccountDeleted, Some(&actor.id), 200, reason);
    user_answer(app, &user)
}

/// Takes everything off an account but its id, for what refers to it; its address is free again.
async fn forgotten(app: &App, id: &str) -> Result<User, ApiError> {
    let now = clock::now();
    let forget = |user: &mut User| {
        // No address is like this.
        user.email = format!("deleted:{id}");
        NO_PASSWORD.clone_into(&mut user.password_hash);
        ROLE_USER.clone_into(&mut user.role);
        user.tenant = None;
        user.app_metadata.clear();
        user.user_metadata.clear();
        user.email_confirmed_at = None;
        user.deleted_at.get_or_insert(now);
        Ok::<(), DbError>(())
    };
    match app.db.change_user(id, Some(End::All), now, forget).await? {
        Changed::Done { .. } => {}
        Changed::Taken | Changed::Gone => return Err(ApiError::UserUnknown),
    }
    app.db.remove_factors(id).await?;
    app.db.revoke_one_time(id).await?;
    known(app, id).await
}

/// `GET`: the account's devices. `DELETE` ends all of them.
pub(super) async fn sessions(
    app: &App,
    request: &mut Admitted,
    id: &str,
) -> Result<Answer, ApiError> {
    let now = clock::now();
    if method(request, "GET, HEAD, DELETE")? != "DELETE" {
        permission::require(app, request, Permission::UsersRead).await?;
        known(app, id).await?;
        let sessions = app.db.sessions(id, app.auth.idle_since(now), now).await?;
        let views: Vec<_> = sessions
            .iter()
            .map(|one| DeviceView::new(one, false))
            .collect();
        return Ok(respond::private_json(
            json!({ "sessions": views }).to_string(),
        ));
    }
    let actor = permission::require(app, request, Permission::SessionsEnd).await?;
    actor
        .require_power_over(&app.db, &known(app, id).await?)
        .await?;
    let ended = app.db.end_sessions(id, End::All, now).await?;
    revoke(app, request, id, ended);
    log::security(request, Kind::SessionEnded, Some(&actor.id), 204, "admin");
    Ok(respond::empty(StatusCode::NO_CONTENT))
}
