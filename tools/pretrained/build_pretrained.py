"""Build models/pretrained/: render the training songs, analyse them as every stem is analysed, train networks on them.

The same performances, kits and options give the same files. What has been rendered and analysed is kept in a work
folder, so that a build goes on where it was stopped; it takes some three hours on two cores. Needs PyTorch (2.13 was
used) and `fluidsynth`.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
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
    add_material,
    kits_of,
    material_of,
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
from drumhits.networks.bundled import KIND, NETWORK_LOG_ODDS, NETWORK_LOG_ODDS_IN_MIX, networks_in, networks_path
from drumhits.networks.network import Network, ensemble_log_odds
from drumhits.numeric import expit

N_SONGS, N_SONGS_OF = 1717, {"hihat": 2317}  # the hi-hat of real recordings is hard: it has more, split blindly
N_NETWORKS, N_NETWORKS_IN_MIX = 2, 1
UNHEARD_EVERY = 16  # one of these songs in so many is not for the first stage but for re-scoring, as all of
FRESH_SONGS = range(10_000, 10_960)
FURTHER_SONGS = (*range(660), *range(FIRST_RECORDED, FIRST_RECORDED + 140), *ALL_FAST[:80], *SPLIT_BY_UNET[:480])
RESCORING_SONGS = SPLIT_BY_UNET[600:1080]  # for new re-scoring stages; otherwise they are trained on further, too
HELD_OUT_SONGS = range(FIRST_HELD_OUT, FIRST_HELD_OUT + 16)  # scores are taken on these,
HELD_OUT_SONGS_BY_UNET = HELD_OUT_BY_UNET[:24]  # and on these, of which models keep none
NAMES = tuple(f"{MIX}-{stem}" for stem in STEMS) + STEMS  # the models of stems note the networks of both


@dataclass(frozen=True)
class Songs:
    """Files of the analysed songs.

    Attributes
    ----------
    base, fresh : list of Path
        For the networks that others start from: for their first stage, and for re-scoring; none where they are there.
    further, rescoring : list of Path
        For training further, and for re-scoring after that.
    held_out, held_out_by_unet : list of Path
        For the scores.
    """

    base: list[Path]
    fresh: list[Path]
    further: list[Path]
    rescoring: list[Path]
    held_out: list[Path]
    held_out_by_unet: list[Path]

    def of(self, name: str) -> "Songs":
        """Return the songs of a stem, or of an instrument in a mix."""
        return replace(self, base=self.base[: N_SONGS_OF.get(name, N_SONGS)])


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


def base_networks(name: str, songs: Songs, start_from: Path | None) -> Sequence[Network]:
    """Return the networks to train further: those of a folder, or some trained on the base songs."""
    stem, in_mix = name.removeprefix(f"{MIX}-"), name.startswith(MIX)
    if start_from is not None:
        return networks_in(start_from / f"{name}.pkl", stem, in_mix=in_mix)
    heard = _examples([path for i, path in enumerate(songs.base) if i % UNHEARD_EVERY], name)
    unheard = _examples([*songs.base[::UNHEARD_EVERY], *songs.fresh], name)
    seeds = range(N_NETWORKS_IN_MIX if in_mix else N_NETWORKS)
    first_stages = [train_first_stage(heard, stem, in_mix=in_mix, seed=seed).exported() for seed in seeds]
    return with_rescoring(first_stages, unheard, stem, in_mix=in_mix, second_look=not in_mix)


def trained_further(before: Network, examples: Sequence[Example], stem: str, *, in_mix: bool, seed: int) -> Network:
    """Return a network whose first stage is the mean of what it was and of what more songs make of it."""
    after = train_first_stage(examples, stem, in_mix=in_mix, seed=seed, start=before).exported()
    return replace(before, weights={**before.weights, **averaged(before, after).weights})


def trained(
    name: str, songs: Songs, start_from: Path | None, *, second_look: bool, keep_first: bool
) -> tuple[list[Network], list[Example]]:
    """Return the networks of a stem, or of an instrument in a mix, and what they were trained further on."""
    stem, in_mix = name.removeprefix(f"{MIX}-"), name.startswith(MIX)
    base = base_networks(name, songs, start_from)
    for_first, for_second = _examples(songs.further, name), _examples(songs.rescoring, name)
    heard = for_first if second_look else for_first + for_second
    networks = [
        before if keep_first and seed == 0 else trained_further(before, heard, stem, in_mix=in_mix, seed=seed)
        for seed, before in enumerate(base)
    ]
    if second_look:
        networks = with_rescoring(networks, for_second, stem, in_mix=in_mix)
    return networks, for_first + for_second


def build(
    name: str,
    songs: Songs,
    start_from: Path | None = None,
    *,
    second_look: bool = False,
    keep_first: bool = False,
) -> str:
    """Train and write the networks and the model of a stem, or of an instrument in a mix ("mix-kick"); return a row.

    Parameters
    ----------
    start_from : Path, optional
        Folder of the networks that are trained further.
    second_look : bool
        Train a new one; otherwise they keep the one they have.
    keep_first : bool
        Leave the first of the networks as it was.
    """
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    stem, in_mix, songs = name.removeprefix(f"{MIX}-"), name.startswith(MIX), songs.of(name)
    networks, training = trained(name, songs, start_from, second_look=second_look, keep_first=keep_first)
    path = networks_path(stem, in_mix=in_mix)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, dumps({"kind": KIND, "networks": [network.to_plain() for network in networks]}))
    scores, by_unet = (scores_of(networks, _examples(some, name)) for some in (songs.held_out, songs.held_out_by_unet))
    features = FEATURE_SETS[MIX_FEATURES if in_mix else ALL]
    heard = NETWORK_LOG_ODDS_IN_MIX if in_mix else NETWORK_LOG_ODDS
    n_kept = sum(int(one.kept.sum()) for one in training)
    all_songs = (*songs.base, *songs.fresh, *songs.further, *songs.rescoring)
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
            "kept": n_kept,
            "removed": sum(len(one.kept) for one in training) - n_kept,
            "songs": [path.stem.removeprefix("examples-") for path in all_songs],
            "scores": scores,
            "importance": {heard: 1.0},
            "versions": {"drumhits": __version__, "numpy": np.__version__, "torch": str(torch.__version__)},
        },
        networks=networks_of(stem, features),
    )
    write_whole(pretrained_path(stem, in_mix=in_mix), model.to_bytes())
    return (
        f"{name}: {model.training['removed'] + n_kept} candidates, {n_kept} hits, held-out "
        + ", ".join(f"{key} {value:.3f}" for key, value in scores.items())
        + f" at {USUAL:.2f}; held out and split by a network, f1 {by_unet['f1']:.3f}"
    )


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
    n_songs = max(N_SONGS, *N_SONGS_OF.values())
    parser.add_argument(
        "--start-from", type=Path, metavar="DIR", help="networks to train further, in place of training them first"
    )
    parser.add_argument(
        "--only", nargs="+", choices=NAMES, default=NAMES, metavar="NAME",
        help="build these models, of a stem (kick) or of an instrument in a mix (mix-kick); default: all",
    )  # fmt: skip
    parser.add_argument(
        "--second-look", nargs="+", choices=NAMES, default=(), metavar="NAME", help="those that get a new second look"
    )
    parser.add_argument(
        "--keep-first", nargs="+", choices=NAMES, default=(), metavar="NAME",
        help="those whose first network stays as it was",
    )  # fmt: skip
    parser.add_argument("--songs", type=int, default=n_songs, metavar="N", help="how many to render (default: all)")
    return parser


def main(argv=None) -> None:
    """Build all models."""
    args = get_parser().parse_args(argv)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    material = material_of(args)
    kits_of(material, args.work)
    train_separator(material, args.work)
    workers = joblib.Parallel(args.jobs, verbose=1)

    def analysed(numbers: Sequence[int]) -> list[Path]:
        rendered = workers(joblib.delayed(rendered_song)(number, material, args.work) for number in numbers)
        return workers(joblib.delayed(analysed_song)(path, args.work) for path in rendered)

    base, fresh = ((), ()) if args.start_from else (range(args.songs), FRESH_SONGS)
    songs = Songs(*map(analysed, (base, fresh, FURTHER_SONGS, RESCORING_SONGS, HELD_OUT_SONGS, HELD_OUT_SONGS_BY_UNET)))
    for in_mix in (True, False):
        names = [name for name in NAMES if name in args.only and name.startswith(MIX) == in_mix]
        for row in workers(
            joblib.delayed(build)(
                name,
                songs,
                args.start_from,
                second_look=name in args.second_look,
                keep_first=name in args.keep_first,
            )
            for name in names
        ):
            logging.info(row)


if __name__ == "__main__":
    main()
