//! Owns: the task of one connection: it runs the gateway machine on a real socket, and DAVE on blocking threads.
//! Never knows: what the gateway's messages mean, when frames are sent.

use super::{
    dave::{Dave, DaveOutput},
    dial::{Dialer, WebSocket},
    discovery::{self, Discovered, Undiscovered},
    gateway::{Action, DaveInput, Gateway},
    pacer::{Feedback, Link, StreamHandle},
    transport::Cipher,
};
use crate::{error::Failure, output::OutputEvent};
use futures_util::{SinkExt, StreamExt};
use std::{
    net::UdpSocket,
    pin::Pin,
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{
    sync::{Semaphore, mpsc, watch},
    task::JoinError,
};
use tokio_tungstenite::tungstenite::{
    self, Message,
    protocol::{CloseFrame, frame::coding::CloseCode},
};

/// How long a message may take to be written, before the connection counts as broken.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the other side may take to answer a goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_millis(500);
/// Messages of the end-to-end encryption that may wait for a thread. Beyond, the call starts anew.
const MAX_DAVE_QUEUE: usize = 1024;
const NORMAL: u16 = 1000;

/// Listens to a connection's events.
pub(super) type Listener = Box<dyn FnMut(OutputEvent) + Send>;

/// Everything that a connection's task needs.
pub(super) struct Parts {
    pub dialer: Arc<Dialer>,
    pub endpoint: String,
    pub gateway: Gateway,
    pub user: u64,
    pub channel: u64,
    pub stream: StreamHandle,
    pub feedback: Feedback,
    /// A message means that [`Feedback::is_speaking`] has changed.
    pub speaking: mpsc::Receiver<()>,
    pub events: Listener,
    /// Permits to calculate: no more threads than cores do MLS at once, however many connections are made.
    pub calculating: Arc<Semaphore>,
}

/// How long sound waits for the first end-to-end key: with others in the call, who would not hear what comes before it, and
/// alone, when no key may ever come.
const KEY_TIMEOUT: Duration = Duration::from_secs(1);
const KEY_TIMEOUT_ALONE: Duration = Duration::from_millis(250);

type Worked = (Box<Dave>, Vec<DaveOutput>);
/// Something under way, polled with everything else; dropping it gives it up.
type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

struct Task {
    parts: Parts,
    /// The open connection, and its number.
    socket: Option<(u32, WebSocket)>,
    dialing: Option<(u32, Pending<Result<WebSocket, Failure>>)>,
    discovering: Option<Pending<Result<Discovered, Undiscovered>>>,
    /// Closed by the other side, whose goodbye is to be answered.
    parting: Option<WebSocket>,
    /// The socket that the server knows, until the link takes a copy of it.
    udp: Option<UdpSocket>,
    /// Here, or at work on a blocking thread.
    dave: Option<Box<Dave>>,
    working: Option<Pending<Result<Worked, JoinError>>>,
    queue: Vec<DaveInput>,
    /// Until when sound waits for the first end-to-end key.
    awaits_key: Option<Instant>,
    /// How often the encryption started anew.
    calls: u32,
    is_over: bool,
}

/// Something happened.
enum Wake {
    Message(Option<Result<Message, tungstenite::Error>>),
    Dialed(Result<WebSocket, Failure>),
    Discovered(Result<Discovered, Undiscovered>),
    Worked(Result<Worked, JoinError>),
    Speaking,
    Timeout,
    KeyOverdue,
    Closing,
}

/// Runs a connection until it is over or `closing` turns true (or its sender is dropped); then says goodbye.
pub(super) async fn run(parts: Parts, mut closing: watch::Receiver<bool>) {
    let dave = Dave::new(parts.user, parts.channel, 0);
    let mut task = Task {
        parts,
        socket: None,
        dialing: None,
        discovering: None,
        parting: None,
        udp: None,
        dave: Some(Box::new(dave)),
        working: None,
        queue: Vec::new(),
        awaits_key: None,
        calls: 0,
        is_over: false,
    };
    loop {
        tokio::select! {
            biased;
            // whatever is under way is dropped with the task, so nothing is opened any more
            () = closed(&mut closing) => break,
            () = task.act() => {}
        }
        if task.is_over {
            break;
        }
        match task.wait(&mut closing).await {
            Wake::Closing => break,
            wake => task.handle(wake),
        }
    }
    task.parts.stream.unlink();
    // what is under way is given up before the goodbye, not after
    let socket = task.socket.take();
    drop(task);
    if let Some((_, socket)) = socket {
        goodbye(socket, NORMAL).await;
    }
}

async fn closed(closing: &mut watch::Receiver<bool>) {
    // an error means that the owner is gone, which is the same
    let _ = closing.wait_for(|c| *c).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "the task gives the gateway machine the time"
)]
impl Task {
    /// Does what the machine wants done.
    async fn act(&mut self) {
        if let Some(mut socket) = self.parting.take() {
            let _ = tokio::time::timeout(GOODBYE_TIMEOUT, socket.flush()).await;
        }
        while let Some(action) = self.parts.gateway.poll() {
            match action {
                Action::Connect { attempt, after } => {
                    let dialer = self.parts.dialer.clone();
                    let endpoint = self.parts.endpoint.clone();
                    let dialing = Box::pin(async move {
                        tokio::time::sleep(after).await;
                        dialer.dial(&endpoint).await
                    });
                    self.dialing = Some((attempt, dialing));
                }
                Action::Text(text) => self.send(Message::text(text)).await,
                Action::Binary(bytes) => self.send(Message::binary(bytes)).await,
                Action::Hang(code) => {
                    if let Some((_, socket)) = self.socket.take() {
                        goodbye(socket, code).await;
                    }
                }
                Action::Discover { ssrc, server } => {
                    let guard = self.parts.dialer.guard().clone();
                    self.discovering = Some(Box::pin(discovery::discover(guard, ssrc, server)));
                }
                Action::Link { ssrc, mode, secret } => {
                    // the copy is the same socket; this one is for keys that change later
                    let socket = self.udp.as_ref().map(UdpSocket::try_clone);
                    match socket {
                        Some(Ok(socket)) => {
                            let cipher = Cipher::new(mode, &secret);
                            let link = Link {
                                socket,
                                ssrc,
                                cipher,
                            };
                            self.parts.stream.link(link);
                        }
                        Some(Err(error)) => {
                            tracing::warn!(%error, "no descriptor for a voice socket");
                        }
                        None => {}
                    }
                }
                Action::Dave(input) => self.dave(input),
                Action::Emit(event) => (self.parts.events)(event),
                Action::Over => self.is_over = true,
            }
        }
    }

    async fn send(&mut self, message: Message) {
        let Some((attempt, socket)) = &mut self.socket else {
            return;
        };
        let attempt = *attempt;
        let sent = tokio::time::timeout(SEND_TIMEOUT, socket.send(message)).await;
        if !matches!(sent, Ok(Ok(()))) {
            // a close frame that explains it may be waiting to be read
            if let Some((_, mut socket)) = self.socket.take() {
                let (code, reason) = last_words(&mut socket).await;
                self.parts
                    .gateway
                    .closed(Instant::now(), attempt, code, &reason);
            }
        }
    }

    async fn wait(&mut self, closing: &mut watch::Receiver<bool>) -> Wake {
        let deadline = self.parts.gateway.deadline().map(Into::into);
        tokio::select! {
            biased;
            () = closed(closing) => Wake::Closing,
            // before messages: a flood of them must not delay a heartbeat
            () = some(deadline.map(tokio::time::sleep_until)) => Wake::Timeout,
            () = some(self.awaits_key.map(|at| tokio::time::sleep_until(at.into()))) => Wake::KeyOverdue,
            m = some(self.socket.as_mut().map(|(_, s)| s.next())) => Wake::Message(m),
            d = some(self.dialing.as_mut().map(|(_, d)| d)) => Wake::Dialed(d),
            d = some(self.discovering.as_mut()) => Wake::Discovered(d),
            w = some(self.working.as_mut()) => Wake::Worked(w),
            Some(()) = self.parts.speaking.recv() => Wake::Speaking,
        }
    }

    fn handle(&mut self, wake: Wake) {
        let now = Instant::now();
        match wake {
            Wake::Message(message) => self.message(now, message),
            Wake::Dialed(result) => self.dialed(now, result),
            Wake::Discovered(result) => {
                self.discovering = None;
                match result {
                    Ok(found) => {
                        self.udp = Some(found.socket);
                        let gateway = &mut self.parts.gateway;
                        gateway.discovered(now, found.address, found.port);
                    }
                    Err(error) => {
                        tracing::info!(%error, "IP discovery failed");
                        self.parts.gateway.undiscovered(&error.to_string());
                    }
                }
            }
            Wake::Worked(result) => {
                self.working = None;
                if let Ok((dave, outputs)) = result {
                    self.dave = Some(dave);
                    self.put(outputs);
                    self.work();
                } else {
                    tracing::error!("a panic in the end-to-end encryption; the call starts anew");
                    self.restart(now);
                }
            }
            Wake::Speaking => {
                let is_speaking = self.parts.feedback.is_speaking();
                self.parts.gateway.speaking(is_speaking);
            }
            Wake::Timeout => self.parts.gateway.timeout(now),
            Wake::KeyOverdue => self.await_key(None),
            Wake::Closing => self.is_over = true,
        }
    }

    fn dialed(&mut self, now: Instant, result: Result<WebSocket, Failure>) {
        let Some((attempt, _)) = self.dialing.take() else {
            return;
        };
        match result {
            Ok(socket) => {
                self.socket = Some((attempt, socket));
                self.parts.gateway.opened(now, attempt);
            }
            Err(failure) => self.parts.gateway.unreachable(now, attempt, failure),
        }
    }

    fn message(&mut self, now: Instant, message: Option<Result<Message, tungstenite::Error>>) {
        let Some((attempt, _)) = &self.socket else {
            return;
        };
        let attempt = *attempt;
        match message {
            Some(Ok(Message::Text(text))) => self.parts.gateway.text(now, attempt, &text),
            Some(Ok(Message::Binary(bytes))) => self.parts.gateway.binary(attempt, &bytes),
            Some(Ok(Message::Close(frame))) => {
                let (code, reason) = words(frame);
                self.parts.gateway.closed(now, attempt, code, &reason);
                self.parting = self.socket.take().map(|(_, socket)| socket);
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, "voice gateway connection broke");
                self.socket = None;
                self.parts.gateway.broken(now, attempt);
            }
            None => {
                self.socket = None;
                self.parts.gateway.broken(now, attempt);
            }
        }
    }

    /// Lets sound wait for the first key until then, or go on.
    fn await_key(&mut self, until: Option<Instant>) {
        if self.awaits_key.is_some() != until.is_some() {
            self.parts.stream.await_key(until.is_some());
        }
        self.awaits_key = until;
    }

    fn dave(&mut self, input: DaveInput) {
        match &input {
            DaveInput::Version(1..) => self.await_key(Some(Instant::now() + KEY_TIMEOUT_ALONE)),
            DaveInput::Version(0) => self.await_key(None),
            DaveInput::Joined(_) if self.awaits_key.is_some() => {
                self.await_key(Some(Instant::now() + KEY_TIMEOUT));
            }
            _ => {}
        }
        if self.queue.len() >= MAX_DAVE_QUEUE {
            self.restart(Instant::now());
            return;
        }
        self.queue.push(input);
        self.work();
    }

    /// Handles what waits for DAVE: light things here, heavy ones on a blocking thread, all in order.
    fn work(&mut self) {
        let Some(mut dave) = self.dave.take() else {
            return;
        };
        let inputs = std::mem::take(&mut self.queue);
        let mut outputs = Vec::new();
        if inputs.iter().any(DaveInput::is_heavy) {
            let calculating = self.parts.calculating.clone();
            self.working = Some(Box::pin(async move {
                // an error would mean a closed semaphore, and nobody closes it
                let permit = calculating.acquire_owned().await.ok();
                let work = tokio::task::spawn_blocking(move || {
                    for input in inputs {
                        dave.handle(input, &mut outputs);
                    }
                    (dave, outputs)
                });
                let worked = work.await;
                drop(permit);
                worked
            }));
        } else {
            for input in inputs {
                dave.handle(input, &mut outputs);
            }
            self.dave = Some(dave);
            self.put(outputs);
        }
    }

    fn put(&mut self, outputs: Vec<DaveOutput>) {
        for output in outputs {
            match output {
                DaveOutput::Text(text) => self.parts.gateway.send(Action::Text(text)),
                DaveOutput::Binary(bytes) => self.parts.gateway.send(Action::Binary(bytes)),
                DaveOutput::Seal(sealer) => {
                    self.parts.stream.seal(sealer);
                    self.await_key(None);
                }
            }
        }
    }

    fn restart(&mut self, now: Instant) {
        self.queue.clear();
        self.working = None;
        self.calls += 1;
        let dave = Dave::new(self.parts.user, self.parts.channel, self.calls);
        self.dave = Some(Box::new(dave));
        self.parts.stream.seal(None);
        self.parts.gateway.restart(now);
    }
}

/// Waits for what is there; for ever when nothing is.
async fn some<F: Future>(future: Option<F>) -> F::Output {
    match future {
        Some(future) => future.await,
        None => std::future::pending().await,
    }
}

/// Closes properly: a close frame, then the other side's answer is awaited, or its data would turn the end of the
/// connection into a reset that may overtake the frame.
async fn goodbye(mut socket: WebSocket, code: u16) {
    let frame = CloseFrame {
        code: CloseCode::from(code),
        reason: tungstenite::Utf8Bytes::from_static(""),
    };
    let _ = tokio::time::timeout(GOODBYE_TIMEOUT, async {
        if socket.as_mut().close(Some(frame)).await.is_ok() {
            while let Some(Ok(_)) = socket.next().await {}
        }
    })
    .await;
}

/// What the other side said last on a connection that cannot be written to.
async fn last_words(socket: &mut WebSocket) -> (Option<u16>, String) {
    let read = async {
        while let Some(Ok(message)) = socket.next().await {
            if let Message::Close(frame) = message {
                return words(frame);
            }
        }
        words(None)
    };
    tokio::time::timeout(GOODBYE_TIMEOUT, read)
        .await
        .unwrap_or_else(|_| words(None))
}

fn words(frame: Option<CloseFrame>) -> (Option<u16>, String) {
    match frame {
        Some(frame) => (Some(frame.code.into()), frame.reason.to_string()),
        None => (None, String::new()),
    }
}
