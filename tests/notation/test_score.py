import importlib.util
import sys
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from drumhits.errors import InputError
from drumhits.io.grid import Signature, even_grid
from drumhits.notation.score import PLACES, require_music21, to_musicxml
from drumhits.tempo.strokes import Part

GRID = even_grid(120, (Signature(0.0, 4, 4),))
HAS_MUSIC21 = importlib.util.find_spec("music21") is not None
needs_music21 = pytest.mark.skipif(not HAS_MUSIC21, reason="needs requirements-notation.txt")


def every_articulation():
    names = [*PLACES, "head", "head", "kick"]
    times_s = np.append(np.arange(len(names) - 2) * 0.25, [0.0, 1.25])
    in_time = np.argsort(times_s, kind="stable")
    return [Part(times_s[in_time], np.full(len(names), 90), np.array(names, dtype=object)[in_time])]


@pytest.fixture(scope="module")
def score():
    return to_musicxml(every_articulation(), GRID, "a song")[0]


@needs_music21
@pytest.mark.filterwarnings("ignore")
def test_every_stroke_has_its_place_its_head_and_its_drum(score):
    root = ElementTree.fromstring(score)
    drums = {one.get("id"): one.findtext("instrument-name") for one in root.iter("score-instrument")}
    assert sorted(drums.values()) == sorted(place.name for place in PLACES.values())
    found = {}
    for note in root.iter("note"):
        if (at := note.find("unpitched")) is not None:
            position = at.findtext("display-step") + at.findtext("display-octave")
            found[drums[note.find("instrument").get("id")]] = (position, note.findtext("notehead", "normal"))
    assert found == {place.name: (place.position, place.head) for place in PLACES.values()}
    assert root.findtext(".//clef/sign") == "percussion"
    assert {one.text for one in root.iter("stem")} == {"up", "down"}


@needs_music21
@pytest.mark.filterwarnings("ignore")
def test_it_is_valid_musicxml(score):
    etree = pytest.importorskip("lxml.etree")
    spec = importlib.util.find_spec("partitura")
    if spec is None:
        pytest.skip("needs partitura, which ships the schema")

    class Attributes(etree.Resolver):
        def resolve(self, url, public_id, context):
            name = url.rpartition("/")[2]
            return self.resolve_string(attribute_schema(name), context) if name in ATTRIBUTES else None

    parser = etree.XMLParser(no_network=True)
    parser.resolvers.add(Attributes())
    schema = etree.XMLSchema(etree.parse(Path(spec.origin).parent / "assets" / "musicxml.xsd", parser))
    schema.assertValid(etree.fromstring(score))


ATTRIBUTES = {"xml.xsd": ("XML/1998/namespace", "lang space"),
              "xlink.xsd": ("1999/xlink", "href type role title show actuate")}  # fmt: skip


def attribute_schema(name):
    """Return a schema of the attributes that MusicXML takes from another standard."""
    namespace, attributes = ATTRIBUTES[name]
    rows = "".join(f'<xs:attribute name="{one}" type="xs:string"/>' for one in attributes.split())
    return (
        '<xs:schema xmlns:xs="http://www.w3.org/2001/XMLSchema" '
        f'targetNamespace="http://www.w3.org/{namespace}">{rows}</xs:schema>'
    )


def test_without_music21_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "music21", None)
    with pytest.raises(InputError, match=r"--musicxml needs music21; install it with: .* requirements-notation\.txt"):
        require_music21()


@needs_music21
def test_a_song_without_hits_is_refused():
    with pytest.raises(InputError, match="a song: holds no hit"):
        to_musicxml([], GRID, "a song")
