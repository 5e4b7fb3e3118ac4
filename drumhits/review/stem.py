"""A stem under review: what was found in it, what the user decided, and what is believed of the rest."""

import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from drumhits.analysis import ALL, FEATURE_SETS, WITH_SIBLINGS, analyze
from drumhits.config.schema import STEM_REFERENCE
from drumhits.errors import InputError
from drumhits.io.audio import SAMPLE_RATE
from drumhits.io.midi import Track
from drumhits.models.base import PlainModel
from drumhits.models.decisions import Decisions
from drumhits.models.modelfile import TrainedModel, feature_matrix
from drumhits.review.choosing import Beliefs
from drumhits.review.journal import Journal
from drumhits.review.outputs import Hits, Places, final_hits, velocity_of, write_all
from drumhits.review.refit import Refitter
from drumhits.review.session import ADD, DONE, KEEP, Session, Step, StepError
from drumhits.review.sound import Mix, Sound, attack_near, decode_in_background, peak_after
from drumhits.transcription.convert import Conversion, Job

FORMAT = 1
SAME_HIT_S = 0.025  # how near a candidate lies to an added hit that is it
SOONEST, SUREST = 0.01, 0.99  # confidence from which hits are kept, at most and at least
SILENT_PEAK = 1e-3
SHOWN_AHEAD = 3  # questions whose sound the page may fetch before they are asked
MIX, STEM = "mix", "stem"


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
    sounds : mapping of str to Sound or Mix
        "stem", "mix" where there are siblings, and each sibling by its stem.

    Raises
    ------
    InputError
        The audio cannot be read, or the journal not opened.
    """

    def __init__(self, job: Job, places: Places):
        self.job, self.places = job, places
        self.conversion = _found(job)
        self.table, self.config = self.conversion.table, self.conversion.job.stem_config
        source = self.conversion.source
        self._samples = self.table.samples.tolist()
        self._row_of = {sample: row for row, sample in enumerate(self._samples)}
        self.names = self.config.notes if self.config.articulation and len(self.config.notes) > 1 else {}
        self.session = Session(self._row_of, list(self.names), source.duration_s)
        self._lock = threading.RLock()
        self._X = feature_matrix(self.table, FEATURE_SETS[ALL], STEM_REFERENCE)
        limit = min(max(self._min_confidence, SOONEST), SUREST)
        self._beliefs = Beliefs(self._X, FEATURE_SETS[ALL], self._prior(limit), limit)
        self._n_refits = 0
        self._wrong_at_first = float(self._beliefs.likely_wrong.sum())
        self._journal = Journal(places.journal(source.fingerprint))
        try:
            self.n_forgotten = self._resume()
        except BaseException:
            self._journal.close()
            raise
        self.sounds = _sounds(self.conversion)
        self._refitter = Refitter(self._model, places, self._take_model)
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
        keep, confidence = self.conversion.decisions.keep, self._model.confidence(self.table)
        return np.where(keep, np.maximum(confidence, limit), np.minimum(confidence, np.nextafter(limit, 0)))

    def _resume(self) -> int:
        """Take the steps of earlier runs, and return how many of them no longer fit."""
        if not self._journal.entries:
            self._journal.append({"format": FORMAT, "audio": str(self.job.audio), "stem": self.job.stem})
            return 0
        header, *entries = self._journal.entries
        try:
            steps = [Step.from_plain(entry) for entry in entries]
        except StepError:
            header = {}
        if header.get("format") != FORMAT:
            raise InputError(
                f"{self._journal.path}: is the journal of another version of this toolkit; move it away to begin anew."
            )
        return self.session.take_all(steps)

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
        with self._lock:
            if revision != self.session.revision:
                raise StaleError("another tab has decided meanwhile")
            step = self._hit_at(plain) if plain.get("do") == ADD else Step.from_plain(plain)
            self._take(step)
            self._believe()

    def _take(self, step: Step) -> None:
        self.session.require_fit(step)
        self._journal.append(step.to_plain())
        self.session.take(step)

    def _hit_at(self, plain: Mapping[str, Any]) -> Step:
        """Return the step that adds a hit at the attack nearest to a time: keeping the candidate there, if there is."""
        asked = Step.from_plain({"velocity": 1, "name": "", **plain})
        self.session.require_fit(asked)
        time_s = attack_near(self.sounds[STEM], asked.time_s or 0.0, self.job.stem)
        time_s = min(time_s, self.conversion.source.duration_s)
        near = np.abs(self.table.times_s - time_s)
        if len(near) and near.min() <= SAME_HIT_S:
            return Step(KEEP, hit=int(self.table.samples[near.argmin()]))
        velocity = velocity_of(peak_after(self.sounds[STEM], time_s), self.table, self.keep, self.config)
        return Step(ADD, time_s=time_s, velocity=max(1, velocity), name=asked.name)

    def _believe(self) -> None:
        """Judge the undecided candidates anew by all answers, and have the model fitted."""
        rows, y = self._answers()
        self._beliefs.learn(rows, y)
        self._refitter.offer(self._X[rows], y)

    def _answers(self) -> tuple[np.ndarray, np.ndarray]:
        kept = {self._row_of[hit]: is_kept for hit, is_kept in self.session.decided.kept.items() if hit in self._row_of}
        return np.array(list(kept), dtype=int), np.array(list(kept.values()), dtype=bool)

    def _take_model(self, model: PlainModel) -> None:
        with self._lock:
            self._beliefs.start_from(model.predict_proba(self._X))
            self._n_refits += 1

    @property
    def keep(self) -> np.ndarray:
        """Which candidates are kept as things stand, shape (n,), bool."""
        with self._lock:
            keep = self._beliefs.probability >= 0.5
            rows, y = self._answers()
            keep[rows] = y
            return keep

    def final(self) -> Hits:
        """Return what would be written now."""
        with self._lock:
            return final_hits(self.table, self.keep, self.config, self.session.decided)

    def queue(self) -> list[int]:
        """Return the hits still to be asked about, the most informative first, those that were skipped last."""
        with self._lock:
            asked = set(self.session.decided.kept) | set(self.session.decided.skipped)
            rows = np.array([row for hit, row in self._row_of.items() if hit not in asked], dtype=int)
            first = self.table.samples[self._beliefs.order(np.sort(rows))].tolist()
            return first + [hit for hit in self.session.decided.skipped if hit >= 0]

    @property
    def version(self) -> tuple[int, int]:
        """What changes when anything that the page shows does."""
        return self.session.revision, self._n_refits

    def state(self) -> dict[str, Any]:
        """Return what the page shows of the stem, as JSON has it; see `about` for what does not change."""
        with self._lock:
            decided, queue, final = self.session.decided, self.queue(), self.final()
            velocities = dict(zip(final.hits.tolist(), final.notes["velocity"].tolist(), strict=True))
            numbers = dict(zip(final.hits.tolist(), final.notes["number"].tolist(), strict=True))
            wrong = self._beliefs.likely_wrong
            wrong[self._answers()[0]] = 0
            return {
                "version": self.version,
                "revision": self.session.revision,
                "queue": queue[:SHOWN_AHEAD],
                "left": len(queue),
                "decided": len(decided.kept),
                "wrong": float(wrong.sum()),
                "wrongAtFirst": self._wrong_at_first,
                "undo": self.session.steps[-1].to_plain() if self.session.steps else None,
                "done": self.session.is_done,
                "keep": "".join(map(str, self.keep.astype(int).tolist())),
                "sure": np.rint(100 * self._beliefs.probability).astype(int).tolist(),
                "mine": [hit for hit in decided.kept if hit >= 0],
                "skipped": decided.skipped,
                "velocity": [velocities.get(hit, 0) for hit in self._samples],
                "number": [numbers.get(hit, 0) for hit in self._samples],
                "moved": {str(hit): time_s for hit, time_s in decided.times_s.items()},
                "added": [
                    {"hit": hit, "time": decided.times_s[hit], "velocity": velocity,
                     "keep": decided.kept.get(hit, False), "number": numbers.get(hit, 0)}
                    for hit, velocity in decided.added.items()
                ],
            }  # fmt: skip

    @property
    def peak(self) -> float:
        """Highest sample at a candidate, at least -60 dB, full scale 1."""
        return float(self.table["Amp"].max(initial=SILENT_PEAK))

    def about(self) -> dict[str, Any]:
        """Return what the page shows of the stem and does not change."""
        source, places = self.conversion.source, self.places
        return {
            "label": self.job.label or self.job.audio.stem,
            "stem": self.job.part,
            "audio": self.job.audio.name,
            "model": self.job.model_name,
            "duration": source.duration_s,
            "sampleRate": SAMPLE_RATE,
            "times": self.table.times_s.tolist(),
            "hits": self._samples,
            "names": [{"name": name, "number": number} for name, number in self.names.items()],
            "siblings": [name for name in self.sounds if name not in (STEM, MIX)],
            "hasMix": MIX in self.sounds,
            "peak": self.peak,
            "warnings": [*source.warnings, *self._forgotten()],
            "files": {name: str(path) for name, path in
                      (("output", places.output), ("raw", places.raw), ("edited", places.edited),
                       ("model", places.model(self.job.stem)), ("training", places.training))},
        }  # fmt: skip

    def _forgotten(self) -> list[str]:
        if not self.n_forgotten:
            return []
        return [f"Earlier answers about hits that these settings do not find do not count: {self.n_forgotten}."]

    def finish(self) -> list[str]:
        """Write the files, and return their paths; the stem can be reviewed further.

        Raises
        ------
        InputError
            One of them cannot be written.
        """
        with self._lock:
            write_all(self.conversion, self.final().notes, self.session.decided, self.places)
            if not self.session.is_done:
                self._take(Step(DONE))
            return [str(path) for path in (self.places.output, self.places.raw, self.places.edited)]

    def train(self) -> str:
        """Train a model on all pairs of the training folder, and return what to say of it."""
        return self._refitter.train(self.places.model(self.job.stem))

    def close(self) -> None:
        """Let go of the journal and of what goes on in the background; what was decided stays."""
        self._refitter.close()
        self._journal.close()
        for sound in self.sounds.values():
            if isinstance(sound, Sound):
                sound.close()


def _found(job: Job) -> Conversion:
    """Return the conversion of a stem with all features, which the beliefs are about."""
    if job.model is None:
        raise ValueError("a review needs a model")
    table, source = analyze(job.audio, job.stem_config, job.features if job.features in WITH_SIBLINGS else ALL)
    decisions: Decisions = job.model.decide(table, job.stem_config, job.min_confidence)
    return Conversion(job, Track(job.part, np.zeros(0)), table, decisions, source)


def _sounds(conversion: Conversion) -> dict[str, Sound | Mix]:
    """Return the sounds of a stem and its siblings, which are being decoded, the stem's first."""
    source = conversion.source
    n_samples = round(source.duration_s * SAMPLE_RATE)
    stem = Sound(source.path, n_samples)
    others = {one.stem: Sound(one.path, n_samples) for one in source.siblings}
    decode_in_background([stem, *others.values()])
    return {STEM: stem} | ({MIX: Mix([stem, *others.values()])} if others else {}) | others
