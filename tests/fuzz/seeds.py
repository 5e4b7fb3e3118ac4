"""The seed corpus: small valid files of every kind, built here, and some that come with the toolkit."""

import io
import random
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import soundfile
from hostile_configs import HOSTILE_CONFIGS
from hostile_midi import HOSTILE_MIDI
from signals import bursts

from drumhits.config.load import default_config
from drumhits.io.plainpickle import HEADER_BYTES, dumps, loads, with_checksum
from drumhits.models.base import Logistic
from drumhits.models.blend import Blend, Gated
from drumhits.models.forest import Boosted, Forest
from drumhits.models.gate import Gate
from drumhits.models.modelfile import TrainedModel, detection_of
from drumhits.models.partial import OfFirst, Within
from drumhits.models.perceptron import Perceptron
from drumhits.models.pool import Pool

from .mutators import TELLING, mutated

ROOT = Path(__file__).parents[2]
LARGEST_SEED = 20_000
FEATURES = ("GeoMean", "SustainMs")
AUDIO_FORMATS = (
    ("WAV", "PCM_16", 22050, 1), ("WAV", "PCM_24", 44100, 2), ("WAV", "FLOAT", 22050, 1), ("WAVEX", "PCM_U8", 8000, 3),
    ("WAV", "IMA_ADPCM", 44100, 1), ("RF64", "PCM_16", 22050, 1), ("FLAC", "PCM_16", 44100, 1),
    ("FLAC", "PCM_24", 48000, 2), ("OGG", "VORBIS", 44100, 1), ("OGG", "VORBIS", 22050, 2), ("OGG", "OPUS", 48000, 1),
    ("AIFF", "PCM_16", 22050, 1), ("AIFF", "FLOAT", 44100, 2), ("MP3", "MPEG_LAYER_III", 44100, 1),
    ("MP3", "MPEG_LAYER_III", 22050, 2),
)  # fmt: skip


def audio_file(container: str, subtype: str, sample_rate: int, channels: int) -> bytes:
    """Return 0.2 s of noise that starts at 0.05 s."""
    y = bursts((0.05,), 0.2, tau_s=0.03, sample_rate=sample_rate)
    file = io.BytesIO()
    soundfile.write(file, np.stack([y] * channels, axis=1), sample_rate, format=container, subtype=subtype)
    return file.getvalue()


def _midi() -> list[bytes]:
    paths = sorted([*ROOT.glob("test_songs/*.mid"), *ROOT.glob("training_data/*/*.mid")])
    made = [data for data, _ in HOSTILE_MIDI.values() if not callable(data) and len(data) < LARGEST_SEED]
    return [*(path.read_bytes() for path in paths), *made]


def _audio() -> list[bytes]:
    return [audio_file(*row) for row in AUDIO_FORMATS]


def _models() -> list[bytes]:
    forest = forest_of()
    logistic = Logistic.of_arrays(2, mean=[1, 2], scale=[1, 3], coef=[0.5, -1], intercept=[0.1])
    gate = Gate.of_arrays(2, column=[1], least=[1e-6], centre=[-0.5], slope=[4.0])
    boosted = Boosted.of_arrays(2, **TREES, value=[0.0, -1.0, 1.0] * 2, initial=[0.2])
    network = Perceptron.of_arrays(
        2, sizes=[2, 2, 1], mean=[1, 2], scale=[1, 3], weights=[1, -1, 0.5, 2, 1, -1], biases=[0, 0.1, 0]
    )
    pool = Pool(2, (forest, boosted, network), (0.5, 0.25, 0.5), 0.1)
    one_column = Logistic.of_arrays(1, mean=[1.0], scale=[2.0], coef=[0.5], intercept=[0.1])
    kinds = [
        forest, logistic, Blend(2, forest, logistic, 0.25), Blend(2, logistic, pool, 0.5), Gated(2, logistic, gate),
        Within.about(Blend(2, logistic, forest, 0.5), {0: 20.0}, 0.4), Blend(2, OfFirst(2, one_column), forest, 0.5),
    ]  # fmt: skip
    return [model_file(classifier) for classifier in kinds]


def forest_of(**changes) -> Forest:
    """Return two stumps on the first feature."""
    return Forest.of_arrays(2, **TREES | {"probability": [0.5, 0.1, 0.9] * 2} | changes)


TREES = {
    "tree_sizes": [3, 3], "left": [1, -1, -1, 4, -1, -1], "right": [2, -1, -1, 5, -1, -1], "feature": [0] * 6,
    "threshold": [50.0, 0, 0, 100.0, 0, 0],
}  # fmt: skip


def model_file(classifier, features: tuple[str, ...] = FEATURES) -> bytes:
    """Return a snare model with this classifier."""
    return TrainedModel(
        stem="snare",
        features=features,
        detection=detection_of(default_config().stems["snare"]),
        offered=(),
        min_confidence=0.4,
        classifier=classifier,
        training={"kept": 20, "removed": 15, "songs": [{"name": "Größe", "kept": 20, "removed": 15}]},
    ).to_bytes()


def _configs() -> list[bytes]:
    made = [case[0].encode("utf-8", "surrogatepass") for case in HOSTILE_CONFIGS.values() if len(case[0]) < 500]
    sound = [(ROOT / "midiconfig.yaml").read_bytes(), b"kick:\n  onset_wait: 6\n  notes: {kick: 35}\n"]
    return sound * (len(made) // 2) + made


_SEEDS: dict[str, Callable[[], list[bytes]]] = {
    "midi": _midi, "audio": _audio, "models": _models, "configs": _configs, "sandbox": list,
}  # fmt: skip


@cache
def seeds(kind: str) -> list[bytes]:
    return _SEEDS[kind]()


def mutant(kind: str, seed: int, index: int) -> bytes:
    """Return one mutated file; a quarter of the models have a right checksum."""
    rng = random.Random(f"{kind} {seed} {index}")
    corpus = seeds(kind)
    data = corpus[index % len(corpus)]
    if kind == "models" and index % 8 == 0:
        return with_checksum(mutated(data[HEADER_BYTES:], corpus, kind, rng))
    if kind == "models" and index % 8 == 4:
        return dumps(_with_other_values(loads(data), rng))
    return mutated(data, corpus, kind, rng)


def _with_other_values(plain: dict, rng: random.Random) -> dict:
    """Change one or two values of a model: a telling one in its place, or one number of an array."""
    for _ in range(rng.choice((1, 1, 2))):
        values = [None, True, -1, 2**40, 1e300, "", "\x1b[31m", [], {}, b"", ["GeoMean"], {"kind": "forest"}]
        part = plain["classifier"] if isinstance(plain.get("classifier"), dict) and rng.random() < 0.6 else plain
        key = rng.choice(list(part) or [""])
        part.setdefault(key)
        while isinstance(part[key], dict) and part[key] and rng.random() < 0.9:
            part = part[key]
            key = rng.choice(list(part))
        key = "data" if "data" in part and rng.random() < 0.8 else key
        data = part[key]
        part[key] = _with_other_item(data, rng) if isinstance(data, bytes) and data else rng.choice(values)
    return plain


def _with_other_item(data: bytes, rng: random.Random) -> bytes:
    size = rng.choice((2, 4, 8))
    at = rng.randrange(max(1, len(data) // size)) * size
    number = np.array(rng.choice((np.nan, np.inf, -1e-300, 2.0, rng.random(), rng.random())), "<f8").tobytes()
    return data[:at] + rng.choice((number, rng.choice(TELLING).to_bytes(8, "little")))[:size] + data[at + size :]
