//! Owns: what `arm.audio` sets: the sound cards of this machine.
//! Never knows: how it is written in a file, and what a sound system does with it.

use super::Blank;
use crate::output::device::Backend;

section! {
    /// `arm.audio`.
    ArmAudio {
        /// Which sound system is used.
        backend: Backend,
        /// The device that is taken when none is named.
        device: String,
        /// In Hz, 44 100 or 48 000.
        sample_rate: u32,
        /// 1 or 2.
        channels: u32,
        /// Samples per channel that the card holds, 128 to 65 536; 0: as latency wants it.
        buffer_size: u32,
        /// Samples per channel between two wake-ups, 32 to half of that; 0: likewise.
        period_size: u32,
        /// Whether at most 50 ms may pass from the decoder to the card, in place of 100.
        low_latency: bool,
        /// Of all devices, in percent.
        volume: u32,
        /// The card's own control that sets it; empty: samples are made softer.
        mixer: String,
    }
}

impl ArmAudio {
    /// What cannot be: the key, and why.
    pub(in crate::config) fn mistake(&self) -> Option<(&'static str, String)> {
        let (buffer, period) = (self.buffer_size, self.period_size);
        if !crate::output::alsa::IS_THERE && self.backend == Backend::Alsa {
            let why = "alsa cannot be used by this build: take one with the feature alsa-backend (the packages for TV boxes \
have it), or set it to none";
            return Some(("arm.audio.backend", why.to_owned()));
        }
        if (1..128).contains(&buffer) {
            let why =
                format!("{buffer} is too few samples; allowed: 128 to 65536, or 0 for automatic");
            return Some(("arm.audio.buffer_size", why));
        }
        if (1..32).contains(&period) {
            let why =
                format!("{period} is too few samples; allowed: 32 to 32768, or 0 for automatic");
            return Some(("arm.audio.period_size", why));
        }
        if buffer > 0 && period > buffer / 2 {
            let why = format!(
                "{period} is more than half of arm.audio.buffer_size; allowed: 32 to {}, or 0 for automatic",
                buffer / 2
            );
            return Some(("arm.audio.period_size", why));
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_fits_twice_into_the_buffer() {
        let of = |buffer_size, period_size| {
            let audio = ArmAudio {
                buffer_size,
                period_size,
                ..ArmAudio::blank()
            };
            audio.mistake().map(|(key, _)| key)
        };
        for fine in [
            (0, 0),
            (0, 480),
            (128, 64),
            (4800, 960),
            (4800, 0),
            (65_536, 32_768),
        ] {
            assert_eq!(of(fine.0, fine.1), None, "{fine:?}");
        }
        for (buffer, period, key) in [
            (127, 0, "arm.audio.buffer_size"),
            (0, 31, "arm.audio.period_size"),
            (4800, 2401, "arm.audio.period_size"),
        ] {
            assert_eq!(of(buffer, period), Some(key), "{buffer} {period}");
        }
    }
}
