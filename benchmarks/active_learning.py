#!/usr/bin/env python3
"""Answers of a review: what is still wrong after 5 to 80 of them, in our order and in others.

Takes folders of NAME-STEM.wav (.flac ...) with NAME-STEM_ground_truth.mid. The user answers as the truth does, or with
--taste as if hits softer than a velocity were none. Wrong are the decisions about candidates, those that were asked
about left out, of all songs together; hits without a candidate are counted apart, and so are the places where a review
says that one was likely missed. The orders: ours, the most uncertain first, in time, and at random (the mean of
several); what is learned from the answers is the same in all. At the end our order beside each other one: how many
fewer or more it leaves wrong, with the 95 % interval over songs and stems.
"""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from accuracy import candidates_of, songs_with_truth

from drumhits.analysis import ALL, FEATURE_SETS, analyze
from drumhits.config.load import default_config
from drumhits.drums import STEMS
from drumhits.evaluation.truth import TruthPair, read_truth
from drumhits.learning.dataset import Dataset
from drumhits.learning.fit import fit_dataset
from drumhits.matching import match_times
from drumhits.metrics import INTERVAL, f1_score, resampled_songs
from drumhits.models.base import PlainModel
from drumhits.models.modelfile import TrainedModel, feature_matrix, load_model, pretrained_path
from drumhits.review.choosing.beliefs import Beliefs
from drumhits.review.choosing.known import Known, known
from drumhits.review.missed import likely_missed
from drumhits.transcription.convert import Job

ANSWERS = (5, 10, 20, 40, 80)
SHARES = (0.05, 0.1, 0.2)  # of the queue
PLACES = 5  # a song, where hits are likely missed
WINDOW_S = 0.05
FEATURES = FEATURE_SETS[ALL]
OURS, UNCERTAIN, IN_TIME, RANDOM = "ours", "most uncertain", "in time", "random"
ORDERS = (OURS, UNCERTAIN, IN_TIME, RANDOM)
EXAMPLE = "example:\n  python benchmarks/active_learning.py corpus --stems snare hihat --taste 60\n"


@dataclass(frozen=True, eq=False)
class Song:
    """Candidates of a stem, what beliefs go by, which are wanted, what the bundled model says, number of wanted hits.

    Of the first places where hits are said to be likely missed: how many there are, and at how many a wanted hit is
    that has no candidate.
    """

    X: np.ndarray
    known: Known
    y: np.ndarray
    prior: np.ndarray
    n_true: int
    n_places: int
    n_found: int


@dataclass(frozen=True, eq=False)
class Reviewed:
    """What is kept of a song after each of ANSWERS, and the candidates that were asked about, in their order."""

    keep: list[np.ndarray]
    asked: np.ndarray


def read_song(pair: TruthPair, model: TrainedModel, softest: int) -> Song:
    """Return a song of whose true hits those from a velocity on are wanted."""
    config = model.config(default_config().stems[model.stem])
    table, _ = analyze(pair.audio, config, ALL)
    notes = read_truth(pair.truth, config)[0]
    prior = model.confidence(table)
    candidates = candidates_of(notes["time_s"], table.times_s, prior >= model.min_confidence)
    has_candidate, is_wanted = candidates >= 0, notes["velocity"] >= softest
    y = np.zeros(len(table), dtype=bool)
    y[candidates[has_candidate & is_wanted]] = True
    job = Job(pair.audio, pair.audio, model.stem, default_config(), model=model)
    places_s = np.sort(likely_missed(job, ALL, model.min_confidence, table.times_s)[:PLACES])
    missed_s = notes["time_s"][~has_candidate & is_wanted]
    n_found = len(match_times(missed_s, places_s, WINDOW_S))
    of_models = feature_matrix(table, FEATURES)
    return Song(
        of_models, known(of_models, table, config), y, prior, int(is_wanted.sum()), len(places_s), n_found
    )


def review(song: Song, min_confidence: float, order: str, seed: int) -> Reviewed:
    """Return what becomes of a song whose hits are asked about in some order."""
    n, kept = len(song.y), []
    beliefs = Beliefs(*song.known, song.prior, min_confidence)
    at_random = np.random.default_rng(seed).permutation(n)
    asked = np.zeros(0, dtype=int)
    for count in range(1, max(ANSWERS) + 1):
        if len(asked) < n:
            free = np.setdiff1d(np.arange(n), asked)
            following = {
                OURS: lambda free=free: beliefs.order(free)[0],
                UNCERTAIN: lambda free=free: free[np.argmax(beliefs.risk[free])],
                IN_TIME: lambda free=free: free[0],
                RANDOM: lambda asked=asked: at_random[len(asked)],
            }[order]()
            asked = np.append(asked, following)
            beliefs.learn(asked, song.y[asked])
        if count in ANSWERS:
            keep = beliefs.probability >= 0.5
            keep[asked] = song.y[asked]
            kept.append(keep)
    return Reviewed(kept, asked)


def wrong(songs: Sequence[Song], keeps: Sequence[np.ndarray]) -> np.ndarray:
    """Return how many decisions are wrong in each song, shape (n_songs,)."""
    return np.array([np.count_nonzero(keep != song.y) for song, keep in zip(songs, keeps, strict=True)])


def interval_of_sum(of_songs: np.ndarray) -> np.ndarray:
    """Return the bootstrap interval of what numbers of songs add up to, shape (2, n), from shape (n_songs, n)."""
    return np.percentile(resampled_songs(len(of_songs)) @ of_songs, INTERVAL, axis=0)


def f1(songs: Sequence[Song], keeps: Sequence[np.ndarray]) -> float:
    """Return F1 of the hits of all songs together; hits without a candidate count as missed."""
    right = sum(int(np.count_nonzero(keep & song.y)) for song, keep in zip(songs, keeps, strict=True))
    return float(f1_score(right, sum(song.n_true for song in songs), sum(int(keep.sum()) for keep in keeps)))


def f1_unseen(songs: Sequence[Song], reviewed: Sequence[Reviewed], n_answers: int, start: TrainedModel) -> float:
    """Return F1 on songs by models that were fitted to the answers about the others: two halves, each for the other."""
    keeps: list[np.ndarray] = [np.zeros(0, bool)] * len(songs)
    for half in (0, 1):
        of_others = [i for i in range(len(songs)) if i % 2 != half]
        classifier = _fitted([songs[i] for i in of_others], [reviewed[i].asked[:n_answers] for i in of_others], start)
        for i in range(half, len(songs), 2):
            keeps[i] = classifier.predict_proba(songs[i].X) >= start.min_confidence
    return f1(songs, keeps)


def _fitted(songs: Sequence[Song], asked: Sequence[np.ndarray], start: TrainedModel) -> PlainModel:
    X = np.concatenate([song.X[rows] for song, rows in zip(songs, asked, strict=True)])
    y = np.concatenate([song.y[rows] for song, rows in zip(songs, asked, strict=True)])
    groups = np.repeat(np.arange(len(songs)), [len(rows) for rows in asked])
    if y.all() or not y.any():
        return start.classifier
    return fit_dataset(Dataset(X, y, groups, FEATURES), start=start).classifier


def first_in_queue(songs: Sequence[Song], min_confidence: float) -> list[float]:
    """Return the share of the wrong decisions that lie in each of SHARES of the queue before the first answer."""
    found, total = np.zeros(len(SHARES)), 0
    for song in songs:
        is_wrong = (song.prior >= min_confidence) != song.y
        queue = Beliefs(*song.known, song.prior, min_confidence).order(np.arange(len(song.y)))
        found += [np.count_nonzero(is_wrong[queue[: round(share * len(queue))]]) for share in SHARES]
        total += int(is_wrong.sum())
    return (found / max(total, 1)).tolist()


def report(
    stem: str, songs: Sequence[Song], model: TrainedModel, n_random: int, *, unseen: bool
) -> dict[str, np.ndarray]:
    """Print what the orders make of the songs of a stem, and return what they leave wrong.

    Returns
    -------
    left : dict of order to np.ndarray, shape (n_songs, 1 + len(ANSWERS))
        Wrong decisions before the first answer and after each of ANSWERS.
    """
    at_first = [song.prior >= model.min_confidence for song in songs]
    of_songs = wrong(songs, at_first)
    n_wrong, never = int(of_songs.sum()), sum(song.n_true - int(song.y.sum()) for song in songs)
    print(f"\n{stem}: {len(songs)} songs, {sum(len(song.y) for song in songs)} candidates, {n_wrong} decided wrongly, "
          f"F1 {f1(songs, at_first):.3f}; {never} hits without a candidate")  # fmt: skip
    shares = zip(SHARES, first_in_queue(songs, model.min_confidence), strict=True)
    print("  wrong ones in the first " + ", ".join(f"{share:.0%} of the queue: {found:.0%}" for share, found in shares))
    n_places, n_found = sum(song.n_places for song in songs), sum(song.n_found for song in songs)
    print(f"  likely missed: {n_places} places, {n_found} of them hits without a candidate")
    left = {}
    for order in ORDERS:
        seeds = range(n_random if order == RANDOM else 1)
        runs = [[review(song, model.min_confidence, order, seed) for song in songs] for seed in seeds]
        by_count = [[[one.keep[i] for one in run] for run in runs] for i in range(len(ANSWERS))]
        after = [np.mean([wrong(songs, keeps) for keeps in same], axis=0) for same in by_count]
        left[order] = np.stack([of_songs, *after], axis=1)
        _print_row(f"{order}, wrong left", left[order][:, 1:].sum(axis=0), "8.1f")
        _print_row(f"{order}, F1", [np.mean([f1(songs, keeps) for keeps in same]) for same in by_count], "8.3f")
        if unseen and len(songs) > 1:
            _print_row(f"{order}, F1 unseen", [f1_unseen(songs, runs[0], n, model) for n in ANSWERS], "8.3f")
    return left


def _print_row(name: str, values: Sequence[float] | np.ndarray, form: str) -> None:
    print(f"  {name:<28}" + "".join(format(value, form) for value in values), flush=True)


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="stems with their truth")
    parser.add_argument("--stems", nargs="+", choices=STEMS, default=STEMS, help="which stems (default: all)")
    parser.add_argument("--taste", type=int, default=0, metavar="VELOCITY", help="want no hit softer than this")
    parser.add_argument("--random", type=int, default=5, metavar="N", help="random orders (default: 5)")
    parser.add_argument("--unseen", action="store_true", help="also F1 on songs that gave no answer (slow)")
    args = parser.parse_args(argv)
    print(f"{'answers a song':<30}" + "".join(f"{n:8d}" for n in ANSWERS))
    reports = []
    for stem in args.stems:
        model = load_model(pretrained_path(stem))
        pairs = [pair for folder in args.folders for pair in songs_with_truth(folder, stem)]
        songs = [read_song(pair, model, args.taste) for pair in pairs]
        if songs:
            reports.append(report(stem, songs, model, args.random, unseen=args.unseen))
    if not reports:
        print("no NAME-STEM.wav (.flac ...) with its NAME-STEM_ground_truth.mid in these folders", file=sys.stderr)
        return 3
    left = {order: np.concatenate([one[order] for one in reports]) for order in ORDERS}
    n_wrong = left[OURS][:, 0].sum()
    print(f"\nall stems: {n_wrong:.0f} decided wrongly")
    for order, of_songs in left.items():
        total = of_songs[:, 1:].sum(axis=0)
        _print_row(f"{order}, wrong left", total, "8.1f")
        _print_row(f"{order}, share left", total / max(n_wrong, 1), "8.0%")
    for order in ORDERS[1:]:
        more = (left[OURS] - left[order])[:, 1:]
        _print_row(f"ours more than {order}", more.sum(axis=0), "+8.1f")
        for name, limits in zip(("  at least", "  at most"), interval_of_sum(more), strict=True):
            _print_row(name, limits, "+8.1f")
    return 0


if __name__ == "__main__":
    sys.exit(main())
