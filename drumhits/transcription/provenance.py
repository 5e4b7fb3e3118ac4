"""Provenance of a raw MIDI file, in a text event of its own: which audio, settings and decisions made it.

Training re-makes the candidates from it; a later run tells by it whether a file is an untouched output of ours.
"""

import json
import os
import zlib
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from drumhits.config.load import FrozenMapping, StemConfig
from drumhits.config.schema import OF_OLDER_FILES
from drumhits.drum_maps import DRUM_MAPS, GENERAL_MIDI
from drumhits.errors import InputError
from drumhits.io.audio import AudioSource, Sibling
from drumhits.io.midi import MidiContent, decode, read_midi_bytes

FORMAT = 1
DIGEST_LENGTH = 8  # hexadecimal digits
MAX_TEXTS = 100  # text events that are parsed
MAX_PATH_LENGTH = 4096
_PREFIX = "drumhits "


@dataclass(frozen=True)
class Provenance:
    """What made a raw MIDI file.

    Attributes
    ----------
    stem : str
    audio : str
        Path of the audio relative to the folder of the MIDI file, with forward slashes.
    n_frames, sample_rate : int
        Length of the audio.
    fingerprint : str
        Digest of its samples; see `audio.AudioReader.fingerprint`.
    settings : dict
        Every field of the StemConfig in force but `stem`.
    keep_all : bool
        Whether rejected candidates were written too.
    model : str or None
        Name of the model that decided; None where thresholds did.
    siblings : dict of str to str
        Fingerprints of the song's other stems that went into the features, by stem.
    request : str
        Digest of everything but the audio that decided what the file holds; "" in files of earlier versions.
    drum_map : str
        The map whose notes were written; see `drum_maps.DRUM_MAPS`.
    quantized : str
        The grid that the notes were moved to; "" where they are where they sound.
    heard : str
        Digest of the stems whose hits told tempo and bars; "" where they were given.
    digest : str
        Digest of the whole MIDI file with zeros in place of the digest itself: an edited file has another.
    """

    stem: str
    audio: str
    n_frames: int
    sample_rate: int
    fingerprint: str
    settings: dict[str, Any]
    keep_all: bool
    model: str | None
    siblings: dict = field(default_factory=dict)
    request: str = ""
    digest: str = "0" * DIGEST_LENGTH
    drum_map: str = GENERAL_MIDI
    quantized: str = ""
    heard: str = ""

    def to_text(self) -> str:
        """Return the text event: ASCII, one line."""
        usual = {"drum_map": GENERAL_MIDI, "quantized": "", "heard": ""}
        fields = {key: value for key, value in asdict(self).items() if key not in usual or usual[key] != value}
        return _PREFIX + json.dumps({"format": FORMAT, **fields}, separators=(",", ":"))

    @property
    def is_sound(self) -> bool:
        """Whether the fields have the types and ranges that this toolkit writes; else the text event is damaged."""
        return (
            isinstance(self.audio, str)
            and len(self.audio) <= MAX_PATH_LENGTH
            and isinstance(self.n_frames, int)
            and 0 <= self.n_frames < 2**53
            and isinstance(self.settings, dict)
            and isinstance(self.drum_map, str)
            and self.drum_map in DRUM_MAPS
            and isinstance(self.quantized, str)
            and isinstance(self.heard, str)
        )

    def config(self) -> StemConfig:
        """Return the settings that the candidates were made with.

        Raises
        ------
        InputError
            It does not hold the settings of this version.
        """
        try:
            settings: dict[str, Any] = {key: tuple(v) if isinstance(v, list) else v for key, v in self.settings.items()}
            settings = OF_OLDER_FILES | settings
            return StemConfig(stem=self.stem, **settings | {"notes": FrozenMapping(settings["notes"])})
        except (TypeError, KeyError, AttributeError) as error:
            raise InputError(
                "the raw MIDI was made by another version of this toolkit; make it again with stems_to_midi.py."
            ) from error


def provenance_of(
    source: AudioSource,
    config: StemConfig,
    midi_folder: Path,
    *,
    keep_all: bool,
    model: str | None,
    request: str = "",
    drum_map: str = GENERAL_MIDI,
    quantized: str = "",
    heard: str = "",
) -> Provenance:
    """Describe a conversion whose MIDI file will lie in `midi_folder`."""
    settings = asdict(config) | {"notes": dict(config.notes)}
    del settings["stem"]
    return Provenance(
        stem=config.stem,
        audio=_relative(source.path, midi_folder),
        n_frames=source.n_frames,
        sample_rate=source.sample_rate,
        fingerprint=source.fingerprint,
        settings=settings,
        keep_all=keep_all,
        model=model,
        siblings=fingerprints(source.siblings),
        request=request,
        drum_map=drum_map,
        quantized=quantized,
        heard=heard,
    )


def fingerprints(siblings: Iterable[Sibling]) -> dict[str, str]:
    """Return the fingerprints of a song's other stems, by stem."""
    return {sibling.stem: sibling.fingerprint for sibling in siblings}


def read_provenance(content: MidiContent) -> Provenance | None:
    """Return the provenance in a MIDI file's text events; None where none of them can be parsed."""
    texts = (text.removeprefix(_PREFIX) for text in content.texts if text.startswith(_PREFIX))
    return next(filter(None, map(_parsed, islice(texts, MAX_TEXTS))), None)


def _parsed(text: str) -> Provenance | None:
    try:
        fields = json.loads(text)
        return Provenance(**fields) if fields.pop("format") == FORMAT else None
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def with_digest(midi: bytes) -> bytes:
    """Return a MIDI file whose provenance holds the digest of the file instead of zeros."""
    return midi.replace(_field("0" * DIGEST_LENGTH), _field(_digest(midi)))


def is_untouched(midi: bytes) -> bool:
    """Tell whether a MIDI file is an output of ours that nobody has edited."""
    try:
        made = read_provenance(decode(midi))
    except InputError:
        return False
    return made is not None and holds_digest(midi, made.digest)


def holds_digest(midi: bytes, digest: str) -> bool:
    """Tell whether a digest noted in a MIDI file is that of the file; see `with_digest`."""
    return digest == _digest(midi.replace(_field(digest), _field("0" * DIGEST_LENGTH)))


def is_our_midi(path: Path) -> bool:
    """Tell whether a file is a MIDI file of ours that nobody has edited; InputError where it cannot be read."""
    return is_untouched(read_midi_bytes(path))


def _digest(midi: bytes) -> str:
    return f"{zlib.crc32(midi):08x}"


def _field(digest: str) -> bytes:
    return f'"digest":"{digest}"'.encode("utf-8", "replace")


def _relative(path: Path, folder: Path) -> str:
    try:
        relative = os.path.relpath(path.resolve(), folder.resolve())
    except ValueError:  # another drive on Windows
        relative = str(path.resolve())
    return str(PurePosixPath(*Path(relative).parts)).encode("utf-8", "surrogateescape").decode("utf-8", "replace")
