//! HTTP as far as it is not the seal's or a resource's business.

pub mod body;
mod echo;
mod error;
mod health;
mod outgoing;
pub mod respond;
mod router;

pub use error::ApiError;
pub use hyper::body::{Bytes, Incoming};
pub use outgoing::{Broken, Outgoing, Piece};
pub use respond::Answer;

use crate::{App, admission::Admitted, clock, log};
use gapura_shared::{ids::RequestId, seal};
use http::{HeaderValue, Request};
use std::{net::IpAddr, sync::Arc, time::Instant};

/// Answers one request: the one way in. Only loopback's health checks come
/// past the seal.
pub async fn answer(app: &Arc<App>, peer: IpAddr, request: Request<Incoming>) -> Answer {
    let started = Instant::now();
    if let Some(answer) = health::answer(app, peer, &request).await {
        return answer;
    }
    let line = log::Line::of(&request, started);
    match app.admission.admit(request, clock::now().seconds()).await {
        Ok(admitted) if router::is_unbroken(&admitted) => unbroken(app, admitted, line).await,
        Ok(admitted) => admitted_answer(app, admitted, line).await,
        Err(refusal) => {
            let mut answer = respond::problem(&refusal.error, &refusal.request_id);
            if refusal.authentic {
                name_instance(app, &mut answer);
            } else {
                log::seal_refused(&line, peer, &refusal);
            }
            line.write(&refusal.request_id, answer.status());
            answer
        }
    }
}

/// Finishes a request whether its client waits or not: what it has begun to change has consequences, and a client
/// that hangs up must not choose how many. As many at a time as there may be connections.
async fn unbroken(app: &Arc<App>, admitted: Admitted, line: log::Line) -> Answer {
    let id = admitted.identity().request_id.clone();
    let Ok(place) = Arc::clone(&app.unbroken).try_acquire_owned() else {
        let mut answer = respond::problem(&ApiError::Busy, &id);
        name_instance(app, &mut answer);
        line.write(&id, answer.status());
        return answer;
    };
    let owned = Arc::clone(app);
    tracing::debug!(id = id.as_str(), "begun");
    let finished = tokio::spawn(async move {
        let answer = admitted_answer(&owned, admitted, line).await;
        drop(place);
        answer
    });
    let failed = |_| respond::problem(&ApiError::Internal, &id);
    finished.await.unwrap_or_else(failed)
}

async fn admitted_answer(app: &App, mut request: Admitted, line: log::Line) -> Answer {
    let limit = app.config.listen.timeouts.request;
    let routed = tokio::time::timeout(limit, router::route(app, &mut request)).await;
    let id: &RequestId = &request.identity().request_id;
    let mut answer = match routed.unwrap_or(Err(ApiError::Timeout)) {
        Ok(answer) => answer,
        Err(error) => respond::problem(&error, id),
    };
    name_instance(app, &mut answer);
    if let Some(field) = app
        .admission
        .outcome_field(&request, answer.status().as_u16())
    {
        answer.headers_mut().insert(respond::OUTCOME, field);
    }
    line.write(id, answer.status());
    answer
}

/// The edge learns from every answer whom its next seal is for.
fn name_instance(app: &App, answer: &mut Answer) {
    let instance: HeaderValue = app.admission.instance_field().clone();
    answer.headers_mut().insert(seal::INSTANCE, instance);
}
