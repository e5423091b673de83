//! Owns: filters that no client should send, and what the original made of them.
//! Never knows: how a filter is built.

use super::*;
use lavalink_rust::{protocol::filters::Filters, session::filter_spec};

/// Odd filters, and what the original made of them (`data/filters/odd.tsv`).
fn odd() -> impl Iterator<Item = [&'static str; 3]> {
    let rows = include_str!("../data/filters/odd.tsv").lines();
    rows.filter(|row| !row.starts_with('#')).map(|row| {
        let fields: Vec<&str> = row.split('\t').collect();
        fields.try_into().expect("three fields")
    })
}

#[test]
fn odd_filters_are_refused_where_the_original_refuses_them() {
    for [json, fails_at, _] in odd() {
        let parsed = Filters::parse(json.as_bytes());
        // What the original accepts and then ends the track for is accepted too, and played with the nearest value.
        let is_refused = ["json", "parse"].contains(&fails_at);
        assert_eq!(parsed.is_err(), is_refused, "{json}: {parsed:?}");
        if let Err(error) = parsed {
            let name = json.split('"').nth(1).expect("a filter");
            let text = error.to_string();
            let is_no_json = json.contains("NaN");
            assert!(is_no_json || text.contains(name), "{json}: {text}");
        }
    }
}

#[test]
fn odd_filters_sound_as_in_the_original_and_always_as_numbers() {
    let input = stereo(vec![0.5; 19_200], vec![-0.25; 19_200]);
    let noise = stereo(noise(960, 1, 1.0), noise(960, 2, 1.0));
    for [json, fails_at, becomes] in odd() {
        let Ok(filters) = Filters::parse(json.as_bytes()) else {
            continue;
        };
        let spec = filter_spec(&filters);
        let out = filtered(&spec, &noise, 960);
        let all = out.channels.iter().flatten();
        assert!(all.copied().all(f32::is_finite), "{json}");
        // Beyond what a float of the original's can count, or a NaN there; and what has nothing but a length.
        let is_other = spec.pace() < 0.5
            || json.contains("1e9")
            || json.contains("30000}")
            || becomes.contains("NaN");
        if fails_at != "none" || becomes == "-" || is_other {
            continue;
        }
        let want: Vec<f32> = becomes
            .split(' ')
            .map(|x| x.parse().expect("a number"))
            .collect();
        let out = filtered(&spec, &input, 960);
        // Half way: a time-scale's last samples are the original's loss. Modulation is compared where it was noted.
        let at = if spec.timescale.is_some() {
            out.len() / 2
        } else {
            out.len() - 1
        };
        for (channel, want) in out.channels.iter().zip(want) {
            let off = (channel[at] - want).abs();
            assert!(
                off <= 2e-3 * want.abs().max(1.0),
                "{json}: {} {want}",
                channel[at]
            );
        }
    }
}
