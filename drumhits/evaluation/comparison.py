"""What models, thresholds and keeping everything made of test songs, compared."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

import numpy as np

from drumhits.analysis import analyze
from drumhits.config.load import Config
from drumhits.errors import InputError
from drumhits.evaluation.judging import Decider, ScoredSong, rules, score_all_hits, score_song
from drumhits.evaluation.scores import CandidateScores, Heard, score_decisions
from drumhits.evaluation.truth import TruthPair
from drumhits.io.audio import AudioSource
from drumhits.learning.songs import Analyse
from drumhits.metrics import Difference, f1_difference
from drumhits.parallel import in_processes

MISTAKES_SHOWN = 3  # a song


@dataclass(frozen=True)
class Song:
    """A song that was tested."""

    name: str
    source: AudioSource


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a decider made of all songs."""

    decider: Decider
    judged: tuple[ScoredSong, ...]

    @cached_property
    def decided(self) -> CandidateScores:
        confidences = [one.confidence for one in self.judged]
        return score_decisions(self.is_hit, self.keep, None if confidences[0] is None else np.concatenate(confidences))

    @cached_property
    def heard(self) -> Heard:
        return score_all_hits(self.judged)

    @property
    def is_hit(self) -> np.ndarray:
        return np.concatenate([one.is_hit for one in self.judged])

    @property
    def keep(self) -> np.ndarray:
        return np.concatenate([one.keep for one in self.judged])

    @property
    def confidence(self) -> np.ndarray:
        return np.concatenate([one.confidence for one in self.judged])

    @property
    def errors_s(self) -> np.ndarray:
        return np.concatenate([one.errors_s for one in self.judged])

    def column(self, feature: str) -> np.ndarray:
        return np.concatenate([one.table[feature] for one in self.judged])


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The models' outcomes in the order given, then those of the two rules beside them; the same songs in each."""

    stem: str
    window_s: float
    songs: tuple[Song, ...]
    models: tuple[Outcome, ...]
    rules: tuple[Outcome, ...]
    warnings: tuple[str, ...] = ()

    @property
    def outcomes(self) -> tuple[Outcome, ...]:
        return self.models + self.rules

    def difference(self, view: str, outcome: Outcome, first: Outcome) -> Difference:
        """Return how much higher an outcome's F1 is than another's, in the view "decided" or "heard"."""
        return f1_difference(*(np.array([getattr(one, view).counts for one in o.judged]) for o in (outcome, first)))

    @cached_property
    def worst_first(self) -> tuple[int, ...]:
        """Indices of the songs by the first model's F1 of the hits, songs without any hit last."""
        f1 = [one.heard.f1 for one in self.models[0].judged]
        return tuple(sorted(range(len(f1)), key=lambda i: (f1[i] is None, f1[i], self.songs[i].name)))


def evaluate_songs(
    pairs: Sequence[TruthPair],
    models: Sequence[Decider],
    stem: str,
    config: Config,
    window_s: float,
    progress: Callable[[int, int, str], None] = lambda done, total, what: None,
    *,
    n_jobs: int = 1,
    analyse: Analyse = analyze,
) -> tuple[Evaluation | None, list[InputError]]:
    """Judge test songs by models and by the rules beside them.

    Parameters
    ----------
    progress : callable (done, total, song)
        Called after each song.
    n_jobs : int > 0
        Songs judged at a time.
    analyse : callable
        In place of `analysis.analyze`.

    Returns
    -------
    evaluation : Evaluation, of the songs that could be read; None where none could
    errors : list of InputError, one for each of the others
    """
    deciders = [*models, *rules(config.stems[stem], models[0].config)]
    songs, judged, warnings, errors = [], [], [], []
    attempt = partial(_attempt, deciders=deciders, config=config, window_s=window_s, analyse=analyse)
    for done, (pair, result) in enumerate(zip(pairs, in_processes(attempt, pairs, n_jobs), strict=True), 1):
        if isinstance(result, InputError):
            errors.append(result)
        else:
            source, rows, said = result
            songs.append(Song(pair.name, source))
            judged.append(rows)
            warnings += [*said, *_seen_in_training(pair.name, source, models)]
        progress(done, len(pairs), pair.name)
    if not songs:
        return None, errors
    outcomes = tuple(Outcome(*both) for both in zip(deciders, zip(*judged, strict=True), strict=True))
    n_models = len(models)
    evaluation = Evaluation(stem, window_s, tuple(songs), outcomes[:n_models], outcomes[n_models:], tuple(warnings))
    return evaluation, errors


def _attempt(pair: TruthPair, **options) -> tuple[AudioSource, list[ScoredSong], list[str]] | InputError:
    try:
        return score_song(pair, **options)
    except InputError as error:
        return error


def _seen_in_training(name: str, source: AudioSource, models: Sequence[Decider]) -> list[str]:
    return [
        f"{name}: {model.name} was trained on this song, so its score here means little; test on songs that it has "
        "not seen."
        for model in models
        if source.fingerprint in model.trained_on
    ]


@dataclass(frozen=True)
class Mistake:
    """A wrong decision: when, how confident (0..1) that it is a hit, whether it was kept, and else by what removed."""

    time_s: float
    confidence: float
    kept: bool
    removed_by: str


def worst_mistakes(judged: ScoredSong, min_confidence: float) -> list[Mistake]:
    """Return a song's wrong decisions that lie farthest from the threshold, the worst first."""
    wrong = np.flatnonzero(judged.keep != judged.is_hit)
    confidence = judged.confidence[wrong]
    above = (confidence - min_confidence) / max(1 - min_confidence, 1e-9)
    below = (min_confidence - confidence) / max(min_confidence, 1e-9)
    worst = wrong[np.argsort(-np.where(judged.keep[wrong], above, below), kind="stable")][:MISTAKES_SHOWN]
    return [
        Mistake(float(judged.table.times_s[i]), float(judged.confidence[i]), bool(judged.keep[i]), judged.reasons[i])
        for i in worst
    ]


def verdict(evaluation: Evaluation, outcome: Outcome) -> str:
    """Return in a sentence whether a model helps, by the F1 of the hits that come out."""
    thresholds, everything = evaluation.rules
    f1 = outcome.heard.f1
    if f1 is None:
        return f"There is nothing to tell whether {outcome.decider.name} helps: no true hit, and none came out."
    difference = evaluation.difference("heard", outcome, thresholds)
    if difference.interval is None:
        says, why = ("helps", "") if difference.value > 0 else ("does not help", "")
        says, why = f"{says} on this song", "; one song says little about others"
    elif difference.is_sure:
        says, why = ("helps" if difference.value > 0 else "does worse than the thresholds"), _interval(difference)
    else:
        says, why = "makes no sure difference", _interval(difference)
    side = "above" if difference.value >= 0 else "below"
    text = (
        f"{outcome.decider.name} {says}: F1 of the hits {f1:.1%}, {abs(100 * difference.value):.1f} points {side} the "
        f"{thresholds.decider.name}{why}."
    )
    if (everything.heard.f1 or 0) > max(f1, thresholds.heard.f1 or 0):
        text += f" Keeping everything scores higher than both, {everything.heard.f1:.1%}."
    return text


def _interval(difference: Difference) -> str:
    low, high = difference.interval
    return f" (95 % interval over songs: {100 * low:+.1f} to {100 * high:+.1f})"
