//! Commands of mail protocols and arguments of mailers.

super::rules! { TABLE ["mail", "CWE-93", "crs-921"];
    SMTP "mail-001" "SMTP command" Critical 1:
        "x\r\nRCPT TO:<a@example.com>", "x%250d%250aMAIL FROM:<a@example.com>",
        not "Dear all,\nmail from: the office";
    IMAP "mail-002" "IMAP command" Critical 1:
        "4791 BODY[HEADER]\r\nV100 CAPABILITY", "INBOX%250d%250aA01 DELETE INBOX",
        not "A1 search for hotels\nB2 list of rooms";
    ARGUMENT "mail-003" "argument of a mailer" Critical 1:
        "x -oQ/tmp/ -X/var/www/x.php @example.com", "root+$%257Brun%257B/bin/id%257D%257D@localhost",
        not "a -x/b c";
}
