//! Owns: the way to the loops in C for 32-bit ARM: whether this chip has NEON, and what is left over of whole steps.
//! Never knows: what the loops do.

#![expect(
    unsafe_code,
    reason = "loops in C, because stable Rust has no NEON on 32-bit ARM; the tests compare each with the portable one"
)]

use super::{Bank, Fir4, History, Kernels, Lags, Matrix, Ramp, STEP, bank, portable};
use std::ffi::c_ulong;

/// NEON's bit among the kernel's hardware capabilities (Linux, `arch/arm/include/uapi/asm/hwcap.h`).
const HWCAP_NEON: c_ulong = 1 << 12;

// Documented in neon.c.
unsafe extern "C" {
    fn lavalink_neon_fir2(
        row: *const *const f32,
        left: *const *const f32,
        right: *const *const f32,
        taps: usize,
        left_out: *mut f32,
        right_out: *mut f32,
    );
    fn lavalink_neon_bands(bank: *const Bank, past: *mut History, samples: *mut f32, n: usize);
    fn lavalink_neon_lags8(
        wanted: *const f32,
        len: usize,
        area: *const f32,
        room: usize,
        sums: *mut f32,
    );
    fn lavalink_neon_limit(samples: *mut f32, n: usize, bound: f32);
    fn lavalink_neon_gain(samples: *mut f32, n: usize, gain: f32);
    fn lavalink_neon_ramp(samples: *mut f32, n: usize, from: f32, to: f32, first: f32, step: f32);
    fn lavalink_neon_matrix(left: *mut f32, right: *mut f32, n: usize, m: *const f32);
    fn lavalink_neon_mix(into: *mut f32, from: *const f32, n: usize, gain: f32);
    fn lavalink_neon_interleave(left: *const f32, right: *const f32, to: *mut f32, n: usize);
    fn lavalink_neon_to_i16(from: *const f32, to: *mut i16, n: usize);
    fn lavalink_neon_to_i32(from: *const f32, to: *mut i32, n: usize);
}

/// NEON, when this chip has it.
pub(super) fn detect() -> Option<Kernels> {
    // SAFETY: asks the vector of values that the kernel gave the process; any argument is allowed.
    let capabilities = unsafe { libc::getauxval(libc::AT_HWCAP) };
    (capabilities & HWCAP_NEON != 0).then_some(Kernels {
        name: "neon",
        fir4,
        bands,
        lags,
        limit,
        gain,
        ramp,
        matrix,
        mix,
        interleave,
        to_i16,
        to_i32,
    })
}

// SAFETY of all that follow: they are reachable only through `detect`, which has seen NEON; every pointer comes from a slice
// of which the loop reads or writes as many elements as are proved or cut off before the call.

fn fir4(job: &Fir4) -> [[f32; 4]; 2] {
    job.check();
    let mut out = [[0.0; 4]; 2];
    let row = job.row_at.map(|at| job.rows[at..].as_ptr());
    let left = job.at.map(|at| job.left[at..].as_ptr());
    let right = job.at.map(|at| job.right[at..].as_ptr());
    for two in [0, 2] {
        // SAFETY: `check` proved that `taps` elements follow each of the pointers; two outputs of each channel follow `two`.
        unsafe {
            lavalink_neon_fir2(
                row[two..].as_ptr(),
                left[two..].as_ptr(),
                right[two..].as_ptr(),
                job.taps,
                out[0][two..].as_mut_ptr(),
                out[1][two..].as_mut_ptr(),
            );
        }
    }
    out
}

fn bands(bank: &Bank, past: &mut [History; 2], left: &mut [f32], right: &mut [f32]) {
    let (left, left_rest) = in_steps(left, 4);
    let (right, right_rest) = in_steps(right, 4);
    for (past, samples) in past.iter_mut().zip([left, right]) {
        // SAFETY: bank and history are laid out as in the loop (`repr(C)`), and it takes a multiple of 4 samples.
        unsafe { lavalink_neon_bands(bank, past, samples.as_mut_ptr(), samples.len()) };
    }
    bank::portable(bank, past, left_rest, right_rest);
}

fn lags(job: Lags) {
    let Lags {
        wanted,
        mut area,
        mut sums,
    } = job;
    while sums.len() >= STEP {
        let (first, rest) = sums.split_at_mut(STEP);
        let len = wanted.len().min((area.len() + 1).saturating_sub(STEP));
        // SAFETY: `len` of `wanted`, eight sums, and `len` + 7 samples of the area are there, or `len` is 0.
        unsafe {
            lavalink_neon_lags8(
                wanted.as_ptr(),
                len,
                area.as_ptr(),
                area.len(),
                first.as_mut_ptr(),
            );
        }
        (sums, area) = (rest, area.get(STEP..).unwrap_or_default());
    }
    portable::lags::<false>(Lags { wanted, area, sums });
}

/// What of a slice is made of whole steps, and the rest.
fn in_steps(samples: &mut [f32], step: usize) -> (&mut [f32], &mut [f32]) {
    samples.split_at_mut(samples.len() - samples.len() % step)
}

fn limit(samples: &mut [f32], bound: f32) {
    let (steps, rest) = in_steps(samples, STEP);
    // SAFETY: see above.
    unsafe { lavalink_neon_limit(steps.as_mut_ptr(), steps.len(), bound) };
    portable::limit(rest, bound);
}

fn gain(samples: &mut [f32], gain: f32) {
    let (steps, rest) = in_steps(samples, STEP);
    // SAFETY: see above.
    unsafe { lavalink_neon_gain(steps.as_mut_ptr(), steps.len(), gain) };
    portable::gain(rest, gain);
}

fn ramp(samples: &mut [f32], ramp: Ramp) {
    let (steps, rest) = in_steps(samples, STEP);
    let Ramp {
        from,
        to,
        first,
        step,
    } = ramp;
    let len = steps.len();
    // SAFETY: see above.
    unsafe { lavalink_neon_ramp(steps.as_mut_ptr(), len, from, to, first as f32, step) };
    let first = first + len as u32;
    portable::ramp(rest, Ramp { first, ..ramp });
}

fn matrix(left: &mut [f32], right: &mut [f32], m: &Matrix) {
    assert_eq!(left.len(), right.len(), "channels are equally long");
    let (left, left_rest) = in_steps(left, STEP);
    let (right, right_rest) = in_steps(right, STEP);
    let gains = [m.left[0], m.left[1], m.right[0], m.right[1]];
    // SAFETY: see above; both channels are equally long.
    unsafe {
        lavalink_neon_matrix(
            left.as_mut_ptr(),
            right.as_mut_ptr(),
            left.len(),
            gains.as_ptr(),
        );
    }
    portable::matrix(left_rest, right_rest, m);
}

fn mix(into: &mut [f32], from: &[f32], gain: f32) {
    assert_eq!(into.len(), from.len(), "what is mixed is equally long");
    let (into, rest) = in_steps(into, STEP);
    let (from, from_rest) = from.split_at(into.len());
    // SAFETY: see above; both are equally long.
    unsafe { lavalink_neon_mix(into.as_mut_ptr(), from.as_ptr(), into.len(), gain) };
    portable::mix(rest, from_rest, gain);
}

fn interleave(left: &[f32], right: &[f32], to: &mut [f32]) {
    assert!(
        left.len() == right.len() && to.len() == 2 * left.len(),
        "channels are equally long, and the output as long as both"
    );
    let whole = left.len() - left.len() % STEP;
    let (left, left_rest) = left.split_at(whole);
    let (right, right_rest) = right.split_at(whole);
    let (to, rest) = to.split_at_mut(2 * whole);
    // SAFETY: see above; the output is as long as both together.
    unsafe {
        lavalink_neon_interleave(left.as_ptr(), right.as_ptr(), to.as_mut_ptr(), whole);
    }
    portable::interleave(left_rest, right_rest, rest);
}

fn to_i16(from: &[f32], to: &mut [i16]) {
    assert_eq!(from.len(), to.len(), "as many samples as before");
    let (from, from_rest) = from.split_at(from.len() - from.len() % STEP);
    let (to, rest) = to.split_at_mut(from.len());
    // SAFETY: see above; both are equally long.
    unsafe { lavalink_neon_to_i16(from.as_ptr(), to.as_mut_ptr(), from.len()) };
    portable::to_i16(from_rest, rest);
}

fn to_i32(from: &[f32], to: &mut [i32]) {
    assert_eq!(from.len(), to.len(), "as many samples as before");
    let (from, from_rest) = from.split_at(from.len() - from.len() % STEP);
    let (to, rest) = to.split_at_mut(from.len());
    // SAFETY: see above; both are equally long.
    unsafe { lavalink_neon_to_i32(from.as_ptr(), to.as_mut_ptr(), from.len()) };
    portable::to_i32(from_rest, rest);
}
