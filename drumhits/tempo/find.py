"""The strokes of a song -> its beats and bars, with a word on how sure that is. Times in seconds."""

from typing import NamedTuple

import numpy as np

from drumhits.matching import nearest
from drumhits.tempo.activation import Weights, shipped_weights
from drumhits.tempo.compound import BEAT_STEPS, COMPOUND_BEATS, QUARTERS
from drumhits.tempo.follow import followed_pulse
from drumhits.tempo.metre import Bars, find_bars
from drumhits.tempo.pulse import rates_hz
from drumhits.tempo.settle import Activation
from drumhits.tempo.strokes import KICK, SNARE, Strokes
from drumhits.tempo.table import Table, shipped_table

FEWEST_STROKES, SHORTEST_S = 16, 6.0
SURE, SURE_FIT = 0.4, 0.1  # confidence, and fit to the bars, from which a tempo is written
SURE_AGAINST = 0.6  # confidence, where the other kind of beats is sure of another tempo
SAME_TEMPO = 0.02  # share within which two tempos are not others
SURE_GAIN = 0.1  # of the strokes that strokes at random would leave off the grid, the share that lies on it
SUBDIVISIONS = 4, 3  # of a beat: 16ths and triplets
ON_GRID_S = 0.03
REFINED_SHARE = 0.25  # of a subdivision: strokes that far from it do not say where it lies
N_REFINEMENTS = 3
N_SETTLED = 2  # times that beats are settled: what they tell of the tempo is surer than the pulse before
WHOLE_BPM_S = 0.01
NEAR_SHARE, SMOOTH_PRIOR = 0.3, 0.5
SMOOTHING = np.array([0.2, 0.6, 1.0, 0.6, 0.2])  # weights of the pulses around one
CHANGE_SUPPORT = 0.35  # log odds a beat by which beats have to be likelier to change in tempo,
ON_GRID_SUPPORT = 4.0  # to which so many count for all strokes on the grid;
CHANGE_ON_GRID = 0.1  # in 6/8 the share of strokes by which more have to lie there


class Beats(NamedTuple):
    """The beats that were found.

    Attributes
    ----------
    times_s : np.ndarray, shape (n,)
        Of the beats, increasing, from the first downbeat on; a beat at least.
    beats_in_bar : int
        4 or 3 quarters; 2 of three eighths each.
    is_constant : bool
        Whether they are evenly spaced.
    confidence : float in 0..1
        That the tempo is right.
    rival_bpm : float
        What it would be otherwise.
    division : int
        Of a beat: 4 where the strokes lie on 16ths, 3 where they lie on triplets; 6 16ths in 6/8.
    on_grid : float in 0..1
        Share of the strokes within ON_GRID_S of these.
    fit : float
        Mean log density of the strokes in the bars; below 0 for strokes at random.
    is_opposed : bool
        Whether the other kind of beats, constant or changing, is sure of another tempo; that is `rival_bpm` then.
    """

    times_s: np.ndarray
    beats_in_bar: int
    is_constant: bool
    confidence: float
    rival_bpm: float
    division: int
    on_grid: float
    fit: float
    is_opposed: bool = False

    @property
    def bpm(self) -> float:
        """Beats a minute; the median where the tempo changes."""
        return 60 / float(np.median(np.diff(self.times_s)))

    @property
    def is_compound(self) -> bool:
        """Whether the bars are in 6/8, and a beat is a dotted quarter."""
        return self.beats_in_bar == COMPOUND_BEATS

    @property
    def is_sure(self) -> bool:
        """Whether the tempo may be written."""
        on_any_grid = min(0.9, 2 * ON_GRID_S * self.bpm / 60 * self.division)
        gain = (self.on_grid - on_any_grid) / (1 - on_any_grid)
        least = SURE_AGAINST if self.is_opposed else SURE
        return self.confidence >= least and self.fit >= SURE_FIT and gain >= SURE_GAIN

    def opposed_by(self, others: "Beats") -> "Beats":
        """Return these beats, opposed where the others are sure of another tempo."""
        if not others.is_sure or abs(others.bpm / self.bpm - 1) < SAME_TEMPO:
            return self
        return self._replace(is_opposed=True, rival_bpm=others.bpm)


def find_beats(
    strokes: Strokes, *, beats_in_bar: int | None = None, table: Table | None = None, weights: Weights | None = None
) -> Beats | None:
    """Return the beats and bars of a song; None where there is too little to go by.

    Parameters
    ----------
    beats_in_bar : int, optional
        4, 3, or 2 of three eighths, where it is known.
    table : Table, optional
        In place of the one that ships.
    weights : Weights, optional
        In place of those that ship.
    """
    times_s = strokes.times_s
    if len(times_s) < FEWEST_STROKES or times_s[-1] - times_s[0] < SHORTEST_S:
        return None
    if not np.isin(strokes.voices, (KICK, SNARE)).any():
        return None  # time-keeping alone fits half and double tempo as well
    table = table or shipped_table()
    activation = Activation.of(strokes, weights or shipped_weights())
    constant = _constant(strokes, find_bars(strokes, rates_hz(strokes), table, beats_in_bar))
    pulse_s = followed(strokes, table)
    for _ in range(N_SETTLED):
        changing = _changing(strokes, _pulse(strokes, pulse_s, table, beats_in_bar), activation)
        pulse_s = changing.times_s
    if _is_constant(constant, changing, activation):
        return constant.opposed_by(changing)
    return changing.opposed_by(constant)


def _is_constant(constant: Beats, changing: Beats, activation: Activation) -> bool:
    """Tell whether beats of a constant tempo are nearly as good as those that follow the strokes."""
    more_on_grid = changing.on_grid - constant.on_grid
    if constant.is_compound or changing.is_compound:
        return more_on_grid < CHANGE_ON_GRID
    likelier = activation.support(changing.times_s).mean() - activation.support(constant.times_s).mean()
    return bool(likelier + ON_GRID_SUPPORT * more_on_grid < CHANGE_SUPPORT)


class _Pulse(NamedTuple):
    """A pulse that follows the strokes, where it would be in an even tempo, and the bars that are found there."""

    times_s: np.ndarray
    even_s: np.ndarray
    bars: Bars


def _pulse(strokes: Strokes, times_s: np.ndarray, table: Table, beats_in_bar: int | None) -> _Pulse:
    """Return a pulse of such times, and the bars that are found where it is even."""
    even_s = evenly(times_s)
    evened = strokes.at(carry(strokes.times_s, times_s, even_s))
    return _Pulse(times_s, even_s, find_bars(evened, rates_hz(evened), table.of_followed(), beats_in_bar))


def followed(strokes: Strokes, table: Table) -> np.ndarray:
    """Return the times of a pulse that follows the strokes, moved onto them."""
    times_s = followed_pulse(strokes, table)
    for _ in range(N_REFINEMENTS):
        times_s = _on_strokes(times_s, strokes.times_s)
    return times_s


def evenly(times_s: np.ndarray) -> np.ndarray:
    """Return where a pulse would be in an even tempo."""
    return np.arange(len(times_s)) * float(np.median(np.diff(times_s)))


def _on_strokes(pulse_s: np.ndarray, times_s: np.ndarray) -> np.ndarray:
    """Return a pulse moved to where the strokes around it, on its subdivisions, lie on the average."""
    division = _division(times_s, pulse_s)
    place = carry(times_s, pulse_s, np.arange(len(pulse_s))) * division
    step_s = np.gradient(pulse_s) / division
    late_s = (place - np.rint(place)) * np.interp(times_s, pulse_s, step_s)
    is_near = np.abs(place - np.rint(place)) < NEAR_SHARE
    pulse = np.clip(np.rint(place[is_near] / division).astype(int), 0, len(pulse_s) - 1)
    late_s, counts = np.bincount(pulse, late_s[is_near], len(pulse_s)), np.bincount(pulse, minlength=len(pulse_s))
    moved = pulse_s + _smooth(late_s) / (_smooth(counts) + SMOOTH_PRIOR)
    return np.maximum.accumulate(moved + 1e-6 * np.arange(len(moved)))


def _smooth(values: np.ndarray) -> np.ndarray:
    return np.convolve(values, SMOOTHING, mode="same")


def carry(x: np.ndarray, known: np.ndarray, to: np.ndarray) -> np.ndarray:
    """Return where the piecewise linear line through (known, to) is at `x`; beyond its ends it goes on."""
    inner = np.interp(x, known, to)
    first, last = (to[1] - to[0]) / (known[1] - known[0]), (to[-1] - to[-2]) / (known[-1] - known[-2])
    return inner + first * np.minimum(x - known[0], 0) + last * np.maximum(x - known[-1], 0)


def _constant(strokes: Strokes, found: Bars) -> Beats:
    """Return evenly spaced beats, the line through the strokes that lie on their subdivisions."""
    origin_s, beat_s = found.origin_s, found.beat_s
    division = _division_of(found, strokes.times_s, origin_s + beat_s * np.arange(-1, 2))
    for _ in range(N_REFINEMENTS):
        place = (strokes.times_s - origin_s) / beat_s * division
        is_near = np.abs(place - np.rint(place)) < REFINED_SHARE
        if np.count_nonzero(is_near) < FEWEST_STROKES:
            break
        step_s, start_s = np.polyfit(np.rint(place[is_near]), strokes.times_s[is_near], 1)
        origin_s, beat_s = float(start_s), float(step_s) * division
    quarters = QUARTERS if found.is_compound else 1.0
    origin_s, beat_s = _whole_tempo(origin_s, beat_s, strokes.times_s, quarters)
    bar_s = beat_s * found.beats_in_bar
    first_s = origin_s + np.ceil((strokes.times_s[0] - ON_GRID_S - origin_s) / bar_s) * bar_s
    n_beats = max(2, int((strokes.times_s[-1] - first_s) / beat_s) + 2)
    return _beats(strokes, found, first_s + beat_s * np.arange(n_beats), is_constant=True)


def _whole_tempo(origin_s: float, beat_s: float, times_s: np.ndarray, quarters: float) -> tuple[float, float]:
    """Return beats of some quarters at a whole number of BPM where that moves none of them by over WHOLE_BPM_S."""
    whole_s = 60 * quarters / round(60 * quarters / beat_s)
    middle = np.rint((times_s.mean() - origin_s) / beat_s)
    moved_s = abs(whole_s - beat_s) * (times_s[-1] - times_s[0]) / beat_s / 2
    return (origin_s + middle * (beat_s - whole_s), whole_s) if moved_s < WHOLE_BPM_S else (origin_s, beat_s)


def _changing(strokes: Strokes, pulse: _Pulse, activation: Activation) -> Beats:
    """Return the beats that were found in an even tempo, at the times of the strokes themselves."""
    found = pulse.bars
    bar_s = found.beat_s * found.beats_in_bar
    start_s, end_s = carry(strokes.times_s[[0, -1]], pulse.times_s, pulse.even_s)
    first_s = found.origin_s + np.ceil((start_s - ON_GRID_S - found.origin_s) / bar_s) * bar_s
    n_beats = max(2, int((end_s - first_s) / found.beat_s) + 2)
    times_s = carry(first_s + found.beat_s * np.arange(n_beats), pulse.even_s, pulse.times_s)
    if not found.is_compound:  # the network was trained on quarters alone
        settled_s = activation.settled(times_s)
        settled_s = settled_s[settled_s >= strokes.times_s[0] - ON_GRID_S]
        from_downbeat_s = settled_s[_first_downbeat(settled_s, times_s, found.beats_in_bar) :]
        times_s = from_downbeat_s if len(from_downbeat_s) > 1 else times_s
    return _beats(strokes, found, times_s, is_constant=False)


def _first_downbeat(times_s: np.ndarray, known_s: np.ndarray, beats_in_bar: int) -> int:
    """Return which of some beats is the first downbeat, by the places in the bar of the known ones beside them."""
    beside, _ = nearest(times_s, known_s)
    places = np.bincount((beside - np.arange(len(times_s))) % beats_in_bar, minlength=beats_in_bar)
    return int(-places.argmax() % beats_in_bar)


def _beats(strokes: Strokes, found: Bars, times_s: np.ndarray, *, is_constant: bool) -> Beats:
    division = _division_of(found, strokes.times_s, times_s)
    share = _on_grid(strokes.times_s, times_s, division)
    sureness = found.confidence, found.rival_bpm
    return Beats(times_s, found.beats_in_bar, is_constant, *sureness, division, share, found.fit)


def _division_of(found: Bars, times_s: np.ndarray, beats_s: np.ndarray) -> int:
    return BEAT_STEPS if found.is_compound else _division(times_s, beats_s)


def _division(times_s: np.ndarray, beats_s: np.ndarray) -> int:
    """Return the subdivision of the beats that more of the times lie on."""
    return max(SUBDIVISIONS, key=lambda division: _on_grid(times_s, beats_s, division))


def _on_grid(times_s: np.ndarray, beats_s: np.ndarray, division: int) -> float:
    """Return the share of times within ON_GRID_S of a subdivision of the beats."""
    place = carry(times_s, beats_s, np.arange(len(beats_s))) * division
    nearest_s = carry(np.rint(place) / division, np.arange(len(beats_s)), beats_s)
    return float(np.mean(np.abs(times_s - nearest_s) < ON_GRID_S))
