//! The rules, one const table per attack class. A rule is what a finding is called; what fires it
//! is a detector of [`super::detect`] or a row of [`literal`].
//!
//! To add one: a row in its class's table with an attack, an encoded variant and an honest near
//! miss (all three are tested), then a literal or a detector that names it.

pub(super) mod code;
pub(super) mod crlf;
pub(super) mod graphql;
pub(super) mod html;
pub(super) mod jndi;
pub(super) mod ldap;
pub(super) mod literal;
pub(super) mod mail;
pub(super) mod nosql;
pub(super) mod path;
pub(super) mod probe;
pub(super) mod protocol;
pub(super) mod scanner;
pub(super) mod shell;
pub(super) mod sql;
pub(super) mod ssi;
pub(super) mod ssrf;
pub(super) mod template;
pub(super) mod upload;
pub(super) mod xml;
pub(super) mod xpath;

use super::Severity;

/// One rule.
#[derive(Debug)]
pub(super) struct Rule {
    /// Stable; a retired id is never reused.
    pub(super) id: &'static str,
    /// What it looks for.
    pub(super) name: &'static str,
    /// What it adds to the score.
    pub(super) severity: Severity,
    /// Lowest paranoia level at which it runs.
    pub(super) paranoia: u8,
    /// Attack class, CWE, Core Rule Set class.
    pub(super) tags: &'static [&'static str],
    /// What the table test feeds it; compiled for tests alone.
    #[cfg(test)]
    pub(super) samples: Samples,
}

/// An attack, the same encoded, and an honest text that resembles it. Values of a query parameter
/// unless they start with `@path `, `@agent `, `@name `, `@json `, `@file `, `@upload ` or `@xml `.
#[cfg(test)]
#[derive(Debug)]
pub(super) struct Samples {
    pub(super) attack: &'static str,
    pub(super) encoded: &'static str,
    pub(super) honest: &'static str,
}

/// Declares the rules of one class as statics, and the table of them.
macro_rules! rules {
    ($table:ident $tags:tt;
     $($name:ident $id:literal $title:literal $severity:ident $paranoia:literal:
       $attack:literal, $encoded:literal, not $honest:literal;)+) => {
        $(pub(in crate::waf) static $name: super::Rule = super::Rule {
            id: $id,
            name: $title,
            severity: crate::waf::Severity::$severity,
            paranoia: $paranoia,
            tags: &$tags,
            #[cfg(test)]
            samples: super::Samples { attack: $attack, encoded: $encoded, honest: $honest },
        };)+
        /// Every rule of this class.
        pub(in crate::waf) static $table: &[&super::Rule] = &[$(&$name),+];
    };
}
use rules;

/// The ids of all rules, as a policy may name them.
pub fn ids() -> impl Iterator<Item = &'static str> {
    all().map(|rule| rule.id)
}

/// The tags of all rules, custom ones among them; some more than once.
pub fn tags() -> impl Iterator<Item = &'static str> {
    all()
        .flat_map(|rule| rule.tags)
        .chain(super::custom::TAGS)
        .copied()
}

/// Every rule.
pub(super) fn all() -> impl Iterator<Item = &'static Rule> {
    [
        sql::TABLE,
        nosql::TABLE,
        ldap::TABLE,
        xpath::TABLE,
        html::TABLE,
        shell::TABLE,
        path::TABLE,
        code::TABLE,
        code::UPLOADS,
        upload::TABLE,
        graphql::TABLE,
        protocol::TABLE,
        scanner::AGENTS,
        scanner::PROBES,
        ssrf::TABLE,
        template::TABLE,
        crlf::TABLE,
        mail::TABLE,
        ssi::TABLE,
        xml::TABLE,
        jndi::TABLE,
    ]
    .into_iter()
    .flatten()
    .copied()
}
