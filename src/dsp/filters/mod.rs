//! Owns: what every filter that keeps the sample count has in common, and how one is changed without a click.
//! Never knows: the order of the filters.

use crate::float::Float as _;
use core::f32::consts::PI;

pub(crate) mod channel_mix;
pub(crate) mod distortion;
pub(crate) mod equalizer;
pub(crate) mod karaoke;
mod lfo;
pub(crate) mod low_pass;
pub(crate) mod rotation;
pub(crate) mod tremolo;
pub(crate) mod vibrato;
pub(crate) mod volume;

/// A filter over a stereo stream that gives a sample for each sample.
pub(crate) trait Filter: Clone {
    /// What a client can set, within its bounds.
    type Settings: Copy + PartialEq;

    /// At the beginning of a stream; `None` when these settings change nothing in any company.
    fn new(settings: &Self::Settings) -> Option<Self>;

    /// Other settings for a running filter; state (history, phase) goes on.
    fn retune(&mut self, settings: &Self::Settings);

    /// Filters in place; both slices are equally long.
    fn process(&mut self, left: &mut [f32], right: &mut [f32]);

    /// The stream jumps: what came before must not be heard. Phases go on (reference R.3).
    fn reset(&mut self);

    /// Modulation goes back to the phase that it had so many samples ago.
    fn rewind(&mut self, _samples: u64) {}
}

/// Length of a change, in samples: 15 ms.
pub const FADE_SAMPLES: usize = 720;

/// Weight of the new sound in sample `n` of a change: half a cosine. The weights of old and new add up to one, because both come
/// from the same input and are alike; an equal-power law would make a bump of 3 dB.
fn rising(n: usize) -> f32 {
    0.5 - 0.5 * (PI * (n as f32 + 0.5) / FADE_SAMPLES as f32).cos()
}

/// Where one filter of a chain sits, or does not.
#[derive(Clone, Debug)]
pub(crate) struct Slot<F: Filter> {
    settings: Option<F::Settings>,
    filter: Option<F>,
    /// What sounded before a change: nothing, or a filter with its old settings.
    leaving: Option<F>,
    /// Samples of the change that are still to come.
    fade_left: usize,
}

impl<F: Filter> Slot<F> {
    /// At the beginning of a stream.
    pub fn new(settings: Option<F::Settings>) -> Self {
        Self {
            settings,
            filter: settings.as_ref().and_then(F::new),
            leaving: None,
            fade_left: 0,
        }
    }

    /// Whether a change is under way; another one has to wait.
    pub fn is_fading(&self) -> bool {
        self.fade_left > 0
    }

    /// Whether samples pass untouched.
    pub fn is_neutral(&self) -> bool {
        self.filter.is_none() && !self.is_fading()
    }

    /// Changes over to other settings during the next [`FADE_SAMPLES`]; nothing happens when they are the same.
    pub fn set(&mut self, settings: Option<F::Settings>) {
        if settings == self.settings {
            return;
        }
        self.settings = settings;
        self.leaving = self.filter.take();
        self.filter = settings.as_ref().and_then(|settings| match &self.leaving {
            Some(old) if F::new(settings).is_some() => {
                let mut filter = old.clone();
                filter.retune(settings);
                Some(filter)
            }
            _ => F::new(settings),
        });
        if self.filter.is_some() || self.leaving.is_some() {
            self.fade_left = FADE_SAMPLES;
        }
    }

    /// Filters in place.
    pub fn process(&mut self, left: &mut [f32], right: &mut [f32]) {
        if self.fade_left == 0 {
            if let Some(filter) = &mut self.filter {
                filter.process(left, right);
            }
            return;
        }
        let fading = self.fade_left.min(left.len());
        let mut old_left = [0.0; FADE_SAMPLES];
        let mut old_right = [0.0; FADE_SAMPLES];
        let (old_left, old_right) = (&mut old_left[..fading], &mut old_right[..fading]);
        old_left.copy_from_slice(&left[..fading]);
        old_right.copy_from_slice(&right[..fading]);
        if let Some(filter) = &mut self.leaving {
            filter.process(old_left, old_right);
        }
        if let Some(filter) = &mut self.filter {
            filter.process(left, right);
        }
        let first = FADE_SAMPLES - self.fade_left;
        for (new, old) in [(left, old_left), (right, old_right)] {
            for (n, (new, old)) in new.iter_mut().zip(old).enumerate() {
                *new = *old + rising(first + n) * (*new - *old);
            }
        }
        self.fade_left -= fading;
        if self.fade_left == 0 {
            self.leaving = None;
        }
    }

    /// The stream jumps; a change under way is done at once.
    pub fn reset(&mut self) {
        self.fade_left = 0;
        self.leaving = None;
        if let Some(filter) = &mut self.filter {
            filter.reset();
        }
    }

    /// Modulation goes back to the phase that it had so many samples ago.
    pub fn rewind(&mut self, samples: u64) {
        if let Some(filter) = &mut self.filter {
            filter.rewind(samples);
        }
    }
}
