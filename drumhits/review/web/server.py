"""The server of the review page: on this machine alone, for whoever knows the token, one page's files and its data.

Nothing but the token in the address opens anything; `Host` and `Origin` must be this server's own, so that no page of
another site can talk to it, by whatever name it resolves.
"""

import json
import secrets
import socketserver
import sys
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from urllib.parse import parse_qsl, unquote, urlsplit

from drumhits.errors import InputError, UsageError
from drumhits.review.reviews import Reviews
from drumhits.review.web.handlers import NOT_FOUND, Answer, get, post, refusal

ADDRESS = "127.0.0.1"
MOST_BODY_BYTES = 1 << 16
SLOWEST_S = 30.0  # between two bytes of a request
LOOK_S = 0.5  # between two looks at the clock
HEADERS = (
    ("Content-Security-Policy",
     "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
     "form-action 'none'; frame-ancestors 'none'"),
    ("X-Content-Type-Options", "nosniff"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cache-Control", "no-store"),
)  # fmt: skip


class ReviewServer(ThreadingHTTPServer):
    """Serves some reviews, as a context, also before the first is open: the browser opens meanwhile.

    Parameters
    ----------
    reviews : Reviews
    port : int in 0..65535
        0: a free one.

    Raises
    ------
    UsageError
        The port is taken, or not for this user.
    """

    daemon_threads = True
    allow_reuse_address = sys.platform != "win32"  # there it would let two servers have one port

    def __init__(self, reviews: Reviews, port: int = 0):
        self.reviews, self.token = reviews, secrets.token_urlsafe(24)
        self.last_request_s = time.monotonic()
        try:
            super().__init__((ADDRESS, port), _Handler)
        except OSError as error:
            raise UsageError(
                f"--port {port}: cannot be used ({error.strerror}); give another, or leave --port out for a free one."
            ) from error

    def server_bind(self) -> None:
        """Bind without asking for the name of this machine, which can take seconds."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = ADDRESS, self.server_address[1]

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a page that went away in the middle of an answer."""

    @property
    def url(self) -> str:
        """The address of the page."""
        return f"http://{ADDRESS}:{self.server_port}/{self.token}/"

    def __enter__(self) -> "ReviewServer":
        Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()

    def wait(self, idle_s: float) -> bool:
        """Wait until the user has done, or until nobody has asked for anything in `idle_s`; return whether done."""
        self.last_request_s = time.monotonic()
        while not self.reviews.ended.wait(LOOK_S):
            if time.monotonic() - self.last_request_s > idle_s:
                return False
        time.sleep(LOOK_S)  # for the last answer to reach the page
        return True


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "drumhits", ""
    timeout = SLOWEST_S
    server: ReviewServer

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, *args: object) -> None:
        """Say nothing: the terminal is the user's."""

    def _answer(self, body: Callable[[list[str]], Answer]) -> None:
        self.server.last_request_s = time.monotonic()
        answer = self._refusal()
        if answer is None:
            address = urlsplit(self.path)
            token, *parts = [unquote(part) for part in address.path.split("/")[1:]]
            is_known = secrets.compare_digest(token.encode(), self.server.token.encode())
            answer = body(parts) if is_known and parts else NOT_FOUND
        if answer.status >= 400 and self.command == "POST":
            self.close_connection = True  # what is left of the request is not read
        self.send_response(answer.status)
        for name, value in (*HEADERS, *answer.headers):
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("Content-Type", answer.kind)
        self.send_header("Content-Length", str(len(answer.body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(answer.body)

    def _refusal(self) -> Answer | None:
        """Return what is wrong with where a request comes from; None where nothing is."""
        own = {f"{name}:{self.server.server_port}" for name in (ADDRESS, "localhost")}
        if self.headers.get("Host") not in own:
            return refusal(403, "this server answers to its own address only")
        origin = self.headers.get("Origin")
        if origin is None and self.command == "GET":
            return None
        return None if origin in {f"http://{host}" for host in own} else refusal(403, "another site asks")

    def _get(self, parts: list[str]) -> Answer:
        query = dict(parse_qsl(urlsplit(self.path).query))
        try:
            return get(self.server.reviews, parts, query, self.headers.get("Range", ""))
        except InputError as error:
            return refusal(503, error)

    def _post(self, parts: list[str]) -> Answer:
        length = self.headers.get("Content-Length", "")
        if not (length.isascii() and length.isdecimal()):
            return refusal(411, "say how long the request is")
        if len(length) > 9 or int(length) > MOST_BODY_BYTES:
            return refusal(413, "the request is too long")
        try:
            body = json.loads(self.rfile.read(int(length)))
        except (ValueError, RecursionError):
            return refusal(400, "this is no JSON")
        return post(self.server.reviews, parts, body)
