//! Owns: what a client may ask of the ten filters: values, defaults, when a filter counts, what cannot be processed.
//! Never knows: JSON, or how a filter is computed.

/// Number of equalizer bands.
pub const BANDS: usize = 15;

/// A whole set of filters, as one `filters` object describes it. `None`: the filter is absent.
///
/// Values are kept as the client sent them; [`Chain`](super::Chain) works with [`FilterSpec::clamped`].
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FilterSpec {
    /// Factor by Lavalink's curve, 0.0 to 5.0.
    pub volume: Option<f32>,
    /// Gains of fifteen bands.
    pub equalizer: Option<EqualizerSpec>,
    /// Removes the centre.
    pub karaoke: Option<KaraokeSpec>,
    /// Speed and pitch.
    pub timescale: Option<TimescaleSpec>,
    /// Loudness that trembles.
    pub tremolo: Option<TremoloSpec>,
    /// Pitch that trembles.
    pub vibrato: Option<VibratoSpec>,
    /// A curve through sine, cosine and tangent.
    pub distortion: Option<DistortionSpec>,
    /// Sound that walks around the listener.
    pub rotation: Option<RotationSpec>,
    /// A 2 × 2 matrix.
    pub channel_mix: Option<ChannelMixSpec>,
    /// A one-pole low pass.
    pub low_pass: Option<LowPassSpec>,
}

/// Gain per band; 0 changes nothing, −0.25 takes a band's centre away, 1.0 is five times as loud.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct EqualizerSpec {
    /// Gains of the bands at 25 Hz to 16 kHz.
    pub gains: [f32; BANDS],
}

impl EqualizerSpec {
    /// From a list of band (0 to 14) and gain; of two entries for a band the last counts, others are none.
    pub fn from_bands(bands: impl IntoIterator<Item = (u8, f32)>) -> Self {
        let mut spec = Self::default();
        for (band, gain) in bands {
            if let Some(slot) = spec.gains.get_mut(usize::from(band)) {
                *slot = gain;
            }
        }
        spec
    }
}

/// Declares the values of one filter with their defaults (reference 4.3).
macro_rules! values {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty = $default:expr,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub struct $name {
            $($(#[$field_doc])* pub $field: $type,)+
        }

        impl Default for $name {
            fn default() -> Self {
                Self { $($field: $default,)+ }
            }
        }
    };
}

values! {
    /// Takes away what both channels share and gives a narrow band of it back.
    KaraokeSpec {
        /// How much of the other channel is taken away, 0 to 1.
        level: f32 = 1.0,
        /// How much of the band comes back, 0 to 1.
        mono_level: f32 = 1.0,
        /// Centre of the band, in Hz.
        filter_band: f32 = 220.0,
        /// Width of the band, in Hz.
        filter_width: f32 = 100.0,
    }
}

values! {
    /// Plays `speed * rate` times as fast, `pitch * rate` times as high.
    TimescaleSpec {
        /// Tempo without pitch.
        speed: f64 = 1.0,
        /// Pitch without tempo.
        pitch: f64 = 1.0,
        /// Both, as a turntable does.
        rate: f64 = 1.0,
    }
}

/// What positions count while a time-scale is on: `audio.timescalePosition`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TimescalePosition {
    /// The track's own time: at speed 2 a position runs twice as fast as the clock.
    #[default]
    Track,
    /// What has been heard, as in Lavalink: from where it began, or was sought to, positions run with the clock, whatever
    /// the speed (reference 4.2 and R.1.33). Also once the time-scale is off, up to the next seek.
    Output,
}

impl TimescalePosition {
    /// Both, as they are listed for the configuration.
    pub const ALL: [Self; 2] = [Self::Track, Self::Output];
}

values! {
    /// Amplitude between `1 - depth` and 1.
    TremoloSpec {
        /// Swings per second.
        frequency: f32 = 2.0,
        /// 0 (nothing) to 1 (down to silence).
        depth: f32 = 0.5,
    }
}

values! {
    /// A delay that swings between 3 and `3 + 96 * depth` samples.
    VibratoSpec {
        /// Swings per second, at most 14.
        frequency: f32 = 2.0,
        /// 0 (nothing) to 1 (2 ms).
        depth: f32 = 0.5,
    }
}

values! {
    /// Opposite amplitudes left and right.
    RotationSpec {
        /// Turns per second; negative turns the other way.
        rotation_hz: f64 = 0.0,
    }
}

values! {
    /// `offset + scale * (sin_offset + sin(x * sin_scale)) * (cos_offset + cos(x * cos_scale)) * (tan_offset + tan(x * tan_scale))`
    DistortionSpec {
        /// Added to the sine.
        sin_offset: f32 = 0.0,
        /// Factor in the sine.
        sin_scale: f32 = 1.0,
        /// Added to the cosine.
        cos_offset: f32 = 0.0,
        /// Factor in the cosine.
        cos_scale: f32 = 1.0,
        /// Added to the tangent.
        tan_offset: f32 = 0.0,
        /// Factor in the tangent.
        tan_scale: f32 = 1.0,
        /// Added to the product.
        offset: f32 = 0.0,
        /// Factor of the product.
        scale: f32 = 1.0,
    }
}

values! {
    /// What of each channel goes where, 0 to 1.
    ChannelMixSpec {
        /// Left in, left out.
        left_to_left: f32 = 1.0,
        /// Left in, right out.
        left_to_right: f32 = 0.0,
        /// Right in, left out.
        right_to_left: f32 = 0.0,
        /// Right in, right out.
        right_to_right: f32 = 1.0,
    }
}

values! {
    /// Each output goes `1 / smoothing` of the way to the input.
    LowPassSpec {
        /// 1 is no filter; greater is duller.
        smoothing: f32 = 20.0,
    }
}

/// A value that cannot be processed as it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Problem {
    /// The field as the API names it, such as `tremolo.depth`.
    pub field: &'static str,
    /// What the client sent.
    pub value: f64,
    /// The least and the greatest value that is processed as it is.
    pub allowed: (f64, f64),
}

/// Values without a natural bound stay finite through the whole chain if they are no larger than this.
const FINITE: (f64, f64) = (-1e6, 1e6);
/// Bounds of each time-scale factor; the products `speed * rate` and `pitch * rate` keep to them as well.
pub(crate) const FACTOR: (f64, f64) = (0.05, 20.0);

/// A number of either width, for the walk over all fields.
enum Number<'a> {
    Single(&'a mut f32),
    Double(&'a mut f64),
}

/// Sees a value: its API name, its bounds, and the value itself.
type Visitor<'a> = dyn FnMut(&'static str, (f64, f64), Number) + 'a;

impl FilterSpec {
    /// Whether any filter does something: only then the original builds a chain, and then of *all* filters present,
    /// also those that are neutral by themselves (reference 4.1, "enabled when").
    #[must_use]
    pub fn is_active(&self) -> bool {
        let Self {
            volume,
            equalizer,
            karaoke,
            timescale,
            tremolo,
            vibrato,
            distortion,
            rotation,
            channel_mix,
            low_pass,
        } = self;
        volume.is_some_and(|v| v != 1.0)
            || equalizer.is_some_and(|e| e.gains.iter().any(|&gain| gain != 0.0))
            || karaoke.is_some()
            || timescale.is_some_and(|t| t != TimescaleSpec::default())
            || tremolo.is_some_and(|t| t.depth != 0.0)
            || vibrato.is_some_and(|v| v.depth != 0.0)
            || distortion.is_some_and(|d| d != DistortionSpec::default())
            || rotation.is_some_and(|r| r.rotation_hz != 0.0)
            || channel_mix.is_some_and(|m| m != ChannelMixSpec::default())
            || low_pass.is_some_and(|l| l.smoothing > 1.0)
    }

    /// The first value that cannot be processed as it is, if any.
    ///
    /// The original accepts such values with 200 and ends the track later; ours plays on with the nearest allowed
    /// value, so this is for a message and for clients that want to be told.
    #[must_use]
    pub fn problem(&self) -> Option<Problem> {
        let mut found = None;
        self.clone().walk(&mut |field, allowed, number| {
            let value = match number {
                Number::Single(x) => f64::from(*x),
                Number::Double(x) => *x,
            };
            if found.is_none() && !(allowed.0..=allowed.1).contains(&value) {
                found = Some(Problem {
                    field,
                    value,
                    allowed,
                });
            }
        });
        found
    }

    /// The same with every value moved to the nearest allowed one (and NaN to the one nearest zero).
    #[must_use]
    pub fn clamped(&self) -> Self {
        let nearest =
            |x: f64, (low, high): (f64, f64)| if x.is_nan() { 0.0f64 } else { x }.clamp(low, high);
        let mut spec = self.clone();
        spec.walk(&mut |_, allowed, number| match number {
            Number::Single(x) => *x = nearest(f64::from(*x), allowed) as f32,
            Number::Double(x) => *x = nearest(*x, allowed),
        });
        spec
    }

    /// How many samples of the track are heard in the time of one: 1 without a time-scale.
    #[must_use]
    pub fn pace(&self) -> f64 {
        let scale = self.effective().timescale.unwrap_or_default();
        (scale.speed * scale.rate).clamp(FACTOR.0, FACTOR.1)
    }

    /// Whether a time-scale is on: then what is heard lies a tenth of a second behind what the filters have taken, and a
    /// change is heard at once only by [`Chain::restart`](super::Chain::restart).
    #[must_use]
    pub fn is_scaled(&self) -> bool {
        self.effective()
            .timescale
            .is_some_and(|scale| scale != TimescaleSpec::default())
    }

    /// What a chain builds: nothing unless active, else all present filters within their bounds.
    pub(crate) fn effective(&self) -> Self {
        if self.is_active() {
            self.clamped()
        } else {
            Self::default()
        }
    }

    /// Visits every value that is present, with its API name and its bounds: those of lavadsp's setters where they
    /// refuse (reference 4.3), else where the formula would become unstable or leave the range of a float.
    fn walk(&mut self, visit: &mut Visitor) {
        use Number::{Double, Single};
        if let Some(volume) = &mut self.volume {
            visit("volume", (0.0, 5.0), Single(volume));
        }
        if let Some(e) = &mut self.equalizer {
            for gain in &mut e.gains {
                visit("equalizer.gain", FINITE, Single(gain));
            }
        }
        if let Some(k) = &mut self.karaoke {
            visit("karaoke.level", FINITE, Single(&mut k.level));
            visit("karaoke.monoLevel", FINITE, Single(&mut k.mono_level));
            visit("karaoke.filterBand", FINITE, Single(&mut k.filter_band));
            visit(
                "karaoke.filterWidth",
                (0.0, FINITE.1),
                Single(&mut k.filter_width),
            );
        }
        if let Some(t) = &mut self.timescale {
            visit("timescale.speed", FACTOR, Double(&mut t.speed));
            visit("timescale.pitch", FACTOR, Double(&mut t.pitch));
            visit("timescale.rate", FACTOR, Double(&mut t.rate));
        }
        if let Some(t) = &mut self.tremolo {
            visit(
                "tremolo.frequency",
                (0.001, FINITE.1),
                Single(&mut t.frequency),
            );
            visit("tremolo.depth", (0.0, 1.0), Single(&mut t.depth));
        }
        if let Some(v) = &mut self.vibrato {
            visit("vibrato.frequency", (0.001, 14.0), Single(&mut v.frequency));
            visit("vibrato.depth", (0.0, 1.0), Single(&mut v.depth));
        }
        if let Some(d) = &mut self.distortion {
            visit("distortion.sinOffset", FINITE, Single(&mut d.sin_offset));
            visit("distortion.sinScale", FINITE, Single(&mut d.sin_scale));
            visit("distortion.cosOffset", FINITE, Single(&mut d.cos_offset));
            visit("distortion.cosScale", FINITE, Single(&mut d.cos_scale));
            visit("distortion.tanOffset", FINITE, Single(&mut d.tan_offset));
            visit("distortion.tanScale", FINITE, Single(&mut d.tan_scale));
            visit("distortion.offset", FINITE, Single(&mut d.offset));
            visit("distortion.scale", FINITE, Single(&mut d.scale));
        }
        if let Some(r) = &mut self.rotation {
            visit("rotation.rotationHz", FINITE, Double(&mut r.rotation_hz));
        }
        if let Some(m) = &mut self.channel_mix {
            visit("channelMix.leftToLeft", FINITE, Single(&mut m.left_to_left));
            visit(
                "channelMix.leftToRight",
                FINITE,
                Single(&mut m.left_to_right),
            );
            visit(
                "channelMix.rightToLeft",
                FINITE,
                Single(&mut m.right_to_left),
            );
            visit(
                "channelMix.rightToRight",
                FINITE,
                Single(&mut m.right_to_right),
            );
        }
        if let Some(l) = &mut self.low_pass {
            // Below 0.5 it grows without end. At 0.5 the pole stands on the unit circle: a ringing at 24 kHz, recorded from
            // the original.
            visit(
                "lowPass.smoothing",
                (0.5, FINITE.1),
                Single(&mut l.smoothing),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neutral_filters_do_not_count() {
        let neutral = FilterSpec {
            volume: Some(1.0),
            equalizer: Some(EqualizerSpec::default()),
            timescale: Some(TimescaleSpec::default()),
            tremolo: Some(TremoloSpec {
                depth: 0.0,
                ..Default::default()
            }),
            vibrato: Some(VibratoSpec {
                depth: 0.0,
                ..Default::default()
            }),
            distortion: Some(DistortionSpec::default()),
            rotation: Some(RotationSpec::default()),
            channel_mix: Some(ChannelMixSpec::default()),
            low_pass: Some(LowPassSpec { smoothing: 1.0 }),
            karaoke: None,
        };
        assert!(!neutral.is_active() && !FilterSpec::default().is_active());
        assert_eq!(neutral.effective(), FilterSpec::default());
        assert!(
            FilterSpec {
                karaoke: Some(KaraokeSpec::default()),
                ..neutral.clone()
            }
            .is_active()
        );
        assert!(
            FilterSpec {
                volume: Some(0.5),
                ..neutral.clone()
            }
            .is_active()
        );
        assert!(
            FilterSpec {
                low_pass: Some(LowPassSpec::default()),
                ..neutral
            }
            .is_active()
        );
    }

    #[test]
    fn the_first_impossible_value_is_named_with_what_is_allowed() {
        let spec = FilterSpec {
            tremolo: Some(TremoloSpec {
                frequency: 0.0,
                depth: 2.0,
            }),
            ..Default::default()
        };
        let problem = spec.problem().unwrap();
        assert_eq!((problem.field, problem.value), ("tremolo.frequency", 0.0));
        let clamped = spec.clamped();
        assert_eq!(
            clamped.tremolo,
            Some(TremoloSpec {
                frequency: 0.001,
                depth: 1.0
            })
        );
        assert_eq!(clamped.problem(), None);
        let nothing = FilterSpec {
            volume: Some(f32::NAN),
            ..Default::default()
        };
        assert!(nothing.problem().is_some());
        assert_eq!(nothing.clamped().volume, Some(0.0));
    }

    #[test]
    fn of_two_gains_for_a_band_the_last_counts() {
        let spec = EqualizerSpec::from_bands([(3, 0.5), (14, 1.0), (15, 1.0), (3, -0.25)]);
        assert_eq!(
            (spec.gains[3], spec.gains[14], spec.gains[0]),
            (-0.25, 1.0, 0.0)
        );
    }
}
