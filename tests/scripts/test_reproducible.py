"""The same command gives the same bytes; other processes, threads and instruction sets give the same notes."""

import os
import subprocess
import sys

import numpy as np
import pytest
from running import ROOT, convert

from drumhits.io.midi import read_midi

SONGS = ROOT / "test_songs"
BY_MODEL = ("--use-ml-model", "pretrained")
STEMS = ("cymbals", "hihat", "kick", "snare", "toms")
ENVIRONMENTS = {
    "many BLAS threads": {"OPENBLAS_NUM_THREADS": "8", "OMP_NUM_THREADS": "8", "MKL_NUM_THREADS": "8"},
    "one BLAS thread": {"OPENBLAS_NUM_THREADS": "1"},
    "BLAS of an old processor": {"OPENBLAS_CORETYPE": "Nehalem"},
    "BLAS of another processor": {"OPENBLAS_CORETYPE": "Haswell"},
    "another hash seed": {"PYTHONHASHSEED": "12345"},
    "another language": {"LC_ALL": "C", "LANG": "C", "PYTHONUTF8": "0"},
}


def simd_features() -> str:
    """Return what NumPy would use of this processor beyond its baseline."""
    try:
        from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
    except ImportError:  # NumPy 1
        from numpy.core._multiarray_umath import __cpu_dispatch__, __cpu_features__

    return " ".join(name for name in __cpu_dispatch__ if __cpu_features__.get(name))


def convert_in(environment, output, *args):
    command = [sys.executable, ROOT / "stems_to_midi.py", "--input", SONGS, "--output", output, "--quiet", *args]
    process = subprocess.run(
        list(map(str, command)), env=os.environ | environment, capture_output=True, encoding="utf-8", check=False,
        timeout=120,
    )  # fmt: skip
    assert (process.returncode, process.stderr) == (0, "")
    return {path.name: path for path in sorted(output.glob("*.mid"))}


@pytest.fixture(scope="module")
def expected(tmp_path_factory):
    return convert_in({}, tmp_path_factory.mktemp("expected"), *BY_MODEL)


def test_eight_at_a_time_give_the_same_bytes_as_one(expected, tmp_path):
    found = convert_in({}, tmp_path, "--jobs", 8, *BY_MODEL)
    assert len(expected) >= len(STEMS)
    assert {name: path.read_bytes() for name, path in found.items()} == {
        name: path.read_bytes() for name, path in expected.items()
    }


def test_the_same_command_twice_gives_the_same_file(tmp_path):
    output = tmp_path / "x.mid"
    made = []
    for jobs in (1, 8):
        assert convert("--input", SONGS / "test1-kick.flac", "--output", output, "--jobs", jobs).returncode == 0
        made.append(output.read_bytes())
    assert made[0] == made[1]


def assert_same_notes(found, expected):
    assert found.keys() == expected.keys()
    for name, path in expected.items():
        mine, theirs = read_midi(found[name]).notes, read_midi(path).notes
        np.testing.assert_array_equal(mine, theirs)


@pytest.mark.parametrize("kind", ENVIRONMENTS)
def test_other_threads_and_languages_give_the_same_notes(expected, tmp_path, kind):
    assert_same_notes(convert_in(ENVIRONMENTS[kind], tmp_path, *BY_MODEL), expected)


def test_other_instruction_sets_give_the_same_notes(expected, tmp_path):
    features = simd_features()
    if not features:
        pytest.skip("this processor has no more than NumPy's baseline")
    disabled = {"NPY_DISABLE_CPU_FEATURES": features}
    assert_same_notes(convert_in(disabled, tmp_path / "model", *BY_MODEL), expected)
    assert_same_notes(convert_in(disabled, tmp_path / "one"), convert_in({}, tmp_path / "other"))
