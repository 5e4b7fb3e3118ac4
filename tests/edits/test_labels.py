"""Labels from edits: exactly right where the edited file tells, none where it does not, whatever the DAW did to it."""

import time
from functools import cache
from itertools import combinations
from types import SimpleNamespace

import daws
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drumhits.alignment.align import Given, align
from drumhits.edits import coverage
from drumhits.edits.labels import KEPT, REMOVED, UNLABELLED, label
from drumhits.errors import NotEnoughDataError
from drumhits.io.midi import NOTE_DTYPE, Track, decode, encode
from drumhits.matching import MAX_BAND, _advance, _advance_wide, match_times

N_CASES = 200
MAX_REFUSED = {"quantised": 0.1}  # a slow sixteenth moves more notes than can be matched
MAX_UNLABELLED = {"quantised": 0.4}


@cache
def case(seed):
    return daws.session(np.random.default_rng(seed))


def raw_file(times_s, velocities=80, number=49):
    notes = np.zeros(len(times_s), NOTE_DTYPE)
    notes["time_s"], notes["number"], notes["velocity"], notes["duration_s"] = times_s, number, velocities, 0.01
    return decode(encode([Track("cymbals", notes)]))


def edited_file(rows, **options):
    return decode(daws.write(np.asarray(rows, float).reshape(-1, 3), **options))


def rows_of(content):
    return np.column_stack([content.notes[name] for name in ("time_s", "number", "velocity")]).astype(float)


def labels_of(raw, edited, **options):
    return label(raw, edited, candidate_times_s=raw.notes["time_s"], **options)


@pytest.mark.parametrize("name", daws.BEHAVIOURS)
def test_daw_export_gives_the_right_labels_or_none(name):
    refused, unlabelled = 0, []
    for seed in range(N_CASES):
        session = case(seed)
        export = daws.BEHAVIOURS[name](np.random.default_rng(1000 + seed), session)
        raw_s = session.raw.notes["time_s"]
        end_s = np.inf if export.end_s is None else export.end_s
        is_told = (raw_s >= export.start_s - 1e-3) & (raw_s <= end_s + 1e-3)
        truth = np.where(session.is_kept, KEPT, REMOVED)
        try:
            labels = labels_of(session.raw, decode(export.data)).labels
        except NotEnoughDataError:
            refused += 1
            continue
        is_right = (labels == UNLABELLED) | (is_told & (labels == truth))
        assert is_right.all(), f"case {seed}: wrong at {raw_s[~is_right]} s"
        unlabelled.append(np.mean(labels[is_told] == UNLABELLED))
    assert refused <= MAX_REFUSED.get(name, 0.02) * N_CASES
    assert np.mean(unlabelled) <= MAX_UNLABELLED.get(name, 0.01)


def test_the_hypothesis_and_offset_are_reported():
    session = case(0)
    ticks_kept = daws.other_tempo_ticks_kept(np.random.default_rng(0), session)
    later = daws.later_by_bars(np.random.default_rng(0), session)
    assert align(session.raw, decode(ticks_kept.data)).hypothesis == "beats kept"
    alignment = align(session.raw, decode(later.data))
    assert (alignment.hypothesis, alignment.scale) == ("seconds kept", 1.0)
    assert alignment.offset_s == pytest.approx(later.start_s, abs=0.002)


def machine_loop(bars=8):
    """One bar of eighths at 120 BPM, over and over, all of one velocity."""
    return raw_file(np.arange(8 * bars) * 0.25)


def test_shifted_machine_loop_is_refused_and_the_offset_decides():
    raw = machine_loop()
    edited = edited_file(daws.shifted(rows_of(raw)[40:56], 4.0))
    with pytest.raises(NotEnoughDataError, match=r"two ways.*--edited-offset"):
        labels_of(raw, edited)
    labels = labels_of(raw, edited, given=Given(offset_s=-4.0)).labels
    assert np.array_equal(np.flatnonzero(labels == KEPT), np.arange(40, 56))


def test_unshifted_machine_loop_is_understood():
    raw = machine_loop()
    is_kept = np.arange(64) % 3 > 0
    labels = labels_of(raw, edited_file(rows_of(raw)[is_kept], end_s=20)).labels
    assert np.array_equal(labels == KEPT, is_kept)
    assert np.array_equal(labels == REMOVED, ~is_kept)


def test_velocities_tell_the_bars_of_a_shifted_machine_loop_apart():
    raw = raw_file(np.arange(64) * 0.25, np.random.default_rng(1).integers(30, 120, 64))
    alignment = align(raw, edited_file(daws.shifted(rows_of(raw)[5:50:2], 2.0)))
    assert alignment.offset_s == pytest.approx(-2.0, abs=0.002)


def test_another_song_is_refused():
    with pytest.raises(NotEnoughDataError, match=r"too few notes of the raw file.*--edited-tempo"):
        labels_of(case(1).raw, case(2).raw)


def test_unknown_tempo_is_refused_and_the_tempo_decides():
    session = case(3)
    data = daws.write(session.notes(), ppq=480, bpm=97.23, tempo=False)
    with pytest.raises(NotEnoughDataError, match="--edited-tempo"):
        labels_of(session.raw, decode(data))
    result = labels_of(session.raw, decode(data), given=Given(tempo_bpm=97.23))
    assert result.alignment.hypothesis == "tempo given"
    assert np.array_equal(result.labels[session.is_kept], np.full(session.is_kept.sum(), KEPT))


@pytest.mark.parametrize("deleted", [0, 1])
def test_of_a_double_trigger_the_deleted_one_is_the_deleted_one(deleted):
    raw = raw_file(np.sort(np.concatenate((np.arange(1, 9), np.arange(1, 9) + 0.03))))
    is_kept = np.arange(16) % 2 != deleted
    labels = labels_of(raw, edited_file(rows_of(raw)[is_kept], ppq=96, end_s=10)).labels
    assert np.array_equal(labels == REMOVED, ~is_kept)


def test_velocity_1_is_still_rejected_and_raising_it_keeps():
    raw = raw_file([1, 2.1, 3.3, 4.2], [80, 1, 1, 90])
    edited = rows_of(raw)
    edited[2, 2] = 64
    assert labels_of(raw, edited_file(edited)).labels.tolist() == [KEPT, REMOVED, KEPT, KEPT]


def test_velocity_1_is_a_note_where_no_rejected_candidates_were_written():
    raw = raw_file([1, 2.1, 3.3, 4.2], [80, 1, 1, 90])
    edited = np.concatenate((rows_of(raw), [(5.9, 49, 1)]))
    candidates_s = np.append(raw.notes["time_s"], 5.9)
    is_told = {keep_all: label(raw, edited_file(edited), candidate_times_s=candidates_s, keep_all=keep_all).labels
               for keep_all in (False, True)}  # fmt: skip
    assert is_told[False].tolist() == [KEPT] * 5
    assert is_told[True].tolist() == [KEPT, REMOVED, REMOVED, KEPT, UNLABELLED]


def test_what_the_user_gives_decides_and_is_doubted_where_little_fits():
    raw, other = case(1).raw, case(2).raw
    result = labels_of(raw, other, given=Given(offset_s=0.1))
    assert result.alignment.offset_s == 0.1
    assert "few of its notes lie on the raw file's" in result.warnings[0]
    assert labels_of(raw, raw, given=Given(offset_s=0)).warnings == ()
    with pytest.raises(NotEnoughDataError, match="--edited-offset"):
        labels_of(raw, other, given=Given(offset_s=1000))


def test_renoted_hits_are_kept_and_counted():
    raw = raw_file([1, 2.1, 3.3, 4.2])
    edited = rows_of(raw)
    edited[1, 1], edited[2, 1] = 38, 99
    result = labels_of(raw, edited_file(edited), note_group=frozenset({49, 51}))
    assert (result.kept, result.renoted) == (4, 2)
    assert result.pairs["decision"].tolist() == ["kept", "re-noted", "re-noted", "kept"]


def test_other_drums_of_a_whole_kit_are_left_out():
    raw = raw_file([1, 2.1, 3.3, 4.2, 5.7])
    kick = [(1.6, 36, 100), (2.104, 36, 101), (4.9, 36, 99)]
    rows = np.concatenate((rows_of(raw)[[0, 2, 3]], kick))
    labels = labels_of(raw, edited_file(rows[np.argsort(rows[:, 0])], end_s=7), note_group=frozenset({49, 51})).labels
    assert labels.tolist() == [KEPT, REMOVED, KEPT, KEPT, REMOVED]


def test_added_notes_find_their_candidates():
    hits_s = 1 + np.cumsum(np.random.default_rng(2).uniform(0.5, 1, 12))
    raw = raw_file(hits_s)
    edited = np.concatenate((rows_of(raw), [(20.004, 49, 90), (21.5, 49, 90)]))
    result = label(raw, edited_file(edited), candidate_times_s=np.concatenate(([0.3], hits_s, [20.0])))
    assert result.labels.tolist() == [UNLABELLED] + [KEPT] * 13
    assert (result.added_with_candidate, result.added_without_candidate, result.unlabelled) == (1, 1, 1)
    assert result.pairs["decision"].tolist() == ["kept"] * 12 + ["added", "missed"]


def test_timing_offset_of_the_raw_notes_is_undone():
    raw = raw_file([1, 2.1, 3.3])
    result = label(raw, raw, candidate_times_s=np.array([0.95, 2.05, 3.25]), timing_offset_s=0.05)
    assert result.labels.tolist() == [KEPT] * 3


def test_a_hit_moved_further_than_the_tolerance_is_not_called_removed():
    raw = raw_file(np.arange(1, 11) * 1.07)
    edited = rows_of(raw)
    edited[4, 0] += 0.06
    labels = labels_of(raw, edited_file(edited)).labels
    assert labels.tolist() == [KEPT] * 4 + [UNLABELLED] + [KEPT] * 5


def test_deleting_everything_removes_everything():
    raw = raw_file([1, 2.1, 3.3])
    assert labels_of(raw, edited_file([])).labels.tolist() == [REMOVED] * 3


def test_a_raw_file_without_notes_says_so():
    with pytest.raises(NotEnoughDataError, match="--keep-all"):
        labels_of(raw_file([]), raw_file([1.0]))


def test_the_last_false_hits_are_removed_but_a_missing_half_is_not():
    raw = raw_file(np.arange(1, 61) * 0.731)
    is_kept = np.arange(60) % 4 != 2
    is_kept[57:] = False
    assert not np.any(labels_of(raw, edited_file(rows_of(raw)[is_kept])).labels == UNLABELLED)
    is_kept[30:] = False
    labels = labels_of(raw, edited_file(rows_of(raw)[is_kept])).labels
    assert np.array_equal(labels[30:], np.full(30, UNLABELLED))


def test_the_given_range_overrides():
    raw = raw_file(np.arange(1, 61) * 0.731)
    edited = edited_file(rows_of(raw)[:30])
    raw_s = raw.notes["time_s"]
    assert np.array_equal(labels_of(raw, edited, given=Given(range_s=(0, 99))).labels == REMOVED, raw_s > raw_s[29])
    assert np.array_equal(labels_of(raw, edited, given=Given(range_s=(0, 10))).labels == KEPT, raw_s <= 10)


def all_matchings(reference, estimated, tolerance_s):
    """Number of matches and sum of distances of each order-preserving one-to-one matching."""
    for k in range(min(len(reference), len(estimated)) + 1):
        for left in combinations(reference, k):
            for right in combinations(estimated, k):
                distances = np.abs(np.subtract(left, right))
                if np.all(distances <= tolerance_s):
                    yield k, -float(distances.sum())


def test_matching_is_the_best_of_all():
    rng = np.random.default_rng(5)
    for _ in range(60):
        reference, estimated = (np.sort(rng.uniform(0, 0.12, rng.integers(0, 6))) for _ in range(2))
        pairs = match_times(reference, estimated, 0.025)
        cost = np.abs(reference[pairs[:, 0]] - estimated[pairs[:, 1]]).sum()
        best = max(all_matchings(reference, estimated, 0.025))
        assert (len(pairs), -cost) == (best[0], pytest.approx(best[1], abs=1e-9))
        assert (np.diff(pairs, axis=0) > 0).all()


@pytest.mark.parametrize("spacing_s", [0.0, 0.001, 0.02, 0.5])
def test_matching_many_events_is_whole(spacing_s):
    times = np.arange(5000) * spacing_s
    assert len(match_times(times, times, 0.025)) == 5000


def on_few_ticks(n, n_ticks=20):
    """Return a MIDI file of n notes, all but one in `n_ticks` of them on its last tick."""
    single = b"\x83\x60\x99\x31\x64\0\x89\x31\0" * (n_ticks - 1)
    body = single + b"\x83\x60\x99\x31\x64\0\x89\x31\0" + b"\0\x99\x31\x64\0\x89\x31\0" * (n - n_ticks)
    body += b"\0\xff\x2f\0"
    return decode(b"MThd\0\0\0\6\0\0\0\1\3\xc0MTrk" + len(body).to_bytes(4, "big") + body)


def test_the_work_does_not_grow_with_the_square_of_the_notes_on_one_tick():
    raw, edited = on_few_ticks(40_000), on_few_ticks(39_990)
    start_s = time.process_time()
    labels = label(raw, edited, candidate_times_s=np.arange(0, 60, 0.25), given=Given(offset_s=0.0))
    assert time.process_time() - start_s < 12  # it was 30 s
    assert labels.matched == 39_990


def ambiguous_one_by_one(raw_notes, edited_notes, partner, alignment):
    """Return what `coverage.ambiguous` does, found by looking at the surroundings of each edited note."""
    raw_s, edited_s = raw_notes["time_s"], alignment.times_s
    raw_of = coverage._inverse(partner, len(edited_s))
    is_matched = raw_of >= 0
    same_velocity = is_matched & (raw_notes["velocity"][raw_of] == edited_notes["velocity"])
    same_velocity &= np.mean(same_velocity[is_matched]) >= coverage.SAME_VELOCITY_SHARE
    is_exact = coverage._exact(raw_s, raw_of, alignment)
    reach_s = np.where(is_exact, alignment.exact_s, max(coverage.MOVED_S, alignment.tolerance_s))
    found = np.zeros(len(raw_s), bool)
    for j in np.flatnonzero(~coverage.doublings(raw_s, partner, alignment)):
        near = np.flatnonzero((raw_s >= edited_s[j] - reach_s[j]) & (raw_s <= edited_s[j] + reach_s[j]))
        rivals = near[near != raw_of[j]]
        is_alone = not len(rivals)
        if is_alone or (same_velocity[j] and edited_notes["velocity"][j] not in raw_notes["velocity"][rivals]):
            continue
        found[near[(partner[near] < 0) | (near == raw_of[j])]] = True
    return found


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(1, 40), st.sampled_from([0.5, 2.0, 8.0]))
@settings(max_examples=300, deadline=None)
def test_the_notes_whose_fate_is_open_are_those_found_one_by_one(seed, n_raw, n_edited, length_s):
    rng = np.random.default_rng(seed)
    raw_notes, edited_notes = np.zeros(n_raw, NOTE_DTYPE), np.zeros(n_edited, NOTE_DTYPE)
    for notes in (raw_notes, edited_notes):
        notes["time_s"] = np.sort(np.round(rng.uniform(0, length_s, len(notes)), 2))
        notes["velocity"] = rng.integers(60, 64, len(notes))
    n_kept = min(n_raw, n_edited) // 2
    edited_notes[:n_kept] = raw_notes[:n_kept]
    edited_notes = np.sort(edited_notes, order="time_s")
    pairs = match_times(raw_notes["time_s"], edited_notes["time_s"], 0.025)
    if not len(pairs):
        return
    partner = np.full(n_raw, -1)
    partner[pairs[:, 0]] = pairs[:, 1]
    alignment = SimpleNamespace(times_s=edited_notes["time_s"], exact_s=0.001, tolerance_s=0.025)
    found = coverage.ambiguous(raw_notes, edited_notes, partner, alignment)
    np.testing.assert_array_equal(found, ambiguous_one_by_one(raw_notes, edited_notes, partner, alignment))


@given(st.integers(0, 2**32 - 1), st.integers(1, MAX_BAND), st.booleans())
@settings(max_examples=200, deadline=None)
def test_wide_bands_are_matched_as_narrow_ones(seed, width, on_one_tick):
    rng = np.random.default_rng(seed)
    best = np.cumsum(rng.integers(0, 2, width + 3)).astype(float).tolist()
    gains = np.full(width, 2.0) if on_one_tick else rng.uniform(0, 2, width)
    wide = list(best)
    assert _advance_wide(wide, 1, gains) == _advance(best, 1, gains.tolist())
    assert wide == best
