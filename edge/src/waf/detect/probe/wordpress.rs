//! Which paths of a `WordPress` site are asked for by who looks for holes, and which by its visitors and editors.

use crate::waf::scan::{find, from};

/// What browsers load from a `WordPress` site.
const ASSETS: &[&[u8]] = &[
    b".css", b".js", b".png", b".jpg", b".jpeg", b".gif", b".webp", b".avif", b".svg", b".ico",
    b".woff", b".woff2", b".ttf", b".mp4", b".webm", b".pdf", b".map", b".mp3", b".wav", b".m4a",
    b".ogg", b".mov",
];
/// What its editors offer besides, in the folder of a month.
const OFFERED: &[&[u8]] = &[
    b".zip", b".doc", b".docx", b".xls", b".xlsx", b".ppt", b".pptx", b".epub", b".csv", b".ics",
];

/// Pages of `WordPress` that only its owner or a prober opens; what editors work with is honest.
const WORDPRESS: &[&[u8]] = &[
    b"login",
    b"config",
    b"cron",
    b"signup",
    b"json/wp/v2/users",
    b"trackback",
    b"mail.php",
    b"settings",
    b"load.php",
    b"activate",
    b"admin/setup-config",
    b"admin/install",
    b"admin/upgrade.php",
    b"admin/maint",
    b"admin/includes",
    b"admin/css",
    b"admin/js",
    b"admin/user/",
    b"admin/network",
    b"admin/admin-post.php",
    b"admin/load-",
    b"content/backup",
    b"content/debug",
    b"content/plugins/",
];

/// Everything of `WordPress` but what a page of such a site loads or its editors call.
pub(super) fn is_hole(path: &[u8]) -> bool {
    let Some(start) = find(path, b"/wp-", 0) else {
        return false;
    };
    let rest = from(path, start + 4);
    let is_asset = ASSETS.iter().any(|ending| path.ends_with(ending)) || is_upload(rest);
    let names = |names: &[&[u8]]| names.iter().any(|name| rest.starts_with(name));
    let is_file = names(&[b"content/", b"includes/"]) && !rest.ends_with(b"/");
    let is_page = start == 0 && rest.ends_with(b".php") && !rest.contains(&b'/');
    !is_asset && (names(WORDPRESS) || is_page || is_file)
        || matches!(rest, b"admin" | b"admin/" | b"content" | b"includes")
}

/// `content/uploads/2024/05/talk.zip`, behind `/wp-`.
fn is_upload(rest: &[u8]) -> bool {
    let Some([year @ .., b'/', m, n, b'/']) = rest
        .strip_prefix(b"content/uploads/")
        .and_then(|dated| dated.get(..8))
    else {
        return false;
    };
    year.iter().chain([m, n]).all(u8::is_ascii_digit)
        && OFFERED.iter().any(|ending| rest.ends_with(ending))
}
