"""Folders -> labelled songs: which files belong together, and what is said where they do not."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import daws
import numpy as np
import pytest
import soundfile as sf
from running import ROOT

from drumhits.alignment.align import Given
from drumhits.analysis import analyze
from drumhits.config.load import load_config
from drumhits.drums import PROFILES
from drumhits.edits.labels import KEPT, REMOVED, UNLABELLED
from drumhits.edits.pairing import Pair, find_audio, find_pairs
from drumhits.edits.report import decisions_csv, report_line
from drumhits.edits.songs import label_song, label_songs
from drumhits.errors import InputError, NotEnoughDataError
from drumhits.io.audio import SAMPLE_RATE
from drumhits.io.midi import NOTE_DTYPE, Track, encode, read_midi
from drumhits.transcription.convert import Job, convert
from drumhits.transcription.provenance import Provenance, read_provenance

HITS_S = np.array([0.31, 0.62, 1.27, 1.55, 2.01, 2.83, 3.11, 3.98, 4.44, 4.71, 5.29, 5.83])
DELETED = np.array([1, 4, 5, 9])
TIMING_OFFSET_S = 0.15
NOTE = Provenance("cymbals", "../audio/a.wav", 1, SAMPLE_RATE, "0", {}, False, None, "")


def noted(**fields):
    """A raw MIDI file without notes."""
    return encode([], texts=[replace(NOTE, **fields).to_text()])


def make_audio(path, hits_s=HITS_S, length_s=6.5):
    """Noise bursts of different loudness."""
    rng = np.random.default_rng(3)
    y = np.zeros(int(length_s * SAMPLE_RATE))
    burst = rng.normal(size=SAMPLE_RATE // 5) * np.exp(-np.arange(SAMPLE_RATE // 5) / 2500)
    for i, start in enumerate((hits_s * SAMPLE_RATE).astype(int)):
        y[start : start + len(burst)] += (0.05 + 0.01 * i) * burst
    path.parent.mkdir(parents=True, exist_ok=True)
    sf.write(path, y, SAMPLE_RATE)


def make_song(root, name="Song1-snare"):
    """Audio, raw MIDI, and an edited one of 480 ticks a beat without the hits `DELETED`."""
    audio, raw, edited = root / "audio" / f"{name}.wav", root / "raw" / f"{name}.mid", root / "edited"
    make_audio(audio)
    config = load_config(None, {"snare": {"timing_offset": TIMING_OFFSET_S}})
    raw.parent.mkdir(exist_ok=True)
    raw.write_bytes(convert(Job(audio, raw, "snare", config)).midi)
    notes = read_midi(raw).notes
    assert len(notes) == len(HITS_S)
    notes = np.delete(notes, DELETED)
    rows = np.column_stack([notes[column] for column in ("time_s", "number", "velocity")])
    edited.mkdir(exist_ok=True)
    edited = edited / f"{name}_edited.mid"
    edited.write_bytes(daws.write(rows, ppq=480, end_s=7))
    return Pair(name, "snare", raw, edited)


@pytest.fixture
def pair(tmp_path):
    return make_song(tmp_path)


@pytest.fixture
def folders(tmp_path):
    """Function that fills the folders of raw and edited MIDI with files of these names or (name: bytes)."""

    def fill(raw, edited):
        for folder, files in (("raw", raw), ("edited", edited)):
            (tmp_path / folder).mkdir()
            for name in files:
                (tmp_path / folder / name).write_bytes(files[name] if isinstance(files, dict) else b"")
        return tmp_path / "raw", tmp_path / "edited"

    return fill


def names(pairs):
    return [(pair.raw.name, pair.edited.name) for pair in pairs.pairs]


@pytest.mark.parametrize(
    ("raw", "edited"),
    [
        ("Song1-cymbals.mid", "Song1-cymbals_edited.mid"),
        ("Song1-cymbals.mid", "Song1-cymbals.mid"),
        ("Song1-cymbals.MIDI", "song1-Cymbals_Edited.MID"),
        ("Caf\u00e9-cymbals.mid", "Cafe\u0301-cymbals_edited.mid"),
    ],
)
def test_names_that_pair(folders, raw, edited):
    found = find_pairs(*folders([raw], [edited]), "cymbals")
    assert names(found) == [(raw, edited)]
    assert found.unpaired == ()


def test_pair_whose_stem_only_the_note_tells(folders):
    raw = {"new_song.mid": noted(), "old_song.mid": noted(stem="kick")}
    found = find_pairs(*folders(raw, ["new_song_edited.mid", "old_song_edited.mid"]), "cymbals")
    assert names(found) == [("new_song.mid", "new_song_edited.mid")]
    assert found.unpaired == ()


def test_other_stems_are_passed_over(folders):
    files = ["a-kick.mid", "a-cymbals.mid", "b-hihat.mid"], ["a-kick_edited.mid", "a-cymbals_edited.mid"]
    found = find_pairs(*folders(*files), "cymbals")
    assert names(found) == [("a-cymbals.mid", "a-cymbals_edited.mid")]
    assert found.unpaired == ()


def test_order_is_that_of_the_names(folders, monkeypatch):
    songs = ["b-snare", "C-snare", "a-snare", "d-snare"]
    given = folders([f"{song}.mid" for song in songs], [f"{song}_edited.mid" for song in songs])
    found = find_pairs(*given, "snare")
    assert [pair.name for pair in found.pairs] == ["a-snare", "b-snare", "C-snare", "d-snare"]
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda folder: sorted(listed(folder), reverse=True))
    assert find_pairs(*given, "snare") == found


def test_file_without_partner_is_listed(folders):
    raw = ["a-snare.mid", "a-snare.midi", "b-snare.mid", "strange.mid", "._a-snare.mid"]
    edited = ["a-snare_edited.mid", "a-snare_edited.midi", "c-snare_edited.mid", "notes.txt"]
    found = find_pairs(*folders(raw, edited), "snare")
    assert names(found) == [("a-snare.mid", "a-snare_edited.mid")]
    said = "\n".join(found.unpaired)
    assert len(found.unpaired) == 5
    assert "a-snare.midi: a-snare.mid of the same name is used instead." in said
    assert "b-snare.mid: has no edited version b-snare_edited.mid in" in said
    assert "strange.mid" in said
    assert "a-snare_edited.midi: a-snare_edited.mid is used instead." in said
    assert "c-snare_edited.mid: has no pair in" in said


def test_edited_name_goes_before_the_same_name(folders):
    found = find_pairs(*folders(["a-snare.mid"], ["a-snare.mid", "a-snare_edited.mid"]), "snare")
    assert names(found) == [("a-snare.mid", "a-snare_edited.mid")]
    assert "edited/a-snare.mid: a-snare_edited.mid is used instead." in found.unpaired[0].replace("\\", "/")


def test_one_folder_for_both(folders):
    raw, _ = folders(["a-snare.mid", "a-snare_edited.mid", "b-snare.mid"], [])
    found = find_pairs(raw, raw, "snare")
    assert names(found) == [("a-snare.mid", "a-snare_edited.mid")]
    assert len(found.unpaired) == 1


def test_folder_that_is_none(folders):
    raw, edited = folders(["a-snare.mid"], [])
    with pytest.raises(InputError, match=r"--edited-dir .*nowhere: does not exist"):
        find_pairs(raw, edited / "nowhere", "snare")
    with pytest.raises(InputError, match=r"--raw-dir .*a-snare\.mid: is a file, not a folder"):
        find_pairs(raw / "a-snare.mid", edited, "snare")


def test_no_pair_says_what_was_looked_for_and_what_lies_there(folders):
    given = folders([f"{n}-kick.mid" for n in range(7)], [])
    with pytest.raises(NotEnoughDataError) as raised:
        find_pairs(*given, "snare")
    parts = ("NAME-snare.mid", "NAME-snare_edited.mid", "0-kick.mid", "(and 2 more)", "edited holds no MIDI file;")
    assert [part for part in parts if part not in str(raised.value)] == []


def test_no_pair_says_why_the_first_file_is_of_no_use(folders):
    given = folders({"new_song.mid": encode([])}, ["new_song_edited.mid"])
    with pytest.raises(NotEnoughDataError, match=r"new_song\.mid: neither its name nor a note in it tells its stem"):
        find_pairs(*given, "snare")


def tree(root, *names):
    """Make empty files, and return the folder."""
    for name in names:
        touch(root / name)
    return root


def pairs_in(raw, edited, stem="cymbals"):
    found = find_pairs(raw, edited, stem)
    return {pair.name: (pair.raw.relative_to(raw).as_posix(), pair.edited.relative_to(edited).as_posix())
            for pair in found.pairs}, found.unpaired  # fmt: skip


def test_mirrored_trees_pair_place_by_place(tmp_path):
    places = ("Song1/cymbals", "A/Song1/cymbals", "B/Song1/cymbals", "cymbals/Song2", "B/x_(Cymbals)_m")
    raw = tree(tmp_path / "raw", *(f"{place}.mid" for place in places), "Song1/kick.mid", "kick/Song2.mid")
    edited = tree(tmp_path / "edited", *(f"{place}_edited.mid" for place in places), "Song1/kick_edited.mid")
    found, unpaired = pairs_in(raw, edited)
    assert found == {place: (f"{place}.mid", f"{place}_edited.mid") for place in places}
    assert unpaired == ()


def test_a_flat_export_pairs_with_the_tree_where_song_and_drum_are_clear(tmp_path):
    raw = tree(tmp_path / "raw", "Song1/cymbals.mid", "cymbals/Song2.mid", "A/Song3/cymbals.mid", "B/Song3/cymbals.mid")
    edited = tree(tmp_path / "edited", *(f"{name}-cymbals_edited.mid" for name in ("Song1", "Song2", "Song3")))
    found, unpaired = pairs_in(raw, edited)
    assert found == {
        "Song1/cymbals": ("Song1/cymbals.mid", "Song1-cymbals_edited.mid"),
        "cymbals/Song2": ("cymbals/Song2.mid", "Song2-cymbals_edited.mid"),
    }
    assert len(unpaired) == 3
    assert "has no edited version" in unpaired[0]


def test_the_edited_folder_may_lie_in_the_raw_one(tmp_path):
    raw = tree(tmp_path / "raw", "Song1/cymbals.mid", "edited/Song1/cymbals_edited.mid", "edited/Song1/cymbals.mid")
    assert pairs_in(raw, raw / "edited")[0] == {"Song1/cymbals": ("Song1/cymbals.mid", "Song1/cymbals_edited.mid")}
    one_folder = tree(tmp_path / "one", "Song1/cymbals.mid", "Song1/cymbals_edited.mid")
    assert list(pairs_in(one_folder, one_folder)[0]) == ["Song1/cymbals"]


def test_links_in_a_circle_end(tmp_path):
    raw = tree(tmp_path / "raw", "Song1/cymbals.mid")
    edited = tree(tmp_path / "edited", "Song1/cymbals_edited.mid")
    (raw / "Song1" / "round").symlink_to(raw, target_is_directory=True)
    assert len(pairs_in(raw, edited)[0]) == 1
    audio = tree(tmp_path / "audio", "Song1/cymbals.wav")
    (audio / "round").symlink_to(audio, target_is_directory=True)
    (pair,) = find_pairs(raw, edited, "cymbals").pairs
    noted_elsewhere = replace(NOTE, audio="../gone/Song1/cymbals.wav")
    assert find_audio(pair, noted_elsewhere, [audio]) == audio / "Song1" / "cymbals.wav"


def test_what_a_raw_file_was_made_as_goes_before_a_word_at_the_start_of_its_name(folders):
    raw = {"Kick-Ass.mid": noted(), "ride-of-my-life.mid": noted(stem="kick"), "Kick-empty.mid": b""}
    found = find_pairs(*folders(raw, [f"{name[:-4]}_edited.mid" for name in raw]), "cymbals")
    assert names(found) == [("Kick-Ass.mid", "Kick-Ass_edited.mid")]


def touch(path):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


def test_audio_is_looked_for_in_order(tmp_path):
    pair = Pair("x-cymbals", "cymbals", tmp_path / "raw" / "x-cymbals.mid", tmp_path / "x")
    given = tmp_path / "given"
    given.mkdir()
    places = [
        touch(tmp_path / "raw" / "x-cymbals.FLAC"),
        touch(tmp_path / "audio" / "a.wav"),
        touch(given / "deep" / "x-cymbals.mp3"),
        touch(given / "deeper" / "still" / "a.wav"),
    ]
    while places:
        assert find_audio(pair, NOTE, [given]).samefile(places[-1])
        places.pop().unlink()
    with pytest.raises(InputError) as raised:
        find_audio(pair, NOTE, [given])
    looked = ["a.wav or x-cymbals.wav", f"in {given} and below", f"at {tmp_path / 'raw' / '../audio/a.wav'}", "raw;"]
    assert all(part in str(raised.value) for part in looked)


def test_audio_beside_a_raw_file_without_a_note(tmp_path):
    audio = touch(tmp_path / "x-cymbals.wav")
    touch(tmp_path / "x-cymbals.txt")
    pair = Pair("x-cymbals", "cymbals", tmp_path / "x-cymbals.mid", tmp_path / "x")
    assert find_audio(pair, None) == audio


def test_audio_of_one_name_in_the_folders_of_many_songs(tmp_path):
    for song in "abc":
        touch(tmp_path / "stems" / song / "drums-cymbals.wav")
    pair = Pair("b", "cymbals", touch(tmp_path / "raw" / "b.mid"), tmp_path / "x")
    note = replace(NOTE, audio="../elsewhere/b/drums-cymbals.wav")
    assert find_audio(pair, note, [tmp_path / "stems"]) == tmp_path / "stems" / "b" / "drums-cymbals.wav"


@pytest.mark.parametrize("audio", ["x" * 5000, "a\0b", ".."])
def test_noted_audio_that_no_system_takes(tmp_path, audio):
    pair = Pair("b", "cymbals", touch(tmp_path / "b.mid"), tmp_path / "x")
    with pytest.raises(InputError, match="audio is not found"):
        find_audio(pair, replace(NOTE, audio=audio), [tmp_path])


def test_audio_dir_that_is_none(tmp_path):
    with pytest.raises(InputError, match=r"--audio-dir .*nowhere: is no folder"):
        find_audio(Pair("b", "cymbals", tmp_path / "b.mid", tmp_path), NOTE, [tmp_path / "nowhere"])


def test_labels_of_a_song(pair):
    song = label_song(pair)
    raw_s = read_midi(pair.raw).notes["time_s"]
    truth = np.where(np.isin(np.arange(len(HITS_S)), DELETED), REMOVED, KEPT)
    rows = np.argmin(np.abs(song.table.times_s + TIMING_OFFSET_S - raw_s[:, None]), axis=1)
    np.testing.assert_array_equal(song.labels.labels[rows], truth)
    assert np.all(np.delete(song.labels.labels, rows) == UNLABELLED)
    assert song.labels.labels.dtype == np.int8
    assert (song.name, song.config.stem, song.config.timing_offset) == ("Song1-snare", "snare", TIMING_OFFSET_S)
    assert song.source.path.samefile(pair.raw.parents[1] / "audio" / "Song1-snare.wav")
    assert (song.source.duration_s, song.source.fingerprint) == (6.5, song.provenance.fingerprint)
    assert song.warnings == ()


def test_a_hit_that_becomes_another_cymbal_stays_kept(pair):
    """Quantised and at another velocity, so that nothing but the number's family speaks for it."""
    edited = read_midi(pair.edited).notes
    rows = np.column_stack((edited["time_s"] + 0.004, np.where(edited["velocity"] % 2, 38, 40), edited["velocity"]))
    rows[:, 2] = 100
    pair.edited.write_bytes(daws.write(rows, end_s=7))
    labels = label_song(pair).labels
    assert (labels.kept, labels.removed) == (len(HITS_S) - len(DELETED), len(DELETED))
    assert labels.renoted > 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"length_s": 6.8}, r"length 0:06\.800, was 0:06\.500"),
        ({"length_s": 6.5001}, r"286654 frames, was 286650"),
        ({"hits_s": HITS_S + 0.01}, "the same length, other sound"),
    ],
)
def test_changed_audio_stops_the_song(pair, change, said):
    make_audio(pair.raw.parents[1] / "audio" / "Song1-snare.wav", **change)
    with pytest.raises(
        InputError, match=rf"Song1-snare: the audio has changed since the raw MIDI was made \({said}\).*make the raw"
    ) as raised:
        label_song(pair)
    assert raised.value.exit_code == 1


def test_raw_file_without_note(pair):
    pair.raw.write_bytes(encode([Track("snare", read_midi(pair.raw).notes)]))
    with pytest.raises(InputError, match=r"Song1-snare\.mid: does not say which audio.*stems_to_midi\.py"):
        label_song(pair)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"stem": "kick"}, "was made as kick, not snare"),
        ({"audio": 7}, "note of what made it is damaged"),
        ({"settings": [1]}, "note of what made it is damaged"),
        ({"settings": {}}, "not those of this version"),
        ({"settings": {"future": 1}}, "not those of this version"),
        ({"settings": {"onset_wait": "soon"}}, "not those of this version"),
        ({"settings": {"notes": ["ab"]}}, "not those of this version"),
    ],
)
def test_note_that_cannot_be_used(pair, fields, said):
    note = read_provenance(read_midi(pair.raw))
    if fields.get("settings") and isinstance(fields["settings"], dict):
        fields = {"settings": note.settings | fields["settings"]}
    pair.raw.write_bytes(encode([], texts=[replace(note, **fields).to_text()]))
    with pytest.raises(InputError, match=rf"{said}.*make it again with stems_to_midi\.py"):
        label_song(pair)


def test_raw_file_that_was_edited_warns(pair):
    raw = read_midi(pair.raw)
    notes = np.append(raw.notes, np.array([(0, 0.05, 38, 90, 0.05)], NOTE_DTYPE))
    pair.raw.write_bytes(encode([Track("snare", notes)], texts=raw.texts))
    song = label_song(pair)
    assert len(song.warnings) == 2
    assert "has been edited since it was made" in song.warnings[0]
    assert "1 of its 13 notes lie on no hit that is detected now" in song.warnings[1]


def test_refused_alignment_names_the_song_and_keeps_its_exit_code(pair):
    rows = np.column_stack((np.arange(20) * 0.29 + 0.13, np.full((20, 2), (38, 90))))
    pair.edited.write_bytes(daws.write(rows))
    with pytest.raises(NotEnoughDataError, match=r"^Song1-snare: too few notes of the raw file .*--edited-tempo"):
        label_song(pair)


def test_velocity_1_is_a_note_unless_the_raw_file_was_made_by_keep_all(pair):
    edited = read_midi(pair.edited).notes
    rows = np.column_stack([edited[column] for column in ("time_s", "number", "velocity")])
    rows[2, 2] = 1
    pair.edited.write_bytes(daws.write(rows, ppq=480, end_s=7))
    assert label_song(pair).labels.kept == len(rows)
    raw = read_midi(pair.raw)
    note = replace(read_provenance(raw), keep_all=True)
    pair.raw.write_bytes(encode([Track("snare", raw.notes)], texts=[note.to_text()]))
    assert label_song(pair).labels.kept == len(rows) - 1


def test_what_is_left_out_of_a_whole_kit_is_said(pair):
    edited = read_midi(pair.edited).notes
    rows = np.column_stack([edited[column] for column in ("time_s", "number", "velocity")])
    kick = np.column_stack((np.arange(5) + 0.31, np.full((5, 2), (36, 90))))
    pair.edited.write_bytes(daws.write(np.concatenate((rows, kick)), ppq=480, end_s=7))
    song = label_song(pair)
    assert (song.labels.kept, song.labels.added_without_candidate) == (len(rows), 0)
    assert song.warnings == (f"{pair.edited}: 5 note(s) of other drums or tracks are left out.",)


def test_bad_song_leaves_the_others_alone(tmp_path):
    pairs = [make_song(tmp_path, f"Song{n}-snare") for n in (1, 2, 3)]
    (tmp_path / "audio" / "Song2-snare.wav").unlink()
    songs, errors = label_songs(pairs)
    assert [song.name for song in songs] == ["Song1-snare", "Song3-snare"]
    assert [str(error).partition(":")[0] for error in errors] == ["Song2-snare"]


def test_options_reach_each_song(pair):
    analysed = []

    def analyse(path, config):
        analysed.append(path.name)
        return analyze(path, config)

    songs, errors = label_songs([pair], given=Given(offset_s=0.007, range_s=(0.0, 3.0)), analyse=analyse)
    assert (analysed, errors) == (["Song1-snare.wav"], ())
    assert songs[0].labels.alignment.offset_s == 0.007
    assert np.count_nonzero(songs[0].labels.labels != UNLABELLED) == np.count_nonzero(HITS_S + TIMING_OFFSET_S < 3)


def test_two_at_a_time_gives_the_same(tmp_path):
    pairs = [make_song(tmp_path, f"Song{n}-snare") for n in (1, 2)]
    assert decisions_csv(label_songs(pairs, n_jobs=2)[0]) == decisions_csv(label_songs(pairs)[0])


def test_joblib_is_not_imported_for_one_at_a_time():
    heavy = {"joblib", "sklearn", "scipy", "librosa"}
    code = f"import sys, drumhits.edits.songs; print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_report(pair):
    song = label_song(pair)
    line = report_line(song)
    assert line.startswith(
        "Song1-snare: seconds kept, offset +0.000 s: 8 matched, 8 kept, 4 removed, 0 added with a candidate, "
        "0 added without one (missed by the detector), "
    )
    assert f"{song.labels.unlabelled} unlabelled" in line
    assert "\n" not in line


def test_report_of_an_emptied_file(pair):
    pair.edited.write_bytes(encode([]))
    with pytest.raises(NotEnoughDataError, match=r"Song1-snare: the edited file holds no note .*--accept-empty"):
        label_song(pair)
    line = report_line(label_song(pair, accepted={"empty"}))
    assert line.startswith("Song1-snare: no note in the edited file: 0 matched, 0 kept, 12 removed")


def test_decisions_as_csv(pair):
    edited = read_midi(pair.edited).notes
    rows = np.column_stack([edited[column] for column in ("time_s", "number", "velocity")])
    pair.edited.write_bytes(daws.write(np.append(rows, [[2.6, 38, 99]], axis=0), ppq=480, end_s=7))
    lines = decisions_csv([label_song(pair)]).splitlines()
    assert lines[0] == "song,raw_s,edited_s,note,edited_note,decision"
    assert len(lines) == 1 + len(HITS_S) + 1
    assert "Song1-snare,,2.600000,,38,missed" in lines
    assert sum(line.endswith(",removed") for line in lines) == len(DELETED)
    removed = next(line for line in lines if line.endswith(",removed")).split(",")
    assert (removed[2], removed[4]) == ("", "")


def test_bundled_example_has_enough_to_learn_from():
    data = ROOT / "training_data"
    found = find_pairs(data / "raw_midi", data / "edited_midi", "cymbals")
    songs, errors = label_songs(found.pairs)
    assert (len(songs), errors, found.unpaired) == (4, (), ())
    assert not any(song.warnings for song in songs)
    labels = np.concatenate([song.labels.labels for song in songs])
    known = labels[labels != UNLABELLED]
    assert len(known) >= 50
    assert np.mean(known == REMOVED) >= 0.2
    assert {song.labels.alignment.hypothesis for song in songs} == {"seconds kept"}
    assert sum(song.labels.added_with_candidate for song in songs) >= 1


def test_every_stem_has_its_general_midi_notes():
    config = load_config(None)
    assert PROFILES.keys() == config.stems.keys()
    for stem, profile in PROFILES.items():
        own = profile.general_midi
        others = set().union(*(other.notes.values() for name, other in config.stems.items() if name != stem))
        assert not own & others


@pytest.mark.parametrize(
    ("edit", "said", "option", "accepted"),
    [
        (lambda rows: rows, "the edited file is the raw one", "--accept-unchanged", "unchanged"),
        (lambda rows: rows[:3], r"the edited file spans only \d+% of the raw one", "--accept-short", "short"),
        (lambda rows: rows[:0], "the edited file holds no note", "--accept-empty", "empty"),
    ],
    ids=["unchanged", "short", "empty"],
)
def test_an_edited_file_that_looks_like_a_mistake_asks_to_be_confirmed(pair, edit, said, option, accepted):
    raw = read_midi(pair.raw).notes
    rows = np.column_stack([raw[column] for column in ("time_s", "number", "velocity")])
    pair.edited.write_bytes(daws.write(edit(rows), ppq=960))
    with pytest.raises(NotEnoughDataError, match=rf"^Song1-snare: {said}.*{option}"):
        label_song(pair)
    label_song(pair, accepted={accepted})
