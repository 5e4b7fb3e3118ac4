"""Test songs -> what each model, the thresholds, and keeping everything make of them. Times in seconds.

The candidates are `analysis.analyze`'s and the notes are read back from the bytes that a conversion writes: whoever
scores converted files gets the same numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import numpy as np

from drumhits.analysis import GUIDE, analyze
from drumhits.config.load import Config, StemConfig
from drumhits.detection.features import FeatureTable
from drumhits.evaluation.scores import CandidateScores, Heard, score_decisions, score_hits
from drumhits.evaluation.truth import TruthPair, read_truth
from drumhits.io.audio import AudioSource
from drumhits.io.midi import Track, decode, encode
from drumhits.learning.songs import Analyse
from drumhits.matching import match_times
from drumhits.models.decisions import Decisions, by_thresholds
from drumhits.models.modelfile import TrainedModel
from drumhits.transcription.notes import to_notes

THRESHOLDS, EVERYTHING = "thresholds of midiconfig.yaml", "keep everything"
FEW_ON_CANDIDATES, FEWEST_TO_TELL = 0.5, 10


@dataclass(frozen=True)
class Decider:
    """Something that decides about candidates: a model, or one of the two rules beside it.

    Attributes
    ----------
    name : str
        What the report calls it.
    config : StemConfig
        Settings of detection and of the notes.
    decide : callable (FeatureTable, StemConfig) -> Decisions
    min_confidence : float in 0..1, or None
        From which it keeps; None for a rule.
    wants : str
        The set of features that it needs; see `analysis.analyze`.
    importance : tuple of (str, float)
        Share of each feature or family of features, greatest first; empty where not known.
    trained_on : frozenset of str
        Fingerprints of the audio it was trained on.
    """

    name: str
    config: StemConfig
    decide: Callable[[FeatureTable, StemConfig], Decisions]
    min_confidence: float | None = None
    wants: str = GUIDE
    importance: tuple[tuple[str, float], ...] = ()
    trained_on: frozenset[str] = frozenset()


@dataclass(frozen=True, eq=False)
class ScoredSong:
    """A song as one decider decided it.

    Attributes
    ----------
    table : FeatureTable, the candidates
    is_hit, keep : np.ndarray, shape (n,), bool
        Whether the truth has each candidate, and whether it was kept.
    reasons : tuple of str, length n
        The first test that rejected the candidate; "" where it is kept.
    confidence : np.ndarray, shape (n,), 0..1, or None
        That a candidate is a hit; 0 where thresholds before the model reject it.
    truth, notes : np.ndarray of `midi.NOTE_DTYPE`
        True hits (velocity 0 where not known), and the notes that come out.
    pairs : np.ndarray, shape (n_pairs, 2)
        Indices into truth and notes of what matches.
    is_offered : np.ndarray, shape (n_truth,), bool
        Whether the detector offers a candidate for each true hit.
    """

    table: FeatureTable
    is_hit: np.ndarray
    keep: np.ndarray
    reasons: tuple[str, ...]
    confidence: np.ndarray | None
    truth: np.ndarray
    notes: np.ndarray
    pairs: np.ndarray
    is_offered: np.ndarray

    @cached_property
    def decided(self) -> CandidateScores:
        return score_decisions(self.is_hit, self.keep, self.confidence)

    @cached_property
    def heard(self) -> Heard:
        return score_all_hits([self])

    @property
    def errors_s(self) -> np.ndarray:
        """Timing error of each pair; above 0 where the note is late."""
        return self.notes["time_s"][self.pairs[:, 1]] - self.truth["time_s"][self.pairs[:, 0]]

    @property
    def velocity_errors(self) -> np.ndarray:
        truth, notes = self.truth["velocity"][self.pairs[:, 0]], self.notes["velocity"][self.pairs[:, 1]]
        return (notes.astype(int) - truth)[truth > 0]


def score_all_hits(judged: Sequence[ScoredSong]) -> Heard:
    """Score the hits of several songs together."""
    return score_hits(
        (
            sum(len(one.pairs) for one in judged),
            sum(len(one.truth) for one in judged),
            sum(len(one.notes) for one in judged),
        ),
        sum(int(np.count_nonzero(~one.is_offered)) for one in judged),
        np.concatenate([one.errors_s for one in judged]),
        np.concatenate([one.velocity_errors for one in judged]),
    )


def model_decider(model: TrainedModel, name: str, config: StemConfig) -> Decider:
    """Return a model as a decider; detection is the model's own, as in a conversion."""
    songs = [song for song in model.training["songs"] if isinstance(song, dict)]
    return Decider(
        name=name,
        config=model.config(config),
        decide=partial(_decided_by, model),
        min_confidence=model.min_confidence,
        wants=model.feature_set,
        importance=_importance(model.training.get("importance")),
        trained_on=frozenset(str(song.get("fingerprint")) for song in songs),
    )


def _decided_by(model: TrainedModel, table: FeatureTable, config: StemConfig) -> Decisions:
    """Return a model's decisions, with confidence 0 where thresholds reject a candidate before the model sees it."""
    decisions = model.decide(table, config)
    if not model.after_thresholds:
        return decisions
    return replace(decisions, confidence=np.where(by_thresholds(table, config).keep, decisions.confidence, 0.0))


def rules(by_threshold: StemConfig, offered: StemConfig) -> tuple[Decider, Decider]:
    """Return what stands beside the models: the thresholds of a configuration, and keeping all that is offered."""
    return (
        Decider(THRESHOLDS, by_threshold, by_thresholds),
        Decider(EVERYTHING, offered, _keep_all),
    )


def _keep_all(table: FeatureTable, config: StemConfig) -> Decisions:
    return Decisions(np.ones(len(table), bool), ("",) * len(table))


def _importance(noted: object) -> tuple[tuple[str, float], ...]:
    """Return the importance noted in a model file, greatest first; empty where it has none that can be used."""
    if not isinstance(noted, dict) or not all(type(v) is float and 0 <= v <= 1 for v in noted.values()):
        return ()
    return tuple(sorted(((str(name), share) for name, share in noted.items()), key=lambda item: -item[1]))


def score_song(
    pair: TruthPair, deciders: Sequence[Decider], config: Config, window_s: float, analyse: Analyse = analyze
) -> tuple[AudioSource, list[ScoredSong], list[str]]:
    """Return the audio, what each decider made of it, and what the user should know.

    Raises
    ------
    InputError
        The audio or the truth cannot be read.
    """
    truth, warnings = read_truth(pair.truth, deciders[0].config)
    tables: dict[tuple, tuple[FeatureTable, AudioSource]] = {}
    judged = []
    for decider in deciders:
        key = _detection(decider.config), _features_for(decider, deciders)
        if key not in tables:
            tables[key] = analyse(pair.audio, decider.config, key[1])
        table, source = tables[key]
        table = table.without_articulation_scores() if decider.wants == GUIDE else table
        decisions = decider.decide(table, decider.config)
        judged.append(judge(table, decisions, truth, decider.config, config, window_s))
    said = [*source.warnings, *warnings]
    n_offered = int(np.count_nonzero(judged[0].is_offered))
    if len(truth) >= FEWEST_TO_TELL and n_offered < FEW_ON_CANDIDATES * len(truth):
        said.append(
            f"{pair.truth}: only {n_offered} of its {len(truth)} hits lie on a candidate; if it was exported at "
            "another tempo or start than the audio, or belongs to another song, its scores mean nothing."
        )
    return source, judged, said


def _features_for(decider: Decider, deciders: Sequence[Decider]) -> str:
    """Return the set of features to analyse for a decider: one that another needs anyway will do for the guide's."""
    same = [one.wants for one in deciders if _detection(one.config) == _detection(decider.config)]
    return decider.wants if decider.wants != GUIDE else next((wants for wants in same if wants != GUIDE), GUIDE)


def _detection(config: StemConfig) -> tuple:
    """Return the settings that make the candidates and their features."""
    return config.onset_delta, config.onset_wait, config.body_band_hz, config.brilliance_band_hz


def judge(
    table: FeatureTable,
    decisions: Decisions,
    truth: np.ndarray,
    stem_config: StemConfig,
    config: Config,
    window_s: float,
    is_hit: np.ndarray | None = None,
) -> ScoredSong:
    """Compare decisions with the truth; `is_hit`, shape (n,), says which candidates are hits where that is known."""
    offered = match_times(truth["time_s"], np.maximum(table.times_s + stem_config.timing_offset, 0), window_s)
    if is_hit is None:
        is_hit = np.zeros(len(table), bool)
        is_hit[offered[:, 1]] = True
    track = Track(stem_config.stem, to_notes(table, decisions.keep, stem_config))
    notes = decode(encode([track], tempo_bpm=config.tempo_bpm, channel=config.channel)).notes
    return ScoredSong(
        table=table,
        is_hit=is_hit,
        keep=decisions.keep,
        reasons=decisions.reasons,
        confidence=decisions.confidence,
        truth=truth,
        notes=notes,
        pairs=match_times(truth["time_s"], notes["time_s"], window_s),
        is_offered=np.isin(np.arange(len(truth)), offered[:, 0]),
    )


def hit_times(judged: ScoredSong) -> dict[str, np.ndarray]:
    """Return the times in seconds of a song's hits, by kind: right, false, missed, and missed by the detector."""
    truth, notes = judged.truth["time_s"], judged.notes["time_s"]
    is_found = np.isin(np.arange(len(truth)), judged.pairs[:, 0])
    is_right = np.isin(np.arange(len(notes)), judged.pairs[:, 1])
    return {
        "right": notes[is_right],
        "false": notes[~is_right],
        "missed": truth[~is_found & judged.is_offered],
        "undetected": truth[~is_found & ~judged.is_offered],
    }
