"""A stem under review: what is asked, what is written, and what training makes of it."""

import shutil

import numpy as np
import pytest
from reviewing import HIHAT, stems

from drumhits.config.load import load_config
from drumhits.edits.labels import KEPT, REMOVED, UNLABELLED
from drumhits.edits.pairing import Pair
from drumhits.edits.songs import label_song
from drumhits.errors import InputError
from drumhits.io.midi import PPQ, read_midi
from drumhits.review.journal import Journal
from drumhits.review.session import StepError
from drumhits.review.sound import attack_near
from drumhits.review.stem import StaleError, StemReview
from drumhits.transcription.provenance import is_our_midi, is_untouched
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
    first = review.state()
    asked = first["queue"][0]
    act(review, "keep", hit=asked)
    second = review.state()
    assert second["mine"] == [asked]
    assert asked not in second["queue"]
    act(review, "undo")
    third = review.state()
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
        act(review, do, hit=review.state()["queue"][0])
    act(review, "undo")
    act(review, "add", time_s=9.123)
    before = review.state()
    opened = again(review)
    after = opened.state()
    assert after.pop("wrong") == pytest.approx(before.pop("wrong"))
    assert after == before
    opened.close()


def test_the_written_files_are_right_to_the_tick_and_train_as_a_pair(review):
    decided = {}
    for i in range(12):
        hit = review.state()["queue"][0]
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
    expected = [{True: KEPT, False: REMOVED, None: UNLABELLED}[decided.get(hit)] for hit in review._samples]
    assert song.labels.labels.tolist() == expected
    assert not song.warnings


def test_a_file_that_was_edited_after_the_review_teaches_all_of_it_and_is_not_replaced(review):
    act(review, "keep", hit=review.state()["queue"][0])
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
    act(review, "delete", hit=review.state()["queue"][0])
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
    (added,) = review.state()["added"]
    assert added["time"] == pytest.approx(between_s, abs=0.045)
    assert 1 <= added["velocity"] <= 127
    act(review, "delete", hit=added["hit"])
    assert added["hit"] not in review.final().hits


def test_answers_about_hits_that_are_not_found_any_more_are_said(review):
    act(review, "keep", hit=review.state()["queue"][0])
    review._journal.append({"do": "delete", "hit": review._samples[-1] + 1})
    opened = again(review)
    assert opened.session.revision == 1
    said = "Earlier answers about hits that these settings do not find do not count: 1."
    assert opened.about()["warnings"] == [said]
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
    act(opened, "keep", hit=opened.state()["queue"][0])
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
    before = review.state()
    monkeypatch.setattr("os.fsync", lambda handle: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(InputError, match="was not saved"):
        act(review, "keep", hit=before["queue"][0])
    assert review.state() == before


def test_a_stem_without_hits_and_one_articulation(tmp_path):
    config = load_config(None, {"hihat": {"articulation": False, "onset_delta": 0.99}})
    opened = StemReview(*stems(tmp_path, config=config)[0])
    assert opened.about()["names"] == []
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
