"""The fast part of the fuzzing: hand-made files, files that once failed, and some mutated ones of a fixed seed."""

import sys

import pytest
from hostile_audio import EITHER, HOSTILE_AUDIO
from hostile_configs import HOSTILE_CONFIGS
from hostile_midi import HOSTILE_MIDI
from hostile_models import HOSTILE_MODELS
from hostile_sandbox import HOSTILE_SANDBOX
from running import convert_here

from drumhits.io.plainpickle import HEADER_BYTES, PREFIX, with_checksum
from fuzz import sandbox
from fuzz.seeds import mutant

HOSTILE = {"midi": HOSTILE_MIDI, "audio": HOSTILE_AUDIO, "models": HOSTILE_MODELS}
ENOUGH = {"midi": 60, "audio": 70, "models": 60}
COUNTS = {"midi": 1000, "audio": 300, "models": 800, "configs": 300}
SEED = 7
SLACK = 4.0  # a slow machine is no fault


@pytest.mark.parametrize("kind", HOSTILE)
def test_hand_made_files_come_out_as_they_should_within_their_limits(kind):
    cases = HOSTILE[kind]
    result = sandbox.run(kind, "hostile", slack=SLACK)
    assert result.faults == []
    assert len(cases) >= ENOUGH[kind]
    expected = {
        name: f"{outcome} notes" if isinstance(outcome, int) else outcome
        for name, (_, outcome) in cases.items() if outcome != EITHER
    }  # fmt: skip
    assert {name: result.outcomes[name] for name in expected} == expected


@pytest.mark.parametrize("name", HOSTILE_CONFIGS)
def test_a_hostile_configuration_is_refused_with_exit_2_file_line_and_key(tmp_path, capsys, name):
    text, line, said = HOSTILE_CONFIGS[name]
    (tmp_path / "my.yaml").write_bytes(text.encode("utf-8", "surrogatepass"))
    process = convert_here(capsys, "--input", "x-snare.wav", "--config", tmp_path / "my.yaml")
    assert process.returncode == 2
    assert process.stdout == ""
    (error,) = process.stderr.splitlines()
    assert error.isprintable()
    assert (f"my.yaml:{line}: " if line else "my.yaml") in error
    assert said.encode("ascii", "backslashreplace").decode() in error or said in error


def test_enough_configurations_are_tried():
    assert len(HOSTILE_CONFIGS) >= 60


@pytest.mark.parametrize("kind", COUNTS)
def test_files_that_once_failed_do_so_no_more(kind):
    assert sandbox.run(kind, "regressions", slack=SLACK).faults == []


@pytest.mark.parametrize("kind", COUNTS)
def test_mutated_files_give_a_result_or_one_sentence(kind):
    result = sandbox.run(kind, f"mutants {SEED}", COUNTS[kind], slack=SLACK)
    assert result.faults == []
    assert result.n_run == COUNTS[kind]
    assert len(set(result.outcomes.values())) > 1


def test_the_same_seed_gives_the_same_files():
    assert mutant("midi", 1, 5) == mutant("midi", 1, 5) != mutant("midi", 2, 5)


def test_a_quarter_of_the_mutated_models_has_a_right_checksum():
    models = [mutant("models", SEED, index) for index in range(200)]
    sealed = [data for data in models if data.startswith(PREFIX) and with_checksum(data[HEADER_BYTES:]) == data]
    assert len(sealed) >= 50


@pytest.mark.skipif(sys.platform != "linux", reason="other limits elsewhere")
def test_the_sandbox_sees_what_a_reader_must_not_do_and_goes_on(monkeypatch):
    monkeypatch.setattr(sandbox, "HANG_S", 15.0)  # a slow machine takes some of it to start a child
    result = sandbox.run("sandbox", "hostile")
    seen = {fault.name: fault.what for fault in result.faults}
    expected = {name: what for name, (_, what) in HOSTILE_SANDBOX.items() if what}
    assert seen.keys() == expected.keys()
    assert all(seen[name].startswith(what) for name, what in expected.items()), seen
    assert result.outcomes == {"sound": "sound", "sound again": "sound"}


def test_what_fails_is_kept_where_the_test_above_finds_it(tmp_path, monkeypatch):
    monkeypatch.setattr(sandbox, "REGRESSIONS", tmp_path)
    path = sandbox.save(sandbox.Fault("sandbox", "sound again", "hangs"), "hostile")
    assert path == tmp_path / "sandbox" / "hostile-sound-again"
    assert path.read_bytes() == b"sound"
