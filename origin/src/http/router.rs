//! Which handler answers. Takes [`Admitted`] alone, which only a seal makes.

use super::{Answer, ApiError, echo};
use crate::{App, admission::Admitted, auth::routes, data};
use http::Method;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Endpoint {
    Signup,
    Token,
    Logout,
    User,
    Factors,
    Sessions,
    Tenants,
    Admin,
    Invite,
    Settings,
    Health,
    Recover,
    Otp,
    Resend,
    Verify,
    Reauthenticate,
    Jwks,
    SimpleLogin,
    SimpleRegister,
    SimpleRefresh,
    Data,
    Echo,
}

impl Endpoint {
    fn find(path: &str, with_echo: bool) -> Option<Self> {
        match path {
            "/auth/v1/signup" => Some(Self::Signup),
            "/auth/v1/token" => Some(Self::Token),
            "/auth/v1/logout" => Some(Self::Logout),
            "/auth/v1/user" => Some(Self::User),
            "/auth/v1/factors" => Some(Self::Factors),
            "/auth/v1/sessions" => Some(Self::Sessions),
            "/auth/v1/tenants" => Some(Self::Tenants),
            "/auth/v1/settings" => Some(Self::Settings),
            "/auth/v1/health" => Some(Self::Health),
            _ if path.starts_with("/auth/v1/factors/") => Some(Self::Factors),
            "/auth/v1/recover" => Some(Self::Recover),
            "/auth/v1/otp" | "/auth/v1/magiclink" => Some(Self::Otp),
            "/auth/v1/resend" => Some(Self::Resend),
            "/auth/v1/verify" => Some(Self::Verify),
            "/auth/v1/reauthenticate" => Some(Self::Reauthenticate),
            "/auth/v1/.well-known/jwks.json" => Some(Self::Jwks),
            _ if path.starts_with("/auth/v1/sessions/") => Some(Self::Sessions),
            "/auth/v1/invite" => Some(Self::Invite),
            _ if path.starts_with("/auth/v1/admin/") => Some(Self::Admin),
            "/auth/v1/simple/login" => Some(Self::SimpleLogin),
            "/auth/v1/simple/register" => Some(Self::SimpleRegister),
            "/auth/v1/simple/refresh" => Some(Self::SimpleRefresh),
            _ if path.starts_with(data::PREFIX) => Some(Self::Data),
            _ if with_echo && path.starts_with("/echo/") => Some(Self::Echo),
            _ => None,
        }
    }

    /// The `Allow` field; `None` where any method will do.
    const fn allow(self) -> Option<&'static str> {
        match self {
            // No HEAD: who only looks must not use a link up.
            Self::Verify => Some("GET, POST"),
            Self::Reauthenticate => Some("GET"),
            Self::Signup
            | Self::Token
            | Self::Logout
            | Self::Recover
            | Self::Otp
            | Self::Resend
            | Self::Invite
            | Self::SimpleLogin
            | Self::SimpleRegister
            | Self::SimpleRefresh => Some("POST"),
            Self::User | Self::Tenants => Some("GET, HEAD, PUT"),
            Self::Settings | Self::Health | Self::Jwks => Some("GET, HEAD"),
            // Their modules tell by the rest of the path.
            Self::Factors | Self::Sessions | Self::Admin | Self::Data | Self::Echo => None,
        }
    }

    fn check(self, method: &Method) -> Result<(), ApiError> {
        match self.allow() {
            Some(allow) if !allow.split(", ").any(|one| one == method.as_str()) => {
                Err(ApiError::MethodNotAllowed { allow })
            }
            _ => Ok(()),
        }
    }
}

/// Whether a request is finished even if its client hangs up: all that changes an account or what belongs
/// to it.
pub(super) fn is_unbroken(request: &Admitted) -> bool {
    match Endpoint::find(request.path(), false) {
        // A link is used up by following it, and a code is mailed.
        Some(Endpoint::Verify | Endpoint::Reauthenticate) => true,
        None
        | Some(
            Endpoint::Settings
            | Endpoint::Health
            | Endpoint::Jwks
            | Endpoint::Data
            | Endpoint::Echo,
        ) => false,
        Some(_) => !request.method().is_safe(),
    }
}

/// Finds and runs the handler.
pub(super) async fn route(app: &App, request: &mut Admitted) -> Result<Answer, ApiError> {
    let endpoint =
        Endpoint::find(request.path(), app.config.development.echo).ok_or(ApiError::NotFound)?;
    endpoint.check(request.method())?;
    match endpoint {
        Endpoint::Signup => routes::signup(app, request).await,
        Endpoint::Token => routes::token(app, request).await,
        Endpoint::Logout => routes::logout(app, request).await,
        Endpoint::User => routes::user(app, request).await,
        Endpoint::Factors => routes::factors(app, request).await,
        Endpoint::Sessions => routes::sessions(app, request).await,
        Endpoint::Tenants => routes::tenants(app, request).await,
        Endpoint::Admin => routes::admin(app, request).await,
        Endpoint::Invite => routes::invite(app, request).await,
        Endpoint::Settings => Ok(routes::settings(app)),
        Endpoint::Health => routes::health(app).await,
        Endpoint::Recover => routes::recover(app, request).await,
        Endpoint::Otp => routes::otp(app, request).await,
        Endpoint::Resend => routes::resend(app, request).await,
        Endpoint::Verify => routes::verify(app, request).await,
        Endpoint::Reauthenticate => routes::reauthenticate(app, request).await,
        Endpoint::Jwks => Ok(routes::jwks(app, request)),
        Endpoint::SimpleLogin => routes::simple::login(app, request).await,
        Endpoint::SimpleRegister => routes::simple::register(app, request).await,
        Endpoint::SimpleRefresh => routes::simple::refresh(app, request).await,
        Endpoint::Data => Ok(data::answer(app, request).await),
        Endpoint::Echo => echo::answer(request).await,
    }
}

#[cfg(test)]
mod tests {
    use super::{ApiError, Endpoint};
    use http::Method;

    #[test]
    fn echo_is_not_there_unless_switched_on() {
        assert_eq!(Endpoint::find("/echo/a", false), None);
        assert_eq!(Endpoint::find("/echo/a", true), Some(Endpoint::Echo));
        assert_eq!(Endpoint::find("/echoes", true), None);
    }

    #[test]
    fn paths_match_exactly_or_not_at_all() {
        for path in [
            "",
            "/",
            "/auth/v1/User",
            "/auth/v1/user/",
            "/auth/v1//user",
            "/auth/v1/%75ser",
        ] {
            assert_eq!(Endpoint::find(path, true), None, "{path}");
        }
    }

    #[test]
    fn a_wrong_method_is_told_the_right_ones() {
        assert_eq!(
            Endpoint::User.check(&Method::POST),
            Err(ApiError::MethodNotAllowed {
                allow: "GET, HEAD, PUT"
            })
        );
        assert_eq!(Endpoint::Token.check(&Method::POST), Ok(()));
        assert_eq!(Endpoint::Echo.check(&Method::PATCH), Ok(()));
    }
}
