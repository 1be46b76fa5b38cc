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
/// Python's own ways to start a worker: what it runs came through a pipe, and its parent knows what that is.
const PYTHON_WORKERS: &[&str] = &["from multiprocessing.", "from billiard."];

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
    if let (Some(_), [title]) = (kind, cmdline)
        && title.trim_end().contains(' ')
    {
        return titled(title, cwd);
    }
    let name = match kind {
        None if program == "uwsgi" || program.starts_with("uwsgi-core") => uwsgi(arguments),
        None if program == "beam.smp" => erlang(arguments),
        None => return Some(executable(program)),
        Some("java") => java(arguments, cwd),
        Some("python") => python(arguments, cwd),
        Some("php") => php(arguments, cwd),
        Some(kind) => script(kind, arguments, cwd),
    };
    name.filter(|name| !name.is_empty())
}

/// Whether a process is a worker that its parent started to run the parent's own code, as `uvicorn
/// --workers` does.
pub(crate) fn is_worker(cmdline: &[String]) -> bool {
    let code = cmdline.iter().skip_while(|argument| *argument != "-c").nth(1);
    code.is_some_and(|code| PYTHON_WORKERS.iter().any(|worker| code.starts_with(worker)))
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

fn java(arguments: &[String], cwd: Option<&Path>) -> Option<String> {
    let property = |name: &str| {
        let mut values = arguments.iter().filter_map(|argument| argument.strip_prefix(name));
        values.next().map(str::to_owned).filter(|value| !value.is_empty())
    };
    // What the SDK's own agent would take.
    if let Some(name) = property("-Dotel.service.name=") {
        return Some(name);
    }
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "-jar" => return stem(rest.next()?, None),
            "-cp" | "-classpath" | "--class-path" | "-p" | "--module-path" | "--add-modules"
            | "--add-opens" | "--add-exports" => drop(rest.next()),
            "-m" | "--module" => return rest.next().map(|module| base(module).to_owned()),
            option if option.starts_with('-') || option.starts_with('@') => {}
            "org.apache.catalina.startup.Bootstrap" => {
                let folder = property("-Dcatalina.base=");
                return folder.map_or(Some("tomcat".to_owned()), |folder| stem(&folder, None));
            }
            // An unpacked jar of Spring Boot.
            class if class.starts_with("org.springframework.boot.loader.") => {
                return cwd?.file_name()?.to_str().map(str::to_owned);
            }
            class => return class.rsplit(['.', '/']).next().map(str::to_owned),
        }
    }
    None
}

/// uWSGI, by its application or else by its configuration.
fn uwsgi(arguments: &[String]) -> Option<String> {
    let value = |names: &[&str]| {
        arguments.iter().enumerate().find_map(|(at, argument)| match argument.split_once('=') {
            Some((name, value)) if names.contains(&name) => Some(value),
            None if names.contains(&argument.as_str()) => Some(arguments.get(at + 1)?.as_str()),
            _ => None,
        })
    };
    let module = value(&["-w", "--module", "--wsgi"]);
    if let Some(module) = module.and_then(|module| module.split([':', '.']).next()) {
        return Some(module.to_owned());
    }
    let file = value(&["--wsgi-file", "--file", "--psgi", "--ini", "--yaml", "--xml", "--json"]);
    let is_configuration = |argument: &&str| {
        !argument.starts_with('-')
            && [".ini", ".yaml", ".yml", ".xml"].iter().any(|end| argument.ends_with(end))
    };
    let file = file.or_else(|| arguments.iter().map(String::as_str).find(is_configuration));
    file.map_or(Some("uwsgi".to_owned()), |file| stem(file, None))
}

/// A node of Erlang or Elixir, by the name that it gives itself.
fn erlang(arguments: &[String]) -> Option<String> {
    let mut named =
        arguments.iter().skip_while(|argument| !matches!(argument.as_str(), "-sname" | "-name"));
    let name = named.nth(1).and_then(|name| name.split('@').next());
    Some(name.filter(|name| !name.is_empty()).unwrap_or("beam.smp").to_owned())
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

/// What a program wrote over its arguments: a command line (`node /srv/pay.js`), or a title of its own with what it
/// serves in brackets or without (`puma 5.6.5 (tcp://0.0.0.0:80) [orders]`, `next-server (v14.2.3)`).
fn titled(title: &str, cwd: Option<&Path>) -> Option<String> {
    let title = title.trim_end();
    let words: Vec<_> = title.split_whitespace().map(str::to_owned).collect();
    let first = words.first()?;
    if interpreter(base(first)).is_some() {
        return service_name(Some(Path::new(first)), &words, cwd);
    }
    let tag = title.strip_suffix(']').and_then(|title| title.rsplit_once('['));
    if let Some((_, tag)) = tag.filter(|(_, tag)| !tag.contains(' ')) {
        let module =
            tag.split_once(':').map(|(module, _)| module.split('.').next().unwrap_or(module));
        return Some(module.unwrap_or(tag).to_owned());
    }
    stem(first.trim_start_matches('[').trim_end_matches(':'), cwd)
}

/// A file's name without its ending; its folder's if the name says nothing.
fn stem(path: &str, cwd: Option<&Path>) -> Option<String> {
    let path = Path::new(path);
    // What comes through a pipe, as `bash <(curl …)`, has no name.
    if ["/dev/fd", "/proc"].iter().any(|nameless| path.starts_with(nameless))
        || path == Path::new("/dev/stdin")
    {
        return None;
    }
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
            ("/usr/bin/node", &["next-server (v14.2.3)"], Some("next-server")),
            ("/usr/bin/node", &["node /srv/pay.js   "], Some("pay")),
            ("/usr/bin/node", &["/usr/bin/node"], None),
            ("/usr/bin/ruby3.1", &["unicorn master -c /etc/unicorn.rb"], Some("unicorn")),
            ("/usr/bin/ruby3.1", &["sidekiq 7.1.2 shop [0 of 5 busy]"], Some("sidekiq")),
            ("/usr/bin/python3", &["[celeryd: worker@host:MainProcess] -active-"], Some("celeryd")),
            ("/usr/bin/perl", &["starman master "], Some("starman")),
            ("/usr/bin/python3.11", &["gunicorn: worker [cart.wsgi:app]"], Some("cart")),
            (
                "/usr/bin/uwsgi-core",
                &["uwsgi", "--http", ":80", "-w", "shop.wsgi:app"],
                Some("shop"),
            ),
            ("/usr/bin/uwsgi", &["uwsgi", "--wsgi-file=/srv/pay.py"], Some("pay")),
            ("/usr/bin/uwsgi", &["uwsgi", "--ini", "/etc/orders.ini"], Some("orders")),
            ("/usr/bin/uwsgi", &["uwsgi", "cart.ini"], Some("cart")),
            ("/usr/bin/uwsgi", &["uwsgi", "--http", ":80"], Some("uwsgi")),
            ("/usr/lib/beam.smp", &["beam.smp", "--", "-sname", "shop@host"], Some("shop")),
            ("/usr/lib/beam.smp", &["beam.smp", "--", "-noshell"], Some("beam.smp")),
            (
                "/opt/jdk/bin/java",
                &["java", "-cp", "/app", "org.springframework.boot.loader.launch.JarLauncher"],
                Some("shop"),
            ),
            (
                "/opt/jdk/bin/java",
                &["java", "-Dcatalina.base=/srv/bills", "org.apache.catalina.startup.Bootstrap"],
                Some("bills"),
            ),
            ("/opt/jdk/bin/java", &["java", "-Dotel.service.name=a", "-jar", "b.jar"], Some("a")),
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
            ("/usr/bin/bash", &["bash", "/dev/fd/63"], None),
            ("/usr/bin/python3.11", &["python3", "/dev/stdin"], None),
            ("/usr/bin/python3.11", &["python3", "/proc/self/fd/3", "-v"], None),
            ("/usr/bin/curl", &["curl", "http://user:secret@host"], Some("curl")),
        ];
        for (exe, cmdline, wanted) in cases {
            assert_eq!(name(exe, cmdline).as_deref(), *wanted, "{cmdline:?}");
        }
    }

    #[test]
    fn workers_run_what_their_parent_runs() {
        let is_worker = |code: &str| {
            super::is_worker(
                &["python3", "-B", "-c", code, "--multiprocessing-fork"].map(str::to_owned),
            )
        };
        assert!(is_worker(
            "from multiprocessing.spawn import spawn_main; spawn_main(pipe_handle=9)"
        ));
        assert!(is_worker("from multiprocessing.forkserver import main; main(4, 5)"));
        assert!(!is_worker("import shop; shop.main()"));
        assert!(!super::is_worker(&["python3".to_owned(), "-c".to_owned()]));
    }
}
