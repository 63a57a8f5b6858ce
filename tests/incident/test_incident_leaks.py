"""An open leak of the provider is closed by the same commands in both languages."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from releaseguard.audit.chain import ChainKey
from releaseguard.incident.telling.document import _closing
from releaseguard.messages import LANGUAGES
from releaseguard.messages.localizer import Localizer
from releaseguard.rotation.history.account import leak_row
from releaseguard.rotation.history.leaks import OpenLeak
from releaseguard.rotation.values import Leak

NOON = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(("contained", "unfinished"), [(NOON, False), (None, False), (None, True)])
@pytest.mark.parametrize("language", LANGUAGES)
def test_the_commands_of_an_open_leak_survive_their_sentence(language, contained, unfinished):
    leak = OpenLeak("r1", "KEY", Leak("in a gist", {"KEY": 3}), NOON, contained, unfinished)
    row = leak_row(ChainKey("sendgrid", "production"), leak)
    told = _closing(row, Localizer(language, NOON))
    if language == "en":
        assert told == row["next_step"]
    commands = [
        part for part in row["next_step"].replace(". ", "\n").replace(": ", "\n").split("\n") if "rotate " in part
    ]
    assert commands
    assert all(command in told for command in commands if command.startswith("releaseguard"))
    assert language == "en" or not {"Revoke", "then:", "Rotate"} & {*told.split()}
