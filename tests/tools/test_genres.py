"""Songs of single genres, and which refined models ship."""

from pathlib import Path

import genre_songs
import numpy as np
import pytest
from genre_songs import ELECTRONIC, GENRES, METAL, TRAINING, UNSEEN, notes_of, performances_of, write_song
from genres import RIGHT_S, Row, edit
from kits import synthetic_kit
from patterns import programmed
from rendered_songs import Material
from training_songs import Hit

from drumhits.drums import STEMS
from drumhits.io.midi import Track, encode, read_midi
from drumhits.metrics import Difference

NAMED = {genre.name: genre for genre in GENRES}
PERFORMANCES = [
    Path(f"drummer{drummer}_{session}_{number}_{style}_120_beat_4-4.mid")
    for drummer in (1, 2, 3)
    for session in ("session1", "session2", "eval_session")
    for number, style in enumerate(("jazz", "jazz-swing", "rock", "latin-samba", "jazz-funk", "funk-jazz"))
]


def written(path, hits):
    path.write_bytes(encode([Track("snare", notes_of(hits))]))
    return path


def test_unseen_songs_are_of_other_sessions_of_the_styles():
    parts = {part: performances_of(NAMED["jazz"], part, PERFORMANCES) for part in (TRAINING, UNSEEN)}
    both = [*parts[TRAINING], *parts[UNSEEN]]
    assert set(both) == {path for path in PERFORMANCES if "_jazz" in path.name}
    sessions = [{path.name.split("session")[0] + path.name.split("_")[1] for path in paths} for paths in parts.values()]
    assert not sessions[0] & sessions[1]
    assert len(parts[TRAINING]) > len(parts[UNSEEN]) >= len(both) / 4


def test_metal_has_kicks_faster_than_electronic_music():
    def fastest(style):
        parts = [programmed(20.0, np.random.default_rng(number), style) for number in range(8)]
        steps = [np.diff([t for t, sound, _ in part if sound == "kick"]) for part in parts]
        return np.percentile(np.concatenate(steps), 20)

    assert fastest(METAL) < 0.11 < fastest(ELECTRONIC)


def test_a_song_is_drawn_from_its_number_and_its_truth_lies_beside_each_stem(tmp_path, monkeypatch):
    monkeypatch.setattr(genre_songs, "kits_of", lambda material, work: [synthetic_kit(0), synthetic_kit(1)])
    material = Material((), (), (), tmp_path)
    for folder in ("one", "other"):
        write_song(NAMED["electronic"], TRAINING, 3, material, tmp_path / folder)
    made = [sorted((tmp_path / folder / "electronic" / TRAINING).iterdir()) for folder in ("one", "other")]
    assert [path.name for path in made[0]] == sorted(
        f"electronic03-{stem}{end}" for stem in STEMS for end in (".flac", "_ground_truth.mid")
    )
    assert [path.read_bytes() for path in made[0]] == [path.read_bytes() for path in made[1]]


def test_edited_midi_keeps_what_was_played_at_its_velocity(tmp_path):
    raw = written(tmp_path / "raw.mid", [Hit(1.0, "snare", 1), Hit(2.0, "snare", 1), Hit(3.0, "snare", 90)])
    late_s = RIGHT_S / 2
    truth = written(
        tmp_path / "truth.mid", [Hit(2.0 + late_s, "snare", 70), Hit(3.0, "snare", 1), Hit(4.0, "snare", 9)]
    )
    edit(raw, truth, tmp_path / "edited.mid")
    notes = read_midi(tmp_path / "edited.mid").notes
    np.testing.assert_allclose(notes["time_s"], [2.0, 3.0], atol=0.001)
    assert notes["velocity"].tolist() == [70, 2]


@pytest.mark.parametrize(
    ("difference", "ships"),
    [
        (Difference(0.01, (0.002, 0.02)), True),
        (Difference(0.004, (0.001, 0.008)), False),
        (Difference(0.01, (-0.001, 0.02)), False),
        (Difference(-0.01, (-0.02, -0.002)), False),
        (Difference(0.0, (0.0, 0.0)), False),
        (Difference(0.01, None), False),
    ],
)
def test_a_model_ships_where_it_is_better_by_more_than_chance(difference, ships):
    row = Row("jazz", "snare", 500, 0.8, 0.81, difference, "forest")
    assert row.ships is ships
    assert str(row).count("|") == 9


def test_a_model_that_stays_as_it_is_has_no_score_of_its_own():
    row = Row("jazz", "snare", 1500, 0.8, 0.8, Difference(0.0, (0.0, 0.0)), "")
    assert str(row) == "| jazz | snare | 1,500 | 0.800 | as bundled |  |  | no |"
