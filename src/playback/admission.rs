//! Owns: how many tracks are played at once, and whether new ones are taken on.
//! Never knows: who asks, or what is short.

use std::sync::{
    Arc, Mutex, MutexGuard, PoisonError,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// Why a track or a player is not taken on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// As many are playing as may.
    #[error(
        "as many tracks play as arm.resources.max_concurrent_tracks allows ({0}); try again later"
    )]
    Full(
        /// How many that is.
        usize,
    ),
    /// The machine is short of something, in words.
    #[error("the node takes on nothing new: {0}; try again later")]
    Short(String),
}

/// Decides about all tracks of a program. Cheap to clone: the clones count together.
#[derive(Clone, Debug, Default)]
pub struct Admission(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// 0: any number.
    most: usize,
    playing: AtomicUsize,
    refused: AtomicU64,
    /// Why nothing new is taken on.
    shortage: Mutex<Option<String>>,
}

impl Inner {
    fn shortage(&self) -> MutexGuard<'_, Option<String>> {
        self.shortage.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to play one track. Dropping it makes room.
#[derive(Debug)]
pub struct Permit(Arc<Inner>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.playing.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Admission {
    /// Lets so many tracks play at once; 0 is any number.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Inner {
            most,
            ..Inner::default()
        }))
    }

    /// From now on nothing new is taken on, for this reason; or all is well again.
    pub fn set_shortage(&self, why: Option<String>) {
        *self.0.shortage() = why;
    }

    /// Whether something new is taken on, a player or the first track of one.
    ///
    /// # Errors
    /// When the machine is short of something.
    pub fn newcomer(&self) -> Result<(), Refusal> {
        match &*self.0.shortage() {
            Some(why) => Err(self.refused(Refusal::Short(why.clone()))),
            None => Ok(()),
        }
    }

    /// Takes a place.
    ///
    /// # Errors
    /// When as many play as may.
    pub fn take_place(&self) -> Result<Permit, Refusal> {
        let most = self.0.most;
        let one_more = |playing| (most == 0 || playing < most).then_some(playing + 1);
        let playing = &self.0.playing;
        match playing.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more) {
            Ok(_) => Ok(Permit(self.0.clone())),
            Err(_) => Err(self.refused(Refusal::Full(most))),
        }
    }

    fn refused(&self, refusal: Refusal) -> Refusal {
        self.0.refused.fetch_add(1, Ordering::Relaxed);
        refusal
    }

    /// Tracks that have a place now.
    #[must_use]
    pub fn playing(&self) -> usize {
        self.0.playing.load(Ordering::Relaxed)
    }

    /// How often somebody was refused since the start.
    #[must_use]
    pub fn refusals(&self) -> u64 {
        self.0.refused.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_than_the_limit_have_a_place_whoever_is_first() {
        let admission = Admission::new(8);
        let held: Vec<Permit> = std::thread::scope(|scope| {
            let ask = || -> Vec<Permit> {
                (0..100)
                    .filter_map(|_| admission.take_place().ok())
                    .collect()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(ask)).collect();
            threads
                .into_iter()
                .flat_map(|thread| thread.join().expect("it ends"))
                .collect()
        });
        assert_eq!((held.len(), admission.playing()), (8, 8));
        assert_eq!(admission.refusals(), 392);
        assert_eq!(admission.take_place().expect_err("full"), Refusal::Full(8));
        drop(held);
        assert_eq!(admission.playing(), 0);
        assert!(admission.take_place().is_ok());
    }

    #[test]
    fn a_shortage_turns_newcomers_away_and_leaves_places_alone() {
        let admission = Admission::default();
        assert_eq!(admission.newcomer(), Ok(()));
        admission.set_shortage(Some("no memory".into()));
        let refusal = admission.newcomer().expect_err("short");
        assert_eq!(
            refusal.to_string(),
            "the node takes on nothing new: no memory; try again later"
        );
        assert!(admission.take_place().is_ok());
        admission.set_shortage(None);
        assert_eq!(admission.newcomer(), Ok(()));
    }
}
