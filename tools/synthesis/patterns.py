"""Programmed drum parts: step patterns drawn lane by lane, exact or nearly so, up to the speed of blast beats.

Times in seconds, velocities 1..127. A digit of a lane is a stroke (1 ghost note to 9 accent), a dot a rest; lanes of 16
steps fill a bar of four beats, those of 12 are triplets, those of 32 thirty-seconds.
"""

from dataclasses import dataclass

import numpy as np

Stroke = tuple[float, str, float]  # time, sound, velocity

KICKS = (
    "9...9...9...9...", "9.......9.......", "9.....7.9.......", "9..7..8...7.....", "9.7....69.7.....",
    "9......7..8.....", "8888888888888888", "9898989898989898", "8.8.8.8.8.8.8.8.", "9..99..99..99..9",
    "9.9999.99.9999.9", "9999....9999....", "9..9..9..9..9..9", "....8..8....8..8", "9.999.9.9.999.9.",
    "9...........7...", "888888888888", "9.99.99.99.9", "9..9..9..9..",
)  # fmt: skip
SNARES = (
    "....9.......9...", "....9.......9...", "....9..2.2..9...", "....9.1..1..9.11", "........9.......",
    "..9...9...9...9.", ".8.8.8.8.8.8.8.8", "8.8.8.8.8.8.8.8.", "9...9...9...9...", "2222922222229222",
    "4.6.3.5.4.6.3.58", "...9..9...9...9.", "...9.....9..", "..29..2..9.2",
)  # fmt: skip
TIMES = (
    "8.6.8.6.8.6.8.6.", "7.5.7.5.7.5.7.5.", "7545754575457545", "8...8...8...8...", "..8...8...8...8.",
    "9...7...9...7...", "8888888888888888", "7.46745.7.467.5.", "8.8.8.8.8.8.8888", "8......78......7",
    "7.57.57.57.5", "7..7.57..7.5", "777777777777", "7.5.7.5.7777777.7.5.7.5.7.777777",
    "7.7.7.7.7.7.777777.7.7.777777777",
)  # fmt: skip
CLAVES = (
    "................", "9...............", "9.......9.......", "......9.........", "9.....9.....9...",
    "9...9...9...9...",
)  # fmt: skip
KEEPERS = ("closed", "closed", "closed", "open", "ride", "ride", "ride", "crash", "bell", "splash")
LEAST_S = {"kick": 0.055, "snare": 0.045, "closed": 0.035, "open": 0.08, "crash": 0.1, "splash": 0.1}
SECTION_BARS = (1, 2, 2, 4)
ROLL_SOUNDS = ("snare", "snare", "tom_high", "tom_mid", "tom_low", "closed", "kick", "ride")
FAST_BPM = (150.0, 260.0)
FAST_SOUNDS = ("kick", "kick", "snare", "closed", "closed", "ride", "tom_low")
SLOW_BEAT = (("kick", 8, 0), ("snare", 8, 4), ("closed", 4, 0))  # sound, every so many sixteenths, from this one on
WHOLE = 0.4  # share of the fast parts in which one drum plays sixteenths throughout


@dataclass(frozen=True)
class Style:
    """What parts are drawn from.

    Attributes
    ----------
    kicks, snares, times : tuple of str
        Steps of the lanes; `times` are those of what keeps the time.
    keepers : tuple of str
        Sounds that keep the time.
    slowest_bpm, fastest_bpm : float > 0
    exact : float in 0..1
        Share of the parts that are exact.
    """

    kicks: tuple[str, ...] = KICKS
    snares: tuple[str, ...] = SNARES
    times: tuple[str, ...] = TIMES
    keepers: tuple[str, ...] = KEEPERS
    slowest_bpm: float = 65.0
    fastest_bpm: float = 240.0
    exact: float = 0.4


ANY_STYLE = Style()


def programmed(length_s: float, rng: np.random.Generator, style: Style = ANY_STYLE) -> list[Stroke]:
    """Return a part of some length, in time order."""
    bar_s = 240.0 / float(np.exp(rng.uniform(np.log(style.slowest_bpm), np.log(style.fastest_bpm))))
    strokes: list[Stroke] = []
    start_s = float(rng.uniform(0.1, 0.6))
    while start_s < length_s:
        n_bars = int(rng.choice(SECTION_BARS))
        lanes = _section(style, rng)
        for _ in range(n_bars):
            strokes += _bar(lanes, start_s, bar_s)
            start_s += bar_s
        if rng.random() < 0.4:
            strokes = _with_roll(strokes, start_s, bar_s, rng)
    return _humanised(strokes, length_s, style.exact, rng)


def fast(length_s: float, rng: np.random.Generator) -> list[Stroke]:
    """Return a part of sixteenths at 150 to 260 BPM by one drum at a time, beside a slow beat of others."""
    step_s = 15.0 / rng.uniform(*FAST_BPM)
    n_steps = int((length_s - 1) / step_s)
    section = n_steps if rng.random() < WHOLE else int(rng.choice([16, 32, 64]))
    strokes: list[Stroke] = []
    for first in range(0, n_steps, section):
        quick, level = str(rng.choice(FAST_SOUNDS)), rng.uniform(50, 115)
        rests = 0.0 if rng.random() < 0.7 else rng.uniform(0.05, 0.5)
        for i in range(first, min(first + section, n_steps)):
            at_s = 0.5 + i * step_s
            if rng.random() >= rests:
                strokes.append((at_s, quick, level + 10 * (i % 4 == 0)))
            strokes += [(at_s, other, 100.0) for other, every, of in SLOW_BEAT if other != quick and i % every == of]
    return _humanised(strokes, length_s, ANY_STYLE.exact, rng)


def _section(style: Style, rng: np.random.Generator) -> list[tuple[str, str]]:
    """Return the lanes of a section: what is played together, each the sound and its steps."""
    keeper, lanes = str(rng.choice(style.keepers)), [("kick", str(rng.choice(style.kicks)))]
    lanes.append(
        (str(rng.choice(["snare", "snare", "snare", "rimshot", "cross_stick"])), str(rng.choice(style.snares)))
    )
    if rng.random() < 0.9:
        lanes.append((keeper, str(rng.choice(style.times))))
    if keeper == "closed" and rng.random() < 0.4:
        lanes.append(("open", str(rng.choice((*CLAVES[3:], "..8...8...8...8.")))))
    if rng.random() < 0.5:
        lanes.append((str(rng.choice(["crash", "crash", "splash"])), str(rng.choice(CLAVES[1:]))))
    if keeper not in ("closed", "open") and rng.random() < 0.4:
        lanes.append(("pedal", str(rng.choice(["....6.......6...", "6...6...6...6..."]))))
    if rng.random() < 0.15:
        tom = str(rng.choice(["tom_high", "tom_low"]))
        lanes.append((tom, str(rng.choice(["9..8..9.8.......", "8.8.88..8.8.8888"]))))
    return lanes


def _bar(lanes: list[tuple[str, str]], start_s: float, bar_s: float) -> list[Stroke]:
    return [
        (start_s + step * bar_s / len(steps), sound, 5.0 + 13 * int(mark))
        for sound, steps in lanes
        for step, mark in enumerate(steps)
        if mark != "."
    ]


def _with_roll(strokes: list[Stroke], end_s: float, bar_s: float, rng: np.random.Generator) -> list[Stroke]:
    """Return the strokes with the last beats before `end_s` played as a roll, alone or on top."""
    length_s = bar_s * float(rng.choice([0.25, 0.5, 1.0]))
    start_s, step_s = end_s - length_s, bar_s / float(rng.choice([16, 16, 24, 32]))
    sounds = rng.choice(ROLL_SOUNDS, int(rng.integers(1, 4)))
    times = np.arange(start_s, end_s - 0.01, step_s)
    levels = np.linspace(rng.uniform(30, 100), rng.uniform(80, 124), len(times))
    which = np.arange(len(times)) * len(sounds) // max(len(times), 1)
    roll = [(t, str(sound), v) for t, sound, v in zip(times, sounds[which], levels, strict=True)]
    is_alone = rng.random() < 0.6
    return [one for one in strokes if not (is_alone and start_s - 0.01 <= one[0] < end_s - 0.01)] + roll


def _humanised(strokes: list[Stroke], length_s: float, exact: float, rng: np.random.Generator) -> list[Stroke]:
    """Return the strokes a little off, or exact, and without those that come too soon after one of the same sound."""
    is_exact = rng.random() < exact
    timing_s = 0.0 if is_exact else rng.uniform(0.001, 0.006)
    dynamics = float(rng.choice([0.0, 3.0])) if is_exact else rng.uniform(2, 8)
    flat = float(rng.choice([0.0, 0.0, 0.5, 1.0]))  # how far all are played alike
    played, last_s = [], dict[str, float]()
    for time_s, sound, velocity in sorted(strokes):
        if time_s - last_s.get(sound, -1.0) < LEAST_S.get(sound, 0.06) - 1e-6:
            continue
        last_s[sound] = time_s
        level = flat * 105 + (1 - flat) * velocity + rng.normal(0, dynamics)
        at_s = time_s + rng.normal(0, timing_s)
        if 0.05 <= at_s < length_s:
            played.append((at_s, sound, float(np.clip(level, 8, 127))))
    return sorted(played)
