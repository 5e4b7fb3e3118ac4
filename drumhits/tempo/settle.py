"""Beats that are roughly known -> the beats: where a network's log odds are high, in a tempo that changes smoothly.

A path goes from beat to beat, each as long after the last one as the beats that are given are there, or some longer or
shorter; the best one is found by dynamic programming (Ellis 2007, "Beat tracking by dynamic programming"), with the log
odds of `activation` for what speaks for a beat in a frame.
"""

from dataclasses import dataclass

import numpy as np

from drumhits.matching import nearest
from drumhits.numeric import expit
from drumhits.tempo.activation import FRAMES_PER_S, OUTPUTS, Weights, beat_log_odds, frames_of
from drumhits.tempo.strokes import Strokes

BEFORE_S, AFTER_S = 1.0, 0.5  # frames before the first stroke, and after the last
PRIOR, LIMIT = 3.0, 6.0  # added to the log odds of a beat, since few frames are one; and at most
RATIOS = np.exp(np.linspace(-1, 1, 21) * np.log(4 / 3))  # of the time between beats to what it is near
FEWEST_FRAMES = 6  # between beats
TEMPO_WEIGHT, TEMPO_COST = 60.0, 8.0  # of the squared log of a change of tempo, and at the most
NEAR_WEIGHT = 5.0  # of the squared log of a ratio
GIVEN, GIVEN_S = 2.0, 0.03  # log odds that a beat is where one is given, and how near that is
SMOOTHING = 2.0  # weight of squared changes of the time between beats, beside squared moves of the beats
NEVER = -1e9


@dataclass(frozen=True, eq=False)
class Activation:
    """Log odds that the network computes for the frames of a song.

    Attributes
    ----------
    start_s : float
        Time of the first frame.
    beats : np.ndarray, shape (n_frames,), float32
        Log odds of a beat.
    """

    start_s: float
    beats: np.ndarray

    @classmethod
    def of(cls, strokes: Strokes, weights: Weights) -> "Activation":
        """Return the activation of strokes, at least one."""
        start_s = float(strokes.times_s[0]) - BEFORE_S
        n_frames = int((strokes.times_s[-1] - start_s + AFTER_S) * FRAMES_PER_S)
        return cls(start_s, beat_log_odds(frames_of(strokes, start_s, n_frames), weights)[:, OUTPUTS.index("beat")])

    def support(self, times_s: np.ndarray) -> np.ndarray:
        """Return what speaks for a beat at each of some times: the highest of three frames; 0 outside."""
        gains = np.pad(self._gains(), 3)
        frames = np.clip(np.rint((times_s - self.start_s) * FRAMES_PER_S).astype(int) + 3, 1, len(gains) - 2)
        return np.max([gains[frames - 1], gains[frames], gains[frames + 1]], axis=0)

    def settled(self, near_s: np.ndarray) -> np.ndarray:
        """Return the beats of the whole song that go by the tempo of some beats, and lie where they are likely.

        Parameters
        ----------
        near_s : np.ndarray, shape (n,), n > 1
            Increasing.
        """
        frame_s = self.start_s + np.arange(len(self.beats)) / FRAMES_PER_S
        between_s = np.interp(frame_s, (near_s[1:] + near_s[:-1]) / 2, np.diff(near_s))
        _, off_s = nearest(frame_s, near_s)
        gains = self._gains(GIVEN * np.exp(-0.5 * (off_s / GIVEN_S) ** 2))
        return _smooth(self._between_frames(_best_path(gains, between_s * FRAMES_PER_S)))

    def _gains(self, more: float | np.ndarray = 0.0) -> np.ndarray:
        return np.clip(self.beats + PRIOR + more, -LIMIT, LIMIT)

    def _between_frames(self, frames: np.ndarray) -> np.ndarray:
        """Return the times of beats: of three frames, the mean weighted by their probabilities."""
        probability = np.pad(expit(self.beats.astype(float)), 1)
        before, here, after = probability[frames], probability[frames + 1], probability[frames + 2]
        shift = (after - before) / (before + here + after)
        return self.start_s + (frames + shift) / FRAMES_PER_S


def _best_path(gains: np.ndarray, between: np.ndarray) -> np.ndarray:
    """Return the frames of the beats on the best path.

    Parameters
    ----------
    gains : np.ndarray, shape (n_frames,)
    between : np.ndarray, shape (n_frames,)
        Frames from one beat to the next around each frame, where all goes as given.
    """
    n, ratios = len(gains), np.arange(len(RATIOS))
    steps = np.maximum(np.rint(between[:, None] * RATIOS).astype(int), FEWEST_FRAMES)
    change = np.log(RATIOS)[:, None] - np.log(RATIOS)
    costs = np.minimum(TEMPO_WEIGHT * change**2, TEMPO_COST).astype(np.float32)
    near_costs = NEAR_WEIGHT * np.log(RATIOS) ** 2
    before = int(steps.max())
    scores = np.full((n, len(RATIOS)), NEVER, np.float32)  # of the best path that ends there, by its last ratio
    onward = np.full((before + n, len(RATIOS)), NEVER, np.float32)  # and of the best that goes on from it, by the next
    begins = np.empty((n, len(RATIOS)), bool)
    first = 0
    while first < n:
        block = slice(first, min(first + int(steps[first].min()), n))
        origins = np.arange(block.start, block.stop)[:, None] - steps[block]
        best = onward[before + origins, ratios] - near_costs
        begins[block] = (origins < steps[block] // 2) & (best < 0)
        scores[block] = np.where(begins[block], 0.0, best) + gains[block, None]
        onward[before + block.start : before + block.stop] = (scores[block].T[..., None] - costs[:, None]).max(axis=0)
        first = block.stop
    tail = max(0, n - int(1.5 * between[-1]))
    at, ratio = np.unravel_index(scores[tail:].argmax(), (n - tail, len(RATIOS)))
    path = [tail + int(at)]
    while not begins[path[-1], ratio]:
        path.append(path[-1] - int(steps[path[-1], ratio]))
        ratio = (scores[path[-1]] - costs[ratio]).argmax()
    return np.array(path[::-1])


def _smooth(times_s: np.ndarray) -> np.ndarray:
    """Return beats moved a little, so that the time between them changes little from beat to beat.

    The sum of squared moves and SMOOTHING times the squared second differences is least: Whittaker 1923, "On a new
    method of graduation".
    """
    n = len(times_s)
    if n < 3:
        return times_s
    differences = np.ones(n - 2)  # their products with themselves, and the identity, have five diagonals
    main = 1 + SMOOTHING * np.convolve(differences, (1, 4, 1))
    beside = np.append(SMOOTHING * np.convolve(differences, (-2, -2)), 0)
    return np.array(_solved(main.tolist(), beside.tolist(), [SMOOTHING] * (n - 2) + [0.0, 0.0], times_s.tolist()))


def _solved(main: list[float], beside: list[float], beyond: list[float], right: list[float]) -> list[float]:
    """Return the solution of a symmetric system with five diagonals, by its factors L D L'.

    SciPy's would take half a second to be imported.
    """
    n = len(main)
    scale, first, second, x = ([0.0] * (n + 2) for _ in range(4))  # D, the diagonals of L, and two zeros at the end
    for i in range(n):
        scale[i] = main[i] - first[i - 1] ** 2 * scale[i - 1] - second[i - 2] ** 2 * scale[i - 2]
        first[i] = (beside[i] - second[i - 1] * scale[i - 1] * first[i - 1]) / scale[i]
        second[i] = beyond[i] / scale[i]
        x[i] = right[i] - first[i - 1] * x[i - 1] - second[i - 2] * x[i - 2]
    for i in reversed(range(n)):
        x[i] = x[i] / scale[i] - first[i] * x[i + 1] - second[i] * x[i + 2]
    return x[:n]
