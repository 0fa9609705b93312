//! `/auth/v1/admin/generate_link`: what a mail would bring, for an operator to hand over.

use super::NO_PASSWORD;
use crate::{
    App,
    admission::Admitted,
    auth::{
        ROLE_USER, body, metadata, new_user,
        one_time::{self, Purpose},
        permission::{self, Permission},
        routes::json_body,
        view::UserView,
    },
    clock,
    db::User,
    http::{Answer, ApiError, respond},
    log,
    mail::Order,
};
use gapura_shared::event::Kind;
use serde::{Deserialize, Serialize, de::IgnoredAny};
use serde_json::{Map, Value};

/// What supabase-js sends.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    #[serde(rename = "type")]
    kind: String,
    email: String,
    #[serde(default)]
    password: Option<String>,
    #[serde(default)]
    new_email: Option<String>,
    #[serde(default)]
    data: Option<Map<String, Value>>,
    /// It is in the query as well.
    #[serde(default, rename = "redirectTo")]
    _redirect: IgnoredAny,
}

/// The account, and what was made for it.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    user: UserView<'a>,
    action_link: &'a str,
    email_otp: &'a str,
    hashed_token: &'a str,
    redirect_to: &'a str,
    verification_type: &'a str,
}

/// `POST`: a link and a code of the type, in the place of those that were sent before. `signup` and `invite`
/// make the account, unless it is there and waits for its owner. Nothing is mailed.
///
/// # Errors
/// [`ApiError`].
pub(super) async fn generate(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    super::method(request, "POST")?;
    let actor = permission::require(app, request, Permission::UsersWrite).await?;
    let sent: Wanted = body::json(&json_body(request).await?)?;
    let email = body::address(&sent.email)?;
    let order = one_time::order(app, request)?;
    let (user, purpose, to, new_email) = match sent.kind.as_str() {
        "signup" | "invite" => {
            let (user, purpose) = newcomer(app, &sent, email.clone()).await?;
            (user, purpose, email, None)
        }
        "magiclink" => (known(app, &email).await?, Purpose::MagicLink, email, None),
        "recovery" => (known(app, &email).await?, Purpose::Recovery, email, None),
        "email_change_current" | "email_change_new" => {
            let user = known(app, &email).await?;
            let new = sent.new_email.as_deref().ok_or(NO_NEW_EMAIL)?;
            let new = free(app, &user, body::address(new)?).await?;
            let is_new = sent.kind == "email_change_new";
            let to = if is_new { new.clone() } else { email };
            (user, Purpose::EmailChange, to, Some(new))
        }
        _ => return Err(UNKNOWN),
    };
    actor.require_power_over(&app.db, &user).await?;
    let order = Order {
        to,
        new_email,
        ..order
    };
    let now = clock::now();
    let made = one_time::hand_over(app, purpose, &order, &user, now).await?;
    let target = format!("/auth/v1/admin/users/{}", user.id);
    let kind = Kind::AccountChanged;
    log::security_on(request, kind, &actor.id, &target, 200, "admin-link");
    let place = order.redirect_to.as_ref();
    let place = place.unwrap_or(&app.mail.settings.site_url);
    let told = Told {
        user: UserView::new(&user, &app.auth.settings.audience),
        action_link: &made.link,
        email_otp: &made.code,
        hashed_token: &made.token,
        redirect_to: place,
        verification_type: &sent.kind,
    };
    serde_json::to_string(&told)
        .map(respond::private_json)
        .map_err(|_| ApiError::Internal)
}

const UNKNOWN: ApiError = ApiError::Invalid(
    "The type is signup, invite, magiclink, recovery, email_change_current or email_change_new.",
);
const NO_NEW_EMAIL: ApiError = ApiError::Invalid("A change of address has a new one.");
const NO_PASSWORD_SENT: ApiError = ApiError::Invalid("A sign-up has a password.");

async fn known(app: &App, email: &str) -> Result<User, ApiError> {
    let found = app.db.user_by_email(email).await?;
    found.ok_or(ApiError::UserUnknown)
}

/// An address that no other account has: operators may know.
async fn free(app: &App, user: &User, new: String) -> Result<String, ApiError> {
    if new == user.email || app.db.user_by_email(&new).await?.is_some() {
        return Err(ApiError::EmailExists);
    }
    Ok(new)
}

/// The account to be confirmed; a new one, or one that is there and waits.
async fn newcomer(app: &App, sent: &Wanted, email: String) -> Result<(User, Purpose), ApiError> {
    let (purpose, hash) = if sent.kind == "signup" {
        let password = sent.password.clone().ok_or(NO_PASSWORD_SENT)?;
        let checked = app.auth.passwords.check(&password, &email);
        checked.map_err(ApiError::WeakPassword)?;
        (Purpose::Signup, app.auth.hasher.hash(password).await?)
    } else {
        (Purpose::Invite, NO_PASSWORD.to_owned())
    };
    let mut user = new_user(email, hash, ROLE_USER, clock::now());
    user.email_confirmed_at = None;
    let data = sent.data.clone().unwrap_or_default();
    metadata::merge(&mut user.user_metadata, &data)?;
    if app.db.insert_user(&user).await? {
        return Ok((user, purpose));
    }
    let there = known(app, &user.email).await?;
    if there.email_confirmed_at.is_some() {
        return Err(ApiError::EmailExists);
    }
    Ok((there, purpose))
}
