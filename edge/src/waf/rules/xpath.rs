//! `XPath` injection.

super::rules! { TABLE ["xpathi", "CWE-643", "crs-942"];
    EXPRESSION "xpathi-001" "XPath expression" Critical 1:
        "' or count(/*)=1 or '1'='2", "x%2527%2520or%2520name()%253D'username",
        not "count (/ or *) the items";
}
