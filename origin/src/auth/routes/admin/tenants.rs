//! `/auth/v1/admin/tenants` and their members.

use super::method;
use crate::{
    App,
    admission::Admitted,
    auth::{
        body,
        permission::{self, Permission},
        routes::{json_body, until_now},
        view::TenantView,
    },
    clock,
    db::Tenant,
    http::{Answer, ApiError, respond},
    log, random,
};
use gapura_shared::{event::Kind, push};
use http::StatusCode;
use serde::Deserialize;
use serde_json::json;

const MAX_NAME_CHARS: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewTenant {
    name: String,
}

/// `GET`: the tenants, at most 1,000. `POST {"name": …}` adds one.
pub(super) async fn all(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    if method(request, "GET, HEAD, POST")? != "POST" {
        permission::require(app, request, Permission::TenantsRead).await?;
        let tenants = app.db.tenants().await?;
        let views: Vec<_> = tenants.iter().map(TenantView::new).collect();
        return Ok(respond::private_json(
            json!({ "tenants": views }).to_string(),
        ));
    }
    let actor = permission::require(app, request, Permission::TenantsWrite).await?;
    let sent: NewTenant = body::json(&json_body(request).await?)?;
    let name = sent.name.trim();
    if !(1..=MAX_NAME_CHARS).contains(&name.chars().count()) || name.chars().any(char::is_control) {
        return Err(ApiError::Invalid("A name has 1 to 100 characters."));
    }
    let tenant = Tenant {
        id: random::uuid(),
        name: name.to_owned(),
        created: clock::now(),
    };
    app.db.insert_tenant(&tenant).await?;
    let target = format!("/auth/v1/admin/tenants/{}", tenant.id);
    log::security_on(
        request,
        Kind::AccessChanged,
        &actor.id,
        &target,
        200,
        "tenant",
    );
    Ok(respond::private_json(
        json!(TenantView::new(&tenant)).to_string(),
    ))
}

/// `DELETE`: the tenant, its memberships, and every token that was issued for it.
pub(super) async fn one(app: &App, request: &mut Admitted, id: &str) -> Result<Answer, ApiError> {
    method(request, "DELETE")?;
    let actor = permission::require(app, request, Permission::TenantsWrite).await?;
    if !app.db.delete_tenant(id).await? {
        return Err(ApiError::NotFound);
    }
    request.outcome().revoked = vec![until_now(app, push::Kind::Tenant, id)];
    log::security(
        request,
        Kind::AccessChanged,
        Some(&actor.id),
        204,
        "tenant-deleted",
    );
    Ok(respond::empty(StatusCode::NO_CONTENT))
}

/// `GET`: ids of the members, at most 1,000.
pub(super) async fn members(app: &App, request: &Admitted, id: &str) -> Result<Answer, ApiError> {
    method(request, "GET, HEAD")?;
    permission::require(app, request, Permission::TenantsRead).await?;
    let members = app.db.members(id).await?.ok_or(ApiError::NotFound)?;
    Ok(respond::private_json(
        json!({ "members": members }).to_string(),
    ))
}

/// `PUT` makes an account a member, `DELETE` ends that: its tokens that name the tenant hold no
/// longer, its sessions go on without it.
pub(super) async fn member(
    app: &App,
    request: &mut Admitted,
    id: &str,
    user: &str,
) -> Result<Answer, ApiError> {
    let delete = method(request, "PUT, DELETE")? == "DELETE";
    let actor = permission::require(app, request, Permission::TenantsWrite).await?;
    let done = if delete {
        app.db.remove_member(id, user).await?
    } else {
        app.db.add_member(id, user, clock::now()).await?
    };
    if !done {
        return Err(ApiError::NotFound);
    }
    let reason = if delete {
        request.outcome().revoked = vec![until_now(app, push::Kind::User, user)];
        "member-removed"
    } else {
        "member"
    };
    log::security(request, Kind::AccessChanged, Some(&actor.id), 204, reason);
    Ok(respond::empty(StatusCode::NO_CONTENT))
}
