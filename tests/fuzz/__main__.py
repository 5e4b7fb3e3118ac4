"""Fuzz every reader: python -m tests.fuzz [--what midi audio ...] [--minutes N] [--count N] [--seed N].

Hand-made and kept cases come first, then mutated files, then faults while files are written. Exit code 1 where anything
fails; the file that failed is kept in tests/fuzz/regressions/, where the ordinary tests find it.
"""

import argparse
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from fuzz import faults, sandbox

COUNTS = {"midi": 100_000, "audio": 10_000, "models": 20_000, "configs": 10_000}
SHARES = {"midi": 0.35, "audio": 0.25, "models": 0.25, "configs": 0.1}  # of the minutes; what is left is for the others


def get_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.fuzz", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--what", nargs="+", choices=(*COUNTS, "faults"), default=(*COUNTS, "faults"))
    parser.add_argument("--minutes", type=float, help="stop after so long; the counts are then an aim")
    parser.add_argument("--count", type=int, help="mutated files of each kind (default: 100,000 MIDI files and so on)")
    parser.add_argument("--slack", type=float, default=1.0, help="multiplies the time a case may take (default: 1)")
    parser.add_argument("--seed", type=int, default=0, help="another seed, other files (default: 0)")
    return parser


def fuzz(kind: str, args: argparse.Namespace) -> int:
    """Run all cases of a kind, print a line of counts for each source, and return the number of faults."""
    n_faults, until = 0, float("inf")
    for source in ("hostile", "regressions", f"mutants {args.seed}"):
        if source.startswith("mutants") and args.minutes is not None:
            until = time.monotonic() + 60 * args.minutes * SHARES[kind] / sum(SHARES[one] for one in args.kinds)
        result = sandbox.run(kind, source, args.count or COUNTS[kind], until=until, slack=args.slack)
        counted = ", ".join(f"{count} {outcome}" for outcome, count in sandbox.counted(result.outcomes))
        _say(f"{kind:<8} {source:<12} {result.n_run:>7} in {result.seconds:6.1f} s: {counted}")
        for fault in result.faults:
            kept = "" if source == "regressions" else f"\n  kept as {sandbox.save(fault, source)}"
            _say(f"FAILED {fault}{kept}")
        n_faults += len(result.faults)
    return n_faults


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    args = get_parser().parse_args()
    args.kinds = [kind for kind in args.what if kind in COUNTS]
    n_faults = 0
    if "faults" in args.what:
        start = time.monotonic()
        n_runs, failed = faults.run_all()
        _say(f"faults   {n_runs} runs that were stopped, in {time.monotonic() - start:.1f} s")
        for line in failed:
            _say(f"FAILED {line}")
        n_faults += len(failed)
        if args.minutes is not None:
            args.minutes = max(0.1, args.minutes - (time.monotonic() - start) / 60)
    n_faults += sum(fuzz(kind, args) for kind in args.kinds)
    _say(f"{n_faults} failed" if n_faults else "all passed")
    return 1 if n_faults else 0


if __name__ == "__main__":
    sys.exit(main())
