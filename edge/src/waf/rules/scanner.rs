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
        "sqlmap", "bbot", "nikto", "nmap", "masscan", "acunetix", "nessus", "burp", "burpsuite", "burpcollaborator", "zap", "owasp zap", "zaproxy",
        "gobuster", "dirbuster", "dirb", "dirsearch", "wfuzz", "ffuf", "feroxbuster", "nuclei", "wpscan", "joomscan", "openvas", "arachni",
        "w3af", "w3af.org", "w3af.sourceforge.net", "whatweb", "havij", "netsparker", "invicti", "qualys", "qualysguard", "subgraph vega", "skipfish", "jaeles", "xsstrike", "xsser", "commix",
        "zgrab", "zmap", "projectdiscovery", "paros", "webinspect", "appscan", "sqlninja", "absinthe", "pangolin", "jorgee", "morfeus",
        "crlfuzz", "dalfox", "httpx - open-source project", "fuzz faster u fool", "nmap scripting engine", "webshag", "cgichk",
        "fimap", "sqlbftools", "detectify", "l9explore", "l9tcpid", "leakix", "odin.io", "kiterunner",
        "muieblackcat", "zmeu", "uniscan", "golismero", "grendel-scan", "bsqlbf", "sql power injector", "sqlsus", "webcruiser", "tsunamisecurityscanner", "tsunami security scanner", "r00ts3c-owned-you",
        "brutus", "brutus/aet", "cgichk", "core-project/1.0", "datacha0s", "dav.pm", "domino hunter", "dotdotpwn", "email extractor", "fhscan core", "get-minimal", "gootkit auto-rooter", "havij", "inspath", "internet ninja", "jbrofuzz", "libwhisker", "morfeus fucking scanner", "mozilla/4.0 (hydra)", "mysqloit", "n-stealth", "nsauditor", "nuclei - open-source project", "nv32ts", "prog.customcrawler", "pmafind", "s.t.a.l.k.e.r.", "security scan", "springenwerk", "struts-pwn", "sysscan", "teh forest lobster", "this is an exploit", "toata dragostea", "uil2pn", "vuln-scanner", "wafw00f", "webbandit", "webtrends security analyzer", "webvulnscan", "webvulscan", "whisker", "wordpress hash grabber", "xmlrpc exploit", "appspider", "cloudsploit", "interactsh", "burp suite", "censysinspect", "nexpose", "hexometer", "gospider", "hakrawler", "subfinder", "cmsmap", "droopescan", "corscanner", "ssrfmap", "tplmap", "nosqlmap", "brakeman", "patator", "thc-hydra", "sqliv", "vbscan", "rustbuster", "awvs", "pocsuite", "pocsuite3", "vega/1.0", "subgraph", "medusa/2", "ghauri", "jsql-injection", "jsql", "project25499.com", "nvd0rz", "kxss", "vulners", "internet-measurement.com", "internetmeasurement", "hp asc", "cenzic", "hailstorm", "sitelock", "webscan", "pyscan", "photon/1", "afrog", "cariddi", "corsy", "arjun", "x8/4.3", "gau/2", "waybackurls", "aquatone", "eyewitness", "reconftw", "sf/2.10b", "netcraftsurveyagent", "zgrab2", "nuclei-templates", "ptaas", "intruder.io", "probely", "beagle security", "crashtest security", "stackhawk", "bright security", "rapidscan", "cobalt strike", "yakit", "fscan", "xray/", "grabber/", "grabber by", "blackwidow/", "expanse, a palo alto", "rapid7", "shodan.io", "gotestwaf", "wapiti", "sslyze", "testssl", "davtest", "sn1per", "nettacker", "websecurify", "syhunt", "n-stalker", "metasploit", "ratproxy", "ironwasp", "wafninja", "naabu", "webcopier", "sitedigger", "proxystrike", "sqlsmack", "w9scan", "bbscan", "vulmap", "python-nmap", "hello, world", "(hydra", "cisco-torch", "crimscanner", "jaascois", "voideye", "whcc/", "bfac", "vega/", ".nasl", "autogetcolumn", "bilbo", "floodgate", "mirai", "zgrab/0.x", "masscan-ng", "crowbar/", "muhstik-scan", "toata-scaner", "log4j-scan", "ltx71", "gather analyze provide", "linux gnu (cow)", "nimbostratus", "kadimus", "immuniweb", "httprint", "netsystemsresearch", "criticalpathsecurity", "mozi.m", "mozi.a", "krebsonsecurity", "lmao/2.0", "w00tw00t", "ronin/1", "cmseek", "wpsec", "plecost", "joomlavs", "sitescanner", "xspider", "sf/2.10", "zaproxy/", "recon-ng", "vulnx", "pentest", "vulnerability scanner", "security scanner", "web scanner", "port scanner", "exploit-db", "acunetix-product", "acunetix_wvs_security_test", "nessus_is_probing", "openvas-vt", "hydra/", "burp/", "xsser/", "whatwaf", "identywaf", "ssrf-king", "paramspider", "gospider/", "hakluke", "linkfinder", "lfisuite", "liffy", "fuzzdb", "dirhunt", "cansina", "urlbuster", "snallygaster", "git-dumper", "gitdumper", "gitrob", "trufflehog", "inql", "graphw00f", "clairvoyance", "jwt_tool", "phpggc", "ysoserial", "bugscanner", "weakpass", "zoomeye", "criminalip", "binaryedge", "securitytrails", "tsunami scanner", "securityscanner", "penetration test", "; xray", "lumeria", "apitool", "retire.js", "alphastrike", "emailcollector", "emailsiphon", "emailwolf", "extractorpro", "backdoorbot", "webzip", "webstripper", "teleport pro", "httrack", "zollard", "messiah/2.0", "shinka", "gh0st", "xpymep.exe", "r00ts3c", "hakai/2.0", "offline explorer", "sitesnagger", "websucker", "grabnet", "missigua locator", "emailextractor", "censys", "palo alto networks", "leakix.net", "stretchoid", "internet-census", "assetnote", "cyberresilience", "pdrlabs", "libredtail-http",     ];
    AGENT, Any, Agent: ["user-agent:"];
    AGENT, Whole, Agent: ["shodan", "photon", "goby", "xray", "amass", "hydra", "grabber", "blackwidow", "expanse", "gau", "x8", "katana", "subfinder", "arjun", "dirb", "vega", "sitadel", "striker", "raccoon", "scanner", "exploit", "whcc", "sumthin", "mozi", "hello", "hello world", "fuzz", "fuzzer", "sitelockspider", "driftnet", "onyphe", "netlas", "fofa", "modat", "hadrian", "metis", "caido", "parameth", "maxpatrol", "tenable.io", "owasp_zap", "portswigger", "httpx", "dnsx", "assetfinder", "sublist3r", "theharvester", "spiderfoot", "maltego", "internetcensus", "veracode", "checkmarx", "meterpreter", "powershell empire", "sqlbrute", "bbqsql", "blisqy", "themole", "mole", "safe3", "msf", "xtc", "kywnb", "dark", "dark_nexus_qbot", "hakai", "apep", "polaris botnet", "ankit", "tsunami", "gafgyt", "yowai", "cakle", "kurtis", "sefa", "rift", "botnet", "b4ckdoor", "gr33n", "attacker", "hacker", "ronin", "test scanner", "webshell"];
    HEADER, Word, Header: ["acunetix-product", "acunetix-scanning-agreement", "acunetix_wvs", "netsparker", "wvs/11", "x-scan-memo", "burpcollaborator.net", "nikto-added"];
    SECRETS, Segment, Path: [
        "/id_rsa", "/id_dsa", "/id_ecdsa", "/id_ed25519", "/web.config", "/wp-config", "/configuration.php", "/config.php", "/config.inc.php", "/local.xml",
        "/local_settings.py", "/secrets.yml", "/secrets.json", "/credentials.json", "/credentials.xml", "/docker-compose.yml", "/docker-compose.yaml", "/package-lock.json.bak", "/.env_backup",
        "/appsettings.json", "/appsettings.production.json", "/appsettings.development.json", "/application.yaml", "/application.properties", "/bootstrap.yml", "/config/database.yml", "/config/credentials.yml.enc", "/master.key",
        "/web-inf", "/meta-inf", "/server-status", "/server-info", "/nginx_status", "/stub_status", "/phpunit.xml", "/cvs/root", "/cvs/entries", "/firebase-adminsdk.json", "/serviceaccountkey.json", "/service-account.json", "/deployment-config.json", "/sftp-config.json", "/sftp.json", "/parameters.yml",
        "/error_log", "/error.log", "/access.log", "/debug.log", "/laravel.log", "/production.log", "/development.log", "/npm-debug.log", "/terraform.tfstate", "/terraform.tfvars", "/kubeconfig", "/sites/default/files/private", "/private.key", "/server.key", "/privkey.pem", "/dump.rdb", "/userinfo.txt", "/passwords.txt", "/password.txt", "/.well-known/../",
    ];
    WORDPRESS, Any, Path: ["/xmlrpc.php", "/wlwmanifest.xml"];
    ADMIN, Segment, Path: [
        "/info.php", "/test.php", "/i.php", "/pi.php", "/azenv.php",
        "/administrator/index", "/shell.php", "/shell.asp", "/shell.aspx", "/shell.jsp", "/cmd.php", "/cmd.jsp", "/cmd.asp", "/cmd.aspx", "/c99.php", "/r57.php", "/c100.php", "/wso.php", "/alfa.php", "/alfa_data", "/alfacgiapi", "/b374k.php", "/backdoor.php", "/indoxploit.php", "/mini.php", "/uploader.php", "/x.php", "/tinyfilemanager.php", "/webadmin.php", "/1.php", "/0.php", "/up.php", "/jenkins/script", "/druid/index.html", "/telescope/requests", "/_profiler", "/elmah.axd", "/trace.axd", "/glimpse.axd", "/_ignition/execute-solution",
        "/bitrix/admin", "/sitecore/admin", "/sitecore/login", "/sitecore/shell", "/cfide", "/typo3/install", "/umbraco/install", "/magento_version", "/joomla/administrator", "/core/changelog.txt", "/sites/default/settings.php",
    ];
    SECRETS, Root, Path: [
        "/dockerfile", "/config/secrets", "/storage/logs", "/var/log", "/composer.lock", "/composer.json", "/app/etc", "/aws/credentials", "/package.json", "/package-lock.json", "/yarn.lock", "/makefile", "/requirements.txt", "/pom.xml", "/build.gradle", "/gruntfile.js", "/gulpfile.js", "/webpack.config.js",
    ];
    ADMIN, Root, Path: [
        "/myadmin", "/adminer", "/phpinfo", "/mysqladmin", "/sqlitemanager", "/dbadmin", "/phppgadmin", "/manager/html", "/manager/text", "/manager/status", "/host-manager", "/jmx-console", "/admin-console", "/axis2", "/axis2-web", "/axis2-admin", "/web-console", "/webshell", "/struts", "/nacos", "/fckeditor", "/ckfinder", "/kcfinder", "/elfinder", "/rockmongo", "/phpldapadmin", "/phpredmin",
    ];
    BACKUP, Segment, Path: [
        "/users.sql", "/sql.gz", "/public_html.zip", "/public_html.tar", "/db.sqlite", "/db.sqlite3", "/database.sqlite", "/database.sqlite3",
    ];
    KNOWN_HOLE, Segment, Path: [
        "/actuator/env", "/actuator/heapdump", "/actuator/threaddump", "/actuator/mappings", "/actuator/httptrace", "/actuator/trace", "/actuator/configprops", "/actuator/beans", "/actuator/loggers", "/actuator/shutdown", "/actuator/gateway", "/actuator/jolokia", "/actuator/refresh", "/actuator/restart", "/boaform", "/hnap1", "/gponform", "/setup.cgi", "/vendor/phpunit", "/owa/auth", "/autodiscover/autodiscover", "/ecp/default.flt", "/ecp/proxylogon", "/ecp/ddi", "/ecp/auth", "/ews/exchange.asmx", "/remote/fgt_lang", "/remote/logincheck", "/remote/hostcheck_validate", "/dana-na", "/+cscoe+", "/+cscot+", "/mgmt/shared/authn", "/wls-wsat", "/bea_wls_deployment_internal", "/bea_wls_internal", "/console/css", "/console/images", "/console/login/loginform.jsp", "/_async/asyncresponseservice", "/script.php", "/portal/redlion", "/nmaplowercheck", "/stalker_portal", "/debug/default/view", "/solrconfig.xml", "/currentsetting.htm", "/app/kibana", "/_plugin/head", "/_vti_bin", "/_vti_pvt", "/vpn/../vpns", "/sslvpn_logon.shtml", "/global-protect/login.esp", "/ui/vropspluginui", "/websso/saml2", "/sdk/vimservice", "/telerik.web.ui.webresource.axd", "/telerik.web.ui.dialoghandler.aspx", "/muieblackcat", "/nessustest", "/nessus_test_is_vulnerable", "/nessus_is_probing", "/appscan_fingerprint", "/trinity.txt", "/w00tw00t", "/manager/.%2e", "/druid/indexer", "/airflow/code", "/zabbix.php", "/nagiosxi", "/remote_agent.php", "/roundcube/installer", "/webtools/control", "/casa/nodes/thumbprints", "/language/en-gb/en-gb.xml", "/device.rsp",
    ];
    KNOWN_HOLE, Root, Path: [
        "/threaddump", "/remote/login", "/evox", "/niet", "/goform", "/hudson", "/v2/_catalog", "/v2/keys/", "/jolokia", "/debug/vars", "/debug/pprof", "/solr/admin", "/geoserver/web", "/geoserver/rest", "/api/v1/pods", "/cacti", "/horde", "/ofbiz", "/hikvision", "/onvif", "/vpns", "/nifi-api", "/suite-api", "/_cat/indices", "/_cluster/health", "/securityrealm", "/asynchpeople", "/invoker/jmxinvokerservlet", "/invoker/ejbinvokerservlet", "/rfiinc.txt", "/wsman", "/weblaunch", "/xxl-job-admin", "/ispirit", "/whm-server-status", "/dnscfg.cgi", "/tomcat-docs",
    ];
    KNOWN_HOLE, Any, Anywhere: [";.jsp", "{{block type=", "-providerpath", "-providerclass", "@/etc/passwd", "@/etc/shadow", "@/var/jenkins_home", "@/proc/self", "netsparker(0x", "/w3af/", "<qss ", "dalfox class=", "class=dlfx", "acunetix_wvs_security_test", "urn:internalvim25", "urn:cisco:wsma", "554fcae493e564ee0dc75bdf2ebf94ca", "\\app/invokefunction", "\\app\\invokefunction", "think\\app", "/think\\", "think\\container", "think\\request/input", "think\\template", "invokefunction&function=", "[#pre_render]", "[#markup]", "[#access_callback]", "#post_render", "#lazy_builder", "solr.velocityresponsewriter", "params.resource.loader.enabled", "v.template.custom", "{.exec|", "{.save|", "{.load|", "x-beresource", "x-anonresource-backend", "invoker/jmxinvokerservlet", "/tmui/login.jsp/..;", "nslookup${", "\\u0022shell_exec", "eval-stdin.php", "routing-expression", "_files[", "{{groovy}}", "{{async async=", "?.php#.jpg", "<methodname>pingback.ping", "method=__construct"];
    KNOWN_HOLE, Whole, Anywhere: ["pingback.ping", "xdebug_session_start", "__construct", "dataisurl", "user[email][]", "/wp/v2/users", "[ipping_diag#0,0,0,0,0,0#0,0,0,0,0,0]0,6"];
}
