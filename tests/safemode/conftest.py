"""Runs a script in a process of its own, since the guard of a process cannot be taken away again."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from typing import Any

import pytest

PRELUDE = '''
import contextlib, http.server, json, os, socket, sys, threading, urllib.parse, warnings
import _socket

from releaseguard.safemode import Policy, active_policy, build_policy, install, refusal_behind
from releaseguard.safemode.libpq import check_libpq

DENIED = {"sendgrid": ["sendgrid.com"], "supabase": ["supabase.co", "supabase.com"]}
results = {}

def attempt(name, act):
    """Does it and notes what came of it: the refusal, another exception's name, or that it was done."""
    try:
        done = act()
    except BaseException as exc:
        refusal = refusal_behind(exc)
        results[name] = f"refused: {refusal}" if refusal else f"{type(exc).__name__}: {exc}"
    else:
        results[name] = f"done: {done}"

class Page(http.server.BaseHTTPRequestHandler):
    """Answers 200, or a redirect where the path says so; a proxy's request is noted and refused."""
    asked = []
    def do_GET(self):
        Page.asked.append(self.path)
        to = urllib.parse.unquote(self.path.partition("?to=")[2])
        self.send_response(302 if to else 200)
        if to:
            self.send_header("location", to)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"{}")
    do_POST = do_GET
    def do_CONNECT(self):
        Page.asked.append("CONNECT " + self.path)
        self.send_error(502)
    def log_message(self, *args):
        pass

def serve(address="127.0.0.1"):
    kind = http.server.ThreadingHTTPServer
    if ":" in address:
        kind = type("Six", (kind,), {"address_family": socket.AF_INET6})
    server = kind((address, 0), Page)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server.server_address[1]

def passed_on():
    """What a hook behind the guard sees: the names really looked up, the places really connected to."""
    looked_up, connected = [], []
    def hook(event, args):
        if event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"}:
            looked_up.append(str(args[0]))
        elif event in {"socket.connect", "socket.sendto", "socket.sendmsg"} and args[1] is not None:
            connected.append(list(args[1][:2]))
    sys.addaudithook(hook)
    return looked_up, connected
'''

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def run_guarded() -> Run:
    """``run_guarded(script, **environment)``: what the script left in ``results``."""

    def run(script: str, **environment: str) -> dict[str, Any]:
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}
        text = PRELUDE + textwrap.dedent(script) + "\nprint(json.dumps(results))\n"
        done = subprocess.run(
            [sys.executable, "-c", text],
            check=False,
            capture_output=True,
            text=True,
            env={**kept, **environment},
            timeout=60,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run
