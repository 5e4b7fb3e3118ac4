"""A stem under review: what is asked, what is written, and what training makes of it."""

import shutil
from concurrent.futures import Future
from dataclasses import replace

import mido
import numpy as np
import pytest
from reviewing import HIHAT, stems

from drumhits.analysis import ALL
from drumhits.config.load import load_config
from drumhits.edits.labels import KEPT, REMOVED, UNLABELLED
from drumhits.edits.pairing import Pair
from drumhits.edits.songs import label_song
from drumhits.errors import InputError
from drumhits.io.midi import PPQ, decode, read_midi
from drumhits.review.journal import Journal
from drumhits.review.missed import APART_S, MOST, likely_missed
from drumhits.review.session import StepError
from drumhits.review.showing import MISSED_AFTER, about, state
from drumhits.review.sound import attack_near
from drumhits.review.stem import StaleError, StemReview
from drumhits.transcription.convert import convert
from drumhits.transcription.provenance import is_our_midi, is_untouched, read_provenance
from drumhits.transcription.reviewed import is_reviewed_midi

TICK_S = 0.5 / PPQ


@pytest.fixture
def review(tmp_path):
    opened = StemReview(*stems(tmp_path)[0])
    yield opened
    opened.close()


def act(review, do, **more):
    review.act({"do": do, **more}, review.session.revision)


def labelled(review):
    """Return what training makes of the pair that a review wrote."""
    pair = Pair("song", "hihat", review.places.raw, review.places.edited)
    return label_song(pair, analyse=lambda *_: (review.table, review.conversion.source))


def again(review):
    review.close()
    return StemReview(review.job, review.places)


def test_the_question_is_answered_taken_back_and_asked_again(review):
    first = state(review)
    asked = first["queue"][0]
    act(review, "keep", hit=asked)
    second = state(review)
    assert second["mine"] == [asked]
    assert asked not in second["queue"]
    act(review, "undo")
    third = state(review)
    assert third["queue"][0] == asked
    assert third["sure"] == first["sure"]
    act(review, "skip", hit=asked)
    assert review.queue()[-1] == asked
    with pytest.raises(StaleError):
        review.act({"do": "keep", "hit": asked}, 0)
    with pytest.raises(StepError):
        act(review, "keep", hit=asked + 1)


def test_what_was_decided_is_there_after_a_restart(review):
    for do in ("keep", "delete", "skip", "delete"):
        act(review, do, hit=state(review)["queue"][0])
    act(review, "undo")
    act(review, "add", time_s=9.123)
    before = state(review)
    opened = again(review)
    after = state(opened)
    assert after.pop("wrong") == pytest.approx(before.pop("wrong"))
    assert after == before
    opened.close()


def test_the_written_files_are_right_to_the_tick_and_train_as_a_pair(review):
    decided = {}
    for i in range(12):
        hit = state(review)["queue"][0]
        decided[hit] = i % 3 > 0
        act(review, "keep" if decided[hit] else "delete", hit=hit)
    kept = [hit for hit, is_kept in decided.items() if is_kept]
    moved_s = review.table.times_s[review._row_of[kept[0]]] + 0.012
    act(review, "move", hit=kept[0], time_s=float(moved_s))
    act(review, "name", hit=kept[1], name="open")
    final = review.final()
    review.finish()
    config, places = review.config, review.places
    written = read_midi(places.output)
    order = np.lexsort((final.notes["number"], final.notes["time_s"]))
    assert np.abs(written.notes["time_s"] - final.notes["time_s"][order]).max() <= TICK_S / 2 + 1e-9
    for name in ("number", "velocity"):
        assert (written.notes[name] == final.notes[name][order]).all()
    of_hit = dict(zip(final.hits.tolist(), final.notes, strict=True))
    assert of_hit[kept[0]]["time_s"] == pytest.approx(moved_s + config.timing_offset)
    assert of_hit[kept[1]]["number"] == config.notes["open"]
    assert not any(hit in of_hit for hit, is_kept in decided.items() if not is_kept)
    assert (read_midi(places.edited).notes == written.notes).all()
    assert len(read_midi(places.raw).notes) == len(review.table)

    song = labelled(review)
    expected = [{True: KEPT, False: REMOVED, None: UNLABELLED}[decided.get(hit)] for hit in review.samples]
    assert song.labels.labels.tolist() == expected
    assert not song.warnings


def test_the_midi_file_is_shaped_as_a_conversion_shapes_it_and_the_pair_is_not(tmp_path):
    shaping = {"tempo": 100.0, "quantize": "1/16", "merge_flams": 60.0, "hihat_cc4": True}
    config = load_config(None, {"midi": shaping})
    job, places = stems(tmp_path, config=config)[0]
    opened = StemReview(job, places)
    flam_s = float(opened.table.times_s[opened.keep][0]) + 0.04
    opened._missed_s = [flam_s]
    act(opened, "add", time_s=flam_s)
    final = opened.final()
    opened.finish()
    opened.close()
    written, edited, raw = (read_midi(path) for path in (places.output, places.edited, places.raw))
    steps = written.notes["time_s"] * 100 / 60 * 4
    assert np.abs(steps - np.rint(steps)).max() < 0.02
    assert len(written.notes) < len(edited.notes) == len(final.notes)
    assert np.abs(edited.notes["time_s"] - final.notes["time_s"]).max() <= TICK_S
    assert len(raw.notes) == len(opened.table)
    assert read_provenance(written).quantized
    assert read_provenance(raw).quantized == ""
    pedals = [message for message in mido.MidiFile(places.output) if message.type == "control_change"]
    assert len(pedals) == len(written.notes)
    assert not [message for message in mido.MidiFile(places.edited) if message.type == "control_change"]


def test_a_reviewed_file_without_a_step_is_what_a_conversion_writes(tmp_path):
    shaping = {"tempo": 100.0, "quantize": "1/8", "merge_flams": 60.0, "hihat_cc4": True}
    job, places = stems(tmp_path, config=load_config(None, {"midi": shaping}))[0]
    opened = StemReview(job, places)
    opened.finish()
    opened.close()
    converted = decode(convert(job).midi)
    assert (read_midi(places.output).notes == converted.notes).all()


def test_places_of_missed_hits_are_added_as_they_are_or_left_and_are_no_answers(review):
    gap = int(np.argmax(np.diff(review.table.times_s)))
    places_s = [float(review.table.times_s[gap] + part * np.diff(review.table.times_s)[gap]) for part in (0.4, 0.6)]
    found = Future()
    found.set_result(places_s)
    review._take_missed(found)
    assert state(review)["missed"] == places_s
    assert state(review)["askMissed"] is None
    for _ in range(MISSED_AFTER):
        act(review, "keep", hit=state(review)["queue"][0])
    assert state(review)["askMissed"] == places_s[0]
    before = state(review)
    act(review, "nothing", time_s=places_s[0])
    after = state(review)
    assert after["askMissed"] == places_s[1]
    assert {name: after[name] for name in ("decided", "sure", "mine")} == {
        name: before[name] for name in ("decided", "sure", "mine")
    }
    act(review, "add", time_s=places_s[1])
    assert state(review)["missed"] == []
    assert state(review)["added"][0]["time"] == places_s[1]
    assert len(review.answers()[0]) == MISSED_AFTER
    act(review, "undo")
    act(review, "undo")
    assert state(review)["missed"] == places_s


def test_a_stroke_too_weak_for_a_candidate_is_likely_missed(tmp_path):
    config = load_config(None, {"hihat": {"onset_delta": 0.35}})
    job, _ = stems(tmp_path, config=config)[0]
    job = replace(job, model=replace(job.model, detection=job.model.detection | {"onset_delta": 0.35}))
    found = convert(job)
    missed_s = likely_missed(job, ALL, job.model.min_confidence, found.table.times_s)
    truth = read_midi(HIHAT.with_name("test1-hihat_ground_truth.mid")).notes["time_s"]
    near = np.abs(np.array(missed_s)[:, None] - found.table.times_s).min(axis=1)
    assert 1 <= len(missed_s) <= MOST
    assert near.min() > APART_S
    assert np.mean(np.abs(truth[:, None] - missed_s).min(axis=0) < 0.05) > 0.5


def test_a_file_that_was_edited_after_the_review_teaches_all_of_it_and_is_not_replaced(review):
    act(review, "keep", hit=state(review)["queue"][0])
    review.finish()
    review.finish()
    midi = review.places.edited.read_bytes()
    assert is_reviewed_midi(review.places.edited)
    assert not is_untouched(midi)
    review.places.edited.write_bytes(midi.replace(b"drumhits-review", b"drumhits-REVIEW"))
    song = labelled(review)
    assert np.count_nonzero(song.labels.labels == UNLABELLED) < 5
    with pytest.raises(InputError, match="perhaps your edited version"):
        review.places.require_free(HIHAT, force=False)


def test_a_conversion_does_not_replace_what_was_decided_and_a_review_does(review, tmp_path):
    act(review, "delete", hit=state(review)["queue"][0])
    review.finish()
    job, places = stems(tmp_path)[0]
    places.require_free(HIHAT, force=False)
    assert not is_our_midi(job.output)
    assert is_our_midi(places.raw)


def test_a_missed_hit_is_added_at_its_attack_and_a_candidate_near_it_is_kept(review):
    clear = review.table.times_s[review.keep][:20]
    found = np.array([attack_near(review.sounds["stem"], float(time_s) + 0.01, "hihat") for time_s in clear])
    assert np.mean(np.abs(found - clear) < 0.002) > 0.8
    row = np.flatnonzero(~review.keep)[np.argmax(review.table["Str"][~review.keep])]
    act(review, "add", time_s=float(review.table.times_s[row]))
    assert list(review.session.decided.kept.values()) == [True]
    gap = int(np.argmax(np.diff(review.table.times_s)))
    between_s = float(review.table.times_s[gap : gap + 2].mean())
    act(review, "add", time_s=between_s)
    (added,) = state(review)["added"]
    assert added["time"] == pytest.approx(between_s, abs=0.045)
    assert 1 <= added["velocity"] <= 127
    act(review, "delete", hit=added["hit"])
    assert added["hit"] not in review.final().hits


def test_answers_about_hits_that_are_not_found_any_more_are_said(review):
    act(review, "keep", hit=state(review)["queue"][0])
    review._journal.append({"do": "delete", "hit": review.samples[-1] + 1})
    opened = again(review)
    assert opened.session.revision == 1
    said = "Earlier answers about hits that these settings do not find do not count: 1."
    assert about(opened)["warnings"] == [said]
    opened.close()


@pytest.mark.parametrize("entries", [[{"format": 2}], [{"format": 1}, {"do": "explode"}], [{"do": "keep", "hit": 1}]])
def test_a_journal_of_another_version_is_left_alone(review, entries):
    path = review._journal.path
    review.close()
    path.unlink()
    journal = Journal(path)
    for entry in entries:
        journal.append(entry)
    journal.close()
    before = path.read_bytes()
    with pytest.raises(InputError, match="of another version"):
        again(review)
    assert path.read_bytes() == before


def test_other_sound_begins_anew_and_keeps_the_old_answers(tmp_path):
    audio = tmp_path / "song-hihat.flac"
    shutil.copy(HIHAT, audio)
    job, places = stems(tmp_path, audio)[0]
    opened = StemReview(job, places)
    act(opened, "keep", hit=state(opened)["queue"][0])
    opened.close()
    shutil.copy(HIHAT.with_name("test1-snare.flac"), audio)
    other = StemReview(job, places)
    assert other.session.revision == 0
    other.close()
    shutil.copy(HIHAT, audio)
    opened = StemReview(job, places)
    assert opened.session.revision == 1
    opened.close()


def test_a_disk_that_is_full_changes_nothing(review, monkeypatch):
    before = state(review)
    monkeypatch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(InputError, match="was not saved"):
        act(review, "keep", hit=before["queue"][0])
    assert state(review) == before


def test_a_stem_without_hits_and_one_articulation(tmp_path):
    config = load_config(None, {"hihat": {"articulation": False, "onset_delta": 0.99}})
    opened = StemReview(*stems(tmp_path, config=config)[0])
    assert about(opened)["names"] == []
    for hit in opened.queue():
        act(opened, "delete", hit=hit)
    opened.finish()
    assert len(read_midi(opened.places.output).notes) == 0
    opened.close()


def test_places_of_a_folder_keep_its_tree(tmp_path):
    for name in ("Song1", "Song2"):
        (tmp_path / "in" / name).mkdir(parents=True)
        shutil.copy(HIHAT, tmp_path / "in" / name / "hihat.flac")
    (_, first), (_, second) = stems(tmp_path, tmp_path / "in")
    root = tmp_path / "midi" / "review"
    assert first.raw == root / "raw_midi" / "Song1" / "hihat.mid"
    assert second.edited == root / "edited_midi" / "Song2" / "hihat_edited.mid"
