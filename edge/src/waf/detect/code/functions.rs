//! Which functions are dangerous, what an attack would pass to them, and the rule.

use crate::waf::rules::{Rule, code as rules};

/// What must stand between the parentheses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Nothing in particular.
    Anything,
    /// Anything that is there: a string, a variable, a number, a call.
    Something,
    /// A whole number, not zero.
    Number,
    /// A string, a variable or a nested call.
    Text,
    /// A command as a string or a list of strings, or what computes one.
    Command,
    /// A shell, a command that attacks begin with, or what a request names.
    Program,
    /// A path or URL out of the application's reach.
    Place,
    /// The same, but a module may lie in a folder above.
    Module,
    /// Nothing.
    Nothing,
    /// A string or a variable.
    Quoted,
    /// A string.
    Literal,
    /// A function by its name, or what a request says.
    Named,
    /// The name of a dangerous function as a string.
    Callback,
    /// Elixir's and Erlang's `{:spawn, "id"}`.
    Spawned,
    /// What only a probe prints: a hash or a product of numbers.
    Probe,
}

use Needs::{
    Anything, Callback, Command, Literal, Module, Named, Nothing, Number, Place, Probe, Program,
    Quoted, Something, Spawned, Text,
};

/// PHP functions that call what they are given.
const TAKERS: &[&[u8]] = &[
    b"array_map",
    b"array_filter",
    b"array_walk",
    b"array_reduce",
    b"usort",
    b"uasort",
    b"register_shutdown_function",
    b"ob_start",
    b"iterator_apply",
    b"array_walk_recursive",
    b"set_error_handler",
    b"forward_static_call",
    b"spl_autoload_register",
    b"getattr",
    b"uksort",
    b"array_diff_ukey",
    b"array_diff_uassoc",
    b"array_udiff",
    b"array_uintersect",
    b"array_intersect_uassoc",
    b"session_set_save_handler",
    b"header_register_callback",
    b"sqlite_create_function",
    b"set_exception_handler",
    b"ini_get",
    b"preg_replace_callback",
    b"register_tick_function",
    b"readline_completion_function",
];

/// Functions that tell about the server, or end it, and are given nothing.
const TELLERS: &[&[u8]] = &[
    b"phpinfo",
    b"get_defined_vars",
    b"getallheaders",
    b"phpversion",
    b"phpcredits",
    b"breakpoint",
    b"php_uname",
    b"get_defined_functions",
    b"get_defined_constants",
    b"get_loaded_extensions",
    b"getmyuid",
    b"getlastmod",
    b"posix_uname",
    b"posix_getuid",
    b"posix_getcwd",
    b"apache_child_terminate",
    b"apache_get_modules",
    b"php_ini_loaded_file",
    b"pcntl_fork",
    b"opcache_get_status",
    b"get_current_user",
    b"getmypid",
    b"zend_version",
    b"sys_get_temp_dir",
];

/// Functions that run a text.
#[rustfmt::skip]
const RUNNERS: &[&[u8]] = &[
    b"system", b"exec", b"shell_exec", b"passthru", b"popen", b"proc_open", b"pcntl_exec",
    b"eval", b"create_function", b"base64_decode", b"gzinflate", b"str_rot13", b"unserialize",
    b"ini_set", b"curl_exec", b"move_uploaded_file", b"show_source", b"highlight_file",
    b"reflectionfunction", b"gzuncompress", b"loadstring", b"executeglobal", b"createobject",
    b"dl", b"gzdecode", b"bzdecompress", b"convert_uudecode", b"expect_popen", b"ssh2_exec",
    b"w32api_invoke_function", b"win_shell_execute", b"com_load_typelib", b"get_cfg_var",
    b"hex2bin",
];

/// Functions that open what a place names.
#[rustfmt::skip]
const FILERS: &[&[u8]] = &[
    b"curl_init", b"file_get_contents", b"file_put_contents", b"fopen", b"readfile", b"file",
    b"include", b"include_once", b"require_once", b"scandir", b"opendir", b"open", b"read",
    b"readlines", b"readtext", b"readalltext", b"fwrite", b"glob", b"copy", b"unlink", b"symlink",
    b"link", b"rmdir", b"readfilesync", b"readdirsync", b"writefilesync", b"listdir",
    b"parse_ini_file", b"dofile", b"simplexml_load_file", b"set_include_path", b"gzopen",
    b"bzopen", b"gzfile", b"readgzfile", b"rename", b"chmod", b"rm_rf", b"unlinksync", b"rmsync",
    b"rmdirsync", b"createreadstream", b"appendfilesync", b"mkdir", b"posix_mkfifo",
    b"opcache_compile_file", b"rmtree", b"exif_read_data", b"loadfile",
];

/// A function by its name alone.
pub(super) fn function(name: &[u8]) -> Option<(Needs, &'static Rule)> {
    if TAKERS.contains(&name) {
        return Some((Callback, &rules::PHP_CALL));
    }
    if TELLERS.contains(&name) {
        return Some((Nothing, &rules::PHP_CALL));
    }
    if RUNNERS.contains(&name) {
        return Some((Text, &rules::PHP_CALL));
    }
    if FILERS.contains(&name) {
        return Some((Place, &rules::FILE_CALL));
    }
    Some(match name {
        b"call_user_func" | b"call_user_func_array" => (Named, &rules::PHP_CALL),
        // C and Python assert what they compute.
        b"assert" => (Quoted, &rules::PHP_CALL),
        // A program of one's own connects to what a variable names.
        b"fsockopen" | b"pfsockopen" | b"stream_socket_client" | b"ftp_connect" | b"imap_open" => {
            (Literal, &rules::PHP_CALL)
        }
        b"posix_kill" | b"posix_setuid" | b"posix_getpwuid" => (Something, &rules::PHP_CALL),
        b"require" => (Module, &rules::FILE_CALL),
        b"print" | b"printf" | b"echo" | b"die" | b"exit" | b"var_dump" | b"print_r" | b"write"
        | b"sprintf" | b"puts" => (Probe, &rules::PHP_CALL),
        b"execsync" | b"spawnsync" | b"execfile" | b"execfilesync" | b"runinthiscontext"
        | b"runinnewcontext" | b"execute_script" => (Text, &rules::NODE),
        b"__import__" | b"getoutput" | b"check_output" | b"getstatusoutput" | b"import_module"
        | b"execv" | b"execve" | b"execvp" => (Text, &rules::PYTHON),
        b"instance_eval" | b"class_eval" | b"module_eval" | b"capture2" | b"capture3"
        | b"capture2e" => (Text, &rules::RUBY),
        b"processbuilder" => (Program, &rules::JAVA),
        b"spawn" => (Program, &rules::RUBY),
        _ => return None,
    })
}

/// A function that is dangerous for the object it is called on.
pub(super) fn method(object: &[u8], name: &[u8]) -> Option<(Needs, &'static Rule)> {
    Some(match (object, name) {
        (
            b"os",
            b"system" | b"popen" | b"execl" | b"execlp" | b"execv" | b"getenv" | b"execute"
            | b"execvp" | b"execve" | b"execvpe",
        )
        | (b"commands", b"getoutput")
        | (b"pickle" | b"cpickle" | b"dill", b"loads")
        | (b"marshal", b"loads" | b"load")
        | (b"jsonpickle", b"decode")
        | (b"yaml", b"unsafe_load")
        | (b"platform", b"popen") => (Text, &rules::PYTHON),
        (
            b"subprocess",
            b"popen" | b"call" | b"run" | b"check_call" | b"check_output" | b"getoutput"
            | b"getstatusoutput",
        )
        | (b"pty", b"spawn")
        | (b"asyncio", b"create_subprocess_shell" | b"create_subprocess_exec") => {
            (Command, &rules::PYTHON)
        }
        (b"time", b"sleep") => (Number, &rules::PYTHON),
        (b"kernel", b"exec" | b"system" | b"open" | b"spawn" | b"fork")
        | (b"process", b"spawn" | b"exec")
        | (b"binding" | b"toplevel_binding", b"eval")
        | (
            b"open3",
            b"capture2" | b"capture3" | b"capture2e" | b"popen3" | b"pipeline" | b"pipeline_r",
        ) => (Text, &rules::RUBY),
        (b"debug", b"getregistry") => (Nothing, &rules::PROGRAM),
        (b"os", b"fork" | b"abort") => (Nothing, &rules::PYTHON),
        (b"os", b"spawnl" | b"spawnlp" | b"spawnv" | b"spawnvp" | b"posix_spawn") => {
            (Something, &rules::PYTHON)
        }
        (b"assembly", b"load" | b"loadfrom" | b"loadfile" | b"unsafeloadfrom") => {
            (Text, &rules::JAVA)
        }
        (b"io", b"popen") | (b"pty", b"fork") => (Something, &rules::RUBY),
        (b"file", b"read" | b"open" | b"binread" | b"readlines" | b"delete" | b"write")
        | (b"io", b"open" | b"read" | b"readlines" | b"binread" | b"lines")
        | (b"dir", b"entries" | b"glob" | b"children")
        | (b"deno", b"readtextfile" | b"readtextfilesync" | b"readdir" | b"readdirsync") => {
            (Place, &rules::FILE_CALL)
        }
        (b"process", b"exit" | b"kill" | b"binding" | b"abort") => (Anything, &rules::NODE),
        (
            b"child_process",
            b"exec" | b"execsync" | b"spawn" | b"spawnsync" | b"fork" | b"execfile"
            | b"execfilesync",
        )
        | (b"vm", b"runinthiscontext" | b"runinnewcontext" | b"runincontext")
        | (b"deno", b"run" | b"command")
        | (b"bun", b"spawn" | b"spawnsync") => (Command, &rules::NODE),
        (b"runtime", b"getruntime") => (Nothing, &rules::JAVA),
        // Rust, Elixir, Erlang, Scala, Lua, Clojure.
        (b"shell", b"exec" | b"run")
        | (b"command", b"new")
        | (b"process", b"process" | b"apply" | b"run") => (Program, &rules::PROGRAM),
        (b"system", b"cmd" | b"shell")
        | (b"code", b"eval_string" | b"eval_quoted")
        | (b"package", b"loadlib")
        | (b"os", b"cmd") => (Text, &rules::PROGRAM),
        (b"fiddle", b"dlopen") => (Something, &rules::PROGRAM),
        (b"port", b"open") => (Spawned, &rules::PROGRAM),
        (b"process", b"start") | (b"class", b"forname") => (Text, &rules::JAVA),
        (b"exec", b"command") | (b"syscall", b"exec") => (Text, &rules::NODE),
        (b"thread", b"sleep") => (Number, &rules::JAVA),
        _ => return None,
    })
}
