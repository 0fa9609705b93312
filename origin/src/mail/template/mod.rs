//! Mails as they are read: plain text, and HTML that says the same.
//!
//! Guarantees: what is put into a text is escaped in HTML, and put in once: a value that looks like a
//! placeholder stays what it is.

mod english;
mod indonesian;

use super::Language;

/// What a mail says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Letter {
    /// What it is about.
    pub topic: Topic,
    /// Where its reader is to go.
    pub link: Option<String>,
    /// What its reader may type instead.
    pub code: Option<String>,
    /// The address that it is about, unless that is the one it goes to.
    pub address: Option<String>,
}

/// What a letter is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// Confirm a sign-up.
    Signup,
    /// The address has an account already.
    AccountExists,
    /// Choose another password.
    Recovery,
    /// The account is locked; choose another password.
    Lockout,
    /// Get in.
    MagicLink,
    /// An invitation.
    Invite,
    /// To the address of an account: it is to be another one.
    EmailChangeFrom,
    /// To that other one.
    EmailChangeTo,
    /// Prove that it is you.
    Reauthentication,
    /// The password was changed.
    PasswordChanged,
}

/// The sentences of a letter; `{name}` is the site's name, `{address}` the letter's address.
struct Words {
    subject: &'static str,
    lead: &'static str,
    /// What the link is called.
    action: &'static str,
    /// What comes before the code.
    code: &'static str,
    tail: &'static str,
}

/// A mail that can be sent.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Rendered {
    pub(super) subject: String,
    pub(super) text: String,
    pub(super) html: String,
}

impl Letter {
    /// Writes it.
    pub(super) fn render(&self, language: Language, name: &str) -> Rendered {
        let words = match language {
            Language::En => english::words(self.topic),
            Language::Id => indonesian::words(self.topic),
        };
        let put = |text: &str| fill(text, name, self.address.as_deref().unwrap_or_default());
        let subject = put(words.subject);
        let (lead, tail) = (put(words.lead), put(words.tail));
        let (mut text, mut html) = (vec![lead.clone()], vec![escape(&lead)]);
        if let Some(link) = &self.link {
            text.push(format!("{}:\n{link}", words.action));
            let (link, action) = (escape(link), escape(words.action));
            html.push(format!("<a href=\"{link}\">{action}</a>"));
        }
        if let Some(code) = &self.code {
            text.push(format!("{} {code}", words.code));
            let (before, code) = (escape(words.code), escape(code));
            html.push(format!("{before} <strong>{code}</strong>"));
        }
        for last in [tail.as_str(), name] {
            text.push(last.to_owned());
            html.push(escape(last));
        }
        let text = text.join("\n\n") + "\n";
        let html = format!(
            "<!doctype html>\n<html lang=\"{}\">\n<head><meta charset=\"utf-8\"><title>{}</title></head>\n\
             <body>\n<p>{}</p>\n</body>\n</html>\n",
            language.tag(),
            escape(&subject),
            html.join("</p>\n<p>"),
        );
        Rendered {
            subject,
            text,
            html,
        }
    }
}

/// Puts values in, in one pass.
fn fill(text: &str, name: &str, address: &str) -> String {
    let mut filled = String::with_capacity(text.len());
    for (index, part) in text.split('{').enumerate() {
        match part.split_once('}') {
            Some(("name", rest)) => filled.extend([name, rest]),
            Some(("address", rest)) => filled.extend([address, rest]),
            _ if index == 0 => filled.push_str(part),
            _ => filled.extend(["{", part]),
        }
    }
    filled
}

/// For HTML text and attributes in double quotes.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            _ => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{Language, Letter, Topic, english, escape, fill, indonesian};
    use proptest::prelude::*;

    const TOPICS: [Topic; 10] = [
        Topic::Signup,
        Topic::AccountExists,
        Topic::Recovery,
        Topic::Lockout,
        Topic::MagicLink,
        Topic::Invite,
        Topic::EmailChangeFrom,
        Topic::EmailChangeTo,
        Topic::Reauthentication,
        Topic::PasswordChanged,
    ];

    fn letter(topic: Topic, address: &str) -> Letter {
        Letter {
            topic,
            link: Some("https://gate.example/auth/v1/verify?token=t&type=recovery".into()),
            code: Some("012345".into()),
            address: Some(address.into()),
        }
    }

    #[test]
    fn both_languages_say_everything_in_words_of_their_own() {
        for topic in TOPICS {
            let (en, id) = (english::words(topic), indonesian::words(topic));
            for (en, id) in [
                (en.subject, id.subject),
                (en.lead, id.lead),
                (en.tail, id.tail),
            ] {
                assert!(!en.is_empty() && !id.is_empty() && en != id, "{topic:?}");
                assert_eq!(en.contains("{address}"), id.contains("{address}"), "{en}");
            }
            assert_eq!(en.action.is_empty(), id.action.is_empty(), "{topic:?}");
            assert_eq!(en.code.is_empty(), id.code.is_empty(), "{topic:?}");
        }
    }

    #[test]
    fn text_and_html_have_the_link_and_the_code() {
        let mail = letter(Topic::Recovery, "").render(Language::Id, "Toko Kita");
        assert!(mail.text.contains("verify?token=t&type=recovery\n"));
        assert!(mail.html.contains("verify?token=t&amp;type=recovery\">"));
        assert!(mail.text.contains("012345") && mail.html.contains("<strong>012345</strong>"));
        assert!(mail.html.contains("<html lang=\"id\">"));
        assert!(mail.subject.contains("Toko Kita"));
    }

    /// Both are characters of addresses.
    #[test]
    fn a_value_is_no_placeholder_and_no_tag() {
        assert_eq!(fill("a {address} b", "N", "{name}@b.co"), "a {name}@b.co b");
        assert_eq!(fill("{x} {", "N", "A"), "{x} {");
        let evil = "<img src=x onerror=alert(1)>'\"&";
        let mail = letter(Topic::EmailChangeFrom, evil).render(Language::En, evil);
        assert!(!mail.html.contains("<img") && mail.html.contains("&lt;img"));
        assert_eq!(escape("\"'"), "&quot;&#39;");
    }

    proptest! {
        #[test]
        fn no_value_opens_a_tag(address in ".{0,40}", name in ".{0,40}") {
            let tags = |html: &str| html.matches('<').count();
            let plain = letter(Topic::EmailChangeFrom, "").render(Language::En, "");
            let mail = letter(Topic::EmailChangeFrom, &address).render(Language::En, &name);
            prop_assert_eq!(tags(&mail.html), tags(&plain.html));
        }
    }
}
