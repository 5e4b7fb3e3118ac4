"""What a review writes: the MIDI file of a stem as a conversion shapes it, and the pair of raw and edited MIDI.

The pair is to be trained on, so its notes are where they sound: not on the grid, no flam made one, no stroke damped.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np

from drumhits.config.load import StemConfig
from drumhits.detection.features import FeatureTable
from drumhits.io.files import write_whole
from drumhits.io.grid import Grid
from drumhits.io.midi import NOTE_DTYPE, Track
from drumhits.review.places import Places
from drumhits.review.session import Decided
from drumhits.transcription.convert import Conversion, Job, merged
from drumhits.transcription.expression import played_track
from drumhits.transcription.notes import articulations_told, to_notes
from drumhits.transcription.reviewed import review_texts

USUAL_VELOCITY = 80  # of an added hit where there is no other


@dataclass(frozen=True, eq=False)
class Hits:
    """What is written, in time order.

    Attributes
    ----------
    hits : np.ndarray, shape (n,), int
        See `session`.
    notes : np.ndarray, shape (n,), NOTE_DTYPE
    articulations : np.ndarray, shape (n,), str
    sustain_ms : np.ndarray, shape (n,)
        How long each rings; an added one as those of its articulation do.
    """

    hits: np.ndarray
    notes: np.ndarray
    articulations: np.ndarray
    sustain_ms: np.ndarray

    def track(self, job: Job) -> Track:
        """Return the track as a conversion would write it."""
        return played_track(job.part, self.notes, self.articulations, self.sustain_ms, job.config.midi)


def final_hits(table: FeatureTable, keep: np.ndarray, config: StemConfig, decided: Decided) -> Hits:
    """Return the kept candidates, as the user named and moved them, and the hits that the user added.

    Parameters
    ----------
    table : FeatureTable
        The candidates.
    keep : np.ndarray, shape (n,), bool
    config : StemConfig
    decided : Decided
    """
    added = [hit for hit in decided.added if decided.kept.get(hit)]
    hits = np.concatenate((table.samples[keep], np.array(added, dtype=int)))
    n_found = len(hits) - len(added)
    notes, articulations = np.zeros(len(hits), dtype=NOTE_DTYPE), np.full(len(hits), next(iter(config.notes)), object)
    notes[:n_found], articulations[:n_found] = to_notes(table, keep, config), articulations_told(table, keep, config)
    notes["number"][n_found:] = config.default_note
    notes["velocity"][n_found:] = [decided.added[hit] for hit in added]
    notes["duration_s"] = config.note_duration_ms / 1000
    for i, hit in enumerate(hits.tolist()):
        if hit in decided.times_s:
            notes["time_s"][i] = max(decided.times_s[hit] + config.timing_offset, 0.0)
        if hit in decided.names:
            articulations[i] = decided.names[hit]
            notes["number"][i] = config.notes[decided.names[hit]]
    found_ms = table["SustainMs"][keep]
    added_ms = [_usual_sustain_ms(name, found_ms, articulations[:n_found]) for name in articulations[n_found:]]
    sustain_ms = np.append(found_ms, added_ms)
    in_time = np.lexsort((notes["number"], notes["time_s"]))
    return Hits(hits[in_time], notes[in_time], articulations[in_time], sustain_ms[in_time])


def _usual_sustain_ms(name: str, sustain_ms: np.ndarray, articulations: np.ndarray) -> float:
    """Return how long found hits of an articulation ring; without end where there is none."""
    alike = sustain_ms[articulations == name]
    return float(np.median(alike)) if len(alike) else np.inf


def velocity_of(amplitude: float, table: FeatureTable, keep: np.ndarray, config: StemConfig) -> int:
    """Return the velocity of an added hit: that of kept hits of its peak amplitude."""
    if not keep.any():
        return USUAL_VELOCITY
    loudness, velocities = np.sort(table["Amp"][keep]), np.sort(to_notes(table, keep, config)["velocity"])
    return int(np.rint(np.interp(amplitude, loudness, velocities)))


def write_all(conversion: Conversion, final: Hits, decided: Decided, places: Places, grid: Grid | None) -> None:
    """Write the MIDI file and the pair, each whole or not at all.

    Parameters
    ----------
    conversion : Conversion
        What was found, before the user decided.
    final : Hits
        What is written.
    decided : Decided
    places : Places
    grid : Grid, optional
        Of the song, where the settings do not say it.

    Raises
    ------
    InputError
        A file cannot be written.
    """
    job, as_played = conversion.job, _as_played(conversion.job)
    raw_job = replace(as_played, output=places.raw, keep_all=True)
    raw_notes = to_notes(conversion.table, conversion.decisions.keep, raw_job.stem_config, keep_all=True)
    raw = replace(conversion, job=raw_job, track=Track(job.part, raw_notes))
    write_whole(places.raw, merged([raw], grid))
    about = [hit for hit in decided.kept if hit >= 0]
    edited = replace(conversion, job=replace(as_played, output=places.edited), track=Track(job.part, final.notes))
    write_whole(places.edited, _reviewed_midi(edited, about, grid))
    output = replace(conversion, job=replace(job, output=places.output), track=final.track(job))
    write_whole(places.output, _reviewed_midi(output, about, grid))


def _as_played(job: Job) -> Job:
    """Return the job with settings that leave notes where they sound."""
    midi = replace(job.config.midi, quantize=None, merge_flams=None, hihat_cc4=False, chokes=False)
    return replace(job, config=replace(job.config, midi=midi))


def _reviewed_midi(made: Conversion, about: Iterable[int], grid: Grid | None) -> bytes:
    return merged([made], grid, review_texts(made.provenance, about))
