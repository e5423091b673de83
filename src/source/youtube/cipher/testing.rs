//! Owns: a player script for tests: made by hand in the shape of the site's, small.
//! Never knows: what is tested.

/// Everything that matters of the real ones: one function called at once, names in a table, a class for links whose `n` is
/// changed by a method of any name, a function with the mark, statements that would fail without a page, and a function that
/// carries the mark too but is another. What it answers was found out by running its functions in Node.
pub const SCRIPT: &str = include_str!("player.js");
