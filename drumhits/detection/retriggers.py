"""Onsets -> which are strokes of their own, and which echoes of stronger ones beside them."""

from typing import NamedTuple

import numpy as np

from drumhits.drums import PROFILES

WAIT_FRAME_LENGTH = 512  # samples: the unit of `onset_wait`, 11.6 ms
CLOSEST_WAIT = 4  # frames of WAIT_FRAME_LENGTH: 46 ms, within which one hit is kept


class Echo(NamedTuple):
    """What an echo of a stronger onset is: one that follows or precedes it by less than `wait`.

    It is none where it is `closest` away at least, and has `least_strength` (0..1) of that one's strength. Both
    distances are in frames of WAIT_FRAME_LENGTH.
    """

    wait: float
    closest: float
    least_strength: float


def suppress_retriggers(onsets: np.ndarray, onset_wait: int, stem: str) -> np.ndarray:
    """Return the onsets that are candidates, in time order: strokes of their own, and what may be others beside them.

    Parameters
    ----------
    onsets : np.ndarray, shape (n,), `onsets.ONSET_DTYPE`
        In any order.

    Returns
    -------
    np.ndarray, shape (m,), int
        Indices into `onsets`.
    """
    profile = PROFILES[stem]
    order = np.argsort(onsets["sample"], kind="stable")
    order = order[onsets["weight"][order] > 0]
    samples, weights = onsets["sample"][order], onsets["weight"][order]
    strokes = are_strokes(samples, weights, onset_wait, stem)
    echo = Echo(onset_wait, profile.closest_wait, profile.candidate_strength)
    return order[not_echoes(samples, weights, echo, strokes)]


def are_strokes(samples: np.ndarray, strengths: np.ndarray, onset_wait: int, stem: str) -> np.ndarray:
    """Tell which candidates are strokes of their own to thresholds, and no doubles of stronger ones, shape (n,), bool.

    They are CLOSEST_WAIT apart at least, and within `onset_wait` a softer one has the profile's `stroke_strength`. For
    the parameters see `not_echoes`.
    """
    return not_echoes(samples, strengths, Echo(onset_wait, CLOSEST_WAIT, PROFILES[stem].stroke_strength))


def closest_wait(onset_wait: int) -> int:
    """Return within how many frames of WAIT_FRAME_LENGTH models keep one of several candidates."""
    return min(onset_wait, CLOSEST_WAIT)


def not_echoes(samples: np.ndarray, strengths: np.ndarray, echo: Echo, surely: np.ndarray | None = None) -> np.ndarray:
    """Tell which onsets are no echo of a stronger one that is none itself, shape (n,), bool.

    Parameters
    ----------
    samples : np.ndarray, shape (n,)
        Increasing.
    strengths : np.ndarray, shape (n,)
        Of equally strong ones the first counts as the stronger.
    surely : np.ndarray, shape (n,), bool, optional
        Which are surely none.
    """
    wait, closest = echo.wait * WAIT_FRAME_LENGTH, min(echo.wait, echo.closest) * WAIT_FRAME_LENGTH
    at, strong = samples.tolist(), strengths.tolist()
    sure = [False] * len(at) if surely is None else surely.tolist()
    stays = [True] * len(at)
    for i in sorted(range(len(at)), key=lambda i: (not sure[i], -strong[i])):
        if not stays[i]:
            continue
        for step in (-1, 1):
            j = i + step
            while 0 <= j < len(at) and abs(at[j] - at[i]) < wait:
                is_far = abs(at[j] - at[i]) >= closest
                stays[j] &= sure[j] or (is_far and strong[j] >= echo.least_strength * strong[i])
                j += step
    return np.array(stays, dtype=bool)
