//! Owns: the status line of SHOUTcast servers, made one of HTTP's before the HTTP library sees it.
//! Never knows: what comes behind it.
//!
//! SHOUTcast 1 answers `ICY 200 OK` where HTTP has `HTTP/1.0 200 OK`; all the rest of its answer is HTTP/1.0, with a body
//! that ends with the connection. Only the first bytes of a connection are looked at: such a server closes after one answer.

use hyper::rt::{Read, ReadBuf, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use std::{
    io::{self, IoSlice},
    pin::Pin,
    task::{Context, Poll, ready},
};

/// How such an answer begins.
const ICY: &[u8; 4] = b"ICY ";
/// What is read in its place. 1.0, so that the connection is not used again.
const HTTP: &[u8; 9] = b"HTTP/1.0 ";

/// A connection whose first answer may be SHOUTcast's.
pub(super) struct IcyAware<S> {
    stream: S,
    head: Head,
}

enum Head {
    /// So many first bytes have been read, and are those of [`ICY`].
    Alike(usize),
    /// These first bytes have yet to be handed on, from an index on.
    Left([u8; HTTP.len()], std::ops::Range<usize>),
    /// All that comes is handed on as it is.
    Passed,
}

impl Head {
    /// `more` bytes have come behind `count` that are alike; none at the connection's end.
    fn after(count: usize, more: &[u8]) -> Self {
        let len = count + more.len();
        let is_alike = ICY[count..].starts_with(more);
        if is_alike && len == ICY.len() {
            return Self::Left(*HTTP, 0..HTTP.len());
        }
        if is_alike && !more.is_empty() {
            return Self::Alike(len);
        }
        let mut left = [0; HTTP.len()];
        left[..count].copy_from_slice(&ICY[..count]);
        left[count..len].copy_from_slice(more);
        Self::Left(left, 0..len)
    }
}

impl<S> IcyAware<S> {
    pub(super) const fn new(stream: S) -> Self {
        Self {
            stream,
            head: Head::Alike(0),
        }
    }
}

impl<S: Read + Unpin> Read for IcyAware<S> {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        mut buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            match &mut this.head {
                Head::Alike(count) => {
                    let mut space = [0; ICY.len()];
                    let mut read = ReadBuf::new(&mut space[*count..]);
                    ready!(Pin::new(&mut this.stream).poll_read(context, read.unfilled()))?;
                    this.head = Head::after(*count, read.filled());
                }
                Head::Left(bytes, left) if left.start < left.end => {
                    let len = left.len().min(buffer.remaining());
                    buffer.put_slice(&bytes[left.start..left.start + len]);
                    left.start += len;
                    return Poll::Ready(Ok(()));
                }
                Head::Left(..) => this.head = Head::Passed,
                Head::Passed => return Pin::new(&mut this.stream).poll_read(context, buffer),
            }
        }
    }
}

impl<S: Connection> Connection for IcyAware<S> {
    fn connected(&self) -> Connected {
        self.stream.connected()
    }
}

impl<S: Write + Unpin> Write for IcyAware<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    /// What is read of a connection over which these pieces come, each by itself.
    async fn read(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut far, near) = tokio::io::duplex(64);
        let mut near = TokioIo::new(IcyAware::new(TokioIo::new(near)));
        let mut all = Vec::new();
        for piece in pieces {
            far.write_all(piece).await.expect("room");
            // nothing is read before it is known what it is
            let mut space = [0; 5];
            while let Ok(len) =
                futures_util::FutureExt::now_or_never(near.read(&mut space)).unwrap_or(Ok(0))
                && len > 0
            {
                all.extend_from_slice(&space[..len]);
            }
        }
        drop(far);
        near.read_to_end(&mut all).await.expect("the end");
        all
    }

    #[tokio::test]
    async fn shoutcasts_status_line_becomes_https_in_any_pieces() {
        let wanted = b"HTTP/1.0 200 OK\r\nicy-name:ICY \r\n\r\nICY ";
        let sent = b"ICY 200 OK\r\nicy-name:ICY \r\n\r\nICY ";
        assert_eq!(read(&[sent]).await, wanted);
        let single: Vec<&[u8]> = sent.chunks(1).collect();
        assert_eq!(read(&single).await, wanted);
    }

    #[tokio::test]
    async fn everything_else_stays_as_it_is() {
        for sent in [
            &b"HTTP/1.1 200 OK"[..],
            b"ICE 200",
            b"IC",
            b"I",
            b"",
            b"ICYx",
        ] {
            assert_eq!(read(&[sent]).await, sent);
            let single: Vec<&[u8]> = sent.chunks(1).collect();
            assert_eq!(read(&single).await, sent);
        }
    }
}
