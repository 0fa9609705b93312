//! Mails: asked for in the transaction of what causes them, written and sent later.
//!
//! Guarantees: a mail that was asked for outlives the process and is delivered at least once, by one
//! origin at a time; what cannot be handed over is tried again, ever later, for a day. Nothing of a
//! request but addresses gets into a mail, and nothing that could end a header or a tag. No token is kept
//! in the queue: [`crate::auth::one_time`] derives it when the mail is sent.

mod kind;
mod language;
pub mod redirect;
mod template;
mod transport;
mod worker;

pub use kind::{Kind, Order};
pub use language::Language;
pub use template::{Letter, Topic};
pub use transport::{BadMailServer, SendError};
pub use worker::run;

use crate::{
    config,
    db::{Db, DbError, NewMail, Queued},
};
use gapura_shared::time::UnixMillis;
use tokio::sync::Notify;
use transport::Transport;

/// What asking for mails and sending them needs.
#[derive(Debug)]
pub struct Mailer {
    pub(crate) settings: config::Mail,
    transport: Transport,
    /// A mail was put into the queue.
    waiting: Notify,
}

impl Mailer {
    /// Prepares sending; connects to nobody yet.
    ///
    /// # Errors
    /// [`BadMailServer`].
    pub fn new(settings: config::Mail, log: bool) -> Result<Self, BadMailServer> {
        Ok(Self {
            transport: Transport::new(&settings, log)?,
            settings,
            waiting: Notify::new(),
        })
    }

    /// Whether mails go anywhere.
    #[must_use]
    pub const fn is_on(&self) -> bool {
        !matches!(self.transport, Transport::Nowhere)
    }

    /// The row of a mail.
    #[must_use]
    pub fn new_mail(&self, kind: Kind, order: &Order) -> NewMail {
        kind.new_mail(order, self.settings.resend)
    }

    /// Puts mails into the queue.
    ///
    /// # Errors
    /// [`DbError`].
    pub async fn queue(
        &self,
        db: &Db,
        mails: &[NewMail],
        now: UnixMillis,
    ) -> Result<Queued, DbError> {
        let queued = db.queue_mail(mails, self.settings.max_queue, now).await?;
        self.wake();
        Ok(queued)
    }

    /// Has the worker look at the queue now.
    pub fn wake(&self) {
        self.waiting.notify_one();
    }

    /// Tells an owner what happened, if mails go anywhere. What happened does not fail for it: a full
    /// queue or an absent database is logged.
    pub async fn notify(&self, db: &Db, kind: Kind, order: &Order, now: UnixMillis) {
        if !self.is_on() {
            return;
        }
        let mail = self.new_mail(kind, order);
        match self.queue(db, std::slice::from_ref(&mail), now).await {
            Ok(Queued::Taken) => {}
            Ok(Queued::Full) => {
                tracing::warn!(kind = kind.as_str(), "the mail queue is full");
            }
            Err(error) => tracing::warn!(kind = kind.as_str(), %error, "a notice is lost"),
        }
    }
}
