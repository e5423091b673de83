//! Owns: the calls of alsa-lib for one open device: what is agreed with the card, and the samples that it is given.
//! Never knows: players, threads, what is done when a call fails.

use super::{
    feed::Sink,
    shape::{Sample, Shape},
};
use crate::output::device::Settings;
use alsa::{
    Direction, ValueOr,
    pcm::{Access, Format, Frames, HwParams, PCM},
};
use std::ffi::CString;

/// Of a device's formats, the first of these is taken: first those that lose nothing.
const FORMATS: [(Format, Sample, bool); 6] = [
    (Format::S32LE, Sample::S32, false),
    (Format::FloatLE, Sample::F32, false),
    (Format::S32BE, Sample::S32, true),
    (Format::FloatBE, Sample::F32, true),
    (Format::S16LE, Sample::S16, false),
    (Format::S16BE, Sample::S16, true),
];
/// Rates that are asked for, besides that of the settings, before any other is taken.
const RATES: [u32; 2] = [48_000, 44_100];
/// More channels are not given to any card: HDMI has eight, the largest studio cards have more by far.
const MAX_CHANNELS: u32 = 32;

/// What is asked of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wish {
    /// Hz.
    pub rate: u32,
    pub channels: u32,
    /// Samples at the card's own rate; `None`: as `ahead` says.
    pub buffer: Option<u32>,
    /// Likewise.
    pub period: Option<u32>,
    /// How much the card is to hold at most.
    pub ahead_ms: u32,
    /// How often it tells how far it is.
    pub period_ms: u32,
}

impl Wish {
    /// 100 ms are promised from the decoder to the card, and 50 with low latency. Besides what the card holds, that has the 20 ms for
    /// which a frame may lie finished in the ring, and what lies behind the card's buffer.
    pub(super) fn new(settings: &Settings) -> Self {
        let (ahead_ms, period_ms) = match settings.is_low_latency {
            false => (70, 10),
            true => (30, 5),
        };
        Self {
            rate: settings.sample_rate,
            channels: settings.channels,
            buffer: settings.buffer_frames,
            period: settings.period_frames,
            ahead_ms,
            period_ms,
        }
    }
}

/// Why a device cannot be opened.
#[derive(Clone, Copy, Debug, thiserror::Error)]
pub(super) enum OpenError {
    /// The system said so.
    #[error("opening it failed")]
    Open(#[source] alsa::Error),
    /// It has nothing that could be given to it: what it lacks.
    #[error("it takes no {0}")]
    Lacks(&'static str, #[source] alsa::Error),
    /// What had been agreed was refused.
    #[error("setting it up failed")]
    SetUp(#[source] alsa::Error),
}

impl OpenError {
    /// The system's error number.
    pub(super) fn errno(self) -> i32 {
        let (Self::Open(error) | Self::Lacks(_, error) | Self::SetUp(error)) = self;
        error.errno()
    }
}

/// What was agreed with a card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Agreed {
    pub shape: Shape,
    /// Hz.
    pub rate: u32,
    /// What it can hold, in samples at its rate; also below.
    pub buffer: usize,
    /// After so many it tells how far it is.
    pub period: usize,
    /// It is given samples up to here.
    pub ahead: usize,
}

impl Agreed {
    /// How long so many samples last, in microseconds.
    pub(super) fn micros(&self, samples: usize) -> u64 {
        samples as u64 * 1_000_000 / u64::from(self.rate.max(1))
    }
}

/// An open device.
pub(super) struct Card {
    pcm: PCM,
    agreed: Agreed,
}

impl Card {
    /// Opens a device and prepares it. Does not wait for other programs that have it.
    pub(super) fn open(name: &str, wish: &Wish) -> Result<Self, OpenError> {
        let name = CString::new(name)
            .map_err(|_| OpenError::Open(alsa::Error::new("snd_pcm_open", libc::ENOENT)))?;
        let pcm = PCM::open(&name, Direction::Playback, true).map_err(OpenError::Open)?;
        let agreed = agree(&pcm, wish)?;
        Ok(Self { pcm, agreed })
    }
}

impl Sink for Card {
    fn agreed(&self) -> Agreed {
        self.agreed
    }

    fn ask(&self) -> Result<(usize, usize), i32> {
        let (room, delay) = self.pcm.avail_delay().map_err(|e| e.errno())?;
        let held = self.agreed.buffer.saturating_sub(count(room));
        Ok((held, count(delay)))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<usize, i32> {
        let io = self.pcm.io_bytes();
        let samples = io.writei(bytes).map_err(|e| e.errno())?;
        Ok(samples * self.agreed.shape.stride())
    }

    fn start(&mut self) -> Result<(), i32> {
        self.pcm.start().map_err(|e| e.errno())
    }

    fn stop(&mut self) {
        // the next call says what is wrong with it
        let _ = self.pcm.drop();
    }

    fn prepare(&mut self) -> Result<(), i32> {
        self.pcm.prepare().map_err(|e| e.errno())
    }

    fn resume(&mut self) -> Result<(), i32> {
        self.pcm.resume().map_err(|e| e.errno())
    }
}

fn count(frames: Frames) -> usize {
    usize::try_from(frames).unwrap_or(0)
}

fn frames(count: usize) -> Frames {
    Frames::try_from(count).unwrap_or(Frames::MAX)
}

/// Agrees with the card on everything, and makes it ready. A converter in front of it may promise formats and refuse them in
/// the end: the next one is tried then.
fn agree(pcm: &PCM, wish: &Wish) -> Result<Agreed, OpenError> {
    let error = alsa::Error::new("snd_pcm_hw_params_test_format", libc::EINVAL);
    let mut refused = OpenError::Lacks("samples of 16 or 32 bits", error);
    for format in FORMATS {
        let hw = HwParams::any(pcm).map_err(|e| OpenError::Lacks("samples of any kind", e))?;
        hw.set_access(Access::RWInterleaved)
            .map_err(|e| OpenError::Lacks("interleaved samples", e))?;
        if hw.set_format(format.0).is_err() {
            continue;
        }
        match agree_on(pcm, &hw, format, wish) {
            Ok(agreed) => return Ok(agreed),
            Err(error) => refused = error,
        }
    }
    Err(refused)
}

fn agree_on(
    pcm: &PCM,
    hw: &HwParams<'_>,
    (_, sample, is_big_endian): (Format, Sample, bool),
    wish: &Wish,
) -> Result<Agreed, OpenError> {
    // alsa-lib's own resampler is far worse than ours: what is agreed is the card's rate. Where there is no such switch, there is no
    // such resampler
    let _ = hw.set_rate_resample(false);
    let channels = channels(hw, wish.channels)?;
    let rate = rate(hw, wish.rate)?;
    let (buffer, period) = sizes(hw, wish, rate).map_err(OpenError::SetUp)?;
    pcm.hw_params(hw).map_err(OpenError::SetUp)?;
    let agreed = Agreed {
        shape: Shape {
            sample,
            is_big_endian,
            channels: channels as usize,
        },
        rate,
        buffer,
        period,
        ahead: ahead(wish, rate, buffer, period),
    };
    start_when_told(pcm).map_err(OpenError::SetUp)?;
    pcm.prepare().map_err(OpenError::SetUp)?;
    Ok(agreed)
}

/// The wished number, else two, else one, else the fewest that it has.
fn channels(hw: &HwParams<'_>, wished: u32) -> Result<u32, OpenError> {
    let lacks = |e| OpenError::Lacks("number of channels from 1 to 32", e);
    let taken = [wished, 2, 1]
        .into_iter()
        .find(|n| hw.test_channels(*n).is_ok());
    let taken = match taken {
        Some(n) => n,
        None => hw.get_channels_min().map_err(lacks)?,
    };
    if !(1..=MAX_CHANNELS).contains(&taken) {
        return Err(lacks(alsa::Error::new(
            "snd_pcm_hw_params_get_channels_min",
            libc::EINVAL,
        )));
    }
    hw.set_channels(taken).map_err(lacks)?;
    Ok(taken)
}

/// The wished rate, else 48 or 44.1 kHz, else the nearest to 48 kHz, in Hz.
fn rate(hw: &HwParams<'_>, wished: u32) -> Result<u32, OpenError> {
    let lacks = |e| OpenError::Lacks("rate from 4 to 768 kHz", e);
    let taken = [wished]
        .into_iter()
        .chain(RATES)
        .find(|rate| hw.test_rate(*rate).is_ok());
    let taken = match taken {
        Some(rate) => {
            hw.set_rate(rate, ValueOr::Nearest).map_err(lacks)?;
            rate
        }
        None => hw
            .set_rate_near(RATES[0], ValueOr::Nearest)
            .map_err(lacks)?,
    };
    if (4_000..=*crate::dsp::RATES.end()).contains(&taken) {
        Ok(taken)
    } else {
        let error = alsa::Error::new("snd_pcm_hw_params_set_rate_near", libc::EINVAL);
        Err(lacks(error))
    }
}

/// Buffer and period, in samples, as near to what is wished as the card can.
fn sizes(hw: &HwParams<'_>, wish: &Wish, rate: u32) -> alsa::Result<(usize, usize)> {
    let samples = |ms: u32| (u64::from(rate) * u64::from(ms) / 1000) as usize;
    let period = wish
        .period
        .map_or_else(|| samples(wish.period_ms), |period| period as usize);
    let period = count(hw.set_period_size_near(frames(period), ValueOr::Nearest)?);
    let buffer = wish.buffer.map_or_else(
        || samples(wish.ahead_ms).max(2 * period),
        |buffer| buffer as usize,
    );
    let buffer = count(hw.set_buffer_size_near(frames(buffer))?);
    Ok((buffer, period))
}

/// How much a card is given at most. A card may insist on a buffer of a second, which need not be full; but between two wake-ups
/// it may not run dry.
fn ahead(wish: &Wish, rate: u32, buffer: usize, period: usize) -> usize {
    let wished = match wish.buffer {
        Some(buffer) => buffer as usize,
        None => (u64::from(rate) * u64::from(wish.ahead_ms) / 1000) as usize,
    };
    wished.max(2 * period).min(buffer)
}

/// It starts when it is told, not when it has been given something.
fn start_when_told(pcm: &PCM) -> alsa::Result<()> {
    let sw = pcm.sw_params_current()?;
    sw.set_start_threshold(sw.get_boundary()?)?;
    pcm.sw_params(&sw)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(is_low_latency: bool) -> Wish {
        Wish::new(&Settings {
            is_low_latency,
            ..Settings::default()
        })
    }

    #[test]
    fn what_the_card_is_given_stays_below_the_promised_latency() {
        for (is_low, promised) in [(false, 100), (true, 50)] {
            let wish = wish(is_low);
            for rate in [44_100, 48_000] {
                let samples = |ms: usize| rate as usize * ms / 1000;
                for (buffer, period) in [(80, 10), (40, 5), (170, 10), (1000, 15)] {
                    let ahead = ahead(&wish, rate, samples(buffer), samples(period));
                    assert!(ahead + samples(20) <= samples(promised));
                }
            }
        }
    }

    #[test]
    fn a_card_never_runs_dry_between_two_wake_ups() {
        assert_eq!(ahead(&wish(true), 48_000, 16_384, 4096), 8192);
        assert_eq!(ahead(&wish(false), 48_000, 1024, 512), 1024);
    }

    #[test]
    fn a_buffer_that_was_asked_for_is_filled() {
        let wish = Wish {
            buffer: Some(9600),
            ..wish(false)
        };
        assert_eq!(ahead(&wish, 48_000, 9600, 960), 9600);
    }

    #[test]
    fn a_device_that_is_not_there_is_told_apart() {
        for name in ["no_such_device", "nul\0byte"] {
            let refused = Card::open(name, &wish(false)).err().map(OpenError::errno);
            assert_eq!(refused, Some(libc::ENOENT));
        }
    }
}
