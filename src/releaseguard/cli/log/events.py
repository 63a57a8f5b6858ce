"""``releaseguard events``: the group of commands over the event log."""

from __future__ import annotations

import click

from releaseguard.cli.log.deploying import deployed
from releaseguard.cli.log.importing import import_
from releaseguard.cli.log.keeping import migrate, prune
from releaseguard.cli.log.reading import export, list_, tail
from releaseguard.cli.log.writing import log_
from releaseguard.cli.shared.help import SpokenGroup


@click.group("events", cls=SpokenGroup, epilog="Example: releaseguard events list --provider sendgrid --since 1h")
def events() -> None:
    """Write, read and follow integration events; schema and retention."""


for _command in (list_, export, tail, log_, deployed, import_, migrate, prune):
    events.add_command(_command)
