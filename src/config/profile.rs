//! Owns: default numbers that differ by the features of a build.
//! Never knows: what a user has written, which wins over all of them.

/// `arm.resources.adaptive_quality`.
pub(super) const ADAPTIVE_QUALITY: &str = if cfg!(feature = "adaptive-quality") {
    "true"
} else {
    "false"
};
