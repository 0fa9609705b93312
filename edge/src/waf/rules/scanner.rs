//! Scanners by their user agent, and probes for holes by their path.

super::rules! { AGENTS ["scanner", "CWE-200", "crs-913"];
    AGENT "scanner-001" "scanner's user agent" Critical 1:
        "@agent sqlmap/1.7#stable (https://sqlmap.org)", "@agent Mozilla/5.00 (Nikto/2.1.6) (Test:map_codes)",
        not "@agent Mozilla/5.0 (Zapata; Burpee; Nmapper)";
    HEADER "scanner-002" "scanner's header" Critical 1:
        "@header x-scanner acunetix-product: WVS/11.0", "@header x-scan Netsparker%2520wvs",
        not "@header x-scan the net sparkles";
}
super::rules! { PROBES ["probe", "CWE-538", "crs-930"];
    SECRETS "probe-001" "secret or configuration file" Critical 1:
        "@path /.env", "@path /%2e%67it/config",
        not "@path /environment/gitlab";
    WORDPRESS "probe-002" "WordPress hole" Critical 1:
        "@path /wp-login.php", "@path /blog/%77p-admin/",
        not "@path /articles/wp-and-admins";
    ADMIN "probe-003" "administration panel of foreign software" Critical 1:
        "@path /phpmyadmin/index.php", "@path /%70hpinfo.php",
        not "@path /admin/users";
    BACKUP "probe-004" "backup or dump" Critical 1:
        "@path /backup.sql", "@path /db%2Esql.gz",
        not "@path /backups/today";
    KNOWN_HOLE "probe-005" "known vulnerable path" Critical 1:
        "@path /cgi-bin/luci", "@path /actuator/%65nv",
        not "@path /solar/actuators";
}
super::literal::literals! {
    AGENT, Word, Agent: [
        "sqlmap", "nikto", "nmap", "masscan", "acunetix", "nessus", "burp", "burpsuite", "burpcollaborator", "zap", "owasp zap", "zaproxy",
        "gobuster", "dirbuster", "dirb", "dirsearch", "wfuzz", "ffuf", "feroxbuster", "nuclei", "wpscan", "joomscan", "openvas", "arachni",
        "w3af", "whatweb", "havij", "netsparker", "invicti", "qualys", "vega", "skipfish", "jaeles", "xsstrike", "commix", "hydra",
        "medusa", "zgrab", "zmap", "projectdiscovery", "paros", "webinspect", "appscan", "sqlninja", "absinthe", "pangolin", "jorgee", "morfeus",
        "grabber", "crlfuzz", "dalfox", "httpx - open-source project", "fuzz faster u fool", "nmap scripting engine", "webshag", "cgichk",
        "fimap", "sqlbftools", "blackwidow", "detectify", "l9explore", "l9tcpid", "leakix", "odin.io", "kiterunner",
    ];
    HEADER, Word, Header: ["acunetix-product", "acunetix-scanning-agreement", "acunetix_wvs", "netsparker", "wvs/11", "x-scan-memo", "burpcollaborator.net", "nikto-added"];
    SECRETS, Segment, Path: [
        "/.env", "/.git", "/.gitconfig", "/.gitignore", "/.svn", "/.hg", "/.bzr", "/.ssh", "/.aws", "/.kube", "/.docker", "/.npmrc", "/.pypirc", "/.netrc",
        "/.htpasswd", "/.htaccess", "/.bash_history", "/.zsh_history", "/.mysql_history", "/.vscode", "/.idea", "/.ds_store", "/.dockerenv", "/.dockercfg",
        "/.travis", "/.circleci", "/.terraform", "/.passwd", "/.config/gcloud", "/id_rsa", "/id_dsa", "/id_ed25519", "/web.config", "/wp-config", "/configuration.php", "/config.php",
        "/local_settings.py", "/secrets.yml", "/credentials.json", "/docker-compose.yml", "/composer.lock", "/.env_backup", "/appsettings.json", "/web-inf", "/meta-inf", "/server-status", "/server-info", "/.well-known/../",
    ];
    WORDPRESS, Any, Path: ["/wp-admin", "/wp-login", "/wp-content", "/wp-includes", "/wp-json", "/xmlrpc.php", "/wp-cron.php", "/wlwmanifest.xml", "/wordpress/", "/wp-config"];
    ADMIN, Segment, Path: [
        "/phpmyadmin", "/pma", "/myadmin", "/adminer", "/phpinfo", "/info.php", "/test.php", "/mysqladmin", "/dbadmin", "/phppgadmin", "/manager/html", "/host-manager", "/jmx-console",
        "/web-console", "/administrator/index", "/admin.php", "/shell.php", "/cmd.php", "/c99.php", "/r57.php", "/webshell", "/eval-stdin", "/jenkins/script", "/solr/admin", "/struts", "/druid/index.html", "/nacos", "/telescope/requests", "/_profiler", "/elmah.axd", "/trace.axd", "/_ignition/execute-solution",
    ];
    BACKUP, Segment, Path: [
        "/backup.sql", "/backup.zip", "/backup.tar", "/backup.tgz", "/backup.rar", "/backup.bak", "/dump.sql", "/db.sql", "/database.sql", "/mysql.sql", "/site.zip", "/www.zip", "/wwwroot.zip", "/public_html.zip", "/index.php.bak", "/config.php.bak", "/config.bak", "/data.sql", "/db.sqlite", "/database.sqlite", "/users.sql", "/sql.gz",
    ];
    KNOWN_HOLE, Segment, Path: [
        "/cgi-bin", "/actuator/env", "/actuator/heapdump", "/actuator/gateway", "/actuator/jolokia", "/boaform", "/hnap1", "/gponform", "/setup.cgi", "/shell", "/vendor/phpunit", "/owa/auth", "/autodiscover/autodiscover", "/ecp/", "/remote/login", "/remote/fgt_lang", "/dana-na", "/+cscoe+", "/tmui/login.jsp", "/mgmt/tm/util/bash", "/_cat/indices", "/_search", "/invoker/jmxinvokerservlet", "/wls-wsat", "/console/css", "/securityrealm", "/script.php", "/sdk", "/portal/redlion", "/evox", "/nmaplowercheck", "/nmaplowercheck1", "/niet", "/stalker_portal", "/goform", "/hudson", "/v2/_catalog", "/jolokia", "/debug/pprof", "/solr/", "/geoserver", "/currentsetting.htm",
    ];
}
