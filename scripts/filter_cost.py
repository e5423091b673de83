#!/usr/bin/env python3
"""What filters cost: user CPU time of `play` with and without them, runs interleaved, medians.

    scripts/filter_cost.py target/release/lavalink-rust FILE.mp3 [RUNS]

A file of some minutes is best; 7 runs unless told otherwise. `of input` is against the plain run of the same file, `of output`
against a plain run that makes as many seconds of sound: a track that is slowed down has more frames to encode, one that is
sped up more to decode for each second that is heard.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

GAINS = [0.2, 0.15, 0.1, 0.05, -0.05, -0.1, 0.1, 0.12, 0.15, 0.2, 0.25, 0.2, 0.15, 0.1, -0.1]
EQUALIZER = {"equalizer": [{"band": band, "gain": gain} for band, gain in enumerate(GAINS)]}
SCALES = {
    "speed 1.2": {"speed": 1.2},
    "pitch 1.2": {"pitch": 1.2},
    "rate 1.2": {"rate": 1.2},
    "nightcore": {"speed": 1.165, "pitch": 1.125},
    "slowed": {"speed": 0.8},
}
CASES = {"plain": {}, "equalizer": EQUALIZER}
CASES |= {name: {"timescale": scale} for name, scale in SCALES.items()}
CASES |= {f"equalizer + {name}": EQUALIZER | {"timescale": scale} for name, scale in SCALES.items()}


def seconds(program, file, filters):
    """user CPU time of one run"""
    before = resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime
    with tempfile.TemporaryDirectory() as folder:
        arguments = ["play", file, "--output", Path(folder, "out.ogg"), "--filters", json.dumps(filters)]
        subprocess.run([program, *arguments], check=True, capture_output=True)
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_utime - before


def main(program, file, runs=7):
    taken = {name: [] for name in CASES}
    for _ in range(int(runs)):
        for name, filters in CASES.items():
            taken[name].append(seconds(program, file, filters))
    plain = statistics.median(taken["plain"])
    for name, filters in CASES.items():
        ratio = statistics.median(taken[name]) / plain
        scale = filters.get("timescale", {})
        faster = scale.get("speed", 1) * scale.get("rate", 1)
        print(f"{name:22} {ratio * plain:7.3f} s   of input {ratio:.3f}   of output {ratio * faster:.3f}")


if __name__ == "__main__":
    main(*sys.argv[1:])
