"""A pulse -> beats and bars: which multiple of it is the beat, and where the bars begin.

Each multiple of a pulse is a hypothesis about the tempo. Its features say how well the strokes fit bars of that tempo
(`table.Table.bars`), how many strokes there would be in a beat, and how much of what each voice plays comes again after
one, two and four beats; a weighted sum of them ranks the hypotheses.
"""


from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from drumhits.matching import nearest
from drumhits.tempo.compound import BPM_RANGE as COMPOUND_BPM_RANGE
from drumhits.tempo.compound import COMPOUND_BEATS, KNOWN_BPM_RANGE, QUARTERS, compound_of
from drumhits.tempo.strokes import CLOSED, CRASH, GHOST, KICK, RIDE, SNARE, TIME_KEEPING, TOM, VOICES, Strokes
from drumhits.tempo.table import BEAT_BINS, Table


def _mask(*voices: int) -> np.ndarray:
    return np.isin(np.arange(len(VOICES)), voices)


MULTIPLES = np.array(
    [1 / 12, 1 / 8, 1 / 6, 1 / 5, 1 / 4, 1 / 3, 3 / 8, 1 / 2, 2 / 3, 3 / 4, 1, 4 / 3, 3 / 2, 2, 3]
)  # of the rate of a pulse: what may be the rate of the beat
BPM_RANGE = (42.0, 305.0)
SAME_TEMPO = 0.008  # share of a tempo within which another is the same hypothesis
USUAL_BPM = 115.0
COUNTED = (_mask(KICK), _mask(SNARE), _mask(*TIME_KEEPING), _mask(*range(len(VOICES))))
TOLD_ALONE = (KICK, SNARE, TOM, CLOSED, RIDE)
COUNTED_NAMES = ("kicks", "snares", "time-keeping", "strokes")
REPEATED = (_mask(KICK), _mask(SNARE), _mask(GHOST), _mask(*TIME_KEEPING), _mask(TOM, CRASH))
REPEATED_BEATS = (4, 2, 1)
SAME_PLACE_S = 0.04  # spread of a stroke that comes again
FEATURES = (
    "fit to bars in 4/4", "fit to any bars", *(f"fit of {VOICES[voice]}" for voice in TOLD_ALONE),
    *(f"{power}{what}" for power in ("", "squared ") for what in ("tempo", *COUNTED_NAMES)),
    "tempo by strokes", "tempo by kicks", "kicks by snares",
    *(f"repetition {which} after {beats} beats" for beats in REPEATED_BEATS for which in range(len(REPEATED))),
    "repetition after a bar",
)  # fmt: skip
DOWNBEAT_FEATURES = ("fit to the bar", "the first stroke on it", "the first stroke on a beat", "crashes on it")
SIXTEENTH_BINS = BEAT_BINS // 4
FIRST_STROKE_BEATS = 0.12
CRASH_BINS = 3


class Bars(NamedTuple):
    """What a hypothesis about the tempo finds.

    Attributes
    ----------
    beat_s : float
        Length of a beat.
    beats_in_bar : int
        4 or 3; 2 of three eighths each.
    origin_s : float
        Time of a downbeat; the others lie whole bars from it.
    confidence : float in 0..1
        That the tempo is right, among all hypotheses.
    rival_bpm : float
        Tempo of the next best hypothesis.
    fit : float
        Mean log density of the strokes in bars of that tempo.
    """

    beat_s: float
    beats_in_bar: int
    origin_s: float
    confidence: float
    rival_bpm: float
    fit: float

    @property
    def is_compound(self) -> bool:
        """Whether the bars are in 6/8, and a beat is a dotted quarter."""
        return self.beats_in_bar == COMPOUND_BEATS


def hypotheses_bpm(rates_hz: npt.ArrayLike, bpm_range: tuple[float, float] = BPM_RANGE) -> np.ndarray:
    """Return the tempos in a range that pulses of some rates allow, each once."""
    found: list[float] = []
    for bpm in (60 * np.outer(np.asarray(rates_hz, float), MULTIPLES)).ravel():
        if bpm_range[0] < bpm < bpm_range[1] and all(abs(bpm / other - 1) > SAME_TEMPO for other in found):
            found.append(float(bpm))
    return np.array(found)


def find_bars(strokes: Strokes, rates_hz: npt.ArrayLike, table: Table, beats_in_bar: int | None = None) -> Bars:
    """Return the beats and bars of strokes that keep a constant tempo.

    Parameters
    ----------
    rates_hz : array_like, shape (n,)
        Of the pulses that they keep; see `pulse.rates_hz`.
    beats_in_bar : int, optional
        4, 3, or 2 of three eighths, where it is known.
    """
    is_compound = beats_in_bar == COMPOUND_BEATS
    simple = None if is_compound else beats_in_bar
    if not simple and (compound := _compound(strokes, rates_hz, table, is_known=is_compound)):
        return compound
    tempos = hypotheses_bpm(rates_hz)
    if simple == 3:
        tempos = np.array([bpm for bpm in tempos if _is_waltz(strokes, bpm)] or tempos)
    told = np.stack([features(strokes, bpm, table) for bpm in tempos])
    log_odds = (told - table.centre) / table.scale @ table.weights
    share = np.exp(log_odds - log_odds.max())
    best, *others = np.argsort(-log_odds)
    bpm = tempos[best]
    beats = simple or _beats_in_bar(strokes, bpm, table)
    rows, places = downbeat_features(strokes, bpm, table, beats)
    place = places[(rows @ table.downbeat).argmax()]
    beat_s = 60 / bpm
    return Bars(
        beat_s,
        beats,
        -place / BEAT_BINS * beat_s,
        float(share[best] / share.sum()),
        float(tempos[others[0]]) if others else 0.0,
        float(told[best, 1]),
    )


COMPOUND_CONFIDENCE = 0.95
REPEATED_EIGHTHS, OTHER_EIGHTHS, COMPOUND_REPETITION = 6, (4, 8), 0.1


def _compound(strokes: Strokes, rates_hz: npt.ArrayLike, table: Table, *, is_known: bool) -> Bars | None:
    """Return bars in 6/8; None where the strokes do not tell surely that there are such."""
    found = []
    for bpm in hypotheses_bpm(rates_hz, KNOWN_BPM_RANGE if is_known else COMPOUND_BPM_RANGE).tolist():
        one = compound_of(strokes, bpm)
        if one.is_clear and _comes_again_after_six(strokes, bpm):
            found.append((one.kicks + one.snares + one.on_eighths, bpm, one.origin_s))
    if not found:
        return None
    _, bpm, origin_s = max(found)
    fit = float(features(strokes, bpm, table)[1])
    return Bars(60 / bpm, COMPOUND_BEATS, origin_s, COMPOUND_CONFIDENCE, bpm * QUARTERS, fit)


def _comes_again_after_six(strokes: Strokes, bpm: float) -> bool:
    """Tell whether more comes again after six eighths than after as many as bars in 4/4 have."""
    six, *others = (np.mean(repetitions(strokes, n * 20 / bpm)) for n in (REPEATED_EIGHTHS, *OTHER_EIGHTHS))
    return bool(six > max(others) + COMPOUND_REPETITION)


def _is_waltz(strokes: Strokes, bpm: float) -> bool:
    """Tell whether more comes again after three beats than after four."""
    three, four = (sum(repetitions(strokes, n * 60 / bpm)) for n in (3, 4))
    return three > four


def features(strokes: Strokes, bpm: float, table: Table) -> np.ndarray:
    """Return the features of the hypothesis that the tempo is `bpm`, in the order of FEATURES."""
    counts = _in_bar(strokes, bpm, 4)
    fit = _fit(counts, table.bars)
    way, place = np.unravel_index(fit.argmax(), fit.shape)
    waltz = _fit(_in_bar(strokes, bpm, 3), table.waltzes).max()
    density = np.roll(table.bars[way], -int(place), axis=-1)
    alone = [np.sum(counts[voice] * density[voice]) / max(1.0, counts[voice].sum()) for voice in TOLD_ALONE]
    beats = (strokes.times_s[-1] - strokes.times_s[0]) * bpm / 60
    rates = [np.log2(bpm / USUAL_BPM)]
    rates += [np.log2((counted[strokes.voices].sum() + 1) / beats) for counted in COUNTED]
    again = {n: repetitions(strokes, n * 60 / bpm) for n in (1, 2, 3, 4)}
    products = [rates[0] * rates[4], rates[0] * rates[1], rates[1] * rates[2]]
    repeated = [value for n in REPEATED_BEATS for value in again[n]]
    bar = max(sum(again[3]), sum(again[4]))
    best = fit.max()
    return np.array([best, max(best, waltz), *alone, *rates, *np.square(rates), *products, *repeated, bar])


def _in_bar(strokes: Strokes, bpm: float, beats_in_bar: int) -> np.ndarray:
    """Return how many strokes of each voice lie at each place of the bar, shape (n_voices, bins)."""
    size = BEAT_BINS * beats_in_bar
    place = strokes.times_s * (bpm / 60) * BEAT_BINS
    below = np.floor(place)
    share, below = place - below, below.astype(int)
    row, n = strokes.voices * size, len(VOICES) * size
    counts = np.bincount(row + below % size, 1 - share, n) + np.bincount(row + (below + 1) % size, share, n)
    return counts.reshape(len(VOICES), size)


def _fit(counts: np.ndarray, bars: np.ndarray) -> np.ndarray:
    """Return the mean log density of the strokes by way of playing and place of time 0 in the bar."""
    spectra = np.fft.rfft(bars, axis=-1) * np.conj(np.fft.rfft(counts))
    return np.fft.irfft(spectra.sum(axis=1), n=counts.shape[-1], axis=-1) / max(1.0, counts.sum())


def repetitions(strokes: Strokes, lag_s: float) -> list[float]:
    """Return the share of what each group of REPEATED plays that it plays again `lag_s` later, 0..1."""
    return [_repetition(strokes.times_s[group[strokes.voices]], lag_s) for group in REPEATED]


def _repetition(times_s: np.ndarray, lag_s: float) -> float:
    if len(times_s) < 4:
        return 0.0
    expected = times_s[times_s < times_s[-1] - lag_s] + lag_s
    if not len(expected):
        return 0.0
    _, off_s = nearest(expected, times_s)
    return float(np.exp(-0.5 * (off_s / SAME_PLACE_S) ** 2).mean())


WALTZ_REPETITION, WALTZ_FIT = 0.12, 0.03  # by how much more than in 4/4: mean repetition after a bar, and fit


def _beats_in_bar(strokes: Strokes, bpm: float, table: Table) -> int:
    """Return 3 where the strokes come again after three beats more than after four, and fit bars of them; else 4."""
    fits = [_fit(_in_bar(strokes, bpm, n), bars).max() for n, bars in ((3, table.waltzes), (4, table.bars))]
    again = [np.mean(repetitions(strokes, n * 60 / bpm)) for n in (3, 4)]
    return 3 if again[0] - again[1] > WALTZ_REPETITION and fits[0] - fits[1] > WALTZ_FIT else 4


def downbeat_features(
    strokes: Strokes, bpm: float, table: Table, beats_in_bar: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return what speaks for some places in the bar being that of time 0, and these places, in bins.

    The places are 16ths apart, one of them that of the best fit; columns are in the order of DOWNBEAT_FEATURES.
    """
    size = BEAT_BINS * beats_in_bar
    fit = _fit(_in_bar(strokes, bpm, beats_in_bar), table.bars if beats_in_bar == 4 else table.waltzes).max(axis=0)
    places = np.arange(fit.argmax() % SIXTEENTH_BINS, size, SIXTEENTH_BINS)
    nearby = np.max([np.roll(fit, shift) for shift in (-2, -1, 0, 1, 2)], axis=0)[places]
    off = [_off_line(strokes.times_s[:1], bpm, places, bins)[0] / BEAT_BINS for bins in (size, BEAT_BINS)]
    first = np.exp(-0.5 * (np.array(off) / FIRST_STROKE_BEATS) ** 2)
    crashes = strokes.times_s[strokes.voices == CRASH]
    share = np.sum(_off_line(crashes, bpm, places, size) < CRASH_BINS, axis=0) / (len(crashes) + 2)
    return np.stack([nearby, *first, share], axis=1), places


def _off_line(times_s: np.ndarray, bpm: float, places: np.ndarray, size: int) -> np.ndarray:
    """Return how far each time is from a line of bars or beats of that size, for each place of time 0.

    In bins, shape (n_times, n_places).
    """
    at = (times_s[:, None] * (bpm / 60) * BEAT_BINS + places) % size
    return np.minimum(at, size - at)

