"""The review page in a real browser: clicked and pressed as a user does, with the server killed in the middle."""

import re
import shutil
import subprocess
import sys
import time
from concurrent.futures import Future

import numpy as np
import pytest
from browser import CHROMIUM, Browser
from reviewing import HIHAT, stems
from running import ROOT

from drumhits.cli.console import EXIT_STOPPED
from drumhits.io.midi import read_midi
from drumhits.review.reviews import Reviews
from drumhits.review.showing import MISSED_AFTER
from drumhits.review.stem import StemReview
from drumhits.review.web.server import ReviewServer

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed to open the page in")
KICK = HIHAT.with_name("test1-kick.flac")
NASTY = "<img src=x onerror=alert(1)>-hihat.flac"
START_S = 30
PROGRESS = "document.querySelector('#progress-text').textContent"
BUTTONS = "[...document.querySelectorAll('button, canvas')]"
QUESTION = "document.querySelector('#ask').textContent"


class Run:
    """stems_to_midi.py --review as a process, and the address of its page."""

    def __init__(self, audio, folder, *options):
        self.command = [sys.executable, ROOT / "stems_to_midi.py", "--input", *audio, "--output", folder / "midi",
                        "--use-ml-model", "pretrained", "--review", "--no-browser", *options]  # fmt: skip
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            self.command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        line = self.process.stdout.readline()
        self.url = re.search(r"http://127\.0\.0\.1:\d+/[\w-]{32}/", line)[0]

    def kill(self):
        self.process.kill()
        self.process.communicate(timeout=START_S)

    def ended(self):
        """Return exit code and output, once it has ended by itself."""
        out, error = self.process.communicate(timeout=START_S)
        return self.process.returncode, out, error


@pytest.fixture
def run(tmp_path):
    audio = tmp_path / (HIHAT.name if sys.platform == "win32" else NASTY)
    shutil.copy(HIHAT, audio)
    started = Run([audio], tmp_path)
    yield started
    if started.process.poll() is None:
        started.kill()


def visit(browser, run):
    browser.visit(run.url)
    browser.wait_for(f"{QUESTION}.includes('hit?')")


def decided(n):
    return f"{PROGRESS}.startsWith('{n} decided')"


def point(browser, time_s):
    """Return where a time is in the picture, after it was brought into view."""
    return browser.value(
        f"""(async () => {{
            const {{ view }} = await import('./review.js');
            view.scrollTo({time_s} - view.width / view.perSecond / 2);
            const box = view.canvas.getBoundingClientRect();
            return [box.left + view.xAt({time_s}), box.top + box.height * 0.8];
        }})()"""
    )


def drag(browser, start, end):
    browser.mouse("mousePressed", *start)
    browser.mouse("mouseMoved", (start[0] + end[0]) / 2, start[1])
    browser.mouse("mouseMoved", *end)
    browser.mouse("mouseReleased", *end)


def hits(browser):
    return browser.value("import('./review.js').then(page => page.view.hits)")


def test_a_whole_review(run, tmp_path):
    with Browser(tmp_path / "profile") as browser:
        visit(browser, run)
        assert browser.value("document.querySelector('h1').textContent") != ""
        browser.press("k")
        browser.wait_for(decided(1))
        browser.click("#delete")
        browser.wait_for(decided(2))
        browser.press("ArrowRight")
        browser.wait_for(decided(3))
        browser.press("u")
        browser.wait_for(decided(2))
        browser.press("2")  # an open hi-hat
        browser.wait_for(decided(3))
        asked = browser.value("import('./review.js').then(page => page.view.current)")
        browser.press("s")
        browser.wait_for(f"import('./review.js').then(page => page.view.current !== {asked})")
        assert browser.value(decided(3))

        times_s = np.array([hit["time"] for hit in hits(browser)])
        gap = int(np.argmax(np.diff(times_s)))
        between_s = float(times_s[gap : gap + 2].mean())
        x, y = point(browser, between_s)
        drag(browser, (x, y), (x, y))
        browser.press("a")
        browser.wait_for(decided(4))
        (added,) = [hit for hit in hits(browser) if hit["hit"] < 0]
        assert abs(added["time"] - between_s) < 0.05

        kept = next(hit for hit in hits(browser) if hit["keep"] and not hit["mine"] and hit["time"] > 1)
        x, y = point(browser, kept["time"])
        drag(browser, (x, y), (x + 8, y))
        browser.wait_for(decided(5))
        moved = next(hit for hit in hits(browser) if hit["hit"] == kept["hit"])
        assert moved["time"] == pytest.approx(kept["time"] + 8 / 160, abs=0.01)
        assert moved["mine"]
        before = hits(browser)

        browser.send("Page.reload")
        browser.wait_for(f"document.readyState === 'complete' && {decided(5)}")
        assert hits(browser) == before
        assert browser.problems == []

        run.kill()
        browser.press("k")
        browser.wait_for("document.querySelector('#problem').textContent.includes('Start the same command again')")
        run.start()
        visit(browser, run)
        browser.problems.clear()
        browser.wait_for(decided(5))
        assert [hit["hit"] for hit in hits(browser) if hit["mine"]] == [hit["hit"] for hit in before if hit["mine"]]

        with Browser(tmp_path / "other") as other:
            visit(other, run)
            other.press("d")
            other.wait_for(decided(6))
            browser.wait_for(decided(6))
            browser.press("k")
            browser.wait_for(decided(7))
            other.wait_for(decided(7))
            assert other.problems == []

        last = hits(browser)
        browser.click("#finish")
        browser.wait_for("document.querySelector('#end').open")
        browser.click("#close")
        browser.wait_for("document.body.textContent.includes('You can close this tab')")
        assert browser.problems == []
    code, out, _ = run.ended()
    assert code == 0
    assert out.count("written: ") == 3
    (output,) = (tmp_path / "midi").glob("*.mid")
    written = read_midi(output).notes
    expected = sorted(hit["time"] for hit in last if hit["keep"])
    assert written["time_s"] == pytest.approx(expected, abs=0.001)
    named = next(hit for hit in last if hit["mine"] and hit.get("number") == 46)
    assert 46 in written["number"][abs(written["time_s"] - named["time"]) < 0.001]


def test_likely_missed_hits_are_asked_about_and_added_or_left(tmp_path, monkeypatch):
    monkeypatch.setattr(StemReview, "look_for_missed", lambda review: None)
    with Browser(tmp_path / "profile") as browser, ReviewServer(Reviews(stems(tmp_path))) as server:
        server.reviews.open(0)
        review = server.reviews.current
        times_s = review.table.times_s
        gap = int(np.argmax(np.diff(times_s)))
        places_s = [float(times_s[gap] + part * (times_s[gap + 1] - times_s[gap])) for part in (0.4, 0.6)]
        browser.visit(server.url)
        browser.wait_for(f"{QUESTION}.includes('hit?')")
        found = Future()
        found.set_result(places_s)
        review._take_missed(found)
        for n in range(MISSED_AFTER):
            browser.wait_for(decided(n))
            browser.press("k")
        browser.wait_for(f"{QUESTION} === 'Likely missed here'")
        assert browser.value("document.querySelector('#keep').textContent") == "AddA"
        browser.press("d")
        browser.wait_for(f"import('./review.js').then(page => page.view.current === 'missed {places_s[1]}')")
        browser.press("a")
        browser.wait_for(f"{decided(MISSED_AFTER + 1)} && {QUESTION}.includes('hit?')")
        assert [hit["time"] for hit in hits(browser) if hit["hit"] == -1] == [places_s[1]]
        for place_s in places_s[::-1]:
            browser.press("u")
            browser.wait_for(f"import('./review.js').then(page => page.view.current === 'missed {place_s}')")
        assert browser.value(decided(MISSED_AFTER))
        assert browser.problems == []
    server.reviews.close()


def test_several_stems_in_turn_and_an_end_from_outside(tmp_path):
    run = Run([HIHAT, KICK], tmp_path)
    with Browser(tmp_path / "profile") as browser:
        visit(browser, run)
        browser.press("k")
        browser.wait_for(decided(1))
        browser.click("#finish")
        browser.wait_for("document.querySelector('#end').open")
        browser.click("#next")
        browser.wait_for("document.querySelector('#title').textContent.includes('kick') && " + decided(0))
        assert browser.value("document.querySelector('#names').children.length") == 0
        browser.press("d")
        browser.wait_for(decided(1))
        assert browser.problems == []
    run.process.terminate()  # Ctrl-C is ignored where the tests run in the background
    code, out, error = run.ended()
    assert code == EXIT_STOPPED
    assert "the same command goes on where you were" in error
    assert out.count("written: ") == 3


@pytest.fixture
def two_stems(tmp_path):
    """Return a page that asks about the first of two stems."""
    with Browser(tmp_path / "profile") as browser, ReviewServer(Reviews(stems(tmp_path, HIHAT, KICK))) as server:
        server.reviews.open(0)
        browser.visit(server.url)
        browser.wait_for(f"{QUESTION}.includes('hit?')")
        yield browser
    server.reviews.close()


LOOK = "version="  # what the page asks by itself, from time to time


def hold(browser, way, address):
    """Keep back until `release` what the page asks at an address: the "question", or the "answer" of this moment."""
    browser.value(
        f"""(() => {{
            const ask = window.fetch, released = new Promise(go => {{ window.release = go; }});
            window.asked = [];
            window.fetch = async (address, options) => {{
                const name = String(address);
                window.asked.push(name);
                if (!name.includes('{address}')) return ask(address, options);
                const early = '{way}' === 'answer' ? await ask(name.split('?')[0], options) : null;
                window.held = true;
                await released;
                const answer = early ?? await ask(address, options);
                setTimeout(() => {{ window.arrived = true; }}, 100);
                return answer;
            }};
        }})()"""
    )


def release(browser):
    """Let go what was kept back, and give the page time to take it."""
    browser.value("window.release()")
    browser.wait_for("window.arrived")


def test_a_question_about_the_stem_before_does_not_open_the_next_one_again(two_stems):
    two_stems.press("k")
    two_stems.wait_for(decided(1))
    hold(two_stems, "question", LOOK)
    two_stems.wait_for("window.held")
    two_stems.value(
        "(list => { list.value = 1; list.dispatchEvent(new Event('change')); })(document.querySelector('#stems'))"
    )
    two_stems.wait_for(f"document.querySelector('#title').textContent.includes('kick') && {decided(0)}")
    two_stems.press("]")
    two_stems.wait_for(f"{QUESTION}.includes('Right?')")
    release(two_stems)
    assert two_stems.value(f"{QUESTION}.includes('Right?')")
    assert "about" not in two_stems.value("window.asked")
    assert two_stems.problems == []


def test_the_next_stem_opens_once_though_the_state_of_the_last_comes_late(two_stems):
    two_stems.press("k")
    two_stems.wait_for(decided(1))
    hold(two_stems, "question", "0/state")
    two_stems.click("#finish")
    two_stems.wait_for("document.querySelector('#end').open && window.held")
    two_stems.click("#next")
    two_stems.value("new Promise(go => setTimeout(go, 1000))")
    release(two_stems)
    two_stems.wait_for(f"document.querySelector('#title').textContent.includes('kick') && {decided(0)}")
    two_stems.press("d")
    two_stems.wait_for(decided(1))
    assert "about" not in two_stems.value("window.asked")
    assert two_stems.problems == []


def test_a_state_from_before_a_decision_does_not_undo_it_in_the_page(two_stems):
    hold(two_stems, "answer", LOOK)
    two_stems.wait_for("window.held")
    two_stems.press("k")
    two_stems.wait_for(decided(1))
    release(two_stems)
    assert two_stems.value(decided(1))
    two_stems.press("d")
    two_stems.wait_for(decided(2))
    assert two_stems.problems == []


def test_it_fits_a_phone_and_a_large_screen_in_light_and_dark(run, tmp_path):
    with Browser(tmp_path / "profile") as browser:
        visit(browser, run)
        for width, height in ((360, 740), (1280, 800), (3840, 2160)):
            browser.size(width, height)
            for scheme in ("light", "dark"):
                browser.scheme(scheme)
                time.sleep(0.1)
                assert browser.value("document.documentElement.scrollWidth") <= width
                assert browser.value(f"{BUTTONS}.every(one => one.getBoundingClientRect().right <= {width})")
        assert browser.value(f"{BUTTONS}.every(one => (one.ariaLabel || one.textContent).trim())")
        assert browser.problems == []


def test_an_idle_review_ends_and_loses_nothing(tmp_path):
    run = Run([HIHAT], tmp_path, "--idle-minutes", "0.01")
    code, _, error = run.ended()
    assert code == 0
    assert "what you decided is saved" in error
