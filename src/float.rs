//! Owns: what std's floats can and core's cannot, for builds without std.
//! Never knows: what is calculated.
//!
//! With std the methods of the types themselves are taken, wherever this trait is in scope; so the same line is compiled to
//! libm's functions without it.

/// The functions that sound processing takes; each as std's of the same name.
pub(crate) trait Float: Sized {
    /// Sine.
    fn sin(self) -> Self;
    /// Cosine.
    fn cos(self) -> Self;
    /// Sine and cosine.
    fn sin_cos(self) -> (Self, Self);
    /// Tangent.
    fn tan(self) -> Self;
    /// Exponential function.
    fn exp(self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Up to a whole number.
    fn ceil(self) -> Self;
    /// To the nearest whole number, halves away from zero.
    fn round(self) -> Self;
    /// Without the whole number.
    fn fract(self) -> Self;
    /// A whole power.
    fn powi(self, n: i32) -> Self;
    /// The remainder that is not negative.
    fn rem_euclid(self, by: Self) -> Self;
    /// `self * a + b`, rounded once.
    fn mul_add(self, a: Self, b: Self) -> Self;
}

macro_rules! by_libm {
    ($float:ty: $sin:ident $cos:ident $sincos:ident $tan:ident $exp:ident $sqrt:ident $ceil:ident $round:ident $trunc:ident $fma:ident) => {
        impl Float for $float {
            fn sin(self) -> Self {
                libm::$sin(self)
            }
            fn cos(self) -> Self {
                libm::$cos(self)
            }
            fn sin_cos(self) -> (Self, Self) {
                libm::$sincos(self)
            }
            fn tan(self) -> Self {
                libm::$tan(self)
            }
            fn exp(self) -> Self {
                libm::$exp(self)
            }
            fn sqrt(self) -> Self {
                libm::$sqrt(self)
            }
            fn ceil(self) -> Self {
                libm::$ceil(self)
            }
            fn round(self) -> Self {
                libm::$round(self)
            }
            fn fract(self) -> Self {
                self - libm::$trunc(self)
            }
            fn powi(self, n: i32) -> Self {
                let power = (0..n.unsigned_abs()).fold(1.0, |power, _| power * self);
                if n < 0 { 1.0 / power } else { power }
            }
            fn rem_euclid(self, by: Self) -> Self {
                let rest = self % by;
                if rest < 0.0 { rest + by.abs() } else { rest }
            }
            fn mul_add(self, a: Self, b: Self) -> Self {
                libm::$fma(self, a, b)
            }
        }
    };
}

by_libm!(f32: sinf cosf sincosf tanf expf sqrtf ceilf roundf truncf fmaf);
by_libm!(f64: sin cos sincos tan exp sqrt ceil round trunc fma);

#[cfg(test)]
mod tests {
    use super::Float;

    // Expected: std's, to the last few bits.
    #[test]
    fn each_function_is_that_of_std() {
        let close = |found: f64, std: f64| {
            let allowed = 1e-14 * std.abs().max(1.0);
            assert!((found - std).abs() <= allowed, "{found} for {std}");
        };
        for n in -400..400 {
            let x = f64::from(n) * 0.037;
            close(Float::sin(x), x.sin());
            close(Float::cos(x), x.cos());
            close(Float::sin_cos(x).0, x.sin());
            close(Float::sin_cos(x).1, x.cos());
            close(Float::exp(x.min(2.0)), x.min(2.0).exp());
            close(Float::sqrt(x.abs()), x.abs().sqrt());
            close(Float::ceil(x), x.ceil());
            close(Float::round(x), x.round());
            close(Float::fract(x), x.fract());
            close(Float::powi(x.min(2.0), 3), x.min(2.0).powi(3));
            close(Float::powi(x.abs() + 1.0, -2), (x.abs() + 1.0).powi(-2));
            close(Float::rem_euclid(x, 0.9), x.rem_euclid(0.9));
            close(Float::mul_add(x, 1.1, 0.3), x.mul_add(1.1, 0.3));
            let small = x % 1.5;
            close(Float::tan(small), small.tan());
        }
        for half in [-2.5, -1.5, -0.5, 0.5, 1.5, 2.5] {
            assert_eq!(Float::round(half), f64::round(half));
        }
    }
}
