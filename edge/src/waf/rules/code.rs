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
    PROGRAM "code-002" "program started from code" Critical 1:
        "Command::new(\"id\").output()", "System.cmd%2528%2522id%2522%252C%2520[]%2529",
        not "Command::new(name).output()";
    FILE_CALL "code-001" "function that opens what a client names" Critical 1:
        "readfile('/etc/passwd')", "open%2528%2527%252Fetc%252Fpasswd%2527%2529.read%2528%2529",
        not "open('notes.txt').read()";
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
    PHP_TAG, Any, Anywhere: ["<?php", "<?=", "<? system", "<? echo", "<? eval", "<? exec", "<? passthru", "<? include", "<? phpinfo", "<script language=\"php", "<script language='php", "<script language=php", "<%eval", "<%@page", "<%@ page", "<%@ register", "<%@register", "compresseddatatable=", "<%execute", "<%response.", "<%=request", "<%= request"];
    PHP_CALL, Any, Anywhere: ["highlight_file(__file__", "ini_get_all(", "print_r(getenv(", "echo getcwd();", "'','-x/var/", "error_log('x',3,", "localeconv()", "show_source(__file__", "var_dump(getenv(",
        "new simplexmlelement('http", "new simplexmlelement(\"http", "new imagick('http", "new imagick(\"http", "new soapclient(null", "phpinfo(-1)", "phpinfo(1)", "phpinfo(info_", "mb_ereg_replace('.*'", "preg_filter('/.*/e", "usort($_", "array_map($_", "array_filter($_", "array_walk($_", ",'-x/", ",\"-x/", "'-oqueuedirectory", "eval($_", "assert($_", "system($_", "exec($_", "${@print", "${@phpinfo", "${@eval", "${@system", "{${phpinfo", "{${system", "{${print", "@eval(", "preg_replace(\"/.*/e", "preg_replace('/.*/e", "preg_replace(\"/(.*)/e", "preg_replace('/(.*)/e",
        "'.sleep(", "\".sleep(", "${sleep(", "gethostbyname(lc(", "include $_", "include_once $_", "require $_", "require_once $_", "include \"php:", "include 'php:", "include \"data:", "include 'http://", "include \"http://", "require 'http://", "require \"http://", "require_once 'http", "include_once 'http", "include 'data:", "require \"php:", "require 'php:", "die(md5(", "(@md5(", "print(md5(", "echo(md5(", "echo md5(", "print md5(", "printf(md5(", "echo shell_exec", "$_=[];", "$_=@\"$_", "$_=\"$_\";", "$_=('>'", "$__=$_;", "allow_url_include=", "allow_url_include%3d", "auto_prepend_file=", "auto_append_file=", "auto_prepend_file%3d",
    ];
    PHP_GLOBAL, Any, Anywhere: ["${_get}", "${_post}", "${_request}", "${_cookie}", "extract($_", "parse_str($_", "putenv(\"ld_preload", "putenv('ld_preload", "_server[document_root]", "globals[absolute_path]", "_session[!]", "$http_post_vars[", "$http_get_vars["];
    PROGRAM, Any, Anywhere: ["run-program \"", "(shell-command \"", "server.execute(\"", "{@exec cmd=", "/outputfile (%pipe%", "cmd|'/", "cmd|' /", "cmd|\"/", "=webservice(\"http", "eval request(\"", "execute request(\"", "getobject(\"script:", "new system.diagnostics.process(", "reflection.assembly.load("];
    JAVA, Any, Anywhere: ["println system.getenv()", "environment.getenvironmentvariables()", "jenkins.getinstance().", "new java.net.socket(\"", "new urlclassloader(new url[", "typeof(system.diagnostics.process", "shell(\"calc", "shell(\"cmd /", "shell(\"powershell", "getclass().getprotectiondomain", "@grabconfig(", "scala.sys.process._;", "gettype(\"system.diagnostics.", "gettypefromprogid(\"", "gettypefromclsid(", "new process{startinfo", "new process {startinfo", "new process { startinfo", "new processstartinfo(\"cmd", "new processstartinfo(\"powershell", "new processstartinfo(\"/bin", "new processstartinfo(\"sh\"", "currentdomain.executeassembly(", "compileassemblyfromsource(", "jshell.create()", "initialcontext().lookup(\"rmi:", "initialcontext().lookup(\"ldap", "initialcontext().lookup('rmi:", "initialcontext().lookup('ldap", "groovyclassloader().parseclass(", "hudson.util.secret.", "jenkins.instance.securityrealm", "jenkins.model.jenkins.instance", "getobject(\"winmgmts:", "linecache.os.system", "import sys.process._;", "\").!!", "\".!!", "runtime.getruntime.exec(", "(load-string \"", "assembly.load(convert.", "execute(request(", "new processbuilder().command(", "new groovyshell().evaluate(", "eval.me(\"", "eval.me('", "@groovy.transform.asttest(", "@asttest(", "@grabresolver(", "webclient().downloadstring(", "new java.net.url(\"http", "(eval (read-string ", "runtime/getruntime", "automation.powershell.create(", "defineanonymousclass(", "convert.frombase64string(request", "executeglobal request", "response.write(server.mappath(",
        "getruntime().exec(", "getclass().forname", "getclass().getclassloader", "getclass().getmethod", "getclass().getdeclared", "t(java.", "t(org.", "t( java.", "freemarker.template.utility.", "freemarker.template.utility.execute", "groovy.lang.groovyshell", "groovy.util.eval", "commons.io.ioutils.tostring(", "runtime.methodclosure", "@grab(", "@groovy.transform.asttest", "asttest(value",
        "com.sun.rowset.jdbcrowsetimpl", "<dynamic-proxy>", "java.beans.eventhandler", "class=\"java.beans.xmldecoder", "class='java.beans.xmldecoder", "com.sun.org.apache.xalan.internal.xsltc.trax.templatesimpl",
    ];
    SPRING, Any, Anywhere: ["class.module.classloader", "class.classloader.", "class['module']", "class[module]", "classloader.resources", "classloader.urls", "classloader[url", "class.module.class", "spring.cloud.function.routing-expression"];
    OGNL, Any, Anywhere: ["#_memberaccess", "@ognl.ognlcontext", "#context['", "#context[\"", "@java.lang.", "@org.apache.commons.io.ioutils@", "opensymphony.xwork2", "#application[", "#session[", "#request[", "#parameters.", "%{#", "%{(#", "%{(", "%{new ", "%{@", "%{''", "#cmd='", "#rt=@", "redirect:${", "action:${#", "action:${(", "redirectaction:${", "redirectaction:%", "redirect:%{", "#a=@org", "#a=(new", "xwork.methodaccessor", "denymethodexecution", "allowstaticmethodaccess", "dm=@ognl"];
    NODE, Any, Anywhere: ["process.dlopen(", "require('os').userinfo", ".mainmodule.", "reflect.get(global", "?'+process.env", "='+process.env", "require('http').get('http", "require(\"http\").get(\"http", "res.write(process.", "'+require(", "\"+require(", "res.send(process.", "res.end(process.", "res.json(process.", "function(){while(1);}", "deno.run({cmd:", "require('fs').read", "require(\"fs\").read", "require(\"fs\").write", "new error(process.env", "require('fs').write", "require('os').exec", "require('vm').run", "require('child_process", "require(\"child_process", "require(`child_process", "require`child_process", "import('child_process", "import(\"child_process", "process.mainmodule", "process['mainmodule", "process[\"mainmodule", "(class extends function", "global.process.", "global['process']", "global[\"process\"]", "globalthis['process']", "(function(){return process.", "(function(){return process})", "(()=>{return process.", "require('net').connect(", "require(\"net\").connect(", "process.binding(", "_$$nd_func$$_", "this.constructor.constructor", "constructor._load", "globalthis.process", "res.end(require", "function('return process", "function(\"return process", "function('return this", "function(\"return this", "return process.env}", "return process.env'", "return process.env\"", "stringify(process.env)", "${process.env}", "{{process.env", "constructor('return ", "constructor(\"return ", "constructor(`return ", "while(1){}", "while(true){}", "for(;;){}"];
    PYTHON, Whole, Anywhere: ["print(app.config)", "print(globals())", "print(os.environ)", "yaml.unsafe_load(payload)", "os.environ", "code.interact()", "globals()", "locals()", "__builtins__", "__globals__"];
    NODE, Whole, Anywhere: ["process.cwd()", "require('os').hostname()", "require(\"os\").hostname()", "require('os').networkinterfaces()", "console.log(process.env)", "process.env", "while(true);", "while(1);", "for(;;);", "process.mainmodule", "process.argv", "process.versions"];
    PHP_CALL, Any, Anywhere: ["ffi::cdef(", "throw new exception(`", "<% out.print", "<%out.print", "think\\template\\driver", "think\\app/invoke", "/think\\app", "dde(\"cmd\""];
    PHP_CALL, Whole, Anywhere: ["error_reporting(0)", "error_reporting(0);", "set_time_limit(0)", "set_time_limit(0);", "ignore_user_abort(true);"];
    JAVA, Whole, Anywhere: ["shell.application", "system.getproperties()", "system.environment.machinename", "environment.machinename", "system.diagnostics.process.getcurrentprocess()", "process.getprocesses()", "system.exit(0)", "system.getenv()", "wscript.shell", "glue_shell", "glue_groovy", "glue_python", "glue_powershell", "glue_nodejs"];
    PYTHON, Any, Anywhere: ["os.dup2(", "socket.socket().connect(", "().__class__", "''.__class__", "\"\".__class__", "[].__class__", "{}.__class__", "read_pickle('http", "read_pickle(\"http", "torch.load('http", "torch.load(\"http", "joblib.load('http", "joblib.load(\"http", "@exec('", "@exec(\"", "@eval('", "ctypes.cdll(none)", "require(\"os\").execute(", "require('os').execute(", "string.dump(os.", "sys.modules['os']", "sys.modules[\"os\"]", "os/exec.command(", "exec.command(\"", "clojure.java.shell", "sockaddr_in(", "__import__('", "__import__(\"", "__import__(chr", "__builtins__.", "__builtins__[", ".__builtins__", "__builtins__']", "__builtins__')", "__builtins__\"]", "__builtins__\")", ".__globals__", "'__globals__'", "\"__globals__\"", "__.__subclasses__", "].__subclasses__", ").__subclasses__", "object.__subclasses__", "__subclasses__()[", "'__subclasses__'", "\"__subclasses__\"", "['__class__']", "[\"__class__\"]", ".__class__.__mro", ".__class__.__base", ".__class__.__init__.__", ".__class__.__subclasses", ".__class__.__dict__[", ".__class__[", "__mro__[", "'__mro__'", "\"__mro__\"", "__reduce_ex__", "exec(compile(", "compile('import ", "compile(\"import ", "use socket;$", "use socket;socket(", "eval(compile(", "import os;", "import os,sub", "import os,pty", "import os,sys;", "import subprocess;", "import socket,sub", "import socket,os", "import pty;", "__bases__[", "'__bases__'", "\"__bases__\"", "globals()['__", "globals()[\"__"];
    RUBY, Any, Anywhere: ["kernel.`", "method(:system)", "method(:exec)", "__send__(:", "public_send(:system", "public_send(:exec", "public_send(:eval", "public_send(:instance_eval", "objectspace.each_object", "'socket';tcpsocket", "define_method(:x)", "(shell-command-to-string \"", "posix::exec", "posix::system", "system{\"/", "exec{\"/", "system {\"/", "exec {\"/", "system { \"/", "@{[`", "@{[system", "@{[exec", "erlang:halt(", "syscall(59,", "[open \"|", ";print qx{", "string.char(111,115", "loadstring(ngx", "`#{", "#{`", "#{%x", "#{system", "#{exec", "#{io.popen", "#{file.", "erb.new(", "!ruby/object", "!ruby/hash", "!ruby/struct", "!!javax.", "!!com.sun.", "!!java.", "!!python/", "!!org.", "const_get('kernel", "const_get(\"kernel", "const_get(:kernel", "send(:system", "send(:exec", "send('system", "send(\"system", "send(:eval"];
    SERIALIZED, Word, Anywhere: ["unserializable-parents", "autodeserialize=true", "allowloadlocalinfile=true", "bsh.interpreter", "clojure.core$comp", "clonetransformer", "forclosure", "instantiatefactory", "instantiatetransformer", "invokertransformer", "prototypeclonefactory", "prototypeserializationfactory", "whileclosure"];
    SERIALIZED, Any, Anywhere: ["aced00057372", "aced00057572", "yv66vgaaad", "init=runscript", "runscript from 'http", "queryinterceptors=com.mysql", "statementinterceptors=com.mysql", "socketfactory=org.spring", "<java.util.priorityqueue", "<javax.imageio.", "<dynamic-proxy/", "\"__js_function\"", "<java.lang.processbuilder", "<jdk.nashorn.", "vzlog1uihb", "1vzlog1u", "expandedwrapper`", "<methodname>deserialize", "textformattingrunproperties", "typeconfusedelegate", "assemblyinstaller", "objectstateformatter]]", "windowsprincipal, mscorlib", "activitysurrogateselector", "dataset, system.data, ", "resourcedictionary, presentationframework", "jxb85abtbi", "w/owgbw4", "objectdataprovider", "windowsidentity, mscorlib", "ysoserial", "psr7\\fnstream", "sr java.", "csubprocess\n", "cos\nsystem", "cnt\nsystem", "cposix\nsystem", "c__builtin__\n", "cbuiltins\n", "ios\nsystem", "iposix\nsystem", "ios\npopen", "isubprocess\n", "_$$nd_func$$_"];
}
