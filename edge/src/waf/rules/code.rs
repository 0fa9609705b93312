//! Code of server languages, serialised objects, dangerous uploads.

super::rules! { TABLE ["code", "CWE-94", "crs-933"];
    PHP_TAG "php-001" "PHP open tag" Critical 1:
        "<?php echo 1;", "%253C%253F%253D%2560id%2560",
        not "<?xml version=\"1.0\"?>";
    PHP_CALL "php-002" "PHP function called" Critical 1:
        "system('id');", "phpinfo%2528%2529",
        not "the system (new) and its exec (board)";
    PHP_GLOBAL "php-003" "PHP superglobal" Critical 1:
        "$_GET['c']", "%2524_SERVER%255B'x'%255D",
        not "$_GET is a superglobal";
    JAVA "java-001" "Java code" Critical 1:
        "java.lang.Runtime.getRuntime().exec('id')", "T(java.lang.ProcessBuilder)",
        not "java.util is a package";
    SPRING "java-002" "class loader manipulation" Critical 1:
        "@name class.module.classLoader.resources", "@name class.classLoader%2Eurls",
        not "@name class.room";
    OGNL "java-003" "OGNL expression" Critical 1:
        "%{(#_memberAccess=@ognl.OgnlContext@DEFAULT)}", "%2523context%255B'x'%255D%2523_memberaccess",
        not "#context and #member";
    NODE "node-001" "Node.js code" Critical 1:
        "require('child_process').exec('id')", "process.mainModule.require('fs')",
        not "we require child care";
    PYTHON "python-001" "Python code" Critical 1:
        "__import__('os').system('id')", "os.system%2528'id'%2529",
        not "import os and be happy";
    RUBY "ruby-001" "Ruby code" Critical 1:
        "Kernel.exec('id')", "IO.popen%2528'id'%2529",
        not "the kernel. exec board";
    SERIALIZED "obj-001" "serialised object" Critical 1:
        "O:8:\"stdClass\":1:{s:1:\"a\";i:1;}", "rO0ABXNyABFqYXZhLnV0aWwuSGFzaE1hcA",
        not "ratio: 8:1";
}
super::rules! { UPLOADS ["upload", "CWE-434", "crs-933"];
    UPLOAD_NAME "upload-001" "executable upload" Critical 1:
        "@upload shell.php", "@upload x.php%00.jpg",
        not "@upload photo.final.jpg";
    UPLOAD_CODE "upload-002" "upload that starts as code" Critical 1:
        "@file <?php system($_GET['c']);", "@file GIF89a<?php eval(1);",
        not "@file \u{89}PNG or 1=1";
}
