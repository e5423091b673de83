#!/usr/bin/env python3
"""How near the time-scale comes to the ideal, on sounds whose ideal is known by formula.

    scripts/timescale_quality.py target/release/lavalink-rust [NAME…]

Each sound is a function of tempo and pitch: at 1 and 1 it is what goes in, at others what ought to come out. A line has a
figure per setting; where `soundstretch` (Debian's package of that name) is installed, SoundTouch's stands behind the stroke.
Needs numpy.

  late, scatter   mean and deviation of the time at which attacks are heard, ms
  doubled, lost   attacks heard twice or not at all, of 19
  distance        of the magnitudes of short-time spectra from the ideal's, dB of the ideal's
  bands           rms difference from the ideal in third octaves, dB
  rest            energy further than 12 Hz from any partial, dB
  flutter         scatter of the level of noise in 10 ms beyond the ideal's, dB
"""

import json
import shutil
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

RATE = 48000
SECONDS = 6.0
SETTINGS = [(0.5, 1), (0.7, 1), (0.8, 1), (1.2, 1), (1.5, 1), (2, 1), (1, 0.8), (1, 1.25)]
HITS = [0.3 + 0.26 * k + 0.013 * (k * 7 % 5) for k in range(20)]
CHORDS = {
    "chord": [130.81, 164.81, 196.0, 246.94, 293.66],
    "chord-low": [87.31, 174.61, 220.0, 261.63, 349.23],
    "chord-wide": [98.0, 123.47, 146.83, 174.61, 392.0],
}
SCALE = [110, 146.83, 164.81, 220, 196, 246.94, 293.66, 329.63]


def noise(n, seed):
    return np.random.default_rng(seed).uniform(-1, 1, n)


def times(tempo):
    """output times, and the track's times that are heard then"""
    t = np.arange(int(round(SECONDS / tempo * RATE))) / RATE
    return t, t * tempo


def placed(n, tempo, sound):
    y = np.zeros(n)
    for k, hit in enumerate(HITS):
        at = int(round(hit / tempo * RATE))
        s = sound(k)[: n - at]
        y[at : at + len(s)] += s
    return y


def clicks(tempo, _):
    y = placed(len(times(tempo)[0]), tempo, lambda _: 0.8 * np.hanning(24))
    return np.stack([y, y], 1)


def drums(tempo, pitch):
    d = np.arange(7200) / RATE

    def hit(k):
        return 0.5 * np.exp(-d / 0.03) * noise(len(d), k) + 0.5 * np.exp(-d / 0.06) * np.sin(2 * np.pi * pitch * 90 * d)

    y = placed(len(times(tempo)[0]), tempo, hit)
    return np.stack([y, 0.7 * y], 1)


def chord(name, tempo, pitch):
    t, _ = times(tempo)
    partials = [(i, f, h) for i, f in enumerate(CHORDS[name]) for h in range(1, 7)]
    sides = [sum(0.06 / h * np.sin(2 * np.pi * f * h * pitch * t + 1.3 * i * h + 0.4 * c * i) for i, f, h in partials) for c in (0, 1)]
    return np.stack(sides, 1)


def vibrato(tempo, pitch):
    _, u = times(tempo)
    phase = 2 * np.pi * np.cumsum(440 * pitch * 2 ** (0.5 * np.sin(2 * np.pi * 5.5 * u) / 12)) / RATE
    y = sum(0.3 / h * np.sin(h * phase) for h in range(1, 6))
    return np.stack([y, 0.8 * y], 1)


def white(tempo, _):
    n = len(times(tempo)[0])
    return 0.25 * np.stack([noise(2 * int(SECONDS * RATE), seed)[:n] for seed in (91, 92)], 1)


def voice(tempo, pitch):
    """a gliding voice with moving formants in syllables, and hisses between them"""
    t, u = times(tempo)
    f0 = (120 + 30 * np.sin(2 * np.pi * 0.7 * u) + 15 * np.sin(2 * np.pi * 2.3 * u)) * pitch
    phase = 2 * np.pi * np.cumsum(f0) / RATE
    formants = ((500 + 250 * np.sin(2 * np.pi * 0.9 * u), 80, 1), (1500 + 500 * np.sin(2 * np.pi * 1.3 * u + 1), 110, 0.5), (2500 + 0 * u, 160, 0.25))
    y = np.zeros(len(t))
    for h in range(1, 36):
        gain = sum(g / (1 + ((f0 * h - f * pitch) / (b * pitch)) ** 2) for f, b, g in formants)
        y += np.where(f0 * h < 20000, gain, 0) * np.sin(h * phase) / h**0.5
    turn = np.sin(2 * np.pi * 1.9 * u)
    y = 0.25 * np.clip(1.6 * turn, 0, 1) * y + 0.2 * np.clip(-1.5 * turn - 0.9, 0, 1) * noise(len(t), 5)
    return np.stack([y, y], 1)


def mix(tempo, pitch):
    """the drums with plucked chords on each beat"""
    t, _ = times(tempo)
    sides = list(0.35 * drums(tempo, pitch).T)
    for k, hit in enumerate(HITS[:-1]):
        at = int(round(hit / tempo * RATE))
        d = np.arange(min(int(0.6 / tempo * RATE), len(t) - at)) / RATE
        envelope = np.exp(-d * tempo / 0.25) * np.minimum(1, d / 0.003)
        for j in (0, 3, 5):
            for q in range(1, 5):
                for c in (0, 1):
                    sides[c][at : at + len(d)] += 0.12 * envelope / q * np.sin(2 * np.pi * SCALE[(k + j) % 8] * pitch * q * d + c * j * 0.5)
    return 0.8 * np.stack(sides, 1)


SOUNDS = {"clicks": clicks, "drums": drums, "vibrato": vibrato, "noise": white, "voice": voice, "mix": mix}
SOUNDS |= {name: lambda tempo, pitch, name=name: chord(name, tempo, pitch) for name in CHORDS}


def energy(y, width):
    total = np.concatenate([[0], np.cumsum((y**2).sum(1))])
    return (total[width:] - total[:-width]) / width


def attacks(y, tempo):
    """by the energy of the second difference in 3 ms: it rises fourfold where something begins"""
    width, half = 144, int(min(4800, 0.45 * 0.26 * RATE / tempo))
    e = energy(np.vstack([np.zeros((width, 2)), np.diff(y, 2, axis=0)]), width)
    late, doubled, lost = [], 0, 0
    for hit in HITS[:-1]:
        at = int(hit / tempo * RATE)
        start = max(0, at - half)
        near = e[start : at + half]
        loudest = near.max() + 1e-20
        rises = np.flatnonzero((near[width:] / (near[:-width] + 1e-5 * loudest) > 4) & (near[width:] > loudest / 20))
        if not len(rises):
            lost += 1
            continue
        doubled += int((np.diff(rises) > 100).sum())
        late.append((start + rises[0] - at) / RATE * 1000 + 3)
    return {"late": np.mean(late), "scatter": np.std(late), "doubled": doubled, "lost": lost}


def spectra(x, n):
    starts = np.arange(0, len(x) - n, n // 4)
    return np.abs(np.fft.rfft(x[starts[:, None] + np.arange(n)] * np.hanning(n), axis=1))


def distance(y, ideal, n=2048):
    m = min(len(y), len(ideal))
    a, b = (np.vstack([spectra(v[:m, c], n) for c in (0, 1)]) for v in (y, ideal))
    return 20 * np.log10(np.linalg.norm(a - b) / np.linalg.norm(b) + 1e-9)


def bands(y, ideal, n=1024):
    m, hz, edges = min(len(y), len(ideal)), np.fft.rfftfreq(n, 1 / RATE), np.geomspace(80, 16000, 28)
    inside = [(hz >= low) & (hz < high) for low, high in zip(edges, edges[1:])]
    a, b = (np.stack([(spectra(v[:m].mean(1), n)[:, i] ** 2).sum(1) for i in inside if i.any()], 1) for v in (y, ideal))
    floor = 1e-5 * b.max()
    return np.sqrt(np.mean((10 * np.log10((a + floor) / (b + floor))) ** 2))


def rest(y, partials):
    middle = y[len(y) // 2 - RATE : len(y) // 2 + RATE]
    hz = np.fft.rfftfreq(len(middle), 1 / RATE)
    near = np.any([np.abs(hz - f) < 12 for f in partials], axis=0)
    s = sum(np.abs(np.fft.rfft(middle[:, c] * np.blackman(len(middle)))) ** 2 for c in (0, 1))
    return 10 * np.log10(s[~near].sum() / s.sum())


def flutter(y):
    return np.std(10 * np.log10(energy(y, 480)[4800:-4800:480]))


def figures(name, y, tempo, pitch):
    ideal = SOUNDS[name](tempo, pitch)
    out = {"frames off": len(y) - len(ideal)}
    if name in ("clicks", "drums", "mix"):
        out |= attacks(y, tempo)
    if name in ("drums", "vibrato", "voice", "mix"):
        out["distance"] = distance(y, ideal)
    if name in ("drums", "voice", "mix"):
        out["bands"] = bands(y, ideal)
    if name in CHORDS:
        out["rest"] = rest(y, [f * h * pitch for f in CHORDS[name] for h in range(1, 7)])
    if name == "noise":
        out["flutter"] = flutter(y) - flutter(ideal)
    return out


def write(path, y):
    data = np.round(np.clip(y, -1, 1) * 32767).astype("<i2").tobytes()
    head = struct.pack("<4sI8sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVEfmt ", 16, 1, 2, RATE, RATE * 4, 4, 16, b"data", len(data))
    path.write_bytes(head + data)


def read(path):
    b, at = path.read_bytes(), 12
    while b[at : at + 4] != b"data":
        if b[at : at + 4] == b"fmt ":
            bits = struct.unpack_from("<H", b, at + 22)[0]
        at += 8 + struct.unpack_from("<I", b, at + 4)[0]
    size = min(struct.unpack_from("<I", b, at + 4)[0], len(b) - at - 8)
    kind, one = ("<f4", 1.0) if bits == 32 else ("<i2", 32768.0)
    return np.frombuffer(b, kind, size * 8 // bits, at + 8).reshape(-1, 2) / one


def ours(program, source, to, tempo, pitch):
    filters = json.dumps({"timescale": {"speed": tempo, "pitch": pitch}})
    subprocess.run([program, "play", source, "--output", to, "--filters", filters], check=True, capture_output=True)


def soundtouch(_, source, to, tempo, pitch):
    by = [f"-tempo={100 * (tempo - 1):.4f}", f"-pitch={12 * np.log2(pitch):.6f}"]
    subprocess.run(["soundstretch", source, to, *by], check=True, capture_output=True)


def main(program, names):
    programs = [ours] + [soundtouch] * bool(shutil.which("soundstretch"))
    print(" " * 21 + "".join(f"{f'x{tempo}' if pitch == 1 else f'pitch {pitch}':>16}" for tempo, pitch in SETTINGS))
    with tempfile.TemporaryDirectory() as folder:
        source, to = Path(folder, "in.wav"), Path(folder, "out.wav")
        for name in names or SOUNDS:
            write(source, SOUNDS[name](1, 1))
            rows = {}
            for tempo, pitch in SETTINGS:
                for play in programs:
                    play(program, source, to, tempo, pitch)
                    for figure, value in figures(name, read(to).astype(float), tempo, pitch).items():
                        rows.setdefault(figure, {}).setdefault((tempo, pitch), []).append(value)
            for figure, values in rows.items():
                print(f"{name:11}{figure:10}" + "".join(f"{' / '.join(f'{v:.2f}' for v in values[s]):>16}" for s in SETTINGS), flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
