"""Labelled songs and their cross-validation -> an evaluation: each song as a model decides that has not seen it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from drumhits.config.load import default_config
from drumhits.evaluation.comparison import Evaluation, Outcome, Song
from drumhits.evaluation.judging import Decider, ScoredSong, judge, rules
from drumhits.io.midi import NOTE_DTYPE
from drumhits.learning.labels import DECISIONS, IS_REMOVED, IS_UNLABELLED, KEPT, UNLABELLED
from drumhits.learning.songs import LabelledSong
from drumhits.learning.validation import Validation
from drumhits.models.decisions import by_confidence

WINDOW_S = 0.05
_NO_HITS = DECISIONS[[IS_REMOVED, IS_UNLABELLED]]


def cross_validated(songs: Sequence[LabelledSong], validation: Validation, name: str) -> Evaluation | None:
    """Return how held-out candidates were decided, against the user's edits; unlabelled ones are left out.

    Parameters
    ----------
    validation : Validation
        Its `probability` begins with the labelled candidates of all songs, in order.
    name : str
        What the report calls the model.

    Returns
    -------
    Evaluation, or None where nothing was held out
    """
    labelled = [song.labels.labels != UNLABELLED for song in songs]
    ends = np.cumsum([np.count_nonzero(rows) for rows in labelled])
    probabilities = np.split(validation.probability[: ends[-1]], ends[:-1])
    tested = [i for i, share in enumerate(probabilities) if np.isfinite(share).all() and len(share)]
    if not tested:
        return None
    config = songs[0].config
    model = Decider(
        name, config, lambda table, config: None, validation.min_confidence,
        importance=tuple(validation.importance.items()),
    )  # fmt: skip
    deciders = (model, *rules(config, config))
    judged = [_judged(songs[i], labelled[i], probabilities[i], deciders) for i in tested]
    outcomes = [Outcome(decider, rows) for decider, rows in zip(deciders, zip(*judged, strict=True), strict=True)]
    return Evaluation(
        stem=config.stem,
        window_s=WINDOW_S,
        songs=tuple(_song(songs[i]) for i in tested),
        models=(outcomes[0],),
        rules=tuple(outcomes[1:]),
    )


def _judged(
    song: LabelledSong, labelled: np.ndarray, probability: np.ndarray, deciders: Sequence[Decider]
) -> list[ScoredSong]:
    table = song.table.rows(labelled)
    model, *others = deciders
    decisions = [by_confidence(probability, model.min_confidence)]
    decisions += [other.decide(table, song.config) for other in others]
    is_hit = song.labels.labels[labelled] == KEPT
    truth = _truth(song)
    return [judge(table, one, truth, song.config, default_config(), WINDOW_S, is_hit) for one in decisions]


def _truth(song: LabelledSong) -> np.ndarray:
    """Return the edited notes on the line of the audio, their velocities not known."""
    pairs = song.labels.pairs
    times_s = pairs["edited_s"][~np.isin(pairs["decision"], _NO_HITS)]
    truth = np.zeros(len(times_s), NOTE_DTYPE)
    truth["time_s"] = np.sort(times_s)
    return truth


def _song(song: LabelledSong) -> Song:
    return Song(song.name, replace(song.source, warnings=song.warnings, siblings=()))
