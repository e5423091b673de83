//! Owns: an open WebSocket: what goes out in order, what comes in and is ignored, and how it ends.
//! Never knows: what the messages say.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    sync::watch,
    time::timeout,
};
use tokio_tungstenite::{
    WebSocketStream,
    tungstenite::{
        Error, Message,
        error::ProtocolError,
        protocol::{CloseFrame, Role, WebSocketConfig, frame::coding::CloseCode},
    },
};
use tracing::{debug, warn};

use super::listen::stopped;
use crate::session::{Outbox, Outgoing};

/// Longest message that a client may send. It has nothing to say, so this is generous.
const MAX_INCOMING_BYTES: usize = 64 * 1024;
/// Read buffer, allocated for every socket; pings are small.
const READ_BUFFER_BYTES: usize = 4 * 1024;
/// Time for the other side to answer a close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Carries messages from a session to its client until one of them, or the server, ends it. Returns when the socket is
/// closed; the session notices by the dropped outbox.
pub async fn run<S>(stream: S, mut outbox: Outbox, mut shutdown: watch::Receiver<bool>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        .write_buffer_size(0)
        .max_message_size(Some(MAX_INCOMING_BYTES))
        .max_frame_size(Some(MAX_INCOMING_BYTES));
    let mut socket = WebSocketStream::from_raw_socket(stream, Role::Server, Some(config)).await;
    let end = carry(&mut socket, &mut outbox, &mut shutdown).await;
    drop(outbox);
    match end {
        Ok(Some(code)) => close(&mut socket, code).await,
        Ok(None) => close(&mut socket, CloseCode::Normal).await,
        Err(error) => {
            debug!(%error, "a client's socket broke");
            if let Some(code) = complaint(&error) {
                close(&mut socket, code).await;
                linger(socket.into_inner()).await;
            }
        }
    }
}

/// What to close with when the client has broken the protocol (RFC 6455, 7.4.1); `None` when nobody is there any more.
fn complaint(error: &Error) -> Option<CloseCode> {
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => None,
        Error::Protocol(_) => Some(CloseCode::Protocol),
        Error::Utf8(_) => Some(CloseCode::Invalid),
        Error::Capacity(_) => Some(CloseCode::Size),
        _ => None,
    }
}

/// Ends the connection so that the last words arrive: what the client still sends is read for a moment, because a
/// connection that is closed with bytes unread is reset.
async fn linger<S>(mut stream: S)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let drained = async {
        let _ = stream.shutdown().await;
        let mut bytes = [0; READ_BUFFER_BYTES];
        while stream.read(&mut bytes).await.is_ok_and(|n| n > 0) {}
    };
    let _ = timeout(CLOSE_TIMEOUT, drained).await;
}

/// Works until the end. `Some`: we close, with this code; `None`: the client did.
async fn carry<S>(
    socket: &mut WebSocketStream<S>,
    outbox: &mut Outbox,
    shutdown: &mut watch::Receiver<bool>,
) -> Result<Option<CloseCode>, Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let mut has_warned = false;
    loop {
        // Fair, so that pings are answered while messages are many; all three can be cancelled.
        tokio::select! {
            outgoing = outbox.next() => match outgoing {
                Some(Outgoing::Text(text)) => socket.send(Message::text(text)).await?,
                Some(Outgoing::Flush(done)) => {
                    socket.flush().await?;
                    // Whoever asked may have stopped waiting.
                    let _ = done.send(());
                }
                Some(Outgoing::Close(code)) => return Ok(Some(CloseCode::from(code))),
                None => return Ok(Some(CloseCode::Normal)),
            },
            incoming = socket.next() => match incoming {
                Some(Ok(Message::Text(_) | Message::Binary(_))) => {
                    if !has_warned {
                        has_warned = true;
                        warn!("a client sends messages over its socket; they are ignored: v4 takes commands over REST");
                    }
                }
                // The library has queued the pong; reading on sends it.
                Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => {}
                Some(Ok(Message::Close(_))) | None => return Ok(None),
                Some(Err(error)) => return Err(error),
            },
            () = stopped(shutdown) => return Ok(Some(CloseCode::Away)),
        }
    }
}

/// Closes, and waits a moment for the other side to do so, too.
async fn close<S>(socket: &mut WebSocketStream<S>, code: CloseCode)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let frame = CloseFrame {
        code,
        reason: "".into(),
    };
    let goodbye = async {
        // Fails when the client closed first: then its close has been answered already.
        let _ = socket.close(Some(frame)).await;
        while let Some(Ok(_)) = socket.next().await {}
    };
    if timeout(CLOSE_TIMEOUT, goodbye).await.is_err() {
        debug!("a client does not answer the close of its socket");
    }
}
