"""The networks that ship with the toolkit, and the features that they compute for models."""

import zlib
from functools import cache
from pathlib import Path

import numpy as np

from drumhits.bundle import NETWORKS_DIR
from drumhits.detection.features import articulation_columns
from drumhits.drums import ARTICULATIONS
from drumhits.errors import InputError
from drumhits.io.plainpickle import damaged, loads
from drumhits.networks.inputs import LOWEST, N_INPUTS, N_INPUTS_BESIDE, N_INPUTS_IN_MIX, Inputs
from drumhits.networks.network import ROWS_AT_ONCE, SELF, Network, ensemble_log_odds

KIND = "drumhits networks"
NETWORK_LOG_ODDS, NETWORK_LOG_ODDS_IN_MIX = "Heard", "HeardInMix"


def heard(stem: str, inputs: Inputs, *, in_mix: bool = False) -> dict[str, np.ndarray]:
    """Return the heard features of all candidates of a stem, by name: what the stem's networks say on average."""
    judges = networks(stem, in_mix=in_mix)
    if not in_mix and inputs.mixture is None:
        judges = [network.with_last_inputs_at(LOWEST, N_INPUTS_BESIDE) for network in judges]
    articulations = articulation_columns(stem)
    scores = np.zeros((len(inputs), len(articulations)))
    alone = [np.empty((len(inputs), SELF), dtype=np.float32) for _ in judges]
    for first in range(0, len(inputs), ROWS_AT_ONCE):
        x = inputs[first : first + ROWS_AT_ONCE][:, : len(judges[0].mean)]
        these = slice(first, first + len(x))
        for network, rows in zip(judges, alone, strict=True):
            rows[these] = network.alone(x)
            if articulations:
                scores[these] += network.articulations(x, rows[these]) / len(judges)
    log_odds = ensemble_log_odds(judges, alone, inputs.table.times_s) if len(inputs) else np.zeros(0)
    columns = (log_odds.astype(np.float64), *scores.T)
    return dict(zip((NETWORK_LOG_ODDS_IN_MIX if in_mix else NETWORK_LOG_ODDS, *articulations), columns, strict=True))


def networks_path(stem: str, *, in_mix: bool = False) -> Path:
    """Return the file of the networks that hear a stem, by itself or in a mix."""
    return NETWORKS_DIR / f"{'mix-' if in_mix else ''}{stem}.pkl"


@cache
def networks(stem: str, *, in_mix: bool = False) -> tuple[Network, ...]:
    """Return the networks that come with the toolkit for a stem.

    Raises
    ------
    InputError
        Their file is missing or damaged.
    """
    name = str(networks_path(stem, in_mix=in_mix))
    plain = loads(_file_of(stem, in_mix), name)
    try:
        sizes = N_INPUTS_IN_MIX if in_mix else N_INPUTS, N_INPUTS_IN_MIX, len(ARTICULATIONS[stem])
        return tuple(Network.from_plain(one, *sizes) for one in plain["networks"])
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(name, "it holds no networks of this version") from error


@cache
def networks_digest(stem: str, *, in_mix: bool = False) -> str:
    """Return the digest of a file of networks: a model goes with those that it was trained beside."""
    return f"{zlib.crc32(_file_of(stem, in_mix)):08x}"


def _file_of(stem: str, in_mix: bool) -> bytes:
    path = networks_path(stem, in_mix=in_mix)
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); it comes with the toolkit, so put it back from there."
        ) from error
