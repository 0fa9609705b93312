//! Which account a login is for: the first of the route's fields that its body has.

use crate::policy::Route;
use gapura_shared::{outcome::AccountId, parse::query};
use serde_json::Value;

/// The account that a body names. JSON is told by its first byte, as the origin reads it
/// whatever its type says; else it is a form.
#[must_use]
pub fn named(route: &Route, body: &[u8]) -> Option<AccountId> {
    if route.account.is_empty() {
        return None;
    }
    let is_json = body.iter().find(|b| !b.is_ascii_whitespace()) == Some(&b'{');
    let value = if is_json {
        let body: Value = serde_json::from_slice(body).ok()?;
        let text = |name: &String| body.get(name)?.as_str().map(str::to_owned);
        route.account.iter().find_map(text)
    } else {
        let form = std::str::from_utf8(body).ok()?;
        let text = |name: &String| query::first(form, name).ok().flatten();
        route.account.iter().find_map(text)
    };
    value
        .filter(|text| !text.trim().is_empty())
        .map(|text| AccountId::of(&text))
}

#[cfg(test)]
mod tests {
    use super::named;
    use crate::gate::tests::policy;
    use gapura_shared::outcome::AccountId;

    #[test]
    fn reads_the_first_field_of_json_and_forms() {
        let policy = policy();
        let login = policy
            .routes
            .iter()
            .find(|route| route.name == "login")
            .unwrap();
        let other = policy
            .routes
            .iter()
            .find(|route| route.name == "user")
            .unwrap();
        let id = Some(AccountId::of("a@b.example"));
        assert_eq!(
            named(login, br#" {"email":" A@b.example","password":"x"}"#),
            id
        );
        assert_eq!(named(login, b"password=x&email=a%40b.example"), id);
        assert_eq!(named(login, br#"{"phone":"a@b.example"}"#), id);
        for none in [
            &b""[..],
            b"{",
            br#"{"email":1}"#,
            br#"{"email":" "}"#,
            b"\xff",
            b"x=1",
        ] {
            assert_eq!(named(login, none), None);
        }
        assert_eq!(named(other, br#"{"email":"a@b.example"}"#), None);
    }
}
