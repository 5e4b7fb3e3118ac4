#!/usr/bin/env python3
"""Learning curve: F1 on unseen songs after 0, 20, 50, 100 and 200 of a user's decisions, beside the bundled model's.

Takes folders of NAME-STEM.wav (.flac ...) with NAME-STEM_ground_truth.mid. The decisions are those of a user who wants
just the true hits, or with --taste those played at a velocity or louder, taken song by song in a random order; F1 is of
the hits within 50 ms on the songs that gave none of them, pooled over several orders, of the bundled model on the same
songs.
"""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from accuracy import candidates_of, songs_with_truth

from drumhits.analysis import EMBEDDED, FEATURE_SETS, analyze
from drumhits.config.load import default_config
from drumhits.drums import STEMS
from drumhits.evaluation.truth import TruthPair, read_truth
from drumhits.learning.algorithms import ALGORITHMS, FOREST
from drumhits.learning.dataset import Dataset
from drumhits.learning.fit import beside_more_features, fit_dataset
from drumhits.learning.options import TrainingOptions
from drumhits.models.base import PlainModel
from drumhits.models.modelfile import TrainedModel, feature_matrix, load_model, pretrained_path

DECISIONS = (0, 20, 50, 100, 200)
EXAMPLE = "example:\n  python benchmarks/learning_curve.py corpus --stems snare hihat\n"


@dataclass(frozen=True)
class Song:
    """Candidates of a song by all features, then the embeddings; which of them are true; how many hits it has."""

    X: np.ndarray
    is_hit: np.ndarray
    n_true: int


def read_song(pair: TruthPair, bundled: TrainedModel, softest: int) -> Song:
    """Return a song of whose true hits those from a velocity on are wanted."""
    config = default_config().stems[bundled.stem]
    table, _ = analyze(pair.audio, config, EMBEDDED)
    notes = read_truth(pair.truth, config)[0]
    candidates = candidates_of(notes["time_s"], table.times_s, bundled.confidence(table) >= bundled.min_confidence)
    is_wanted = notes["velocity"] >= softest
    is_hit = np.zeros(len(table), dtype=bool)
    is_hit[candidates[(candidates >= 0) & is_wanted]] = True
    return Song(feature_matrix(table, FEATURE_SETS[EMBEDDED]), is_hit, int(is_wanted.sum()))


def decided(songs: list[Song], n: int) -> tuple[Dataset, int]:
    """Return the first `n` candidates of the songs in order as examples, and the number of songs that they are of."""
    n_songs = int(np.searchsorted(np.cumsum([len(song.X) for song in songs]), n)) + 1
    used = songs[:n_songs]
    numbers = np.concatenate([np.full(len(song.X), i) for i, song in enumerate(used)])
    X, kept = (np.concatenate([getattr(song, part) for song in used]) for part in ("X", "is_hit"))
    return Dataset(X[:n], kept[:n], numbers[:n], FEATURE_SETS[EMBEDDED]), n_songs


def counts(songs: list[Song], model: PlainModel, min_confidence: float) -> np.ndarray:
    """Return right notes, true hits and notes."""
    keep = [model.predict_proba(song.X[:, : model.n_features]) >= min_confidence for song in songs]
    right = sum(int(np.count_nonzero(mask & song.is_hit)) for mask, song in zip(keep, songs, strict=True))
    return np.array([right, sum(song.n_true for song in songs), sum(int(mask.sum()) for mask in keep)])


def refined(start: TrainedModel, examples: Dataset, algorithm: str) -> PlainModel:
    """Return what an algorithm makes of the start by the examples, of the features that it takes."""
    if not examples.y.any() or examples.y.all():
        return start.classifier
    features = FEATURE_SETS[TrainingOptions(algorithm=algorithm).feature_set]
    beside = beside_more_features(start, features)
    return fit_dataset(examples.of_features(features), algorithm=algorithm, start=beside).classifier


def curve(
    songs: list[Song], bundled: TrainedModel, algorithms: list[str], n_orders: int
) -> dict[str, list[float | None]]:
    """Return F1 for each of DECISIONS, of the bundled model and of what each algorithm makes of it."""
    totals = {how: np.zeros((len(DECISIONS), 3), dtype=int) for how in ("bundled", *algorithms)}
    for order in range(n_orders):
        shuffled = [songs[i] for i in np.random.default_rng(order).permutation(len(songs))]
        for row, n in enumerate(DECISIONS):
            examples, n_songs = decided(shuffled, n)
            held_out = shuffled[n_songs:]
            totals["bundled"][row] += counts(held_out, bundled.classifier, bundled.min_confidence)
            for algorithm in algorithms:
                classifier = refined(bundled, examples, algorithm)
                totals[algorithm][row] += counts(held_out, classifier, bundled.min_confidence)
    return {
        how: [2 * right / (true + made) if true else None for right, true, made in rows.tolist()]
        for how, rows in totals.items()
    }


def main(argv: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLE, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folders", nargs="+", type=Path, metavar="FOLDER", help="stems with their truth")
    parser.add_argument("--stems", nargs="+", choices=STEMS, default=STEMS, help="which stems (default: all)")
    parser.add_argument("--orders", type=int, default=5, metavar="N", help="random orders of the songs (default: 5)")
    parser.add_argument(
        "--algorithms", nargs="+", choices=ALGORITHMS, default=[FOREST], help="what learns (default: forest)"
    )
    parser.add_argument("--taste", type=int, default=0, metavar="VELOCITY", help="want no hit softer than this")
    args = parser.parse_args(argv)
    print(f"{'decisions':<18}" + "".join(f"{n:>8}" for n in DECISIONS))
    for stem in args.stems:
        pairs = [pair for folder in args.folders for pair in songs_with_truth(folder, stem)]
        if len(pairs) < 2:
            print(f"{stem:<18}needs two songs or more")
            continue
        bundled = load_model(pretrained_path(stem))
        songs = [read_song(pair, bundled, args.taste) for pair in pairs]
        for how, row in curve(songs, bundled, args.algorithms, args.orders).items():
            print(f"{stem + ' ' + how:<18}" + "".join(f"{'-':>8}" if f1 is None else f"{f1:8.3f}" for f1 in row))
    return 0


if __name__ == "__main__":
    sys.exit(main())
