"""A service that answers 200 with JSON of another shape has failed; it is no bug of releaseguard's."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.commands import Commands


@contextmanager
def answering(body: bytes) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            self.do_GET()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("body", [b"[]", b"null", b"{}", b'{"secrets": [null]}'])
@pytest.mark.parametrize(("command", "code"), [(["doctor"], {1}), (["incident", "sendgrid"], {1, 3})])
def test_an_answer_of_another_shape_is_the_services_fault(
    tmp_path: Path, body: bytes, command: list[str], code: set[int]
) -> None:
    with answering(body) as url:
        (tmp_path / "releaseguard.toml").write_text(
            f'[infisical]\nurl = "{url}"\nproject_id = "p"\n[vercel]\nurl = "{url}"\n'
            '[providers.sendgrid]\ndestinations = ["vercel:prj_123/production"]\n'
        )
        done = Commands(tmp_path, {"INFISICAL_TOKEN": "token-one", "VERCEL_TOKEN": "token-two"}).run(*command)
    assert done.code in code, done.err
