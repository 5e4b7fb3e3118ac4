"""Build models/pretrained/: render the training songs, analyse them as every stem is analysed, train networks on them.

The same performances, kits and options give the same files. What has been rendered and analysed is kept in a work
folder, so that a build goes on where it was stopped; it takes two hours on two cores. Needs PyTorch (2.13 was used) and
`fluidsynth`.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

import joblib
import numpy as np
import torch

sys.path.extend(str(Path(__file__).resolve().parents[2] / part) for part in ("", "tools/synthesis"))

from rendered_songs import MIX, Material, kits_of, rendered_song
from separation import STEMS
from train_networks import train_first_stage, with_rescoring
from training_examples import Example, analysed_song, read_example

from drumhits import __version__
from drumhits.analysis import ALL, FEATURE_SETS
from drumhits.analysis import MIX as MIX_FEATURES
from drumhits.config.load import default_config
from drumhits.io.files import write_whole
from drumhits.io.plainpickle import dumps
from drumhits.learning.validation import decision_threshold
from drumhits.metrics import precision_recall_f1
from drumhits.models.base import Logistic
from drumhits.models.modelfile import TrainedModel, detection_of, networks_of, pretrained_path
from drumhits.networks.bundled import KIND, NETWORK_LOG_ODDS, NETWORK_LOG_ODDS_IN_MIX, networks_path
from drumhits.networks.network import Network, ensemble_log_odds
from drumhits.numeric import expit

N_SONGS, N_SONGS_OF = 1717, {"hihat": 2317}  # the hi-hat of real recordings is hard: it has more, split blindly
N_NETWORKS, N_NETWORKS_IN_MIX = 2, 1
UNHEARD_EVERY = 16  # one of these songs in so many is not for the first stage but for re-scoring, as all of
FRESH_SONGS = range(10_000, 10_960)
HOLD_OUT_EVERY = 5  # one of the fresh songs in so many neither hears: it is scored on


def log_odds(networks: Sequence[Network], examples: Sequence[Example]) -> np.ndarray:
    """Return what networks say of the candidates of some songs, one after the other."""
    return np.concatenate([
        ensemble_log_odds(networks, [network.encode(one.x.astype(np.float32)) for network in networks], one.times_s)
        for one in examples
    ])  # fmt: skip


def scores_at(min_confidence: float, confidence: np.ndarray, examples: Sequence[Example]) -> dict[str, float]:
    """Return the scores of decisions about candidates; recall counts the strokes without a candidate, too."""
    kept = np.concatenate([one.kept for one in examples])
    decided = confidence >= min_confidence
    n_played = sum(one.n_played for one in examples)
    scores = precision_recall_f1(int(np.sum(decided & kept)), n_played, int(decided.sum()))
    named = zip(("precision", "recall", "f1"), scores, strict=True)
    return {**{name: score or 0.0 for name, score in named}, "accuracy": float(np.mean(decided == kept))}


def hears_only(feature: str, features: tuple[str, ...]) -> Logistic:
    """Return the model that takes one feature for the log odds, and leaves the others alone."""
    n = len(features)
    return Logistic.of_arrays(
        n, mean=np.zeros(n), scale=np.ones(n), coef=np.eye(n)[features.index(feature)], intercept=np.zeros(1)
    )


def parts(songs: list[Example], fresh: list[Example]) -> tuple[list[Example], list[Example], list[Example]]:
    """Return the examples of the first stage, those of the re-scoring stage, and those that scores are taken on."""
    heard = [one for i, one in enumerate(songs) if i % UNHEARD_EVERY]
    without_articulation_scores = songs[::UNHEARD_EVERY] + [one for i, one in enumerate(fresh) if i % HOLD_OUT_EVERY]
    return heard, without_articulation_scores, [one for one in fresh[::HOLD_OUT_EVERY] if len(one.kept)]


def build(name: str, songs: list[Path], fresh: list[Path]) -> str:
    """Train and write the networks and the model of a stem, or of an instrument in a mix ("mix-kick"); return a row."""
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    stem, in_mix = name.removeprefix(f"{MIX}-"), name.startswith(MIX)
    for_first, for_second, held_out = parts(
        [read_example(path, name) for path in songs], [read_example(path, name) for path in fresh]
    )
    mean_first_stage = [
        train_first_stage(for_first, stem, in_mix=in_mix, seed=seed).exported()
        for seed in range(N_NETWORKS_IN_MIX if in_mix else N_NETWORKS)
    ]
    networks = with_rescoring(mean_first_stage, for_second, stem, in_mix=in_mix)
    path = networks_path(stem, in_mix=in_mix)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, dumps({"kind": KIND, "networks": [network.to_plain() for network in networks]}))
    confidence = expit(log_odds(networks, held_out))
    min_confidence = decision_threshold(confidence, np.concatenate([one.kept for one in held_out]))
    scores = scores_at(min_confidence, confidence, held_out)
    features = FEATURE_SETS[MIX_FEATURES if in_mix else ALL]
    heard = NETWORK_LOG_ODDS_IN_MIX if in_mix else NETWORK_LOG_ODDS
    training = for_first + for_second
    n_kept = sum(int(one.kept.sum()) for one in training)
    model = TrainedModel(
        stem=stem,
        features=features,
        detection=detection_of(default_config().stems[stem]),
        offered=(),
        min_confidence=min_confidence,
        classifier=hears_only(heard, features),
        training={
            "algorithm": "network",
            "seed": 0,
            "kept": n_kept,
            "removed": sum(len(one.kept) for one in training) - n_kept,
            "songs": [path.stem.removeprefix("examples-") for path in (*songs, *fresh)],
            "scores": scores,
            "importance": {heard: 1.0},
            "versions": {"drumhits": __version__, "numpy": np.__version__, "torch": str(torch.__version__)},
        },
        networks=networks_of(stem, features),
    )
    write_whole(pretrained_path(stem, in_mix=in_mix), model.to_bytes())
    return f"{name}: {model.training['removed'] + n_kept} candidates, {n_kept} hits, held-out " + ", ".join(
        f"{key} {value:.3f}" for key, value in scores.items()
    ) + f" at {min_confidence:.2f}"


def _preset(text: str) -> tuple[Path, int, int]:
    font, bank, program = text.rsplit(":", 2)
    return Path(font), int(bank), int(program)


def get_parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="example:\n  python tools/pretrained/build_pretrained.py --performances groove "
        "--presets FluidR3_GM.sf2:128:0 MuseScore_General.sf3:128:16\n      --hydrogen drumkits --work build --jobs 2",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    folder = {"type": Path, "metavar": "DIR", "required": True}
    parser.add_argument("--performances", **folder, help="MIDI files of human drumming")
    parser.add_argument(
        "--presets", nargs="+", type=_preset, required=True, metavar="FONT:BANK:PROGRAM", help="kits of sound fonts"
    )
    parser.add_argument("--hydrogen", **folder, help="folder of Hydrogen's kits")
    n_songs = max(N_SONGS, *N_SONGS_OF.values())
    parser.add_argument("--songs", type=int, default=n_songs, metavar="N", help="how many to render (default: all)")
    parser.add_argument("--work", **folder, help="keeps what was rendered")
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
    numbers = [*range(args.songs), *FRESH_SONGS]
    rendered = workers(joblib.delayed(rendered_song)(number, material, args.work) for number in numbers)
    analysed = workers(joblib.delayed(analysed_song)(path, args.work) for path in rendered)
    songs, fresh = analysed[: args.songs], analysed[args.songs :]
    names = [*STEMS, *(f"{MIX}-{stem}" for stem in STEMS)]
    for row in workers(joblib.delayed(build)(name, songs[: N_SONGS_OF.get(name, N_SONGS)], fresh) for name in names):
        logging.info(row)


if __name__ == "__main__":
    main()
