"""The networks that ship with the toolkit, and the features that they compute for models.

The other features describe a candidate by a few numbers. A network takes the energy envelopes around it, in its stem
and in the siblings, together with the other candidates of the stem (see `inputs` and `network`):

HeardInMix   log odds that the candidate is a hit, by a network for files that are whole drum mixes
Heard        the same for stems. Where siblings are there, HeardInMix of the same stroke in the stem sum has a share
             in it (see `drums.StemProfile`): a separation spoils the stem, but hardly the sum of all. Of two
             candidates nearer than 46 ms the less likely one is a double, and its log odds low
Heard:open   and so on: scores of the articulations, whose exponentials are in the ratio of their probabilities
Hidden0      and so on: the activations of each network's last hidden layer before the log odds of its first stage, one
             network after the other; for networks that are trained on a user's edits

The networks lie in models/pretrained/networks/ and were made by tools/pretrained/build_pretrained.py.
"""

import zlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from drumhits.bundle import NETWORKS_DIR
from drumhits.config.load import StemConfig
from drumhits.detection.features import SUM_LEVEL, TINY, Candidates, FeatureTable, articulation_columns
from drumhits.detection.frames import Chunk
from drumhits.detection.patches import PatchCollector
from drumhits.detection.retriggers import Echo, closest_wait, not_echoes
from drumhits.detection.song_audio import SongAudio
from drumhits.drums import ARTICULATIONS, PROFILES
from drumhits.errors import InputError
from drumhits.io.plainpickle import damaged, loads
from drumhits.matching import nearest
from drumhits.networks.inputs import LOWEST, N_INPUTS, N_INPUTS_BESIDE, N_INPUTS_IN_MIX, Inputs
from drumhits.networks.network import (
    CONTEXTUAL,
    EMBEDDING,
    ROWS_AT_ONCE,
    Network,
    ensemble_contextual,
    ensemble_log_odds,
)
from drumhits.numeric import amplitude_to_db

KIND = "drumhits networks"
NETWORK_LOG_ODDS, NETWORK_LOG_ODDS_IN_MIX = "Heard", "HeardInMix"
N_NETWORKS = 2  # of each stem
EMBEDDING_FEATURES = tuple(f"Hidden{i}" for i in range(N_NETWORKS * CONTEXTUAL))
DOUBLE_LOG_ODDS = -6.0  # at most, of a candidate that lies too near to a likelier one to be a stroke of its own
HIT_SHARE = 0.01  # of the weight of all candidates: below it, there is no hit among them
SAME_STROKE_S = 0.03  # how far apart the candidates of one stroke lie in a stem and in the stem sum


@dataclass(frozen=True, eq=False)
class SumView:
    """What the sum of a stem and its siblings says of the stem's candidates.

    Attributes
    ----------
    patch : np.ndarray, shape (n,), `patches.PATCH_DTYPE`
        At the stem's candidates.
    times_s, log_odds, level_db : np.ndarray, shape (m,)
        Of the candidates that the sum has by itself, increasing; HeardInMix and GeoMean of each.
    """

    patch: np.ndarray
    times_s: np.ndarray
    log_odds: np.ndarray
    level_db: np.ndarray

    def of_same_strokes(self, column: np.ndarray, times_s: np.ndarray) -> np.ndarray:
        """Return a column of the sum's candidates for strokes at some times, shape (n,); NaN where it has none."""
        index, distance_s = nearest(times_s, self.times_s)
        found, is_same = np.full(len(times_s), np.nan), distance_s <= SAME_STROKE_S
        found[is_same] = column[index[is_same]]
        return found


def network_features(
    stem: str, inputs: Inputs, *, in_mix: bool = False, with_embeddings: bool = False
) -> dict[str, np.ndarray]:
    """Return the ensemble-averaged log odds of all candidates, and the scores of their articulations, by name.

    Parameters
    ----------
    stem : str
    inputs : Inputs
    in_mix : bool
        By the network for whole mixes.
    with_embeddings : bool
        Also EMBEDDING_FEATURES, after them.
    """
    ensemble = networks(stem, in_mix=in_mix)
    if not in_mix and inputs.stem_sum is None:
        ensemble = tuple(network.with_last_inputs_at(LOWEST, N_INPUTS_BESIDE) for network in ensemble)
    articulations = articulation_columns(stem)
    scores = np.zeros((len(inputs), len(articulations)))
    embeddings = [np.empty((len(inputs), EMBEDDING), dtype=np.float32) for _ in ensemble]
    for first in range(0, len(inputs), ROWS_AT_ONCE):
        x = inputs[first : first + ROWS_AT_ONCE][:, : len(ensemble[0].mean)]
        these = slice(first, first + len(x))
        for network, rows in zip(ensemble, embeddings, strict=True):
            rows[these] = network.encode(x)
            if articulations:
                scores[these] += network.articulations(x, rows[these]) / len(ensemble)
    contextual, log_odds = [np.zeros((0, CONTEXTUAL))] * len(ensemble), np.zeros(0)
    if len(inputs):
        contextual = ensemble_contextual(ensemble, embeddings, inputs.table.times_s)
        log_odds = ensemble_log_odds(ensemble, embeddings, inputs.table.times_s, contextual)
    names = (NETWORK_LOG_ODDS_IN_MIX if in_mix else NETWORK_LOG_ODDS, *articulations)
    columns = dict(zip(names, (log_odds.astype(np.float64), *scores.T), strict=True))
    hidden = np.concatenate(contextual, axis=1).T.astype(np.float64) if with_embeddings else ()
    return columns | dict(zip(EMBEDDING_FEATURES, hidden, strict=False))


def are_strokes_apart(log_odds: np.ndarray, samples: np.ndarray, onset_wait: int) -> np.ndarray:
    """Tell which candidates have no likelier one within `closest_wait`, shape (n,), bool."""
    wait = closest_wait(onset_wait)
    return not_echoes(samples, log_odds, Echo(wait, wait, 0.0))


def without_doubles(log_odds: np.ndarray, samples: np.ndarray, onset_wait: int) -> np.ndarray:
    """Return log odds, shape (n,), with those of doubles lowered; see `are_strokes_apart`."""
    is_stroke = are_strokes_apart(log_odds, samples, onset_wait)
    return np.where(is_stroke, log_odds, np.minimum(log_odds, DOUBLE_LOG_ODDS))


def hold_no_hit(table: FeatureTable) -> bool:
    """Tell whether next to none of the candidates are hits by the networks, weighted by the square of GeoMean."""
    weights = table["GeoMean"] ** 2
    return bool(weights[table[NETWORK_LOG_ODDS] > 0].sum() < HIT_SHARE * weights.sum())


def geomean_db(table: FeatureTable) -> np.ndarray:
    """Return the GeoMean of candidates in dB, as SumView and SUM_LEVEL have it."""
    return amplitude_to_db(table["GeoMean"] + TINY)


def with_sum(log_odds: np.ndarray, times_s: np.ndarray, view: SumView, share: float) -> np.ndarray:
    """Return some log odds, shape (n,), with a share of those in the sum, where it has the same stroke."""
    in_sum = view.of_same_strokes(view.log_odds, times_s)
    return np.where(np.isnan(in_sum), log_odds, (1 - share) * log_odds + share * in_sum)


def level_in_sum(level_db: np.ndarray, times_s: np.ndarray, view: SumView) -> np.ndarray:
    """Return the levels in the sum; of strokes that it has not their own, as much higher as those of the others are."""
    in_sum_db = view.of_same_strokes(view.level_db, times_s)
    is_there = ~np.isnan(in_sum_db)
    usual_db = np.median((in_sum_db - level_db)[is_there]) if is_there.any() else 0.0
    return np.where(is_there, in_sum_db, level_db + usual_db)


def networks_path(stem: str, *, in_mix: bool = False) -> Path:
    """Return the file of the networks of a stem, by itself or in a mix."""
    return NETWORKS_DIR / f"{'mix-' if in_mix else ''}{stem}.pkl"


@cache
def networks(stem: str, *, in_mix: bool = False) -> tuple[Network, ...]:
    """Return the networks that come with the toolkit for a stem.

    Raises
    ------
    InputError
        Their file is missing or damaged.
    """
    return _decoded(_file_of(stem, in_mix), networks_path(stem, in_mix=in_mix), stem, in_mix=in_mix)


def networks_in(path: Path, stem: str, *, in_mix: bool) -> tuple[Network, ...]:
    """Return the networks of a stem in some file; see `networks`."""
    return _decoded(path.read_bytes(), path, stem, in_mix=in_mix)


def _decoded(data: bytes, path: Path, stem: str, *, in_mix: bool) -> tuple[Network, ...]:
    name = str(path)
    plain = loads(data, name)
    try:
        sizes = N_INPUTS_IN_MIX if in_mix else N_INPUTS, N_INPUTS_IN_MIX, len(ARTICULATIONS[stem])
        return tuple(Network.from_plain(one, *sizes) for one in plain["networks"])
    except (ValueError, KeyError, TypeError) as error:
        raise damaged(name, "it holds no networks of this version") from error


@cache
def networks_digest(stem: str, *, in_mix: bool = False) -> str:
    """Return the digest of the networks of HeardInMix, or of both kinds for Heard: a model goes with those it had."""
    in_stem = b"" if in_mix else _file_of(stem, in_mix=False)
    return f"{zlib.crc32(in_stem + _file_of(stem, in_mix=True)):08x}"


def _file_of(stem: str, in_mix: bool) -> bytes:
    path = networks_path(stem, in_mix=in_mix)
    try:
        return path.read_bytes()
    except OSError as error:
        raise InputError(
            f"{path}: cannot be read ({error.strerror}); it comes with the toolkit, so put it back from there."
        ) from error


class NetworkFeatures:
    """Extractor of the networks' log odds and scores of articulations, from all columns before and the siblings."""

    _with_embeddings = False
    _name = NETWORK_LOG_ODDS

    def __init__(self, config: StemConfig, song: SongAudio | None = None):
        self._stem, self._onset_wait = config.stem, config.onset_wait
        self._song, self._patches = song, PatchCollector()

    def collect(self, chunk: Chunk, samples: np.ndarray) -> None:
        """See `features.Extractor`."""
        self._patches.collect(chunk, samples)

    def columns(self, candidates: Candidates) -> dict[str, np.ndarray]:
        """See `features.Extractor`."""
        self._patches.columns(candidates)
        columns = self._of_networks(candidates.table, self._patches.rows)
        log_odds = without_doubles(columns[self._name], candidates.table.samples, self._onset_wait)
        return columns | {self._name: log_odds}

    def _of_networks(self, table: FeatureTable, patch: np.ndarray) -> dict[str, np.ndarray]:
        assert self._song is not None
        siblings = self._song.siblings_at(table.times_s)
        view: SumView | None = siblings.of_sum
        levels = {self._stem: siblings.own, **siblings.levels}
        inputs = Inputs(table, patch, levels, view.patch if view else None)
        columns = network_features(self._stem, inputs, with_embeddings=self._with_embeddings)
        level_db = geomean_db(table)
        if view:
            share = PROFILES[self._stem].share_of_sum
            columns[NETWORK_LOG_ODDS] = with_sum(columns[NETWORK_LOG_ODDS], table.times_s, view, share)
            level_db = level_in_sum(level_db, table.times_s, view)
        return columns | {SUM_LEVEL: level_db}


class NetworkFeaturesAndEmbeddings(NetworkFeatures):
    """Extractor of the same and of the networks' embeddings."""

    _with_embeddings = True


class NetworkFeaturesInMix(NetworkFeatures):
    """Extractor of the same by the networks for whole drum mixes, which have no siblings."""

    _name = NETWORK_LOG_ODDS_IN_MIX

    def _of_networks(self, table: FeatureTable, patch: np.ndarray) -> dict[str, np.ndarray]:
        return network_features(self._stem, Inputs(table, patch), in_mix=True)
