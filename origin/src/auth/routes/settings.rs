//! `/auth/v1/settings` and `/auth/v1/health`: what a client may know before anybody logs in.

use crate::{
    App,
    http::{Answer, ApiError, respond},
};
use serde_json::json;

/// `GET /auth/v1/settings`: which ways in there are.
#[must_use]
pub fn settings(app: &App) -> Answer {
    let settings = json!({
        "external": { "email": true, "phone": false, "anonymous_users": false },
        "disable_signup": app.auth.settings.disable_signup,
        "mailer_autoconfirm": !app.auth.settings.confirm_email,
        "phone_autoconfirm": false,
        "sms_provider": "",
        "saml_enabled": false,
    });
    respond::private_json(settings.to_string())
}

/// `GET /auth/v1/health`: whether the database answers, too.
///
/// # Errors
/// [`ApiError::DatabaseUnavailable`].
pub async fn health(app: &App) -> Result<Answer, ApiError> {
    app.db.ping().await?;
    let health = json!({
        "name": "Gapura",
        "version": env!("CARGO_PKG_VERSION"),
        "description": "Accounts and sessions behind the gate.",
    });
    Ok(respond::private_json(health.to_string()))
}
