//! Owns: the thread that reads the sensors, and what it read last.
//! Never knows: how a sensor is read, and who asks.

use super::{
    Settings, Unwatched,
    advice::{self, Wishes},
    moment::Report,
    policy::Readings,
    sensors::Sensors,
};
use std::{
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};
use tokio::sync::watch;

/// Whether this build can watch its machine.
pub const CAN_WATCH: bool = true;
/// The longest wait for the first look, which takes milliseconds where no driver hangs.
const PATIENCE: Duration = Duration::from_secs(5);
/// It reads small files, and nothing else.
const STACK_BYTES: usize = 256 * 1024;

/// Watches the machine from a thread of its own, since a sensor may take milliseconds to answer. Ends when it is dropped.
#[derive(Debug)]
pub struct Monitor {
    latest: watch::Receiver<Option<Arc<Report>>>,
    /// Nothing is ever sent: the thread ends when this is gone.
    _stay: mpsc::Sender<()>,
}

impl Monitor {
    /// Begins, and tells the log once what could be better. What decides by the readings hears all of them, on this thread.
    ///
    /// # Errors
    /// When it is switched off, or there can be no thread.
    pub fn start(
        settings: Settings,
        wishes: Wishes,
        heed: impl FnMut(Instant, Readings) + Send + 'static,
    ) -> Result<Self, Unwatched> {
        if !settings.is_on {
            return Err(Unwatched::Off);
        }
        let (publish, latest) = watch::channel(None);
        let (stay, gone) = mpsc::channel();
        thread::Builder::new()
            .name("sensors".to_owned())
            .stack_size(STACK_BYTES)
            .spawn(move || watch(&publish, &gone, settings.interval, wishes, heed))
            .map_err(Unwatched::Thread)?;
        Ok(Self {
            latest,
            _stay: stay,
        })
    }

    /// What was read last; at the start it waits for the first.
    ///
    /// # Errors
    /// When the thread is gone, or has seen nothing for seconds.
    pub async fn report(&self) -> Result<Arc<Report>, Unwatched> {
        let mut latest = self.latest.clone();
        let report = tokio::time::timeout(PATIENCE, latest.wait_for(Option::is_some)).await;
        let report = report.map_err(|_| Unwatched::Silent)?;
        let report = report.ok().and_then(|report| report.clone());
        report.ok_or(Unwatched::Gone)
    }

    /// What was read last, if anything was.
    #[must_use]
    pub fn latest(&self) -> Option<Arc<Report>> {
        self.latest.borrow().clone()
    }
}

#[expect(clippy::disallowed_methods, reason = "the clock of the sensors")]
fn watch(
    publish: &watch::Sender<Option<Arc<Report>>>,
    gone: &mpsc::Receiver<()>,
    interval: Duration,
    wishes: Wishes,
    mut heed: impl FnMut(Instant, Readings),
) {
    let mut sensors = Sensors::new("/");
    let machine = Arc::new(sensors.machine());
    let mut advice: Option<Arc<[advice::Advice]>> = None;
    loop {
        let at = Instant::now();
        let snapshot = sensors.read(at);
        let advice = advice.get_or_insert_with(|| {
            let all = advice::advise(&machine, &snapshot, wishes);
            for one in &all {
                tracing::warn!(topic = one.topic.label(), "{}", one.message);
            }
            all.into()
        });
        heed(at, snapshot.readings());
        publish.send_replace(Some(Arc::new(Report {
            at,
            machine: machine.clone(),
            snapshot,
            advice: advice.clone(),
        })));
        if gone.recv_timeout(interval) == Err(mpsc::RecvTimeoutError::Disconnected) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_machine_is_read_again_and_again_until_nobody_wants_it() {
        let settings = Settings {
            is_on: true,
            interval: Duration::from_millis(1),
        };
        let monitor = Monitor::start(settings, Wishes::default(), |_, _| ()).expect("a thread");
        let mut reports = monitor.latest.clone();
        let first = monitor.report().await.expect("a report");
        let is_later = |report: &Option<Arc<Report>>| {
            report.as_ref().is_some_and(|report| report.at > first.at)
        };
        reports.wait_for(is_later).await.expect("another");
        drop(monitor);
        while reports.changed().await.is_ok() {}
    }

    #[test]
    fn what_is_off_says_so() {
        let settings = Settings {
            is_on: false,
            ..Settings::default()
        };
        let refused = Monitor::start(settings, Wishes::default(), |_, _| ()).expect_err("off");
        assert!(refused.to_string().contains("arm.resources.monitoring"));
    }
}
