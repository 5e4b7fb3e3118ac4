"""A stem under review: what was found in it, what the user decided, and what is believed of the rest."""

import threading
from collections.abc import Mapping
from concurrent.futures import BrokenExecutor, Future
from typing import Any

import numpy as np

from drumhits.analysis import ALL, FEATURE_SETS, WITH_SIBLINGS, analyze
from drumhits.config.schema import STEM_REFERENCE
from drumhits.errors import InputError
from drumhits.io.grid import Grid
from drumhits.io.midi import Track
from drumhits.models.base import PlainModel
from drumhits.models.decisions import Decisions
from drumhits.models.modelfile import TrainedModel, feature_matrix
from drumhits.parallel import BackgroundProcess
from drumhits.review.choosing.beliefs import Beliefs
from drumhits.review.choosing.known import known
from drumhits.review.hits import Hits, final_hits, velocity_of, write_all
from drumhits.review.journal import Journal, resumed
from drumhits.review.missed import APART_S, likely_missed
from drumhits.review.places import Places
from drumhits.review.refit import Refitter
from drumhits.review.session import ADD, DONE, KEEP, Session, Step, StepError
from drumhits.review.sound import STEM, Sound, attack_near, peak_after, sounds_of
from drumhits.transcription.convert import Conversion, Job

SOONEST, SUREST = 0.01, 0.99  # confidence from which hits are kept, at most and at least
SILENT_PEAK = 1e-3


class StaleError(StepError):
    """A step of a page that has not seen the latest one."""


class StemReview:
    """One stem, open for review. What it does may be called from several threads.

    Parameters
    ----------
    job : Job
        With a model.
    places : Places

    Attributes
    ----------
    lock : threading.RLock
        To be held where several things are to be of one moment.
    sounds : mapping of str to Sound or Mix
        "stem", "mix" where there are siblings, and each sibling by its stem.

    Raises
    ------
    InputError
        The audio cannot be read, or the journal not opened.
    """

    def __init__(self, job: Job, places: Places):
        self.job, self.places = job, places
        self._features = job.features if job.features in WITH_SIBLINGS else ALL
        self.conversion = _found(job, self._features)
        self.table, self.config = self.conversion.table, self.conversion.job.stem_config
        source = self.conversion.source
        self.samples = self.table.samples.tolist()
        self._row_of = {sample: row for row, sample in enumerate(self.samples)}
        self.names = self.config.notes if self.config.articulation and len(self.config.notes) > 1 else {}
        self.session = Session(self._row_of, list(self.names), source.duration_s)
        self.lock = threading.RLock()
        self._X = feature_matrix(self.table, FEATURE_SETS[ALL], STEM_REFERENCE)
        limit = min(max(self._min_confidence, SOONEST), SUREST)
        self._beliefs = Beliefs(*known(self._X, self.table, self.config), self._prior(limit), limit)
        self._n_news = 0
        self.wrong_at_first = float(self._beliefs.likely_wrong.sum())
        self._missed_s = list[float]()
        self._journal = Journal(places.journal(source.fingerprint))
        try:
            self.n_forgotten = resumed(self._journal, self.session, {"audio": str(job.audio), "stem": job.stem})
        except BaseException:
            self._journal.close()
            raise
        self.sounds = sounds_of(source)
        self._process = BackgroundProcess()
        self._refitter = Refitter(self._model, places, self._process, self._take_model)
        self._believe()

    @property
    def _model(self) -> TrainedModel:
        if self.job.model is None:
            raise ValueError("a review needs a model")
        return self.job.model

    @property
    def _min_confidence(self) -> float:
        return self._model.min_confidence if self.job.min_confidence is None else self.job.min_confidence

    def _prior(self, limit: float) -> np.ndarray:
        """Return the model's confidence, on that side of the limit on which the model decides."""
        keep, confidence = self.conversion.decisions.keep, self.conversion.decisions.confidence
        if confidence is None:
            raise ValueError("a review needs a model")
        return np.where(keep, np.maximum(confidence, limit), np.minimum(confidence, np.nextafter(limit, 0)))

    def act(self, plain: Mapping[str, Any], revision: int) -> None:
        """Take a step of the page, which is on disk when this returns.

        Parameters
        ----------
        plain : mapping
            See `session.Step`; an ADD says the time only.
        revision : int
            The last one that the page knows.

        Raises
        ------
        StepError
            It is no step, or does not fit, or comes from a page that is behind; nothing has changed then.
        InputError
            It could not be saved; nothing has changed then.
        """
        with self.lock:
            if revision != self.session.revision:
                raise StaleError("another tab has decided meanwhile")
            step = self._hit_at(plain) if plain.get("do") == ADD else Step.from_plain(plain)
            self._take(step)
            self._believe()

    def look_for_missed(self) -> None:
        """Look for hits that were likely missed, in the background."""
        found = self._process.submit(likely_missed, self.job, self._features, self._min_confidence, self.table.times_s)
        found.add_done_callback(self._take_missed)

    def _take_missed(self, found: "Future[list[float]]") -> None:
        if found.cancelled() or isinstance(found.exception(), BrokenExecutor | InputError):
            return
        with self.lock:
            self._missed_s = found.result()
            self._n_news += 1

    @property
    def missed_s(self) -> list[float]:
        """Where hits were likely missed, the likeliest first, without the places that the user decided about."""
        with self.lock:
            decided = self.session.decided
            there = np.array([*decided.nothing_s, *decided.times_s.values()])
            return [time_s for time_s in self._missed_s if (np.abs(there - time_s) > APART_S).all()]

    def _take(self, step: Step) -> None:
        self.session.require_fit(step)
        self._journal.append(step.to_plain())
        self.session.take(step)

    def _hit_at(self, plain: Mapping[str, Any]) -> Step:
        """Return the step that adds a hit at the attack nearest to a time: keeping the candidate there, if there is."""
        asked = Step.from_plain({"velocity": 1, "name": "", **plain})
        self.session.require_fit(asked)
        time_s = asked.time_s or 0.0
        if time_s not in self._missed_s:
            time_s = attack_near(self.sounds[STEM], time_s, self.job.stem)
        time_s = min(time_s, self.conversion.source.duration_s)
        near = np.abs(self.table.times_s - time_s)
        if len(near) and near.min() <= APART_S:
            return Step(KEEP, hit=int(self.table.samples[near.argmin()]))
        velocity = velocity_of(peak_after(self.sounds[STEM], time_s), self.table, self.keep, self.config)
        return Step(ADD, time_s=time_s, velocity=max(1, velocity), name=asked.name)

    def _believe(self) -> None:
        """Judge the undecided candidates anew by all answers, and have the model fitted."""
        rows, y = self.answers()
        self._beliefs.learn(rows, y)
        self._refitter.offer(self._X[rows], y)

    def answers(self) -> tuple[np.ndarray, np.ndarray]:
        """Return the rows of the candidates that were decided about, the latest last, and whether they are kept."""
        kept = {self._row_of[hit]: is_kept for hit, is_kept in self.session.decided.kept.items() if hit in self._row_of}
        return np.array(list(kept), dtype=int), np.array(list(kept.values()), dtype=bool)

    def _take_model(self, model: PlainModel) -> None:
        with self.lock:
            self._beliefs.start_from(model.predict_proba(self._X))
            self._n_news += 1

    @property
    def keep(self) -> np.ndarray:
        """Which candidates are kept as things stand, shape (n,), bool."""
        with self.lock:
            keep = self._beliefs.probability >= 0.5
            rows, y = self.answers()
            keep[rows] = y
            return keep

    def final(self) -> Hits:
        """Return what would be written now."""
        with self.lock:
            return final_hits(self.table, self.keep, self.config, self.session.decided)

    @property
    def likely_wrong(self) -> np.ndarray:
        """Probability that each candidate is decided wrongly, shape (n,), 0..1; 0 for those that the user decided."""
        with self.lock:
            wrong = self._beliefs.likely_wrong
            wrong[self.answers()[0]] = 0
            return wrong

    @property
    def probability(self) -> np.ndarray:
        """That the user keeps each candidate, shape (n,), 0..1."""
        with self.lock:
            return self._beliefs.probability

    def queue(self) -> list[int]:
        """Return the hits still to be asked about, the most informative first, those that were skipped last."""
        with self.lock:
            asked = set(self.session.decided.kept) | set(self.session.decided.skipped)
            rows = np.array([row for hit, row in self._row_of.items() if hit not in asked], dtype=int)
            first = self.table.samples[self._beliefs.order(np.sort(rows))].tolist()
            return first + [hit for hit in self.session.decided.skipped if hit >= 0]

    @property
    def version(self) -> tuple[int, int]:
        """What changes when anything that the page shows does."""
        return self.session.revision, self._n_news

    @property
    def peak(self) -> float:
        """Highest sample at a candidate, at least -60 dB, full scale 1."""
        return float(self.table["Amp"].max(initial=SILENT_PEAK))

    def finish(self, grid: Grid | None = None) -> list[str]:
        """Write the files, and return their paths; the stem can be reviewed further.

        Parameters
        ----------
        grid : Grid, optional
            Of the song, where the settings do not say it.

        Raises
        ------
        InputError
            One of them cannot be written.
        """
        with self.lock:
            write_all(self.conversion, self.final(), self.session.decided, self.places, grid)
            if not self.session.is_done:
                self._take(Step(DONE))
            return [str(path) for path in (self.places.output, self.places.raw, self.places.edited)]

    def train(self) -> str:
        """Train a model on all pairs of the training folder, and return what to say of it."""
        return self._refitter.train(self.places.model(self.job.stem))

    def close(self) -> None:
        """Let go of the journal and of what goes on in the background; what was decided stays."""
        self._process.close()
        self._journal.close()
        for sound in self.sounds.values():
            if isinstance(sound, Sound):
                sound.close()


def _found(job: Job, features: str) -> Conversion:
    """Return the conversion of a stem with the features that the beliefs are about."""
    if job.model is None:
        raise ValueError("a review needs a model")
    table, source = analyze(job.audio, job.stem_config, features)
    decisions: Decisions = job.model.decide(table, job.stem_config, job.min_confidence)
    return Conversion(job, Track(job.part, np.zeros(0)), table, decisions, source)
