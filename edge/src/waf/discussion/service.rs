//! The snippets that services tell the owners of sites to paste: counters, chats, advertisers, consent.

use crate::waf::field::leaf;
use crate::waf::scan::{Needles, at, before, find, from, span, trim};

/// Fields that take such a snippet.
const FIELDS: &[&str] = &[
    "script",
    "scripts",
    "snippet",
    "code",
    "pixel",
    "analytics",
    "embed",
    "tag",
    "chat",
    "html",
    "content",
];
/// Where their scripts come from.
static SERVICES: Needles<'static> = Needles::new(&[
    b"//static.hotjar.com/",
    b"//www.googletagmanager.com/",
    b"//www.google-analytics.com/",
    b"//connect.facebook.net/",
    b"//www.clarity.ms/",
    b"//embed.tawk.to/",
    b"//client.crisp.chat/",
    b"//widget.intercom.io/",
    b"//js.intercomcdn.com/",
    b"//cdn.livechatinc.com/",
    b"//js.hs-scripts.com/",
    b"//mc.yandex.ru/",
    b"//analytics.tiktok.com/",
    b"//snap.licdn.com/",
    b"//static.zdassets.com/",
    b"//cdn.segment.com/",
    b"//plausible.io/",
    b"//static.cloudflareinsights.com/",
    b"//consent.cookiebot.com/",
    b"//cdn.cookielaw.org/",
    b"//pagead2.googlesyndication.com/",
    b"//cdn.onesignal.com/",
    b"//static.ads-twitter.com/",
    b"//s.pinimg.com/",
    b"//bat.bing.com/",
    b"//cdn.mxpnl.com/",
]);
/// Longest snippet of theirs, in bytes.
const MAX_SNIPPET: usize = 2048;
/// What such snippets load besides.
const NEUTRAL: &[&[u8]] = &[b"//www.facebook.com/tr?", b"//px.ads.linkedin.com/"];

/// Whether a field for such snippets holds that of a known service, markup and all, which loads nothing from elsewhere.
pub(in crate::waf) fn is_loaded(name: &str, text: &[u8]) -> bool {
    let text = trim(text);
    let is_markup = (text.starts_with(b"<script") || text.starts_with(b"<!-- "))
        && (text.ends_with(b"</script>")
            || text.ends_with(b"</noscript>")
            || text.ends_with(b"-->"));
    if !is_markup
        || !FIELDS.contains(&&*leaf(name))
        || text.len() > MAX_SNIPPET
        || !super::is_snippet(text)
    {
        return false;
    }
    let (mut index, mut count) = (0, 0);
    while let Some(start) = find(text, b"//", index) {
        index = start + 2;
        let rest = from(text, start);
        let is_known = SERVICES
            .find(span(rest, 0, 40), 0)
            .is_some_and(|(at, _)| at == 0);
        let names_host = at(rest, 2).is_ascii_alphanumeric()
            && matches!(before(text, start), b':' | b'"' | b'\'' | b'=' | b'(');
        let is_neutral = || NEUTRAL.iter().any(|place| rest.starts_with(place));
        if names_host && !is_known && !is_neutral() {
            return false;
        }
        count += usize::from(is_known);
    }
    count > 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_known_services_snippet_is_told_from_a_script() {
        let hotjar = b"<script>(function(h,o,t,j,a,r){h.hj=h.hj||function(){};a=o.getelementsbytagname('head')[0];\
            r=o.createelement('script');r.src=t+h._hjsettings.hjid+j;a.appendchild(r);\
            })(window,document,'https://static.hotjar.com/c/hotjar-','.js?sv=');</script>";
        assert!(is_loaded("script", hotjar));
        assert!(!is_loaded("comment", hotjar));
        for attack in [
            &b"<script src=//static.hotjar.com.evil.example/x></script>"[..],
            b"<script src=//evil.example/?//static.hotjar.com/></script>",
            b"<script>x='https://static.hotjar.com/c';fetch('https://evil.example/')</script>",
            b"<script>x='https://static.hotjar.com/c';y=document.cookie</script>",
            b"<img src=x onload=f()>//static.hotjar.com/",
        ] {
            assert!(!is_loaded("script", attack));
        }
    }
}
