//! Cross-site scripting.

super::rules! { TABLE ["xss", "CWE-79", "crs-941"];
    SCRIPT "xss-001" "script element" Critical 1:
        "<script>alert(1)</script>", "%253Cscript%2520src%253D%252F%252Fevil.example%253E",
        not "the script is < 5 lines long";
    MENTION "xss-002" "markup named in prose" Notice 1:
        "use the <script> element wisely", "use%2520the%2520%253Ciframe%253E%2520element",
        not "5 <scripts and more";
    HANDLER "xss-003" "event handler attribute" Critical 1:
        "<img src=x onerror=alert(1)>", "%2522%2520onmouseover%253D%2522alert(1)",
        not "online=1 and on sale = yes";
    SCHEME "xss-004" "script URL" Critical 1:
        "javascript:alert(1)", "java%0ascript%253Aalert(1)",
        not "JavaScript: The Good Parts (2008)";
    ELEMENT "xss-005" "active element" Critical 1:
        "<iframe src=//evil.example>", "%253Ciframe%2520srcdoc%253Dx%253E",
        not "an iframe < 300 px";
    DOM "xss-006" "document object in code" Critical 1:
        "document.cookie", "x%253Ddocument.location",
        not "sign the document. Cookie jars are next";
    CALL "xss-007" "script function called" Critical 1:
        "';alert(1)//", "eval%2528atob('x')%2529",
        not "a medical alert (red) and a prompt (see below)";
    OBFUSCATED "xss-008" "obfuscated script" Critical 1:
        "[]['constructor']", "window%255B'ale'%252B'rt'%255D(1)",
        not "items[0] and [x] in [y]";
    DATA_URL "xss-009" "data URL with markup" Critical 1:
        "data:text/html,<b>x</b>", "data%253Atext/html;base64,PHNjcmlwdD4=",
        not "data: text and images";
    STYLE "xss-010" "script in a style" Critical 1:
        "<b style=\"width:expression(alert(1))\">", "%253Cb%2520style%253D%2522x:expression(alert(1))%2522%253E",
        not "a facial expression (smile)";
}

super::literal::literals! {
    OBFUSCATED, Any, Anywhere: ["name=scripturl ", ",alert)", ":alert})", "{alert:", "prototype.open=alert", "frames[0].alert(", "\u{ff9f}\u{3c9}\u{ff9f}\u{ff89}="];
    SCRIPT, Any, Anywhere: ["+adw-s", "+adw-i", "\u{bc}script\u{be}", "\u{bc}script "];
}
