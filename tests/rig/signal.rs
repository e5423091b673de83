//! Owns: a deterministic test signal, its Opus encoding, and how much of a tone is in a sound.
//! Never knows: where it goes.
use opus2::{Application, Bitrate, Channels, Encoder};

pub const RATE: usize = 48_000;
pub const FRAME: usize = 960;

/// Interleaved stereo f32: a 440 Hz tone that carries most energy, moving partials and a little noise.
pub fn pcm(frames: usize) -> Vec<f32> {
    let n = frames * FRAME;
    let mut out = Vec::with_capacity(n * 2);
    let mut rng: u32 = 0x1234_5678;
    for i in 0..n {
        let t = i as f32 / RATE as f32;
        rng ^= rng << 13;
        rng ^= rng >> 17;
        rng ^= rng << 5;
        let noise = (rng as f32 / u32::MAX as f32 - 0.5) * 0.04;
        let w = std::f32::consts::TAU;
        let base = 0.35 * (w * 440.0 * t).sin();
        let env = 0.5 + 0.5 * (w * 2.0 * t).sin();
        let l = base
            + 0.12 * env * (w * 1_320.0 * t).sin()
            + 0.08 * (w * (3_000.0 + 500.0 * (w * 0.3 * t).sin()) * t).sin()
            + noise;
        let r =
            base + 0.12 * (1.0 - env) * (w * 2_200.0 * t).sin() + 0.05 * (w * 7_000.0 * t).sin()
                - noise;
        out.push(l);
        out.push(r);
    }
    out
}

pub fn encode(pcm: &[f32], kbps: i32) -> Vec<Box<[u8]>> {
    let mut enc = Encoder::new(RATE as u32, Channels::Stereo, Application::Audio).expect("libopus");
    enc.set_bitrate(Bitrate::Bits(kbps * 1000))
        .expect("libopus");
    let mut buf = [0u8; 1275];
    pcm.chunks_exact(FRAME * 2)
        .map(|c| {
            let n = enc.encode_float(c, &mut buf).expect("libopus");
            Box::from(&buf[..n])
        })
        .collect()
}

/// Share of the energy at `hz` (Goertzel), 0..1, on one channel of an interleaved stereo block.
pub fn tone_share(stereo: &[f32], hz: f32) -> f32 {
    let n = stereo.len() / 2;
    if n == 0 {
        return 0.0;
    }
    let k = 2.0 * (std::f32::consts::TAU * hz / RATE as f32).cos();
    let (mut s1, mut s2, mut e) = (0f32, 0f32, 0f32);
    for x in stereo.iter().step_by(2) {
        let s = x + k * s1 - s2;
        s2 = s1;
        s1 = s;
        e += x * x;
    }
    let p = s1 * s1 + s2 * s2 - k * s1 * s2;
    if e <= 1e-9 {
        0.0
    } else {
        (2.0 * p / n as f32 / e).min(1.0)
    }
}
