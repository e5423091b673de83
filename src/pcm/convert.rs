//! Owns: samples in other forms: interleaved, as integers, mixed.
//! Never knows: who wants them.

use crate::kernel::kernels;

/// Samples as 16-bit integers: full scale is 32 768, so that 16-bit sound comes back to the bit; rounded to the nearest, ties
/// to even, without dither; louder ones are clipped, and what is no number is silence.
///
/// # Panics
/// When the slices differ in length.
pub fn to_i16(from: &[f32], to: &mut [i16]) {
    (kernels().to_i16)(from, to);
}

/// Samples as 32-bit integers: full scale is 2³¹; truncated, which only samples below 2⁻⁷ (whose last bits lie below the
/// integer's) notice; louder ones are clipped, and what is no number is silence.
///
/// # Panics
/// When the slices differ in length.
pub fn to_i32(from: &[f32], to: &mut [i32]) {
    (kernels().to_i32)(from, to);
}

/// Adds `from` times `gain` to `into`. The sum has no limit; [`to_i16`] and [`to_i32`] clip it.
///
/// # Panics
/// When the slices differ in length.
pub fn mix(into: &mut [f32], from: &[f32], gain: f32) {
    (kernels().mix)(into, from, gain);
}

/// Left and right in turn.
///
/// # Panics
/// When `left` and `right` differ in length, or `to` is not as long as both together.
pub fn interleave(left: &[f32], right: &[f32], to: &mut [f32]) {
    (kernels().interleave)(left, right, to);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sixteen_bits_come_back_as_they_were() {
        let all: Vec<i16> = (i16::MIN..=i16::MAX).collect();
        let samples: Vec<f32> = all.iter().map(|&n| f32::from(n) / 32_768.0).collect();
        let mut back = vec![0; all.len()];
        to_i16(&samples, &mut back);
        assert!(back == all);
        let mut wide = vec![0; all.len()];
        to_i32(&samples, &mut wide);
        assert!(
            wide.iter()
                .zip(&all)
                .all(|(w, n)| *w == i32::from(*n) << 16)
        );
    }

    #[test]
    fn halves_go_to_the_even_neighbour_and_what_is_too_loud_is_clipped() {
        let nan = f32::from_bits(0x7FA0_1234);
        let given = [0.5, 1.5, 2.5, -0.5, -1.5, 0.499, 32_766.5, 32_767.5];
        let given = given.map(|x| x / 32_768.0);
        let mut made = [0; 8];
        to_i16(&given, &mut made);
        assert_eq!(made, [0, 2, 2, 0, -2, 0, 32_766, 32_767]);
        let given = [
            1.0,
            -1.0,
            9.0,
            -9.0,
            f32::INFINITY,
            f32::NEG_INFINITY,
            nan,
            -nan,
        ];
        to_i16(&given, &mut made);
        assert_eq!(
            made[..6],
            [32_767, -32_768, 32_767, -32_768, 32_767, -32_768]
        );
        assert_eq!(made[6..], [0, 0]);
        let mut made = [0; 8];
        to_i32(&given, &mut made);
        let (low, high) = (i32::MIN, i32::MAX);
        assert_eq!(made, [high, low, high, low, high, low, 0, 0]);
    }

    #[test]
    fn channels_are_put_in_turn_and_sounds_added() {
        let mut pairs = [0.0; 6];
        interleave(&[1.0, 2.0, 3.0], &[-1.0, -2.0, -3.0], &mut pairs);
        assert_eq!(pairs, [1.0, -1.0, 2.0, -2.0, 3.0, -3.0]);
        mix(&mut pairs, &[1.0; 6], 0.5);
        assert_eq!(pairs, [1.5, -0.5, 2.5, -1.5, 3.5, -2.5]);
    }
}
