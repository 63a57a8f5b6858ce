"""``releaseguard schema NAME``: what a file or a command's JSON may look like, for editors and programs."""

from __future__ import annotations

import click

from releaseguard.cli.shared.options import OneWord, Run, command
from releaseguard.compose.known.schemas import NAMES, schema_of
from releaseguard.harmless import as_json


@command("schema", example="releaseguard schema config > releaseguard.schema.json")
@click.argument("name", type=OneWord("schema", NAMES), metavar="NAME")
def schema(run: Run, name: str) -> None:
    """Print the JSON Schema of the configuration, of a provider's card, or of what a command prints with --json.

    NAME is config, card, error, or a command with a hyphen for each space: events-list. What any command prints where
    it could not do what it was asked is `error`; of `events tail` and `events export` each line is one document.

    An editor that knows TOML checks and completes the file that begins with the line
    `#:schema ./releaseguard.schema.json`.

    JSON: the schema itself.
    """
    made = schema_of(name)
    run.emit(as_json(made), made)
