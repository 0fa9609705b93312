//! Which route a request takes: the first one that fits.

use super::{Policy, Route};
use gapura_shared::parse::query;

/// What the policy has for a request.
#[derive(Debug)]
pub enum Found<'a> {
    /// The first route that fits.
    Route(&'a Route),
    /// Only the method fits no route: 405 with `Allow` (RFC 9110 §15.5.6).
    Method {
        /// The methods that do, each once.
        allow: Vec<&'a str>,
    },
    /// Nothing: 404.
    None,
}

impl Policy {
    /// The longest path and query that some request may have: what is longer need not be looked at.
    #[must_use]
    pub fn longest_url(&self) -> usize {
        let routes = self.routes.iter().map(|route| route.url_bytes);
        routes.fold(self.limits.url_bytes, usize::max)
    }

    /// The first route that fits. `host` is lower case without port, `path` and `query`
    /// are as sent, without `?`. HEAD fits where GET does. A query that cannot be read
    /// meets no condition.
    ///
    /// Linear in the number of routes. Only a segment that is percent-encoded and has a
    /// literal's length, a `%` under a wildcard, and a query with conditions on it are decoded.
    #[must_use]
    pub fn route(&self, method: &str, host: &str, path: &str, query: &str) -> Found<'_> {
        let mut others: Vec<&Route> = Vec::new();
        for route in self
            .routes
            .iter()
            .filter(|route| route.fits(host, path, query))
        {
            if route.takes(method) {
                return Found::Route(route);
            }
            others.push(route);
        }
        if others.is_empty() {
            return Found::None;
        }
        let known = self.limits.methods.iter().map(String::as_str);
        let allow = known.filter(|method| others.iter().any(|route| route.takes(method)));
        Found::Method {
            allow: allow.collect(),
        }
    }
}

impl Policy {
    /// Whether which route a request with this path takes depends on its query.
    #[must_use]
    pub fn tells_by_query(&self, host: &str, path: &str) -> bool {
        let mut routes = self.routes.iter();
        routes.any(|route| !route.query.is_empty() && route.stands_at(host, path))
    }
}

impl Route {
    /// Whether a request with this method is for this route.
    pub(super) fn takes(&self, method: &str) -> bool {
        let names = |wanted: &str| self.methods.iter().any(|method| method == wanted);
        self.methods.is_empty() || names(method) || (method == "HEAD" && names("GET"))
    }

    fn fits(&self, host: &str, path: &str, query: &str) -> bool {
        self.stands_at(host, path)
            && self.query.iter().all(|(name, value)| {
                query::first(query, name).is_ok_and(|found| found.as_deref() == Some(value))
            })
    }

    fn stands_at(&self, host: &str, path: &str) -> bool {
        self.host.as_deref().is_none_or(|wanted| wanted == host) && self.path.matches(path)
    }

    /// Whether every request that fits `later` fits this route too, so that `later`,
    /// standing behind it, is never reached. `known` are all methods that get so far.
    pub(super) fn hides(&self, later: &Self, known: &[String]) -> bool {
        self.path.covers(&later.path)
            && (self.host.is_none() || self.host == later.host)
            && self
                .query
                .iter()
                .all(|condition| later.query.contains(condition))
            && known
                .iter()
                .all(|method| self.takes(method) || !later.takes(method))
    }
}
