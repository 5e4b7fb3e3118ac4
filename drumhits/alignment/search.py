"""Where to look: the tempos at which a file may be read, and the offsets at which many of its notes meet known ones."""

import numpy as np

from drumhits.alignment.explanations import ROUNDING_S, TOLERANCE_S, Hypothesis, KnownNotes
from drumhits.io.midi import MidiContent

MAX_DIFFERENCES = 1_000_000
MAX_PEAKS = 12
PEAK_SHARE = 0.6  # of the highest peak's height: lower ones cannot win


def hypotheses(known: KnownNotes, edited: MidiContent, tempo_bpm: float | None) -> list[Hypothesis]:
    """Return the tempo that was given, else that the DAW kept the seconds, or the beats, of the notes."""
    beats = edited.notes["tick"] / edited.ppq
    end_beat = float(edited.tempo.beats_at(np.array(edited.end_s)))

    def make(name: str, times_s: np.ndarray, end_s: float, us_per_beat: float) -> Hypothesis:
        tick_s = us_per_beat / 1e6 / edited.ppq
        tolerance_s = max(TOLERANCE_S, tick_s, known.tick_s)
        return Hypothesis(name, times_s, end_s, tolerance_s, tick_s / 2 + known.exact_s + ROUNDING_S)

    if tempo_bpm is not None:
        beat_s = 60 / tempo_bpm
        return [make("tempo given", beats * beat_s, end_beat * beat_s, 1e6 * beat_s)]
    seconds_kept = make("seconds kept", edited.notes["time_s"], edited.end_s, edited.tempo.us_per_beat.max())
    known_s, us_per_beat = known.tempo.seconds(beats), known.tempo.us_per_beat.max()
    if np.array_equal(known_s, edited.notes["time_s"]):
        return [seconds_kept]
    end_s = float(known.tempo.seconds(np.array(end_beat)))
    return [seconds_kept, make("beats kept", known_s, end_s, us_per_beat)]


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
