//! Owns: the keys of `arm.audio`: the sound cards of this machine.
//! Never knows: where values come from.

use super::{
    super::{Key, key},
    whole,
};
use crate::{config::value::Kind, output::device::Backend};

/// Every key of sound cards.
pub const KEYS: &[Key] = &[
    key(
        "arm.audio.backend",
        Kind::Choice(&["none", "alsa"]),
        "none",
        |c, b| c.arm_audio.backend = b.choice(&Backend::ALL),
    ),
    key("arm.audio.device", Kind::Text, "default", |c, b| {
        let name = b.text();
        if !name.trim().is_empty() {
            c.arm_audio.device = name;
        }
    }),
    key(
        "arm.audio.sample_rate",
        Kind::Choice(&["44100", "48000"]),
        "48000",
        |c, b| c.arm_audio.sample_rate = b.choice(&[44_100, 48_000]),
    ),
    key("arm.audio.channels", whole(1, 2), "2", |c, b| {
        c.arm_audio.channels = b.number()
    }),
    key("arm.audio.buffer_size", whole(0, 65_536), "0", |c, b| {
        c.arm_audio.buffer_size = b.number()
    }),
    key("arm.audio.period_size", whole(0, 32_768), "0", |c, b| {
        c.arm_audio.period_size = b.number()
    }),
    key("arm.audio.low_latency", Kind::Switch, "false", |c, b| {
        c.arm_audio.low_latency = b.switch()
    }),
    key("arm.audio.volume", whole(0, 100), "100", |c, b| {
        c.arm_audio.volume = b.number()
    }),
    key("arm.audio.mixer", Kind::Text, "", |c, b| {
        c.arm_audio.mixer = b.text().trim().to_owned();
    }),
];
