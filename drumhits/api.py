"""The toolkit from Python: `transcribe` a stem, `train` on edits, `evaluate` on songs with a truth.

Every function does what the script of its name does, through the same code, and raises `InputError` where the script
would end in a sentence.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from drumhits.bundle import PRETRAINED, shipped_files
from drumhits.config.load import Config, default_config
from drumhits.detection.features import FeatureTable
from drumhits.drums import STEMS
from drumhits.errors import UsageError
from drumhits.io.files import write_whole
from drumhits.io.names import read_name
from drumhits.io.outputs import Output, require_safe
from drumhits.models.choice import resolve
from drumhits.transcription.convert import Conversion, Job, convert, merged
from drumhits.transcription.provenance import is_our_midi
from drumhits.transcription.report import warnings
from drumhits.transcription.song_grid import configured_grid, found_grid

if TYPE_CHECKING:
    from drumhits.evaluation.comparison import Evaluation
    from drumhits.learning.fit import Training

AnyPath = str | PathLike[str]


@dataclass(frozen=True, eq=False)
class Hits:
    """The hits of a stem, in time order.

    Attributes
    ----------
    candidates : FeatureTable
        All candidates, kept or not.
    keep : np.ndarray, shape (n_candidates,), bool
        Which of them are hits.
    """

    candidates: FeatureTable
    keep: np.ndarray
    _conversion: Conversion

    def __len__(self) -> int:
        return int(np.count_nonzero(self.keep))

    @property
    def stem(self) -> str:
        """One of `STEMS`."""
        return self._conversion.job.stem

    @property
    def table(self) -> FeatureTable:
        """Features of the hits: `hits.table["GeoMean"]` has shape (n,)."""
        return self.candidates.rows(self.keep)

    @property
    def times_s(self) -> np.ndarray:
        """Times of the attacks in seconds, shape (n,), float64, increasing."""
        return self.candidates.times_s[self.keep]

    @property
    def confidence(self) -> np.ndarray | None:
        """Probability of each hit, shape (n,), 0..1; None where thresholds decided."""
        confidence = self._conversion.decisions.confidence
        return None if confidence is None else confidence[self.keep]

    @property
    def notes(self) -> np.ndarray:
        """Notes as they are written, `io.midi.NOTE_DTYPE`: time, number, velocity, duration."""
        return self._conversion.track.notes

    @property
    def warnings(self) -> tuple[str, ...]:
        """What was mended or left out while reading, and what is odd about the stem, as sentences."""
        return warnings(self._conversion)

    def write(self, path: AnyPath, *, force: bool = False) -> None:
        """Write the hits as a MIDI file, whole or not at all.

        Parameters
        ----------
        force : bool
            Replace a file that is no untouched output of this toolkit.

        Raises
        ------
        InputError
            The file cannot be written, or is the audio itself, or another's and `force` is not given.
        """
        output = Path(path)
        require_safe([Output("path", output, is_our_midi)], [self._conversion.job.audio, *shipped_files()], force=force)
        conversion = replace(self._conversion, job=replace(self._conversion.job, output=output))
        job = conversion.job
        grid = job.grid or found_grid([conversion], job.config.midi, job.song_name).grid
        write_whole(output, merged([conversion], grid))


def transcribe(
    audio: AnyPath,
    *,
    model: AnyPath | None = PRETRAINED,
    stem: str | None = None,
    config: Config | None = None,
    min_confidence: float | None = None,
) -> Hits:
    """Return the hits of a stem's audio file.

    Parameters
    ----------
    audio : path
        WAV, FLAC, AIFF, OGG or MP3; the song's other stems are read where they lie beside it.
    model : path, "pretrained" or None
        What decides: a file of `train`, the model that comes with the toolkit, or the thresholds of `config`.
    stem : str, optional
        One of `STEMS`; by default what the path tells, such as "Song1-snare.wav" or "Song1/snare.wav".
    config : Config, optional
        From `load_config`; the defaults otherwise.
    min_confidence : float in 0..1, optional
        From which confidence on the model's hits are kept; by default the model's own.

    Raises
    ------
    InputError
        The audio or the model cannot be read, or the model was trained on another stem.
    UsageError
        The name tells no stem and none is given, or it is not one of `STEMS`.
    """
    path = Path(audio)
    named = read_name(path)
    stem = stem or named.stem
    if stem not in STEMS:
        raise UsageError(f"{path}: say which stem it is: stem={' or '.join(map(repr, STEMS))}.")
    decided_by = resolve([] if model is None else [Path(model)], [stem]).get(stem)
    conversion = convert(
        Job(
            path,
            path.with_suffix(".mid"),
            stem,
            config or default_config(),
            model=decided_by.model if decided_by else None,
            model_name=decided_by.name if decided_by else None,
            min_confidence=min_confidence,
            articulation=named.articulation if named.stem == stem else None,
            label=f"{named.song} {stem}",
            grid=configured_grid((config or default_config()).midi),
        )
    )
    return Hits(conversion.table, conversion.decisions.keep, conversion)


def train(
    stem: str,
    raw_dir: AnyPath,
    edited_dir: AnyPath,
    *,
    audio_dirs: Iterable[AnyPath] = (),
    n_jobs: int = 1,
    **options: Any,
) -> "Training":
    """Return a model of what edited MIDI keeps, with its cross-validation.

    Parameters
    ----------
    stem : str
        One of `STEMS`.
    raw_dir, edited_dir : path
        MIDI as `transcribe` or stems_to_midi.py wrote it, and the same after the edits, as NAME_edited.mid.
    audio_dirs : iterable of path
        Where the stems lie; by default where the raw MIDI says.
    n_jobs : int > 0
        Songs analysed at a time.
    **options
        See `learning.options.TrainingOptions`: algorithm, n_estimators, seed, features, start_from, force.

    Raises
    ------
    InputError
        A folder is missing, or the audio of every song.
    NotEnoughDataError
        There is too little to learn from, or no song could be aligned.
    """
    from drumhits.edits.songs import load_songs
    from drumhits.learning.fit import train_model
    from drumhits.learning.options import TrainingOptions

    chosen = TrainingOptions(**options)
    loaded = load_songs(
        Path(raw_dir),
        Path(edited_dir),
        stem,
        audio_dirs=map(Path, audio_dirs),
        features=chosen.feature_set,
        n_jobs=n_jobs,
    )
    if loaded.failure:
        raise loaded.failure
    return train_model(loaded.songs, options=chosen)


def evaluate(
    models: AnyPath | Sequence[AnyPath],
    test_dir: AnyPath,
    stem: str,
    *,
    config: Config | None = None,
    window_ms: float = 50.0,
    truth_tempo: float | None = None,
    truth_offset: float | None = None,
    n_jobs: int = 1,
) -> "Evaluation":
    """Return what models, thresholds and keeping everything make of songs with a truth.

    Parameters
    ----------
    models : path or sequence of paths
        Files of `train`, or the word "pretrained".
    test_dir : path
        Holds, also in folders below, NAME-STEM.wav (.flac, ...) with NAME-STEM_ground_truth.mid beside it.
    stem : str
        One of `STEMS`.
    config : Config, optional
        The thresholds to compare with; the defaults otherwise.
    window_ms : float > 0
        Largest distance of a hit from the true one.
    truth_tempo, truth_offset : float, optional
        BPM to read the truth at, and seconds to add to its times, where it does not fit the audio by itself.
    n_jobs : int > 0
        Songs at a time.

    Raises
    ------
    InputError
        A song or a model cannot be read, or a model was trained on another stem.
    NotEnoughDataError
        There is no song to test on.
    """
    from drumhits.alignment.align import Given
    from drumhits.evaluation.comparison import evaluate_songs
    from drumhits.evaluation.deciders import bundled_beside, load_deciders
    from drumhits.evaluation.truth import find_test_songs

    chosen = config or default_config()
    paths = [models] if isinstance(models, str | PathLike) else models
    models_given = [Path(path) for path in paths]
    deciders = load_deciders(models_given, stem, chosen.stems[stem])
    pairs, _ = find_test_songs(Path(test_dir), stem, Given(truth_tempo, truth_offset))
    evaluation, errors = evaluate_songs(
        pairs,
        deciders,
        stem,
        chosen,
        window_ms / 1000,
        beside=bundled_beside(models_given, stem, chosen.stems[stem]),
        n_jobs=n_jobs,
    )
    if evaluation is None or errors:
        raise errors[0]
    return evaluation
