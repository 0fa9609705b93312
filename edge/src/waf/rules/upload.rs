//! Files that are not what they are said to be.

super::rules! { TABLE ["upload", "CWE-434", "crs-933"];
    TYPE "upload-003" "file of another type than it says" Critical 1:
        "@file \u{7f}ELF\u{2}\u{1}", "@file MZ\u{90}\0\u{3}\0",
        not "@file MZ is how this text begins";
    NAME "upload-005" "file name that a shell or page would run" Critical 1:
        "@upload `id`.jpg", "@upload x$(id).png",
        not "@upload R&D budget (final); v2 - $100.pdf";
    SCRIPT "upload-004" "script in an image" Critical 1:
        "@image <svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        "@image <svg/onload=alert(1)>",
        not "@file how to write <script> in <svg onload=x>";
}
