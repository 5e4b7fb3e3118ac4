"""The grid of a song's MIDI files: as the settings say, or as the hits of its stems tell; and what to say about it."""

from collections.abc import Iterable
from typing import TYPE_CHECKING, NamedTuple

from drumhits.config.load import MidiConfig
from drumhits.config.schema import AUTO
from drumhits.io.grid import DEFAULT_TEMPO_BPM, Grid, Signature, even_grid

if TYPE_CHECKING:
    from drumhits.tempo.find import Beats
    from drumhits.transcription.convert import Conversion

OCTAVE = 0.02  # share within which a rival tempo is half or double
COMPOUND_METER = (6, 8)
DOUBTED = 0.75  # confidence below which the rival is named
FAST_BPM = 165.0  # from here on half of it is named in any case: many write fast music so


class SongGrid(NamedTuple):
    """A grid, and sentences about how it was found: what, and what to doubt."""

    grid: Grid
    message: str = ""
    warning: str = ""


def configured_grid(config: MidiConfig) -> Grid | None:
    """Return the grid that the settings say; None where the hits are to tell it.

    Raises
    ------
    InputError
        The MIDI file of `tempo` cannot be used.
    """
    if config.tempo == AUTO:
        return None
    if isinstance(config.tempo, float) and config.first_bar is None and config.time_signature == AUTO:
        return even_grid(config.tempo)
    from drumhits.tempo.bars import constant_grid, file_grid

    if isinstance(config.tempo, str):
        return file_grid(config.tempo)
    return constant_grid(config.tempo, config.first_bar, meter_of(config))


def meter_of(config: MidiConfig) -> tuple[int, int] | None:
    """Return numerator and denominator of the time signature; None where it is to be found."""
    if config.time_signature == AUTO:
        return None
    numerator, denominator = config.time_signature.split("/")
    return int(numerator), int(denominator)


def found_grid(conversions: Iterable["Conversion"], config: MidiConfig, song: str) -> SongGrid:
    """Return the grid that the hits of a song's stems tell; 120 BPM where they do not tell it surely."""
    from drumhits.tempo.bars import beats_grid, beats_of, constant_grid
    from drumhits.tempo.find import find_beats
    from drumhits.tempo.strokes import strokes_of

    meter = meter_of(config)
    in_bar = beats_of(meter) if meter else None
    known = in_bar if in_bar in (3, 4) or meter == COMPOUND_METER else None
    beats = find_beats(strokes_of([one.part for one in conversions]), beats_in_bar=known)
    if beats is None or not beats.is_sure:
        default = constant_grid(DEFAULT_TEMPO_BPM, config.first_bar, meter)
        return SongGrid(default, warning=f"{song}: {_unsure(beats)}; 120 BPM is written. Say it with --tempo BPM.")
    meter = meter or (COMPOUND_METER if beats.is_compound else (beats.beats_in_bar, 4))
    grid = beats_grid(beats, meter, config.first_bar)
    return SongGrid(grid, f"{song}: {_found(beats, meter, grid)}", _rival(beats, song, _quarters(meter)))


def _quarters(meter: tuple[int, int]) -> float:
    """Return how many quarter notes, of which MIDI counts the tempo, are in a beat."""
    from drumhits.tempo.bars import beats_of

    return Signature(0.0, *meter).bar_beats / beats_of(meter)


def _found(beats: "Beats", meter: tuple[int, int], grid: Grid) -> str:
    quarters = _quarters(meter)
    tempo = f"{beats.bpm * quarters:.1f} BPM" + (f" ({beats.bpm:.1f} beats a minute)" if quarters != 1 else "")
    tempo += " constant" if beats.is_constant else " on the average, changing"
    first_s = grid.tempo.seconds(grid.bar_lines(beats.times_s[0]))
    first_s = first_s[abs(first_s - beats.times_s[0]).argmin()]
    step = {6: "a 16th", 4: "a 16th", 3: "a triplet"}[beats.division]
    return (
        f"{tempo}, {meter[0]}/{meter[1]}, first bar at {first_s:.2f} s; "
        f"{100 * beats.on_grid:.0f} % of the hits within 30 ms of {step}."
    )


def _unsure(beats: "Beats | None") -> str:
    if beats is None:
        return "there are too few hits to tell a tempo, or none of kick and snare"
    return f"the tempo is not sure ({beats.bpm:.1f} BPM, or {beats.rival_bpm:.1f})"


def _rival(beats: "Beats", song: str, quarters: float) -> str:
    """Return a sentence where half or twice the tempo is likely, too; "" elsewhere."""
    bpm, rival_bpm = beats.bpm * quarters, beats.rival_bpm * quarters
    is_doubted = beats.confidence < DOUBTED
    if bpm >= FAST_BPM:
        rival_bpm, is_doubted = bpm / 2, True
    named = {0.5: "half of it", 2.0: "twice that"}
    for factor, words in named.items():
        if is_doubted and abs(rival_bpm / bpm / factor - 1) < OCTAVE:
            return (
                f"{song}: {bpm:.1f} BPM could as well be {words}, {rival_bpm:.1f} "
                f"(sure to {100 * beats.confidence:.0f} %); --tempo {rival_bpm:.1f} writes that."
            )
    return ""
