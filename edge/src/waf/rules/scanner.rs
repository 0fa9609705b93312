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
