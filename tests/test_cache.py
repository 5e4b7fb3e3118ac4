"""The cache: found by content alone, mended where it is damaged, bounded, and never seen in what comes out."""

import io
import os
import pickle
import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import soundfile
from running import ROOT
from signals import bursts

import evaluate_model
import train_classifier
from drumhits import cache
from drumhits.analysis import ALL, MIX, analyze
from drumhits.cache import CachedAnalysis, open_cache
from drumhits.config.load import default_config
from drumhits.errors import InputError, UsageError
from drumhits.io.audio import SAMPLE_RATE
from drumhits.parallel import in_processes

SNARE = default_config().stems["snare"]
EXAMPLE = ROOT / "training_data"


def write(path, onsets, seed=0):
    path.parent.mkdir(exist_ok=True)
    soundfile.write(path, bursts(onsets, 1.6, seed=seed), SAMPLE_RATE)
    return path


@pytest.fixture
def song(tmp_path):
    """Return a snare stem with its kick beside it."""
    write(tmp_path / "song" / "one-kick.wav", (0.2, 1.1), seed=1)
    return write(tmp_path / "song" / "one-snare.wav", (0.3, 0.7, 1.2))


@pytest.fixture
def analysed(monkeypatch):
    """Return the list of files that were analysed, which grows as they are."""
    files = []

    def noted(path, *args, **options):
        files.append(path)
        return analyze(path, *args, **options)

    monkeypatch.setattr(cache, "analyze", noted)
    return files


@pytest.fixture
def cached(tmp_path):
    return open_cache(tmp_path / "cache")


def same(one, other):
    (table, source), (other_table, other_source) = one, other
    return (
        table.names == other_table.names
        and np.array_equal(table.times_s, other_table.times_s)
        and np.array_equal(table.values, other_table.values)
        and source == other_source
    )


def entries(folder):
    return sorted(folder.rglob("*.npz"))


def archive(**arrays):
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


class Touch:
    """What makes a file as soon as it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


@pytest.mark.parametrize("options", [{}, {"features": MIX}, {"features": ALL}], ids=str)
def test_what_is_remembered_is_what_was_analysed(song, cached, analysed, options):
    fresh = analyze(song, SNARE, **options)
    assert same(cached(song, SNARE, **options), fresh)
    assert same(cached(song, SNARE, **options), fresh)
    assert analysed == [song]


def test_other_audio_settings_features_or_code_are_analysed_again(song, cached, analysed, monkeypatch):
    def n_new(config=SNARE, **options):
        before = len(analysed)
        assert same(cached(song, config, **options), analyze(song, config, **options))
        return len(analysed) - before

    assert n_new() == 1
    assert n_new(features=ALL) == 1
    assert n_new(replace(SNARE, onset_delta=0.5)) == 1
    monkeypatch.setattr(cache, "package_digest", lambda: "another version")
    assert n_new() == 1
    write(song, (0.4, 0.9))
    assert n_new() == 1
    assert n_new() == 0


def test_a_sibling_that_changes_comes_or_goes_counts_but_not_for_a_mix(song, cached, analysed):
    kick = song.with_name("one-kick.wav")
    for change in (lambda: None, lambda: write(kick, (0.5,)), kick.unlink, lambda: write(kick, (0.6,))):
        change()
        for _ in range(2):
            assert same(cached(song, SNARE, ALL), analyze(song, SNARE, ALL))
            cached(song, SNARE, MIX)
    assert len(analysed) == 4 + 1


def test_a_song_that_was_moved_and_renamed_is_found_and_named_as_it_is_now(song, cached, analysed, tmp_path):
    write(song.with_name("one-toms.wav"), (0.1,))
    toms = song.with_name("one-toms.wav")
    soundfile.write(toms, np.zeros(4 * SAMPLE_RATE), SAMPLE_RATE)  # too long: left out, with a warning
    assert "one-toms.wav: lasts" in cached(song, SNARE, ALL)[1].warnings[0]
    moved = tmp_path / "elsewhere"
    song.parent.rename(moved)
    for stem in ("kick", "snare", "toms"):
        (moved / f"one-{stem}.wav").rename(moved / f"Two-{stem}.wav")
    now = moved / "Two-snare.wav"
    found = cached(now, SNARE, ALL)
    assert analysed == [song]
    assert same(found, analyze(now, SNARE, ALL))


def assert_mended(song, cached, analysed, content, capfd):
    """Assert that an entry of that content is passed over, and replaced by the analysis."""
    fresh = cached(song, SNARE)
    (entry,) = entries(cached.folder)
    entry.write_bytes(content(entry.read_bytes()))
    for _ in range(2):
        assert same(cached(song, SNARE), fresh)
        assert len(analysed) == 2
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    "content",
    [
        lambda whole: b"",
        lambda whole: b"no archive",
        lambda whole: whole[: len(whole) // 2],
        lambda whole: whole[:-1],
        lambda whole: whole.replace(b"LevelDb", b"LevelDB"),
        lambda whole: archive(foreign=np.arange(3)),
        lambda whole: archive(header=np.zeros(3), times_s=np.zeros(1), values=np.zeros((1, 1))),
        lambda whole: archive(header=np.frombuffer(b"[]", np.uint8), times_s=np.zeros(1), values=np.zeros((1, 1))),
        lambda whole: pickle.dumps("foreign"),
    ],
    ids=["empty", "damaged", "half", "cut at its end", "a byte changed", "foreign", "no JSON", "a list", "pickle"],
)
def test_a_damaged_entry_is_mended(song, cached, analysed, content, capfd):
    assert_mended(song, cached, analysed, content, capfd)


@pytest.mark.parametrize("name", ["header", "times_s", "values", None])
def test_an_entry_that_holds_objects_runs_no_code(song, cached, analysed, tmp_path, capfd, name):
    touch = Touch(tmp_path / "made")

    def content(whole):
        if name is None:
            return pickle.dumps(touch)
        with np.load(io.BytesIO(whole)) as parts:
            return archive(**{**parts, name: np.array([touch], dtype=object)})

    assert_mended(song, cached, analysed, content, capfd)
    assert not (tmp_path / "made").exists()
    pickle.loads(pickle.dumps(touch)).close()
    assert (tmp_path / "made").exists()


def test_a_compressed_entry_is_passed_over_since_it_could_fill_the_memory(song, cached, analysed, capfd):
    def compressed(whole):
        file = io.BytesIO()
        with np.load(io.BytesIO(whole)) as parts:
            np.savez_compressed(file, **parts)
        return file.getvalue()

    assert_mended(song, cached, analysed, compressed, capfd)


def test_an_entry_under_another_key_is_not_taken(song, cached, analysed):
    cached(song, SNARE)
    (entry,) = entries(cached.folder)
    other = write(song.with_name("two-snare.wav"), (0.4,), seed=3)
    cached(other, SNARE)
    (foreign,) = set(entries(cached.folder)) - {entry}
    shutil.copy(entry, foreign)
    assert same(cached(other, SNARE), analyze(other, SNARE))


def test_a_folder_that_vanishes_or_holds_something_in_the_way_is_no_fault(song, cached):
    fresh = cached(song, SNARE)
    (entry,) = entries(cached.folder)
    entry.unlink()
    entry.mkdir()
    assert same(cached(song, SNARE), fresh)
    shutil.rmtree(entry.parent)
    entry.parent.touch()
    assert same(cached(song, SNARE), fresh)
    cached.trim()
    entry.parent.unlink()
    shutil.rmtree(cached.folder)
    assert same(cached(song, SNARE), fresh)


def test_trimming_holds_the_size_and_drops_the_oldest(tmp_path, analysed):
    cached = CachedAnalysis(tmp_path / "cache", limit_bytes=20_000)
    songs = [write(tmp_path / "songs" / f"{i}-snare.wav", (0.3, 0.7), seed=i) for i in range(20)]
    for i, song in enumerate(songs):
        cached(song, SNARE, ALL)
        newest = max(entries(cached.folder), key=lambda path: path.stat().st_mtime_ns)
        os.utime(newest, (1e9 + i, 1e9 + i))
    cached(songs[0], SNARE, ALL)  # used again, so the second is the one that was not used for longest
    other = tmp_path / "cache" / ("a" * 32) / "other.npz"
    other.parent.mkdir()
    other.write_bytes(bytes(100_000))
    cached.trim()
    kept = entries(cached.folder / cache.SUBFOLDER)
    assert 2 <= len(kept) < 20
    assert sum(entry.stat().st_size for entry in kept) <= 20_000
    assert other.exists()
    analysed.clear()
    for song in (songs[0], songs[-1]):
        cached(song, SNARE, ALL)
    assert not analysed
    cached(songs[1], SNARE, ALL)
    assert analysed == [songs[1]]


def analysed_and_trimmed(folder, song):
    """What a process of several does that share a folder too small for them."""
    cached = CachedAnalysis(folder, limit_bytes=10_000)
    results = []
    for _ in range(5):
        results.append(cached(song, SNARE))
        cached.trim()
    return results


def test_processes_that_write_and_trim_at_once_disturb_nobody(tmp_path):
    songs = [write(tmp_path / "songs" / f"{i}-snare.wav", (0.3, 0.7), seed=i) for i in range(4)]
    found = list(in_processes(partial(analysed_and_trimmed, tmp_path / "cache"), songs, 4))
    for song, results in zip(songs, found, strict=True):
        assert all(same(result, analyze(song, SNARE)) for result in results)


def test_unreadable_audio_gives_the_same_error_with_a_cache(tmp_path, cached):
    for path in (tmp_path / "missing-snare.wav", tmp_path, tmp_path / ("x" * 300)):
        with pytest.raises(InputError) as plain:
            analyze(path, SNARE)
        with pytest.raises(InputError, match="^" + str(path)) as remembered:
            cached(path, SNARE, ALL)
        assert str(remembered.value) == str(plain.value)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"--cache .*file: cannot be made a folder"):
        open_cache(tmp_path / "file")


def train(output, *options):
    args = ("--stem", "cymbals", "--raw-dir", EXAMPLE / "raw_midi", "--edited-dir", EXAMPLE / "edited_midi", "--quiet",
            "--output-model", output, "--n-estimators", 5, "--start-from", "none", *options)  # fmt: skip
    assert train_classifier.main([str(arg) for arg in args]) == 0
    return output.read_bytes()


def test_the_second_training_analyses_nothing_and_gives_the_same_bytes(tmp_path, analysed, monkeypatch):
    with_cache = "--cache", tmp_path / "cache"
    fresh = train(tmp_path / "fresh.pkl")
    n_songs = len(analysed)
    assert n_songs
    assert train(tmp_path / "first.pkl", *with_cache) == fresh
    assert len(analysed) == 2 * n_songs
    assert train(tmp_path / "second.pkl", *with_cache) == fresh
    assert len(analysed) == 2 * n_songs


def test_the_second_evaluation_analyses_nothing_and_says_the_same(tmp_path, analysed, capsys):
    train(tmp_path / "model.pkl")
    analysed.clear()
    said = []
    for options in ((), ("--jobs", "2", "--cache", str(tmp_path / "cache")), ("--cache", str(tmp_path / "cache"))):
        args = "--model", str(tmp_path / "model.pkl"), "--test-dir", str(ROOT / "test_songs"), "--stem", "cymbals"
        capsys.readouterr()
        assert evaluate_model.main([*args, "--json", str(tmp_path / "scores.json"), *options]) == 0
        said.append((capsys.readouterr().out, (tmp_path / "scores.json").read_bytes()))
    assert said[0] == said[1] == said[2]
    assert len(analysed) == 2  # of the first run; the second run's were in other processes
