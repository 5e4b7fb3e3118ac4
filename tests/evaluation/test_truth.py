"""Which test songs are found, and what counts as their truth."""

import numpy as np
import pytest

from drumhits.config.load import default_config
from drumhits.errors import InputError, NotEnoughDataError
from drumhits.evaluation.truth import find_test_songs, read_truth
from drumhits.io.midi import NOTE_DTYPE, Track, encode

CYMBALS = default_config().stems["cymbals"]


def make(folder, *names):
    for name in names:
        (folder / name).write_bytes(b"")


def midi(*notes):
    """Return a MIDI file of (seconds, number, velocity)."""
    rows = np.zeros(len(notes), NOTE_DTYPE)
    for row, (time_s, number, velocity) in zip(rows, notes, strict=True):
        row["time_s"], row["number"], row["velocity"], row["duration_s"] = time_s, number, velocity, 0.05
    return encode([Track("x", rows)])


def test_songs_pair_by_name_whatever_the_case_and_format(tmp_path):
    make(tmp_path, "b-Cymbals.WAV", "B-cymbals_Ground_Truth.MID", "a-cymbals.ogg", "a-cymbals_ground_truth.midi")
    make(tmp_path, "a-kick.wav", "a-kick_ground_truth.mid", "._a-cymbals.wav", "notes.txt")
    pairs, unpaired = find_test_songs(tmp_path, "cymbals")
    assert [(pair.name, pair.audio.name, pair.truth.name) for pair in pairs] == [
        ("a-cymbals", "a-cymbals.ogg", "a-cymbals_ground_truth.midi"),
        ("b-Cymbals", "b-Cymbals.WAV", "B-cymbals_Ground_Truth.MID"),
    ]
    assert unpaired == []


def test_of_two_files_of_a_song_one_is_used_and_the_other_named(tmp_path):
    make(tmp_path, "a-cymbals.flac", "a-cymbals.wav", "a-cymbals_ground_truth.mid")
    pairs, unpaired = find_test_songs(tmp_path, "cymbals")
    assert [pair.audio.name for pair in pairs] == ["a-cymbals.flac"]
    assert unpaired == [f"{tmp_path / 'a-cymbals.wav'}: a-cymbals.flac of the same name is used instead."]


def test_an_empty_folder_says_so(tmp_path):
    with pytest.raises(NotEnoughDataError, match=r"looked for NAME-snare\.wav .* which holds no file; put songs there"):
        find_test_songs(tmp_path, "snare")


def test_songs_are_found_in_the_folders_below_and_named_by_them(tmp_path):
    places = ("A/Song1/cymbals", "B/Song1/cymbals", "cymbals/Song2", "x_(Cymbals)_m", "Song3/ride", "Song3/crash")
    for place in places:
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        make(tmp_path, f"{place}.wav", f"{place}_ground_truth.mid")
    make(tmp_path, "A/Song1/kick.wav", "A/Song1/kick_ground_truth.mid")
    (tmp_path / "A" / "round").symlink_to(tmp_path, target_is_directory=True)
    pairs, unpaired = find_test_songs(tmp_path, "cymbals")
    assert sorted(pair.name for pair in pairs) == sorted(places)
    assert all(pair.truth.parent == pair.audio.parent for pair in pairs)
    assert unpaired == []


def test_the_folder_of_one_song_names_it(tmp_path):
    (tmp_path / "Song1").mkdir()
    make(tmp_path / "Song1", "cymbals.wav", "cymbals_ground_truth.mid")
    ((pair,), _) = find_test_songs(tmp_path / "Song1", "cymbals")
    assert pair.name == "Song1/cymbals"


def test_a_format_that_cannot_be_read_is_named(tmp_path):
    make(tmp_path, "a-cymbals.wav", "a-cymbals_ground_truth.mid", "b-cymbals.m4a", "b-cymbals_ground_truth.mid")
    _, unpaired = find_test_songs(tmp_path, "cymbals")
    assert "b-cymbals.m4a: its format cannot be read; convert it to WAV or FLAC first." in unpaired[0]


@pytest.mark.parametrize(("name", "fault"), [("none", "does not exist"), ("file", "is a file, not a folder")])
def test_no_folder_is_an_error(tmp_path, name, fault):
    make(tmp_path, "file")
    with pytest.raises(InputError, match=f"--test-dir .*{name}: {fault}"):
        find_test_songs(tmp_path / name, "snare")


def test_other_drums_are_no_hits(tmp_path):
    path = tmp_path / "t.mid"
    path.write_bytes(midi((0, 49, 90), (1, 51, 1), (2, 36, 90), (3, 60, 90), (4, 49, 90), (5, 49, 90)))
    notes, warnings = read_truth(path, CYMBALS)
    assert notes["number"].tolist() == [49, 51, 60, 49, 49]
    assert warnings == (f"{path}: 1 note(s) of other drums are left out.",)


def test_the_many_silent_notes_of_keep_all_are_no_hits(tmp_path):
    path = tmp_path / "t.mid"
    path.write_bytes(midi((0, 49, 90), (1, 51, 1), (2, 51, 1), (3, 51, 90)))
    notes, warnings = read_truth(path, CYMBALS)
    assert notes["time_s"].tolist() == [0, 3]
    assert "2 note(s) of velocity 1 count as rejected" in warnings[0]


def test_a_truth_without_any_of_the_stems_numbers_is_taken_as_it_is(tmp_path):
    path = tmp_path / "t.mid"
    path.write_bytes(midi((0, 36, 90), (1, 38, 90)))
    notes, warnings = read_truth(path, CYMBALS)
    assert len(notes) == 2
    assert "no note has a number of the cymbals" in warnings[0]
