//! Names that only an attack reaches for between delimiters.

use crate::waf::scan::{Needles, at, before, is_word, skip_while, span, trim, word};

/// Longest of [`OBJECTS`].
pub(super) const MAX_OBJECT: usize = 32;

/// Names and members; some count only with what stands around them.
pub(super) static OBJECTS: Needles<'static> = Needles::new(&[
    b"__",
    b"config.items",
    b"config.secret",
    b"config.from",
    b"config|",
    b"config[",
    b"self._",
    b"self.module",
    b"request.application",
    b"request.environ",
    b"request[",
    b"request|attr",
    b"|attr(",
    b"lipsum",
    b"cycler.",
    b"joiner.",
    b"namespace.",
    b"_self.env",
    b"getfilter",
    b"registerundefinedfiltercallback",
    b"constructor",
    b"getruntime",
    b"runtime.exec",
    b"java.lang",
    b"java.io",
    b"java.util",
    b"java.net",
    b"javax.",
    b"processbuilder",
    b"getclass",
    b"getresource",
    b"classloader",
    b"forname",
    b"system(",
    b"exec(",
    b"execsync",
    b"eval(",
    b"popen",
    b"require(",
    b"require '",
    b"require \"",
    b"process.env",
    b"process.mainmodule",
    b"process.binding",
    b"process.exit",
    b"mainmodule",
    b"child_process",
    b"global.process",
    b"globalthis",
    b"settings.secret",
    b"file.open",
    b"file.read",
    b"io.popen",
    b"io.read",
    b"dir.entries",
    b"dir.glob",
    b"kernel.",
    b"system.cmd",
    b"('system'",
    b"(\"system\"",
    b"'system')",
    b"\"system\")",
    b"('passthru'",
    b"'exec')",
    b"('exec'",
    b"'shell_exec'",
    b"'call_user_func'",
    b"['id'",
    b"app.request",
    b"dump(app",
    b"file_excerpt",
    b"_context|",
    b"@environment",
    b"env('app_key",
    b"env('db_pass",
    b"include request.",
    b".exec \"",
    b"| system",
    b"|system",
    b"| shell",
    b"|shell",
    b"_charset|",
    b"debug_toolbar",
    b"url_for.",
    b"get_flashed_messages",
    b"@java",
    b"t(java",
    b"phpinfo",
    b"passthru",
    b"#root",
    b"#_memberaccess",
    b"#context",
    b"@ognl",
    b"class.inspect",
    b".class.",
    b".mro",
    b"subclasses(",
    b"import os",
    b"os.system",
    b"subprocess",
    b"$on.",
    b"$eval",
    b"handler.settings",
    b"application.settings",
    b"signer.key",
    b"self.context[",
    b".getrealpath(",
    b"constant('",
    b"constant(\"",
    b"system.diagnostics",
    b"system.reflection",
    b"system.io.file",
    b"applicationscope",
    b"sessionscope.",
    b"facescontext",
    b"pagecontext.",
    b"?new(",
    b"?api",
    b".data_model",
    b".execute()",
    b"freemarker.template",
    b"objectconstructor",
    b"jythonruntime",
    b"env.to_h",
    b"env['",
    b"env.inspect",
    b".system \"",
    b"wp-config",
    b"self.methods",
    b"smarty.",
    b"_smarty",
    b"newinstance(",
    b"?lower_abc",
    b"?upper_abc",
    b"securitykey",
    b"get_admin_log",
    b"include_relative",
    b"artisan::",
    b"storage::get(",
    b"db::select(",
    b"session.invalidate(",
    b"system.getproperty",
    b"print(config",
    b" perl ",
    b"|exec:",
    b"|system:",
    b"rails.application",
    b"filter system",
    b"apply system",
    b"filter passthru",
    b"filter exec",
    b"import 'os'",
    b"import \"os\"",
    b"getenv(",
    b"dir.pwd",
    b"instance_variable",
    b"exec \"",
    b"getenv \"",
    b".environ",
    b"call .env",
    b"env \"aws",
    b"env \"database",
    b"env \"secret",
    b"with secret \"",
    b"plugin \"sh\"",
    b"plugin \"bash",
    b"printf \"%v\" .}",
    b"printf \"%+v\" .}",
    b"printf \"%#v\" .}",
    b"printf \"%v\" $}",
    b"self.class ",
    b"%x|",
    b"%x{",
    b"%x(",
]);

/// Whether the object at `place` counts within its expression.
pub(super) fn counts(inner: &[u8], place: usize, sign: &[u8]) -> bool {
    let stands_alone = !is_word(before(inner, place));
    match sign {
        // `__class__`, `__cla'+'ss__`; `__('key')` translates.
        b"__" => {
            let name = word(inner, place);
            let end = at(inner, place + name.len());
            name.len() >= 5
                && (name.ends_with(b"__") || (matches!(end, b'\'' | b'"') && stands_alone))
        }
        b" perl " => at(inner, 0) == b' ' && trim(inner) == b"perl",
        b"%x|" | b"%x{" | b"%x(" => trim(span(inner, 0, place)).is_empty(),
        b"config.items" | b"config.secret" | b"config.from" | b"config|" | b"config["
        | b"self._" | b"self.module" | b"request[" | b"require(" | b"require '" | b"require \""
        | b"eval(" | b"exec(" | b"system(" | b"process.env" | b"process.exit" | b"kernel."
        | b"lipsum" | b"joiner." | b"cycler." | b"constant('" | b"constant(\"" | b"io.read"
        | b"getenv(" | b"file.open" | b"file.read" | b"env['" | b"#root" | b"smarty." => {
            stands_alone
        }
        // Vue's `namespace.value`, Flask's `get_flashed_messages()`: attacks go on to their
        // attributes.
        b"namespace." => stands_alone && at(inner, place + sign.len()) == b'_',
        b"get_flashed_messages" => {
            matches!(at(inner, place + sign.len()), b'.' | b'|' | b'[')
        }
        // Ruby's `#{self.class.name}`.
        b".class." => !matches!(
            word(inner, place + sign.len()),
            b"name"
                | b"to_s"
                | b"table_name"
                | b"model_name"
                | b"simplename"
                | b"human_attribute_name"
        ),
        b"constructor" => {
            stands_alone
                && matches!(
                    at(inner, place + sign.len()),
                    b'.' | b'(' | b'[' | b'"' | b'\'' | b'`' | b' ' | b'}' | 0
                )
        }
        _ => true,
    }
}

/// Directives and names that need no delimiters to be told from prose.
pub(super) static DIRECTIVES: Needles<'static> = Needles::numbered(
    4,
    &[
        b"{@math key=",
        b"{{#with \"",
        b"{{#with split as |",
        b"#set(",
        b"#set (",
        b"#set($",
        b"#include(",
        b"#parse(",
        b"#foreach(",
        b"#foreach (",
        b"#macro(",
        b"#evaluate(",
        b"{php}",
        b"{system(",
        b"{if phpinfo",
        b"{if system",
        b"{if passthru",
        b"{if exec",
        b"|system}",
        b"|passthru}",
        b"|exec}",
        b"|shell_exec}",
        b"?eval}",
        b"?interpret}",
        b"?interpret/>",
        b"<#assign ",
        b"[#assign ",
        b".getclass()",
        b".waitfor()",
        b".getsession()",
        b".getruntime()",
        b"{self::",
        b"#if(1",
        b"#if (1",
        b"#define($",
        b"{var_dump(",
        b"{print_r(",
        b"{do phpinfo",
        b"{eval var=",
        b"smarty_internal",
        b"{math equation",
        b"{include ",
        b"{fetch ",
        b"}__::",
        b".class.forname(",
        b".class.classloader",
        b"class.inspect(",
        b"@system.diagnostics",
        b"t(java",
        b"@java.lang",
        b"<jsp:",
        b"<c:import url",
        b"<cfexecute",
        b"<tmpl_include name=/",
        b"<tmpl_include name=\"/",
        b"<tmpl_include name='/",
        b".getclassloader(",
        b".getservletcontext(",
    ],
);

/// `@DateTime.Now`, `@Html.Raw("x")`: Razor's expressions that a probe is, with nothing around them.
pub(super) fn asks_razor(value: &[u8]) -> bool {
    let starts: [&[u8]; 5] = [
        b"@using system.",
        b"@datetime.",
        b"@html.raw(",
        b"@environment.",
        b"@system.",
    ];
    value.len() < 80
        && value.split(|byte| *byte == b' ').count() <= 2
        && starts.iter().any(|start| value.starts_with(start))
}

/// `<#list 1..5 as i>`, `[#list`: `FreeMarker`'s statements where a short value begins.
pub(super) fn is_program(value: &[u8]) -> bool {
    let starts: [&[u8]; 8] = [
        b"<#list ",
        b"[#list ",
        b"<#function ",
        b"<#macro ",
        b"<#attempt>",
        b"<#setting ",
        b"<#import \"",
        b"<#include \"",
    ];
    value.len() < 120
        && !value.contains(&b'\n')
        && starts.iter().any(|start| value.starts_with(start))
}

/// What shows all that a template knows: `{{dump()}}`, `${#vars}`, `${.main.class}`.
fn is_dump(open: &[u8], name: &[u8]) -> bool {
    let is_variable = matches!(
        name,
        b"dump()"
            | b"dump(_context)"
            | b"globals()"
            | b"locals()"
            | b"@root"
            | b"handler"
            | b"app"
            | b"#ctx"
            | b"#vars"
            | b"#request"
            | b"#root"
            | b"#session"
    );
    is_variable || open == b"${" && (name.starts_with(b".") || name.ends_with(b".class"))
}

/// Objects whose members a whole value asks for.
const ASKED: &[&[u8]] = &[
    b"request",
    b"param",
    b"header",
    b"cookie",
    b"initparam",
    b"self",
    b"_self",
    b"settings",
    b"app",
    b"handler",
    b"@root",
];

/// What a page prints of its own address, reader and title.
const SHOWN: &[&[u8]] = &[
    b"request.path",
    b"request.full_path",
    b"request.get_full_path",
    b"request.path_info",
    b"request.locale",
    b"request.user.username",
    b"request.user.first_name",
    b"request.user.email",
    b"self.title",
    b"self.name",
    b"app.name",
    b"app.locale",
    b"app.user.username",
    b"settings.site_name",
    b"settings.title",
    b"settings.language_code",
];

/// `${param.x}`, `{{request.args}}`, `${request.getAttribute("x")}`: what a request holds, and
/// nothing around it.
fn asks_member(name: &[u8], end: usize) -> bool {
    let at_sign = usize::from(at(name, 0) == b'@');
    let object = span(name, 0, at_sign + word(name, at_sign).len());
    let joint = at(name, object.len());
    let is_open = matches!(at(name, end), b'(' | b'[');
    ASKED.contains(&object)
        && matches!(joint, b'.' | b'[')
        && (end >= name.len() || is_open && matches!(name.last(), Some(b')' | b']')))
        && !name.contains(&b' ')
        && !SHOWN.contains(&name)
}

/// Whether an expression that is the whole text asks what the template knows.
pub(super) fn is_probe(open: &[u8], inner: &[u8]) -> bool {
    let name = trim(inner);
    let name = match open {
        b"<%" => trim(
            name.strip_prefix(b"=")
                .or_else(|| name.strip_prefix(b"-"))
                .unwrap_or(name),
        ),
        _ => name,
    };
    let end = skip_while(name, 0, |byte| is_word(byte) || byte == b'.');
    // Go's root object, printed or measured.
    if open == b"{{"
        && name.ends_with(b" .")
        && [
            &b"len "[..],
            b"printf ",
            b"print ",
            b"println ",
            b"html ",
            b"js ",
        ]
        .iter()
        .any(|start| name.starts_with(start))
        || open == b"{{" && name.starts_with(b"call .")
    {
        return true;
    }
    if is_dump(open, name) || matches!(open, b"{{" | b"${" | b"#{") && asks_member(name, end) {
        return true;
    }
    if end < name.len() && !matches!(at(name, end), b'|' | b'?') {
        return false;
    }
    matches!(
        span(name, 0, end),
        b"config"
            | b"self"
            | b"this"
            | b"request"
            | b"session"
            | b"settings"
            | b"g"
            | b"global"
            | b"process"
            | b"root"
            | b"_self"
            | b"_context"
            | b"application"
            | b"env"
            | b"."
            | b"debug"
            | b"joiner"
            | b"cycler"
            | b"header"
            | b"headers"
            | b"cookie"
            | b"param"
            | b"pagecontext"
            | b"sessionscope"
            | b"requestscope"
            | b"applicationscope"
            | b".version"
            | b".data_model"
            | b".vars"
            | b".globals"
            | b".locals"
            | b".main"
            | b"dump"
            | b"velocitycount"
            | b"class"
            | b"smarty.version"
            | b"request.environ"
    )
}
