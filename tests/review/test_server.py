"""The server of the review page: what it gives, and what it refuses, to whoever asks."""

import http.client
import json
import socket

import numpy as np
import pytest
from reviewing import HIHAT, stems

from drumhits.errors import InputError, UsageError
from drumhits.io.audio import SAMPLE_RATE, AudioReader
from drumhits.review.reviews import Reviews
from drumhits.review.web.picture import N_BANDS, SPECTRUM_COLUMNS, TILE_COLUMNS
from drumhits.review.web.server import MOST_BODY_BYTES, ReviewServer


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    folder = tmp_path_factory.mktemp("review")
    with ReviewServer(Reviews(stems(folder, HIHAT, HIHAT.with_name("test1-snare.flac")))) as opened:
        opened.reviews.open(0)
        yield opened
    opened.reviews.close()


class Client:
    """Asks as the page does, or otherwise."""

    def __init__(self, server):
        self.port, self.token = server.server_port, server.token
        self.host = f"127.0.0.1:{self.port}"

    def ask(self, method, address, body=None, token=None, **headers):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = {"Host": self.host, "Origin": f"http://{self.host}"} | headers
        sent = {name: value for name, value in sent.items() if value is not None}
        data = json.dumps(body).encode() if isinstance(body, dict | list) else body
        try:
            connection.request(method, f"/{token or self.token}/{address}", data, sent)
            answer = connection.getresponse()
            return answer, answer.read()
        finally:
            connection.close()

    def get(self, address, **headers):
        return self.ask("GET", address, **headers)

    def json(self, address):
        answer, data = self.get(address)
        assert answer.status == 200, data
        return json.loads(data)

    def post(self, address, body, **headers):
        answer, data = self.ask("POST", address, body, **headers)
        return answer.status, json.loads(data)


@pytest.fixture
def client(server):
    server.reviews.open(0)
    return Client(server)


def test_the_page_and_its_files_come_with_a_strict_policy(client):
    kinds = {"": "text/html", "review.js": "text/javascript", "style.css": "text/css", "icon.svg": "image/svg+xml"}
    for name, kind in kinds.items():
        answer, data = client.get(name)
        assert answer.status == 200
        assert answer.headers["Content-Type"].startswith(kind)
        assert answer.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'")
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert data
    page = client.get("")[1].decode()
    assert "http" not in page.replace("http-equiv", "")
    assert "<script>" not in page
    assert "style=" not in page


def test_sound_comes_in_ranges(client):
    y = np.concatenate([*AudioReader(HIHAT).blocks()])
    answer, data = client.get("0/sound/stem", Range=f"bytes={2 * SAMPLE_RATE}-{2 * SAMPLE_RATE + 1999}")
    assert answer.status == 206
    assert answer.headers["Content-Range"].startswith(f"bytes {2 * SAMPLE_RATE}-{2 * SAMPLE_RATE + 1999}/")
    assert np.frombuffer(data, "<i2") / 32767 == pytest.approx(y[SAMPLE_RATE : SAMPLE_RATE + 1000], abs=1e-4)
    assert client.get("0/sound/stem", Range="bytes=999999999999-9999999999999")[0].status == 416
    size = int(answer.headers["Content-Range"].split("/")[1])
    assert len(client.get("0/sound/stem", Range=f"bytes={size - 10}-{size + 999}")[1]) == 10
    assert len(client.get("0/sound/mix", Range="bytes=1-4")[1]) == 4


def test_pictures_come_in_tiles(client, server):
    for name in ("stem", "snare"):
        server.reviews.current.sounds[name].samples(10**8 - 1, 10**9)  # waits until all is decoded
    near = np.frombuffer(client.get("0/waveform/stem/64/0")[1], "<i2").reshape(-1, 2)
    far = np.frombuffer(client.get("0/waveform/stem/1024/0")[1], "<i2").reshape(-1, 2)
    assert len(near) == TILE_COLUMNS
    assert near.max() == far[: TILE_COLUMNS // 16].max()
    assert (far[:, 0] <= far[:, 1]).all()
    assert len(client.get("0/spectrum/0")[1]) == SPECTRUM_COLUMNS * N_BANDS
    assert not any(client.get("0/spectrum/999")[1])
    assert client.get("0/waveform/snare/64/0")[0].status == 200


@pytest.mark.parametrize(
    "address",
    [
        "nothing", "../stems_to_midi.py", "..%2f..%2fetc%2fpasswd", "%2e%2e/server.py", "server.py", "0", "0/", "0/act",
        "0/waveform/stem/65/0", "0/waveform/stem/64/-1", "0/waveform/stem/64/99999999", "0/waveform/etc/64/0",
        "0/waveform/stem/64/%D9%A1", "0/spectrum/0/0", "0/sound/..", "x/state", "index.html/", "//state",
        "0/spectrum/1e3",
    ],
)  # fmt: skip
def test_other_addresses_are_not_found(client, address):
    assert client.get(address)[0].status == 404


def test_who_may_not_ask(client):
    assert client.get("about", token="wrong")[0].status == 404
    assert client.get("about", token="%")[0].status == 404
    for host in ("evil.example", f"evil.example:{client.port}", "127.0.0.1", f"127.0.0.1:{client.port + 1}", ""):
        assert client.get("about", Host=host)[0].status == 403
    assert client.get("about", Host=f"localhost:{client.port}", Origin=None)[0].status == 200
    assert client.get("about", Origin="http://evil.example")[0].status == 403
    for origin in ("http://evil.example", "null", None, f"https://127.0.0.1:{client.port}"):
        assert client.post("0/finish", {}, Origin=origin)[0] == 403
    assert client.ask("DELETE", "about")[0].status == 501


@pytest.mark.parametrize(
    ("address", "body", "status"),
    [
        ("0/act", b"{", 400), ("0/act", b"", 400), ("0/act", b"\xff", 400), ("0/act", b"[" * 60_000, 400),
        ("0/act", [], 400), ("0/act", {}, 400), ("0/act", {"revision": 0}, 400),
        ("0/act", {"revision": "0", "step": {}}, 400),
        ("0/act", {"revision": 0, "step": {"do": "keep"}}, 400),
        ("0/act", {"revision": 0, "step": {"do": "keep", "hit": 1}}, 400),
        ("0/act", {"revision": 0, "step": {"do": "add", "time_s": 1e300}}, 400),
        ("0/act", {"revision": 5, "step": {"do": "undo"}}, 200),
        ("1/act", {"revision": 0, "step": {"do": "undo"}}, 200),
        ("0/explode", {}, 404), ("act", {}, 404), ("0/open", {"index": 7}, 400), ("0/open", {"index": "1"}, 400),
        ("0/open", {}, 400), ("0/act", b" " * (MOST_BODY_BYTES + 1), 413),
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused_and_changes_nothing(client, server, address, body, status):
    before = server.reviews.current.session.revision
    answered, answer = client.post(address, body)
    assert (answered, "error" in answer) == (status, True)
    assert server.reviews.current.session.revision == before


@pytest.mark.parametrize(
    "request_",
    [
        b"POST /{token}/0/act HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\n\r\n",
        b"POST /{token}/0/act HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Length: -5\r\n\r\n",
        b"POST /{token}/0/act HTTP/1.1\r\nHost: {host}\r\nOrigin: http://{host}\r\nContent-Length: 99999999999\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n", b"\0\xff\r\n\r\n", b"GET /" + b"x" * 70_000 + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"".join(b"X%d: y\r\n" % i for i in range(300)) + b"\r\n",
    ],
)  # fmt: skip
def test_broken_requests_end_in_a_plain_refusal(client, request_):
    filled = request_.replace(b"{token}", client.token.encode()).replace(b"{host}", client.host.encode())
    with socket.create_connection(("127.0.0.1", client.port), timeout=30) as connection:
        connection.sendall(filled)
        answer = connection.recv(1 << 16)
    assert answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 5")) or b"Error code: " in answer
    assert b"Traceback" not in answer
    assert client.get("about")[0].status == 200


def test_a_state_that_is_known_is_not_sent_again(client):
    state = client.json("0/state")
    assert client.get("0/state?version=" + ",".join(map(str, state["version"])))[0].status == 204


def decided_in(state):
    """Return what decisions alone change: a search in the background may change the rest at any time."""
    return {key: state[key] for key in ("revision", "decided", "mine", "undo")}


def test_two_stems_one_after_the_other(client):
    hit = client.json("0/state")["queue"][0]
    revision = client.json("0/state")["revision"]
    status, state = client.post("0/act", {"revision": revision, "step": {"do": "keep", "hit": hit}})
    assert (status, state["mine"][-1]) == (200, hit)
    status, answer = client.post("0/act", {"revision": revision, "step": {"do": "keep", "hit": hit}})
    assert answer["error"] == "another tab has decided meanwhile"
    assert decided_in(answer["state"]) == decided_in(state)
    status, files = client.post("0/finish", {})
    assert status == 200
    assert len(files["files"]) == 3
    status, about = client.post("0/open", {"index": 1})
    assert (status, about["index"], about["stem"]) == (200, 1, "snare")
    assert [one["done"] for one in about["stems"]] == [True, False]
    assert client.json("0/state")["index"] == 1
    assert client.get("0/spectrum/0")[0].status == 409
    assert client.post("1/open", {"index": 0})[0] == 200
    assert client.json("0/state")["mine"][-1] == hit


def test_a_full_disk_is_said_and_nothing_is_lost(client, monkeypatch):
    before = client.json("0/state")

    def full(*args):
        raise InputError("x.mid: not written (No space left on device)")

    monkeypatch.setattr("drumhits.review.journal.Journal.append", full)
    step = {"do": "keep", "hit": before["queue"][0]}
    status, answer = client.post("0/act", {"revision": before["revision"], "step": step})
    assert (status, answer["error"]) == (507, "x.mid: not written (No space left on device)")
    assert decided_in(client.json("0/state")) == decided_in(before)


def test_a_port_that_is_taken_is_said(server):
    with pytest.raises(UsageError, match=f"--port {server.server_port}: cannot be used"):
        ReviewServer(server.reviews, server.server_port)
