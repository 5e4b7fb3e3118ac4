"""The level at which a song was exported changes neither which hits are kept nor how loud they are written."""

import numpy as np
import pytest
import soundfile
from running import ROOT

from drumhits.config.load import default_config
from drumhits.drums import STEMS
from drumhits.models.modelfile import load_model, pretrained_path
from drumhits.transcription.convert import Job, convert

STEMS_OF_SONGS = [("test1", stem) for stem in STEMS] + [("test2", "cymbals")]
GAINS_DB = (-40.0, -20.0, 12.0)


def notes_at(gain_db, name, folder, model=None):
    """Return the notes of a bundled song's stem, beside its siblings, all of them louder by that much."""
    song, stem = name
    for other in (stem,) if model is None else (one for title, one in STEMS_OF_SONGS if title == song):
        y, sample_rate = soundfile.read(ROOT / "test_songs" / f"{song}-{other}.flac", dtype="float32")
        louder = y * np.float32(10 ** (gain_db / 20))
        soundfile.write(folder / f"{song}-{other}.wav", louder, sample_rate, subtype="FLOAT")
    audio = folder / f"{song}-{stem}.wav"
    return convert(Job(audio, audio.with_suffix(".mid"), stem, default_config(), model=model)).track.notes


@pytest.mark.parametrize("by_model", [False, True], ids=["thresholds", "model"])
@pytest.mark.parametrize("name", STEMS_OF_SONGS, ids="-".join)
def test_gain_changes_no_note(name, by_model, tmp_path):
    model = load_model(pretrained_path(name[1])) if by_model else None
    plain = notes_at(0.0, name, tmp_path, model)
    assert len(plain) > 20
    for gain_db in GAINS_DB:
        louder = notes_at(gain_db, name, tmp_path, model)
        np.testing.assert_allclose(louder["time_s"], plain["time_s"], atol=1e-3)
        np.testing.assert_array_equal(louder["number"], plain["number"])
        np.testing.assert_allclose(louder["velocity"], plain["velocity"], atol=1)
