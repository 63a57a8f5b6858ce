"""The guard under every library, each in a process where it is installed."""

from __future__ import annotations

import json
from types import FunctionType

import pytest

from releaseguard.errors import SafeModeRefusal
from releaseguard.safemode import (
    active_policy,
    build_policy,
    check_address,
    guard,
    guarding,
    ignored_proxy_variables,
    refusal_behind,
)
from tests.safemode.conftest import Run
from tests.safemode.test_safemode_policy import PROVIDER

CARD = "deny-list as a host of the provider card 'sendgrid'"
LIST = "not on the allow-list"


def test_every_http_library_is_refused_before_a_name_is_looked_up(run_guarded: Run) -> None:
    results = run_guarded("""
        import urllib.request, http.client, ftplib, smtplib, asyncio
        import httpx2, requests, urllib3, github, infisical_sdk
        from releaseguard.http import ServiceClient
        warnings.simplefilter("ignore")
        install(build_policy({"[github] url": "https://api.github.com"}, DENIED))
        looked_up, connected = passed_on()
        url = "https://api.sendgrid.com"
        attempt("httpx2", lambda: httpx2.get(url))
        attempt("httpx2, asynchronous", lambda: asyncio.run(httpx2.AsyncClient(trust_env=False).get(url)))
        attempt("requests", lambda: requests.get(url))
        attempt("urllib", lambda: urllib.request.urlopen(url))
        attempt("urllib3", lambda: urllib3.PoolManager().request("GET", url))
        attempt("http.client", lambda: http.client.HTTPSConnection("api.sendgrid.com").request("GET", "/"))
        attempt("PyGithub", lambda: github.Github(base_url=url, retry=None).get_user("x"))
        attempt("infisical_sdk", lambda: infisical_sdk.InfisicalSDKClient(host=url, token="t").secrets.list_secrets(
            project_id="p", environment_slug="e", secret_path="/"))
        attempt("ftplib", lambda: ftplib.FTP("api.sendgrid.com"))
        attempt("smtplib", lambda: smtplib.SMTP("smtp.sendgrid.com"))
        attempt("asyncio", lambda: asyncio.run(asyncio.open_connection("api.sendgrid.com", 443)))
        attempt("ours", lambda: ServiceClient(service="github", base_url=url))
        results["looked up"], results["connected"] = looked_up, connected
    """)
    assert results.pop("looked up") == []
    assert results.pop("connected") == []
    assert len(results) == 12
    assert {name: CARD in result for name, result in results.items()} == dict.fromkeys(results, True)


def test_every_spelling_of_a_providers_host_is_refused_under_every_library(run_guarded: Run) -> None:
    urls = [url for url in PROVIDER if url.startswith("http")]
    assert len(urls) >= 20
    results = run_guarded(f"""
        import urllib.request, httpx2, requests
        install(build_policy({{"[infisical] url": "https://app.infisical.com"}}, DENIED))
        looked_up, connected = passed_on()
        for url in {urls!r}:
            for library in (urllib.request.urlopen, httpx2.get, requests.get):
                attempt(url + " " + library.__module__, lambda: library(url))
        results["sent"] = looked_up + connected
    """)
    assert results.pop("sent") == []
    assert not [name for name, result in results.items() if result.startswith("done")]
    refused = [result for result in results.values() if result.startswith("refused")]
    assert len(refused) >= 2 * len(urls)  # the rest is what a library itself does not accept as an address


def test_raw_sockets_reach_allowed_places_and_no_others(run_guarded: Run) -> None:
    results = run_guarded("""
        port = serve()
        install(build_policy({"[app] url": f"http://127.0.0.1:{port}"}, DENIED))
        looked_up, connected = passed_on()
        def tcp(*address, family=socket.AF_INET, way="connect"):
            with socket.socket(family) as sock:
                return getattr(sock, way)(address if len(address) > 1 else address[0])
        def udp(*address, message=False):
            with socket.socket(type=socket.SOCK_DGRAM) as sock:
                return sock.sendmsg([b"x"], [], 0, address) if message else sock.sendto(b"x", address)
        attempt("allowed", lambda: tcp("127.0.0.1", port))
        attempt("allowed, asking for the result", lambda: tcp("127.0.0.1", port, way="connect_ex"))
        attempt("allowed, another spelling", lambda: tcp("127.1", port))
        attempt("allowed, inside IPv6", lambda: tcp("::ffff:127.0.0.1", port, family=socket.AF_INET6))
        attempt("other port", lambda: tcp("127.0.0.1", port + 1))
        attempt("other port, asking for the result", lambda: tcp("127.0.0.1", port + 1, way="connect_ex"))
        attempt("other address", lambda: tcp("127.0.0.2", port))
        attempt("any address", lambda: tcp("0.0.0.0", port))
        attempt("no address", lambda: tcp("", port))
        attempt("metadata service", lambda: tcp("169.254.169.254", 80))
        attempt("IPv6 loopback", lambda: tcp("::1", port, family=socket.AF_INET6))
        attempt("IPv6", lambda: tcp("2606:4700::1111", 443, family=socket.AF_INET6))
        attempt("IPv4 inside IPv6", lambda: tcp("::ffff:1.1.1.1", 443, family=socket.AF_INET6))
        attempt("name", lambda: tcp("api.sendgrid.com", 443))
        attempt("name, asking for the result", lambda: tcp("api.sendgrid.com", 443, way="connect_ex"))
        attempt("bound to a name", lambda: tcp("api.sendgrid.com", 443, way="bind"))
        attempt("datagram", lambda: udp("1.1.1.1", 53))
        attempt("datagram to a name", lambda: udp("api.sendgrid.com", 53))
        attempt("datagram to a name, gathered", lambda: udp("api.sendgrid.com", 53, message=True))
        attempt("datagram, gathered", lambda: udp("1.1.1.1", 53, message=True))
        attempt("unix socket", lambda: tcp("/var/run/docker.sock", family=socket.AF_UNIX))
        attempt("getaddrinfo", lambda: socket.getaddrinfo("api.sendgrid.com", None))
        attempt("getaddrinfo, bytes", lambda: socket.getaddrinfo(b"API.sendgrid.com", "https"))
        attempt("getaddrinfo, below", lambda: _socket.getaddrinfo("api.sendgrid.com", 443))
        attempt("gethostbyname", lambda: socket.gethostbyname("api.sendgrid.com"))
        attempt("gethostbyname_ex", lambda: socket.gethostbyname_ex("api.sendgrid.com"))
        attempt("gethostbyaddr", lambda: socket.gethostbyaddr("1.1.1.1"))
        attempt("getnameinfo", lambda: socket.getnameinfo(("1.1.1.1", 53), 0))
        attempt("getfqdn", lambda: socket.getfqdn("api.sendgrid.com"))
        attempt("pair", lambda: [sock.send(b"x") or sock.close() for sock in socket.socketpair()])
        results["looked up"] = looked_up
        results["connected"] = sorted({(host, known) for host, known in connected})
        results["port"] = port
    """)
    port = results.pop("port")
    assert [host for host in results.pop("looked up") if host != "127.0.0.1"] == []
    assert results.pop("connected") == [["127.0.0.1", port], ["127.1", port], ["::ffff:127.0.0.1", port]]
    for name in (
        "allowed",
        "allowed, asking for the result",
        "allowed, another spelling",
        "allowed, inside IPv6",
        "pair",
    ):
        assert results.pop(name).startswith("done"), name
    assert len(results) == 25
    assert "AF_UNIX" in results["unix socket"]
    assert {name for name, result in results.items() if not result.startswith("refused: SAFE MODE")} == set()


def test_a_redirect_to_a_provider_ends_at_the_redirect(run_guarded: Run) -> None:
    results = run_guarded("""
        import urllib.request, httpx2, requests
        from releaseguard.http import ServiceClient
        port = serve()
        base = f"http://127.0.0.1:{port}"
        install(build_policy({"[app] url": base}, DENIED))
        looked_up, connected = passed_on()
        for target in ("https://api.sendgrid.com/", "https://example.com/", "http://127.0.0.1:1/"):
            url = f"{base}/?to={target}"
            attempt("urllib " + target, lambda: urllib.request.urlopen(url))
            attempt("requests " + target, lambda: requests.get(url))
            attempt("httpx2 " + target, lambda: httpx2.get(url, follow_redirects=True))
        client = ServiceClient(service="app", base_url=base)
        for target in ("https://api.sendgrid.com/", "//api.sendgrid.com", "https://example.com/", "http://127.0.0.1:1/"):
            attempt("ours " + target, lambda: client.request("GET", "/", params={"to": target}))
        attempt("within", lambda: client.request("GET", "/", params={"to": "/elsewhere"}))
        results["looked up"] = [host for host in looked_up if host != "127.0.0.1"]
    """)
    assert results.pop("looked up") == []
    assert "refused" not in (within := results.pop("within"))
    assert "answered 302" in within
    for name, result in results.items():
        assert result.startswith("refused"), name
        assert (CARD if "sendgrid" in name else LIST) in result, name


def test_a_proxy_of_the_environment_is_never_asked(run_guarded: Run) -> None:
    results = run_guarded(
        """
        import urllib.request, httpx2, requests
        from releaseguard.http import ServiceClient
        app, proxy = serve(), serve()
        names = ("HTTP_PROXY", "https_proxy", "ALL_PROXY")
        for name in names:
            os.environ[name] = f"http://127.0.0.1:{proxy}"
        base = f"http://127.0.0.1:{app}"
        results["removed"] = install(build_policy({"[app] url": base, "[github] url": "https://localhost:1"}, DENIED))
        results["left"] = [name for name in names if name in os.environ]
        looked_up, connected = passed_on()
        for name, get in {"urllib": urllib.request.urlopen, "requests": requests.get, "httpx2": httpx2.get}.items():
            attempt(name, lambda: get(base).__class__)
        results["connected"] = sorted({known for _, known in connected}) == [app]
        os.environ["HTTPS_PROXY"] = f"http://127.0.0.1:{proxy}"
        attempt("set later", lambda: requests.get("https://localhost:1"))
        """
    )
    assert results.pop("removed") == ["ALL_PROXY", "HTTP_PROXY", "https_proxy"]
    assert results.pop("left") == []
    assert results.pop("connected") is True
    assert LIST in results.pop("set later")
    assert all(result.startswith("done") for result in results.values())


def test_behind_the_configured_proxy_the_target_is_checked_all_the_same(run_guarded: Run) -> None:
    results = run_guarded("""
        import urllib.request, requests
        from releaseguard.clocks import Clocks
        from releaseguard.http import ServiceClient
        proxy = f"http://127.0.0.1:{serve()}"
        github = "https://api.github.com"
        def ours(url):
            clocks = Clocks(sleep=lambda seconds: None)
            client = ServiceClient(service="github", base_url=url, proxy=proxy, clocks=clocks)
            return client.request("GET", "/zen")
        policy = build_policy({"[github] url": github}, DENIED, proxy=proxy)
        with contextlib.suppress(Exception):
            ours("https://api.sendgrid.com")  # before anything is installed: a client of an app asks the proxy
        before = len(Page.asked)
        late = ServiceClient(service="github", base_url="https://api.sendgrid.com", proxy=proxy)
        install(policy)
        looked_up, connected = passed_on()
        attempt("ours, allowed", lambda: ours(github))
        attempt("ours, provider", lambda: ours("https://api.sendgrid.com"))
        attempt("ours, other", lambda: ours("https://example.com"))
        attempt("ours, made before", lambda: late.request("GET", "/"))
        for url in ("https://api.sendgrid.com/", "https://example.com/"):
            attempt("requests " + url, lambda: requests.get(url, proxies={"https": proxy}))
            opener = urllib.request.build_opener(urllib.request.ProxyHandler({"https": proxy, "http": proxy}))
            attempt("urllib " + url, lambda: opener.open(url))
            attempt("urllib plain " + url, lambda: opener.open(url.replace("https", "http")))
        results["before"] = before
        results["asked"] = sorted(set(Page.asked[before:]))
        results["looked up"] = [host for host in looked_up if host != "127.0.0.1"]
    """)
    assert results.pop("before") > 0
    assert results.pop("asked") == ["CONNECT api.github.com:443"]
    assert results.pop("looked up") == []
    assert "could not be connected to" in results.pop("ours, allowed")
    assert len(results) == 9
    assert {name for name, result in results.items() if not result.startswith("refused")} == set()


def test_ipv6_and_names_work_where_they_are_configured(run_guarded: Run) -> None:
    results = run_guarded("""
        import httpx2, requests
        from releaseguard.http import ServiceClient
        port = serve()
        install(build_policy({"[app] url": f"http://localhost:{port}"}, DENIED))
        attempt("httpx2", lambda: httpx2.get(f"http://localhost:{port}/").status_code)
        attempt("requests", lambda: requests.get(f"http://LOCALHOST:{port}/").status_code)
        client = ServiceClient(service="app", base_url=f"http://localhost:{port}")
        attempt("ours", lambda: client.request("GET", "/").status)
        client.close()
        if socket.has_ipv6:
            try:
                six = serve("::1")
            except OSError:
                six = None  # a machine without IPv6
            if six:
                attempt("IPv6, not configured", lambda: httpx2.get(f"http://[::1]:{six}/"))
                install(build_policy({"[app] url": f"http://[::1]:{six}"}, DENIED))
                attempt("IPv6", lambda: httpx2.get(f"http://[::1]:{six}/").status_code)
                attempt("IPv4, no longer configured", lambda: httpx2.get(f"http://127.0.0.1:{port}/"))
    """)
    for name in ("httpx2", "requests", "ours"):
        assert results.pop(name) == "done: 200"
    if results:
        assert results.pop("IPv6") == "done: 200"
        assert len(results) == 2
        assert all(LIST in result for result in results.values())


def test_no_other_process_is_started_by_any_way_there_is(run_guarded: Run) -> None:
    results = run_guarded("""
        import asyncio, multiprocessing, pty, subprocess, tempfile
        import _posixsubprocess
        mark = os.path.join(tempfile.mkdtemp(), "was-here")
        true = ["/bin/touch", mark]
        install(Policy())
        attempt("run", lambda: subprocess.run(true))
        attempt("shell", lambda: subprocess.run("touch --secret=hunter2 " + mark, shell=True))
        attempt("check_output", lambda: subprocess.check_output(true))
        attempt("os.system", lambda: os.system("touch " + mark))
        attempt("os.popen", lambda: os.popen("touch " + mark).read())
        attempt("os.execv", lambda: os.execv(true[0], true))
        attempt("os.execvpe", lambda: os.execvpe("touch", true, {}))
        attempt("os.posix_spawn", lambda: os.posix_spawn(true[0], true, {}))
        attempt("os.posix_spawnp", lambda: os.posix_spawnp("touch", true, {}))
        attempt("os.spawnv", lambda: os.spawnv(os.P_WAIT, true[0], true))
        attempt("os.fork", lambda: os.fork())
        attempt("os.forkpty", lambda: os.forkpty())
        attempt("pty.spawn", lambda: pty.spawn(true))
        attempt("asyncio", lambda: asyncio.run(asyncio.create_subprocess_exec(*true)))
        for way in ("fork", "spawn", "forkserver"):
            process = multiprocessing.get_context(way).Process(target=print)
            attempt("multiprocessing " + way, process.start)
        attempt("below", lambda: _posixsubprocess.fork_exec())
        results["was here"] = os.path.exists(mark)
    """)
    assert results.pop("was here") is False
    assert len(results) == 18
    assert {name for name, result in results.items() if "refuses to start" not in result} == set()
    assert "touch" in results["run"]
    assert "hunter2" not in json.dumps(results)


def test_threads_and_files_and_servers_are_no_business_of_the_guard(run_guarded: Run) -> None:
    results = run_guarded("""
        import sqlite3, tempfile
        from concurrent.futures import ThreadPoolExecutor
        install(Policy())
        attempt("thread", lambda: ThreadPoolExecutor(1).submit(lambda: 5).result())
        attempt("sqlite", lambda: sqlite3.connect(":memory:").execute("select 5").fetchone()[0])
        attempt("file", lambda: tempfile.TemporaryFile().write(b"12345"))
        attempt("server", lambda: 5 if serve() else None)
        attempt("event loop", lambda: __import__("asyncio").run(__import__("asyncio").sleep(0, 5)))
    """)
    assert results == dict.fromkeys(("thread", "sqlite", "file", "server", "event loop"), "done: 5")


def test_a_second_policy_replaces_the_first(run_guarded: Run) -> None:
    results = run_guarded("""
        import urllib.request
        port = serve()
        open_it = lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}").status
        hooks = []
        sys.addaudithook(lambda event, args: hooks.append(event) if event == "sys.addaudithook" else None)
        install(Policy())
        attempt("before", open_it)
        install(build_policy({"[app] url": f"http://127.0.0.1:{port}"}, DENIED))
        attempt("after", open_it)
        install(Policy())
        attempt("again", open_it)
        results["hooks"] = len(hooks)
    """)
    assert LIST in results["before"]
    assert results["after"] == "done: 200"
    assert LIST in results["again"]
    assert results["hooks"] == 1


def test_in_somebodys_app_nothing_is_hooked(run_guarded: Run) -> None:
    """The script's own prelude imports ``releaseguard.safemode``: importing that installs nothing either."""
    results = run_guarded(
        """
        import builtins, subprocess, tempfile, urllib.request
        hooks = []
        sys.addaudithook(lambda event, args: hooks.append(event) if event == "sys.addaudithook" else None)
        before = (_socket.getaddrinfo, socket.socket.connect, subprocess.Popen.__init__, builtins.__import__)
        import releaseguard
        from releaseguard import flush, log_integration_event
        log_integration_event("sendgrid", "sendgrid_email_sent", "success", latency_ms=12)
        flush()
        after = (_socket.getaddrinfo, socket.socket.connect, subprocess.Popen.__init__, builtins.__import__)
        results["hooks"] = hooks
        results["same"] = before == after
        results["policy"] = active_policy()
        port = serve()
        attempt("network", lambda: urllib.request.urlopen(f"http://127.0.0.1:{port}").status)
        attempt("child", lambda: subprocess.run(["true"]).returncode)
        """,
        RELEASEGUARD_EVENTS_URL="sqlite://",
    )
    assert results == {"hooks": [], "same": True, "policy": None, "network": "done: 200", "child": "done: 0"}


def test_guarding_ends_with_its_block(monkeypatch: pytest.MonkeyPatch) -> None:
    """In this very process, so that other tests would notice if it did not end."""
    import socket

    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with guarding(build_policy({}, {})), pytest.raises(SafeModeRefusal):
            socket.create_connection(address)
        assert active_policy() is None
        assert ignored_proxy_variables({"HTTPS_PROXY": "x", "no_proxy": "y", "HTTP_PROXY": "", "http_proxy": "z"}) == [
            "HTTPS_PROXY",
            "http_proxy",
        ]
        assert "HTTPS_PROXY" in __import__("os").environ
        socket.create_connection(address).close()


def test_an_address_is_checked_for_its_form_where_no_policy_is_in_force() -> None:
    check_address("https://anything.example")
    with pytest.raises(SafeModeRefusal):
        check_address("http://anything.example")
    with guarding(build_policy({}, {})), pytest.raises(SafeModeRefusal):
        check_address("https://anything.example")


@pytest.mark.parametrize("how", ["cause", "context", "argument", "reason", "group", "deep"])
def test_a_wrapped_refusal_is_found(how: str) -> None:
    refusal = SafeModeRefusal("no")
    wrapped: BaseException = ValueError("wrapped")
    if how == "cause":
        wrapped.__cause__ = refusal
    elif how == "context":
        wrapped.__context__ = refusal
    elif how == "argument":
        wrapped = ValueError("text", refusal)
    elif how == "reason":
        wrapped.reason = refusal  # type: ignore[attr-defined]
    elif how == "group":
        wrapped = ExceptionGroup("several", [ValueError(), refusal])
    else:
        inner = OSError(ValueError(refusal))
        inner.__cause__ = wrapped  # and back again: no endless walk
        wrapped.__context__ = inner
    assert refusal_behind(wrapped) is refusal
    assert refusal_behind(ValueError("other")) is None


def test_an_interpreter_that_ends_is_let_go_in_silence() -> None:
    """It clears the names of modules, and what it closes after that is still told to the hook."""
    left = FunctionType(guard._hook.__code__, {}, "hook", guard._hook.__defaults__)
    left("open", ("file", "r", 0))
