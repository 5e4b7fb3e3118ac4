"""Sibling features: what the other stems of the same song say about a hit, for models.

Stems of a song lie in one folder under one name, such as Song1-kick.wav beside Song1-cymbals.wav. Bleed sounds in
several of them at once, and loudest where it belongs. For each other stem <s>, levels in dB of the energy averaged over
steps of 2.9 ms; treble is that of the signal's first difference:

Over<s>, OverTreble<s>      level of this stem minus that of the sibling in the 17 ms after the onset
OverAll, OverTrebleAll      the same against all siblings together
Beside<s>, BesideTreble<s>  how far the level of the sibling rises, from 26 to 6 ms before the onset to the 17 ms after

A sibling that is not there counts as silent.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from drumhits.audio import AUDIO_SUFFIXES, AudioReader
from drumhits.errors import InputError
from drumhits.jobs import song_of, stem_of
from drumhits.settings import STEMS
from drumhits.source import Sibling
from drumhits.windows import TINY_ENERGY, mean_levels_db

STEP_S = 128 / 44100
AFTER_STEPS, BEFORE_STEPS = np.arange(0, 6), np.arange(-9, -2)
MARGIN = 64  # steps, at least what is looked at on either side
MOST_DB = 60.0
FLOOR = 1e-6  # of a sibling's loud moments: 60 dB below
LOUD_PERCENTILE = 99
LONGEST_DIFFERENCE_S = 1.0  # between stems of one song
KINDS = ("", "Treble")  # what features are made of
MEASURES = 3  # of each step: the energy, that of the first difference, and that of the mean: all, treble and bass
COURSE_STEPS = (  # relative to the onset; fine around it, coarse away from it
    range(-40, -16), range(-16, -8), range(-8, -4), range(-4, -2), range(-2, 0), range(0, 2), range(2, 4), range(4, 8),
    range(8, 16), range(16, 32), range(32, 64),
)  # fmt: skip
SIBLING_FEATURES = tuple(
    f"{name}{kind}{stem.capitalize()}"
    for name, stems in (("Over", (*STEMS, "all")), ("Beside", STEMS))
    for kind in KINDS
    for stem in stems
)


@dataclass(frozen=True)
class Around:
    """Levels of a signal around some times.

    Attributes
    ----------
    after, before : np.ndarray, shape (n, len(KINDS))
        Mean energies after and before each time.
    loud : float > 0
        Energy of the signal's loud moments.
    course : np.ndarray, shape (n, len(COURSE_STEPS), MEASURES), float16
        Mean energies over COURSE_STEPS in dB, for the networks.
    """

    after: np.ndarray
    before: np.ndarray
    loud: float
    course: np.ndarray


class Levels:
    """Energy of a signal, and of its first difference, in steps of STEP_S.

    Parameters
    ----------
    sample_rate : int > 0
        Of the blocks to come, in Hz.
    """

    def __init__(self, sample_rate: int):
        self._step = max(round(sample_rate * STEP_S), 1)
        self._step_s = self._step / sample_rate
        self._treble_gain = (sample_rate * STEP_S / 128) ** 2  # a slope of the same sound is one in volts a second
        self._rest = np.zeros(1, dtype=np.float32)  # the sample before the next step, then what fills no step yet
        self._parts: list[np.ndarray] = []

    def listen(self, blocks: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
        """Pass on mono float32 blocks of any length, and measure them."""
        for block in blocks:
            self.add(block)
            yield block

    def add(self, block: np.ndarray) -> None:
        y = np.concatenate((self._rest, block))
        n_steps = (len(y) - 1) // self._step
        end = n_steps * self._step
        work = np.square(y[1 : end + 1])
        energies = np.empty((n_steps, MEASURES), dtype=np.float32)
        np.add.reduce(work.reshape(n_steps, self._step), axis=1, out=energies[:, 0])
        np.square(np.subtract(y[1 : end + 1], y[:end], out=work), out=work)
        np.add.reduce(work.reshape(n_steps, self._step), axis=1, out=energies[:, 1])
        np.add.reduce(y[1 : end + 1].reshape(n_steps, self._step), axis=1, out=energies[:, 2])
        energies[:, 2] *= energies[:, 2] / np.float32(self._step)
        energies /= np.float32(self._step)
        energies[:, 1] *= np.float32(self._treble_gain)
        self._parts.append(energies)
        self._rest = y[end:]

    def around(self, times_s: np.ndarray) -> Around:
        """Return the levels around times in seconds, shape (n,); silence lies before the start and after the end."""
        margin = np.zeros((MARGIN, MEASURES), dtype=np.float32)
        energies = np.concatenate((margin, *self._parts, margin))
        self._parts = [energies[MARGIN:-MARGIN]]  # hours of them need not be there twice
        steps = np.minimum(np.floor(times_s / self._step_s).astype(int) + MARGIN, len(energies) - MARGIN)
        after, before = (
            energies[steps[:, None] + steps_around, : len(KINDS)].mean(axis=1, dtype=np.float64)
            for steps_around in (AFTER_STEPS, BEFORE_STEPS)
        )
        loud = max(float(np.percentile(energies[:, 0], LOUD_PERCENTILE)), TINY_ENERGY)
        return Around(after, before, loud, course=mean_levels_db(energies, steps, COURSE_STEPS))


def find_siblings(audio: Path) -> dict[str, Path]:
    """Return the files of a song's other stems beside one of them, by stem; none where its name tells no stem."""
    own = stem_of(audio.stem)
    if own is None:
        return {}
    song, found = song_of(audio.stem).casefold(), {}
    try:
        beside = sorted(audio.parent.iterdir(), key=lambda path: (path.suffix != audio.suffix, path.name))
        for path in beside:
            stem = stem_of(path.stem)
            is_audio = path.suffix.lower() in AUDIO_SUFFIXES and not path.name.startswith(".")
            if is_audio and stem not in (None, own) and song_of(path.stem).casefold() == song and path.is_file():
                found.setdefault(stem, path)
    except OSError:  # a folder that may be entered but not listed
        return {}
    return {stem: found[stem] for stem in STEMS if stem in found}


@dataclass
class Heard:
    """What was heard of a stem's siblings.

    Attributes
    ----------
    around : dict of str to Around, by stem
    siblings : list of Sibling
    warnings : list of str, a sentence for each file that was left out
    """

    around: dict[str, Around] = field(default_factory=dict)
    siblings: list[Sibling] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def hear_siblings(audio: Path, duration_s: float, times_s: np.ndarray) -> Heard:
    """Read a stem's siblings, and measure their levels around the given times."""
    heard = Heard()
    for stem, path in find_siblings(audio).items():
        try:
            reader, around = _hear(path, times_s)
        except InputError as error:
            heard.warnings.append(f"{error} It is left out of what the model hears.")
            continue
        if abs(reader.duration_s - duration_s) > LONGEST_DIFFERENCE_S:
            heard.warnings.append(
                f"{path}: lasts {reader.duration_s:.1f} s and {audio.name} {duration_s:.1f} s, so it is left out of "
                "what the model hears; export all stems of a song over the same range."
            )
            continue
        heard.around[stem] = around
        heard.siblings.append(Sibling(stem, path, reader.fingerprint))
    return heard


def _hear(path: Path, times_s: np.ndarray) -> tuple[AudioReader, Around]:
    reader = AudioReader(path)
    levels = Levels(reader.sample_rate)
    for block in reader.mono_blocks():
        levels.add(block)
    return reader, levels.around(times_s)


def sibling_columns(own: Around, heard: Mapping[str, Around]) -> dict[str, np.ndarray]:
    """Return every sibling feature, by name, from the levels of a stem and those of its siblings at the same times."""
    silent = Around(np.zeros_like(own.after), np.zeros_like(own.after), 1.0, np.zeros_like(own.course))
    others = {stem: heard.get(stem, silent) for stem in STEMS}
    over = {stem: _over_db(own.after, other.after) for stem, other in others.items()}
    over["all"] = _over_db(own.after, np.sum([other.after for other in others.values()], axis=0))
    rise = {stem: _relative_db(other.after, other.loud) - _relative_db(other.before, other.loud)
            for stem, other in others.items()}  # fmt: skip
    return {
        f"{name}{kind}{stem.capitalize()}": columns[:, k]
        for name, by_stem in (("Over", over), ("Beside", rise))
        for k, kind in enumerate(KINDS)
        for stem, columns in by_stem.items()
    }


def _over_db(energy: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.clip(10 * np.log10((energy + TINY_ENERGY) / (other + TINY_ENERGY)), -MOST_DB, MOST_DB)


def _relative_db(energy: np.ndarray, loud: float) -> np.ndarray:
    return 10 * np.log10(energy / loud + FLOOR)
