"""Kept hits -> notes: velocity, articulation, time, and what --keep-all writes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tables import table

from drumhits.config.load import FrozenMapping, default_config
from drumhits.detection.features import SUM_LEVEL
from drumhits.drums import STEMS
from drumhits.transcription.notes import REJECTED_VELOCITY, articulations, to_notes, velocities

CONFIGS = default_config().stems


def of_level(level_db: np.ndarray) -> object:
    """Return a table of hits whose loudness, however a stem takes it, is `level_db`."""
    level_db = np.asarray(level_db, dtype=float)
    amplitude = 10 ** (level_db / 20)
    return table(StrokeDb=level_db, BodyE=amplitude, BrillE=amplitude, Amp=amplitude)


def heard_in_sum(level_db, sum_db):
    own = of_level(level_db)
    return own.with_columns({SUM_LEVEL: np.asarray(sum_db, dtype=float)})


@pytest.mark.parametrize("stem", STEMS)
def test_what_a_separation_took_from_a_hit_comes_back_in_part_from_the_sum(stem):
    played_db = np.resize([0.0, -6.0, -12.0], 60)
    spoiled_db = played_db - 10.0 * (np.arange(60) == 30)
    by_itself = velocities(of_level(spoiled_db), CONFIGS[stem])
    in_sum = velocities(heard_in_sum(spoiled_db, played_db + 20.0), CONFIGS[stem])
    assert by_itself[30] < in_sum[30] < in_sum[0]
    np.testing.assert_array_equal(np.delete(in_sum, 30), np.delete(by_itself, 30))


def test_a_sum_in_which_all_is_louder_alike_changes_nothing():
    level_db = np.array([0.0, -6.0, -12.0, -3.0])
    plain = velocities(of_level(level_db), CONFIGS["kick"])
    np.testing.assert_array_equal(velocities(heard_in_sum(level_db, level_db + 9.0), CONFIGS["kick"]), plain)


@pytest.mark.parametrize("stem", STEMS)
@given(level_db=st.lists(st.floats(-80, 80), min_size=1, max_size=20))
def test_velocity_never_falls_with_level_and_keeps_to_floor_and_ceiling(stem, level_db):
    config = replace(CONFIGS[stem], velocity_floor=11, velocity_ceiling=101)
    velocity = velocities(of_level(level_db), config)
    assert (np.diff(velocity[np.argsort(level_db)]) >= 0).all()
    assert velocity.min() >= 11
    assert velocity.max() <= 101


@pytest.mark.parametrize("stem", STEMS)
def test_one_very_loud_hit_does_not_squash_the_others(stem):
    level_db = np.resize([20.0, 14.0, 8.0, 17.0], 40)
    plain = velocities(of_level(level_db), CONFIGS[stem])
    with_loud = velocities(of_level(np.append(level_db, 60.0)), CONFIGS[stem])
    assert np.abs(with_loud[:-1] - plain).max() <= 3
    assert with_loud[-1] == with_loud.max()


@pytest.mark.parametrize("stem", STEMS)
def test_louder_hits_get_louder_notes(stem):
    velocity = velocities(of_level([0.0, 6.0, 12.0, 18.0]), CONFIGS[stem])
    assert (np.diff(velocity) > 0).all()


@pytest.mark.parametrize("stem", STEMS)
@pytest.mark.parametrize("gain_db", [-40.0, 30.0])
def test_velocity_follows_the_stems_own_loud_hits_and_full_scale_where_it_is_told_to(stem, gain_db):
    level_db = np.resize([20.0, 14.0, 8.0, 17.0], 40)
    plain, louder = (velocities(of_level(one), CONFIGS[stem]) for one in (level_db, level_db + gain_db))
    assert np.abs(louder - plain).max() <= 1
    absolute = replace(CONFIGS[stem], velocity_reference="absolute")
    plain, louder = (velocities(of_level(one), absolute) for one in (level_db, level_db + gain_db))
    assert np.sign((louder - plain).mean()) == np.sign(gain_db)


@pytest.mark.parametrize("stem", STEMS)
def test_loud_hits_do_not_pile_up_at_the_ceiling(stem):
    velocity = velocities(of_level(np.resize(np.arange(0.0, 12.0), 60)), CONFIGS[stem])
    assert velocity.max() < 120
    louder = velocities(of_level(np.append(np.zeros(60), [3.0, 6.0, 9.0])), CONFIGS[stem])
    assert (np.diff(louder[-4:]) > 0).all()


def test_the_curve_bends_the_middle_and_equal_floor_and_ceiling_level_all():
    hits = of_level(np.linspace(0, 20, 21))
    straight, bent = (velocities(hits, replace(CONFIGS["snare"], velocity_curve=curve)) for curve in (1.0, 2.0))
    assert (bent <= straight).all()
    assert bent.sum() < straight.sum()
    level = velocities(hits, replace(CONFIGS["snare"], velocity_floor=90, velocity_ceiling=90))
    assert set(level) == {90}


def test_no_hits_give_no_notes():
    for stem in STEMS:
        assert len(to_notes(table(times_s=[]), np.zeros(0, bool), CONFIGS[stem])) == 0


@pytest.mark.parametrize("stem", STEMS)
def test_keep_all_adds_the_rejected_at_velocity_1_and_changes_no_kept_note(stem):
    hits, keep = of_level([10.0, 12.0, 15.0, 20.0]), np.array([True, False, True, False])
    some = to_notes(hits, keep, CONFIGS[stem])
    every = to_notes(hits, keep, CONFIGS[stem], keep_all=True)
    assert len(every) == 4
    assert every["velocity"][~keep].tolist() == [REJECTED_VELOCITY] * 2 == [1, 1]
    assert every["velocity"][keep].min() > 1
    np.testing.assert_array_equal(every[keep], some)


def test_rejected_ones_alone_are_written_too():
    notes = to_notes(of_level([1.0, 2.0]), np.zeros(2, bool), CONFIGS["toms"], keep_all=True)
    assert notes["velocity"].tolist() == [1, 1]
    assert notes["number"].tolist() == [CONFIGS["toms"].default_note] * 2


@pytest.mark.parametrize("offset", [-0.3, 0.0, 0.25])
def test_timing_offset_shifts_notes_and_stops_at_0(offset):
    times = np.array([0.1, 0.5, 2.0])
    notes = to_notes(table(times), np.ones(3, bool), replace(CONFIGS["kick"], timing_offset=offset))
    np.testing.assert_allclose(notes["time_s"], np.maximum(times + offset, 0))


def test_note_duration_is_that_of_the_config():
    notes = to_notes(table(), np.ones(1, bool), replace(CONFIGS["kick"], note_duration_ms=250.0))
    assert notes["duration_s"].tolist() == [0.25]


@pytest.mark.parametrize(
    ("stem", "columns", "name"),
    [
        ("kick", {}, "kick"),
        ("snare", {"BodyE": 100, "BrillE": 200}, "head"),
        ("snare", {"BodyE": 1, "BrillE": 200}, "cross_stick"),
        ("hihat", {"SustainMs": 60, "TailDb": -40, "BodyE": 10, "BrillE": 200}, "closed"),
        ("hihat", {"SustainMs": 200, "TailDb": -3, "BodyE": 10, "BrillE": 200}, "open"),
        ("hihat", {"SustainMs": 60, "TailDb": -40, "BodyE": 100, "BrillE": 100}, "pedal"),
        ("cymbals", {"SustainMs": 200, "TailDb": -1, "BodyE": 100, "BrillE": 80}, "crash"),
        ("cymbals", {"SustainMs": 200, "TailDb": -9, "BodyE": 50, "BrillE": 150}, "ride"),
    ],
)
def test_articulation_follows_the_sound_and_gives_its_own_note(stem, columns, name):
    hits = table(**{key: [value] for key, value in columns.items()}) if columns else table()
    assert articulations(hits, stem).tolist() == [name]
    notes = to_notes(hits, np.ones(1, bool), CONFIGS[stem])
    assert notes["number"].tolist() == [CONFIGS[stem].notes[name]]


@pytest.mark.parametrize(
    ("stem", "scores", "names"),
    [
        ("snare", {"head": [0.0, 2.0], "cross_stick": [1.0, -1.0]}, ["cross_stick", "head"]),
        ("hihat", {"closed": [0.0, 2.0], "open": [1.0, -1.0], "pedal": [0.5, 0.0]}, ["open", "closed"]),
        ("hihat", {"closed": [0.0], "open": [-1.0], "pedal": [3.0]}, ["pedal"]),
        ("cymbals", {"crash": [3.0], "ride": [2.0]}, ["crash"]),
    ],
)
def test_articulation_follows_what_the_networks_say(stem, scores, names):
    hits = table(**{f"Heard:{name}": column for name, column in scores.items()})
    assert articulations(hits, stem).tolist() == names
    by_rule = articulations(table(Str=[0.5] * len(names)), stem)
    assert articulations(hits.without_articulation_scores(), stem).tolist() == by_rule.tolist()


def test_toms_of_one_pitch_get_the_name_that_most_of_them_sound_like_in_the_order_of_pitch():
    high, low = [2.0, 2.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.5, 1.0, 9.0]
    hits = table(
        PitchHz=[180, 181, 182, 90, 91], **{"Heard:high": high, "Heard:mid": [1.0] * 5, "Heard:low": low}
    )  # fmt: skip
    assert articulations(hits, "toms").tolist() == ["high"] * 3 + ["low"] * 2
    scores = {"Heard:high": [5.0, 0.0], "Heard:mid": [0.0, 0.1], "Heard:low": [0.0, 0.0]}
    upside_down = table(PitchHz=[90, 180], **scores)
    assert articulations(upside_down, "toms").tolist() == ["low", "mid"]
    assert articulations(hits.rows(np.zeros(5, bool)), "toms").tolist() == []


@pytest.mark.parametrize("stem", STEMS)
def test_articulation_off_gives_one_note(stem):
    rng = np.random.default_rng(0)
    hits = table(
        BodyE=rng.uniform(0, 200, 30), BrillE=rng.uniform(0, 200, 30), SustainMs=rng.uniform(0, 200, 30),
        TailDb=rng.uniform(-40, 0, 30), PitchHz=rng.uniform(60, 300, 30),
    )  # fmt: skip
    notes = to_notes(hits, np.ones(30, bool), replace(CONFIGS[stem], articulation=False))
    assert set(notes["number"]) == {CONFIGS[stem].default_note}


def test_note_numbers_are_those_of_the_config():
    config = replace(CONFIGS["toms"], notes=FrozenMapping({"high": 1, "mid": 2, "low": 3}))
    notes = to_notes(table(PitchHz=[80, 120, 180]), np.ones(3, bool), config)
    assert notes["number"].tolist() == [3, 2, 1]


@pytest.mark.parametrize(
    ("pitches_hz", "names"),
    [
        ([80, 120, 180, 82, 118, 185], ["low", "mid", "high", "low", "mid", "high"]),
        ([160, 200, 260], ["low", "mid", "high"]),
        ([70, 180, 72, 178], ["low", "high", "low", "high"]),
        ([80, 81, 80], ["low", "low", "low"]),
        ([102, 103, 102], ["mid", "mid", "mid"]),
        ([200, 201], ["high", "high"]),
        ([150], ["high"]),
        ([89] * 30 + [105] * 8 + [140] * 9 + [223], ["low"] * 30 + ["mid"] * 8 + ["high"] * 10),
        ([80, 83, 86, 89, 92, 95], ["low"] * 6),
    ],
)
def test_toms_are_grouped_within_the_file(pitches_hz, names):
    assert articulations(table(PitchHz=pitches_hz), "toms").tolist() == names


def test_two_toms_are_never_given_one_name():
    names = articulations(table(PitchHz=[160, 162, 240, 238]), "toms")
    assert len(set(names)) == 2


def test_toms_are_grouped_among_the_kept_hits_alone():
    hits, keep = table(PitchHz=[80, 120, 180, 350]), np.array([True, True, True, False])
    with_rejected = to_notes(hits, keep, CONFIGS["toms"], keep_all=True)
    np.testing.assert_array_equal(with_rejected[keep], to_notes(hits, keep, CONFIGS["toms"]))
