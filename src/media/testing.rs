//! Owns: reading a window from an async test, and waiting in one for what other tasks do.
//! Never knows: what feeds it.

use super::window::{ByteWindow, Stop};
use bytes::Bytes;
use std::{sync::Arc, time::Duration};
use tokio::sync::Notify;

/// A test that takes longer has failed.
const DEADLINE: Duration = Duration::from_secs(20);

/// Asks again and again, until it is so.
pub(crate) async fn until(mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        while !is_so() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, waiting)
        .await
        .expect("in time");
}

/// Waits where a window says that something is missing.
pub(crate) struct Reader {
    window: ByteWindow,
    woken: Arc<Notify>,
}

impl Reader {
    pub fn new(mut window: ByteWindow) -> Self {
        let woken = Arc::new(Notify::new());
        let waker = woken.clone();
        window.on_ready(move || waker.notify_one());
        Self { window, woken }
    }

    pub fn window(&mut self) -> &mut ByteWindow {
        &mut self.window
    }

    /// Makes a call again and again until it is served.
    pub async fn until<T>(
        &mut self,
        mut call: impl FnMut(&mut ByteWindow) -> Result<T, Stop>,
    ) -> Result<T, Stop> {
        let served = async {
            loop {
                match call(&mut self.window) {
                    Err(Stop::Need(_)) => self.woken.notified().await,
                    Err(Stop::Again) => {}
                    other => return other,
                }
            }
        };
        tokio::time::timeout(DEADLINE, served)
            .await
            .expect("bytes in time")
    }

    pub async fn take(&mut self, len: usize) -> Result<Bytes, Stop> {
        self.until(|window| window.take(len)).await
    }

    /// The next section: its number and its bytes.
    pub async fn section(&mut self) -> Result<(u64, Vec<u8>), Stop> {
        let number = self.until(ByteWindow::next_section).await?;
        Ok((number, self.rest().await?))
    }

    /// All up to the end.
    pub async fn rest(&mut self) -> Result<Vec<u8>, Stop> {
        let mut all = Vec::new();
        loop {
            let there = self.window.available().max(1);
            match self.take(there).await {
                Ok(bytes) => all.extend_from_slice(&bytes),
                Err(Stop::End) => return Ok(all),
                Err(stop) => return Err(stop),
            }
        }
    }
}
