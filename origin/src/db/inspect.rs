//! What `doctor` asks a database: without a pool, and without bringing its schema up to date.

use super::{
    DbError, connect,
    pool::On,
    query::{Query, query},
    server::Hired,
    url::Address,
};
use crate::config::Database;
use std::{collections::BTreeSet, fmt, net::IpAddr};

/// Which engine it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// SQLite.
    Sqlite,
    /// PostgreSQL.
    Postgres,
    /// MySQL or MariaDB.
    MySql,
}

impl fmt::Display for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
            Self::MySql => "MySQL",
        })
    }
}

/// What a database told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// Which engine it is.
    pub engine: Engine,
    /// As it names its version.
    pub version: String,
    /// The addresses that the server was told to listen on, where it tells.
    pub listens: Option<String>,
    /// The server's port, where the server is on this machine.
    pub port: Option<u16>,
    /// What our account may do beyond its own database.
    pub wide_grants: Vec<String>,
    /// Migrations that this program has and the database has not.
    pub pending: usize,
    /// Migrations that the database has and this program has not.
    pub unknown: usize,
}

const POSTGRES_GRANTS: &str = "SELECT CONCAT_WS(', ', \
    CASE WHEN rolsuper THEN 'SUPERUSER' END, CASE WHEN rolcreaterole THEN 'CREATEROLE' END, \
    CASE WHEN rolcreatedb THEN 'CREATEDB' END, CASE WHEN rolreplication THEN 'REPLICATION' END, \
    CASE WHEN rolbypassrls THEN 'BYPASSRLS' END) AS told FROM pg_roles WHERE rolname = current_user \
    UNION ALL SELECT CAST(rolname AS TEXT) FROM pg_roles \
    WHERE rolname LIKE 'pg\\_%' AND rolname <> 'pg_database_owner' \
    AND pg_has_role(current_user, oid, 'MEMBER') \
    AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)";

/// Privileges on everything and on other databases, of this account alone: who may read the tables sees
/// others' too.
const MYSQL_GRANTS: &str = "SELECT CONCAT(privilege_type, ' ON *.*') AS told \
    FROM information_schema.user_privileges WHERE privilege_type <> 'USAGE' \
    AND grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''') \
    UNION ALL SELECT CONCAT(privilege_type, ' ON ', table_schema, '.*') \
    FROM information_schema.schema_privileges \
    WHERE REPLACE(table_schema, '\\\\', '') <> DATABASE() \
    AND grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')";

pub(super) async fn inspect(config: &Database) -> Result<Inspection, DbError> {
    match Address::parse(&config.url)? {
        Address::Sqlite(options) => {
            let options = options.create_if_missing(false).read_only(true);
            let mut connection = connect::first(&options, config).await?.into();
            let mut ask = async |sql| all(query(sql), On::Sqlite(&mut connection)).await;
            let version = ask("SELECT sqlite_version() AS told").await?;
            let applied = ask(SQLITE_APPLIED).await.unwrap_or_default();
            let found = Found {
                version,
                ..Found::default()
            };
            Ok(found.of(Engine::Sqlite, &connect::SQLITE, &applied))
        }
        Address::Postgres(options) => {
            let mut connection = Hired::alone(connect::first(&*options, config).await?);
            let mut ask = async |sql| all(query(sql), On::Postgres(&mut connection)).await;
            let found = Found {
                version: ask("SELECT current_setting('server_version') AS told").await?,
                listens: ask(
                    "SELECT setting AS told FROM pg_settings WHERE name = 'listen_addresses'",
                )
                .await?,
                grants: ask(POSTGRES_GRANTS).await?,
                port: local(options.get_host(), options.get_port()),
            };
            let applied = ask(POSTGRES_APPLIED).await.unwrap_or_default();
            Ok(found.of(Engine::Postgres, &connect::POSTGRES, &applied))
        }
        Address::MySql(options) => {
            let mut connection = Hired::alone(connect::first(&*options, config).await?);
            let mut ask = async |sql| all(query(sql), On::MySql(&mut connection)).await;
            let found = Found {
                version: ask("SELECT VERSION() AS told").await?,
                listens: ask("SELECT @@bind_address AS told")
                    .await
                    .unwrap_or_default(),
                grants: ask(MYSQL_GRANTS).await?,
                port: local(options.get_host(), options.get_port()),
            };
            let applied = ask(MYSQL_APPLIED).await.unwrap_or_default();
            Ok(found.of(Engine::MySql, &connect::MYSQL, &applied))
        }
    }
}

const SQLITE_APPLIED: &str = "SELECT CAST(version AS TEXT) AS told FROM _sqlx_migrations";
const POSTGRES_APPLIED: &str = "SELECT CAST(version AS TEXT) AS told FROM _sqlx_migrations";
const MYSQL_APPLIED: &str = "SELECT CAST(version AS CHAR) AS told FROM _sqlx_migrations";

/// Every text of the column `told`.
async fn all(query: Query<'_>, on: On<'_>) -> Result<Vec<String>, DbError> {
    let rows = query.all(on).await?;
    let told = rows.iter().map(|row| row.get::<String>("told"));
    Ok(told.collect::<Result<_, _>>()?)
}

/// Rows as they came.
#[derive(Default)]
struct Found {
    version: Vec<String>,
    listens: Vec<String>,
    grants: Vec<String>,
    port: Option<u16>,
}

impl Found {
    fn of(self, engine: Engine, ours: &sqlx::migrate::Migrator, applied: &[String]) -> Inspection {
        let ours: BTreeSet<String> = ours.iter().map(|one| one.version.to_string()).collect();
        let there: BTreeSet<String> = applied.iter().cloned().collect();
        Inspection {
            engine,
            version: self.version.into_iter().next().unwrap_or_default(),
            listens: self.listens.into_iter().next(),
            port: self.port,
            wide_grants: self
                .grants
                .into_iter()
                .filter(|one| !one.is_empty())
                .collect(),
            pending: ours.difference(&there).count(),
            unknown: there.difference(&ours).count(),
        }
    }
}

/// The port, when the host is this machine.
fn local(host: &str, port: u16) -> Option<u16> {
    let loopback = host.parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
    (loopback || host == "localhost").then_some(port)
}
