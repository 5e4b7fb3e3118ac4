"""What a conversion's result says about its stem: the level that was found, and the likely cause of an odd one."""

from collections import Counter

import numpy as np

from drumhits.analysis import MIX
from drumhits.config.schema import STEM_REFERENCE
from drumhits.detection.loudness import StemLevel
from drumhits.models.decisions import (
    GEOMEAN_TEST,
    STRENGTH_TEST,
    ThresholdTest,
    limit_in_force,
    limit_text,
    threshold_tests,
)
from drumhits.transcription.convert import Conversion

MANY_CANDIDATES, FEW_KEPT = 30, 0.02  # of which hardly any is kept
FULL_SCALE, MANY_AT_FULL_SCALE, FEWEST_AT_FULL_SCALE = 0.999, 0.2, 5
DOUBLES_SETTING = "onset_wait"  # which makes doubles of hits
WITH_MODEL = "try --use-ml-model pretrained"


def level_line(conversion: Conversion) -> str:
    """Return the level that was found, and what the stem makes of the thresholds that follow it."""
    level, config, stem = conversion.table.level, conversion.job.stem_config, conversion.job.stem
    text = f"Level: {_beside_usual(level, stem)}"
    if conversion.job.model:
        return f"{text}."
    tests = (GEOMEAN_TEST, STRENGTH_TEST) if config.onset_gap else (GEOMEAN_TEST,)
    text = "; ".join((text, *filter(None, (_limit_said(test, conversion) for test in tests)))) + "."
    is_relative = config.level_reference == STEM_REFERENCE and config.geomean_threshold is not None
    if is_relative and level.is_quiet and not level.is_bleed:
        text += f" If it holds nothing but bleed: --set {stem}.level_reference=absolute."
    return text


def _limit_said(test: ThresholdTest, conversion: Conversion) -> str | None:
    """Return what a setting stands for in this stem; None where its test is switched off."""
    config = conversion.job.stem_config
    setting, limit = getattr(config, test.setting), limit_in_force(test, conversion.table, config)
    if limit is None:
        return None
    words = "holds as it is" if limit == setting else f"stands for {limit_text(limit)} here"
    return f"{test.setting} {setting:g} {words}"


def _beside_usual(level: StemLevel, stem: str) -> str:
    if level.is_silent:
        return "next to silence"
    if level.is_bleed:
        return "nothing but bleed of the song's other stems"
    side = "above" if level.relative_db >= 0 else "below"
    return f"loud hits {abs(level.relative_db):.1f} dB {side} what is usual for {stem}"


def warning(conversion: Conversion) -> str | None:
    """Return a sentence where a stem is silent, clipped or bleed alone, or hardly anything is kept; None elsewhere."""
    name, table = conversion.job.audio, conversion.table
    if not len(table):
        return f"{name}: holds no hit (silent or empty?); the MIDI file has no notes."
    checks = (_clipping,) if conversion.job.features == MIX else (_emptiness, _scarcity, _clipping)
    why = next(filter(None, (check(conversion) for check in checks)), None)
    return None if why is None else f"{name}: {why}"


def _emptiness(conversion: Conversion) -> str | None:
    level, kept = conversion.table.level, _kept(conversion)
    if level.is_silent:
        return f"is next to silent, so {kept} kept; if there are hits in it, amplify it and convert it again."
    if level.is_bleed:
        return (
            f"holds nothing but bleed of the song's other stems, as it seems, so {kept} kept; if there are hits of its "
            f"own in it, {WITH_MODEL}, or --set {conversion.job.stem}.level_reference=absolute."
        )
    return None


def _scarcity(conversion: Conversion) -> str | None:
    decisions, job = conversion.decisions, conversion.job
    n, n_kept = len(decisions.keep), int(np.count_nonzero(decisions.keep))
    if n < MANY_CANDIDATES or n_kept > FEW_KEPT * n:
        return None
    if job.model:
        return f"only {_kept(conversion)} kept; if it should hold more hits, lower --min-confidence."
    reason, n_rejected = Counter(filter(None, decisions.reasons)).most_common(1)[0]
    failed = (test.setting for test in threshold_tests(job.stem) if reason.startswith(f"{test.feature} "))
    setting = next(failed, DOUBLES_SETTING)
    return (
        f"only {_kept(conversion)} kept, and {n_rejected} fell to {reason}; if it should hold more hits, {WITH_MODEL}, "
        f"or lower it with --set {job.stem}.{setting}=VALUE."
    )


def _clipping(conversion: Conversion) -> str | None:
    peaks = conversion.table["Amp"][conversion.decisions.keep]
    n_clipped = int(np.count_nonzero(peaks >= FULL_SCALE))
    if n_clipped < max(FEWEST_AT_FULL_SCALE, MANY_AT_FULL_SCALE * len(peaks)):
        return None
    return (
        f"{n_clipped} of its {len(peaks)} hits reach full scale, so it may be clipped, and their velocities alike; "
        "export it at a lower level."
    )


def _kept(conversion: Conversion) -> str:
    keep = conversion.decisions.keep
    return f"{int(np.count_nonzero(keep))} of {len(keep)} candidates are"
