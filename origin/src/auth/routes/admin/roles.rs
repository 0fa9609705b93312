//! `/auth/v1/admin/roles`.

use super::method;
use crate::{
    App,
    admission::Admitted,
    auth::{
        body,
        permission::{self, Permission, ROLE_ADMIN, is_role},
        routes::json_body,
    },
    clock,
    http::{Answer, ApiError, respond},
    log,
};
use gapura_shared::event::Kind;
use http::StatusCode;
use serde::Deserialize;
use serde_json::{Value, json};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Grants {
    permissions: Vec<String>,
}

/// `GET`: every role and what it permits. `admin` permits everything, and says so with `*`.
pub(super) async fn all(app: &App, request: &Admitted) -> Result<Answer, ApiError> {
    method(request, "GET, HEAD")?;
    permission::require(app, request, Permission::RolesRead).await?;
    let roles: Vec<Value> = app
        .db
        .roles()
        .await?
        .into_iter()
        .map(|(role, permissions)| match role.as_str() {
            ROLE_ADMIN => json!({ "role": role, "permissions": ["*"] }),
            _ => json!({ "role": role, "permissions": permissions }),
        })
        .collect();
    let answer = json!({ "roles": roles });
    Ok(respond::private_json(answer.to_string()))
}

/// `PUT {"permissions": […]}`: a role permits these and nothing else from now on; it is made when it
/// is not there. `DELETE`: if no account has it.
pub(super) async fn one(app: &App, request: &mut Admitted, role: &str) -> Result<Answer, ApiError> {
    let delete = method(request, "PUT, DELETE")? == "DELETE";
    let actor = permission::require(app, request, Permission::RolesRead).await?;
    actor.require_admin()?;
    if !is_role(role) || role == ROLE_ADMIN {
        return Err(ApiError::Invalid(
            "A role has 1 to 32 lower-case letters, digits, `-` or `_`; `admin` and `anon` stay as they are.",
        ));
    }
    if delete {
        if !app.db.delete_role(role).await? {
            return Err(ApiError::Conflict);
        }
        log::security(
            request,
            Kind::AccessChanged,
            Some(&actor.id),
            204,
            "role-deleted",
        );
        return Ok(respond::empty(StatusCode::NO_CONTENT));
    }
    let sent: Grants = body::json(&json_body(request).await?)?;
    let mut permissions = Vec::new();
    for name in &sent.permissions {
        let known =
            Permission::parse(name).ok_or(ApiError::Invalid("There is no such permission."))?;
        if !permissions.contains(&known.name()) {
            permissions.push(known.name());
        }
    }
    app.db.set_role(role, &permissions, clock::now()).await?;
    log::security(request, Kind::AccessChanged, Some(&actor.id), 200, "role");
    let answer = json!({ "role": role, "permissions": permissions });
    Ok(respond::private_json(answer.to_string()))
}
