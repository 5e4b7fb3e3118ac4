"""Test songs and deciders -> each song's candidates, notes and reference, matched. Times in seconds.

The candidates are `analysis.analyze`'s and the notes are read back from the bytes that a conversion writes: whoever
scores converted files gets the same numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from drumhits.analysis import GUIDE, analyze
from drumhits.config.load import Config, StemConfig
from drumhits.detection.features import FeatureTable
from drumhits.evaluation.deciders import Decider
from drumhits.evaluation.scores import CandidateScores, NoteScores, score_candidates, score_notes
from drumhits.evaluation.timeline import Truth, aligned_truth
from drumhits.evaluation.truth import TruthPair
from drumhits.io.audio import AudioSource
from drumhits.io.midi import Track, decode, encode
from drumhits.matching import match_times
from drumhits.models.decisions import Decisions
from drumhits.transcription.notes import to_notes

Analyse = Callable[[Path, StemConfig, str], tuple[FeatureTable, AudioSource]]


@dataclass(frozen=True, eq=False)
class ScoredSong:
    """A song with the decisions of one decider.

    Attributes
    ----------
    table : FeatureTable, the candidates
    is_hit, keep : np.ndarray, shape (n,), bool
        Whether each candidate is a hit of the reference, and whether it was kept.
    reasons : tuple of str, length n
        The first test that rejected the candidate; "" where it is kept.
    confidence : np.ndarray, shape (n,), 0..1, or None
        That a candidate is a hit; 0 where thresholds before the model reject it. None for a baseline.
    margins : np.ndarray, shape (n,), >= 0, or None
        See `decisions.Decisions`.
    reference, notes : np.ndarray of `midi.NOTE_DTYPE`
        True hits (velocity 0 where not known), and the notes that come out.
    pairs : np.ndarray, shape (n_pairs, 2)
        Indices into reference and notes of what matches.
    is_detected : np.ndarray, shape (n_reference,), bool
        Whether each true hit has a candidate.
    """

    table: FeatureTable
    is_hit: np.ndarray
    keep: np.ndarray
    reasons: tuple[str, ...]
    confidence: np.ndarray | None
    margins: np.ndarray | None
    reference: np.ndarray
    notes: np.ndarray
    pairs: np.ndarray
    is_detected: np.ndarray

    @cached_property
    def candidate_scores(self) -> CandidateScores:
        return score_candidates(self.is_hit, self.keep, self.confidence)

    @cached_property
    def note_scores(self) -> NoteScores:
        return pooled_note_scores([self])

    @property
    def errors_s(self) -> np.ndarray:
        """Timing error of each pair in seconds, shape (n_pairs,); above 0 where the note is late."""
        return self.notes["time_s"][self.pairs[:, 1]] - self.reference["time_s"][self.pairs[:, 0]]

    @property
    def velocity_errors(self) -> np.ndarray:
        """Velocity of the note minus that of the true hit, of the pairs where both are known."""
        reference = self.reference["velocity"][self.pairs[:, 0]]
        return (self.notes["velocity"][self.pairs[:, 1]].astype(int) - reference)[reference > 0]


def pooled_note_scores(songs: Sequence[ScoredSong]) -> NoteScores:
    """Scores of the notes of one or more songs together."""
    return score_notes(
        (
            sum(len(song.pairs) for song in songs),
            sum(len(song.reference) for song in songs),
            sum(len(song.notes) for song in songs),
        ),
        sum(int(np.count_nonzero(~song.is_detected)) for song in songs),
        np.concatenate([song.errors_s for song in songs]),
        np.concatenate([song.velocity_errors for song in songs]),
    )


def score_song(
    pair: TruthPair, deciders: Sequence[Decider], config: Config, window_s: float, analyse: Analyse = analyze
) -> tuple[AudioSource, list[ScoredSong], list[str]]:
    """Audio and truth of a song -> its audio's identity, the song scored for each decider, and warnings.

    Parameters
    ----------
    config : Config
        Gives tempo and channel of the MIDI that the notes are read back from.
    window_s : float > 0
        Largest distance of a note from its true hit.
    analyse : callable
        In place of `analysis.analyze`.

    Raises
    ------
    InputError
        The audio or the truth cannot be read, or the truth fits the audio in two ways.
    """
    truth: Truth | None = None
    tables: dict[tuple, tuple[FeatureTable, AudioSource]] = {}
    songs = []
    for decider in deciders:
        key = _detection(decider.config), _features_for(decider, deciders)
        if key not in tables:
            tables[key] = analyse(pair.audio, decider.config, key[1])
        table, source = tables[key]
        table = table.without_articulation_scores() if decider.feature_set == GUIDE else table
        times_s = table.times_s + decider.config.timing_offset
        truth = truth or aligned_truth(pair, decider.config, times_s, config.tempo_bpm)
        decisions = decider.decide(table, decider.config)
        decisions = replace(decisions, keep=decisions.keep & truth.covers(times_s))
        songs.append(score_decisions(table, decisions, truth.notes, decider.config, config, window_s))
    return source, songs, [*source.warnings, *(truth.warnings if truth else ())]


def _features_for(decider: Decider, deciders: Sequence[Decider]) -> str:
    """Return the feature set to analyse for a decider: one that another needs anyway will do for the guide's."""
    same = [one.feature_set for one in deciders if _detection(one.config) == _detection(decider.config)]
    return decider.feature_set if decider.feature_set != GUIDE else next((s for s in same if s != GUIDE), GUIDE)


def _detection(config: StemConfig) -> tuple:
    """Return the settings that make the candidates and their features."""
    return config.onset_delta, config.onset_wait, config.body_band_hz, config.brilliance_band_hz


def score_decisions(
    table: FeatureTable,
    decisions: Decisions,
    reference: np.ndarray,
    stem_config: StemConfig,
    config: Config,
    window_s: float,
    is_hit: np.ndarray | None = None,
) -> ScoredSong:
    """Candidates, decisions about them and reference notes -> the song scored.

    Parameters
    ----------
    reference : np.ndarray of `midi.NOTE_DTYPE`
        True hits, by time.
    stem_config, config : StemConfig, Config
        What a conversion makes notes and MIDI with.
    window_s : float > 0
        Largest distance of a match.
    is_hit : np.ndarray, shape (n,), bool, or None
        Which candidates are hits, where that is known; else those that match the reference.
    """
    detected = match_times(reference["time_s"], np.maximum(table.times_s + stem_config.timing_offset, 0), window_s)
    if is_hit is None:
        is_hit = np.zeros(len(table), bool)
        is_hit[detected[:, 1]] = True
    track = Track(stem_config.stem, to_notes(table, decisions.keep, stem_config))
    notes = decode(encode([track], tempo_bpm=config.tempo_bpm, channel=config.channel)).notes
    return ScoredSong(
        table=table,
        is_hit=is_hit,
        keep=decisions.keep,
        reasons=decisions.reasons,
        confidence=decisions.confidence,
        margins=decisions.margins,
        reference=reference,
        notes=notes,
        pairs=match_times(reference["time_s"], notes["time_s"], window_s),
        is_detected=np.isin(np.arange(len(reference)), detected[:, 0]),
    )


def hit_times(song: ScoredSong) -> dict[str, np.ndarray]:
    """Times of a song's hits in seconds, by kind: right, false, missed, and undetected (without a candidate)."""
    reference, notes = song.reference["time_s"], song.notes["time_s"]
    is_found = np.isin(np.arange(len(reference)), song.pairs[:, 0])
    is_right = np.isin(np.arange(len(notes)), song.pairs[:, 1])
    return {
        "right": notes[is_right],
        "false": notes[~is_right],
        "missed": reference[~is_found & song.is_detected],
        "undetected": reference[~is_found & ~song.is_detected],
    }
