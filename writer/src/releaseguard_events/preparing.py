"""What a process's writer is made of: called in its thread, at its first event."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress

from releaseguard_events import configuration
from releaseguard_events.configuration import Configuration
from releaseguard_events.errors import ReleaseguardError, Unreachable
from releaseguard_events.note import resource_of
from releaseguard_events.opening import is_embedded, load, open_store
from releaseguard_events.pipeline.delivery import Pipeline
from releaseguard_events.pipeline.drops import Drops
from releaseguard_events.pipeline.exporter import BatchExporter, log
from releaseguard_events.pipeline.null import NullExporter
from releaseguard_events.pipeline.spool import spool_folder
from releaseguard_events.process import Process
from releaseguard_events.scrub.scrubber import Scrubber, secrets_of
from releaseguard_events.stores.interface import Store


def prepare(environ: Mapping[str, str], drops: Drops, process: Process) -> Pipeline:
    """Read the configuration and make ready to write. Never raises: without a log, events are counted as lost."""
    try:
        return _pipeline(environ, drops, process)
    except ReleaseguardError as error:
        log.warning("integration events are lost: %s", error)
    except Exception as error:  # noqa: BLE001 - the thread that calls must live, to count what is lost
        log.warning("integration events are lost: %s while reading the configuration", type(error).__name__)
    return Pipeline(NullExporter(drops), resource_of(environ, None), Scrubber())


def _pipeline(environ: Mapping[str, str], drops: Drops, process: Process) -> Pipeline:
    if process.half_loaded:
        raise Unreachable("this process was forked while its parent was loading releaseguard")
    configured = configuration.read(environ)
    url = configured.url
    resource = resource_of(environ, configured.environment)
    scrubber = Scrubber(secrets_of(environ))
    if url is None:
        log.warning("integration events are lost: set RELEASEGUARD_EVENTS_URL, or write a releaseguard.toml")
        return Pipeline(NullExporter(drops), resource, scrubber)
    embedded = is_embedded(url)
    spool = process.spool(spool_folder(environ, url))
    exporter = BatchExporter(
        lambda: _store(configured, environ, cut_off=process.cut_off and embedded),
        spool,
        drops,
        environment=resource.environment,
        clock=time.monotonic,
        shelter=process.sheltered if embedded else None,
    )
    process.remember(spool, exporter if embedded else None)
    _load(url)
    return Pipeline(exporter, resource, scrubber)


def _load(url: str) -> None:
    """Import now whatever delivering will need: no later moment is one in which a fork can be made to wait.

    What cannot be imported (a package is missing, the interpreter is going) leaves events on disk: each delivery
    tries again, and says why it cannot.
    """
    with suppress(Exception):
        load(url)


def _store(configured: Configuration, environ: Mapping[str, str], *, cut_off: bool) -> Store:
    if cut_off:
        raise Unreachable("this process was forked while its parent wrote to SQLite, and cannot use it")
    return open_store(configured, environ)
