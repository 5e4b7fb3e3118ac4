"""The page and the pictures of an evaluation: complete, harmless, small, and working in a real browser."""

import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
import soundfile
from browser import CHROMIUM, Browser
from running import ROOT

import train_classifier
from drumhits.cli.options import page_path
from drumhits.config.load import default_config
from drumhits.evaluation.charts import plot_names, pngs
from drumhits.evaluation.comparison import Evaluation, Outcome, evaluate_songs
from drumhits.evaluation.deciders import ALL_CANDIDATES, model_decider
from drumhits.evaluation.page import page
from drumhits.evaluation.truth import TruthPair, find_test_songs
from drumhits.io.midi import NOTE_DTYPE, Track, encode
from drumhits.models.modelfile import load_model, pretrained_path

TEST_SONGS = ROOT / "test_songs"
NASTY = "_$a^$<script>alert(1)</script>&\"'\u202e\x1b[2J$& \U0001f941"
MAX_BYTES = 5_000_000
CHART_NAMES = {"confusion", "precision-recall", "reliability", "importance", "features", "timing"}
VOID = {"meta", "link", "br", "hr", "img", "input"}


def evaluated(pairs, importance=(("attack and onset strength", 0.6), ("decay", 0.3), ("loudness", 0.1))) -> Evaluation:
    config = default_config()
    decider = model_decider(load_model(pretrained_path("cymbals")), "model.pkl", config.stems["cymbals"])
    evaluation, errors = evaluate_songs(
        pairs, [replace(decider, importance=importance)], "cymbals", config, 0.05
    )
    assert not errors
    return evaluation


@pytest.fixture(scope="module")
def evaluation():
    return evaluated(find_test_songs(TEST_SONGS, "cymbals")[0])


@pytest.fixture(scope="module")
def html(evaluation):
    return page(evaluation, "Evaluation")


class Balance(HTMLParser):
    """Collects the tags and fails where they do not nest."""

    def __init__(self, text: str):
        super().__init__()
        self.open, self.tags = [], []
        self.feed(text)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def test_page_has_every_chart_and_song_and_needs_no_network(html, evaluation):
    assert len(html.encode()) < MAX_BYTES
    tags = Balance(html).tags
    assert {attrs["id"] for tag, attrs in tags if tag == "figure"} == CHART_NAMES
    assert sum(tag == "audio" for tag, _ in tags) == len(evaluation.songs)
    sources = [attrs.get("src") or attrs.get("href") for _, attrs in tags]
    assert all(source.startswith(("data:", "#")) for source in sources if source)
    assert not re.findall(r"(?:url|@import)\s*\(?['\"]?https?:", html)


def test_every_hit_is_marked(html, evaluation):
    marks = re.findall(r'<g class="hit (\w+)" data-t="([\d.]+)"', html)
    for judged in evaluation.models[0].songs:
        times = {f"{time_s:.3f}" for time_s in judged.notes["time_s"]}
        assert times <= {time_s for _, time_s in marks}
    heard = evaluation.models[0].note_scores
    kinds = [kind for kind, _ in marks]
    assert kinds.count("right") == heard.matched
    assert kinds.count("false") == heard.n_estimated - heard.matched
    assert kinds.count("missed") + kinds.count("undetected") == heard.n_reference - heard.matched


def test_names_from_files_cannot_become_markup():
    pair = find_test_songs(TEST_SONGS, "cymbals")[0][0]
    evaluation = evaluated([replace(pair, name=NASTY)], importance=((NASTY, 1.0),))
    nasty = tuple(Outcome(replace(one.decider, name=NASTY), one.songs) for one in evaluation.models)
    text = page(replace(evaluation, models=nasty, warnings=(NASTY,)), NASTY)
    assert "alert(1)</script>" not in text
    assert text.count("<script>") == 1
    assert not re.search("[\x00-\x08\x0b-\x1f\u202e]", text)
    Balance(text)
    assert dict(pngs(replace(evaluation, models=nasty)))


def test_pictures_are_png_files_of_known_names(evaluation):
    pictures = dict(pngs(evaluation))
    assert set(pictures) == set(plot_names([song.name for song in evaluation.songs]))
    for data in pictures.values():
        assert data.startswith(b"\x89PNG")
        assert b"Software\x00drumhits" in data[:256]


def test_silence_and_an_empty_truth_give_a_page(tmp_path):
    soundfile.write(tmp_path / "s-cymbals.wav", np.zeros(44100), 44100)
    (tmp_path / "s-cymbals_ground_truth.mid").write_bytes(encode([Track("x", np.zeros(0, NOTE_DTYPE))]))
    evaluation = evaluated(find_test_songs(tmp_path, "cymbals")[0], importance=())
    text = page(evaluation, "Silence")
    assert "There is nothing to tell" in text
    Balance(text)
    assert "song-s-cymbals.png" in dict(pngs(evaluation))


def test_a_truth_without_any_hit_gives_a_page(tmp_path):
    pair = find_test_songs(TEST_SONGS, "cymbals")[0][0]
    truth = tmp_path / "empty.mid"
    truth.write_bytes(encode([Track("x", np.zeros(0, NOTE_DTYPE))]))
    evaluation = evaluated([TruthPair(pair.name, pair.audio, truth)])
    Balance(page(evaluation, "Nothing to find"))
    assert evaluation.models[0].note_scores.f1 == 0
    assert evaluation.baselines[1].decider.name == ALL_CANDIDATES


@pytest.mark.parametrize(
    ("given", "path"), [("a.html", "a.html"), ("b.HTM", "b.HTM"), ("folder", "folder/report.html")]
)
def test_report_takes_a_folder_or_a_file(given, path):
    assert page_path(Path(given)) == Path(path)


def test_training_makes_the_same_page_of_what_was_held_out(tmp_path):
    data = ROOT / "training_data"
    args = ("--stem", "cymbals", "--raw-dir", data / "raw_midi", "--edited-dir", data / "edited_midi", "--quiet",
            "--output-model", tmp_path / "m.pkl", "--n-estimators", 10, "--report", tmp_path)  # fmt: skip
    assert train_classifier.main([str(arg) for arg in args]) == 0
    text = (tmp_path / "report.html").read_text("utf-8")
    assert {attrs["id"] for tag, attrs in Balance(text).tags if tag == "figure"} == CHART_NAMES
    scores = load_model(tmp_path / "m.pkl").training["scores"]
    row = re.search(r"<tr><th scope=\"row\">m.pkl, held out</th>(.*?)</tr>", text)[1]
    shown = re.findall(r">([\d.]+%)\*?<", row)
    assert shown[:4] == [f"{scores[name]:.1%}" for name in ("accuracy", "precision", "recall", "f1")]


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_page_opens_and_plays_in_a_browser(html, tmp_path):
    (tmp_path / "page.html").write_text(html, encoding="utf-8")
    with Browser(tmp_path / "profile") as browser:
        browser.open(tmp_path / "page.html")
        browser.wait_for("[...document.querySelectorAll('audio')].every(audio => audio.readyState > 1)")
        for scheme in ("light", "dark"):
            browser.screenshot(tmp_path / f"{scheme}.png", scheme=scheme)
        assert browser.value("document.documentElement.scrollWidth <= innerWidth")
        for target in (".song .hit.false", ".song li button", ".song:last-of-type .hit.right"):
            time_s = float(browser.value(f"document.querySelector({target!r}).dataset.t"))
            browser.click(target)
            playing = f"document.querySelector({target!r}).closest('.song').querySelector('audio')"
            browser.wait_for(f"!{playing}.paused && {playing}.currentTime > 0")
            assert time_s - 0.3 < browser.value(f"{playing}.currentTime") < time_s + 1
            n_playing = "[...document.querySelectorAll('audio')].filter(audio => !audio.paused).length"
            assert browser.value(n_playing) == 1
        assert browser.problems == []
    pictures = [(tmp_path / f"{scheme}.png").read_bytes() for scheme in ("light", "dark")]
    assert pictures[0] != pictures[1]
