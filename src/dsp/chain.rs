//! Owns: the order in which filters hear the sound, and their change while it plays.
//! Never knows: formulas, JSON, or players.

use super::{
    filters::{
        Slot, channel_mix::ChannelMix, distortion::Distortion, equalizer::Equalizer,
        karaoke::Karaoke, low_pass::LowPass, rotation::Rotation, tremolo::Tremolo,
        vibrato::Vibrato, volume::Volume,
    },
    spec::{FilterSpec, TimescaleSpec},
    timescale::{PAST, Timescale},
};
use crate::{
    kernel::kernels,
    pcm::{PcmBlock, Scratch},
};

/// Samples no louder than this are taken as they are; with it, the bounds of [`FilterSpec::clamped`] keep every
/// intermediate value finite. Nothing that was recorded comes near.
const LOUDEST: f32 = 16.0;

/// All filters of a player, in the original's order: low pass, channel mix, rotation, distortion, vibrato, tremolo,
/// time-scale, karaoke, equalizer, volume (reference 4.2).
///
/// Values that cannot be processed are replaced by the nearest that can ([`FilterSpec::clamped`]); whatever the input
/// and the values, the output is finite. Changes crossfade over 15 ms and keep the state of filters that stay.
#[derive(Clone, Debug)]
pub struct Chain {
    /// What is in force, within bounds; empty when no filter is active.
    spec: FilterSpec,
    /// What is to come as soon as a change under way is done.
    pending: Option<FilterSpec>,
    before: Before,
    timescale: Option<Timescale>,
    after: After,
    work: Scratch<PcmBlock>,
    past: PcmBlock,
    taken: u64,
    /// Samples still to come that are heard by the filters and by nobody else.
    lead: usize,
    is_hasty: bool,
}

/// What the time-scale hears.
#[derive(Clone, Debug)]
struct Before {
    low_pass: Slot<LowPass>,
    channel_mix: Slot<ChannelMix>,
    rotation: Slot<Rotation>,
    distortion: Slot<Distortion>,
    vibrato: Slot<Vibrato>,
    tremolo: Slot<Tremolo>,
}

/// What hears the time-scale.
#[derive(Clone, Debug)]
struct After {
    karaoke: Slot<Karaoke>,
    equalizer: Slot<Equalizer>,
    volume: Slot<Volume>,
}

/// Implements for a section what is the same for each of its filters, in the order in which the sound passes them.
macro_rules! section {
    ($name:ident { $($slot:ident),+ }) => {
        impl $name {
            fn new(spec: &FilterSpec) -> Self {
                Self { $($slot: Slot::new(spec.$slot)),+ }
            }

            fn set(&mut self, spec: &FilterSpec) {
                $(self.$slot.set(spec.$slot);)+
            }

            fn is_fading(&self) -> bool {
                $(self.$slot.is_fading())||+
            }

            fn is_neutral(&self) -> bool {
                $(self.$slot.is_neutral())&&+
            }

            /// Filters samples `from` and later of a block.
            fn process(&mut self, block: &mut PcmBlock, from: usize) {
                let [left, right] = &mut block.channels;
                $(self.$slot.process(&mut left[from..], &mut right[from..]);)+
            }

            fn reset(&mut self) {
                $(self.$slot.reset();)+
            }

        }
    };
}

section!(Before {
    low_pass,
    channel_mix,
    rotation,
    distortion,
    vibrato,
    tremolo
});
section!(After {
    karaoke,
    equalizer,
    volume
});

impl Chain {
    /// The filters of a spec at the beginning of a stream; nothing fades in.
    #[must_use]
    pub fn new(spec: &FilterSpec) -> Self {
        let spec = spec.effective();
        Self {
            before: Before::new(&spec),
            after: After::new(&spec),
            spec,
            pending: None,
            timescale: None,
            work: Scratch::default(),
            past: PcmBlock::default(),
            taken: 0,
            lead: 0,
            is_hasty: false,
        }
    }

    /// Changes over to another spec with the next block, without a click. While an earlier change is still under way
    /// (15 ms) the new one waits; of several that wait, the last counts.
    pub fn update(&mut self, spec: &FilterSpec) {
        self.pending = Some(spec.effective());
    }

    /// Whether the time-scale is to be made with less work, a little less purely, from now on.
    pub const fn set_hasty(&mut self, is_hasty: bool) {
        self.is_hasty = is_hasty;
    }

    /// Whether samples pass untouched and one for one: no filter is on and no change is under way. Then the chain may be
    /// left out altogether.
    #[must_use]
    pub fn is_neutral(&self) -> bool {
        self.pending.is_none()
            && self.lead == 0
            && self.timescale().is_none()
            && self.timescale.is_none()
            && self.is_plain()
    }

    /// Filters `input` and appends the output to `out`: as many samples, unless a time-scale is on; then what is certain
    /// by now, up to twenty times as many.
    pub fn process(&mut self, input: &PcmBlock, out: &mut PcmBlock) {
        if input.is_empty() {
            return;
        }
        self.apply_pending();
        let lead = self.lead.min(input.len());
        if lead > 0 {
            self.lead -= lead;
            self.hear(input, lead);
            let mut rest = PcmBlock::default();
            rest.extend_from(input, lead..input.len());
            return self.process(&rest, out);
        }
        self.taken += input.len() as u64;
        let from = out.len();
        let wanted = self.timescale();
        if self.timescale.is_none() && wanted.is_none() {
            out.extend_from(input, 0..input.len());
            tame(out, from);
            self.before.process(out, from);
            self.remember(out, from);
        } else {
            let mut work = core::mem::take(&mut self.work.0);
            work.clear();
            work.extend_from(input, 0..input.len());
            tame(&mut work, 0);
            self.before.process(&mut work, 0);
            self.stretch(wanted, &work, out);
            self.remember(&work, 0);
            self.work.0 = work;
        }
        self.after.process(out, from);
    }

    /// Gives back the memory that is of no use until more comes.
    pub fn rest(&mut self) {
        self.work = Scratch::default();
        if let Some(timescale) = &mut self.timescale {
            timescale.rest();
        }
    }

    /// Appends what is still inside, as if silence followed; the next block begins a new stream.
    pub fn flush(&mut self, out: &mut PcmBlock) {
        let from = out.len();
        self.lead = 0;
        if let Some(timescale) = &mut self.timescale {
            timescale.flush(out);
        }
        self.after.process(out, from);
        let taken = self.taken;
        self.reset();
        self.taken = taken;
    }

    /// The stream jumps: nothing of what came before will be heard, a change under way is done at once, and
    /// [`track_time`](Self::track_time) begins at zero again. Modulation goes on in its phase.
    pub fn reset(&mut self) {
        self.before.reset();
        self.after.reset();
        self.past.clear();
        self.taken = 0;
        self.lead = 0;
        self.timescale = None;
        if let Some(spec) = self.pending.take() {
            // Phases of filters that stay go on here too.
            self.set(spec);
            self.before.reset();
            self.after.reset();
        }
    }

    /// Goes back by `back` samples of input and on from there with another spec at once: nothing fades, and modulation is in
    /// the phase that it had there. Of the input that comes now, the first `lead` samples are heard by the filters and
    /// nobody else, so that they are in their stride when the output begins.
    pub fn restart(&mut self, spec: &FilterSpec, back: u64, lead: usize) {
        let Before {
            tremolo,
            vibrato,
            rotation,
            ..
        } = &mut self.before;
        tremolo.rewind(back);
        vibrato.rewind(back);
        rotation.rewind(back);
        self.update(spec);
        self.reset();
        self.lead = lead;
    }

    /// Lets the filters hear the first `len` samples.
    fn hear(&mut self, input: &PcmBlock, len: usize) {
        let mut work = core::mem::take(&mut self.work.0);
        work.clear();
        work.extend_from(input, 0..len);
        tame(&mut work, 0);
        self.before.process(&mut work, 0);
        self.remember(&work, 0);
        self.after.process(&mut work, 0);
        self.work.0 = work;
    }

    /// Input samples taken that no output corresponds to yet: under a time-scale only.
    #[must_use]
    pub fn held(&self) -> f64 {
        self.timescale.as_ref().map_or(0.0, Timescale::held)
    }

    /// How many input samples the output made so far corresponds to, since the beginning or the last
    /// [`reset`](Self::reset): exact on average under a time-scale, and equal to the number of samples taken without one
    /// and after [`flush`](Self::flush).
    #[must_use]
    pub fn track_time(&self) -> f64 {
        self.taken as f64 - self.held()
    }

    /// The time-scale in force, unless it is neutral.
    fn timescale(&self) -> Option<TimescaleSpec> {
        self.spec
            .timescale
            .filter(|spec| *spec != TimescaleSpec::default())
    }

    /// Whether every filter but the time-scale lets samples pass.
    fn is_plain(&self) -> bool {
        self.before.is_neutral() && self.after.is_neutral()
    }

    fn apply_pending(&mut self) {
        if self.before.is_fading() || self.after.is_fading() {
            return;
        }
        if let Some(spec) = self.pending.take() {
            self.set(spec);
        }
    }

    fn set(&mut self, spec: FilterSpec) {
        self.before.set(&spec);
        self.after.set(&spec);
        self.spec = spec;
    }

    /// Runs the time-scale, begins one or ends one, as the spec in force wants it.
    fn stretch(&mut self, wanted: Option<TimescaleSpec>, input: &PcmBlock, out: &mut PcmBlock) {
        match (&mut self.timescale, wanted) {
            (Some(timescale), Some(spec)) => {
                timescale.set(&spec);
                timescale.set_hasty(self.is_hasty);
                timescale.process(input, out);
            }
            (None, Some(spec)) => {
                let timescale = self.timescale.insert(Timescale::new(&spec, &self.past));
                timescale.set_hasty(self.is_hasty);
                timescale.process(input, out);
            }
            (Some(timescale), None) => {
                // What it holds comes first and ends where this block begins.
                timescale.hand_over(input, out);
                self.timescale = None;
            }
            (None, None) => out.extend_from(input, 0..input.len()),
        }
    }

    /// Keeps the end of what the time-scale would have heard.
    fn remember(&mut self, block: &PcmBlock, from: usize) {
        let from = from.max(block.len().saturating_sub(PAST));
        let len = block.len() - from;
        self.past.drop_front(
            (self.past.len() + len)
                .saturating_sub(PAST)
                .min(self.past.len()),
        );
        self.past.extend_from(block, from..block.len());
    }
}

/// Makes samples from `from` on finite: what is not a number is silence, what is far too loud is limited.
fn tame(block: &mut PcmBlock, from: usize) {
    for channel in &mut block.channels {
        (kernels().limit)(&mut channel[from..], LOUDEST);
    }
}
