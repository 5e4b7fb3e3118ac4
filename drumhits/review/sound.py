"""The sound of a stem and of the song around it, in pieces: decoded in the background, 16-bit mono at 44.1 kHz."""

import tempfile
import threading
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from drumhits.detection.onsets import ATTACK_POWERS, refine
from drumhits.drums import PROFILES
from drumhits.errors import InputError
from drumhits.io.audio import SAMPLE_RATE, AudioReader, AudioSource

MIX, STEM = "mix", "stem"
FULL_SCALE = 32767
LONGEST_WAIT_S = 60.0  # for a piece that is still to be decoded
BYTES = 2  # a sample

REACH = SAMPLE_RATE * 30 // 1000  # samples: how far an attack may lie from where the user put it
STEP = SAMPLE_RATE // 1000  # samples: 1 ms
RISE_STEPS = 5  # energies before and after an attack that are compared
FLOOR = 0.01  # of the loudest millisecond, below which a rise counts for less
PEAK_LENGTH = SAMPLE_RATE * 10 // 1000  # samples, as of the feature Amp


class Sound:
    """One audio file, which a thread of its own decodes into a temporary file.

    Parameters
    ----------
    path : Path
    n_samples : int >= 0
        Its length at 44.1 kHz; what is missing is silence.
    """

    def __init__(self, path: Path, n_samples: int):
        self.path, self.n_samples = path, n_samples
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the sound
        self._n_decoded, self._is_over = 0, False
        self._changed = threading.Condition()

    def decode(self) -> None:
        """Decode all of it, unless it is closed; what cannot be decoded stays silent."""
        try:
            if self._file.closed:
                return
            channel = self._decode(None)
            if channel is not None:
                self._decode(channel)
        except (InputError, OSError):
            pass
        finally:
            with self._changed:
                self._is_over = True
                self._changed.notify_all()

    def _decode(self, channel: int | None) -> int | None:
        reader, n_written = AudioReader(self.path, channel), 0
        with closing(reader.blocks()) as blocks:  # type: ignore[type-var]
            for block in blocks:
                pcm = np.rint(np.clip(block, -1, 1) * FULL_SCALE).astype("<i2")
                with self._changed:
                    if self._file.closed:
                        return None
                    self._file.seek(n_written * BYTES)
                    self._file.write(pcm.tobytes())
                    n_written += len(pcm)
                    self._n_decoded = max(self._n_decoded, n_written)
                    self._changed.notify_all()
        return reader.loudest_channel_in_opposite_phase if channel is None else None

    def has(self, stop: int) -> bool:
        """Tell whether all samples before `stop` are there."""
        with self._changed:
            return self._is_over or self._n_decoded >= min(stop, self.n_samples)

    def samples(self, start: int, stop: int) -> np.ndarray:
        """Return samples from `start` to before `stop`, int16, once they are there; cut at the ends of the file."""
        start, stop = max(0, start), min(stop, self.n_samples)
        with self._changed:
            self._changed.wait_for(lambda: self._is_over or self._n_decoded >= stop, LONGEST_WAIT_S)
            self._file.seek(start * BYTES)
            pcm = np.frombuffer(self._file.read(max(0, stop - start) * BYTES), "<i2")
        return np.pad(pcm, (0, max(0, stop - start) - len(pcm)))

    def close(self) -> None:
        with self._changed:
            self._file.close()


class Mix:
    """Several sounds at once."""

    def __init__(self, sounds: Sequence[Sound]):
        self._sounds, self.n_samples = sounds, sounds[0].n_samples

    def has(self, stop: int) -> bool:
        """See `Sound.has`."""
        return all(sound.has(stop) for sound in self._sounds)

    def samples(self, start: int, stop: int) -> np.ndarray:
        """See `Sound.samples`."""
        parts = [sound.samples(start, stop).astype(np.int32) for sound in self._sounds]
        length = len(parts[0])
        total = sum(np.pad(part, (0, max(0, length - len(part))))[:length] for part in parts)
        return np.clip(total, -FULL_SCALE, FULL_SCALE).astype("<i2")


def sounds_of(source: AudioSource) -> dict[str, Sound | Mix]:
    """Return the sounds of a stem and its siblings, which are being decoded, the stem's first."""
    n_samples = round(source.duration_s * SAMPLE_RATE)
    stem = Sound(source.path, n_samples)
    others = {one.stem: Sound(one.path, n_samples) for one in source.siblings}
    decode_in_background([stem, *others.values()])
    return {STEM: stem} | ({MIX: Mix([stem, *others.values()])} if others else {}) | others


def decode_in_background(sounds: Sequence[Sound]) -> None:
    """Decode sounds one after the other, in a thread that ends with the process."""

    def decode_all() -> None:
        for sound in sounds:
            sound.decode()

    threading.Thread(target=decode_all, daemon=True).start()


def attack_near(sound: Sound | Mix, time_s: float, stem: str) -> float:
    """Return when the attack nearest to a time begins: where energy rises most within 30 ms, timed as candidates are.

    Parameters
    ----------
    time_s : float >= 0
        Seconds.
    stem : str
        One of `drums.STEMS`.
    """
    centre, margin = round(time_s * SAMPLE_RATE), SAMPLE_RATE * 20 // 1000
    first = max(0, centre - REACH - margin)
    y = sound.samples(first, centre + REACH + margin).astype(np.float32)
    power = np.square(y[: len(y) // STEP * STEP]).reshape(-1, STEP).mean(axis=1)
    inner = power[margin // STEP - RISE_STEPS : len(power) - margin // STEP + RISE_STEPS]
    if len(inner) <= 2 * RISE_STEPS or not inner.any():
        return time_s
    means = np.convolve(inner, np.full(RISE_STEPS, 1 / RISE_STEPS), "valid") + FLOOR * power.max()
    coarse = margin + int((means[RISE_STEPS:] / means[:-RISE_STEPS]).argmax()) * STEP
    power_of, late = ATTACK_POWERS[PROFILES[stem].attack_power]
    return float(max(0, first + refine(y, np.array([coarse]), power_of)[0] - late) / SAMPLE_RATE)


def peak_after(sound: Sound | Mix, time_s: float) -> float:
    """Return the highest sample within 10 ms after a time, 0..1."""
    start = round(time_s * SAMPLE_RATE)
    return float(np.abs(sound.samples(start, start + PEAK_LENGTH).astype(np.int32)).max(initial=0) / FULL_SCALE)
