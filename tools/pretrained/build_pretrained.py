"""Build models/pretrained/: render the training songs, analyse them as every stem is analysed, train networks on them.

The same performances, kits and options give the same files. What has been rendered and analysed is kept in a work
folder, so that a build goes on where it was stopped; it takes some three hours on two cores. Needs PyTorch (2.13 was
used) and `fluidsynth`.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import joblib
import numpy as np
import torch

sys.path.extend(str(Path(__file__).resolve().parents[2] / part) for part in ("", "tools/synthesis"))

from recorded_songs import ALL_FAST, HELD_OUT_BY_UNET, SPLIT_BY_UNET
from rendered_songs import (
    FIRST_HELD_OUT,
    FIRST_RECORDED,
    MIX,
    Material,
    add_material,
    kits_of,
    material_of,
    one_thread_each,
    rendered_song,
    train_separator,
)
from separation import STEMS
from train_networks import averaged, train_first_stage, with_rescoring
from training_examples import Example, analysed_song, read_example

from drumhits import __version__
from drumhits.analysis import ALL, FEATURE_SETS
from drumhits.analysis import MIX as MIX_FEATURES
from drumhits.config.load import default_config
from drumhits.io.files import write_whole
from drumhits.io.plainpickle import dumps
from drumhits.learning.validation import USUAL
from drumhits.metrics import precision_recall_f1
from drumhits.models.base import Logistic
from drumhits.models.modelfile import TrainedModel, detection_of, networks_of, pretrained_path
from drumhits.networks.bundled import KIND, NETWORK_LOG_ODDS, NETWORK_LOG_ODDS_IN_MIX, networks_path
from drumhits.networks.network import Network, ensemble_log_odds
from drumhits.numeric import expit

N_NETWORKS, N_NETWORKS_IN_MIX = 2, 1
SAMPLED_SONGS = range(2317)  # on kits of samples, split by masks or blindly
FURTHER_SONGS = (*range(FIRST_RECORDED, FIRST_RECORDED + 140), *ALL_FAST[:80], *SPLIT_BY_UNET[:1080])
RESCORED_EVERY = 5  # one sampled song in so many is not for the first stage but for re-scoring
AGAIN_EVERY = 3  # one sampled song in so many is trained on again beside the further ones
AVERAGED = ("toms",)  # the first stage is the mean of what it was before the further songs and after them
WITH_SECOND_LOOK = (*STEMS, f"{MIX}-cymbals")  # a ride in a mix is told by its rhythm; others there gain nothing
HELD_OUT_SONGS = range(FIRST_HELD_OUT, FIRST_HELD_OUT + 16)  # scores are taken on these,
HELD_OUT_SONGS_BY_UNET = HELD_OUT_BY_UNET[:24]  # and on these, of which models keep none
NAMES = tuple(f"{MIX}-{stem}" for stem in STEMS) + STEMS  # the models of stems note the networks of both


@dataclass(frozen=True)
class Songs:
    """Files of the analysed songs: those to train on first, then, and those for the scores."""

    sampled: list[Path]
    further: list[Path]
    held_out: list[Path]
    held_out_by_unet: list[Path]


def log_odds(networks: Sequence[Network], examples: Sequence[Example]) -> np.ndarray:
    """Return what networks say of the candidates of some songs, one after the other."""
    return np.concatenate([
        ensemble_log_odds(networks, [network.encode(one.x.astype(np.float32)) for network in networks], one.times_s)
        for one in examples
    ])  # fmt: skip


def scores_of(networks: Sequence[Network], examples: Sequence[Example]) -> dict[str, float]:
    """Return the scores of decisions about candidates; recall counts the strokes without a candidate, too."""
    kept = np.concatenate([one.kept for one in examples])
    decided = expit(log_odds(networks, examples)) >= USUAL
    n_played = sum(one.n_played for one in examples)
    scores = precision_recall_f1(int(np.sum(decided & kept)), n_played, int(decided.sum()))
    named = zip(("precision", "recall", "f1"), scores, strict=True)
    return {**{name: score or 0.0 for name, score in named}, "accuracy": float(np.mean(decided == kept))}


def of_networks_alone(feature: str, features: tuple[str, ...]) -> Logistic:
    """Return the model that takes one feature for the log odds, and leaves the others alone.

    What is `USUAL` to the networks is a confidence of a half: on strange songs they are too modest by about so much.
    """
    n, intercept = len(features), np.log((1 - USUAL) / USUAL)
    return Logistic.of_arrays(
        n, mean=np.zeros(n), scale=np.ones(n), coef=np.eye(n)[features.index(feature)], intercept=np.array([intercept])
    )


def _examples(paths: Sequence[Path], name: str) -> list[Example]:
    return [one for path in paths if len((one := read_example(path, name)).kept) > 1]


def trained(name: str, sampled: Sequence[Example], further: Sequence[Example]) -> list[Network]:
    """Return the networks of a stem, or of an instrument in a mix.

    The first stage is trained on sampled kits, then further on everything; of toms, the mean of both knows more kits.
    Re-scoring is trained on sampled kits alone: it decides better about real stems than what also knows the further
    songs. In a mix it decides no better than the first stage, but of cymbals (the tables of
    models/pretrained/README.md).
    """
    stem, in_mix = name.removeprefix(f"{MIX}-"), name.startswith(MIX)
    heard = [one for i, one in enumerate(sampled) if i % RESCORED_EVERY]
    first_stages = []
    for seed in range(N_NETWORKS_IN_MIX if in_mix else N_NETWORKS):
        before = train_first_stage(heard, stem, in_mix=in_mix, seed=seed).exported()
        everything = [*heard[seed::AGAIN_EVERY], *further]
        after = train_first_stage(everything, stem, in_mix=in_mix, seed=seed, start=before).exported()
        first_stages.append(averaged(before, after) if name in AVERAGED else after)
    unheard, second_look = sampled[::RESCORED_EVERY], name in WITH_SECOND_LOOK
    return with_rescoring(first_stages, unheard, stem, in_mix=in_mix, second_look=second_look)


def build(name: str, songs: Songs) -> str:
    """Train and write the networks and the model of a stem, or of an instrument in a mix ("mix-kick"); return a row."""
    torch.use_deterministic_algorithms(True)
    stem, in_mix = name.removeprefix(f"{MIX}-"), name.startswith(MIX)
    sampled, further = _examples(songs.sampled, name), _examples(songs.further, name)
    networks = trained(name, sampled, further)
    path = networks_path(stem, in_mix=in_mix)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, dumps({"kind": KIND, "networks": [network.to_plain() for network in networks]}))
    scores, by_unet = (scores_of(networks, _examples(some, name)) for some in (songs.held_out, songs.held_out_by_unet))
    features = FEATURE_SETS[MIX_FEATURES if in_mix else ALL]
    heard = NETWORK_LOG_ODDS_IN_MIX if in_mix else NETWORK_LOG_ODDS
    kept = np.concatenate([one.kept for one in (*sampled, *further)])
    model = TrainedModel(
        stem=stem,
        features=features,
        detection=detection_of(default_config().stems[stem]),
        offered=(),
        min_confidence=0.5,  # what is best on so few songs is chance
        classifier=of_networks_alone(heard, features),
        training={
            "algorithm": "network",
            "seed": 0,
            "kept": int(kept.sum()),
            "removed": int(np.sum(~kept)),
            "songs": [path.stem.removeprefix("examples-") for path in (*songs.sampled, *songs.further)],
            "scores": scores,
            "importance": {heard: 1.0},
            "versions": {"drumhits": __version__, "numpy": np.__version__, "torch": str(torch.__version__)},
        },
        networks=networks_of(stem, features),
    )
    write_whole(pretrained_path(stem, in_mix=in_mix), model.to_bytes())
    return (
        f"{name}: {len(kept)} candidates, {kept.sum()} hits, held-out "
        + ", ".join(f"{key} {value:.3f}" for key, value in scores.items())
        + f" at {USUAL:.2f}; held out and split by a network, f1 {by_unet['f1']:.3f}"
    )


def build_all(material: Material, work: Path, names: Sequence[str]) -> None:
    """Render and analyse the songs that are not in the work folder yet, then build the models of some names."""
    kits_of(material, work)
    train_separator(material, work)
    torch.set_num_threads(1)  # the separator was trained in more
    workers = joblib.Parallel(verbose=1)

    def analysed(numbers: Sequence[int]) -> list[Path]:
        rendered = workers(joblib.delayed(rendered_song)(number, material, work) for number in numbers)
        return workers(joblib.delayed(analysed_song)(path, work) for path in rendered)

    songs = Songs(*map(analysed, (SAMPLED_SONGS, FURTHER_SONGS, HELD_OUT_SONGS, HELD_OUT_SONGS_BY_UNET)))
    for in_mix in (True, False):
        for row in workers(joblib.delayed(build)(name, songs) for name in names if name.startswith(MIX) == in_mix):
            logging.info(row)


def get_parser() -> argparse.ArgumentParser:
    """Build the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        epilog="example:\n  python tools/pretrained/build_pretrained.py --performances groove "
        "--presets FluidR3_GM.sf2:128:0 MuseScore_General.sf3:128:16\n      --hydrogen drumkits "
        "--recorded kits --work build --jobs 2",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_material(parser)
    parser.add_argument(
        "--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME",
        help="build these models, of a stem (kick) or of an instrument in a mix (mix-kick); default: all",
    )  # fmt: skip
    return parser


def main(argv=None) -> None:
    """Build all models."""
    args = get_parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    with one_thread_each(args.jobs):
        build_all(material_of(args), args.work, args.only)


if __name__ == "__main__":
    main()
