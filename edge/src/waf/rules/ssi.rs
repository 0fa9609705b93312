//! Server-side and edge-side includes.

super::rules! { TABLE ["ssi", "CWE-97", "crs-941"];
    SSI "ssi-001" "server-side include" Critical 1:
        "<!--#exec cmd=\"ls\"-->", "%253C!--%2523include%2520file%253D'x'--%253E",
        not "<!-- # a comment -->";
}

super::literal::literals! {
    SSI, Any, Anywhere: ["<!--#exec", "<!--#include", "<!--#echo", "<!--#config", "<!--#printenv", "<!--#set", "<!--#fsize", "<!--#flastmod", "<esi:include", "<esi:"];
}
