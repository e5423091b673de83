//! Owns: the configuration: file, environment, validation.
//! Never knows: what the settings do in the modules that use them.
