//! Line breaks that start a header, a reply or a command of a mail protocol.

super::rules! { TABLE ["crlf", "CWE-113", "crs-921"];
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
