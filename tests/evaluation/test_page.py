"""The page and the pictures of an evaluation: complete, harmless, small, and working in a real browser."""

import json
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
from drumhits.evaluation.comparison import Evaluation, Outcome, evaluate_songs
from drumhits.evaluation.deciders import ALL_CANDIDATES, model_decider
from drumhits.evaluation.pages.charts import plot_names, pngs
from drumhits.evaluation.pages.page import page
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
    assert all(song["sound"] for song in data_of(html)["songs"])
    assert sum(attrs.get("class") == "song" for _, attrs in tags) == len(evaluation.songs)
    sources = [attrs.get("src") or attrs.get("href") for _, attrs in tags]
    assert all(source.startswith(("data:", "#")) for source in sources if source)
    assert not re.findall(r"(?:url|@import)\s*\(?['\"]?https?:", html)


def data_of(html):
    """Return what the page's script reads."""
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', html)[1])


def test_every_hit_and_every_mistake_of_each_decider_is_there(html, evaluation):
    songs = data_of(html)["songs"]
    shown = (*evaluation.models, *evaluation.bundled, evaluation.baselines[0])
    for k, outcome in enumerate(shown):
        for song, i in zip(songs, evaluation.worst_first, strict=True):
            judged, by = outcome.songs[i], song["by"][k]
            kinds = [kind for kind, *_ in by["hits"]]
            scores = judged.note_scores
            assert kinds.count("right") == scores.matched
            assert kinds.count("false") == scores.n_estimated - scores.matched
            assert kinds.count("missed") + kinds.count("undetected") == scores.n_reference - scores.matched
            assert {ms for _, ms, *_ in by["hits"]} >= {round(1000 * one) for one in judged.notes["time_s"].tolist()}
            assert len(by["mistakes"]) == np.count_nonzero(judged.keep != judged.is_hit)


def test_names_from_files_cannot_become_markup():
    pair = find_test_songs(TEST_SONGS, "cymbals")[0][0]
    evaluation = evaluated([replace(pair, name=NASTY)], importance=((NASTY, 1.0),))
    nasty = tuple(Outcome(replace(one.decider, name=NASTY), one.songs) for one in evaluation.models)
    text = page(replace(evaluation, models=nasty, warnings=(NASTY,)), NASTY)
    assert "alert(1)</script>" not in text
    assert text.count("<script>") == 1
    assert text.count("</script>") == 2
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
        for scheme in ("light", "dark"):
            browser.screenshot(tmp_path / f"{scheme}.png", scheme=scheme)
        what = "document.querySelector('.song .what').textContent"
        worst_s = data_of(html)["songs"][0]["by"][0]["mistakes"][0][0] / 1000
        browser.value("document.querySelector('.song details').open = true")
        browser.click(".mistakes button")
        browser.wait_for(f"{what} !== ''")
        assert browser.value("songs[0].view.cursor") == pytest.approx(worst_s, abs=0.01)
        browser.wait_for("playing !== null && player.position > 0")
        assert browser.value("playing === songs[0]")
        times = browser.value("songs[0].mistakes.map(hit => hit.time)")
        browser.value("(songs[0].view.current = null, songs[0].view.cursor = 0, true)")
        for key, expected in (("]", 0), ("]", 1), ("ArrowRight", 2), ("[", 1)):
            browser.press(key)
            assert browser.value("songs[0].view.cursor") == times[expected]
        browser.click(".song:last-of-type [data-do=notes]")
        browser.wait_for("playing === songs.at(-1) && player.position > 0")
        before = browser.value("document.querySelector('.song .numbers').textContent")
        browser.value("""(one => { one.value = one.options.length - 1; one.dispatchEvent(new Event('change')); })
                         (document.querySelector('#shown'))""")
        assert browser.value("document.querySelector('.song .numbers').textContent") != before
        assert browser.value("[...document.querySelectorAll('.verdict')].map(one => one.hidden)").count(False) == 1
        for width in (360, 1280):
            browser.size(width, 800)
            assert browser.value("document.documentElement.scrollWidth") <= width
            right_edges = "[...document.querySelectorAll('td, th')].map(one => one.getBoundingClientRect().right)"
            assert max(browser.value(right_edges)) <= width
        assert browser.problems == []
    pictures = [(tmp_path / f"{scheme}.png").read_bytes() for scheme in ("light", "dark")]
    assert pictures[0] != pictures[1]


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_the_sound_of_the_page_lies_where_the_hits_are(tmp_path):
    y = np.zeros(44100 * 4, np.float32)
    at = [round(44100 * time_s) for time_s in (0.5, 1.25, 3.0)]
    for first in at:
        y[first : first + 400] = np.random.default_rng(0).uniform(-0.8, 0.8, 400)
    soundfile.write(tmp_path / "s-cymbals.wav", y, 44100)
    notes = np.zeros(3, NOTE_DTYPE)
    notes["time_s"], notes["number"], notes["velocity"], notes["duration_s"] = (0.5, 1.25, 3.0), 51, 90, 0.1
    (tmp_path / "s-cymbals_ground_truth.mid").write_bytes(encode([Track("x", notes)]))
    (tmp_path / "page.html").write_text(page(evaluated(find_test_songs(tmp_path, "cymbals")[0]), "Clicks"), "utf-8")
    with Browser(tmp_path / "profile") as browser:
        browser.open(tmp_path / "page.html")
        first_loud = browser.value(
            "songs[0].decoded().then(y => [0, 0.9, 2.6].map("
            "from => y.findIndex((one, i) => i >= from * 22050 && Math.abs(one) > 0.2) / 22050))"
        )
        assert first_loud == pytest.approx([0.5, 1.25, 3.0], abs=0.005)
        duration = browser.value("songs[0].view.duration")
        assert browser.value("songs[0].view.timeAt(songs[0].view.width)") == pytest.approx(duration, abs=0.01)
