"""The benchmark of the order of questions runs, and says where there is nothing to measure."""

import re

from running import ROOT, run_script

SCRIPT = "benchmarks/active_learning.py"


def test_our_order_leaves_fewer_wrong_decisions_than_that_of_the_song(tmp_path):
    done = run_script(SCRIPT, ROOT / "test_songs", "--stems", "hihat", "--random", 1)
    assert done.returncode == 0, done.stderr
    left = dict(re.findall(r"^  (ours|in time), wrong left +[\d.]+ +[\d.]+ +([\d.]+)", done.stdout, re.MULTILINE))
    n_wrong = int(re.search(r"hihat: 1 songs, \d+ candidates, (\d+) decided wrongly", done.stdout)[1])
    assert float(left["ours"]) <= n_wrong / 2
    assert float(left["ours"]) <= float(left["in time"])
    of_one_song = re.search(r"ours more than in time +(.+)\n +at least +(.+)\n +at most +(.+)", done.stdout).groups()
    assert of_one_song[0].split() == of_one_song[1].split() == of_one_song[2].split()
    assert float(of_one_song[0].split()[2]) == float(left["ours"]) - float(left["in time"])


def test_folders_without_songs_are_said(tmp_path):
    done = run_script(SCRIPT, tmp_path)
    assert done.returncode == 3
    assert "no NAME-STEM.wav" in done.stderr
