#!/usr/bin/env python3
"""The pictures of the review page in the guide: a desktop in light colours, a phone in dark ones."""

import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tests"))

from browser import Browser
from PIL import Image

ROOT = Path(__file__).resolve().parents[2]
SONG = ROOT / "test_songs" / "test1-hihat.flac"
PICTURES = {"review.png": (1280, 860, "light"), "review-phone.png": (390, 780, "dark")}
ANSWERS = "kdkdkk"
N_COLOURS = 224  # of a picture: half the bytes
STILL_S = 1.5  # until what moves has come to rest


def take_review_pictures(folder: Path) -> None:
    """Write the pictures to a folder."""
    with tempfile.TemporaryDirectory() as work:
        command = [sys.executable, ROOT / "stems_to_midi.py", "--input", SONG, "--output", Path(work) / "midi",
                   "--use-ml-model", "pretrained", "--review", "--no-browser"]  # fmt: skip
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
            try:
                url = re.search(r"http://\S+", process.stdout.readline())[0]
                with Browser(Path(work) / "profile") as browser:
                    _photograph(browser, url, folder)
            finally:
                process.terminate()


def _photograph(browser: Browser, url: str, folder: Path) -> None:
    browser.size(1280, 860)
    browser.visit(url)
    for n_decided, key in enumerate(ANSWERS):
        browser.wait_for(f"document.querySelector('#progress-text').textContent.startsWith('{n_decided} decided')")
        browser.press(key)
    for name, (width, height, scheme) in PICTURES.items():
        browser.size(width, height)
        browser.scheme(scheme)
        time.sleep(STILL_S)
        browser.screenshot(folder / name, scheme=scheme)
        with Image.open(folder / name) as picture:
            picture.convert("RGB").quantize(N_COLOURS, Image.Quantize.MAXCOVERAGE).save(folder / name, optimize=True)


if __name__ == "__main__":
    take_review_pictures(ROOT / "docs")
