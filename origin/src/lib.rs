//! The courtyard: the server behind the gate.
//!
//! Guarantees: nothing that did not come through the gate gets an answer
//! (loopback's health checks apart), every wait and every buffer has a bound,
//! and whatever fails, fails closed. A request passes [`server`] (bytes),
//! [`admission`] (the seal), [`http`] (the router) and its resource, such as
//! [`auth`].

pub mod admission;
pub mod auth;
pub mod cli;
pub mod clock;
pub mod config;
pub mod data;
pub mod db;
pub mod doctor;
pub mod edge;
#[cfg(test)]
#[path = "../tests/support/engines.rs"]
mod engines;
pub mod http;
pub mod log;
pub mod mail;
pub mod random;
pub mod server;

use admission::Admission;
use auth::{Auth, keys::KeyError, password::BadParameters};
use config::{Config, Secrets};
use data::{BadData, Data, field::Fields};
use db::{Db, DbError};
use mail::{BadMailServer, Mailer};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What a running origin is made of.
#[derive(Debug)]
pub struct App {
    pub(crate) config: Config,
    pub(crate) admission: Admission,
    pub(crate) auth: Arc<Auth>,
    pub(crate) data: Data,
    pub(crate) db: Db,
    pub(crate) mail: Mailer,
    /// A place for each request that is finished whether its client waits or not.
    pub(crate) unbroken: Arc<Semaphore>,
}

/// Why an origin cannot run.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A setting that parsing could not judge.
    #[error(transparent)]
    Config(#[from] BadParameters),
    /// The way to the mail server.
    #[error(transparent)]
    Mail(#[from] BadMailServer),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The tables that are to be served.
    #[error(transparent)]
    Data(BadData),
    /// The keys of tokens.
    #[error(transparent)]
    Keys(KeyError),
}

impl From<KeyError> for StartError {
    fn from(error: KeyError) -> Self {
        match error {
            KeyError::Db(error) => Self::Db(error),
            other => Self::Keys(other),
        }
    }
}

impl From<BadData> for StartError {
    fn from(error: BadData) -> Self {
        match error {
            BadData::Db(error) => Self::Db(error),
            faults @ BadData::Faults(_) => Self::Data(faults),
        }
    }
}

impl App {
    /// Opens the database and prepares everything else.
    ///
    /// # Errors
    /// [`StartError`].
    pub async fn start(config: Config, secrets: Secrets) -> Result<Self, StartError> {
        let mut auth = Auth::new(config.auth.clone(), &secrets.token_key, &secrets.seal_keys)?;
        let admission = Admission::new(
            secrets.seal_keys,
            config.listen.max_nonces,
            config.listen.timeouts.body_read,
        );
        let mail = Mailer::new(config.mail.clone(), config.development.mail_log)?;
        let mut db = Db::open(&config.database).await?;
        if config.edge.url.is_some() {
            db = db.with_outbox(config.auth.access_lifetime);
        }
        auth.use_keys(&db, secrets.hs256_key.as_ref(), clock::now())
            .await?;
        let laravel = secrets.laravel_key;
        let fields = secrets.field_keys.map(|keys| Fields::new(keys, laravel));
        if config.development.notes {
            db.run_script(data::NOTES.of(db.engine())).await?;
        }
        let data = Data::start(&config.data, fields, &db).await?;
        data.use_keys(&db, clock::now()).await?;
        let unbroken = usize::try_from(config.listen.max_connections);
        let unbroken = Semaphore::new(unbroken.unwrap_or(Semaphore::MAX_PERMITS));
        Ok(Self {
            config,
            admission,
            auth: Arc::new(auth),
            data,
            db,
            mail,
            unbroken: Arc::new(unbroken),
        })
    }
}
