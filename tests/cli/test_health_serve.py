"""``health --serve``: the page live on loopback, for its own host, read-only."""

from __future__ import annotations

import http.client
import re
import signal
from datetime import timedelta
from threading import Thread
from urllib.parse import urlsplit

import pytest

from releaseguard.cli.shared.live_page import LivePage
from releaseguard.errors import ServiceError, UsageError
from releaseguard.eventlog.stores.sqlite import SqliteEventLog
from releaseguard.model import Event, Outcome, new_id, utc_now
from tests.support.commands import ended


@pytest.fixture
def served():
    """A page that says what it was asked for, or raises it."""

    def page(before: str | None) -> str:
        if before == "away":
            raise ServiceError("the log does not answer", next_step="Look at it.")
        if before == "nonsense":
            raise UsageError("that is no time")
        return f"<p>{before}</p>"

    with LivePage(page, 0) as server:
        thread = Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def ask(server: LivePage, path="/", method="GET", host=None):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
    connection.request(method, path, headers={"host": host or f"127.0.0.1:{server.port}"})
    answer = connection.getresponse()
    body = answer.read().decode()
    connection.close()
    return answer, body


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_it_answers_to_its_own_names(served, host) -> None:
    answer, body = ask(served, host=f"{host}:{served.port}")
    assert (answer.status, body) == (200, "<p>None</p>")


OTHERS = ("evil.example", "evil.example:{port}", "127.0.0.1", "localhost", "127.0.0.1:1", "[::1]:{port}")


@pytest.mark.parametrize("host", [*OTHERS, "127.0.0.1:{port}."])
def test_a_name_that_somebody_lets_point_here_is_not_answered(served, host) -> None:
    answer, body = ask(served, host=host.format(port=served.port))
    assert (answer.status, "<p>" in body) == (421, False)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed(served, method) -> None:
    assert ask(served, method=method)[0].status == 501


@pytest.mark.parametrize("path", ["/releaseguard.db", "/../releaseguard.toml", "//evil.example/", "/x?before=1"])
def test_there_is_one_page_and_no_file(served, path) -> None:
    assert ask(served, path)[0].status == 404


def test_no_other_page_may_frame_keep_or_name_it(served) -> None:
    answer, _ = ask(served)
    assert answer.headers["x-frame-options"] == "DENY"
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["access-control-allow-origin"] is None


def test_a_head_has_no_body_and_a_list_goes_on(served) -> None:
    assert ask(served, method="HEAD")[1] == ""
    assert ask(served, "/?before=2026-11-24T11:40:00Z")[1] == "<p>2026-11-24T11:40:00Z</p>"


@pytest.mark.parametrize(("before", "status", "said"), [("away", 503, "Look at it."), ("nonsense", 400, "no time")])
def test_a_fault_is_said_and_the_next_request_is_answered(served, before, status, said) -> None:
    answer, body = ask(served, f"/?before={before}")
    assert (answer.status, said in body) == (status, True)
    assert ask(served)[0].status == 200


def test_a_port_that_is_taken_is_a_usage_error_with_a_way_out(served) -> None:
    with pytest.raises(UsageError, match="cannot be had"), LivePage(str, served.port):
        pass


def test_the_command_serves_the_log_until_ctrl_c(cli, tmp_path) -> None:
    with SqliteEventLog(tmp_path / "releaseguard.db") as log:
        log.migrate()
        log.append(
            Event(
                id=new_id(),
                occurred_at=utc_now() - timedelta(seconds=i),
                provider="sendgrid",
                event="sendgrid_email_sent",
                outcome=Outcome.SUCCESS,
                environment="production",
                correlation_id=f"c{i}",
            )
            for i in range(130)
        )
    process = cli.start("health", "--serve", "--port", "0")
    line = process.stderr.readline()
    port = urlsplit(re.search(r"http://\S+", line)[0]).port
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("GET", "/")
    page = connection.getresponse().read().decode()
    connection.request("GET", re.search(r'href="(/\?before=[^"#]+)', page)[1])
    older = connection.getresponse().read().decode()
    process.send_signal(signal.SIGINT)
    done = ended(process)
    assert (page.count('<li class="success'), 'http-equiv="refresh"' in page) == (100, True)
    assert (older.count('<li class="success'), 'http-equiv="refresh"' in older) == (30, False)
    assert (done.code, done.out, "Traceback" in done.err) == (130, "", False)


@pytest.mark.parametrize("flags", [("--watch",), ("--json",), ("--format", "html"), ("-o", "x.html")])
def test_it_goes_with_no_other_output(cli, flags) -> None:
    done = cli.run("health", "--serve", *flags)
    assert (done.code, "--serve" in done.err) == (2, True)
