//! What a request asks for, read once; and which half of the work it is for.

use super::{
    Data, PREFIX,
    dialect::{Accept, Prefer, Query, Window, check_profile},
    error::{DataError, Denied},
    openapi,
    policy::Caller,
    read,
    statement::Scope,
    table::Table,
    write,
};
use crate::{
    App,
    admission::Admitted,
    auth::permission::ROLE_ADMIN,
    db::{As, Db, Engine},
    http::{Answer, respond},
};
use gapura_shared::{
    claims::{Assurance, ROLE_ANON},
    identity::Principal,
};
use http::{
    HeaderMap, HeaderName, HeaderValue, Method,
    header::{ACCEPT, CONTENT_TYPE, RANGE},
};
use serde_json::json;

pub(super) const PREFER: HeaderName = HeaderName::from_static("prefer");
/// Of what is read, and of what is written: `supabase.schema('…')`.
const PROFILES: [HeaderName; 2] = [
    HeaderName::from_static("accept-profile"),
    HeaderName::from_static("content-profile"),
];

/// A request for a table.
#[derive(Debug)]
pub(super) struct Asked<'a> {
    pub(super) app: &'a App,
    pub(super) table: &'a Table,
    pub(super) caller: Caller,
    pub(super) whom: As,
    pub(super) query: Query,
    pub(super) prefer: Prefer,
    pub(super) accept: Accept,
}

impl<'a> Asked<'a> {
    pub(super) fn data(&self) -> &'a Data {
        &self.app.data
    }

    pub(super) fn db(&self) -> &'a Db {
        &self.app.db
    }

    pub(super) fn scope(&self) -> Scope<'_> {
        Scope {
            tables: &self.app.data.tables,
            caller: &self.caller,
            fields: self.app.data.fields.as_deref(),
        }
    }

    fn read(app: &'a App, request: &Admitted) -> Result<Self, DataError> {
        let headers = request.headers();
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        let [of_read, of_written] = &PROFILES;
        check_profile(text(headers, if reads { of_read } else { of_written }))?;
        let name = request.path().strip_prefix(PREFIX).unwrap_or_default();
        let table = app.data.tables.get(name);
        let table = table.ok_or_else(|| DataError::NoTable(name.to_owned()))?;
        let caller = caller(request.identity().principal.as_ref());
        let mut query = Query::parse(request.query())?;
        if reads
            && let Some(range) = headers.get(RANGE).and_then(|value| value.to_str().ok())
            && let Some(window) = Window::from_range(range)?
        {
            query.read.window = query.read.window.intersect(window);
        }
        let prefer = headers.get_all(PREFER).into_iter();
        Ok(Self {
            app,
            table,
            whom: app.data.whom(&caller),
            caller,
            query,
            prefer: Prefer::parse(prefer.filter_map(|value| value.to_str().ok()))?
                .heeded(request.method()),
            accept: Accept::parse(text(headers, &ACCEPT))?,
        })
    }
}

impl Data {
    /// Whom PostgreSQL runs a caller's statements as.
    fn whom(&self, caller: &Caller) -> As {
        if self.engine != Engine::Postgres {
            return As {
                role: None,
                claims: String::new(),
            };
        }
        let roles = &self.settings.database_roles;
        let role = roles.iter().find(|(role, _)| *role == caller.role);
        As {
            role: role.map(|(_, role)| role.clone()),
            claims: json!({
                "sub": caller.subject,
                "role": caller.role,
                "tenant_id": caller.tenant,
                "session_id": caller.session,
                "jti": caller.token_id,
                "aal": caller.assurance,
            })
            .to_string(),
        }
    }
}

pub(super) async fn respond(app: &App, request: &mut Admitted) -> Result<Answer, DataError> {
    if request.path() == PREFIX {
        return description(app, request);
    }
    let asked = Asked::read(app, request)?;
    match *request.method() {
        Method::HEAD if asked.prefer.count.is_some() && asked.accept != Accept::Object => {
            read::counted(&asked).await
        }
        Method::GET | Method::HEAD => read::rows(&asked, request.headers()).await,
        Method::POST => write::insert(&asked, request).await,
        Method::PATCH => write::update(&asked, request).await,
        Method::DELETE => write::delete(&asked, request).await,
        _ => Err(DataError::Method),
    }
}

/// What is served, for those who look after it.
fn description(app: &App, request: &Admitted) -> Result<Answer, DataError> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return Err(DataError::Method);
    }
    if caller(request.identity().principal.as_ref()).role != ROLE_ADMIN {
        return Err(DataError::Denied(Denied::Description));
    }
    let mut answer = respond::private_json(app.data.openapi().to_string());
    let media_type = HeaderValue::from_static(openapi::MEDIA_TYPE);
    answer.headers_mut().insert(CONTENT_TYPE, media_type);
    Ok(answer)
}

/// The value of a field that is text.
pub(super) fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn caller(principal: Option<&Principal>) -> Caller {
    let Some(principal) = principal else {
        return Caller {
            subject: None,
            role: ROLE_ANON.to_owned(),
            tenant: None,
            session: None,
            token_id: None,
            assurance: Assurance::Aal1.as_str(),
        };
    };
    Caller {
        subject: principal.subject.clone(),
        role: principal.role.clone(),
        tenant: principal.tenant.clone(),
        session: principal.session.clone(),
        token_id: principal.token_id.clone(),
        assurance: principal.assurance.as_str(),
    }
}
