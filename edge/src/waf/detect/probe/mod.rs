//! Paths under which nothing of ours is served: hidden files, backups, `WordPress`.

mod settings;
mod wordpress;

use super::{Hit, Hits, Text};
use crate::waf::Part;
use crate::waf::rules::scanner as rules;
use crate::waf::scan::{at, is_word, span};

/// Without one of these nothing here can fire.
pub(super) const TRIGGERS: &[&str] = &[
    "/.",
    "~",
    ".bak",
    ".old",
    ".orig",
    ".bz2",
    ".xz",
    ".mdb",
    ".accdb",
    ".db",
    ".sqlite",
    ".json",
    ".war",
    ".zst",
    ".sw",
    ".sav",
    ".backup",
    ".copy",
    ".sql",
    ".zip",
    ".tar",
    ".ph",
    ".nsf",
    ".ht",
    ".id",
    ".printer",
    ".gch",
    ".mwsl",
    ".woa",
    ".tmp",
    ".pem",
    ".key",
    ".ppk",
    ".pfx",
    ".p12",
    ".jks",
    ".kdbx",
    ".ovpn",
    ".c",
    ".ini",
    ".properties",
    ".env",
    ".tf",
    ".log",
    ".y",
    ".rb",
    ".tf",
    ".out",
    ".rdp",
    ".gpg",
    ".schema",
    ".wadl",
    ".txt",
    ".asp",
    ".jsp",
    ".inc",
    ".xml",
    ".py",
    ".toml",
    "phpmyadmin",
    "/pma",
    ".dll",
    ".tgz",
    ".gz",
    ".rar",
    ".7z",
    ".dump",
    "/wp-",
    "/v1/kv",
    "/cgi-bin",
];

/// Hidden names that honest clients ask for (RFC 8615; object stores' empty folders).
const HONEST_HIDDEN: &[&[u8]] = &[
    b".",
    b"..",
    b".well-known",
    b".emptyfolderplaceholder",
    b".net",
];
/// What editors and administrators append to a file that they keep.
const KEPT: &[&[u8]] = &[
    b".bak",
    b".old",
    b".orig",
    b".swp",
    b".swo",
    b".sav",
    b".save",
    b".backup",
    b".copy",
    b"~",
    b".php-dist",
    b".php.dist",
    b".php-bak",
    b".php_",
    b".php1",
    b".php.txt",
    b".php.inc",
    b".bak1",
    b".bak2",
    b".tmp",
];
/// Endings of what packed a dump or an archive.
const PACKED: &[&[u8]] = &[
    b".gz", b".bz2", b".xz", b".zip", b".zst", b".lz", b".rar", b".7z",
];
/// Endings of dumps and archives.
const ARCHIVES: &[&[u8]] = &[b".sql", b".tgz", b".tbz2", b".tar", b".dump", b".war"];
/// What the names of hosts end in, mostly.
const TOP_DOMAINS: &[&[u8]] = &[
    b".com", b".net", b".org", b".io", b".co", b".id", b".dev", b".app",
];
/// Of what a whole site's dump or archive is named.
const SITE_WORDS: &[&[u8]] = &[
    b"backup",
    b"backups",
    b"bak",
    b"db",
    b"database",
    b"dump",
    b"sql",
    b"mysql",
    b"www",
    b"wwwroot",
    b"htdocs",
    b"public",
    b"html",
    b"site",
    b"website",
    b"web",
    b"httpdocs",
    b"code",
    b"source",
    b"src",
    b"users",
    b"prod",
    b"production",
    b"old",
    b"full",
    b"data",
    b"index",
    b"wordpress",
    b"wp",
    b"joomla",
    b"drupal",
    b"laravel",
    b"home",
    b"root",
    b"upload",
    b"uploads",
    b"server",
    b"project",
    b"1",
    b"2",
];
/// Endings of programs and handlers that only scanners ask for nowadays.
const FOREIGN: &[&[u8]] = &[
    b".phps",
    b".php3",
    b".php4",
    b".php5",
    b".php7",
    b".phtml",
    b".phar",
    b".nsf",
    b".htw",
    b".htr",
    b".ida",
    b".idq",
    b".printer",
    b".cfc",
    b".gch",
    b".mwsl",
    b".woa",
    b"_dev.php",
    b"_test.php",
];
/// Of what a part of a site is named, at its root.
const PART_WORDS: &[&[u8]] = &[
    b"admin", b"api", b"app", b"core", b"dist", b"build", b"files", b"release", b"webapps",
];
/// Names the rule that the path breaks.
pub(super) fn detect(text: &Text<'_>, hits: &mut Hits) {
    if text.part != Part::Path || !text.name.is_empty() {
        return;
    }
    let path = unspoken(text.lower);
    let end = path.len();
    let is_hidden_file = path.split(|byte| *byte == b'/').any(is_hidden);
    if is_hidden_file && !is_sources(path) {
        hits.push(Hit::new(&rules::SECRETS, 0, end));
    }
    let last = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    if is_kept(path, last) || is_site_archive(path, last) {
        hits.push(Hit::new(&rules::BACKUP, end - last.len(), end));
    }
    if is_tool(last) || is_manager(path) {
        hits.push(Hit::new(&rules::ADMIN, end - last.len(), end));
    }
    if settings::is_kept_back(path, last) && !is_sources(path) {
        hits.push(Hit::new(&rules::SECRETS, 0, end));
    }
    if path.starts_with(b"/bin/") && (last.ends_with(b".dll") || last.ends_with(b".exe")) {
        hits.push(Hit::new(&rules::SECRETS, 0, end));
    }
    let is_foreign = FOREIGN.iter().any(|ending| last.ends_with(ending));
    // The whole store; an application asks for a key.
    let is_store = path == b"/v1/kv/";
    if is_store || is_gateway(path) || has_short_name(path) || is_foreign || is_planted(path, last)
    {
        hits.push(Hit::new(&rules::KNOWN_HOLE, 0, end));
    }
    if wordpress::is_hole(path) {
        hits.push(Hit::new(&rules::WORDPRESS, 0, end));
    }
}

/// Blanks before words, from which on a path is what somebody wrote.
const MIN_BLANKS: usize = 3;

/// The path without the sentence that it ends in, but for its first word: a server passes what stands
/// behind a program's name on to it. `/search/404 on /wp-login.php after migration` asks for `/search/404`.
fn unspoken(path: &[u8]) -> &[u8] {
    let starts_word = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'"' | b'[' | b'-');
    let spaces = path
        .windows(2)
        .filter(|pair| at(pair, 0) == b' ' && starts_word(at(pair, 1)));
    let escapes = path
        .windows(4)
        .filter(|part| part.starts_with(b"%20") && starts_word(at(part, 3)));
    if spaces.count() + escapes.count() < MIN_BLANKS {
        return path;
    }
    let blank = path
        .windows(3)
        .position(|part| part.starts_with(b" ") || part == b"%20");
    span(path, 0, blank.unwrap_or(path.len()))
}

/// `/cgi-bin/test-cgi`: programs of another age; a library's catalogue and a search are what is left of them.
fn is_gateway(path: &[u8]) -> bool {
    let mut segments = path.split(|byte| *byte == b'/');
    let is_folder = |segment: &[u8]| segment.starts_with(b"cgi-bin");
    segments.any(is_folder) && !matches!(segments.next(), Some(b"koha" | b"search.pl"))
}

/// `/uploads/a.php`, `/.well-known/x.php`: a program where a site keeps files.
fn is_planted(path: &[u8], last: &[u8]) -> bool {
    let folders: &[&[u8]] = &[
        b"uploads",
        b"upload",
        b".well-known",
        b"fonts",
        b"cache",
        b"tmp",
        b"temp",
    ];
    [&b".php"[..], b".jsp", b".asp", b".aspx"]
        .iter()
        .any(|ending| last.ends_with(ending))
        && path
            .split(|byte| *byte == b'/')
            .any(|folder| folders.contains(&folder))
}

/// `/default~1.asp`, `/progra~1/`, `/a*~1*/`: a name of eight letters, by which Windows tells whether a
/// longer one exists.
fn has_short_name(path: &[u8]) -> bool {
    path.windows(4).any(|window| {
        matches!(window, [head, b'~', b'1'..=b'9', tail]
            if (head.is_ascii_alphanumeric() || *head == b'*') && matches!(tail, b'/' | b'.' | b'*'))
    })
}

fn is_hidden(segment: &[u8]) -> bool {
    segment.len() > 2
        && segment.starts_with(b".")
        // A pattern goes on with something else: `^www\.(.+)$`.
        && (is_word(at(segment, 1)) || at(segment, 1) >= 0x80)
        && !HONEST_HIDDEN.contains(&segment)
        // `(c#/.net)-jakarta`
        && !segment.strip_prefix(b".net").is_some_and(|rest| !is_word(at(rest, 0)) && at(rest, 0) != b'.')
        && !is_phrase(segment)
}

/// `.gitignore%20node`: words that somebody looks up, and no file's name.
fn is_phrase(segment: &[u8]) -> bool {
    let goes_on = |length: usize| {
        move |window: &[u8]| {
            let (space, next) = window.split_at(length);
            matches!(space, b" " | b"%20") && next.iter().all(u8::is_ascii_alphabetic)
        }
    };
    segment.windows(2).any(goes_on(1)) || segment.windows(4).any(goes_on(3))
}

/// What names of files begin with that tell how a project's code is written and built.
const LINTED: &[&[u8]] = &[
    b".ed",
    b".vs",
    b".eslint",
    b".prettier",
    b".stylelint",
    b".babel",
    b".docker",
    b".nvm",
    b".travis",
    b".circleci",
    b".changeset",
    b".storybook",
    b".husky",
    b".rubocop",
    b".flake8",
    b".pre-commit",
    b".clang",
    b".golangci",
];

/// `/ann/shop/blob/main/.github/workflows/ci.yml`, `/ann/shop/-/raw/main/config/database.yml`: a page about a
/// file, where a host of repositories shows it; and what a development server bundles.
fn is_sources(path: &[u8]) -> bool {
    let shows = |segment: &[u8]| {
        matches!(
            segment,
            b"blob" | b"tree" | b"blame" | b"commits" | b"raw" | b"contents"
        )
    };
    let is_joined = |segment: &[u8]| segment.windows(3).any(|part| part == b"%2f");
    let is_kept = |segment: &[u8]| {
        !matches!(segment, b".git")
            && !segment.starts_with(b".git%2f")
            && segment.starts_with(b".git")
            || LINTED.iter().any(|name| segment.starts_with(name))
            // A template with nothing filled in.
            || matches!(segment, b".env.example" | b".env.sample" | b".env.dist" | b".env.template")
    };
    let mut segments = path.split(|byte| *byte == b'/').skip(1);
    let leads = segments.next() == Some(b"repos");
    let mut segments = segments.skip(1 + usize::from(leads));
    let verb = segments.next().and_then(|segment| {
        if segment == b"-" {
            segments.next()
        } else {
            Some(segment)
        }
    });
    let is_shown = verb.is_some_and(shows)
        && (segments.clone().count() >= 2 || segments.clone().any(is_joined))
        && !segments.clone().any(|segment| segment == b".git")
        && segments.filter(|segment| is_hidden(segment)).all(is_kept);
    // GitLab's interface.
    let is_file = path.windows(18).any(|part| part == b"/repository/files/")
        && path
            .split(|byte| *byte == b'/')
            .filter(|segment| is_hidden(segment))
            .all(is_kept);
    is_shown || is_file || path.starts_with(b"/node_modules/.vite/") && path.ends_with(b".js")
}

/// `index.php~`, `config.php.bak`, `config.old`.
fn is_kept(path: &[u8], name: &[u8]) -> bool {
    let is_root = path.len() == name.len() + 1;
    KEPT.iter().any(|suffix| {
        name.strip_suffix(*suffix).is_some_and(|stem| {
            is_root && suffix.starts_with(b".")
                || stem.contains(&b'.')
                || SITE_WORDS.contains(&stem)
                || suffix.starts_with(b".php")
                || matches!(stem, b"config" | b"index" | b"settings" | b"wp-config")
        })
    })
}

/// `adminer-4.7.6.php`, `phpinfo2.php`: one file that manages a server, under a name of its own.
fn is_tool(name: &[u8]) -> bool {
    let heads: &[&[u8]] = &[
        b"adminer",
        b"phpinfo",
        b"phpversion",
        b"pinfo",
        b"phpmyadmin",
        b"webshell",
        b"c99",
        b"r57",
        b"b374k",
        b"wso",
        b"filemanager",
        b"simple-backdoor",
        b"eval-stdin",
        b"leafmailer",
        b"xleet",
        b"alfa",
        b"indoxploit",
        b"b4ck",
        b"bypass",
        b"mini-shell",
        b"minishell",
    ];
    let name = name.strip_prefix(b"_").unwrap_or(name);
    name.ends_with(b".php") && heads.iter().any(|head| name.starts_with(head))
}

/// `/phpMyAdmin-5.1.0/`, `/db/pma/`; further down, the name is an article's.
fn is_manager(path: &[u8]) -> bool {
    let parents: &[&[u8]] = &[
        b"",
        b"db",
        b"dbadmin",
        b"admin",
        b"administrator",
        b"web",
        b"xampp",
        b"sql",
        b"mysql",
        b"tools",
        b"cpanel",
        b"phpmyadmin",
    ];
    let names = |segment: &[u8]| {
        segment == b"pma"
            || segment == b"pma2"
            || segment
                .strip_prefix(b"phpmyadmin")
                .is_some_and(|version| !version.iter().take(2).any(u8::is_ascii_alphabetic))
    };
    let mut parent: &[u8] = b"-";
    path.split(|byte| *byte == b'/').take(3).any(|segment| {
        let is_found = names(segment) && parents.contains(&parent);
        parent = segment;
        is_found
    })
}

/// `backup.zip`, `db_backup.sql.gz`, `site-2024-01-01.tar.gz`: named after a site, not a document.
fn is_site_archive(path: &[u8], name: &[u8]) -> bool {
    let packed = PACKED
        .iter()
        .find_map(|ending| name.strip_suffix(*ending))
        .unwrap_or(name);
    let Some(stem) = ARCHIVES
        .iter()
        .find_map(|ending| packed.strip_suffix(*ending))
        .or((packed.len() < name.len()).then_some(packed))
    else {
        return false;
    };
    // `/shop.sql`, `/example.com.tar.gz`: a dump, whatever its name, or a site's own name.
    if packed.ends_with(b".sql") && settings::is_stored(path, name) {
        return true;
    }
    let is_host = TOP_DOMAINS.iter().any(|end| {
        stem.strip_suffix(*end)
            .is_some_and(|host| host.iter().any(u8::is_ascii_alphabetic))
    });
    if is_host && settings::is_stored(path, name) {
        return true;
    }
    let mut words = stem
        .split(|byte| matches!(byte, b'-' | b'_' | b'.'))
        .filter(|word| !word.iter().all(u8::is_ascii_digit));
    let is_root = path.len() == name.len() + 1;
    let mut count = 0;
    let is_site = words.all(|word| {
        count += 1;
        SITE_WORDS.contains(&word) || is_root && PART_WORDS.contains(&word)
    });
    is_site && count > 0 && !is_offered(path)
}

/// `/downloads/data-2024.zip`: for whoever wants it.
fn is_offered(path: &[u8]) -> bool {
    let folders: &[&[u8]] = &[
        b"download",
        b"downloads",
        b"files",
        b"release",
        b"releases",
        b"dist",
        b"datasets",
    ];
    path.split(|byte| *byte == b'/')
        .any(|folder| folders.contains(&folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_found(path: &str) -> bool {
        let mut hits = Hits::default();
        let text = Text {
            lower: path.as_bytes(),
            part: Part::Path,
            name: "",
        };
        detect(&text, &mut hits);
        !hits.is_empty()
    }

    #[test]
    fn tells_probes_from_pages() {
        for probe in [
            "/.env.production",
            "/server.key",
            "/config/database.php",
            "/application-prod.yml",
            "/wp-22.php",
            "/a/.git/config",
            "/.s3cfg",
            "/index.php~",
            "/config.php.bak",
            "/.index.php.swp",
            "/db_backup.sql.gz",
            "/www.zip",
            "/site-2024.tar.gz",
            "/wp-login.php",
            "/blog/wp-admin/",
            "/wp-content/plugins/x/readme.txt",
            "/wp-content/backup-db/",
            "/wp-content/uploads/2019/08/backup.zip",
            "/wp-content/uploads/site-files.zip",
            "/repos/ann/shop/contents/.git%2fconfig",
            "/api/v4/projects/7/repository/files/.git/config",
            "/wp-content/uploads/2019/08/a.phtml",
            "/wp-admin/setup-config.php",
            "/adminer-4.7.6.php",
            "/configuration.php-dist",
            "/db/phpmyadmin/",
            "/phpmyadmin4.8.1/index.php",
            "/defaul~1.asp",
            "/a*~1*/.aspx",
            "/ssl/private.pem",
            "/data/users.mdb",
            "/config/production.json",
            "/runtime/logs/home/1.log",
            "/db/schema.rb",
            "/example.com.tar.gz",
            "/customers.sql.bz2",
            "/users.bak",
            "/v1/kv/",
            "/uploads/a.php",
            "/.env%20",
            "/.git%20/config",
            "/names.nsf",
            "/%20/%20/%20/wp-login.php",
            "/  /.git/config",
            "/wp-login.php%20a%20b%20c",
            "/phpmyadmin/index.php/%20a%20b%20c",
            "/cgi-bin/luci/ a b c",
            "/cgi-bin/test-cgi",
            "/cgi-bin",
        ] {
            assert!(is_found(probe), "{probe}");
        }
        for page in [
            "/.well-known/security.txt",
            "/storage/v1/object/a/.emptyfolderplaceholder",
            "/wp-content/uploads/2024/a.jpg",
            "/wp-content/uploads/2019/08/talk-notes.zip",
            "/blog/wp-content/uploads/talk.mp3",
            "/wp-admin/admin-ajax.php",
            "/wp-admin/edit.php",
            "/wp-admin/post.php",
            "/wp-admin/async-upload.php",
            "/wp-includes/js/jquery/jquery.min.js",
            "/index.php",
            "/openapi.yaml",
            "/sitemap.xml",
            "/slides/talk.key",
            "/docs/config/app.html",
            "/upload.php",
            "/tags/phpmyadmin",
            "/wiki/phpmyadmin-tips",
            "/_framework/app.dll",
            "/files/my-web-design.zip",
            "/repos/ann/shop/contents/.github%2fworkflows%2fci.yml",
            "/api/v4/projects/7/repository/files/.github%2fworkflows%2fci.yml",
            "/api/v4/projects/7/repository/files/.github/workflows/ci.yml",
            "/~budi/",
            "/articles/wp-and-admins",
            "/keys/public.pem",
            "/latest.yml",
            "/config/app.json",
            "/i18n/messages_en.properties",
            "/files/archive.tar.gz",
            "/mirror/release.gpg",
            "/uploads/photo.jpg",
            "/v1/kv/config/app/banner",
            "/search/.gitignore%20node",
            "/search/.env file",
            "/search/^www/.(.+)$",
            "/search/404 on /wp-login.php after migration",
            "/search/404%20on%20/wp-login.php%20after%20migration",
            "/cgi-bin/koha/opac-search.pl",
            "/ann/shop/-/blob/main/.env.example",
            "/jobs/engineer-(c#/.net)-jakarta",
        ] {
            assert!(!is_found(page), "{page}");
        }
    }
}
