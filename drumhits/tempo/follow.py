"""Strokes -> a pulse that follows them through changes of tempo.

In windows of some seconds, every tempo and every place in the bar is scored by how well the strokes fit bars of it. The
best path through the windows, along which bars go on where the tempo says, is found by dynamic programming, as Ellis
2007 finds beats and bar-pointer models find bars (F. Krebs, S. Boeck and G. Widmer, "An efficient state-space model for
joint tempo and meter tracking", ISMIR 2015). A path may run at half or twice the tempo: `metre` decides.
"""

import numpy as np

from drumhits.tempo.strokes import VOICES, Strokes
from drumhits.tempo.table import BEAT_BINS, BINS, Table

WINDOW_S, HOP_S = 6.0, 2.0
TEMPOS_BPM = 50 * 1.02 ** np.arange(73)  # to 208
PLACES = BINS // 2  # of a bar
N_STATES = 48  # that are looked at in a window
TEMPO_WEIGHT, TEMPO_COST = 400.0, 40.0  # of the squared log of a change of tempo, and at the most
PLACE_COST = 20.0  # at the most, of bars that do not go on where the tempo says: after a pause
PLACE_S, PLACE_SHARE = 0.03, 0.25  # by how much they may be off, and by how much of a change of tempo in a hop
BEATS = BINS // BEAT_BINS


def followed_pulse(strokes: Strokes, table: Table) -> np.ndarray:
    """Return the times of a pulse that follows the strokes, increasing, in seconds."""
    centres_s = np.arange(strokes.times_s[0], strokes.times_s[-1] + HOP_S, HOP_S)
    bars_s = 60 * BEATS / TEMPOS_BPM
    tempos, places = _best_path(_scores(strokes, centres_s, bars_s, table), bars_s)
    bar_s = bars_s[tempos]
    bars = np.append(0.0, np.cumsum(_advance(places / PLACES, bar_s)))
    bars = np.maximum.accumulate(bars + places[0] / PLACES + 1e-6 * np.arange(len(bars)))
    pulses = np.arange(np.ceil(bars[0] * BEATS), np.floor(bars[-1] * BEATS) + 1)
    return np.interp(pulses, bars * BEATS, centres_s)


def _advance(places: np.ndarray, bar_s: np.ndarray) -> np.ndarray:
    """Return the bars from each window to the next: as the tempos say, to the place that was found."""
    expected = HOP_S / 2 * (1 / bar_s[:-1] + 1 / bar_s[1:])
    return expected + (np.diff(places) - expected + 0.5) % 1 - 0.5


def _scores(strokes: Strokes, centres_s: np.ndarray, bars_s: np.ndarray, table: Table) -> np.ndarray:
    """Return the log likelihood of each tempo and place in the bar, shape (n_centres, n_tempos, PLACES)."""
    first = np.searchsorted(strokes.times_s, centres_s - WINDOW_S / 2)
    counts = np.searchsorted(strokes.times_s, centres_s + WINDOW_S / 2) - first
    window = np.repeat(np.arange(len(centres_s)), counts)
    stroke = np.arange(counts.sum()) - np.repeat(np.cumsum(counts) - counts - first, counts)
    from_centre_s = strokes.times_s[stroke] - centres_s[window]
    weights = 0.5 + 0.5 * np.cos(2 * np.pi * from_centre_s / WINDOW_S)
    row, n = (window * len(VOICES) + strokes.voices[stroke]) * PLACES, len(centres_s) * len(VOICES) * PLACES
    density = np.log(np.exp(table.bars).reshape(*table.bars.shape[:2], PLACES, -1).mean(axis=-1))
    at_each_place = np.stack([np.roll(density, -place, axis=-1) for place in range(PLACES)], axis=1)
    at_each_place = at_each_place.reshape(-1, len(VOICES) * PLACES).T.astype(np.float32)
    found = np.empty((len(centres_s), len(bars_s), PLACES), np.float32)
    for tempo, bar_s in enumerate(bars_s):
        place = np.rint(from_centre_s * (PLACES / bar_s)).astype(int) % PLACES
        played = np.bincount(row + place, weights, n).reshape(len(centres_s), -1).astype(np.float32)
        found[:, tempo] = (played @ at_each_place).reshape(len(centres_s), -1, PLACES).max(axis=1)
    return found


def _best_path(scores: np.ndarray, bars_s: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the tempo and the place at each window on the best path, as indices (Viterbi over the best states)."""
    tempos, places, values = _peaks(scores)
    bar_s = bars_s[tempos]
    best, back = values[0], np.zeros(values.shape, int)
    for k in range(1, len(values)):
        offers = best[:, None] - _cost(bar_s[k - 1 : k + 1], places[k - 1 : k + 1] / PLACES)
        back[k] = offers.argmax(axis=0)
        best = offers.max(axis=0) + values[k]
    state = [int(best.argmax())]
    for row in back[:0:-1]:
        state.append(int(row[state[-1]]))
    at = np.arange(len(values)), np.array(state[::-1])
    return tempos[at], places[at]


def _peaks(scores: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return tempos, places and scores of the N_STATES highest peaks in each window, shape (n_windows, N_STATES)."""
    slower, faster = np.full_like(scores, -np.inf), np.full_like(scores, -np.inf)
    slower[:, 1:], faster[:, :-1] = scores[:, :-1], scores[:, 1:]
    is_peak = (scores >= slower) & (scores >= faster)
    is_peak &= (scores >= np.roll(scores, 1, axis=2)) & (scores >= np.roll(scores, -1, axis=2))
    flat = np.where(is_peak, scores, -1e6).reshape(len(scores), -1)
    top = np.argpartition(-flat, N_STATES, axis=1)[:, :N_STATES]
    return top // PLACES, top % PLACES, np.take_along_axis(flat, top, axis=1)


def _cost(bar_s: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return what it costs to go from each state of a window to each of the next, shape (n, n); places in bars."""
    before, after = bar_s[0][:, None], bar_s[1]
    expected = HOP_S / 2 * (1 / before + 1 / after)
    off = (places[1] - places[0][:, None] - expected + 0.5) % 1 - 0.5
    change, mean_s = np.log(after / before), (before + after) / 2
    tolerance_s = PLACE_S + PLACE_SHARE * HOP_S * np.abs(change) + mean_s / PLACES / 2
    leap = np.minimum((off * mean_s / tolerance_s) ** 2, PLACE_COST)
    return leap + np.minimum(TEMPO_WEIGHT * change**2, TEMPO_COST)
