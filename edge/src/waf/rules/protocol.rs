//! Shapes that no honest client sends. `@elsewhere`: tested beside the reader that finds it.

super::rules! { TABLE ["protocol", "CWE-400", "crs-920"];
    FIELDS "proto-001" "too many fields" Critical 1: "@elsewhere", "@elsewhere", not "a";
    DEPTH "proto-002" "nesting too deep" Critical 1: "@elsewhere", "@elsewhere", not "a";
    MULTIPART "proto-003" "malformed multipart" Critical 1: "@elsewhere", "@elsewhere", not "a";
    LENGTHS "proto-004" "request smuggling shape" Critical 1:
        "@header transfer-encoding xchunked", "@header content-length 5, 6",
        not "@header content-length 5";
    METHOD_OVERRIDE "proto-005" "method overridden to a foreign one" Critical 1:
        "@header x-http-method-override TRACE", "@header x-method-override CONNECT",
        not "@header x-http-method-override PATCH";
    URL_OVERRIDE "proto-006" "URL overridden after the gate" Critical 1:
        "@header x-original-url /admin", "@header x-rewrite-url /%61dmin",
        not "@header x-original-name admin";
    PROXY "proto-007" "proxy set by a client (CVE-2016-5385)" Critical 1:
        "@header proxy http://192.0.2.1:8080", "@header proxy 192.0.2.1",
        not "@header x-proxy-hint none";
    RANGES "proto-008" "abusive range" Critical 1:
        "@header range bytes=0-18446744073709551615", "@header range bytes=0-1,2-3,4-5,6-7,8-9,10-11,12-13,14-15,16-17",
        not "@header range bytes=0-1023";
    METHOD "proto-020" "unknown method or one for debugging" Critical 1: "@elsewhere", "@elsewhere", not "a";
    WEB_SHELL "shell-090" "command for a web shell" Critical 1: "@elsewhere", "@elsewhere", not "a";
    SESSION "session-001" "session id from elsewhere" Critical 1:
        "@name phpsessid", "@name JSESSIONID",
        not "@name session_id";
    UNSIGNED "session-003" "token that says it has no signature" Critical 1:
        "eyJhbGciOiJub25lIiwidHlwIjoiSldUIn0.eyJzdWIiOiIxIn0.", "@header authorization Bearer eyJ0eXAiOiJKV1QiLCJhbGciOiJOb25lIn0.eyJzdWIiOiIxIn0.",
        not "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln";
    SET_COOKIE "session-002" "cookie set by script or meta element" Critical 1:
        "x.cookie;expires=Fri", "http-equiv%253D%2522Set-Cookie%2522",
        not "the cookie; it expires = soon";
    HOST "proto-010" "host that is none" Critical 1:
        "@header host shop.example.com@evil.example", "@header host shop.example.com%27 or 1=1",
        not "@header host shop.example.com:8443";
    CONTROL "proto-011" "hidden control bytes" Critical 1:
        "@path /admin%00.html", "@path /a%08b",
        not "@path /a%20b";
    SMUGGLED "proto-012" "request within a body" Critical 1: "@elsewhere", "@elsewhere", not "a";
    DROPPED "proto-013" "header dropped by a hop" Critical 1:
        "@header connection close, X-Forwarded-For", "@header connection cookie",
        not "@header connection keep-alive, Upgrade";
    TYPE "proto-014" "type that two servers read apart" Critical 1:
        "@header content-type multipart/form-data; boundary=a; boundary=b", "@header content-type text/xml; CHARSET=a;charset=b",
        not "@header content-type text/html; charset=utf-8";
    HOP "proto-015" "proxy's header with a value that none sends" Critical 1:
        "@header x-forwarded-scheme nothttps", "@header x-forwarded-host a.example%2F..",
        not "@header x-forwarded-proto https, http";
    WORK "proto-016" "dearer to read than any honest request" Critical 1: "@elsewhere", "@elsewhere", not "a";
    POLLUTED "proto-017" "comment that one parameter opens and another closes" Critical 1:
        "@query a=1/*&a=*/union", "@query a=1%2f*&a=*%2funion",
        not "@query a=image/*&b=*/*";
    CHARSET "proto-009" "charset that hides text" Critical 1:
        "@header content-type text/plain; charset=utf-7", "@header content-type text/xml; charset=\"IBM037\"",
        not "@header content-type text/plain; charset=utf-8";
}

// `{"alg":"none"` in base64, in each case that readers let pass, with the type before it or not.
super::literal::literals! {
    UNSIGNED, Any, Anywhere: ["eyjhbgcioijub25l", "eyjhbgcioijob25l", "eyjhbgcioijot05f", "eyjhbgcioijut25f", "ilcjhbgcioijub25l", "ilcjhbgcioijob25l", "ilcjhbgcioijot05f", "ilcjhbgcioijut25f"];
}
