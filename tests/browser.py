"""A page in a real browser: Chromium without a window, driven over a pipe by its DevTools protocol."""

import base64
import json
import os
import shutil
import subprocess
import time
from pathlib import Path

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
OPTIONS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--mute-audio", "--remote-debugging-pipe", "--no-first-run",
    "--disable-background-networking", "--window-size=1200,900",
)  # fmt: skip
TIMEOUT_S = 60


class Browser:
    """One page; `problems` are the errors and warnings that it logged, requests to a network among them.

    Requests to addresses that begin with `site` are none.
    """

    def __init__(self, profile: Path, site: str = ""):
        self._site = site
        to_chromium, self._commands = os.pipe()
        self._answers, from_chromium = os.pipe()
        shell = f'exec "$0" "$@" 3<&{to_chromium} 4>&{from_chromium}'
        self._process = subprocess.Popen(
            ["bash", "-c", shell, CHROMIUM, *OPTIONS, f"--user-data-dir={profile}"],
            pass_fds=(to_chromium, from_chromium), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        os.close(to_chromium)
        os.close(from_chromium)
        os.set_blocking(self._answers, False)
        self._buffer, self._number, self._session = b"", 0, None
        self.problems: list[str] = []
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.send("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")

    def __enter__(self):
        return self

    def __exit__(self, *error):
        os.close(self._commands)
        self._process.terminate()
        self._process.wait(timeout=TIMEOUT_S)
        os.close(self._answers)

    def send(self, method: str, **params) -> dict:
        """Send a command and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._commands, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + TIMEOUT_S
        while time.monotonic() < end:
            for answer in self._read():
                if answer.get("id") == self._number:
                    assert "error" not in answer, answer
                    return answer["result"]
        raise TimeoutError(method)

    def _read(self) -> list[dict]:
        try:
            self._buffer += os.read(self._answers, 1 << 20)
        except BlockingIOError:
            time.sleep(0.01)
        *parts, self._buffer = self._buffer.split(b"\0")
        messages = [json.loads(part) for part in parts]
        for message in messages:
            self._note(message.get("method"), message.get("params"))
        return messages

    def _note(self, method: str | None, params: dict | None) -> None:
        if method == "Runtime.exceptionThrown":
            self.problems.append(str(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning", "assert"):
            self.problems.append(str(params["args"]))
        elif method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
            self.problems.append(params["entry"]["text"])
        elif method == "Network.requestWillBeSent" and self._leaves(params["request"]["url"]):
            self.problems.append("request: " + params["request"]["url"])

    def _leaves(self, url: str) -> bool:
        return url.startswith(("http", "ws", "ftp")) and not (self._site and url.startswith(self._site))

    def open(self, path: Path) -> None:
        self.send("Page.navigate", url=path.resolve().as_uri())
        self.wait_for("document.readyState === 'complete' && location.protocol === 'file:'")

    def visit(self, url: str) -> None:
        """Open an address of `site`."""
        self._site = url
        self.send("Page.navigate", url=url)
        self.wait_for(f"document.readyState === 'complete' && location.href === {json.dumps(url)}")

    def press(self, key: str) -> None:
        """Press a key, by the name that the page gets."""
        text = {"text": key} if len(key) == 1 else {}
        self.send("Input.dispatchKeyEvent", type="keyDown", key=key, **text)
        self.send("Input.dispatchKeyEvent", type="keyUp", key=key)

    def mouse(self, kind: str, x: float, y: float) -> None:
        """Send a mouse event: mousePressed, mouseMoved or mouseReleased."""
        self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", buttons=1, clickCount=1)

    def size(self, width: int, height: int) -> None:
        """Give the page a size in CSS pixels."""
        self.send("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)

    def value(self, expression: str):
        """Return what an expression gives in the page."""
        answer = self.send("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> None:
        end = time.monotonic() + TIMEOUT_S
        while not self.value(expression):
            assert time.monotonic() < end, f"never true: {expression}"
            time.sleep(0.05)

    def click(self, selector: str) -> None:
        """Click with the mouse on the middle of the first element of a selector."""
        self.value(f"document.querySelector({json.dumps(selector)}).scrollIntoView({{block: 'center'}})")
        x, y = self.value(
            f"(b => [b.left + b.width / 2, b.top + b.height / 2])"
            f"(document.querySelector({json.dumps(selector)}).getBoundingClientRect())"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.send("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def scheme(self, scheme: str) -> None:
        """Give the page a light or dark colour scheme."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", features=features)

    def screenshot(self, path: Path, *, scheme: str = "light") -> None:
        """Write a picture of the whole page in a light or dark colour scheme."""
        self.scheme(scheme)
        picture = self.send("Page.captureScreenshot", captureBeyondViewport=True)
        path.write_bytes(base64.b64decode(picture["data"]))
