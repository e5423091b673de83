//! Owns: one run of a filter chain over a file of samples, with changes and seeks at exact places.
//! Never knows: what the result should be; `scripts/filters.sh` compares it.
//!
//! `filter_events IN.f32 OUT.f32 FILTERS [EVENT…]`: interleaved stereo `f32` little endian at 48 kHz, in and out; FILTERS is
//! the JSON of a client. Events are those of the recordings: `patch@F=JSON` (before frame F other filters are put in
//! force), `seek@F` (the chain is told of a seek before frame F, the input simply goes on), `block=N` (samples at a time,
//! 960 if not given).

use anyhow::{Context, Result, bail};
use lavalink_rust::{
    dsp::{Chain, FilterSpec},
    node::parse_filters,
    pcm::PcmBlock,
};

enum Event {
    Filters(Box<FilterSpec>),
    Seek,
}

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [input, output, filters, events @ ..] = &args[..] else {
        bail!("filter_events IN.f32 OUT.f32 FILTERS [EVENT…]");
    };
    let (mut block, mut planned) = (960, Vec::new());
    for event in events {
        if let Some(samples) = event.strip_prefix("block=") {
            block = samples.parse()?;
        } else if let Some(at) = event.strip_prefix("seek@") {
            planned.push((at.parse()?, Event::Seek));
        } else if let Some(patch) = event.strip_prefix("patch@") {
            let (at, json) = patch.split_once('=').context("patch@F=JSON")?;
            planned.push((at.parse()?, Event::Filters(Box::new(parse_filters(json)?))));
        } else {
            bail!("no event is called {event:?}");
        }
    }
    let mut samples = PcmBlock::default();
    for frame in std::fs::read(input)?.chunks_exact(8) {
        for (channel, bytes) in samples.channels.iter_mut().zip(frame.chunks_exact(4)) {
            channel.push(f32::from_le_bytes(bytes.try_into()?));
        }
    }
    let out = run(&parse_filters(filters)?, &planned, &samples, block);
    let [left, right] = &out.channels;
    let pairs = left.iter().zip(right).flat_map(|(l, r)| [*l, *r]);
    Ok(std::fs::write(
        output,
        pairs.flat_map(f32::to_le_bytes).collect::<Vec<u8>>(),
    )?)
}

fn run(
    filters: &FilterSpec,
    events: &[(usize, Event)],
    input: &PcmBlock,
    block: usize,
) -> PcmBlock {
    let mut chain = Chain::new(filters);
    let (mut piece, mut out, mut at) = (PcmBlock::default(), PcmBlock::default(), 0);
    while at < input.len() {
        for (_, event) in events.iter().filter(|(when, _)| *when == at) {
            match event {
                Event::Filters(filters) => chain.update(filters),
                Event::Seek => chain.reset(),
            }
        }
        let next = events
            .iter()
            .map(|(when, _)| *when)
            .filter(|when| *when > at);
        let end = next.chain([at + block, input.len()]).min().unwrap_or(at);
        piece.clear();
        piece.extend_from(input, at..end);
        chain.process(&piece, &mut out);
        at = end;
    }
    chain.flush(&mut out);
    out
}
