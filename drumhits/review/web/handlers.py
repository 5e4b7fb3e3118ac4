"""What the server answers: each address of the page, and what it gives or does. No address is ever taken for a path."""

import json
import re
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from drumhits.errors import InputError
from drumhits.page.parts import part_files
from drumhits.review.reviews import Reviews
from drumhits.review.session import StepError
from drumhits.review.showing import state
from drumhits.review.sound import BYTES, STEM
from drumhits.review.stem import StaleError
from drumhits.review.web.picture import COLUMN_SAMPLES, spectrum_tile, waveform_tile

PAGE = Path(__file__).with_name("page")
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
JSON, OCTETS = "application/json", "application/octet-stream"
MOST_BYTES = 1 << 23  # of sound at a time
MOST_TILES = MOST_STEMS = 1_000_000
_RANGE = re.compile(r"bytes=(\d{1,15})-(\d{1,15})")


class Answer(NamedTuple):
    """An answer to the page."""

    status: int
    kind: str = JSON
    body: bytes = b""
    headers: tuple[tuple[str, str], ...] = ()


def of_json(status: int, value: object) -> Answer:
    """Return an answer in JSON."""
    return Answer(status, body=json.dumps(value, separators=(",", ":")).encode())


def refusal(status: int, sentence: object) -> Answer:
    """Return an answer that says what is wrong."""
    return of_json(status, {"error": str(sentence)})


OTHER_STEM = "another tab has opened another stem"
NOT_FOUND = refusal(404, "there is nothing at this address")


@cache
def page_files() -> dict[str, tuple[str, bytes]]:
    """Return the files of the page: type and content by name, read once."""
    own = {path.name: path.read_bytes() for path in PAGE.iterdir() if path.suffix in TYPES}
    files = {name: (f"{TYPES[Path(name).suffix]}; charset=utf-8", data) for name, data in (part_files() | own).items()}
    return files | {"": files["index.html"]}


def get(reviews: Reviews, parts: list[str], query: Mapping[str, str], asked_range: str) -> Answer:
    """Answer a GET, which changes nothing.

    Parameters
    ----------
    parts : list of str
        The address behind the token, split at its slashes.
    query : mapping of str to str
    asked_range : str
        The header Range, "" without.
    """
    if len(parts) == 1 and parts[0] in page_files():
        return Answer(200, *page_files()[parts[0]])
    if parts == ["about"]:
        return of_json(200, reviews.about())
    if len(parts) < 2 or not _is_number(parts[0], MOST_STEMS):
        return NOT_FOUND
    if parts[0] != str(reviews.index):
        return _other_stem(reviews) if parts[1:] == ["state"] else refusal(409, OTHER_STEM)
    current = reviews.current
    match parts[1:]:
        case ["state"]:
            is_known = query.get("version") == ",".join(map(str, current.version))
            return Answer(204) if is_known else of_json(200, state(current))
        case ["waveform", name, length, tile] if name in current.sounds and _is_number(tile, MOST_TILES):
            if length not in map(str, COLUMN_SAMPLES):
                return NOT_FOUND
            return Answer(200, OCTETS, waveform_tile(current.sounds[name], int(length), int(tile)))
        case ["spectrum", tile] if _is_number(tile, MOST_TILES):
            return Answer(200, OCTETS, spectrum_tile(current.sounds[STEM], int(tile), current.peak))
        case ["sound", name] if name in current.sounds:
            return _sound(current.sounds[name], asked_range)
    return NOT_FOUND


def _is_number(text: str, limit: int) -> bool:
    return text.isdecimal() and text.isascii() and len(text) < 10 and int(text) < limit


def _sound(sound: Any, asked: str) -> Answer:
    """Return a range of a sound's bytes."""
    size, found = sound.n_samples * BYTES, _RANGE.fullmatch(asked)
    first, last = (int(found[1]), int(found[2])) if found else (0, size - 1)
    last = min(last, size - 1, first + MOST_BYTES - 1)
    if last < first:
        return refusal(416, "there is no such part of the sound")._replace(
            headers=(("Content-Range", f"bytes */{size}"),)
        )
    pcm = sound.samples(first // BYTES, last // BYTES + 1).tobytes()
    body = pcm[first % BYTES : first % BYTES + last - first + 1]
    return Answer(206, OCTETS, body, (("Content-Range", f"bytes {first}-{last}/{size}"), ("Accept-Ranges", "bytes")))


def post(reviews: Reviews, parts: list[str], body: Any) -> Answer:
    """Answer a POST: what the user does.

    Parameters
    ----------
    body : object
        As it came in JSON.
    """
    if len(parts) != 2 or parts[1] not in ACTIONS:
        return NOT_FOUND
    if parts[0] != str(reviews.index):
        return _other_stem(reviews)
    if not isinstance(body, dict):
        return refusal(400, "this is no object in JSON")
    try:
        return ACTIONS[parts[1]](reviews, body)
    except StaleError as error:
        return of_json(200, {"error": str(error), "state": state(reviews.current)})
    except StepError as error:
        return refusal(400, error)
    except InputError as error:
        return refusal(507, error)


def _other_stem(reviews: Reviews) -> Answer:
    """Tell a page that is behind; a browser's console would call a refusal an error."""
    return of_json(200, {"error": OTHER_STEM, "index": reviews.index})


def _act(reviews: Reviews, body: dict[str, Any]) -> Answer:
    revision, step = body.get("revision"), body.get("step")
    if type(revision) is not int or not isinstance(step, dict):
        return refusal(400, "a revision and a step are needed")
    reviews.current.act(step, revision)
    return of_json(200, state(reviews.current))


def _open(reviews: Reviews, body: dict[str, Any]) -> Answer:
    index = body.get("index")
    try:
        if type(index) is int:
            reviews.open(index)
            return of_json(200, reviews.about())
    except IndexError:
        pass
    return refusal(400, "there is no such stem")


def _finish(reviews: Reviews, body: dict[str, Any]) -> Answer:
    files, said = reviews.finish()
    return of_json(200, {"files": files, "said": said})


def _train(reviews: Reviews, body: dict[str, Any]) -> Answer:
    return of_json(200, {"said": reviews.current.train()})


def _end(reviews: Reviews, body: dict[str, Any]) -> Answer:
    reviews.ended.set()
    return of_json(200, {})


ACTIONS: dict[str, Callable[[Reviews, dict[str, Any]], Answer]] = {
    "act": _act, "open": _open, "finish": _finish, "train": _train, "end": _end,
}  # fmt: skip
