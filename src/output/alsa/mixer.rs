//! Owns: how loud a device is: the card's own volume control where one is named, else a factor for the samples.
//! Never knows: players' volumes.

use super::names;
use crate::output::device::Settings;
use alsa::{
    Round,
    mixer::{MilliBel, Mixer, Selem, SelemId},
};
use std::ffi::CString;

/// What the control of a card could not do.
#[derive(Clone, Copy, Debug, thiserror::Error)]
enum Unset {
    #[error("the card has no volume control of that name")]
    Unknown,
    #[error("the system refused it")]
    System(#[from] alsa::Error),
}

/// Sets the volume of a device as the settings want it. Returns the factor for samples: 1 where the card does it itself.
pub(super) fn set_volume(device: &str, settings: &Settings) -> f32 {
    let factor = settings.volume.min(100) as f32 / 100.0;
    let Some(control) = &settings.mixer else {
        return factor;
    };
    let (set, complaint) = names::quietly(|| set(&control_of(device), control, factor));
    match set {
        Ok(()) => 1.0,
        Err(error) => {
            tracing::warn!(
                device, control, %error, complaint,
                "arm.audio.mixer cannot be set: the volume is made in the samples"
            );
            factor
        }
    }
}

/// The name under which a device's controls are found: its card's, or its own where no card is named.
fn control_of(device: &str) -> String {
    let card = device.split_once(':').and_then(|(_, arguments)| {
        let first = arguments.split(',').next()?;
        Some(first.strip_prefix("CARD=").unwrap_or(first))
    });
    card.map_or_else(|| device.to_owned(), |card| format!("hw:{card}"))
}

fn set(card: &str, control: &str, factor: f32) -> Result<(), Unset> {
    let card = CString::new(card).map_err(|_| Unset::Unknown)?;
    if control.contains('\0') {
        return Err(Unset::Unknown);
    }
    let mut mixer = Mixer::open(true)?;
    mixer.attach(&card)?;
    Selem::register(&mut mixer)?;
    mixer.load()?;
    let control = mixer
        .find_selem(&SelemId::new(control, 0))
        .filter(Selem::has_playback_volume)
        .ok_or(Unset::Unknown)?;
    let (low, high) = control.get_playback_db_range();
    if low.0 < high.0 {
        let level = MilliBel(level(factor, (low.0, high.0)));
        control.set_playback_db_all(level, Round::Floor)?;
    } else {
        let (low, high) = control.get_playback_volume_range();
        let steps = (high - low) as f32 * factor;
        control.set_playback_volume_all(low + steps.round() as i64)?;
    }
    if control.has_playback_switch() && factor > 0.0 {
        control.set_playback_switch_all(1)?;
    }
    Ok(())
}

/// A factor as a level in hundredths of a decibel. Controls often go above 0 dB, where cards distort: 0 dB is full volume, or what is
/// nearest to it.
fn level(factor: f32, (low, high): (i64, i64)) -> i64 {
    let wanted = (2000.0 * factor.log10()).round();
    // the logarithm of zero is the lowest there is
    (wanted as i64).clamp(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_as_loud_is_six_decibels_less() {
        // 20 log10(1/2) = -6.02 dB
        let card = (-5_000, 400);
        assert_eq!(level(0.5, card), -602);
        assert_eq!(level(1.0, card), 0);
        assert_eq!(level(0.0, card), -5_000);
        assert_eq!(level(1.0, (-10_000, -300)), -300);
    }

    #[test]
    fn controls_are_the_cards() {
        for (device, control) in [
            ("default", "default"),
            ("hw:1,0", "hw:1"),
            ("plughw:CARD=PCH,DEV=3", "hw:PCH"),
            ("sysdefault:CARD=Headphones", "hw:Headphones"),
        ] {
            assert_eq!(control_of(device), control);
        }
    }

    #[test]
    fn without_a_control_the_samples_are_made_softer() {
        let settings = |volume, mixer: Option<&str>| Settings {
            volume,
            mixer: mixer.map(str::to_owned),
            ..Settings::default()
        };
        assert_eq!(set_volume("default", &settings(25, None)), 0.25);
        let missing = settings(25, Some("no such control"));
        assert_eq!(set_volume("no_such_card", &missing), 0.25);
    }
}
