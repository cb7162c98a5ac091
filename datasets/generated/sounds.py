"""Short sounds at 16 kHz: tones, and digits spoken by a small formant synthesiser.

The digits are English phonemes from a table of formants, not recordings: "spoken-digit-like". Samples are whole
numbers of 16 bits; sines are rounded to them, so machines agree.
"""

import functools
import math

import numpy as np

RATE = 16000
TONES = {"low": 220, "middle": 440, "high": 880, "very high": 1760}
DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

# Steady phonemes: three formants in Hz, loudness of voice, loudness of noise and its centre in Hz.
_PHONEMES = {
    "iy": (280, 2250, 2900, 1.0, 0.0, 0), "ih": (400, 1950, 2550, 1.0, 0.0, 0), "eh": (550, 1770, 2490, 1.0, 0.0, 0),
    "ah": (640, 1190, 2390, 1.0, 0.0, 0), "ao": (570, 840, 2410, 1.0, 0.0, 0), "uw": (300, 870, 2240, 1.0, 0.0, 0),
    "aa": (730, 1090, 2440, 1.0, 0.0, 0), "ow": (450, 900, 2350, 1.0, 0.0, 0), "er": (490, 1350, 1690, 1.0, 0.0, 0),
    "w": (300, 610, 2200, 0.7, 0.0, 0), "r": (310, 1060, 1380, 0.8, 0.0, 0), "n": (250, 1200, 2100, 0.5, 0.0, 0),
    "v": (250, 1100, 2080, 0.5, 0.12, 3000), "z": (250, 1600, 2500, 0.3, 0.35, 5200), "s": (250, 1600, 2500, 0.0, 0.45, 5600),
    "f": (250, 1100, 2080, 0.0, 0.2, 3500), "th": (250, 1400, 2500, 0.0, 0.18, 4200), "t": (250, 1800, 2600, 0.0, 0.5, 4500),
    "k": (250, 1900, 2400, 0.0, 0.45, 2300), "-": (250, 1500, 2500, 0.0, 0.0, 0),
}
# (phoneme, milliseconds); neighbours glide into each other.
_SPOKEN = {
    "zero": (("z", 80), ("iy", 90), ("r", 70), ("ow", 160)), "one": (("w", 80), ("ah", 150), ("n", 120)),
    "two": (("-", 20), ("t", 40), ("uw", 220)), "three": (("th", 90), ("r", 70), ("iy", 200)),
    "four": (("f", 100), ("ao", 180), ("er", 90)), "five": (("f", 90), ("aa", 120), ("ih", 90), ("v", 80)),
    "six": (("s", 110), ("ih", 90), ("-", 40), ("k", 30), ("s", 120)),
    "seven": (("s", 100), ("eh", 90), ("v", 60), ("ah", 70), ("n", 90)), "eight": (("eh", 90), ("iy", 100), ("-", 50), ("t", 50)),
    "nine": (("n", 90), ("aa", 120), ("ih", 80), ("n", 110)),
}


def silence(seconds):
    return np.zeros(round(RATE * seconds), np.int64)


@functools.lru_cache(maxsize=4096)
def tone(hertz, seconds, loudness=0.4):
    """A sine with ends faded over 10 ms."""
    count = round(RATE * seconds)
    fade = min(count // 2, RATE // 100)
    phase = 2 * math.pi * hertz / RATE
    samples = [32767 * loudness * math.sin(phase * i) * min(1, i / fade, (count - 1 - i) / fade) for i in range(count)]
    return np.rint(samples).astype(np.int64)


def _noise(seed, count):
    """Whole numbers in [-32768, 32767] from a linear congruential generator."""
    state, values = seed, []
    for _ in range(count):
        state = (state * 1103515245 + 12345) & 0x7FFFFFFF
        values.append((state >> 15) - 32768)
    return values


@functools.lru_cache(maxsize=None)
def spoken(digit, pitch=120):
    """One of DIGITS, said at `pitch` Hz."""
    track = []  # per sample: formants, voice, noise, centre of the noise
    for name, milliseconds in _SPOKEN[digit]:
        track += [_PHONEMES[name]] * (RATE * milliseconds // 1000)
    count = len(track)
    glide = RATE // 50
    table = np.array(track, float)
    table = np.vstack([np.repeat(table[:1], glide, 0), table, np.repeat(table[-1:], glide, 0)])
    sums = np.cumsum(table, 0)
    table = (sums[2 * glide:] - sums[:-2 * glide])[:count] / (2 * glide)  # the glide: a moving mean
    hiss = _noise(DIGITS.index(digit) + 1, count)
    out, phase = [], 0.0
    memory = [(0.0, 0.0)] * 4
    for i in range(count):
        f1, f2, f3, voice, breath, centre = table[i]
        phase += pitch / RATE
        pulse = 0.0
        if phase >= 1:
            phase -= 1
            pulse = voice * 9000
        value = 0.0
        for k, (hertz, width, gain) in enumerate(((f1, 80, 1.0), (f2, 110, 0.6), (f3, 160, 0.35))):
            value += gain * _resonate(memory, k, pulse, hertz, width)
        value += _resonate(memory, 3, breath * hiss[i] * 0.1, max(centre, 1500), 1200)
        out.append(value)
    edge = RATE // 100
    for i in range(edge):
        out[i] *= i / edge
        out[-1 - i] *= i / edge
    peak = max(abs(value) for value in out)
    return np.rint([value * 14000 / peak for value in out]).astype(np.int64)


def _resonate(memory, k, drive, hertz, width):
    """One step of a two-pole resonator."""
    radius = math.exp(-math.pi * width / RATE)
    a, b = 2 * radius * math.cos(2 * math.pi * hertz / RATE), -radius * radius
    one, two = memory[k]
    value = drive + a * one + b * two
    memory[k] = (value, one)
    return value


def at(pieces, seconds):
    """Sounds laid over silence of `seconds`: pieces are (start in seconds, samples). Returns int16 samples."""
    out = silence(seconds)
    for start, samples in pieces:
        first = round(RATE * start)
        samples = samples[:len(out) - first]
        out[first:first + len(samples)] += samples
    return np.clip(out, -32768, 32767).astype(np.int16)
