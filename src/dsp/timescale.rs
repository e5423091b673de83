//! Owns: speed and pitch (reference 4.6): a tempo change followed by a rate change.
//! Never knows: other filters.

use super::{
    resample::Resampler,
    spec::{FACTOR, TimescaleSpec},
    wsola::Wsola,
};
use crate::pcm::PcmBlock;

/// What is remembered of a stream for a rate that begins to change in the middle of it, in samples.
pub(super) const PAST: usize = 640;

/// What the three factors come to.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Factors {
    /// Faster without a change of pitch; above 1 input is dropped, below it is repeated.
    tempo: f64,
    /// Faster and higher at once.
    transposition: f64,
}

impl From<&TimescaleSpec> for Factors {
    /// `tempo * transposition` is how much faster it plays; both that and the transposition keep to [`FACTOR`].
    fn from(spec: &TimescaleSpec) -> Self {
        let clamp = |x: f64| x.clamp(FACTOR.0, FACTOR.1);
        let transposition = clamp(spec.pitch * spec.rate);
        let faster = clamp(spec.speed * spec.rate);
        let tempo = faster / transposition;
        // speed 1.2, pitch 1.2 is a mere change of rate, whatever the division leaves over.
        let tempo = if (tempo - 1.0).abs() < 1e-9 {
            1.0
        } else {
            tempo
        };
        Self {
            tempo,
            transposition,
        }
    }
}

/// Stretches and transposes a stream. A stage that has nothing to do is left out until it has; after that it stays, so
/// that a change never makes a gap.
#[derive(Clone, Debug)]
pub(crate) struct Timescale {
    factors: Factors,
    wsola: Option<Wsola>,
    rate: Option<Resampler>,
    /// The end of what has come between the stages.
    middle: PcmBlock,
}

impl Timescale {
    /// In a stream of which `past` came before.
    pub fn new(spec: &TimescaleSpec, past: &PcmBlock) -> Self {
        let mut timescale = Self {
            factors: Factors {
                tempo: 1.0,
                transposition: 1.0,
            },
            wsola: None,
            rate: None,
            middle: past.clone(),
        };
        timescale.set(spec);
        timescale
    }

    /// Other factors from now on.
    pub fn set(&mut self, spec: &TimescaleSpec) {
        self.factors = Factors::from(spec);
        let Factors {
            tempo,
            transposition,
        } = self.factors;
        // Pieces are as long as usual once they are heard.
        let scale = transposition.clamp(0.25, 1.0);
        match &mut self.wsola {
            Some(wsola) => wsola.set(tempo, scale),
            None if tempo != 1.0 => self.wsola = Some(Wsola::new(tempo, scale)),
            None => {}
        }
        match &mut self.rate {
            Some(rate) => rate.set_ratio(transposition),
            None if transposition != 1.0 => {
                let mut rate = Resampler::variable(transposition);
                rate.prime(&self.middle);
                self.rate = Some(rate);
            }
            None => {}
        }
    }

    /// Whether to spend less on it from now on.
    pub const fn set_hasty(&mut self, is_hasty: bool) {
        if let Some(wsola) = &mut self.wsola {
            wsola.set_hasty(is_hasty);
        }
    }

    /// Takes `input` and appends what is certain.
    pub fn process(&mut self, input: &PcmBlock, out: &mut PcmBlock) {
        self.middle.clear();
        match &mut self.wsola {
            Some(wsola) => wsola.process(input, &mut self.middle),
            None => self.middle.extend_from(input, 0..input.len()),
        }
        match &mut self.rate {
            Some(rate) => rate.process(&self.middle, out),
            None => out.extend_from(&self.middle, 0..self.middle.len()),
        }
        // all that a change of rate that begins with the next block wants
        self.middle
            .drop_front(self.middle.len().saturating_sub(PAST));
    }

    /// Gives back the memory that is of no use until more comes.
    pub fn rest(&mut self) {
        self.middle.shrink();
        if let Some(wsola) = &mut self.wsola {
            wsola.rest();
        }
        if let Some(rate) = &mut self.rate {
            rate.rest();
        }
    }

    /// Appends the rest and ends the stream.
    pub fn flush(&mut self, out: &mut PcmBlock) {
        self.flush_tempo(out);
        if let Some(rate) = &mut self.rate {
            rate.flush(out);
        }
    }

    /// Appends the rest and ends the stream in front of `next`, which goes on untouched; appends `next` too.
    pub fn hand_over(&mut self, next: &PcmBlock, out: &mut PcmBlock) {
        self.flush_tempo(out);
        // Without a change of rate the last sample is the one before `next`.
        let blended = self
            .rate
            .as_mut()
            .map_or(0, |rate| rate.hand_over(next, out));
        let from = out.len() - blended;
        for (to, next) in out.channels.iter_mut().zip(&next.channels) {
            for (n, (old, new)) in to[from..].iter_mut().zip(next).enumerate() {
                *old += (new - *old) * (n as f32 + 0.5) / blended as f32;
            }
        }
        out.extend_from(next, blended..next.len());
    }

    /// Gives the tempo's rest to the rate, or out.
    fn flush_tempo(&mut self, out: &mut PcmBlock) {
        self.middle.clear();
        if let Some(wsola) = &mut self.wsola {
            wsola.flush(&mut self.middle);
        }
        match &mut self.rate {
            Some(rate) => rate.process(&self.middle, out),
            None => out.extend_from(&self.middle, 0..self.middle.len()),
        }
    }

    /// Input samples taken and not yet heard.
    pub fn held(&self) -> f64 {
        let waiting = self.rate.as_ref().map_or(0.0, Resampler::held);
        self.wsola.as_ref().map_or(0.0, Wsola::held) + waiting * self.factors.tempo
    }
}
