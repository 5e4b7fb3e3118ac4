"""What a conversion tells: table and summary for people, CSV and JSON for machines; as text, nothing is printed."""

import io
import json
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from drumhits.analysis import MIX
from drumhits.config.load import Config, describe
from drumhits.detection.features import GUIDE_FEATURES
from drumhits.errors import InputError
from drumhits.io.folders import common_folder, name_list
from drumhits.io.text import escape_controls, without_numbers
from drumhits.transcription.advice import level_line, warning
from drumhits.transcription.convert import Conversion

SCHEMA = "drumhits/conversion/1"
CSV_SIGNATURE = b"time_s,Str,Amp"
ROWS_AT_EACH_END = 20  # of a long table
FAILED_SHOWN = 10
_FORMATS = {"Str": "5.2f", "Amp": "6.3f", "SustainMs": "9.0f"}
_OTHER_FORMAT = "8.2f"


def candidate_table(conversion: Conversion, *, whole: bool) -> str:
    """Return the table of candidates; unless `whole`, a long one is cut in the middle."""
    table, decisions = conversion.table, conversion.decisions
    formats = [_FORMATS.get(name, _OTHER_FORMAT) for name in GUIDE_FEATURES]
    widths = [int(spec.split(".")[0]) for spec in formats]
    confidence = decisions.confidence
    header = f"{'Time':>9}  " + " ".join(f"{name:>{width}}" for name, width in zip(GUIDE_FEATURES, widths, strict=True))
    header += "  Conf.  Decision" if confidence is not None else "  Decision"
    lines = []
    for i in _shown_rows(len(table), whole):
        if i is None:
            hidden = len(table) - 2 * ROWS_AT_EACH_END
            lines.append(f"{'...':>9}  {hidden} more candidates (-v shows them all)")
            continue
        cells = " ".join(f"{table[name][i]:{spec}}" for name, spec in zip(GUIDE_FEATURES, formats, strict=True))
        share = "" if confidence is None else f"  {100 * confidence[i]:3.0f} %"
        verdict = "KEPT" if decisions.keep[i] else f"REJECTED ({decisions.reasons[i]})"
        lines.append(f"{table.times_s[i]:9.3f}  {cells}{share}  {verdict}")
    return "\n".join([header, *lines])


def _shown_rows(n_rows: int, whole: bool) -> list[int | None]:
    """Return the rows to show, None for the gap."""
    if whole or n_rows <= 2 * ROWS_AT_EACH_END + 1:
        return list(range(n_rows))
    return [*range(ROWS_AT_EACH_END), None, *range(n_rows - ROWS_AT_EACH_END, n_rows)]


def summary(conversion: Conversion) -> str:
    """Return how many candidates were detected, kept and rejected, and the range of GeoMean of each group."""
    table, keep = conversion.table, conversion.decisions.keep
    geomean = table["GeoMean"]
    job = conversion.job
    lines = [f"Detected {len(table)} candidates in {conversion.source.duration_s:.1f} s of {job.part}."]
    if len(table) and job.features != MIX:
        lines.append(level_line(conversion))
    if job.model:
        threshold = job.model.min_confidence if job.min_confidence is None else job.min_confidence
        trained = f"{escape_controls(str(job.model_name))}, trained on {job.model.summary()}"
        lines.append(f"Decided by {trained}; kept from {100 * threshold:.0f} % confidence.")
    if job.siblings:
        beside = ", ".join(escape_controls(sibling.path.name) for sibling in conversion.source.siblings)
        left_out = ", ".join(escape_controls(path.name) for path in conversion.source.left_out)
        who = "the model decides" if job.model else "the thresholds decide"
        beside = beside or ("none" if left_out else f"none; with them beside it, {who} better")
        lines.append(f"Other stems of the song used: {beside}{f'; left out: {left_out}' if left_out else ''}.")
    for name, group in (("Kept", geomean[keep]), ("Rejected", geomean[~keep])):
        extent = f", GeoMean {group.min():.2f} to {group.max():.2f}" if len(group) else ""
        lines.append(f"{name + ':':<10}{len(group):5d}{extent}")
    return "\n".join(lines)


def one_line(conversion: Conversion) -> str:
    """Return a conversion as a line, as it is shown among others."""
    job, n_siblings = conversion.job, len(conversion.source.siblings)
    beside = f", with {n_siblings or 'no'} other stems" if job.siblings else ""
    counts = f"{np.count_nonzero(conversion.decisions.keep)} hits of {len(conversion.table)} candidates"
    return escape_controls(f"{job.label}: {counts}{beside}, {conversion.elapsed_s:.1f} s")


def warnings(conversion: Conversion) -> tuple[str, ...]:
    """Return what was mended or doubtful in the audio, and what its result says about it, as sentences for the user."""
    advice = warning(conversion)
    return conversion.source.warnings if advice is None else (*conversion.source.warnings, advice)


def batch_summary(
    done: list[Conversion], n_inputs: int, failed: Mapping[str, InputError], n_skipped: int = 0, what: str = "inputs"
) -> str:
    """Return what became of the inputs of a run, the names of those that failed among it; `what` they are.

    Where many failed, they are counted by reason.
    """
    n_notes = sum(int(one.decisions.keep.sum()) for one in done)
    lines = [f"Converted {len(done)} of {n_inputs} {what}, {n_notes} notes."]
    if decided_by := sorted({str(one.job.model_name) for one in done if one.job.model}):
        lines.append(f"Decided by {escape_controls(', '.join(decided_by))}.")
    if n_left := n_inputs - len(done) - len(failed):
        lines.append(f"Left out {n_left} that were made already.")
    if n_skipped:
        lines.append(f"Passed over {n_skipped} other file{'s' * (n_skipped > 1)}, as said above.")
    if failed:
        rows = failed if len(failed) <= FAILED_SHOWN else _by_reason(failed)
        lines += [f"Failed {len(failed)}:", *(f"  {escape_controls(row)}" for row in rows)]
    return "\n".join(lines)


def _by_reason(failed: Mapping[str, InputError]) -> list[str]:
    """Return a line for each reason: how many failed for it, why, and the first few names; the commonest first."""
    names, reasons = dict[str, list[Path]](), dict[str, str]()
    for name, error in failed.items():
        reason = str(error).removeprefix(f"{name}: ").split(";")[0]
        kind = without_numbers(reason)
        reasons.setdefault(kind, reason)
        names.setdefault(kind, []).append(Path(name))
    home = common_folder([Path(name) for name in failed])
    kinds = sorted(names, key=lambda kind: -len(names[kind]))
    return [f"{len(names[kind])}: {reasons[kind]}: {name_list(names[kind], within=home)}" for kind in kinds]


def to_csv(conversion: Conversion) -> str:
    """Return a row for each candidate: time, every feature, confidence (0..1, empty without a model), decision."""
    import csv

    table, decisions = conversion.table, conversion.decisions
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["time_s", *table.names, "confidence", "kept", "rejected_by"])
    confidence = _confidences(conversion)
    for i in range(len(table)):
        values = [f"{value:.6g}" for value in table.values[i]]
        share = "" if confidence[i] is None else f"{confidence[i]:.4f}"
        writer.writerow([f"{table.times_s[i]:.6f}", *values, share, int(decisions.keep[i]), decisions.reasons[i]])
    return text.getvalue()


def to_json(conversions: list[Conversion]) -> str:
    """Return all conversions of a run as JSON, with a schema version."""
    return json.dumps({"schema": SCHEMA, "conversions": [_plain(one) for one in conversions]}, indent=1) + "\n"


def _plain(conversion: Conversion) -> dict:
    table, decisions, source = conversion.table, conversion.decisions, conversion.source
    return {
        "audio": str(source.path),
        "midi": str(conversion.job.output),
        "stem": conversion.job.stem,
        "duration_s": source.duration_s,
        "sample_rate": source.sample_rate,
        "warnings": list(warnings(conversion)),
        "detected": len(table),
        "kept": int(np.count_nonzero(decisions.keep)),
        "rejected": int(np.count_nonzero(~decisions.keep)),
        "candidates": [
            {"time_s": time_s, **dict(zip(table.names, values, strict=True)), "confidence": share, "kept": bool(kept),
             "rejected_by": reason}
            for time_s, values, share, kept, reason in zip(
                table.times_s.tolist(), table.values.tolist(), _confidences(conversion), decisions.keep,
                decisions.reasons, strict=True,
            )
        ],
    }  # fmt: skip


def _confidences(conversion: Conversion) -> list[float | None]:
    confidence = conversion.decisions.confidence
    return [None] * len(conversion.table) if confidence is None else confidence.tolist()


def settings(config: Config, stem: str | None) -> str:
    """Return each setting in force and where its value came from, a line each."""
    rows = [(f"{path}: {value}", origin) for path, value, origin in describe(config, stem)]
    width = max(len(setting) for setting, _ in rows)
    return "\n".join(f"{setting:<{width}}  # {origin}" for setting, origin in rows)
