"""The way out of a broken chain: a person decides that the rows which are not believed do not belong to it."""

from __future__ import annotations

from collections.abc import Sequence

from releaseguard.audit.histories import Foreign
from releaseguard.errors import Refused
from releaseguard.rotation.history.events import RowsDisowned
from releaseguard.rotation.history.journal import Journal
from releaseguard.rotation.history.views import ChainView

MOST = 5_000
"""The most rows that one decision names."""


def unsettled(view: ChainView) -> Sequence[Foreign]:
    """The rows of a chain that are not believed and that nobody has decided on. Raises ``Refused`` where there are
    none."""
    rows = [one for one in view.foreign if str(one.event.id) not in view.disowned]
    if not rows:
        raise Refused(
            f"every row of {view.chain_key} is believed or disowned", next_step="See: releaseguard audit verify"
        )
    return rows[:MOST]


def disown(journal: Journal, reason: str) -> ChainView:
    """Record the decision as the next step of the believed chain. Raises ``LeaseHeld``, and what the log raises."""
    journal.refuse_if_held()
    ids = tuple(str(one.event.id) for one in unsettled(journal.view))
    journal.append(RowsDisowned(ids=ids, reason=reason))
    journal.load()  # the chain is whole again, so that the lease can be given back
    journal.release()
    return journal.view
