"""Somebody who is told what happened: a webhook on loopback that keeps what it gets."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PATH = "/services/T024F/B0H7Q/kZ8fQm2Lr5Tn7Vw1"
"""Of the address; its last part is what a real one keeps secret."""


@dataclass
class Receiver:
    """What arrived, and how it answers from now on."""

    url: str
    got: list[Any] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    status: int = 200

    @property
    def texts(self) -> list[str]:
        return [one["text"] for one in self.got]

    @property
    def heads(self) -> list[str]:
        """The first line of each message, without the project's name."""
        return [text.splitlines()[0].partition("] ")[2] for text in self.texts]


@contextmanager
def receiving() -> Iterator[Receiver]:
    """A receiver while the block runs."""
    kept: list[Receiver] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            [receiver] = kept
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            if receiver.status < 300:
                receiver.got.append(body)
                receiver.paths.append(self.path)
            self.send_response(receiver.status)
            self.send_header("content-length", "0")
            if receiver.status in (301, 302, 307):
                self.send_header("location", "https://api.sendgrid.com/")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None: ...  # noqa: A002 - the base class names it so

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        kept.append(Receiver(f"http://127.0.0.1:{server.server_port}{PATH}"))
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield kept[0]
        finally:
            server.shutdown()
            thread.join()
