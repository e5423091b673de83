//! Owns: the order in which a request is checked, and who answers it.
//! Never knows: connections, and what the answers say.

use std::{
    error::Error,
    net::SocketAddr,
    time::{Instant, SystemTime},
};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header, request::Parts};
use hyper::body::Body;
use tracing::warn;

use super::{
    admin,
    answer::{Answer, Problem, empty, finish, json},
    app::App,
    auth::Verdict,
    body,
    handshake::{self, Accepted},
    log, players, plugins,
    query::Query,
    route_planner,
    routes::Resource,
    tracks,
};

/// A request with what is known beside it.
struct Exchange<'a, B> {
    app: &'a App,
    parts: &'a mut Parts,
    body: Option<B>,
    /// What was read of the body, for the log.
    read: Option<Bytes>,
    accepted: Option<Accepted>,
}

/// What became of a request.
pub struct Outcome {
    /// The answer.
    pub answer: Answer,
    /// An accepted handshake: what to do with the connection after the answer.
    pub accepted: Option<Accepted>,
}

/// Answers a request of `peer`, and logs it.
pub async fn handle<B>(app: &App, peer: SocketAddr, request: Request<B>) -> Outcome
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    let (mut parts, body) = request.into_parts();
    log::before(&app.settings.request_log, &parts, peer);
    let query = Query::parse(parts.uri.query());
    let is_traced = query.as_ref().is_ok_and(Query::asks_for_trace);
    let mut exchange = Exchange {
        app,
        parts: &mut parts,
        body: Some(body),
        read: None,
        accepted: None,
    };
    let result = match query {
        Ok(query) => exchange.route(&query).await,
        Err(malformed) => Err(malformed.into()),
    };
    let Exchange { read, accepted, .. } = exchange;
    log::after(&app.settings.request_log, &parts, peer, read.as_deref());
    let answer = result.unwrap_or_else(|problem| {
        log::refused(&parts, peer, &problem);
        problem.into_answer(parts.uri.path(), is_traced, unix_millis())
    });
    Outcome {
        answer: finish(answer),
        accepted,
    }
}

/// The answer when a handler panicked.
pub fn broken(path: &str) -> Answer {
    let problem = Problem::told(
        StatusCode::INTERNAL_SERVER_ERROR,
        "The server failed on this request",
    );
    finish(problem.into_answer(path, false, unix_millis()))
}

#[expect(clippy::disallowed_methods, reason = "error bodies tell the time")]
fn unix_millis() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |t| i64::try_from(t.as_millis()).unwrap_or(i64::MAX))
}

impl<B> Exchange<'_, B>
where
    B: Body<Data = Bytes>,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    /// Path, method, password, then the rest: as the original checks (reference, R.1.17).
    async fn route(&mut self, query: &Query) -> Result<Answer, Problem> {
        let metrics = self.app.settings.metrics.as_ref();
        let path = self.parts.uri.path();
        let method = self.parts.method.clone();
        let resource = Resource::find(path, metrics.map(|m| m.path.as_str()))?;
        let resource = resource.ok_or_else(|| {
            Problem::told(
                StatusCode::NOT_FOUND,
                format!("No endpoint {method} {path}."),
            )
        })?;
        if method == Method::OPTIONS {
            self.authorize(&resource)?;
            return Ok(options(&resource));
        }
        if !resource.takes(&method) {
            return Err(Problem::wrong_method(&method, resource.methods()));
        }
        self.authorize(&resource)?;
        self.call(resource, query).await
    }

    fn authorize(&self, resource: &Resource) -> Result<(), Problem> {
        let metrics = self.app.settings.metrics.as_ref();
        if *resource == Resource::Metrics && metrics.is_some_and(|m| m.is_open) {
            return Ok(());
        }
        let header = self.parts.headers.get(header::AUTHORIZATION);
        match self.app.door.check(header) {
            Verdict::Right => Ok(()),
            // The WebSocket never answers 403 (reference, 1.1).
            Verdict::Wrong if *resource != Resource::Socket => {
                Err(Problem::Silent(StatusCode::FORBIDDEN))
            }
            Verdict::Wrong | Verdict::Missing => Err(Problem::Silent(StatusCode::UNAUTHORIZED)),
        }
    }

    #[expect(clippy::disallowed_methods, reason = "the time of the request")]
    async fn call(&mut self, resource: Resource, query: &Query) -> Result<Answer, Problem> {
        let app = self.app;
        match resource {
            Resource::Old => {
                let path = self.parts.uri.path();
                warn!(
                    path,
                    "a client uses the old WebSocket endpoint; it is /v4/websocket"
                );
                Ok(empty(StatusCode::OK))
            }
            Resource::Socket => self.upgrade().await,
            Resource::Version => Ok(admin::version()),
            Resource::Info => Ok(json(&app.info)),
            Resource::Stats => Ok(admin::stats(app, Instant::now())),
            Resource::Metrics => Ok(admin::metrics(app, query, Instant::now())),
            Resource::Outputs => Ok(json(&app.sessions.outputs().await)),
            Resource::LoadTracks => tracks::load(app, query).await,
            Resource::DecodeTrack => tracks::decode(app, query),
            Resource::DecodeTracks => self.json_body(|body| tracks::decode_all(app, body)).await,
            Resource::Session(session) => {
                let update = self.json_body(players::session_update).await?;
                players::configure(app, &session, update).await
            }
            Resource::Players(session) => players::list(app, &session).await,
            Resource::Player { session, guild } => match self.parts.method {
                Method::PATCH => {
                    let change = self
                        .json_body(|body| players::Change::read(&guild, query, body))
                        .await?;
                    players::update(app, &session, change).await
                }
                Method::DELETE => players::destroy(app, &session, &guild).await,
                _ => players::get(app, &session, &guild).await,
            },
            Resource::Diagnosis { session, guild } => {
                players::diagnosis(app, &session, &guild).await
            }
            Resource::LoadSearch => plugins::search(app, query).await,
            Resource::Lyrics => plugins::lyrics(app, query).await,
            Resource::TrackLyrics { session, guild } => {
                plugins::track_lyrics(app, &session, &guild, query).await
            }
            Resource::LyricsSubscription { session, guild } => match self.parts.method {
                Method::DELETE => plugins::unsubscribe(app, &session, &guild).await,
                _ => plugins::subscribe(app, &session, &guild, query).await,
            },
            Resource::Categories { session, guild } => match self.parts.method {
                Method::PUT => {
                    let wanted = self.json_body(plugins::categories_wanted).await?;
                    plugins::set_categories(app, &session, &guild, wanted).await
                }
                Method::DELETE => plugins::set_categories(app, &session, &guild, Vec::new()).await,
                _ => plugins::categories(app, &session, &guild).await,
            },
            Resource::PlannerStatus => Ok(route_planner::status(app)),
            Resource::PlannerFreeAddress => {
                self.json_body(|body| route_planner::free_address(app, body))
                    .await
            }
            Resource::PlannerFreeAll => route_planner::free_all(app),
        }
    }

    /// Reads the body and what it says.
    async fn json_body<T>(
        &mut self,
        parser: impl FnOnce(&[u8]) -> Result<T, Problem>,
    ) -> Result<T, Problem> {
        let body = self.body.take().expect("a route reads the body once");
        let limits = &self.app.settings.limits;
        let bytes = body::read_json(&self.parts.headers, body, limits).await?;
        self.read = Some(bytes.clone());
        body::parse(&bytes, parser)
    }

    async fn upgrade(&mut self) -> Result<Answer, Problem> {
        let hello = handshake::hello(&self.parts.headers)?;
        let resumed = match &hello.session_id {
            Some(id) => self.app.sessions.will_resume_soon(id).await,
            None => false,
        };
        let (answer, accepted) = handshake::answer(self.parts, hello, resumed)?;
        self.accepted = Some(accepted);
        Ok(answer)
    }
}

fn options(resource: &Resource) -> Answer {
    let mut answer = empty(StatusCode::OK);
    let allow = HeaderValue::try_from(resource.options()).expect("methods are plain words");
    answer.headers_mut().insert(header::ALLOW, allow);
    answer
}
