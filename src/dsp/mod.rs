//! Owns: sound processing: resampler, filters, kernels.
//! Never knows: where samples come from or go.
