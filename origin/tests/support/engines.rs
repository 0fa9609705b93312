//! Throw-away database servers: one of each engine per test process, on a free port, as a user
//! who is not root. Each ends with the process, whatever ends that.

use std::{
    fs,
    io::BufReader,
    net::TcpListener,
    os::unix::{fs::chown, process::CommandExt},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, Output, Stdio},
    sync::{
        Mutex, OnceLock,
        atomic::{AtomicU32, Ordering},
    },
    thread,
    time::{Duration, Instant},
};
use tempfile::TempDir;

const USER: &str = "gapura";
/// In every URL, to be looked for where it must not be.
pub(crate) const PASSWORD: &str = "t0p-s3cret";
/// A machine under load takes its time.
const START: Duration = Duration::from_mins(1);

/// What the origin keeps its tables in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Engine {
    Sqlite,
    Postgres,
    MySql,
}

/// Makes of each named function, which takes an engine, a test for each engine.
macro_rules! on_every_engine {
    ($($names:tt)*) => {
        $crate::engines::on_engine!(sqlite, Sqlite, $($names)*);
        $crate::engines::on_engine!(postgres, Postgres, $($names)*);
        $crate::engines::on_engine!(mysql, MySql, $($names)*);
    };
}
pub(crate) use on_every_engine;

macro_rules! on_engine {
    ($module:ident, $engine:ident, async $($name:ident),* $(,)?) => {
        mod $module {
            $(
                #[tokio::test]
                async fn $name() {
                    super::$name($crate::engines::Engine::$engine).await;
                }
            )*
        }
    };
    ($module:ident, $engine:ident, $($name:ident),* $(,)?) => {
        mod $module {
            $(
                #[test]
                fn $name() {
                    super::$name($crate::engines::Engine::$engine);
                }
            )*
        }
    };
}
pub(crate) use on_engine;

/// An empty database that nobody else uses.
pub(crate) struct Home {
    pub(crate) url: String,
    _dir: Option<TempDir>,
}

impl Home {
    /// A fresh one on a server.
    pub(crate) fn on(server: &Server) -> Self {
        Self {
            url: server.create(),
            _dir: None,
        }
    }
}

impl Engine {
    /// A fresh database.
    pub(crate) fn home(self) -> Home {
        if self != Self::Sqlite {
            return Home::on(self.shared());
        }
        let dir = tempfile::tempdir().unwrap();
        Home {
            url: format!("sqlite:{}", dir.path().join("g.db").display()),
            _dir: Some(dir),
        }
    }

    /// One that every server has.
    const fn own_database(self) -> &'static str {
        match self {
            Self::Postgres => "postgres",
            _ => "mysql",
        }
    }

    fn shared(self) -> &'static Server {
        static POSTGRES: OnceLock<Server> = OnceLock::new();
        static MYSQL: OnceLock<Server> = OnceLock::new();
        let server = if self == Self::Postgres {
            &POSTGRES
        } else {
            &MYSQL
        };
        server.get_or_init(|| Server::start(self))
    }
}

/// A server of its own.
pub(crate) struct Server {
    engine: Engine,
    port: u16,
    /// Its process, which takes orders, and where it confirms them.
    pub(crate) keeper: Mutex<(Child, BufReader<ChildStdout>)>,
}

/// Starts the server, stops and starts it again as told, and cleans up when nobody is left to
/// tell: the other end of its standard input closes with the test process.
const KEEPER: &str = r#"
dir=$1 signal=$2; shift 2
start() { "$@" >>"$dir/log" 2>&1 & server=$!; }
stop() { kill -"$signal" $server; wait $server 2>/dev/null; }
start "$@"
while read -r word; do
  case $word in start) start "$@" ;; stop) stop ;; esac
  echo done
done
stop
rm -rf "$dir"
"#;

impl Server {
    /// Starts a server and waits until it answers.
    pub(crate) fn start(engine: Engine) -> Self {
        Self::start_with(engine, &[])
    }

    /// The same with more arguments.
    pub(crate) fn start_with(engine: Engine, more: &[&str]) -> Self {
        let dir = tempfile::tempdir().unwrap().keep();
        let (owner, program, signal) = match engine {
            Engine::Sqlite => panic!("SQLite has no server"),
            Engine::Postgres => ("postgres", postgres("postgres"), "QUIT"),
            Engine::MySql => ("mysql", mariadb("mariadbd"), "KILL"),
        };
        let owner = Owner::of(owner);
        owner.give(&dir);
        let arguments = match engine {
            Engine::Postgres => owner.prepare_postgres(&dir),
            _ => owner.prepare_mariadb(&dir),
        };
        let port = free_port();
        let mut keeper = owner.command(Path::new("sh"));
        keeper.args(["-c", KEEPER, "sh"]).arg(&dir).arg(signal);
        keeper.arg(program).args(arguments).args(more);
        keeper.arg(format!("--port={port}"));
        let mut keeper = keeper
            .current_dir(&dir)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let answers = BufReader::new(keeper.stdout.take().unwrap());
        let server = Self {
            engine,
            port,
            keeper: Mutex::new((keeper, answers)),
        };
        server.await_start(&dir);
        server
    }

    /// The URL of a fresh database.
    fn create(&self) -> String {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let name = format!("g{}", NUMBER.fetch_add(1, Ordering::Relaxed));
        self.execute(&format!("CREATE DATABASE {name}")).unwrap();
        self.url(&name)
    }

    fn url(&self, database: &str) -> String {
        let scheme = match self.engine {
            Engine::Postgres => "postgres",
            _ => "mysql",
        };
        let port = self.port;
        format!("{scheme}://{USER}:{PASSWORD}@127.0.0.1:{port}/{database}")
    }

    fn execute(&self, sql: &str) -> Result<(), sqlx::Error> {
        execute(&self.url(self.engine.own_database()), sql)
    }

    fn await_start(&self, dir: &Path) {
        let start = Instant::now();
        while let Err(error) = self.execute("SELECT 1") {
            let ended = self.keeper.lock().unwrap().0.try_wait().unwrap();
            if ended.is_some() || start.elapsed() > START {
                let log = fs::read_to_string(dir.join("log")).unwrap_or_default();
                panic!("{:?} does not start: {error}\n{log}", self.engine);
            }
            thread::sleep(Duration::from_millis(50));
        }
    }
}

/// Runs statements on a server's database.
pub(crate) fn execute(url: &str, sql: &str) -> Result<(), sqlx::Error> {
    use sqlx::{
        AssertSqlSafe, Connection, Executor, MySqlConnection, PgConnection, SqliteConnection,
        raw_sql,
    };
    let sql = raw_sql(AssertSqlSafe(sql.to_owned()));
    // Callers may be inside a runtime, where none can be started.
    thread::scope(|scope| {
        let run = async || {
            if url.starts_with("sqlite") {
                SqliteConnection::connect(url).await?.execute(sql).await?;
            } else if url.starts_with("postgres") {
                PgConnection::connect(url).await?.execute(sql).await?;
            } else {
                MySqlConnection::connect(url).await?.execute(sql).await?;
            }
            Ok(())
        };
        scope
            .spawn(move || {
                tokio::runtime::Builder::new_current_thread()
                    .enable_all()
                    .build()
                    .unwrap()
                    .block_on(run())
            })
            .join()
            .unwrap()
    })
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.local_addr().unwrap().port()
}

/// Debian keeps PostgreSQL's programs out of the path.
fn postgres(program: &str) -> PathBuf {
    let versions = fs::read_dir("/usr/lib/postgresql").into_iter().flatten();
    versions
        .flatten()
        .map(|version| version.path().join("bin").join(program))
        .chain(in_path(program))
        .find(|path| path.exists())
        .expect("PostgreSQL is missing: apt-get install postgresql")
}

fn mariadb(program: &str) -> PathBuf {
    in_path(program)
        .chain([PathBuf::from("/usr/sbin").join(program)])
        .find(|path| path.exists())
        .expect("MariaDB is missing: apt-get install mariadb-server")
}

fn in_path(program: &str) -> impl Iterator<Item = PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    folders.into_iter().map(move |folder| folder.join(program))
}

/// Whom the server runs as: neither engine runs as root.
struct Owner(Option<(u32, u32)>);

impl Owner {
    /// The package's own user where we are root, otherwise ourselves.
    fn of(name: &str) -> Self {
        let id = |args: &[&str]| -> u32 {
            let output = Command::new("id").args(args).output().unwrap();
            let text = String::from_utf8(output.stdout).unwrap();
            text.trim()
                .parse()
                .unwrap_or_else(|_| panic!("there is no user {name}"))
        };
        Self((id(&["-u"]) == 0).then(|| (id(&["-u", name]), id(&["-g", name]))))
    }

    fn give(&self, path: &Path) {
        if let Some((user, group)) = self.0 {
            chown(path, Some(user), Some(group)).unwrap();
        }
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        if let Some((user, group)) = self.0 {
            command.uid(user).gid(group);
        }
        command
    }

    fn prepare_postgres(&self, dir: &Path) -> Vec<String> {
        let secret = dir.join("password");
        fs::write(&secret, PASSWORD).unwrap();
        let data = dir.join("data");
        let mut init = self.command(&postgres("initdb"));
        init.arg("--pgdata").arg(&data).arg("--pwfile").arg(secret);
        init.args(["--username", USER, "--auth=scram-sha-256", "--no-sync"]);
        init.args(["--encoding=UTF8", "--no-locale"]);
        finished(&init.current_dir(dir).output().unwrap());
        let mut arguments = vec!["-D".into(), data.display().to_string()];
        for setting in [
            "listen_addresses=127.0.0.1",
            "unix_socket_directories=",
            "max_connections=400",
            "shared_buffers=32MB",
            "fsync=off",
            "full_page_writes=off",
        ] {
            arguments.extend(["-c".into(), setting.into()]);
        }
        arguments
    }

    fn prepare_mariadb(&self, dir: &Path) -> Vec<String> {
        let data = dir.join("data");
        let users = dir.join("users.sql");
        fs::write(
            &users,
            format!(
                "CREATE USER IF NOT EXISTS {USER}@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';\n\
                 GRANT ALL ON *.* TO {USER}@'127.0.0.1' WITH GRANT OPTION;\n"
            ),
        )
        .unwrap();
        let mut init = self.command(&mariadb("mariadb-install-db"));
        init.args(["--no-defaults", "--skip-test-db"]);
        init.arg("--auth-root-authentication-method=normal");
        init.arg(format!("--datadir={}", data.display()));
        init.arg(format!("--tmpdir={}", dir.display()));
        finished(&init.current_dir(dir).output().unwrap());
        vec![
            "--no-defaults".into(),
            format!("--datadir={}", data.display()),
            format!("--tmpdir={}", dir.display()),
            format!("--socket={}", dir.join("socket").display()),
            format!("--pid-file={}", dir.join("pid").display()),
            format!("--init-file={}", users.display()),
            "--bind-address=127.0.0.1".into(),
            "--skip-name-resolve".into(),
            "--max-connections=400".into(),
            "--innodb-flush-log-at-trx-commit=2".into(),
            "--innodb-flush-method=nosync".into(),
            "--innodb-file-per-table=0".into(),
            "--innodb-buffer-pool-size=32M".into(),
        ]
    }
}

fn finished(output: &Output) {
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}");
}
