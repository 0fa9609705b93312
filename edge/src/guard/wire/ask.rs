//! The question about one subject.

use super::{list, number, option, parts, unlist};
use crate::{
    guard::{
        Jail, MAX_CLASSES, MAX_LIMIT, MAX_STRICT_LIMIT, MAX_WINDOW_S, Subject,
        jail::{MAX_JAILS, MAX_STRIKES},
        text::is_name,
    },
    policy::Class,
};
use std::net::IpAddr;

/// What is asked about a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ask {
    /// Who is counted.
    pub subject: Subject,
    /// In which classes, in the order of the route.
    pub classes: Vec<AskedClass>,
    /// Leases that the isolate holds no longer.
    pub returns: Vec<Return>,
    /// The jails in which a refusal by a class is a strike.
    pub jails: Vec<Jail>,
    /// Where the request comes from, for the locks of an account.
    pub source: Option<IpAddr>,
    /// Whether the isolate takes leases.
    pub lease: bool,
    /// Whether it asks for leases alone, ahead of the requests that will need them: nothing is counted
    /// and nobody refused.
    pub ahead: bool,
    /// Whether the client can never be banned: bans are not looked at and strikes not counted.
    pub exempt: bool,
}

/// A class as the shard needs it. The shard itself knows no policy, so that
/// both need not be deployed at the same instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AskedClass {
    /// Its name: up to 64 letters, digits, `-`, `_`, `.`.
    pub name: String,
    /// Admissions in any window, by cost; up to [`MAX_STRICT_LIMIT`] or [`MAX_LIMIT`].
    pub limit: u32,
    /// The window; up to [`MAX_WINDOW_S`].
    pub window_s: u32,
    /// Admissions in any second, by cost; up to the limit.
    pub burst: Option<u32>,
    /// What this request counts; up to limit and burst.
    pub cost: u32,
    /// Whether it is exact and survives eviction, and is never lent.
    pub strict: bool,
}

/// A lease that comes back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Return {
    /// The class, which must be among those asked.
    pub class: String,
    /// The lease.
    pub id: u64,
    /// How much of it was spent.
    pub spent: u32,
}

impl AskedClass {
    /// The window in milliseconds.
    #[must_use]
    pub fn window_ms(&self) -> u64 {
        u64::from(self.window_s) * 1000
    }

    fn to_text(&self) -> String {
        let burst = self
            .burst
            .map_or_else(|| "-".to_owned(), |burst| burst.to_string());
        let Self {
            name,
            limit,
            window_s,
            cost,
            ..
        } = self;
        format!(
            "{name}:{limit}:{window_s}:{burst}:{cost}:{}",
            u8::from(self.strict)
        )
    }

    fn parse(text: &str) -> Option<Self> {
        let [name, limit, window_s, burst, cost, strict] = parts(text, ':')?;
        let strict = match strict {
            "0" => false,
            "1" => true,
            _ => return None,
        };
        let limit = number(limit, 1..=if strict { MAX_STRICT_LIMIT } else { MAX_LIMIT })?;
        let burst = option(burst, |text| number(text, 1..=limit)).ok()?;
        Some(Self {
            name: is_name(name).then(|| name.to_owned())?,
            limit,
            window_s: number(window_s, 1..=MAX_WINDOW_S)?,
            burst,
            cost: number(cost, 1..=burst.unwrap_or(limit))?,
            strict,
        })
    }
}

impl From<&Class> for AskedClass {
    fn from(class: &Class) -> Self {
        Self {
            name: class.name.clone(),
            limit: class.limit,
            window_s: class.window_s,
            burst: class.burst,
            cost: 1,
            strict: class.strict,
        }
    }
}

impl Return {
    fn parse(text: &str) -> Option<Self> {
        let [class, id, spent] = parts(text, ':')?;
        Some(Self {
            class: is_name(class).then(|| class.to_owned())?,
            id: id.parse().ok()?,
            spent: number(spent, 0..=MAX_LIMIT)?,
        })
    }
}

pub(super) fn jails_text(jails: &[Jail]) -> String {
    list(jails, |jail| {
        let Jail {
            name,
            strikes,
            window_s,
            ban_s,
            cap_s,
            forget_s,
        } = jail;
        format!("{name}:{strikes}:{window_s}:{ban_s}:{cap_s}:{forget_s}")
    })
}

pub(super) fn parse_jails(text: &str) -> Option<Vec<Jail>> {
    unlist(text, MAX_JAILS, |text| {
        let [name, strikes, window_s, ban_s, cap_s, forget_s] = parts(text, ':')?;
        Some(Jail {
            name: is_name(name).then(|| name.to_owned())?,
            strikes: number(strikes, 1..=MAX_STRIKES)?,
            window_s: number(window_s, 1..=MAX_WINDOW_S)?,
            ban_s: number(ban_s, 1..=u32::MAX)?,
            cap_s: number(cap_s, 1..=u32::MAX)?,
            forget_s: number(forget_s, 0..=u32::MAX)?,
        })
    })
}

/// Lease, ahead, exempt.
const FLAGS: [char; 3] = ['l', 'a', 'x'];

fn flags_text(are_set: [bool; 3]) -> String {
    let set = FLAGS.into_iter().zip(are_set).filter(|flag| flag.1);
    let text: String = set.map(|flag| flag.0).collect();
    if text.is_empty() {
        return "-".to_owned();
    }
    text
}

impl Ask {
    /// A question about classes alone.
    #[must_use]
    pub const fn new(subject: Subject, classes: Vec<AskedClass>) -> Self {
        Self {
            subject,
            classes,
            returns: Vec::new(),
            jails: Vec::new(),
            source: None,
            lease: false,
            ahead: false,
            exempt: false,
        }
    }

    /// `ask/3 subject flags source classes returns jails`, where flags are `l` (lease), `a` (ahead) and
    /// `x` (exempt), a class is `name:limit:window_s:burst:cost:strict`, a return `class:id:spent` and a jail
    /// `name:strikes:window_s:ban_s:cap_s:forget_s`.
    #[must_use]
    pub fn to_text(&self) -> String {
        let source = self
            .source
            .map_or_else(|| "-".to_owned(), |source| source.to_string());
        format!(
            "ask/3 {} {} {source} {} {} {}",
            self.subject,
            flags_text([self.lease, self.ahead, self.exempt]),
            Self::classes_text(&self.classes),
            list(&self.returns, |r| format!(
                "{}:{}:{}",
                r.class, r.id, r.spent
            )),
            jails_text(&self.jails),
        )
    }

    pub(super) fn classes_text(classes: &[AskedClass]) -> String {
        list(classes, AskedClass::to_text)
    }

    pub(super) fn parse_classes(text: &str) -> Option<Vec<AskedClass>> {
        unlist(text, MAX_CLASSES, AskedClass::parse)
    }

    pub(super) fn parse(words: &[&str]) -> Option<Self> {
        let [subject, flags, source, classes, returns, jails] = words else {
            return None;
        };
        let [lease, ahead, exempt] = FLAGS.map(|flag| flags.contains(flag));
        if *flags != flags_text([lease, ahead, exempt]) {
            return None;
        }
        Some(Self {
            subject: subject.parse().ok()?,
            classes: Self::parse_classes(classes)?,
            returns: unlist(returns, 4 * MAX_CLASSES, Return::parse)?,
            jails: parse_jails(jails)?,
            source: option(source, |text| text.parse().ok()).ok()?,
            lease,
            ahead,
            exempt,
        })
    }
}
