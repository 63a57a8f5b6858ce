"""Reads chains from the log and derives their states."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from releaseguard.audit.chain import ChainKey
from releaseguard.audit.histories import Chain, Histories, histories, read_chain
from releaseguard.eventlog.interface import EventLog, Judged, Query
from releaseguard.model import OURSELVES, Event
from releaseguard_events.ours import STEPS

if TYPE_CHECKING:
    from releaseguard.rotation.history.views import ChainView


def read(chain_key: ChainKey, rows: Iterable[Judged]) -> Chain:
    """Check the rows of a chain: which are its history, and which are foreign."""
    return read_chain(chain_key, rows, _fault)


def read_log(log: EventLog, query: Query) -> Histories:
    """The chains among our own rows that match ``query``. Raises what the log raises."""
    return chains_in(log.judged(replace(query, providers=(OURSELVES,))))


def chains_in(rows: Iterable[Judged]) -> Histories:
    """The chains among rows of ours."""
    return histories(rows, _fault, STEPS)


def _fault(event: Event) -> str | None:
    """:func:`releaseguard.rotation.history.rows.fault`, imported only where a log holds a step: most hold none."""
    from releaseguard.rotation.history.rows import fault

    return fault(event)


def chain_query(chain_key: ChainKey) -> Query:
    """The query for the rows that name ``chain_key``."""
    return Query(environment=chain_key.environment, providers=(OURSELVES,), detail={"lane": str(chain_key)})


def chain_view(log: EventLog, chain_key: ChainKey) -> ChainView:
    """The current state of a chain."""
    from releaseguard.rotation.history.fold import view_of

    return view_of(read(chain_key, log.judged(chain_query(chain_key))))


def fold(chain_key: ChainKey, events: Iterable[Event]) -> ChainView:
    """The state of a chain from its rows in any order; only rows that fit the chain count."""
    from releaseguard.rotation.history.fold import view_of

    return view_of(read(chain_key, ((event, None) for event in events)))
