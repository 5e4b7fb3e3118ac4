"""Sibling features: levels against the song's other stems, which files those are, and what happens without them."""

from dataclasses import replace

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from running import convert_here
from signals import bursts, cut, tones

from drumhits.analysis import ALL, FEATURE_SETS, GUIDE, analyze, detect_with_patches, identify
from drumhits.config.load import default_config
from drumhits.detection.features import FILE_AMP, STROKE_LEVEL, SUM_LEVEL, articulation_columns
from drumhits.detection.levels import EnergyEnvelope
from drumhits.detection.patches import patch_levels_db, patches_at
from drumhits.detection.siblings import SIBLING_FEATURES, sibling_columns
from drumhits.detection.song_audio import SongAudio
from drumhits.drums import STEMS
from drumhits.io.audio import SAMPLE_RATE, AudioReader
from drumhits.io.folders import find_siblings
from drumhits.models.decisions import by_thresholds
from drumhits.networks.bundled import NETWORK_LOG_ODDS

HITS_S = (0.5, 1.0, 1.5)
SNARE = default_config().stems["snare"]


def around(y, times_s=HITS_S):
    levels = EnergyEnvelope()
    levels.add(y)
    return levels.around(np.array(times_s))


def columns(own, **siblings):
    return sibling_columns(around(own), {stem: around(y) for stem, y in siblings.items()})


def analysed(audio, times_s=HITS_S):
    """Return levels and stem sum at some times, and what identifies the song."""
    song = SongAudio.open(audio, siblings=STEMS, of_sum=patches_at)
    for _ in song.blocks():
        pass
    return song.siblings_at(np.array(times_s)), song.source()


@pytest.fixture
def song(tmp_path):
    """Return a folder with the stems of two songs, and files that are none of them."""
    for i, name in enumerate(("A-kick.wav", "A-snare.wav", "a-Hi-Hat.flac", "A-hihat.wav", "B-kick.wav", "mix.wav")):
        soundfile.write(tmp_path / name, bursts(HITS_S, 2.0, seed=i), SAMPLE_RATE)
    (tmp_path / "A-toms.mid").write_bytes(b"MThd")
    (tmp_path / ".A-cymbals.wav").write_bytes(b"RIFF")
    return tmp_path


@pytest.mark.parametrize("gain_db", [-20.0, -6.0, 0.0, 12.0])
def test_the_same_sound_at_another_level_lies_that_much_over_its_sibling(gain_db):
    y = bursts(HITS_S, 2.0)
    found = columns((y * 10 ** (gain_db / 20)).astype(np.float32), kick=y)
    for name in ("OverKick", "OverTrebleKick", "OverAll", "OverTrebleAll"):
        np.testing.assert_allclose(found[name], gain_db, atol=0.05, err_msg=name)


def test_all_siblings_together_are_the_sum_of_their_energies():
    y = bursts(HITS_S, 2.0)
    found = columns(y, kick=y, hihat=y, cymbals=y)
    np.testing.assert_allclose(found["OverAll"], -10 * np.log10(3), atol=0.01)


def test_treble_tells_a_bright_sibling_from_a_dark_one():
    own = bursts(HITS_S, 2.0)
    found = columns(own, kick=tones(HITS_S, 2.0, frequency_hz=60.0), hihat=tones(HITS_S, 2.0, frequency_hz=15_000.0))
    assert (found["OverTrebleKick"] - found["OverKick"] > 20).all()
    assert (found["OverTrebleHihat"] - found["OverHihat"] < 0).all()


def test_a_sibling_rises_where_it_is_hit_and_only_there():
    found = columns(bursts(HITS_S, 2.0), kick=bursts(HITS_S[:1], 2.0))
    assert found["BesideKick"][0] > 40
    np.testing.assert_allclose(found["BesideKick"][1:], 0, atol=1)


def test_a_missing_sibling_is_a_silent_one():
    own = bursts(HITS_S, 2.0)
    without, silent = columns(own), columns(own, toms=np.zeros(len(own), dtype=np.float32))
    for name in SIBLING_FEATURES:
        np.testing.assert_array_equal(without[name], silent[name], err_msg=name)
        np.testing.assert_array_equal(without[name], 60.0 if name.startswith("Over") else 0.0, err_msg=name)


@settings(max_examples=30)
@given(st.lists(st.integers(0, 40_000), max_size=6))
def test_levels_do_not_depend_on_how_blocks_are_cut(positions):
    y = bursts((0.2, 0.5), 0.9)
    levels = EnergyEnvelope()
    np.testing.assert_array_equal(np.concatenate(list(levels.tap(cut(y, positions)))), y)
    whole, pieces = around(y, (0.0, 0.2, 0.899)), levels.around(np.array([0.0, 0.2, 0.899]))
    np.testing.assert_array_equal(pieces.after, whole.after)
    np.testing.assert_array_equal(pieces.before, whole.before)
    assert pieces.loud == whole.loud


def test_siblings_are_the_files_of_the_same_song(song):
    found = find_siblings(song / "A-snare.wav")
    assert found == {"kick": song / "A-kick.wav", "hihat": song / "A-hihat.wav"}
    assert find_siblings(song / "mix.wav") == {}
    assert find_siblings(song / "no folder" / "A-kick.wav") == {}


def put(root, *names):
    """Write a second of bursts to each file, and return the paths by name."""
    for i, name in enumerate(names):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(root / name, bursts((0.2, 0.5), 1.0, seed=i), SAMPLE_RATE)
    return {name: root / name for name in names}


@pytest.mark.parametrize(
    ("own", "others"),
    [
        ("A/kick.wav", {"snare": "A/Snare.wav", "hihat": "A/hh.flac"}),
        ("kick/A.wav", {"snare": "snare/A.wav", "hihat": "Hi-Hat/a.wav"}),
        ("A/Kick/A-kick.wav", {"snare": "A/Snare/A-snare.wav"}),
        ("A_(Kick)_m.wav", {"snare": "A_(Snare)_m.wav"}),
        ("kick-A.wav", {"snare": "A snare.wav"}),
    ],
)
def test_siblings_are_found_in_every_shape_of_folders(tmp_path, own, others):
    paths = put(tmp_path, own, *others.values())
    put(tmp_path, "B/snare.wav", "snare/B.wav", "B-snare.wav", "B/Snare/B-snare.wav", "A-mix.wav", "A.wav")
    assert find_siblings(paths[own]) == {part: paths[name] for part, name in others.items()}


def test_of_two_files_of_a_stem_the_one_made_by_the_same_separator_is_the_sibling(tmp_path):
    paths = put(tmp_path, "A_(Kick)_new.wav", "A_(Snare)_new.flac", "A_(Snare)_old.wav", "A_(Kick)_old.wav")
    assert find_siblings(paths["A_(Kick)_new.wav"]) == {"snare": paths["A_(Snare)_new.flac"]}
    assert find_siblings(paths["A_(Kick)_old.wav"]) == {"snare": paths["A_(Snare)_old.wav"]}


def test_ride_and_crash_stand_for_the_cymbals_where_those_are_not_there(tmp_path):
    paths = put(tmp_path, "A/kick.wav", "A/ride.wav", "A/crash.wav")
    assert list(find_siblings(paths["A/kick.wav"])) == ["ride", "crash"]
    assert find_siblings(paths["A/ride.wav"]) == {"kick": paths["A/kick.wav"], "crash": paths["A/crash.wav"]}
    paths |= put(tmp_path, "A/cymbals.wav")
    assert find_siblings(paths["A/kick.wav"]) == {"cymbals": paths["A/cymbals.wav"]}
    assert find_siblings(paths["A/cymbals.wav"]) == {"kick": paths["A/kick.wav"]}
    assert find_siblings(paths["A/ride.wav"]) == {"kick": paths["A/kick.wav"], "crash": paths["A/crash.wav"]}


def test_a_stem_in_parts_is_heard_as_the_parts_together(tmp_path):
    paths = put(tmp_path, "parts/kick.wav", "parts/ride.wav", "parts/crash.wav")
    ride, crash = (soundfile.read(paths[f"parts/{part}.wav"], dtype="float32")[0] for part in ("ride", "crash"))
    found, source = analysed(paths["parts/kick.wav"], (0.2, 0.5))
    assert [sibling.stem for sibling in source.siblings] == ["ride", "crash"]
    apart = [around(part, (0.2, 0.5)).after for part in (ride, crash)]
    assert list(found.levels) == ["cymbals"]
    np.testing.assert_allclose(found.levels["cymbals"].after, sum(apart), rtol=1e-4)
    kick = soundfile.read(paths["parts/kick.wav"], dtype="float32")[0]
    np.testing.assert_array_equal(found.of_sum, patches_at([kick + ride + crash], np.array((0.2, 0.5))))


def test_the_other_part_of_its_own_stem_counts_in_the_sum_alone(tmp_path):
    paths = put(tmp_path, "A/ride.wav", "A/crash.wav", "A/kick.wav")
    found, _ = analysed(paths["A/ride.wav"], (0.2, 0.5))
    assert list(found.levels) == ["kick"]
    sounds = [soundfile.read(paths[f"A/{part}.wav"], dtype="float32")[0] for part in ("ride", "kick", "crash")]
    np.testing.assert_array_equal(found.of_sum, patches_at([np.sum(sounds, axis=0)], np.array((0.2, 0.5))))


def test_analysis_with_siblings_only_adds_columns(song):
    plain = detect_with_patches(AudioReader(song / "A-snare.wav").blocks(), SNARE)[0]
    table, source = analyze(song / "A-snare.wav", SNARE, ALL)
    names = table.without_articulation_scores().names
    assert names == (*plain.names, *SIBLING_FEATURES, NETWORK_LOG_ODDS, SUM_LEVEL)
    in_table = tuple(name for name in FEATURE_SETS[ALL] if name != FILE_AMP)
    assert tuple(name for name in names if name not in (STROKE_LEVEL, SUM_LEVEL)) == in_table
    assert table.names == (*names[:-1], *articulation_columns("snare"), SUM_LEVEL)
    np.testing.assert_array_equal(table.values[:, : len(plain.names)], plain.values)
    assert [sibling.stem for sibling in source.siblings] == ["kick", "hihat"]
    assert source == identify(song / "A-snare.wav", siblings=STEMS)


def test_unreadable_and_unlike_siblings_are_left_out_and_named(song):
    (song / "A-kick.wav").write_bytes(b"no audio")
    soundfile.write(song / "A-hihat.wav", bursts(HITS_S, 4.0), SAMPLE_RATE)
    found, source = analysed(song / "A-snare.wav")
    assert source.siblings == ()
    assert found.levels == {}
    assert found.of_sum is None
    kick, hihat = source.warnings
    assert "A-kick.wav: is not audio that can be read" in kick
    assert "A-hihat.wav: lasts 0:04.000 and A-snare.wav 0:02.000" in hihat
    assert source.left_out == (song / "A-kick.wav", song / "A-hihat.wav")


def test_a_sibling_that_is_damaged_further_on_leaves_the_others_as_they_are_without_it(song):
    (song / "A-kick.wav").unlink()
    without, _ = analysed(song / "A-snare.wav")
    y = bursts(HITS_S, 2.0)
    y[-100] = np.nan
    soundfile.write(song / "A-kick.wav", y, SAMPLE_RATE, subtype="FLOAT")
    found, source = analysed(song / "A-snare.wav")
    assert [sibling.stem for sibling in source.siblings] == ["hihat"]
    np.testing.assert_array_equal(found.of_sum, without.of_sum)
    np.testing.assert_array_equal(found.levels["hihat"].envelope, without.levels["hihat"].envelope)
    assert "A-kick.wav: has samples that are no audio" in source.warnings[0]
    assert source == identify(song / "A-snare.wav", siblings=STEMS)


def test_the_stem_sum_is_the_sum_of_the_stem_and_its_siblings(song):
    times_s = np.array(HITS_S)
    sounds = [soundfile.read(song / f"A-{stem}.wav", dtype="float32")[0] for stem in ("snare", "kick", "hihat")]
    found, _ = analysed(song / "A-snare.wav")
    np.testing.assert_array_equal(found.of_sum, patches_at([np.sum(sounds, axis=0)], times_s))


def test_siblings_of_another_sample_rate_and_length_join_the_stem_sum(song):
    t = np.arange(2 * 48_000) / 48_000
    soundfile.write(song / "A-kick.wav", 0.3 * np.sin(2 * np.pi * 200 * t), 48_000)
    soundfile.write(song / "A-hihat.wav", np.zeros(int(1.8 * SAMPLE_RATE)), SAMPLE_RATE)
    soundfile.write(song / "A-snare.wav", np.zeros(2 * SAMPLE_RATE), SAMPLE_RATE)
    times_s = np.array([0.7, 1.2, 1.85])
    tone = 0.3 * np.sin(2 * np.pi * 200 * np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE)
    expected = patch_levels_db(patches_at([tone.astype(np.float32)], times_s))
    is_loud = expected > expected.max() - 30
    assert is_loud.any(axis=1).all()
    found = patch_levels_db(analysed(song / "A-snare.wav", times_s)[0].of_sum)
    np.testing.assert_allclose(found[is_loud], expected[is_loud], atol=1.0)


def test_a_stem_by_itself_has_no_stem_sum(song):
    assert analysed(song / "B-kick.wav")[0].of_sum is None


def test_the_report_names_the_stems_that_were_taken(song, capsys):
    def report(name, *options):
        return convert_here(capsys, "--input", song / name, "--output", song / "x.mid", *options).stdout

    by_model = ("--use-ml-model", "pretrained")
    assert "Other stems of the song used: A-kick.wav, A-hihat.wav." in report("A-snare.wav", *by_model)
    assert "Other stems of the song used: none" in report("B-kick.wav", *by_model)
    assert "Other stems of the song used: A-kick.wav.\n" in report("A-snare.wav")
    assert "none; with them beside it, the thresholds decide better" in report("B-kick.wav", "--stem", "snare")
    assert "Other stems of the song" not in report("A-snare.wav", "--set", "snare.min_over_drum_db=null")
    assert "Other stems of the song" not in report("A-kick.wav")


@pytest.fixture
def bleeding(tmp_path):
    """Return a snare's stem with soft hits at HITS_S[1:], the last of them bleed of the kick's stem."""
    kick = tones(HITS_S[2:], 2.0, frequency_hz=60.0, amplitude=0.6) + bursts(HITS_S[2:], 2.0, amplitudes=0.3, seed=1)
    snare = bursts(HITS_S[:2], 2.0, amplitudes=(0.6, 0.02)) + bursts(HITS_S[2:], 2.0, amplitudes=0.02, seed=1)
    for name, y in (("A-kick.wav", kick), ("A-snare.wav", snare), ("alone-snare.wav", snare)):
        soundfile.write(tmp_path / name, y, SAMPLE_RATE, subtype="FLOAT")
    return tmp_path


LOOSE = replace(SNARE, geomean_threshold=None, onset_threshold=0.0)


@pytest.mark.parametrize(
    ("name", "changes", "kept_s"),
    [
        ("A-snare.wav", {}, HITS_S[:2]),
        ("A-snare.wav", {"min_over_drum_db": -40.0}, HITS_S),
        ("A-snare.wav", {"min_over_drum_db": None}, HITS_S),
        ("alone-snare.wav", {}, HITS_S),
    ],
)
def test_by_thresholds_a_hit_far_below_the_drum_that_bleeds_in_goes(bleeding, name, changes, kept_s):
    config = replace(LOOSE, **changes)
    table, source = analyze(bleeding / name, config)
    decisions = by_thresholds(table, config)
    assert table.times_s[decisions.keep] == pytest.approx(kept_s, abs=0.005)
    assert bool(source.siblings) == (name == "A-snare.wav" and config.min_over_drum_db is not None)
    of_bleed = decisions.reasons[int(np.abs(table.times_s - HITS_S[2]).argmin())]
    assert of_bleed == ("" if HITS_S[2] in kept_s else "OverTrebleKick < -12")


def test_thresholds_and_models_take_the_same_features_of_their_siblings(bleeding):
    by_rule, for_models = (analyze(bleeding / "A-snare.wav", SNARE, features)[0] for features in (GUIDE, ALL))
    for name in by_rule.names:
        np.testing.assert_array_equal(by_rule[name], for_models[name], err_msg=name)
    assert {"RiseAll", "OverTrebleKick"} < set(by_rule.names)


def low_rate(path):
    soundfile.write(path, bursts(HITS_S, 2.0, sample_rate=4000), 4000)


UNUSABLE = {
    "no audio": lambda path: path.write_bytes(b"no audio"),
    "no bytes": lambda path: path.write_bytes(b""),
    "another length": lambda path: soundfile.write(path, bursts(HITS_S[:1], 0.9), SAMPLE_RATE),
    "a sample rate out of range": low_rate,
    "NaN": lambda path: soundfile.write(path, np.full(2 * SAMPLE_RATE, np.nan), SAMPLE_RATE, subtype="FLOAT"),
    "17 channels": lambda path: soundfile.write(path, np.zeros((2 * SAMPLE_RATE, 17)), SAMPLE_RATE),
    "cut in its header": lambda path: path.write_bytes(path.read_bytes()[:40]),
}


@pytest.mark.parametrize("fault", UNUSABLE)
def test_a_stem_is_converted_whatever_is_wrong_with_another_and_the_line_says_what_was_left_out(song, capsys, fault):
    UNUSABLE[fault](song / "A-kick.wav")
    output = song / "x.mid"
    process = convert_here(capsys, "--input", song / "A-snare.wav", "--output", output, "--use-ml-model", "pretrained")
    assert process.returncode == 0
    assert output.exists()
    assert "Other stems of the song used: A-hihat.wav; left out: A-kick.wav." in process.stdout
    assert process.stderr.count("A-kick.wav: ") == 1


@pytest.mark.parametrize("sample_rate", [8000, 22_050, 48_000, 96_000])
def test_a_stem_of_another_sample_rate_is_used(song, sample_rate):
    soundfile.write(song / "A-kick.wav", bursts(HITS_S, 2.0, sample_rate=sample_rate), sample_rate)
    source = analysed(song / "A-snare.wav")[1]
    assert [sibling.stem for sibling in source.siblings] == ["kick", "hihat"]
    assert (source.left_out, source.warnings) == ((), ())
