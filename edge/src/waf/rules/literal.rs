//! Rules that are literals: the prefilter's automaton finds them, and what stands around them decides.

use super::{Rule, code, injection, path, scanner, shell};
use crate::waf::Part;
use crate::waf::detect::{Hit, Text};
use crate::waf::scan::{at, before, is_word};

/// What must stand around a literal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::waf) enum Edges {
    /// Anything.
    Any,
    /// No letter, digit or underscore on either side.
    Word,
    /// The end of a path segment after it, or a suffix such as `.bak` or `~`.
    Segment,
}

/// Where a literal counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::waf) enum Place {
    /// Anywhere but in uploaded files.
    Anywhere,
    /// In the path.
    Path,
    /// In the `User-Agent`.
    Agent,
    /// In any header.
    Header,
    /// In uploaded files.
    File,
}

/// One literal, in lower case.
#[derive(Debug)]
pub(in crate::waf) struct Literal {
    pub(in crate::waf) text: &'static str,
    rule: &'static Rule,
    edges: Edges,
    place: Place,
}

impl Literal {
    /// Adds a hit when the literal at `start` counts there.
    pub(in crate::waf) fn check(&self, text: &Text<'_>, start: usize, hits: &mut Vec<Hit>) {
        let end = start + self.text.len();
        if self.fits(text) && self.stands_free(text.lower, start, end) {
            hits.push(Hit::new(self.rule, start, end));
        }
    }

    fn fits(&self, text: &Text<'_>) -> bool {
        let is_file = text.part == Part::File;
        match self.place {
            Place::Anywhere => !is_file,
            Place::Path => text.part == Part::Path && text.name.is_empty(),
            Place::Agent => text.part == Part::HeaderValue && text.name == "user-agent",
            Place::Header => text.part == Part::HeaderValue,
            Place::File => is_file,
        }
    }

    fn stands_free(&self, text: &[u8], start: usize, end: usize) -> bool {
        match self.edges {
            Edges::Any => true,
            Edges::Word => !is_word(before(text, start)) && !is_word(at(text, end)),
            Edges::Segment => matches!(
                at(text, end),
                0 | b'/' | b'.' | b'?' | b';' | b'~' | b'-' | b'_' | b'\\' | b' ' | b'#'
            ),
        }
    }
}

/// Rows of one rule.
macro_rules! literals {
    ($($rule:path, $edges:ident, $place:ident: [$($text:literal),+ $(,)?];)+) => {
        /// Every literal.
        pub(in crate::waf) static LITERALS: &[Literal] = &[$($(
            Literal { text: $text, rule: &$rule, edges: Edges::$edges, place: Place::$place },
        )+)+];
    };
}

literals! {
    scanner::AGENT, Word, Agent: [
        "sqlmap", "nikto", "nmap", "masscan", "acunetix", "nessus", "burp", "burpsuite", "burpcollaborator", "zap", "owasp zap", "zaproxy",
        "gobuster", "dirbuster", "dirb", "dirsearch", "wfuzz", "ffuf", "feroxbuster", "nuclei", "wpscan", "joomscan", "openvas", "arachni",
        "w3af", "whatweb", "havij", "netsparker", "invicti", "qualys", "vega", "skipfish", "jaeles", "xsstrike", "commix", "hydra",
        "medusa", "zgrab", "zmap", "projectdiscovery", "paros", "webinspect", "appscan", "sqlninja", "absinthe", "pangolin", "jorgee", "morfeus",
        "grabber", "crlfuzz", "dalfox", "httpx - open-source project", "fuzz faster u fool", "nmap scripting engine", "webshag", "cgichk",
        "fimap", "sqlbftools", "blackwidow", "detectify", "l9explore", "l9tcpid", "leakix", "odin.io", "kiterunner",
    ];
    scanner::HEADER, Word, Header: ["acunetix-product", "acunetix-scanning-agreement", "acunetix_wvs", "netsparker", "wvs/11", "x-scan-memo", "burpcollaborator.net", "nikto-added"];
    scanner::SECRETS, Segment, Path: [
        "/.env", "/.git", "/.gitconfig", "/.gitignore", "/.svn", "/.hg", "/.bzr", "/.ssh", "/.aws", "/.kube", "/.docker", "/.npmrc", "/.pypirc", "/.netrc",
        "/.htpasswd", "/.htaccess", "/.bash_history", "/.zsh_history", "/.mysql_history", "/.vscode", "/.idea", "/.ds_store", "/.dockerenv", "/.dockercfg",
        "/.travis", "/.circleci", "/.terraform", "/.passwd", "/.config/gcloud", "/id_rsa", "/id_dsa", "/id_ed25519", "/web.config", "/wp-config", "/configuration.php", "/config.php",
        "/local_settings.py", "/secrets.yml", "/credentials.json", "/docker-compose.yml", "/composer.lock", "/.env_backup", "/appsettings.json", "/web-inf", "/meta-inf", "/server-status", "/server-info", "/.well-known/../",
    ];
    scanner::WORDPRESS, Any, Path: ["/wp-admin", "/wp-login", "/wp-content", "/wp-includes", "/wp-json", "/xmlrpc.php", "/wp-cron.php", "/wlwmanifest.xml", "/wordpress/", "/wp-config"];
    scanner::ADMIN, Segment, Path: [
        "/phpmyadmin", "/pma", "/myadmin", "/adminer", "/phpinfo", "/info.php", "/test.php", "/mysqladmin", "/dbadmin", "/phppgadmin", "/manager/html", "/host-manager", "/jmx-console",
        "/web-console", "/administrator/index", "/admin.php", "/shell.php", "/cmd.php", "/c99.php", "/r57.php", "/webshell", "/eval-stdin", "/jenkins/script", "/solr/admin", "/struts", "/druid/index.html", "/nacos", "/telescope/requests", "/_profiler", "/elmah.axd", "/trace.axd", "/_ignition/execute-solution",
    ];
    scanner::BACKUP, Segment, Path: [
        "/backup.sql", "/backup.zip", "/backup.tar", "/backup.tgz", "/backup.rar", "/backup.bak", "/dump.sql", "/db.sql", "/database.sql", "/mysql.sql", "/site.zip", "/www.zip", "/wwwroot.zip", "/public_html.zip", "/index.php.bak", "/config.php.bak", "/config.bak", "/data.sql", "/db.sqlite", "/database.sqlite", "/users.sql", "/sql.gz",
    ];
    scanner::KNOWN_HOLE, Segment, Path: [
        "/cgi-bin", "/actuator/env", "/actuator/heapdump", "/actuator/gateway", "/actuator/jolokia", "/boaform", "/hnap1", "/gponform", "/setup.cgi", "/shell", "/vendor/phpunit", "/owa/auth", "/autodiscover/autodiscover", "/ecp/", "/remote/login", "/remote/fgt_lang", "/dana-na", "/+cscoe+", "/tmui/login.jsp", "/mgmt/tm/util/bash", "/_cat/indices", "/_search", "/invoker/jmxinvokerservlet", "/wls-wsat", "/console/css", "/securityrealm", "/script.php", "/sdk", "/portal/redlion", "/evox", "/nmaplowercheck", "/nmaplowercheck1", "/niet", "/stalker_portal", "/goform", "/hudson", "/v2/_catalog", "/jolokia", "/debug/pprof", "/solr/", "/geoserver", "/currentsetting.htm",
    ];
    path::WRAPPER, Any, Anywhere: ["php://filter", "php://input", "php://output", "php://memory", "php://temp", "php://fd", "expect://", "phar://", "compress.zlib://", "compress.bzip2://", "zlib://", "zip://", "glob://", "ogg://", "ssh2.", "jar:http", "jar:file:", "netdoc:", "rar://", "data://text"];
    shell::SHELLSHOCK, Any, Anywhere: ["() {:;", "() { :;", "() { _; }", "() {:;}", "(){:;", "(){ :;", "() { ignored;"];
    shell::REVERSE, Any, Anywhere: ["/dev/tcp/", "/dev/udp/", "mkfifo /tmp", "bash -i >", "sh -i >", "sh -i 2>", "nc -e ", "ncat -e ", "nc -c ", "0<&196", "socat exec:", "socat tcp", "pty.spawn(", "-lvp ", "fsockopen(\"", "|nc ", "| nc "];
    shell::EVASION, Any, Anywhere: ["${ifs}", "{cat,", "{ls,", "{wget,", "{curl,", "{echo,", "{ping,", "$ifs$", "$ifs/", "$ifs-", "$ifs\"", "{ifs%", "${path:", "${home:", "${ifs:", "$@/", "/???/", "/bin/c?t", "/b?n/", "/bi?/", "/e??/", "/?tc/", "/?in/", "/etc/pass??", "/etc/p*", "/*/passw*"];
    shell::WINDOWS, Any, Anywhere: [
        "cmd.exe", "cmd /c", "cmd /k", "powershell -", "powershell.exe", "powershell iex", "pwsh -", "certutil -urlcache", "certutil.exe", "bitsadmin /", "net user ", "net localgroup", "wscript.shell", "cscript //", "mshta http", "mshta.exe", "regsvr32 /", "rundll32 ", "wmic process", "new-object net.webclient", "invoke-expression", "iex(new-object", "downloadstring(", "%comspec%", "\\system32\\", "reg add hk", "reg query hk", "schtasks /",
    ];
    code::PHP_TAG, Any, Anywhere: ["<?php", "<?=", "<? ",  "<%eval", "<%@page", "<%@ page", "<%execute"];
    code::PHP_CALL, Any, Anywhere: [
        "phpinfo()", "base64_decode(", "shell_exec(", "passthru(", "proc_open(", "pcntl_exec(", "create_function(", "call_user_func(", "call_user_func_array(", "file_get_contents(", "file_put_contents(", "show_source(", "highlight_file(", "ini_set(", "str_rot13(", "gzinflate(", "move_uploaded_file(", "array_map(", "preg_replace(\"/", "preg_replace('/", "eval($_", "assert($_", "system($_", "exec($_", "${@print", "${@phpinfo", "${@eval", "@eval(", "getallheaders()", "get_defined_vars()",
        "die(md5(", "print(md5(", "echo(md5(", "echo md5(",
    ];
    code::JAVA, Any, Anywhere: [
        "java.lang.runtime", "java.lang.processbuilder", "java.lang.system", "getruntime().exec", "getruntime()", "new processbuilder(", "java.lang.class", "javax.script.scriptengine", "getclass().forname", "class.forname(", ".getclass().", "java.io.fileinputstream", "java.net.urlclassloader", "java.net.url(", "springframework.", "t(java.", "t(org.", "javax.naming.initialcontext", "groovy.lang.", "com.sun.rowset.jdbcrowsetimpl", "autotype", "\"@type\":\"", "\"@type\": \"", "freemarker.template.utility", "java.util.scanner", "commons.io.ioutils",
    ];
    code::SPRING, Any, Anywhere: ["class.module.classloader", "class.classloader.", "class['module']", "class[module]", "classloader.resources", "classloader.urls", "classloader[url"];
    code::OGNL, Any, Anywhere: ["#_memberaccess", "@ognl.ognlcontext", "#context['", "@java.lang.", "opensymphony.xwork2", "#application[", "%{#", "%{(#", "#cmd='", "#rt=@", "redirect:${", "action:${", "redirectaction:", "#a=@org", "xwork.methodaccessor"];
    code::NODE, Any, Anywhere: ["require('child_process", "require(\"child_process", "require(`child_process", "require('fs')", "require(\"fs\")", "process.mainmodule", "global.process", "process.binding(", "child_process.", "_$$nd_func$$_", "process.env.", "execsync(", "spawnsync(", "this.constructor.constructor", "module.constructor._load", "globalthis.process", "fs.readfilesync(", "res.end(require"];
    code::PYTHON, Any, Anywhere: ["__import__(", "os.system(", "os.popen(", "subprocess.popen(", "subprocess.call(", "subprocess.run(", "subprocess.check_output(", "__builtins__", "__globals__", "__subclasses__", "__class__.", "['__class__']", "__mro__", "__reduce__", "pickle.loads(", "yaml.load(", "exec(compile(", "eval(compile("];
    code::RUBY, Any, Anywhere: ["kernel.exec(", "kernel.system(", "kernel.open(", "io.popen(", "file.read('/", "open3.capture", "%x(id", "%x{id", "`#{", "erb.new(", "!ruby/object", "!ruby/hash", "instance_eval(", "!!javax.script", "!!python/object"];
    code::SERIALIZED, Any, Anywhere: ["ro0ab", "aced0005", "h4siaaaaaaaa", "aaeaaad/////", "\":1:{s:", "\":2:{s:", "\":3:{s:", "\":0:{}", "__viewstate=/we", "typenamehandling", "objectdataprovider", "ysoserial", "sr java.", "csubprocess\n", "cos\nsystem", "cposix\nsystem", "c__builtin__\n"];
    code::UPLOAD_CODE, Any, File: ["<?php", "<?=", "<%@", "<% ", "<jsp:", "#!/bin/", "#!/usr/bin/", "<script language=\"php", "__halt_compiler", "eval(base64_decode", "<svg onload", "<script"];
    injection::LOOKUP, Any, Anywhere: ["${jndi:", "$%7bjndi:", "${ jndi:"];
    injection::NESTED, Any, Anywhere: ["${${", "${lower:", "${upper:", "${::-", "${env:", "${sys:", "${java:", "${date:", "${main:", "${k8s:", "${ctx:", "${base64:", "${script:", "${dns:", "${url:utf"];
    injection::SSI, Any, Anywhere: ["<!--#exec", "<!--#include", "<!--#echo", "<!--#config", "<!--#printenv", "<!--#set", "<!--#fsize", "<!--#flastmod", "<esi:include", "<esi:"];
    injection::INCLUDE, Any, Anywhere: ["<xi:include", "http://www.w3.org/2001/xinclude"];
    injection::LDAP_FILTER, Any, Anywhere: ["*)(uid=", "*)(cn=", "*)(|(", "*)(&", "*)(objectclass", ")(&(", ")(|(", "(objectclass=*", "*))%00", "*)(user", "*)(mail=", ")(!(", "*)(password", "(&(uid=", "(|(uid=", ")(cn=))", "*))(|", "*()|&'", "admin*)("];
    injection::XPATH, Any, Anywhere: ["count(/*", "count(//", "' or name()=", "/text()='", "/child::node()", "' or position()=", "']|//", "' or contains(", "string-length(name(", "substring(name(", "doc('http", "//user[name/"];
    injection::POLLUTION, Any, Anywhere: ["__proto__", "constructor.prototype", "constructor\":{\"prototype", "constructor\": {\"prototype", "constructor[prototype", "constructor['prototype", "constructor][prototype", "__definegetter__", "__lookupgetter__"];
}
