//! LDAP injection (RFC 4515): a value that closes the filter it stands in and opens others, and
//! whole filters.
//!
//! Parentheses are everyday signs, so a closing one counts only when the text did not open it or
//! when a `*` stands before it, and what opens after it must be a filter.

use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::rules::ldap as rules;
use crate::waf::scan::{
    at, before, find, is_one_of, is_word, position, skip_space, skip_while, span, stands, trim,
};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    ")(",
    ") (",
    "(&",
    "(|",
    "(!",
    "*)",
    "=*",
    "()|",
    "(objectclass=",
];

/// Attributes that directories have and other parentheses rarely hold.
const ATTRIBUTES: &[&[u8]] = &[
    b"uid",
    b"cn",
    b"sn",
    b"mail",
    b"objectclass",
    b"objectcategory",
    b"userpassword",
    b"password",
    b"user",
    b"username",
    b"pass",
    b"samaccountname",
    b"memberof",
    b"member",
    b"department",
    b"telephonenumber",
    b"givenname",
    b"ou",
    b"dc",
    b"homedirectory",
    b"userprincipalname",
    b"displayname",
    b"title",
    b"description",
    b"uidnumber",
    b"gidnumber",
    b"memberuid",
    b"useraccountcontrol",
    b"admincount",
    b"serviceprincipalname",
    b"employeetype",
    b"loginshell",
    b"mobile",
    b"role",
    b"email",
    b"group",
    b"manager",
    b"distinguishedname",
];

/// Most parentheses and spaces that close a filter before the next opens.
const MAX_CLOSINGS: usize = 8;
/// Longest value that is one filter.
const MAX_WHOLE: usize = 200;
/// Spaces before a filter that is a value.
const MAX_SPACES: usize = 4;
/// Longest attribute description, options and matching rule included.
const MAX_ATTRIBUTE: usize = 48;

/// Names the rule that the text breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    if text.part == Part::File {
        return;
    }
    let lower = text.lower;
    // Whole filters in a text of several lines or behind a command or a sentence are what somebody
    // asks about. What closes a filter of the application's own is never spared.
    let is_listing = trim(lower).contains(&b'\n') || is_setting(lower) || is_pattern(lower);
    let (mut depth, mut spaces) = (0_i32, 0_usize);
    let mut start = 0;
    while let Some(index) = position(lower, start, |byte| is_one_of(byte, *b"()")) {
        let passed = span(lower, start, index).iter();
        spaces += passed
            .filter(|byte| **byte == b' ')
            .take(MAX_SPACES)
            .count();
        hits.look();
        start = index + 1;
        let is_shown = is_listing || spaces >= MAX_SPACES;
        let found = if at(lower, index) == b'(' {
            depth += 1;
            !is_shown && (is_filter(lower, index) || is_wild_item(lower, index))
        } else {
            depth -= 1;
            let is_foreign = depth < 0 || (before(lower, index) == b'*' && !is_shown);
            // Each text that is closed too often may be reopened by the next.
            depth = depth.max(0);
            is_foreign && reopens(lower, index)
        };
        if found {
            hits.push(Hit::new(&rules::FILTER, index, index + 4));
            return;
        }
    }
    let whole = trim(lower);
    let is_class = stands(whole, 0, b"(objectclass=")
        && skip_while(whole, 13, |byte| byte.is_ascii_alphanumeric()) + 1 == whole.len();
    if matches!(whole, b"*))" | b"*)))")
        || stands(whole, 0, b"*()|")
        || is_class
        || is_break(whole)
        || is_whole_filter(whole)
    {
        hits.push(Hit::new(&rules::FILTER, 0, lower.len()));
    }
}

/// `*)(`, `*))((`: nothing but the signs that end one filter and open another.
fn is_break(whole: &[u8]) -> bool {
    whole.len() > 2
        && (at(whole, 0) == b')' || whole.contains(&b'*'))
        && whole.iter().all(|byte| b"*()|&!".contains(byte))
        && (find(whole, b")(", 0).is_some() || find(whole, b"*(|", 0).is_some())
}

/// `(a=*)`, `x)(a=b`: a filter, or what ends one and opens another, of
/// any attribute, in a value without a space.
fn is_whole_filter(whole: &[u8]) -> bool {
    if whole.len() > MAX_WHOLE || whole.iter().any(u8::is_ascii_whitespace) {
        return false;
    }
    let is_item = |open: usize| item(whole, open + 1).is_some_and(|(_, value)| value < whole.len());
    if at(whole, 0) == b'(' {
        return is_item(0) && whole.ends_with(b"=*)");
    }
    let stem = skip_while(whole, 0, |byte| is_word(byte) || byte == b'*');
    let open = skip_while(whole, stem, |byte| byte == b')');
    open > stem && at(whole, open) == b'(' && is_item(open) && !whole.ends_with(b")")
}

/// What stands for the name that somebody logs in by.
const PLACEHOLDERS: &[&[u8]] = &[b"=%u)", b"=%s)", b"=%(user)s)", b"={{username}})"];

/// `(&(objectClass=person)(uid=%u))`: the whole filter by which a directory's user is looked up.
fn is_pattern(text: &[u8]) -> bool {
    let text = trim(text);
    let (mut depth, mut closed) = (0_i32, 0_usize);
    for (index, byte) in text.iter().enumerate().take(MAX_WHOLE) {
        depth += i32::from(*byte == b'(') - i32::from(*byte == b')');
        if depth == 0 {
            closed = index + 1;
            break;
        }
    }
    at(text, 0) == b'('
        && closed == text.len()
        && (PLACEHOLDERS
            .iter()
            .any(|name| find(text, name, 0).is_some())
            || find(text, b"={", 0).is_some_and(|open| {
                let name = skip_while(text, open + 2, is_word);
                name > open + 2 && at(text, name) == b'}' && at(text, name + 1) == b')'
            }))
}

/// `user_filter = "(&(uid=%s))"`, `filter: (uid={0})`: a line of somebody's configuration.
fn is_setting(text: &[u8]) -> bool {
    let name = skip_while(text, 0, |byte| {
        byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.' | b' ')
    });
    let key = trim(span(text, 0, name));
    let value = skip_while(text, name + 1, |byte| matches!(byte, b' ' | b'"' | b'\''));
    matches!(at(text, name), b'=' | b':')
        && key
            .windows(6)
            .any(|window| window == b"filter" || window == b"search")
        && at(text, value) == b'('
}

/// A filter's attribute at `start`, and the index after its operator.
fn item(text: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let window = span(text, 0, start + MAX_ATTRIBUTE);
    let is_part =
        |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b';' | b':');
    let end = skip_while(window, start, is_part);
    let operator = end + usize::from(matches!(at(text, end), b'~' | b'>' | b'<'));
    let is_item = at(text, start).is_ascii_alphanumeric()
        && at(text, operator) == b'='
        && at(text, operator + 1) != b'=';
    let name = span(
        text,
        start,
        skip_while(window, start, |byte| byte.is_ascii_alphanumeric()),
    );
    is_item.then_some((name, operator + 1))
}

/// `(&(uid=x)`, `(|(mail=*))`, `(|(&`.
fn is_filter(text: &[u8], open: usize) -> bool {
    let operator = at(text, open + 1);
    if !matches!(operator, b'&' | b'|' | b'!') || before(text, open) == b'\\' {
        return false;
    }
    let inner = skip_space(text, open + 2);
    if at(text, inner) != b'(' {
        // `(&)(user=tom`.
        return operator != b'!' && stands(text, inner, b")(");
    }
    let next = at(text, inner + 1);
    let is_chain = operator != b'!'
        && matches!(next, b'&' | b'|' | b'!')
        && matches!(at(text, inner + 2), b'(' | b')' | 0);
    let is_reopened = operator != b'!' && matches!(before(text, open), b')' | b'*');
    is_chain
        || item(text, inner + 1).is_some_and(|(name, value)| {
            is_reopened || ATTRIBUTES.contains(&name) || at(text, value) == b'*'
        })
}

/// `(objectclass=*)`.
fn is_wild_item(text: &[u8], open: usize) -> bool {
    item(text, open + 1).is_some_and(|(name, value)| {
        ATTRIBUTES.contains(&name) && at(text, value) == b'*' && at(text, value + 1) == b')'
    })
}

/// What follows a parenthesis that closes somebody else's filter.
fn reopens(text: &[u8], close: usize) -> bool {
    let after_star = before(text, close) == b'*';
    let window = span(text, 0, close + MAX_CLOSINGS);
    let open = skip_while(window, close, |byte| byte == b')' || byte == b' ');
    if at(text, open) != b'(' {
        return false;
    }
    let inner = open + usize::from(at(text, open + 1) == b'(');
    let next = at(text, inner + 1);
    if matches!(next, b'&' | b'|' | b'!') {
        return matches!(at(text, inner + 2), b'(' | b')' | 0) || inner > open;
    }
    item(text, inner + 1).is_some_and(|(name, value)| {
        let is_ordered = matches!(text.get(value.saturating_sub(2)), Some(b'~' | b'>' | b'<'));
        ATTRIBUTES.contains(&name) || at(text, value) == b'*' || after_star || is_ordered
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fires(text: &str) -> bool {
        let lower = text.to_ascii_lowercase();
        let mut hits = Hits::default();
        let text = Text {
            lower: lower.as_bytes(),
            part: Part::Query,
            name: "q",
        };
        detect(&text, &mut hits);
        !hits.is_empty()
    }

    #[test]
    fn finds_filters_that_are_closed_and_reopened() {
        for attack in [
            "*)(uid=*))(|(uid=*",
            "admin*)((|userpassword=*)",
            "*)(&",
            "admin)(!(&(1=0",
            "*(|(objectclass=*))",
            ")(cn=*",
            "x)(|(cn=*))",
            "bob*(|(&",
            "*)(memberof:1.2.840.113556.1.4.1941:=cn=admins",
            "(&(uid=admin)(userpassword=*))",
            "(objectClass=*)",
            "*()|&'",
            "*))",
            "admin)(&)",
            "*)(",
            "x))(a=b",
            "(a=*)",
        ] {
            assert!(fires(attack), "{attack}");
        }
    }

    #[test]
    fn spares_parentheses_of_people_and_code() {
        for honest in [
            "(021) 555-1234 (office)",
            "(a)(b) and (c)",
            "(x+1)(x-2)=0",
            "f(x)(y=2)",
            "foo(*args)(b=1)",
            "**/*.(js|ts)",
            "(a|b)*(c|d)",
            "if (!(a == b)) return (&x);",
            ":-) (see below)",
            "a) first b) second (and=or)",
            "p:not(.x)(color=red)",
            "(**bold**)(https://example.com/?a=*)",
            "1) one (uno) 2) two (due)",
            "()()",
            "f(x)(y=1)",
            "(a=b)",
            "(&x)",
            "a)(b",
            "tel)(021=",
        ] {
            assert!(!fires(honest), "{honest}");
        }
    }
}
