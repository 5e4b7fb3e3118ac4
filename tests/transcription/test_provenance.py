"""The note inside a raw MIDI file: what it says, and that it tells an edited file from an untouched one."""

from pathlib import Path

import numpy as np
import pytest

from drumhits.config.load import default_config
from drumhits.errors import InputError
from drumhits.io.audio import AudioSource
from drumhits.io.midi import NOTE_DTYPE, Track, decode, encode
from drumhits.transcription.provenance import Provenance, is_untouched, provenance_of, read_provenance, with_digest

TOMS = default_config().stems["toms"]
NOTES = np.array([(0, 0.5, 50, 90, 0.06), (0, 1.0, 47, 80, 0.06), (0, 1.5, 45, 1, 0.06)], dtype=NOTE_DTYPE)


def made(audio: Path = Path("in/Song1-toms.wav")) -> Provenance:
    source = AudioSource(audio, 44100, 22050, "ab" * 16, ())
    return provenance_of(source, TOMS, Path("out"), keep_all=True, model=None)


def midi(notes: np.ndarray, texts: list[str], **timing) -> bytes:
    return encode([Track("toms", notes)], texts=texts, **timing)


def sealed_text(notes: np.ndarray = NOTES) -> str:
    return decode(with_digest(midi(notes, [made().to_text()]))).texts[0]


def test_the_note_comes_back_whole_with_its_settings():
    note = read_provenance(decode(midi(NOTES, ["a marker", made().to_text()])))
    assert note.config() == TOMS
    assert (note.stem, note.keep_all, note.model) == ("toms", True, None)
    assert (note.audio, note.n_frames, note.sample_rate) == ("../in/Song1-toms.wav", 44100, 22050)


def test_the_note_is_one_line_of_ascii_whatever_the_name():
    text = made(audio=Path("in/\u9f13\udcff-toms.wav")).to_text()
    assert text.isascii()
    assert "\n" not in text
    assert is_untouched(with_digest(midi(NOTES, [text])))


def test_untouched_is_what_was_written():
    assert is_untouched(with_digest(midi(NOTES, [made().to_text()])))
    assert is_untouched(with_digest(midi(NOTES[:0], [made().to_text()])))


def edited(**changes) -> np.ndarray:
    notes = NOTES.copy()
    for name, value in changes.items():
        notes[name][1] = value
    return notes


@pytest.mark.parametrize(
    "notes",
    [NOTES[1:], np.append(NOTES, np.array([(0, 2.0, 45, 99, 0.06)], NOTE_DTYPE)), edited(velocity=81),
     edited(number=48), edited(time_s=1.01)],
    ids=["deleted", "added", "velocity", "number", "moved"],
)  # fmt: skip
def test_an_edited_note_shows(notes):
    assert not is_untouched(midi(notes, [sealed_text()]))


@pytest.mark.parametrize(
    ("notes", "timing"), [(edited(duration_s=0.4), {}), (NOTES, {"tempo_bpm": 90.0})], ids=["duration", "tempo"]
)
def test_an_edited_duration_or_tempo_shows(notes, timing):
    ticks_kept = notes.copy()
    ticks_kept["time_s"] *= 120.0 / timing.get("tempo_bpm", 120.0)
    assert not is_untouched(midi(ticks_kept, [sealed_text()], **timing))


@pytest.mark.parametrize(
    "text",
    ["", "drumhits", "drumhits {", "drumhits []", "drumhits 1", 'drumhits {"format":1}', 'drumhits {"format":99}',
     "drumhits " + "[" * 5000, "drumhits \x00"],
)  # fmt: skip
def test_a_file_without_a_note_that_can_be_understood_is_not_ours(text):
    written = midi(NOTES, [text])
    assert read_provenance(decode(written)) is None
    assert not is_untouched(written)


def test_settings_of_another_version_are_an_input_error():
    note = made()
    note.settings.pop("onset_wait")
    with pytest.raises(InputError, match="made by another version"):
        note.config()
