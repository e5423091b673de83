//! Owns: names of devices: which ones a client may use, the list of them, what one can do; alsa-lib's complaints.
//! Never knows: what is played.

use crate::{
    error::Failure,
    output::device::{self, Device, User},
};
use alsa::{
    Direction,
    device_name::HintIter,
    pcm::{HwParams, PCM},
};
use std::ffi::CString;

/// Devices in the list at most. A card has about ten names.
const MAX_LISTED: usize = 256;
/// Bytes of a name that a client may use.
const MAX_LEN: usize = 128;
/// Rates in Hz and numbers of channels that are looked for.
const RATES: [u32; 8] = [
    8_000, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 192_000,
];
const CHANNELS: u32 = 8;

/// Whether a client may name this device: a card, or one word that the operator or the system has defined. Anything else is a small
/// program to alsa-lib: braces define devices anew, arguments of `tee` and `file` write files and start programs.
pub(super) fn may_be_opened(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-');
    let is_word = !name.is_empty() && name.chars().all(is_plain);
    (is_word || is_of_card(name)) && name.len() <= MAX_LEN
}

/// Whether a name is that of a card, with or without saying which.
fn is_of_card(name: &str) -> bool {
    const KINDS: [&str; 16] = [
        device::DEFAULT,
        "sysdefault",
        "hw",
        "plughw",
        "dmix",
        "hdmi",
        "iec958",
        "front",
        "rear",
        "side",
        "center_lfe",
        "surround21",
        "surround40",
        "surround41",
        "surround51",
        "surround71",
    ];
    let (kind, card) = name.split_once(':').unwrap_or((name, ""));
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '=' | ',');
    KINDS.contains(&kind) && card.chars().all(is_plain)
}

/// Runs this and keeps alsa-lib from writing to the program's error output; returns what it had to say.
pub(super) fn quietly<T>(call: impl FnOnce() -> T) -> (T, String) {
    // fails only for want of memory, and then it writes there as ever
    let complaint = alsa::Output::local_error_handler();
    let done = call();
    let text = complaint.map_or_else(
        |_| String::new(),
        |output| output.borrow().to_string().trim().replace('\n', "; "),
    );
    (done, text)
}

/// What can be played on: the configured device first, then what alsa-lib knows and a client may name.
pub(super) fn list(configured: &str) -> Result<Vec<Device>, Failure> {
    let (hints, complaint) = quietly(|| HintIter::new(None, c"pcm"));
    let hints = hints.map_err(|error| {
        tracing::debug!(complaint, "the sound cards cannot be listed");
        Failure::fault("The sound cards cannot be listed: see whether ALSA's configuration (asound.conf) is right.")
            .because(error)
    })?;
    let device = |name: String, description: String| Device {
        is_default: name == configured,
        name,
        description,
        rates: Vec::new(),
        channels: Vec::new(),
        in_use: None,
        delay: None,
    };
    let mut devices: Vec<Device> = hints
        .filter(|hint| hint.direction != Some(Direction::Capture))
        .filter_map(|hint| {
            let description = hint.desc.unwrap_or_default().replace('\n', ", ");
            hint.name.map(|name| device(name, description))
        })
        .filter(|device| may_be_opened(&device.name))
        .take(MAX_LISTED)
        .collect();
    if !devices.iter().any(|device| device.is_default) {
        devices.push(device(
            configured.to_owned(),
            "the device of the settings".to_owned(),
        ));
    }
    devices.sort_by_key(|device| !device.is_default);
    Ok(devices)
}

/// Finds out what a device takes and whether another program has it, by opening it for a moment. Only hardware and the
/// default are asked: behind other names may be programs that would be started for it.
pub(super) fn look_at(device: &mut Device) {
    if !device.is_default && !device.name.starts_with("hw:") {
        return;
    }
    let Ok(name) = CString::new(device.name.as_str()) else {
        return;
    };
    match quietly(|| PCM::open(&name, Direction::Playback, true)).0 {
        Ok(pcm) => {
            device.in_use = Some(User::Nobody);
            if let Ok(hw) = HwParams::any(&pcm) {
                // a converter in front of the card takes everything; this asks for what the card takes
                let _ = hw.set_rate_resample(false);
                device.rates = RATES
                    .into_iter()
                    .filter(|rate| hw.test_rate(*rate).is_ok())
                    .collect();
                device.channels = (1..=CHANNELS)
                    .filter(|n| hw.test_channels(*n).is_ok())
                    .collect();
            }
        }
        Err(error) if error.errno() == libc::EBUSY => device.in_use = Some(User::Other),
        Err(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_and_words_may_be_named() {
        for name in [
            "default",
            "hw:0",
            "hw:1,0",
            "dmix:CARD=b1-x",
            "plughw:CARD=PCH,DEV=0",
            "sysdefault:CARD=Headphones",
            "hdmi:CARD=vc4-hdmi,DEV=0",
            "my_speakers",
        ] {
            assert!(may_be_opened(name), "{name}");
        }
    }

    #[test]
    fn a_name_cannot_start_programs_or_write_files() {
        for name in [
            "",
            "tee:default,'|touch /tmp/x',raw",
            "tee:hw,x,raw",
            "file:x,raw",
            "plug:'file:x'",
            "hw:0;x",
            "hw:{CARD 0}",
            "plug:hw",
            "plug:tee",
            "hw:0 ",
            "hw:/dev/x",
            "{ type file }",
            "cards.pcm.default",
            "hw:CARD='x'",
            "shm:/tmp/x,y",
            "null\0",
        ] {
            assert!(!may_be_opened(name), "{name:?}");
        }
        assert!(!may_be_opened(&"x".repeat(129)));
    }

    #[test]
    fn the_default_stands_first() {
        // also without any card alsa-lib knows names
        let devices = list("my_speakers").expect("ALSA's own configuration");
        assert_eq!(devices[0].name, "my_speakers");
        assert_eq!(devices.iter().filter(|d| d.is_default).count(), 1);
        assert!(devices.iter().all(|d| !d.description.contains('\n')));
    }
}
