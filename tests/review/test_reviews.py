"""The stems of a run, reviewed one after the other: the grid of a song is that of a conversion."""

import shutil

import mido
import pytest
from reviewing import HIHAT, planned
from running import convert_here

from drumhits.config.load import load_config
from drumhits.errors import InputError
from drumhits.review.grids import SongGrids
from drumhits.review.reviews import Reviews


def tempo_and_bars(path):
    events, tick = [], 0
    for message in mido.MidiFile(path).tracks[0]:
        tick += message.time
        events += [(tick, message.dict() | {"time": tick})] * (message.type in ("set_tempo", "time_signature"))
    return events


def test_tempo_auto_hears_all_stems_and_says_what_a_conversion_says(tmp_path, capsys):
    for stem in ("hihat", "kick", "snare"):
        shutil.copy(HIHAT.with_name(f"test1-{stem}.flac"), tmp_path / f"song-{stem}.flac")
    audio = tmp_path / "song-hihat.flac"
    stems, heard = planned(tmp_path, audio, config=load_config(None, {"midi": {"tempo": "auto"}}))
    assert {job.stem for job in heard} == {"kick", "snare"}
    reviews = Reviews(stems, heard)
    reviews.open(0)
    (output, *pair), said = reviews.finish()
    assert reviews.finish()[1] == said == [*reviews.messages, *reviews.warnings]
    reviews.close()
    done = convert_here(
        capsys, "--input", audio, "--tempo", "auto", "--use-ml-model", "pretrained", "--output", tmp_path / "plain.mid"
    )
    assert done.returncode == 0
    for sentence in said:
        assert sentence in done.stderr
    expected = tempo_and_bars(tmp_path / "plain.mid")
    assert all(tempo_and_bars(path) == expected for path in (output, *pair))


def test_a_song_that_is_gone_is_said(tmp_path):
    audio = shutil.copy(HIHAT, tmp_path / "song-hihat.flac")
    stems, _ = planned(tmp_path, audio, config=load_config(None, {"midi": {"tempo": "auto"}}))
    grids = SongGrids([job for job, _ in stems])
    audio.unlink()
    with pytest.raises(InputError, match="song-hihat"):
        grids.of(stems[0][0])
    grids.close()
