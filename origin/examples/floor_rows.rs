//! The floor of `./scripts/bench origin data`: hyper and sqlx, a row by its key, and nothing else: no
//! seal, no policy, no dialect. Arguments: the address, the file of SQLite. `GET /<id>`.

use http_body_util::Full;
use hyper::{
    Request, Response,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::TokioIo;
use sqlx::{
    SqlitePool,
    sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions},
};
use std::{env, io};
use tokio::net::TcpListener;

const ROW: &str = "SELECT json_object('id', id, 'user_id', user_id, 'title', title, 'body', body, \
                   'created_at', created_at) FROM notes WHERE id = ?";

#[tokio::main]
async fn main() -> io::Result<()> {
    let mut arguments = env::args().skip(1);
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".into());
    let options = SqliteConnectOptions::new()
        .filename(arguments.next().unwrap_or_default())
        .journal_mode(SqliteJournalMode::Wal);
    let pool = SqlitePoolOptions::new()
        .max_connections(8)
        .connect_lazy_with(options);
    let listener = TcpListener::bind(address).await?;
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let pool = pool.clone();
        let service = service_fn(move |request| answer(pool.clone(), request));
        // A connection that breaks concerns nobody here.
        tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
    }
}

async fn answer(
    pool: SqlitePool,
    request: Request<Incoming>,
) -> Result<Response<Full<Bytes>>, sqlx::Error> {
    let id = request.uri().path().trim_start_matches('/').to_owned();
    let row: String = sqlx::query_scalar(ROW).bind(id).fetch_one(&pool).await?;
    Ok(Response::new(Full::new(row.into())))
}
