"""Raw files on any grid, edited in a DAW: the labels are those of the same edits on the grid of 120 BPM."""

import numpy as np
import pytest
from daws import BEHAVIOURS, Export, Session, session, write

from drumhits.edits.labels import UNLABELLED, label
from drumhits.io.midi import Track, decode, encode
from drumhits.tempo.bars import bars_grid, constant_grid

GRIDS = {
    "another tempo": constant_grid(97.3),
    "a pickup": constant_grid(140, 0.51, (6, 8)),
    "a tempo map": bars_grid(np.append(0.0, np.cumsum(np.linspace(1.6, 2.6, 40))), (4, 4)),
}


def beats_kept(rng, made):
    """The raw file's beats, which the DAW plays at its own 120 BPM."""
    rows = made.notes()
    rows[:, 0] = made.raw.tempo.beats_at(rows[:, 0]) / 2
    return Export(write(rows))


SECONDS_KEPT = {name: one for name, one in BEHAVIOURS.items() if name != "other_tempo_ticks_kept"}


@pytest.mark.parametrize("name", GRIDS)
@pytest.mark.parametrize("behaviour", [*SECONDS_KEPT.values(), beats_kept])
def test_edits_of_a_raw_file_on_any_grid_are_labelled_as_at_120(name, behaviour):
    plain = session(np.random.default_rng(11))
    raw = decode(encode([Track("cymbals", plain.raw.notes)], grid=GRIDS[name]))
    assert len(raw.notes) == len(plain.raw.notes)
    candidates_s = plain.raw.notes["time_s"]

    def labels_of(raw_file):
        made = Session(raw_file, plain.is_kept, plain.added_s, plain.beat_s)
        edited = decode(behaviour(np.random.default_rng(5), made).data)
        return label(raw_file, edited, candidate_times_s=candidates_s).labels

    on_grid, at_120 = labels_of(raw), labels_of(plain.raw)
    both = (on_grid != UNLABELLED) & (at_120 != UNLABELLED)
    assert on_grid[both].tolist() == at_120[both].tolist()
    assert np.count_nonzero(on_grid != at_120) <= 0.02 * len(at_120)  # a tick of another length leaves one open
