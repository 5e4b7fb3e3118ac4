"""Test songs, models and baselines -> an evaluation: each one's scores over all songs, and how they differ."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Literal

import numpy as np

from drumhits.analysis import analyze
from drumhits.config.load import Config
from drumhits.errors import InputError
from drumhits.evaluation.deciders import Decider, baselines
from drumhits.evaluation.judging import Analyse, ScoredSong, pooled_note_scores, score_song
from drumhits.evaluation.scores import CandidateScores, NoteScores, score_candidates
from drumhits.evaluation.truth import TruthPair
from drumhits.io.audio import AudioSource
from drumhits.metrics import Difference, f1_difference
from drumhits.parallel import attempt, in_processes

View = Literal["candidates", "notes"]  # what is scored: decisions about candidates, or the notes that come out


@dataclass(frozen=True)
class Song:
    """A song that was tested."""

    name: str
    source: AudioSource


@dataclass(frozen=True, eq=False)
class Outcome:
    """The songs with the decisions of one decider, and its scores over all of them."""

    decider: Decider
    songs: tuple[ScoredSong, ...]

    @cached_property
    def candidate_scores(self) -> CandidateScores:
        return score_candidates(self.is_hit, self.keep, self.confidence)

    @cached_property
    def note_scores(self) -> NoteScores:
        return pooled_note_scores(self.songs)

    @property
    def is_hit(self) -> np.ndarray:
        return np.concatenate([song.is_hit for song in self.songs])

    @property
    def keep(self) -> np.ndarray:
        return np.concatenate([song.keep for song in self.songs])

    @property
    def confidence(self) -> np.ndarray | None:
        """Confidences of all candidates; None for a baseline."""
        known = [song.confidence for song in self.songs if song.confidence is not None]
        return np.concatenate(known) if len(known) == len(self.songs) else None

    @property
    def errors_s(self) -> np.ndarray:
        """Timing errors of all pairs in seconds."""
        return np.concatenate([song.errors_s for song in self.songs])

    def column(self, feature: str) -> np.ndarray:
        return np.concatenate([song.table[feature] for song in self.songs])

    def scores(self, view: View) -> CandidateScores | NoteScores:
        return self.candidate_scores if view == "candidates" else self.note_scores


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The outcomes of the models in their order, of the bundled model, of the two baselines; the same songs in each."""

    stem: str
    window_s: float
    songs: tuple[Song, ...]
    models: tuple[Outcome, ...]
    baselines: tuple[Outcome, ...]
    warnings: tuple[str, ...] = ()
    bundled: tuple[Outcome, ...] = ()  # none where it is one of the models

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        return self.models + self.bundled + self.baselines

    @property
    def duration_s(self) -> float:
        return sum(song.source.duration_s for song in self.songs)

    def difference(self, view: View, outcome: Outcome, first: Outcome) -> Difference:
        """Return how much higher an outcome's F1 is than another's."""
        counts, of_first = (_counts(view, one.songs) for one in (outcome, first))
        return f1_difference(counts, of_first)

    def models_below(self, f1: float) -> list[str]:
        """Return the names of the models whose F1 of the notes is below a limit, 0..1."""
        return [model.decider.name for model in self.models if (model.note_scores.f1 or 0) < f1]

    @cached_property
    def worst_first(self) -> tuple[int, ...]:
        """Indices of the songs by the first model's F1 of the notes, songs without any hit last."""
        f1 = [song.note_scores.f1 for song in self.models[0].songs]
        unknown = [value is None for value in f1]
        return tuple(sorted(range(len(f1)), key=lambda i: (unknown[i], f1[i] or 0, self.songs[i].name)))


def _counts(view: View, songs: Sequence[ScoredSong]) -> np.ndarray:
    return np.array([(song.candidate_scores if view == "candidates" else song.note_scores).counts for song in songs])


def evaluate_songs(
    pairs: Sequence[TruthPair],
    models: Sequence[Decider],
    stem: str,
    config: Config,
    window_s: float,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
    *,
    beside: Sequence[Decider] = (),
    n_jobs: int = 1,
    analyse: Analyse = analyze,
) -> tuple[Evaluation | None, list[InputError]]:
    """Test songs and models -> their evaluation beside the baselines, and the songs that could not be read.

    Parameters
    ----------
    window_s : float > 0
        Largest distance of a note from its true hit.
    progress : callable (done, total, song)
        Called after each song.
    beside : sequence of Decider
        The bundled model; see `deciders.bundled_beside`.
    n_jobs : int > 0
        Songs analysed at a time.
    analyse : callable
        In place of `analysis.analyze`.

    Returns
    -------
    evaluation : Evaluation, of the songs that could be read; None where none could
    errors : list of InputError, one for each of the others
    """
    deciders = [*models, *beside, *baselines(config.stems[stem], models[0].config)]
    songs: list[Song] = []
    scored: list[list[ScoredSong]] = []
    warnings: list[str] = []
    errors: list[InputError] = []
    score = partial(attempt, score_song, deciders=deciders, config=config, window_s=window_s, analyse=analyse)
    for done, (pair, result) in enumerate(zip(pairs, in_processes(score, pairs, n_jobs), strict=True), 1):
        if isinstance(result, InputError):
            errors.append(result)
        else:
            source, by_decider, said = result
            songs.append(Song(pair.name, source))
            scored.append(by_decider)
            warnings += [*said, *_seen_in_training(pair.name, source, models)]
        progress(done, len(pairs), pair.name)
    if not songs:
        return None, errors
    outcomes, ends = outcomes_of(deciders, scored), (len(models), len(models) + len(beside))
    of_models, of_bundled, of_baselines = outcomes[: ends[0]], outcomes[ends[0] : ends[1]], outcomes[ends[1] :]
    return Evaluation(stem, window_s, tuple(songs), of_models, of_baselines, tuple(warnings), of_bundled), errors


def outcomes_of(deciders: Sequence[Decider], scored: Sequence[Sequence[ScoredSong]]) -> tuple[Outcome, ...]:
    """Scored songs, for each song one a decider -> an outcome for each decider."""
    return tuple(Outcome(*both) for both in zip(deciders, zip(*scored, strict=True), strict=True))


def _seen_in_training(name: str, source: AudioSource, models: Sequence[Decider]) -> list[str]:
    return [
        f"{name}: {model.name} was trained on this song, so its score here means little; test on songs that it has "
        "not seen."
        for model in models
        if source.fingerprint in model.trained_on
    ]


@dataclass(frozen=True)
class Mistake:
    """A wrong decision.

    Attributes
    ----------
    time_s : float
    confidence : float in 0..1, or None
        That the candidate is a hit; None where thresholds decided.
    kept : bool
    removed_by : str
        The test that rejected it; "" where it was kept.
    """

    time_s: float
    confidence: float | None
    kept: bool
    removed_by: str


def mistakes(song: ScoredSong) -> list[Mistake]:
    """Return the wrong decisions of a scored song, those farthest from the other decision first."""
    if song.margins is None:
        return []
    wrong = np.flatnonzero(song.keep != song.is_hit)
    confidence = np.full(len(song.keep), None) if song.confidence is None else song.confidence.astype(object)
    return [
        Mistake(float(song.table.times_s[i]), confidence[i], bool(song.keep[i]), song.reasons[i])
        for i in wrong[np.argsort(-song.margins[wrong], kind="stable")].tolist()
    ]


def best_of_all(evaluation: Evaluation) -> str:
    """Evaluation -> a sentence: which of models, thresholds and keeping all gives the best hits, and how surely."""
    scored = [outcome for outcome in evaluation.outcomes if outcome.note_scores.f1 is not None]
    if not scored:
        return "None of them is best: no true hit, and none came out."
    best, *others = sorted(scored, key=lambda outcome: -(outcome.note_scores.f1 or 0.0))
    same = [one.decider.name for one in others if one.note_scores.f1 == best.note_scores.f1]
    text = f"Best of all: {' and '.join([best.decider.name, *same])}, F1 of the hits {best.note_scores.f1:.1%}"
    worse = others[len(same) :]
    if not worse:
        return f"{text}."
    difference = evaluation.difference("notes", best, worse[0])
    says = "surely ahead" if difference.is_sure else "not surely ahead"
    return (
        f"{text}, {100 * difference.value:.1f} points above {worse[0].decider.name}, {says}{_interval(difference)}."
    )


def verdict(evaluation: Evaluation, outcome: Outcome) -> str:
    """Evaluation and one of its models -> a sentence on whether it helps, by the F1 of the notes that come out."""
    thresholds, candidates = evaluation.baselines
    f1 = outcome.note_scores.f1
    if f1 is None:
        return f"There is nothing to tell whether {outcome.decider.name} helps: no true hit, and none came out."
    difference = evaluation.difference("notes", outcome, thresholds)
    if difference.interval is None:
        says = f"{'helps' if difference.value > 0 else 'does not help'} on this song"
    elif difference.is_sure:
        says = "helps" if difference.value > 0 else "does worse than the thresholds"
    else:
        says = "makes no sure difference"
    side = "above" if difference.value >= 0 else "below"
    text = (
        f"{outcome.decider.name} {says}: F1 of the hits {f1:.1%}, {abs(100 * difference.value):.1f} points {side} the "
        f"{thresholds.decider.name}{_interval(difference)}."
    )
    if (candidates.note_scores.f1 or 0) > max(f1, thresholds.note_scores.f1 or 0):
        text += f" Keeping all candidates scores higher than both, {candidates.note_scores.f1:.1%}."
    return text


def _interval(difference: Difference) -> str:
    return difference.interval_text or "; one song says little about others"
