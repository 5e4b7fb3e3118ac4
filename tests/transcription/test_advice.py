"""What is said about a stem: the level that was found, and the likely cause where hardly anything is kept."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tables import table

from drumhits.config.load import default_config
from drumhits.detection.loudness import StemLevel
from drumhits.io.audio import AudioSource
from drumhits.models.decisions import by_thresholds
from drumhits.transcription.advice import level_line, warning
from drumhits.transcription.convert import Conversion, Job
from drumhits.transcription.report import warnings

CONFIG = default_config()


def conversion(rows, stem="toms", **job):
    job = Job(Path("a.wav"), Path("a.mid"), stem, **{"config": CONFIG} | job)
    source = AudioSource(Path("a.wav"), 44_100, 44_100, "0", warnings=("the file is cut.",))
    return Conversion(job, None, rows, by_thresholds(rows, job.stem_config), source)


def rows_at(level, n=40, **columns):
    return replace(table(np.arange(n) / 4, **columns), level=level)


@pytest.mark.parametrize(
    ("level", "line"),
    [
        (StemLevel(6.02), "loud hits 6.0 dB above what is usual for toms; geomean_threshold 28 stands for 56 here."),
        (StemLevel(-6.02), "loud hits 6.0 dB below what is usual for toms; geomean_threshold 28 stands for 14 here."),
        (StemLevel(-90, is_silent=True), "next to silence; geomean_threshold 28 holds as it is."),
        (
            StemLevel(-30, is_bleed=True),
            "nothing but bleed of the song's other stems; geomean_threshold 28 stands for 88.5 here.",
        ),
    ],
)
def test_the_level_is_said_with_what_it_makes_of_the_threshold(level, line):
    assert level_line(conversion(rows_at(level))) == f"Level: {line}"


def test_where_the_gap_of_strengths_lies_is_said():
    strengths = np.repeat([0.06, 0.5], 20)
    line = level_line(conversion(rows_at(StemLevel(), Str=strengths), "snare"))
    assert "; onset_threshold 0.12 stands for 0." in line
    assert 0.06 < float(line.rpartition("stands for ")[2].removesuffix(" here.")) < 0.5


def test_a_quiet_stem_is_told_how_to_be_judged_as_it_is():
    assert level_line(conversion(rows_at(StemLevel(-20.0)))).endswith(
        "If it holds nothing but bleed: --set toms.level_reference=absolute."
    )
    absolute = replace(CONFIG, stems={"toms": replace(CONFIG.stems["toms"], level_reference="absolute")})
    line = level_line(conversion(rows_at(StemLevel(-20.0)), config=absolute))
    assert line == "Level: loud hits 20.0 dB below what is usual for toms; geomean_threshold 28 holds as it is."


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (rows_at(StemLevel(-90, is_silent=True), GeoMean=0.001), "next to silent, so 0 of 40 candidates are kept"),
        (rows_at(StemLevel(-30, is_bleed=True), GeoMean=1.0), "nothing but bleed of the song's other stems"),
        (rows_at(StemLevel(), GeoMean=1.0), "only 0 of 40 candidates are kept, and 40 fell to GeoMean <= 28"),
        (rows_at(StemLevel(), Str=0.1), "--set toms.onset_threshold=VALUE"),
        (rows_at(StemLevel(), Rise1493=1.0), "40 fell to Rise1493 < 5; if it should hold more hits"),
        (replace(rows_at(StemLevel()), is_double=np.ones(40, bool)), "--set toms.onset_wait=VALUE"),
        (rows_at(StemLevel(), Amp=1.0), "40 of its 40 hits reach full scale, so it may be clipped"),
        (rows_at(StemLevel(), n=0), "holds no hit (silent or empty?)"),
    ],
    ids=["silent", "bleed", "too-high", "too-strong", "no-rise", "doubles", "clipped", "empty"],
)
def test_one_sentence_names_the_likely_cause(rows, words):
    sentence = warning(conversion(rows))
    assert sentence.startswith("a.wav: ")
    assert words in sentence
    assert warnings(conversion(rows)) == ("the file is cut.", sentence)


@pytest.mark.parametrize(
    "rows",
    [
        rows_at(StemLevel()),
        rows_at(StemLevel(), n=5, GeoMean=1.0),
        rows_at(StemLevel(), GeoMean=[100.0] * 2 + [1.0] * 38),
        rows_at(StemLevel(), Amp=[1.0] * 7 + [0.5] * 33),
    ],
    ids=["all-kept", "few-candidates", "some-kept", "few-at-full-scale"],
)
def test_nothing_is_said_of_an_ordinary_stem(rows):
    assert warning(conversion(rows)) is None
    assert warnings(conversion(rows)) == ("the file is cut.",)
