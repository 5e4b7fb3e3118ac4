"""The truth of a song, on the time line of its audio. Times in seconds.

A truth is aligned with the candidates as edits are with a raw file: a DAW may have dropped its tempo, cut its start, or
exported the whole project. One that fits the candidates as it stands is taken so: how late its strokes are is what is
measured.
"""

from dataclasses import dataclass

import numpy as np

from drumhits.alignment.align import DECISIVE_LOG_ODDS, belongs_together, evidence_of, explanations, is_clear, rival
from drumhits.alignment.explanations import Explanation, KnownNotes
from drumhits.alignment.parts import part_choices
from drumhits.config.load import StemConfig
from drumhits.edits.songs import note_group
from drumhits.errors import NotEnoughDataError
from drumhits.evaluation.truth import TruthPair, hits_in
from drumhits.io.grid import TempoMap
from drumhits.io.midi import MidiContent, read_midi

CANDIDATE_ERROR_S = 0.008  # of nearly all detected attacks from the stroke as it was played
LATENESS_S = 0.1  # up to here a difference is the detector's or the recording's, no DAW's
FEWEST_TO_TELL = 10
OPTIONS = "--truth-tempo (BPM of the DAW project) or --truth-offset (seconds; 0 if nothing was shifted)"


@dataclass(frozen=True, eq=False)
class Truth:
    """The true hits of a song.

    Attributes
    ----------
    notes : np.ndarray, NOTE_DTYPE
        On the time line of the audio.
    start_s, end_s : float
        The part of the song that the file covers; outside of it nothing is known.
    warnings : tuple of str
        What the user should know of the file.
    """

    notes: np.ndarray
    start_s: float
    end_s: float
    warnings: tuple[str, ...]

    def covers(self, times_s: np.ndarray) -> np.ndarray:
        """Return which times lie in the part of the song that the file covers."""
        return np.logical_and(self.start_s <= times_s, times_s <= self.end_s)


def aligned_truth(pair: TruthPair, config: StemConfig, candidates_s: np.ndarray, tempo_bpm: float) -> Truth:
    """Return the true hits of a song.

    Parameters
    ----------
    pair : TruthPair
    config : StemConfig
    candidates_s : np.ndarray, shape (n,)
        Where hits may be heard, in seconds from the start of the audio, increasing.
    tempo_bpm : float > 0
        At which a conversion writes MIDI: a DAW may have kept those beats.

    Raises
    ------
    InputError
        The file cannot be read; see `midi.read_midi`.
    NotEnoughDataError
        It fits the candidates in two ways about equally well, but not as it stands.
    """
    content = read_midi(pair.truth)
    is_hit, said = hits_in(content, config)
    said = [*content.warnings, *(f"{pair.truth}: {sentence}" for sentence in said)]
    if not is_hit.any() or not len(candidates_s):
        return Truth(content.notes[is_hit], -np.inf, np.inf, tuple(said))
    tempo = TempoMap(beats=np.zeros(1), us_per_beat=np.array([6e7 / tempo_bpm]))
    known = KnownNotes(np.maximum(candidates_s, 0.0), None, tempo, CANDIDATE_ERROR_S)
    used = [choice & is_hit for choice in part_choices(content, note_group(config)) if (choice & is_hit).any()]
    found = [explanations(known, content, notes, pair.given) for notes in used]
    chosen = max(range(len(used)), key=lambda i: found[i][0].log_likelihood)
    if left_out := int(np.count_nonzero(is_hit & ~used[chosen])):
        said.append(f"{pair.truth}: {left_out} note(s) of other tracks are left out.")
    try:
        reading, sentence = _reading(found[chosen], is_given=bool(pair.given))
    except NotEnoughDataError as error:
        raise NotEnoughDataError(f"{pair.truth}: {error}") from error
    if sentence:
        said.append(f"{pair.truth}: {sentence}")
    if reading is None:
        return Truth(content.notes[used[chosen]], -np.inf, np.inf, tuple(said))
    return _at(reading, content, used[chosen], pair.given.offset_s, tuple(said))


def _reading(found: list[Explanation], *, is_given: bool) -> tuple[Explanation | None, str]:
    """Return the explanation to read a truth by, None where it is taken as it stands, and what the user should know."""
    best, next_best = found[0], rival(found)
    as_it_stands = best.hypothesis.name == "seconds kept" and abs(best.offset_s) <= LATENESS_S
    is_told = best.considered < FEWEST_TO_TELL or evidence_of(best) >= DECISIVE_LOG_ODDS
    little = f"only {best.matched} of its {best.considered} hits lie on a candidate, hardly more than chance gives"
    if is_given:
        return best, "" if is_told else f"{little}, as the options place them; its scores may mean nothing."
    if as_it_stands and is_told:
        return None, ""
    if as_it_stands or not belongs_together(best):
        return None, (
            f"{little}; if it was exported at another tempo or start than the audio, say so with {OPTIONS}; if it is "
            "another song's, its scores mean nothing."
        )
    if not is_clear(best, next_best):
        raise NotEnoughDataError(
            f"fits the audio in two ways about equally well ({best}; {next_best}); decide with {OPTIONS}."
        )
    return best, f"does not fit the audio as it stands, and is read so: {best}; to decide otherwise, give {OPTIONS}."


def _at(reading: Explanation, content: MidiContent, used: np.ndarray, offset_s: float | None, said: tuple) -> Truth:
    """Return the used notes at the times of an explanation, without a shift where that is mere lateness."""
    shift_s = reading.offset_s if offset_s is not None or abs(reading.offset_s) > LATENESS_S else 0.0
    notes = content.notes[used].copy()
    notes["time_s"] = reading.hypothesis.times_s[used] + shift_s
    margin_s = reading.hypothesis.tolerance_s
    end_s = reading.hypothesis.end_s + shift_s + margin_s
    return Truth(notes, shift_s - margin_s if shift_s else -np.inf, end_s if shift_s else np.inf, said)
