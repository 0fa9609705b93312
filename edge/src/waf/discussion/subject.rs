//! What the sentences of a text are about: who shows code asks about it or says what it does, in
//! the words of the trade. Padding that says something else proves nothing.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use super::line::{FUNCTION_WORDS, plain_word};
use crate::waf::scan::{at, is_space, is_word, span};

/// Words of a text that asks about software.
const MIN_WORDS: usize = 4;
/// Words, and terms among them, of a text that explains at length.
const MIN_ESSAY: (usize, usize) = (16, 2);
/// Terms counted.
const MAX_TERMS: usize = 8;
/// Words looked at: what matters is said in the first of them.
const MAX_TOKENS: usize = 4096;

/// How much a text says about software.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Subject {
    words: usize,
    asks: usize,
    terms: usize,
    is_joined: bool,
}

impl Subject {
    /// Reads a lower-cased view.
    pub(super) fn of(text: &[u8]) -> Self {
        let mut known: Vec<&[u8]> = Vec::new();
        let mut subject = Self::default();
        let tokens = text
            .split(|byte| is_space(*byte))
            .filter(|token| !token.is_empty());
        for token in tokens.take(MAX_TOKENS) {
            // `19c?`
            subject.asks +=
                usize::from(token.ends_with(b"?") && at(token, 0).is_ascii_alphanumeric());
            let Some(word) = plain_word(token) else {
                subject.terms += usize::from(subject.terms < MAX_TERMS && is_name(token));
                continue;
            };
            subject.words += 1;
            subject.is_joined |= FUNCTION_WORDS.contains(&word);
            subject.asks += usize::from(ASKING.contains(word));
            let new = term(word).filter(|term| known.len() < MAX_TERMS && !known.contains(term));
            subject.terms += usize::from(new.is_some());
            known.extend(new);
        }
        subject
    }

    /// Whether it asks about software, or tells how to use it.
    pub(super) fn is_software(self) -> bool {
        self.words >= MIN_WORDS && self.asks > 0 && self.terms > 0 && self.is_joined
    }

    /// Whether it does so at length.
    pub(super) fn is_essay(self) -> bool {
        self.is_software() && self.words >= MIN_ESSAY.0 && self.terms >= MIN_ESSAY.1
    }
}

/// Elements that only structure a page, as prose names them.
const ELEMENTS: &[&[u8]] = &[
    b"a",
    b"b",
    b"body",
    b"button",
    b"canvas",
    b"code",
    b"div",
    b"form",
    b"h1",
    b"h2",
    b"head",
    b"html",
    b"input",
    b"label",
    b"li",
    b"main",
    b"nav",
    b"ol",
    b"option",
    b"p",
    b"pre",
    b"section",
    b"select",
    b"span",
    b"table",
    b"tbody",
    b"td",
    b"template",
    b"textarea",
    b"th",
    b"thead",
    b"tr",
    b"ul",
];

/// Whether the token is the name of a piece of code: `<tr>`, `strtolower()`.
fn is_name(token: &[u8]) -> bool {
    let last = token
        .iter()
        .rposition(|byte| !matches!(byte, b',' | b'.' | b'?' | b':'));
    let token = span(token, 0, last.map_or(0, |last| last + 1));
    let element = || {
        let inner = token.strip_prefix(b"<")?.strip_suffix(b">")?;
        Some(inner.strip_prefix(b"/").unwrap_or(inner))
    };
    let function = || {
        let name = token.strip_suffix(b"()")?;
        Some(name.len() > 2 && name.iter().all(|byte| is_word(*byte)))
    };
    element().is_some_and(|name| ELEMENTS.contains(&name)) || function().unwrap_or(false)
}

/// Whether the word is one of a question, a report or an answer.
pub(super) fn is_asking(word: &[u8]) -> bool {
    ASKING.contains(word)
}

/// The term that the word is, or is a form of.
fn term(word: &[u8]) -> Option<&'static [u8]> {
    let stem = || {
        word.strip_suffix(b"s")
            .or_else(|| word.strip_suffix(b"nya"))
    };
    TERMS.get(word).or_else(|| TERMS.get(stem()?)).copied()
}

type Words = LazyLock<BTreeSet<&'static [u8]>>;

fn words(list: &'static str) -> BTreeSet<&'static [u8]> {
    list.split(' ').map(str::as_bytes).collect()
}

/// Words of questions, reports and answers.
static ASKING: Words = LazyLock::new(|| {
    words(
        "added allowed allows alternative alternatives always aman another apa apakah \
         avoid bagaimana bantu beda bedanya better bisa broken bug bugs can't cannot cant \
         cara caranya change changed changes check coba complains consider correct crash \
         crashed crashes dangerous deprecated difference dimana discouraged does doesn't \
         doesnt don't dont empty enough error errornya errors example expected explain \
         fail failed failing fails faster filter fix fixed fixes ga gagal gak get getting \
         gimana give gives got hangs harusnya how ignored ignores instead isn't issue \
         issues jadi jalan jalankan kenapa kok kosong make makes masalah mean meaning \
         means mengapa minta missing mohon muncul need needs never nggak noticed padahal \
         pakai pake possible prints problem problems ran recommended removed replace \
         replaced reproduce reproduced return returns run running runs safe said salah \
         salahnya says seems set should shouldn't slow slower solusi solusinya steps sure \
         tau think throw throws tidak tolong tried try undefined understand unsafe upgrade \
         upgraded upgrading use used using versus vs vulnerable warning warnings way what \
         which why work working works wrong",
    )
});

/// Words of the trade that few other letters use.
static TERMS: Words = LazyLock::new(|| {
    words(
        "ajax alpine angular ansible apache api apollo argument array ascii asp aspx async \
         attribute awk babel backdoor backend backtick backticks base64 bash bat batch \
         bcrypt blade bookmarklet boolean browser buffer burp button bytes callback canvas \
         charset chrome clang clojure cmake cmd code codeigniter coding combobox command \
         commit compiler composer config configuration container controller cookie \
         coroutine cors cpu cron crontab crypto csp csrf css csv curl cve daemon dart \
         dashboard database dataframe db debian debugger decode decorator dependency \
         deploy deployed deserialization dict directory div django dns docker dom dropdown \
         drupal dvwa elasticsearch elixir eloquent emacs encode encoded endpoint enum \
         erlang escape escaped escaping eslint eval excel exception exec exploit express \
         expression fail2ban firefox firewall flask flutter framework freemarker frontend \
         function gcc generics git github gitlab golang goroutine gradle graphql grep \
         groovy hacked hacker handlebars hashmap haskell header helm hibernate hostname \
         htaccess html http https ide iframe imap import ingress inject injection \
         innerhtml input inputan int integer intellij iptables jar java javascript jdbc \
         jenkins jest jinja joomla jpa jquery jsf json jsp jstl junit jupyter jwt kerberos \
         kernel kode kodenya koding kodingan kotlin kubectl kubernetes lambda laravel ldap \
         lfi library linter linux llvm localhost lodash log log4j log4shell login lookup \
         lua macos macro magento makefile malloc malware mariadb maven md5 merge method \
         middleware migration module mongo mongodb mongoose mustache mutex mysql neovim \
         newline nginx node nodejs npm null numpy oauth odbc ognl onclick onerror oom \
         oracle orm pandas parameter parse parser payload perintah perl php phpmyadmin \
         pickle pip pipeline placeholder plugin pointer popup postgres postgresql \
         powershell prestashop prototype proxy pytest python query quotes quoting rails \
         ram rce react redis regex regexp repo repository resolver rfi ruby rust safari \
         saml sanitize scala scanner schema scrapy script sdk sed segfault selector \
         selenium semicolon serialization server servlet sha shell shellshock shopify \
         smarty smtp socket spel spring springboot sql sqli sqlite sqlmap ssh ssl sso ssrf \
         stacktrace staging statement stderr stdin stdout string struct struts subprocess \
         subquery sudo svelte svg swift symfony syntax syscall systemd tcpdump template \
         templates terminal terraform thread thymeleaf tls token tombol tomcat toml \
         traceback traversal tuple twig typedef typescript ubuntu unicode unittest \
         unserialize uri url userscript utf variable vba velocity vim vite vps vscode vue \
         vulnerability waf wasm webhook webpack webshell wget windows wordpress workflow \
         xampp xml xpath xss xxe yaml yarn yii zsh",
    )
});

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_questions_about_software_from_other_letters() {
        for text in [
            "why does this query return an error?",
            "kenapa script ini error ya?",
            "is eval in python slower than it?",
            "use json in the browser and it works",
        ] {
            assert!(Subject::of(text.as_bytes()).is_software(), "{text}");
        }
        for text in [
            "hello there, this is the order that i would like to have.",
            "terima kasih, saya mau pesan yang ini dong.",
            "can you tell me when the table by the window is free?",
            "' union select script, query, server, error from php--",
            "php mysql server error",
        ] {
            assert!(!Subject::of(text.as_bytes()).is_software(), "{text}");
        }
    }
}
