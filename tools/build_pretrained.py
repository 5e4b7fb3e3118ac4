"""Build models/pretrained/: render the training songs, analyse them as every stem is analysed, boost trees on them.

The same performances, kits and options give the same files. What has been rendered is kept in a work folder, so that a
build goes on where it was stopped; it takes an hour or two on two cores.
"""

import argparse
import logging
import sys
from pathlib import Path

import joblib
import numpy as np
import sklearn
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold

sys.path.insert(0, str(Path(__file__).parent.parent))

from boosting import boosted_of
from separation import STEMS
from training_examples import Material, analyse_song, kits_of

from drumhits import __version__
from drumhits.classifier import best_threshold, losses_when_shuffled, shares_of_losses
from drumhits.config import default_config
from drumhits.context import families
from drumhits.files import write_whole
from drumhits.forest import Boosted
from drumhits.model import FEATURE_SETS, TrainedModel, detection_of

N_FOLDS = 3
CHECKED = 5_000  # rows
BOOSTING = {
    "max_iter": 1000,
    "learning_rate": 0.05,
    "max_leaf_nodes": 32,
    "max_features": 0.2,
    "min_samples_leaf": 30,
    "l2_regularization": 1.0,
    "early_stopping": False,
    "random_state": 0,
}


def fit(X: np.ndarray, kept: np.ndarray) -> Boosted:
    """Boost trees, and make sure that the arrays taken over say the same as scikit-learn's."""
    fitted = HistGradientBoostingClassifier(**BOOSTING).fit(X, kept)
    boosted = boosted_of(fitted)
    np.testing.assert_allclose(boosted.predict(X[:CHECKED]), fitted.predict_proba(X[:CHECKED])[:, 1], rtol=0, atol=1e-9)
    return boosted


def build(stem: str, songs: list[Path], out: Path) -> str:
    """Fit, weigh and write the model of a stem; return its row of the report."""
    parts = [np.load(path) for path in songs]
    X = np.concatenate([part[f"{stem}_X"] for part in parts])
    kept = np.concatenate([part[f"{stem}_kept"] for part in parts])
    groups = np.concatenate([np.full(len(part[f"{stem}_kept"]), i) for i, part in enumerate(parts)])
    confidence, losses, columns = np.zeros(len(kept)), [], families(FEATURE_SETS["all"])
    for training, held_out in GroupKFold(N_FOLDS).split(X, kept, groups):
        fold = fit(X[training], kept[training])
        confidence[held_out] = fold.predict(X[held_out])
        some = held_out[:CHECKED]
        losses.append(losses_when_shuffled(fold, X[some], kept[some], columns, BOOSTING["random_state"]))
    min_confidence = best_threshold(confidence, kept)
    decided = confidence >= min_confidence
    hits, n_decided, n_kept = int(np.sum(decided & kept)), int(decided.sum()), int(kept.sum())
    scores = {
        "precision": hits / n_decided,
        "recall": hits / n_kept,
        "f1": 2 * hits / (n_decided + n_kept),
        "accuracy": float(np.mean(decided == kept)),
    }
    model = TrainedModel(
        stem=stem,
        features=FEATURE_SETS["all"],
        detection=detection_of(default_config().stems[stem]),
        after_thresholds=False,
        min_confidence=min_confidence,
        classifier=fit(X, kept),
        training={
            "algorithm": "boosting",
            "seed": BOOSTING["random_state"],
            "kept": n_kept,
            "removed": len(kept) - n_kept,
            "songs": [
                {"name": path.stem, "kept": int(part[f"{stem}_kept"].sum())}
                for path, part in zip(songs, parts, strict=True)
            ],
            "scores": scores,
            "importance": shares_of_losses(columns, losses, np.ones(X.shape[1])),
            "versions": {"drumhits": __version__, "numpy": np.__version__, "scikit-learn": sklearn.__version__},
        },
    )
    write_whole(out / f"{stem}.pkl", model.to_bytes())
    return f"{stem}: {len(kept)} candidates, {n_kept} hits, held-out F1 {scores['f1']:.3f} at {min_confidence:.2f}"


def _preset(text: str) -> tuple[Path, int, int]:
    font, bank, program = text.rsplit(":", 2)
    return Path(font), int(bank), int(program)


def get_parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="example:\n  python tools/build_pretrained.py --performances groove --presets FluidR3_GM.sf2:128:0 "
        "MuseScore_General.sf3:128:16\n      --hydrogen drumkits --work build --out models/pretrained --jobs 2",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    folder = {"type": Path, "metavar": "DIR", "required": True}
    parser.add_argument("--performances", **folder, help="MIDI files of human drumming")
    parser.add_argument(
        "--presets", nargs="+", type=_preset, required=True, metavar="FONT:BANK:PROGRAM", help="kits of sound fonts"
    )
    parser.add_argument("--hydrogen", **folder, help="folder of Hydrogen's kits")
    parser.add_argument("--songs", type=int, default=1600, metavar="N", help="how many to render (default: 1600)")
    parser.add_argument("--work", **folder, help="keeps what was rendered")
    parser.add_argument("--out", **folder, help="gets STEM.pkl")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="processes (default: 1)")
    return parser


def main(argv=None) -> None:
    """Build all models."""
    args = get_parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    args.work.mkdir(parents=True, exist_ok=True)
    material = Material(
        tuple(sorted(args.performances.glob("*.mid"))),
        tuple(args.presets),
        tuple(sorted(path.parent for path in args.hydrogen.glob("*/drumkit.xml"))),
    )
    kits_of(material, args.work)
    workers = joblib.Parallel(args.jobs, verbose=1)
    songs = workers(joblib.delayed(analyse_song)(number, material, args.work) for number in range(args.songs))
    for row in workers(joblib.delayed(build)(stem, songs, args.out) for stem in STEMS):
        logging.info(row)


if __name__ == "__main__":
    main()
