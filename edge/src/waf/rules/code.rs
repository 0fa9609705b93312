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
super::literal::literals! {
    PHP_TAG, Any, Anywhere: ["<?php", "<?=", "<? ",  "<%eval", "<%@page", "<%@ page", "<%execute"];
    PHP_CALL, Any, Anywhere: [
        "phpinfo()", "base64_decode(", "shell_exec(", "passthru(", "proc_open(", "pcntl_exec(", "create_function(", "call_user_func(", "call_user_func_array(", "file_get_contents(", "file_put_contents(", "show_source(", "highlight_file(", "ini_set(", "str_rot13(", "gzinflate(", "move_uploaded_file(", "array_map(", "preg_replace(\"/", "preg_replace('/", "eval($_", "assert($_", "system($_", "exec($_", "${@print", "${@phpinfo", "${@eval", "@eval(", "getallheaders()", "get_defined_vars()",
        "die(md5(", "print(md5(", "echo(md5(", "echo md5(",
    ];
    JAVA, Any, Anywhere: [
        "java.lang.runtime", "java.lang.processbuilder", "java.lang.system", "getruntime().exec", "getruntime()", "new processbuilder(", "java.lang.class", "javax.script.scriptengine", "getclass().forname", "class.forname(", ".getclass().", "java.io.fileinputstream", "java.net.urlclassloader", "java.net.url(", "springframework.", "t(java.", "t(org.", "javax.naming.initialcontext", "groovy.lang.", "com.sun.rowset.jdbcrowsetimpl", "autotype", "\"@type\":\"", "\"@type\": \"", "freemarker.template.utility", "java.util.scanner", "commons.io.ioutils",
    ];
    SPRING, Any, Anywhere: ["class.module.classloader", "class.classloader.", "class['module']", "class[module]", "classloader.resources", "classloader.urls", "classloader[url"];
    OGNL, Any, Anywhere: ["#_memberaccess", "@ognl.ognlcontext", "#context['", "@java.lang.", "opensymphony.xwork2", "#application[", "%{#", "%{(#", "#cmd='", "#rt=@", "redirect:${", "action:${", "redirectaction:", "#a=@org", "xwork.methodaccessor"];
    NODE, Any, Anywhere: ["require('child_process", "require(\"child_process", "require(`child_process", "require('fs')", "require(\"fs\")", "process.mainmodule", "global.process", "process.binding(", "child_process.", "_$$nd_func$$_", "process.env.", "execsync(", "spawnsync(", "this.constructor.constructor", "module.constructor._load", "globalthis.process", "fs.readfilesync(", "res.end(require"];
    PYTHON, Any, Anywhere: ["__import__(", "os.system(", "os.popen(", "subprocess.popen(", "subprocess.call(", "subprocess.run(", "subprocess.check_output(", "__builtins__", "__globals__", "__subclasses__", "__class__.", "['__class__']", "__mro__", "__reduce__", "pickle.loads(", "yaml.load(", "exec(compile(", "eval(compile("];
    RUBY, Any, Anywhere: ["kernel.exec(", "kernel.system(", "kernel.open(", "io.popen(", "file.read('/", "open3.capture", "%x(id", "%x{id", "`#{", "erb.new(", "!ruby/object", "!ruby/hash", "instance_eval(", "!!javax.script", "!!python/object"];
    SERIALIZED, Any, Anywhere: ["ro0ab", "aced0005", "h4siaaaaaaaa", "aaeaaad/////", "\":1:{s:", "\":2:{s:", "\":3:{s:", "\":0:{}", "__viewstate=/we", "typenamehandling", "objectdataprovider", "ysoserial", "sr java.", "csubprocess\n", "cos\nsystem", "cposix\nsystem", "c__builtin__\n"];
    UPLOAD_CODE, Any, File: ["<?php", "<?=", "<%@", "<% ", "<jsp:", "#!/bin/", "#!/usr/bin/", "<script language=\"php", "__halt_compiler", "eval(base64_decode", "<svg onload", "<script"];
}
