"""Where to look: the tempos at which a file may be read, and the offsets at which many of its notes meet known ones."""

from collections.abc import Iterator
from math import log

import numpy as np

from drumhits.alignment.explanations import ROUNDING_S, TOLERANCE_S, Hypothesis, KnownNotes
from drumhits.io.grid import TempoMap
from drumhits.io.midi import MidiContent

MAX_DIFFERENCES = 1_000_000
MAX_PEAKS = 12
SEARCHED_BPM = np.arange(40, 250.25, 0.5)
MAX_SEARCH_DIFFERENCES = 50_000  # for each tempo
MAX_TEMPOS = 5
SEARCHED_LOG_PRIOR = -log(1e12)  # of 420 tempos and any offset, some resemble any rhythm
PEAK_SHARE = 0.6  # of the highest peak's height: lower ones cannot win


def hypotheses(known: KnownNotes, edited: MidiContent, tempo_bpm: float | None) -> list[Hypothesis]:
    """Return the tempo that was given, else that the DAW kept the seconds, or the beats, of the notes."""
    if tempo_bpm is not None:
        return [_at_tempo("tempo given", known, edited, tempo_bpm)]
    seconds_kept = _hypothesis("seconds kept", known, edited, edited.tempo)
    beats_kept = _hypothesis("beats kept", known, edited, known.tempo)
    is_same = np.array_equal(seconds_kept.times_s, beats_kept.times_s)
    return [seconds_kept] if is_same else [seconds_kept, beats_kept]


def _hypothesis(
    name: str, known: KnownNotes, edited: MidiContent, tempo: TempoMap, log_prior: float = 0.0
) -> Hypothesis:
    """Return the hypothesis that the file's beats run at a tempo."""
    beats = edited.notes["tick"] / edited.ppq
    end_beat = edited.tempo.beats_at(np.array(edited.end_s))
    tick_s = tempo.us_per_beat.max() / 1e6 / edited.ppq
    return Hypothesis(
        name=name,
        times_s=tempo.seconds(beats),
        end_s=float(tempo.seconds(end_beat)),
        tolerance_s=max(TOLERANCE_S, tick_s, known.tick_s),
        exact_s=tick_s / 2 + known.exact_s + ROUNDING_S,
        log_prior=log_prior,
    )


def _at_tempo(name: str, known: KnownNotes, edited: MidiContent, bpm: float, log_prior: float = 0.0) -> Hypothesis:
    tempo = TempoMap(beats=np.zeros(1), us_per_beat=np.array([6e7 / bpm]))
    return _hypothesis(name, known, edited, tempo, log_prior)


def tempo_hypotheses(
    known: KnownNotes, edited: MidiContent, used: np.ndarray, offset_s: float | None
) -> Iterator[Hypothesis]:
    """Yield the tempos from 40 to 250 BPM, in steps of a half, at which most differences are the same.

    Parameters
    ----------
    used : np.ndarray, int
        The notes to go by.
    offset_s : float, optional
        The difference that is sought; default: any.
    """
    beats = edited.notes["tick"][used] / edited.ppq
    beats = beats[:: max(1, -(-len(beats) * len(known.times_s) // MAX_SEARCH_DIFFERENCES))]
    heights = [_peak_height(known.times_s, beats * 60 / bpm, offset_s) for bpm in SEARCHED_BPM]
    for i in np.argsort(heights)[: -MAX_TEMPOS - 1 : -1]:
        bpm = float(SEARCHED_BPM[i])
        yield _at_tempo(f"{bpm:g} BPM", known, edited, bpm, SEARCHED_LOG_PRIOR)


def _peak_height(known_s: np.ndarray, times_s: np.ndarray, offset_s: float | None) -> int:
    """Return how many differences lie in the fullest bin, or near the offset."""
    width_s = TOLERANCE_S / 2
    differences = (known_s[:, None] - times_s[None, :]).ravel()
    if offset_s is not None:
        return int(np.count_nonzero(np.abs(differences - offset_s) <= width_s))
    bins = np.floor(differences / width_s).astype(np.int64)
    counts = np.bincount(bins - bins.min())
    return int(np.max(counts[1:] + counts[:-1], initial=0))


def offsets(known_s: np.ndarray, times_s: np.ndarray, hypothesis: Hypothesis) -> list[float]:
    """Return 0, then the peaks of the histogram of differences in seconds, each by its densest spot and its median.

    Peaks as wide as the tolerance are those of notes that were moved a little; peaks as wide as rounding stand out
    where most notes were added or deleted.
    """
    probes = times_s[:: max(1, -(-len(times_s) * len(known_s) // MAX_DIFFERENCES))]
    differences = (known_s[:, None] - probes[None, :]).ravel()
    found = [0.0]
    for width_s in (hypothesis.tolerance_s, 2 * hypothesis.exact_s):
        for peak in _peaks(differences, width_s):
            near = np.sort(differences[np.abs(differences - peak) <= width_s])
            ends = np.searchsorted(near, near + 2 * hypothesis.exact_s, "right")
            start = int(np.argmax(ends - np.arange(len(near))))
            found += [float((near[start] + near[ends[start] - 1]) / 2), float(np.median(near))]
    return list(dict.fromkeys(found))


def _peaks(differences: np.ndarray, width_s: float) -> list[float]:
    """Return the centres of the fullest bins of width `width_s`, which overlap by half; at least two widths apart."""
    half_bins, counts = np.unique(np.floor(2 * differences / width_s), return_counts=True)
    following = np.zeros_like(counts)
    adjacent = np.flatnonzero(np.diff(half_bins) == 1)
    following[adjacent] = counts[adjacent + 1]
    fullness, peaks = counts + following, list[float]()
    enough = PEAK_SHARE * np.max(fullness)
    while len(peaks) < MAX_PEAKS and np.max(fullness) >= enough:
        k = int(np.argmax(fullness))
        peaks.append((half_bins[k] + 1) * width_s / 2)
        fullness[np.abs(half_bins - half_bins[k]) < 4] = 0
    return peaks
