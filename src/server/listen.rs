//! Owns: the listener and its connections: how many, how long, and how they end.
//! Never knows: what is asked.

use std::{
    convert::Infallible,
    error::Error,
    net::SocketAddr,
    panic::AssertUnwindSafe,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use http::Request;
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::conn::auto,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{OwnedSemaphorePermit, Semaphore, watch},
    task::JoinSet,
    time::{sleep, timeout},
};
use tracing::{debug, error, warn};

use super::{
    answer::Answer,
    app::App,
    dispatch::{self, Outcome},
    handshake::Accepted,
    settings::Limits,
    socket,
    stall::Stalling,
};

/// First and longest pause after `accept` failed, as when there are no file descriptors left.
const ACCEPT_PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
/// Smallest buffer that hyper takes.
const MIN_HEADER_BYTES: usize = 8192;

/// Serves until `shutdown` holds true, or its sender is gone. Then: no new connections, WebSockets are closed with
/// 1001, requests are finished, and what is left after the time for stopping is dropped.
pub async fn serve(listener: TcpListener, app: Arc<App>, mut shutdown: watch::Receiver<bool>) {
    let limits = app.settings.limits;
    let slots = Arc::new(Semaphore::new(limits.connections));
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            () = stopped(&mut shutdown) => break,
            Some(ended) = connections.join_next() => report(ended),
            (slot, stream, peer) = accept(&listener, &slots) => {
                let connection = Arc::new(Connection {
                    app: app.clone(),
                    peer,
                    has_asked: AtomicBool::new(false),
                    accepted: Mutex::new(None),
                });
                let shutdown = shutdown.clone();
                connections.spawn(async move {
                    connection.run(stream, shutdown).await;
                    drop(slot);
                });
            }
        }
    }
    drop(listener);
    let all_ended = async {
        while let Some(ended) = connections.join_next().await {
            report(ended);
        }
    };
    if timeout(limits.stop_timeout, all_ended).await.is_err() {
        warn!(
            left = connections.len(),
            "connections are dropped that did not end in time"
        );
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        error!(%error, "the task of a connection failed");
    }
}

/// The next connection, as soon as there is a slot for it; until then clients wait in the kernel's queue.
async fn accept(
    listener: &TcpListener,
    slots: &Arc<Semaphore>,
) -> (OwnedSemaphorePermit, TcpStream, SocketAddr) {
    let slot = slots.clone().acquire_owned().await;
    let slot = slot.expect("the semaphore is never closed");
    let (mut pause, longest) = ACCEPT_PAUSES;
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => return (slot, stream, peer),
            Err(error) => {
                warn!(%error, "a connection cannot be accepted");
                sleep(pause).await;
                pause = (pause * 2).min(longest);
            }
        }
    }
}

/// Resolves when the server is to stop.
pub async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    // An error says that the sender is gone: that counts as a stop, too.
    let _ = shutdown.wait_for(|stops| *stops).await;
}

/// One connection: requests, and perhaps a WebSocket in the end.
struct Connection {
    app: Arc<App>,
    peer: SocketAddr,
    /// Whether a request has come.
    has_asked: AtomicBool,
    /// The handshake that was accepted, for when the requests are over.
    accepted: Mutex<Option<Accepted>>,
}

impl Connection {
    async fn run(self: Arc<Self>, stream: TcpStream, shutdown: watch::Receiver<bool>) {
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "the connection is gone already");
            return;
        }
        self.requests(stream, shutdown.clone()).await;
        let accepted = self.slot().take();
        if let Some(accepted) = accepted {
            self.socket(accepted, shutdown).await;
        }
    }

    /// Answers requests until the connection ends or becomes a WebSocket.
    async fn requests(self: &Arc<Self>, stream: TcpStream, shutdown: watch::Receiver<bool>) {
        let limits = &self.app.settings.limits;
        let this = self.clone();
        let service = service_fn(move |request| {
            let this = this.clone();
            async move { Ok::<_, Infallible>(this.answer(request).await) }
        });
        let io = TokioIo::new(Stalling::new(stream, limits.write_timeout));
        if self.app.settings.http2 {
            let builder = either_version(limits);
            let connection = builder.serve_connection_with_upgrades(io, service);
            self.drive(connection, |c| c.graceful_shutdown(), shutdown)
                .await;
        } else {
            let connection = version_1(limits).serve_connection(io, service);
            self.drive(
                connection.with_upgrades(),
                |c| c.graceful_shutdown(),
                shutdown,
            )
            .await;
        }
    }

    /// Drives a connection to its end; `finish` asks it to end after the request that is under way.
    async fn drive<C, E>(
        &self,
        connection: C,
        finish: impl Fn(Pin<&mut C>),
        mut shutdown: watch::Receiver<bool>,
    ) where
        C: Future<Output = Result<(), E>>,
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let mut connection = pin!(connection);
        let mut first_request = pin!(sleep(self.app.settings.limits.request_timeout));
        let (mut is_watching, mut is_stopping) = (true, false);
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        debug!(peer = %self.peer, error = &*error.into() as &dyn Error, "a connection broke");
                    }
                    return;
                }
                () = first_request.as_mut(), if is_watching => {
                    is_watching = false;
                    if !self.has_asked.load(Ordering::Relaxed) {
                        debug!(peer = %self.peer, "no request came in time");
                        return;
                    }
                }
                () = stopped(&mut shutdown), if !is_stopping => {
                    is_stopping = true;
                    finish(connection.as_mut());
                }
            }
        }
    }

    /// A panic costs one request, never the connection or the process.
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        self.has_asked.store(true, Ordering::Relaxed);
        let path = request.uri().path().to_owned();
        let handled = dispatch::handle(&self.app, self.peer, request);
        match AssertUnwindSafe(handled).catch_unwind().await {
            Ok(Outcome { answer, accepted }) => {
                if accepted.is_some() {
                    *self.slot() = accepted;
                }
                answer
            }
            Err(_) => {
                error!(path, "a request made its handler panic");
                dispatch::broken(&path)
            }
        }
    }

    fn slot(&self) -> MutexGuard<'_, Option<Accepted>> {
        self.accepted.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The session begins only now that the socket is open: a failed upgrade changes nothing.
    async fn socket(&self, accepted: Accepted, shutdown: watch::Receiver<bool>) {
        let upgraded = match accepted.on_upgrade.await {
            Ok(upgraded) => upgraded,
            Err(error) => {
                debug!(%error, "a handshake was answered in vain");
                return;
            }
        };
        let connected = self.app.sessions.connect(accepted.hello).await;
        let session = connected.session_id;
        debug!(session, peer = %self.peer, "a socket is open");
        socket::run(TokioIo::new(upgraded), connected.outbox, shutdown).await;
        debug!(session, "a socket is closed");
    }
}

fn version_1(limits: &Limits) -> http1::Builder {
    let mut builder = http1::Builder::new();
    builder
        .timer(TokioTimer::new())
        // hyper counts from the end of the last answer, so this is the time between requests, too.
        .header_read_timeout(limits.idle_timeout)
        .max_buf_size(limits.header_bytes.max(MIN_HEADER_BYTES));
    builder
}

/// For whichever version a client speaks first. (Told to be `http1_only`, it would still speak both with upgrades.)
fn either_version(limits: &Limits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.idle_timeout)
        .max_buf_size(limits.header_bytes.max(MIN_HEADER_BYTES));
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.idle_timeout)
        .keep_alive_timeout(limits.request_timeout)
        .max_header_list_size(u32::try_from(limits.header_bytes).unwrap_or(u32::MAX));
    builder
}
