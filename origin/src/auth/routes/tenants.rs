//! `/auth/v1/tenants`: the tenants that one belongs to, and which of them one acts for.

use super::{json_body, present};
use crate::{
    App,
    admission::Admitted,
    auth::{body, view::TenantView},
    http::{Answer, ApiError, respond},
    log,
};
use gapura_shared::event::Kind;
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    /// `null`: none of them. It must be said.
    #[serde(deserialize_with = "Option::deserialize")]
    tenant_id: Option<String>,
}

/// `GET /auth/v1/tenants` lists them; `PUT {"tenant_id": …}` chooses one. The next token carries
/// it: `refreshSession()` fetches that at once, other devices follow when they refresh.
///
/// # Errors
/// [`ApiError`].
pub async fn tenants(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let (mut user, _) = present(app, request).await?;
    if request.method() == http::Method::PUT {
        let choice: Choice = body::json(&json_body(request).await?)?;
        if !app
            .db
            .act_for(&user.id, choice.tenant_id.as_deref())
            .await?
        {
            return Err(ApiError::NotFound);
        }
        user.tenant = choice.tenant_id;
        log::security(request, Kind::AccountChanged, Some(&user.id), 200, "tenant");
    }
    let tenants = app.db.tenants_of(&user.id).await?;
    let views: Vec<_> = tenants.iter().map(TenantView::new).collect();
    let answer = json!({ "tenants": views, "active": user.tenant });
    Ok(respond::private_json(answer.to_string()))
}
