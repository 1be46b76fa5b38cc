//! A good name for a service, from how its process was started.

use std::path::Path;

/// Programs that run others: what they run is the service.
const PYTHON_LAUNCHERS: &[&str] = &[
    "gunicorn",
    "uvicorn",
    "hypercorn",
    "daphne",
    "waitress-serve",
    "celery",
    "flask",
    "uwsgi",
    "fastapi",
    "granian",
];
/// Scripts whose name says nothing: their folder's does.
const NAMELESS: &[&str] = &["__main__", "index", "manage", "wsgi", "asgi"];

/// The name of the service that a process is: the script, the jar, the module; else the
/// executable. `None` for an interpreter that runs nothing that has a name.
pub(crate) fn service_name(
    exe: Option<&Path>,
    cmdline: &[String],
    cwd: Option<&Path>,
) -> Option<String> {
    let exe = exe.and_then(Path::file_name).and_then(|name| name.to_str());
    let program = exe.or_else(|| cmdline.first().map(|first| base(first)))?;
    let arguments = cmdline.get(1..).unwrap_or_default();
    let kind = interpreter(program);
    let name = match kind {
        None => return Some(executable(program)),
        Some("java") => java(arguments),
        Some("python") => python(arguments, cwd),
        Some("php") => php(arguments, cwd),
        Some("ruby") if arguments.is_empty() => puma(cmdline.first()?),
        Some(kind) => script(kind, arguments, cwd),
    };
    name.filter(|name| !name.is_empty())
}

/// Which interpreter a program is, by its name without versions.
fn interpreter(program: &str) -> Option<&'static str> {
    let stem = program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.' || c == '-');
    let stem = stem.strip_suffix("-config").unwrap_or(stem);
    [
        "python", "pypy", "node", "nodejs", "ruby", "perl", "php", "java", "bash", "sh", "dash",
        "bun", "deno", "lua", "Rscript",
    ]
    .into_iter()
    .find(|known| *known == stem)
    .map(|known| if known == "pypy" { "python" } else { known })
}

/// `php-fpm8.2` is `php-fpm`; `postgres` stays.
fn executable(program: &str) -> String {
    program.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.').to_owned()
}

fn python(arguments: &[String], cwd: Option<&Path>) -> Option<String> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "-c" | "-" => return None,
            "-m" => {
                let module = rest.next()?;
                let launched = rest.as_slice();
                return launched_by(module, launched).or_else(|| Some(module.clone()));
            }
            // Options with a value of their own.
            "-W" | "-X" | "-Q" => drop(rest.next()),
            option if option.starts_with('-') => {}
            script => {
                return launched_by(base(script), rest.as_slice()).or_else(|| stem(script, cwd));
            }
        }
    }
    None
}

/// `gunicorn -w 4 shop.wsgi:app` runs `shop`.
fn launched_by(launcher: &str, arguments: &[String]) -> Option<String> {
    if !PYTHON_LAUNCHERS.contains(&launcher) {
        return None;
    }
    let application = arguments.iter().enumerate().find_map(|(at, argument)| {
        let before = at.checked_sub(1).and_then(|before| arguments.get(before));
        match (argument.as_str(), before.map(String::as_str)) {
            (argument, Some("-A" | "--app")) => Some(argument),
            (argument, _) if argument.starts_with(['-', '[']) => None,
            (argument, _) => {
                let (module, object) = argument.split_once(':')?;
                let is_port = object.bytes().all(|byte| byte.is_ascii_digit());
                let is_address = is_port || module == "unix" || module == "fd";
                (!is_address && !module.contains('/')).then_some(argument)
            }
        }
    })?;
    let module = application.split(':').next()?;
    module.split('.').next().map(str::to_owned)
}

fn java(arguments: &[String]) -> Option<String> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "-jar" => return stem(rest.next()?, None),
            "-cp" | "-classpath" | "--class-path" | "-p" | "--module-path" | "--add-modules"
            | "--add-opens" | "--add-exports" => drop(rest.next()),
            "-m" | "--module" => return rest.next().map(|module| base(module).to_owned()),
            option if option.starts_with('-') || option.starts_with('@') => {}
            class => return class.rsplit(['.', '/']).next().map(str::to_owned),
        }
    }
    None
}

fn script(kind: &str, arguments: &[String], cwd: Option<&Path>) -> Option<String> {
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "-e" | "-c" | "--eval" | "-p" | "--print" => return None,
            "-r" | "--require" | "--import" | "--loader" | "-I" => drop(rest.next()),
            "run" if matches!(kind, "bun" | "deno") => {}
            option if option.starts_with('-') => {}
            script => return stem(script, cwd),
        }
    }
    None
}

/// PHP, its built-in web server included: `php -S ADDRESS [-t FOLDER] [ROUTER]`.
fn php(arguments: &[String], cwd: Option<&Path>) -> Option<String> {
    let mut rest = arguments.iter();
    let (mut serves, mut folder) = (false, cwd);
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "-r" | "-a" | "-B" | "-R" | "-E" => return None,
            "-S" => {
                serves = true;
                rest.next();
            }
            "-t" => folder = rest.next().map(Path::new),
            "-c" | "-d" | "-z" => drop(rest.next()),
            "-f" | "-F" => return stem(rest.next()?, cwd),
            option if option.starts_with('-') => {}
            script => return stem(script, cwd),
        }
    }
    let folder = folder.filter(|_| serves)?;
    folder.file_name()?.to_str().map(str::to_owned)
}

/// Puma writes what it serves over its arguments: `puma 5.6.5 (tcp://0.0.0.0:80) [orders]`.
fn puma(title: &str) -> Option<String> {
    let title = title.trim_end();
    if !title.starts_with("puma ") && !title.starts_with("puma: ") {
        return None;
    }
    let tag = title.strip_suffix(']').and_then(|title| title.rsplit_once('['));
    Some(tag.map_or("puma", |(_, tag)| tag).to_owned())
}

/// A file's name without its ending; its folder's if the name says nothing.
fn stem(path: &str, cwd: Option<&Path>) -> Option<String> {
    let path = Path::new(path);
    let name = path.file_stem()?.to_str()?;
    if NAMELESS.contains(&name) {
        let folder = path.parent().filter(|parent| !parent.as_os_str().is_empty()).or(cwd);
        if let Some(folder) = folder.and_then(Path::file_name).and_then(|name| name.to_str()) {
            return Some(folder.to_owned());
        }
    }
    Some(name.to_owned())
}

fn base(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(exe: &str, cmdline: &[&str]) -> Option<String> {
        let cmdline: Vec<_> = cmdline.iter().map(|&argument| argument.to_owned()).collect();
        service_name(Some(Path::new(exe)), &cmdline, Some(Path::new("/srv/shop")))
    }

    #[test]
    fn interpreters_are_named_after_what_they_run() {
        let cases: &[(&str, &[&str], Option<&str>)] = &[
            ("/usr/sbin/nginx", &["nginx: worker process"], Some("nginx")),
            ("/usr/sbin/php-fpm8.2", &["php-fpm: pool www"], Some("php-fpm")),
            ("/usr/lib/postgresql/15/bin/postgres", &["postgres: checkpointer"], Some("postgres")),
            ("/usr/bin/python3.11", &["python3", "/srv/orders.py"], Some("orders")),
            (
                "/usr/bin/python3.11",
                &["python3", "-u", "-W", "ignore", "orders.py"],
                Some("orders"),
            ),
            ("/usr/bin/python3.11", &["python3", "-m", "http.server", "80"], Some("http.server")),
            ("/usr/bin/python3.11", &["python3", "manage.py", "runserver"], Some("shop")),
            ("/usr/bin/python3.11", &["python3", "-c", "import x"], None),
            (
                "/usr/bin/python3.11",
                &["python3", "/usr/bin/gunicorn", "-w", "4", "-b", "127.0.0.1:80", "cart.wsgi:app"],
                Some("cart"),
            ),
            (
                "/usr/bin/python3",
                &["python3", "-m", "uvicorn", "pay:app", "--port", "1"],
                Some("pay"),
            ),
            (
                "/usr/bin/python3",
                &["python3", "/bin/celery", "-A", "tasks", "worker"],
                Some("tasks"),
            ),
            ("/usr/bin/node", &["node", "--inspect", "/srv/pay/index.js"], Some("pay")),
            ("/usr/bin/node", &["node", "server.js"], Some("server")),
            (
                "/opt/jdk/bin/java",
                &["java", "-Xmx1g", "-jar", "/opt/billing-1.2.jar"],
                Some("billing-1.2"),
            ),
            ("/opt/jdk/bin/java", &["java", "-cp", "a:b", "com.example.Main", "x"], Some("Main")),
            ("/usr/bin/ruby3.1", &["ruby", "app.rb"], Some("app")),
            // Puma writes this over its arguments, with spaces behind.
            ("/usr/bin/ruby3.1", &["puma 5.6.5 (tcp://0.0.0.0:80) [orders]  "], Some("orders")),
            ("/usr/bin/ruby3.1", &["puma: cluster worker 0: 77 [orders]"], Some("orders")),
            ("/usr/bin/ruby3.1", &["puma 5.6.5 (tcp://0.0.0.0:80)"], Some("puma")),
            ("/usr/bin/php8.2", &["php", "-S", "127.0.0.1:80", "router.php"], Some("router")),
            ("/usr/bin/php8.2", &["php", "-S", "127.0.0.1:80"], Some("shop")),
            ("/usr/bin/php8.2", &["php", "-S", ":80", "-t", "/srv/pay"], Some("pay")),
            ("/usr/bin/php8.2", &["php", "-d", "a=b", "/srv/jobs.php"], Some("jobs")),
            (
                "/usr/bin/python3.11",
                &[
                    "python3",
                    "/usr/bin/gunicorn",
                    "-b",
                    "localhost:80",
                    "-b",
                    "unix:/run/cart.sock",
                    "cart.wsgi:app",
                ],
                Some("cart"),
            ),
            (
                "/usr/bin/python3.11",
                &[
                    "python3",
                    "/usr/bin/gunicorn",
                    "--bind=unix:/run/a.sock",
                    "-b",
                    "[::1]:80",
                    "pay:app",
                ],
                Some("pay"),
            ),
            ("/usr/bin/curl", &["curl", "http://user:secret@host"], Some("curl")),
        ];
        for (exe, cmdline, wanted) in cases {
            assert_eq!(name(exe, cmdline).as_deref(), *wanted, "{cmdline:?}");
        }
    }
}
