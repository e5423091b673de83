//! Owns: the filter tables of the resampler: how long, how steep, computed once and shared by all players.
//! Never knows: samples.

use super::tables;
use crate::float::Float as _;
use crate::kernel::STEP;
use alloc::{sync::Arc, vec::Vec};
use core::f64::consts::PI;

/// How steep the resampler's filter is: Lavalink's `resamplingQuality`.
///
/// Measured from 44.1 to 48 kHz with [`Resampler`](super::Resampler); `examples/dsp_bench.rs` prints the table.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResamplingQuality {
    /// 32 taps: flat to 18 kHz, images below −60 dB. Lavalink has no name for it; it is for machines that are short of time.
    Draft,
    /// 64 taps: flat to 19 kHz, images below −85 dB.
    #[default]
    Low,
    /// 96 taps: flat to 20 kHz, images below −100 dB.
    Medium,
    /// 128 taps: flat to 20 kHz, images below −114 dB.
    High,
}

impl ResamplingQuality {
    /// Those that Lavalink has names for, from the cheapest to the best.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];
}

/// A filter in figures.
struct Design {
    /// Filter length in input samples when the rate rises; grows with the ratio when it falls.
    taps: usize,
    /// The −6 dB point against the lower of both Nyquist frequencies.
    cutoff: f64,
    /// Kaiser's shape parameter: stop band ≈ `beta / 0.1102 + 8.7` dB.
    beta: f64,
}

/// What a filter is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Purpose {
    /// From one sample rate to another: at 44.1 kHz every hertz below 20 kHz counts.
    Rate(ResamplingQuality),
    /// Transposing at 48 kHz: Opus ends at 20 kHz, so the filter may fall from there to 24 kHz. That makes it short, flat to
    /// 19.7 kHz, and images stay below −128 dB.
    Transposition,
    /// Reading between samples at 48 kHz: short, and flat to 20 kHz.
    Join,
}

impl Purpose {
    /// Samples before the centre of the longest filter, for ratios up to `max`.
    pub(crate) fn longest_half(self, max: f64) -> usize {
        (self.design().taps as f64 * max) as usize / 2 + STEP
    }

    /// Qualities were chosen by measuring tones at 1 to 20 kHz: the transition band ends where the image of a 20.9 kHz tone
    /// lies.
    const fn design(self) -> Design {
        match self {
            Self::Rate(ResamplingQuality::Draft) => Design {
                taps: 32,
                cutoff: 1.0,
                beta: 6.5,
            },
            Self::Rate(ResamplingQuality::Low) => Design {
                taps: 64,
                cutoff: 0.968,
                beta: 8.6,
            },
            Self::Rate(ResamplingQuality::Medium) => Design {
                taps: 96,
                cutoff: 0.968,
                beta: 10.2,
            },
            Self::Rate(ResamplingQuality::High) => Design {
                taps: 128,
                cutoff: 0.968,
                beta: 11.6,
            },
            Self::Transposition => Design {
                taps: 64,
                cutoff: 0.9,
                beta: 13.0,
            },
            Self::Join => Design {
                taps: 32,
                cutoff: 1.0,
                beta: 8.0,
            },
        }
    }
}

/// Ratios whose reduced denominator is at most this get a row per exact phase (44.1 kHz to 48 kHz: 160; 11.025: 640).
const MAX_EXACT_PHASES: u64 = 640;
/// Rows of the table between which other ratios interpolate: the error of a straight line between neighbours is at most
/// π²/8/512² of a coefficient, −106 dB.
const INTERPOLATED_PHASES: u64 = 512;

/// Rows of a windowed sinc, one per phase.
#[derive(Debug)]
pub(crate) struct Table {
    /// `phases` rows of `taps` coefficients; one row more (the first, one sample later) when `interpolated`.
    pub rows: Vec<f32>,
    /// Length of a row: even, and a multiple of [`STEP`].
    pub taps: usize,
    /// Rows per input sample.
    pub phases: u64,
    /// Whether positions fall between rows.
    pub interpolated: bool,
}

/// What tells one table from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) from: u64,
    to: u64,
    exact: bool,
    purpose: Purpose,
}

/// The table for a reduced ratio; computed unless a living resampler has it.
///
/// `exact` asks for a row per phase where that is possible; without it the position may be any fraction.
pub(crate) fn table(from: u64, to: u64, exact: bool, purpose: Purpose) -> Arc<Table> {
    let exact = exact && to <= MAX_EXACT_PHASES;
    let (from, to) = if exact {
        (from, to)
    } else {
        // Such a table depends on the ratio only through the cutoff, so neighbours share one; a rising rate needs none.
        (from.saturating_mul(32).div_ceil(to).max(32), 32)
    };
    tables::of(Key {
        from,
        to,
        exact,
        purpose,
    })
}

impl Table {
    pub(super) fn compute(key: &Key) -> Self {
        let design = key.purpose.design();
        let fall = (key.from as f64 / key.to as f64).max(1.0);
        let taps = ((design.taps as f64 * fall).ceil() as usize).next_multiple_of(STEP);
        // A filter stretched by a falling ratio changes less from row to row, so fewer rows do.
        let phases = if key.exact {
            key.to
        } else {
            ((INTERPOLATED_PHASES as f64 / fall).ceil() as u64).max(16)
        };
        let rows = if key.exact { phases } else { phases + 1 };
        let scale = 1.0 / bessel_i0(design.beta);
        let cutoff = design.cutoff / fall;
        let half = taps as f64 / 2.0;
        let mut table = Vec::with_capacity(rows as usize * taps);
        let mut row = vec![0.0f64; taps];
        for phase in 0..rows {
            let fraction = phase as f64 / phases as f64;
            for (k, c) in row.iter_mut().enumerate() {
                // Distance of tap k from the wanted instant, in input samples.
                let t = k as f64 + 1.0 - half - fraction;
                let edge = 1.0 - (t / half).powi(2);
                let window = if edge > 0.0 {
                    bessel_i0(design.beta * edge.sqrt()) * scale
                } else {
                    0.0
                };
                *c = sinc(cutoff * t) * window;
            }
            // Every row sums to one, so a constant stays a constant.
            let sum: f64 = row.iter().sum();
            table.extend(row.iter().map(|c| (c / sum) as f32));
        }
        Self {
            rows: table,
            taps,
            phases,
            interpolated: !key.exact,
        }
    }
}

/// sin(πx) / πx.
fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 {
        1.0
    } else {
        (PI * x).sin() / (PI * x)
    }
}

/// The modified Bessel function of the first kind and order zero, by its power series (Abramowitz and Stegun 9.6.12).
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut sum, mut term, mut k) = (1.0, 1.0, 1.0);
    while term > sum * 1e-14 {
        term *= quarter / (k * k);
        sum += term;
        k += 1.0;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOW: Purpose = Purpose::Rate(ResamplingQuality::Low);

    #[test]
    fn the_bessel_function_has_its_tabulated_values() {
        // Abramowitz and Stegun, table 9.8: e^-x I0(x).
        for (x, want) in [
            (1.0, 0.465_759_607_7),
            (5.0, 0.183_540_812_6),
            (10.0, 0.127_833_337_2),
        ] {
            assert!((bessel_i0(x) * f64::exp(-x) - want).abs() < 1e-9);
        }
    }

    #[test]
    fn a_falling_rate_makes_the_filter_longer_and_not_the_table() {
        let down = table(1_280_001, 80_000, true, LOW);
        assert!(down.taps >= 1024 && down.rows.len() < 40_000);
    }
}
