//! Owns: running one of the innermost loops so many times, so that its instructions can be counted.
//! Never knows: how long that takes.
//!
//! `kernel_bench portable|chosen LOOP BLOCKS`; the difference between two numbers of blocks is what blocks take. A block is a
//! frame of both channels (960 samples each); of `search` and `closely`, a channel's part in finding a join of the time-scale.
//! Instructions are counted by a plugin of `qemu-arm` or `qemu-aarch64`, or on x86-64 by `valgrind --tool=callgrind`.

use lavalink_rust::kernel::{Bank, Fir4, History, Kernels, Lags, Matrix, PORTABLE, Ramp, kernels};
use std::{env, hint::black_box, process::ExitCode};

const FRAME: usize = 960;

/// Deterministic samples in ±1 (xorshift32).
fn noise(len: usize) -> Vec<f32> {
    let mut x = 1u32;
    (0..len)
        .map(|_| {
            x ^= x << 13;
            x ^= x >> 17;
            x ^= x << 5;
            (f64::from(x) / 2_147_483_648.0 - 1.0) as f32
        })
        .collect()
}

/// What the loops work on.
struct Bench {
    left: Vec<f32>,
    right: Vec<f32>,
    /// 160 rows of 64 coefficients: from 44.1 to 48 kHz in the lowest quality.
    rows: Vec<f32>,
    pairs: Vec<f32>,
    short: Vec<i16>,
    long: Vec<i32>,
    bank: Bank,
    past: [History; 2],
}

impl Bench {
    fn new() -> Self {
        let lane = |from: f32, by: f32| std::array::from_fn(|k| from + by * k as f32);
        Self {
            left: noise(FRAME),
            right: noise(FRAME),
            rows: noise(160 * 64),
            pairs: vec![0.0; 2 * FRAME],
            short: vec![0; 2 * FRAME],
            long: vec![0; 2 * FRAME],
            bank: Bank {
                alpha: lane(0.001, 0.02),
                beta: lane(0.99, -0.03),
                gamma: lane(1.9, -0.15),
                gains: lane(0.3, -0.05),
            },
            past: [History::SILENCE; 2],
        }
    }

    /// One block of a loop; false when there is none of that name.
    fn run(&mut self, kernels: &Kernels, name: &str) -> bool {
        let (left, right) = (&mut self.left[..], &mut self.right[..]);
        let ramp = Ramp {
            from: 0.5,
            to: 0.7,
            first: 1,
            step: 1.0 / 960.0,
        };
        match name {
            "fir4" => {
                for n in (0..FRAME - 68).step_by(4) {
                    let made = (kernels.fir4)(&Fir4 {
                        rows: &self.rows,
                        row_at: std::array::from_fn(|i| (n + i) % 160 * 64),
                        left,
                        right,
                        at: std::array::from_fn(|i| n + i),
                        taps: 64,
                    });
                    black_box(made);
                }
            }
            "bands" => (kernels.bands)(&self.bank, &mut self.past, left, right),
            "search" | "closely" => {
                let (len, places) = if name == "search" {
                    (144, 264)
                } else {
                    (576, 8)
                };
                (kernels.lags)(Lags {
                    wanted: &left[..len],
                    area: right,
                    sums: &mut self.pairs[..places],
                });
            }
            "limit" => {
                (kernels.limit)(left, 16.0);
                (kernels.limit)(right, 16.0);
            }
            "gain" => {
                (kernels.gain)(left, 0.9);
                (kernels.gain)(right, 0.9);
            }
            "ramp" => {
                (kernels.ramp)(left, ramp);
                (kernels.ramp)(right, ramp);
            }
            "matrix" => {
                let matrix = Matrix {
                    left: [0.8, 0.2],
                    right: [0.3, 0.7],
                };
                (kernels.matrix)(left, right, &matrix);
            }
            "mix" => {
                (kernels.mix)(left, right, 0.5);
                (kernels.mix)(right, left, 0.5);
            }
            "interleave" => (kernels.interleave)(left, right, &mut self.pairs),
            "to_i16" => (kernels.to_i16)(&self.pairs, &mut self.short),
            "to_i32" => (kernels.to_i32)(&self.pairs, &mut self.long),
            _ => return false,
        }
        true
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let table = match arguments.first().map(String::as_str) {
        Some("portable") => &PORTABLE,
        Some("chosen") => kernels(),
        _ => return usage(),
    };
    let (Some(name), Some(Ok(blocks))) = (
        arguments.get(1),
        arguments.get(2).map(|blocks| blocks.parse::<u32>()),
    ) else {
        return usage();
    };
    let mut bench = Bench::new();
    for _ in 0..blocks {
        if !bench.run(black_box(table), name) {
            return usage();
        }
    }
    println!("{name}: {blocks} blocks, {}", table.name);
    ExitCode::SUCCESS
}

fn usage() -> ExitCode {
    eprintln!(
        "kernel_bench portable|chosen \
         fir4|bands|search|closely|limit|gain|ramp|matrix|mix|interleave|to_i16|to_i32 BLOCKS"
    );
    ExitCode::FAILURE
}
