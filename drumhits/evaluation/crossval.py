"""Labelled songs and their cross-validation -> an evaluation: each song as a model decides that has not seen it."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from drumhits.config.load import StemConfig, default_config
from drumhits.detection.features import FeatureTable
from drumhits.edits.labels import DECISIONS, IS_REMOVED, IS_UNLABELLED, KEPT, UNLABELLED
from drumhits.edits.songs import LabelledSong
from drumhits.evaluation.comparison import Evaluation, Song, outcomes_of
from drumhits.evaluation.deciders import Decider, baselines
from drumhits.evaluation.judging import ScoredSong, score_decisions
from drumhits.evaluation.words import importance_by_kind
from drumhits.io.midi import NOTE_DTYPE
from drumhits.learning.validation import Validation
from drumhits.models.decisions import Decisions, by_confidence

WINDOW_S = 0.05
_NO_HITS = DECISIONS[[IS_REMOVED, IS_UNLABELLED]]


def cross_validated(songs: Sequence[LabelledSong], validation: Validation, name: str) -> Evaluation | None:
    """Labelled songs and held-out confidences -> the evaluation of their labelled candidates against the user's edits.

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
    beside = baselines(config, config)
    scored = []
    for i in tested:
        decisions = by_confidence(probabilities[i], validation.min_confidence)
        scored.append(_scored(songs[i], labelled[i], decisions, beside))
    importance = importance_by_kind(validation.importance)
    model = Decider(name, config, _decided_before, validation.min_confidence, importance=importance)
    outcomes = outcomes_of((model, *beside), scored)
    return Evaluation(
        stem=config.stem,
        window_s=WINDOW_S,
        songs=tuple(_song(songs[i]) for i in tested),
        models=outcomes[:1],
        baselines=outcomes[1:],
    )


def _decided_before(table: FeatureTable, config: StemConfig) -> Decisions:
    raise NotImplementedError("held-out candidates are decided by the models of the folds")


def _scored(
    song: LabelledSong, labelled: np.ndarray, held_out: Decisions, beside: Sequence[Decider]
) -> list[ScoredSong]:
    """Return the song with its held-out decisions, and with those of each baseline."""
    table = song.table.rows(labelled)
    is_hit = song.labels.labels[labelled] == KEPT
    reference = _reference(song)
    return [
        score_decisions(table, decisions, reference, song.config, default_config(), WINDOW_S, is_hit)
        for decisions in (held_out, *(one.decide(table, song.config) for one in beside))
    ]


def _reference(song: LabelledSong) -> np.ndarray:
    """Return the edited notes on the time line of the audio, their velocities not known."""
    pairs = song.labels.pairs
    times_s = pairs["edited_s"][~np.isin(pairs["decision"], _NO_HITS)]
    reference = np.zeros(len(times_s), NOTE_DTYPE)
    reference["time_s"] = np.sort(times_s)
    return reference


def _song(song: LabelledSong) -> Song:
    return Song(song.name, replace(song.source, warnings=song.warnings, siblings=()))
