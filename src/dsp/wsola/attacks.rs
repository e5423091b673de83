//! Owns: hearing where sounds begin: a stick on a drum, a plucked string, a plosive.
//! Never knows: what is done about it.

use crate::pcm::PcmBlock;
use alloc::vec::Vec;

/// Samples that are judged together: 1.3 ms.
pub(super) const BLOCK: usize = 64;
/// Blocks with which one is compared: 19 ms, longer than the period of a low voice.
const BEFORE: usize = 14;
/// How much more energy an attack has than anything in the blocks before it: 9 dB.
const RISE: f32 = 8.0;
/// Energy of a block below which nothing begins: about −60 dB of full scale.
const FLOOR: f32 = 1e-5;

/// Hears attacks by the energy of the first difference, in which basses and what still sounds count little.
#[derive(Clone, Debug, Default)]
pub(super) struct Attacks {
    /// Where they begin, in samples of the input.
    found: Vec<usize>,
    /// The first sample that has not been judged.
    next: usize,
    recent: [f32; BEFORE],
    /// Which of `recent` is the oldest.
    oldest: usize,
}

impl Attacks {
    /// Judges all whole blocks that have come.
    pub fn listen(&mut self, input: &PcmBlock) {
        while self.next + BLOCK <= input.len() {
            let block = self.next..self.next + BLOCK;
            let mut steps = [0.0f32; BLOCK];
            for channel in &input.channels {
                let mut before = block.start.checked_sub(1).map_or(0.0, |at| channel[at]);
                for (step, x) in steps.iter_mut().zip(&channel[block.clone()]) {
                    *step += (x - before) * (x - before);
                    before = *x;
                }
            }
            let energy: f32 = steps.iter().sum();
            let loudest = self.recent.iter().fold(FLOOR, |a, b| a.max(*b));
            if energy > RISE * loudest {
                let peak = steps.iter().fold(0.0f32, |a, b| a.max(*b));
                let begins = steps.iter().position(|step| *step > peak / 8.0);
                self.found.push(block.start + begins.unwrap_or(0));
            }
            self.recent[self.oldest] = energy;
            self.oldest = (self.oldest + 1) % BEFORE;
            self.next = block.end;
        }
    }

    /// The input has lost its first `len` samples.
    pub fn drop_front(&mut self, len: usize) {
        self.found.retain(|at| *at >= len);
        self.found.iter_mut().for_each(|at| *at -= len);
        self.next -= len;
    }

    /// The first sample that has not been judged.
    pub fn judged(&self) -> usize {
        self.next
    }

    /// Where attacks begin, in order.
    pub fn found(&self) -> &[usize] {
        &self.found
    }
}
