"""What each reader must do with any bytes: a result that is sound, or one InputError. Anything else raises."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import hostile_sandbox
import numpy as np

from drumhits.analysis import FEATURE_SETS
from drumhits.config.load import default_config, load_config
from drumhits.detection.features import FeatureTable
from drumhits.edits.pairing import Pair, find_audio
from drumhits.edits.songs import _changes, _settings
from drumhits.errors import InputError
from drumhits.io.audio import AudioSource
from drumhits.io.midi import MidiContent, decode
from drumhits.io.text import escape_controls
from drumhits.models.modelfile import decode_model
from drumhits.transcription.convert import Job, convert
from drumhits.transcription.provenance import is_untouched, read_provenance

REFUSED = "refused"
SUFFIXES = {b"fLaC": ".flac", b"OggS": ".ogg", b"FORM": ".aiff", b"ID3\x04": ".mp3"}
HEADER_BYTES = 4096  # a file of more holds audio, or there is something to be said about it
MIB = 2**20
SNARE = default_config().stems["snare"]


def midi(data: bytes, folder: Path) -> str:
    """Read notes and texts, and what training and conversion make of the note in the texts."""
    content = decode(data, name="song-snare.mid")
    if len(data) < MIB:  # it decodes once more
        is_untouched(data)
    _require_sound(content)
    note = read_provenance(content)
    if note is not None:
        pair = Pair("song-snare", "snare", folder / "song-snare.mid", folder / "song-snare_edited.mid")
        _settings(pair, note)
        _changes(AudioSource(folder / "x.wav", 1, 44100, "0", ()), note)
        find_audio(pair, note)
    return f"{len(content.notes)} notes"


def _require_sound(content: MidiContent) -> None:
    notes = content.notes
    assert np.isfinite(notes["time_s"]).all(), "a time that is not finite"
    assert (np.diff(notes["time_s"], prepend=0) >= 0).all(), "notes out of order"
    assert (notes["duration_s"] >= 0).all(), "a negative duration"
    assert notes["time_s"].max(initial=0) <= content.end_s < np.inf, "a note after the end"
    assert ((notes["number"] >= 0) & (notes["number"] <= 127)).all(), "a note number out of range"
    assert ((notes["velocity"] >= 1) & (notes["velocity"] <= 127)).all(), "a velocity out of range"


def audio(data: bytes, folder: Path) -> str:
    """Convert a stem, and read the MIDI that comes of it."""
    path = folder / f"x-snare{SUFFIXES.get(data[:4], '.wav')}"
    path.write_bytes(data)
    try:
        conversion = convert(Job(path, folder / "x-snare.mid", "snare", default_config()))
    finally:
        path.unlink()
    assert np.isfinite(conversion.table.values).all(), "a feature that is not finite"
    assert np.isfinite(conversion.table.times_s).all(), "a time that is not finite"
    assert len(decode(conversion.midi).notes) == conversion.decisions.keep.sum(), "notes are lost"
    source = conversion.source
    assert source.n_frames or source.warnings or len(data) <= HEADER_BYTES, "nothing was read, and nothing is said"
    return "read with a warning" if source.warnings else "read"


def models(data: bytes, folder: Path) -> str:
    """Load a model and let it decide about hits of every size."""
    model = decode_model(data, "x.pkl")
    names = FEATURE_SETS["all"]
    values = np.random.default_rng(0).normal(size=(16, len(names))) * np.geomspace(1e-30, 1e30, 16)[:, None]
    values[0] = np.finfo(np.float32).max
    table = FeatureTable(np.arange(16.0), names, values)
    confidence = model.confidence(table)
    assert ((confidence >= 0) & (confidence <= 1)).all(), "a confidence outside 0 to 1, or NaN"
    assert len(model.decide(table, model.config(SNARE)).keep) == 16
    assert len(model.summary()) < 1000
    model.misfit(names, SNARE)
    return "model"


def configs(data: bytes, folder: Path) -> str:
    """Load a configuration; what is refused is refused with exit code 2 and its place."""
    path = folder / "my.yaml"
    path.write_bytes(data)
    try:
        load_config(path)
    except InputError as error:
        if error.exit_code != 2 or not str(error).startswith(("my.yaml", str(path))):
            raise AssertionError(f"exit code {error.exit_code}, or no place: {error}") from error
        raise
    return "config"


TARGETS: dict[str, Callable[[bytes, Path], str]] = {
    "midi": midi, "audio": audio, "models": models, "configs": configs, "sandbox": hostile_sandbox.act,
}  # fmt: skip


def outcome(kind: str, data: bytes) -> str:
    """Return what a reader makes of bytes; a refusal must be one sentence that a terminal can show."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return TARGETS[kind](data, Path(folder))
        except InputError as error:
            said = escape_controls(str(error))
            assert 20 < len(said) < 1500, f"not a sentence: {said[:200]}"
            return REFUSED
