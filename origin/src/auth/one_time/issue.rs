//! Writes a mail's letter when the mail is sent, and keeps the token that is in it.

use super::{OneTimeKey, Purpose, hash};
use crate::{
    App, config,
    db::{Db, DbError, NewOneTime, User},
    mail::{Kind, Language, Letter, Order, Topic},
    random,
};
use gapura_shared::{outcome::AccountId, secret::Secret, time::UnixMillis};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

/// The member of an account's metadata that says which language it reads.
const LANGUAGE: &str = "lang";

/// The letter of a mail, in its reader's language; `None` where nobody is to be written to. An address
/// without an account gets a token all the same, which lets nobody in, and no letter.
pub(crate) async fn prepare(
    app: &App,
    id: &str,
    kind: Kind,
    order: &Order,
    now: UnixMillis,
) -> Result<Option<(Letter, Language)>, DbError> {
    let Some(order) = &resumed(app, kind, order, now).await? else {
        return Ok(None);
    };
    let user = app.db.user_by_email(&order.to).await?;
    let Some((topic, purpose)) = topic(kind, order, user.as_ref()) else {
        return Ok(None);
    };
    let mut letter = Letter {
        topic,
        link: None,
        code: None,
        address: order.new_email.clone(),
    };
    match purpose {
        None => letter.link = Some(app.mail.settings.site_url.clone()),
        Some(purpose) => {
            let owner = owner(purpose, order, user.as_ref());
            let writes = may_write(purpose, order, user.as_ref());
            let content = content(purpose, order, writes);
            let owner = owner.filter(|_| writes);
            let issuer = Issuer::of(app);
            let done = issuer.issue(id, purpose, &order.to, &content, owner, now);
            let is_good = done.await?;
            if !is_good || !writes {
                return Ok(None);
            }
            letter.code = Some(issuer.key.code(id));
            if purpose != Purpose::Reauthentication {
                letter.link = Some(issuer.link(id, purpose, order));
            }
        }
    }
    Ok(Some((letter, language(app, order, user.as_ref()))))
}

/// A change of address that is asked for again is the one that waits, if one does.
async fn resumed(
    app: &App,
    kind: Kind,
    order: &Order,
    now: UnixMillis,
) -> Result<Option<Order>, DbError> {
    if kind != Kind::EmailChange || order.user.is_some() {
        return Ok(Some(order.clone()));
    }
    let account = AccountId::of(&order.to);
    let purpose = Purpose::EmailChange.as_str();
    let waiting = app.db.one_time_of(account.as_str(), purpose).await?;
    let waiting = waiting.filter(|token| token.used.is_none() && token.expires > now);
    let known: Option<Order> = waiting.and_then(|token| serde_json::from_str(&token.content).ok());
    Ok(known.map(|known| Order {
        user: known.user,
        new_email: known.new_email,
        code_challenge: known.code_challenge,
        ..order.clone()
    }))
}

/// What a mail says and lets its reader do.
fn topic(kind: Kind, order: &Order, user: Option<&User>) -> Option<(Topic, Option<Purpose>)> {
    Some(match kind {
        Kind::Signup => (Topic::Signup, Some(Purpose::Signup)),
        Kind::Recovery => (Topic::Recovery, Some(Purpose::Recovery)),
        Kind::Lockout => (Topic::Lockout, Some(Purpose::Recovery)),
        Kind::MagicLink if user.is_none() => (Topic::Signup, Some(Purpose::MagicLink)),
        Kind::MagicLink => (Topic::MagicLink, Some(Purpose::MagicLink)),
        Kind::Invite => (Topic::Invite, Some(Purpose::Invite)),
        Kind::EmailChange => {
            let is_new = order.new_email.as_deref() == Some(order.to.as_str());
            match (is_new, user) {
                // Somebody else's address: its owner is told, the asking account is not.
                (true, Some(_)) => (Topic::AccountExists, None),
                (true, None) => (Topic::EmailChangeTo, Some(Purpose::EmailChange)),
                (false, _) => (Topic::EmailChangeFrom, Some(Purpose::EmailChange)),
            }
        }
        Kind::Reauthentication => (Topic::Reauthentication, Some(Purpose::Reauthentication)),
        // Who signs up again before confirming gets the confirmation again.
        Kind::AccountExists if user.is_some_and(|user| user.email_confirmed_at.is_none()) => {
            (Topic::Signup, Some(Purpose::Signup))
        }
        Kind::AccountExists => (Topic::AccountExists, None),
        Kind::PasswordChanged => (Topic::PasswordChanged, None),
    })
    .filter(|(_, purpose)| purpose.is_some() || user.is_some())
}

/// The account that the token is for.
fn owner<'a>(purpose: Purpose, order: &'a Order, user: Option<&'a User>) -> Option<&'a str> {
    match purpose {
        Purpose::EmailChange | Purpose::Reauthentication => order.user.as_deref(),
        _ => user.map(|user| user.id.as_str()),
    }
}

/// Whether a letter goes out with the token.
fn may_write(purpose: Purpose, order: &Order, user: Option<&User>) -> bool {
    match purpose {
        // Who has confirmed has nothing left to confirm.
        Purpose::Signup => user.is_some_and(|user| user.email_confirmed_at.is_none()),
        Purpose::EmailChange => order.user.is_some(),
        Purpose::MagicLink | Purpose::Invite => user.is_some() || order.creates,
        Purpose::Recovery | Purpose::Reauthentication | Purpose::Pkce => user.is_some(),
    }
}

/// What is kept of a mail with its token.
fn content(purpose: Purpose, order: &Order, writes: bool) -> Order {
    match purpose {
        _ if !writes => Order::default(),
        // The same for both addresses of a change: that is how one finds the other.
        Purpose::EmailChange => Order {
            new_email: order.new_email.clone(),
            code_challenge: order.code_challenge.clone(),
            user: order.user.clone(),
            ..Order::default()
        },
        _ => order.clone(),
    }
}

/// What makes tokens and links.
struct Issuer<'a> {
    db: &'a Db,
    settings: &'a config::Mail,
    key: &'a OneTimeKey,
}

impl<'a> Issuer<'a> {
    fn of(app: &'a App) -> Self {
        Self {
            db: &app.db,
            settings: &app.mail.settings,
            key: &app.auth.one_time,
        }
    }

    /// Keeps the token; `false` when it has been used: the mail had arrived before.
    async fn issue(
        &self,
        id: &str,
        purpose: Purpose,
        to: &str,
        content: &Order,
        owner: Option<&str>,
        now: UnixMillis,
    ) -> Result<bool, DbError> {
        let lifetime_ms = u64::try_from(self.settings.link_lifetime.as_millis());
        let account = AccountId::of(to);
        let token = NewOneTime {
            id,
            account: account.as_str(),
            kind: purpose.as_str(),
            token_hash: hash(&self.key.link(id)),
            user: owner,
            content: &serde_json::to_string(content).unwrap_or_default(),
            expires: UnixMillis(now.0.saturating_add(lifetime_ms.unwrap_or(u64::MAX))),
        };
        self.db.issue_one_time(&token).await
    }

    fn link(&self, id: &str, purpose: Purpose, order: &Order) -> String {
        let (url, token) = (&self.settings.url, self.key.link(id));
        let mut link = format!(
            "{url}/auth/v1/verify?token={token}&type={}",
            purpose.as_str()
        );
        if let Some(place) = &order.redirect_to {
            link.push_str("&redirect_to=");
            link.extend(utf8_percent_encode(place, NON_ALPHANUMERIC));
        }
        link
    }
}

/// What a mail would have brought.
pub(crate) struct HandedOver {
    pub(crate) link: String,
    /// The token in the link.
    pub(crate) token: String,
    pub(crate) code: String,
}

/// A link and a code for an account, for an operator to hand over; the last ones of that kind hold no longer.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn hand_over(
    app: &App,
    purpose: Purpose,
    order: &Order,
    user: &User,
    now: UnixMillis,
) -> Result<HandedOver, DbError> {
    let (issuer, id) = (Issuer::of(app), random::uuid());
    let order = Order {
        user: order.new_email.is_some().then(|| user.id.clone()),
        ..order.clone()
    };
    let content = content(purpose, &order, true);
    let owner = Some(user.id.as_str());
    let done = issuer.issue(&id, purpose, &order.to, &content, owner, now);
    done.await?;
    Ok(HandedOver {
        link: issuer.link(&id, purpose, &order),
        token: issuer.key.link(&id),
        code: issuer.key.code(&id),
    })
}

/// A link by which an account's owner chooses a password, for an operator to hand over; the last one
/// that was asked for holds no longer.
///
/// # Errors
/// [`DbError`].
pub(crate) async fn recovery_link(
    db: &Db,
    settings: &config::Mail,
    token_key: &Secret,
    user: &User,
    now: UnixMillis,
) -> Result<String, DbError> {
    let key = &OneTimeKey::new(token_key);
    let (issuer, id) = (Issuer { db, settings, key }, random::uuid());
    let order = Order {
        to: user.email.clone(),
        ..Order::default()
    };
    let (purpose, owner) = (Purpose::Recovery, Some(user.id.as_str()));
    let done = issuer.issue(&id, purpose, &user.email, &order, owner, now);
    done.await?;
    Ok(issuer.link(&id, purpose, &order))
}

fn language(app: &App, order: &Order, user: Option<&User>) -> Language {
    let own = |user: &User| Language::parse(user.user_metadata.get(LANGUAGE)?.as_str()?);
    user.and_then(own)
        .or_else(|| Language::parse(order.data.get(LANGUAGE)?.as_str()?))
        .or(order.language)
        .unwrap_or(app.mail.settings.language)
}
