"""What may be done with a Postgres table, known from the server's catalogue; and who else may."""

# ruff: noqa: S608 - names are quoted (releaseguard_events.stores.names), values are bound

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from releaseguard.errors import AccessDenied
from releaseguard.eventlog.schema import guards
from releaseguard.model import Remark, Standing
from releaseguard_events.mapping.rules import Translated
from releaseguard_events.stores import fitting
from releaseguard_events.stores.names import VERSION, beside, qualified
from releaseguard_events.stores.postgres_shape import declared
from releaseguard_events.stores.table import EventTable

if TYPE_CHECKING:
    from releaseguard_events.stores.postgres_shape import Connection


def version(connection: Connection, table: str) -> int | None:
    versions = qualified(beside(table, "schema"))
    if not declared(connection, beside(table, "schema")):
        return None
    (allowed,) = connection.execute("SELECT has_table_privilege(to_regclass(%s), 'SELECT')", [versions]).fetchone() or (
        False,
    )
    if not allowed:
        return VERSION  # its keeper's to know
    (version,) = connection.execute(f"SELECT max(version) FROM {versions}").fetchone() or (None,)
    return None if version is None else int(version)


def indexes(connection: Connection, table: str) -> set[str]:
    found = connection.execute(
        "SELECT c.relname FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid"
        " WHERE i.indrelid = to_regclass(%s) AND i.indisvalid",
        [qualified(table)],
    )
    return {name for (name,) in found}


def rights(connection: Connection, place: EventTable, label: str) -> Iterator[Remark]:
    """Whether this role may read and append, as the server's own catalogue tells; and who else may read."""
    rules = [rule for column in place.present if (rule := place.rule(column)) is not None]
    columns = [column.name for rule in rules for column in rule.columns]
    told = connection.execute(
        "SELECT pg_is_in_recovery(), bool_and(has_column_privilege(t.oid, c, 'SELECT')),"
        " bool_and(has_column_privilege(t.oid, c, 'INSERT')), bool_or(row_security_active(t.oid)),"
        " EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = t.oid AND p.polcmd IN ('a', '*')"
        " AND (p.polroles = '{0}' OR EXISTS (SELECT FROM unnest(p.polroles) r WHERE pg_has_role(r, 'USAGE'))))"
        " FROM (SELECT to_regclass(%(table)s)::oid AS oid) t, unnest(%(columns)s::text[]) AS c"
        " WHERE c IN (SELECT attname FROM pg_attribute WHERE attrelid = t.oid) GROUP BY t.oid",
        {"table": qualified(place.table), "columns": columns},
    ).fetchone()
    standby, reads, appends, secured, admitted = told or (False, False, False, False, False)
    how = "(known from the server's catalogue)"
    grant = f"GRANT SELECT, INSERT ON {place.table} to this role."
    if not reads:
        yield Remark(Standing.FAIL, f"this role may not read the table {place.table} {how}", label, grant, "read")
    if standby:
        fix = "Give [events] url the address of the primary."
        yield Remark(Standing.FAIL, "rows cannot be appended: this server is a standby", label, fix, "append")
    elif not appends:
        what = f"rows cannot be appended: this role has no INSERT on {place.table} {how}"
        yield Remark(Standing.FAIL, what, label, grant, "append")
    elif secured and not admitted:
        fix = "Add a policy FOR INSERT for it, or use a role that row-level security does not apply to."
        what = f"rows cannot be appended: row-level security of {place.table} has no policy for this role {how}"
        yield Remark(Standing.FAIL, what, label, fix, "append")
    elif generated := _generated(connection, place):
        ours, theirs = generated
        what = f"rows cannot be appended: the database makes the column {theirs} of {place.table} itself"
        fix = f'Name a place before it that can be written: [events.columns] {ours} = ["metadata.{ours}", "{theirs}"]'
        yield Remark(Standing.FAIL, what, label, fix, "append")
    else:
        more = ", as far as a policy lets this role" if secured else ""
        yield Remark(Standing.OK, f"rows can be appended{more} {how}", label, about="append")
    yield from _exposed(connection, place, label)


def _generated(connection: Connection, place: EventTable) -> tuple[str, str] | None:
    """A column of ours that is written into a column which is computed, and that column."""
    made = {
        name
        for (name,) in connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attgenerated <> ''",
            [qualified(place.table)],
        )
    }
    rules = {ours: rule.written for ours in place.present if (rule := place.rule(ours)) is not None}
    written = {ours: part.column for ours, part in rules.items() if isinstance(part, Translated)}
    return next(((ours, column.name) for ours, column in written.items() if column.name in made), None)


def _exposed(connection: Connection, place: EventTable, label: str) -> Iterator[Remark]:
    """Where there is a role ``anon``, everybody who has the app's public key is it."""
    told = connection.execute(
        "SELECT c.relrowsecurity, has_table_privilege('anon', c.oid, 'SELECT') FROM pg_class c"
        " WHERE c.oid = to_regclass(%s) AND to_regrole('anon') IS NOT NULL",
        [qualified(place.table)],
    ).fetchone()
    if told is None:
        return
    secured, readable = told
    if secured or not readable:
        yield Remark(Standing.OK, f"the public key does not read {place.table}", label, about="row_security")
    else:
        what = f"everybody who has the app's public key may read {place.table}: row-level security is off"
        fix = f"Run: releaseguard events migrate (or ALTER TABLE {place.table} ENABLE ROW LEVEL SECURITY)"
        yield Remark(Standing.FAIL, what, label, fix, "row_security")
    yield from _forgeable(connection, place, label)


def _forgeable(connection: Connection, place: EventTable, label: str) -> Iterator[Remark]:
    """A policy for inserting that asks nothing is everybody's, whatever it is called: then a success proves nothing."""
    open_to = connection.execute(
        "SELECT string_agg(r.rolname, ', ' ORDER BY r.rolname) FROM pg_class c, pg_roles r"
        " WHERE c.oid = to_regclass(%s) AND r.rolname IN ('anon', 'authenticated')"
        " AND has_table_privilege(r.oid, c.oid, 'INSERT') AND (NOT c.relrowsecurity OR EXISTS (SELECT FROM pg_policy p"
        " WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('a', '*')"
        " AND coalesce(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid), 'true') = 'true'"
        " AND EXISTS (SELECT FROM unnest(p.polroles) AS given WHERE given = 0 OR pg_has_role(r.oid, given, 'USAGE'))))",
        [qualified(place.table)],
    ).fetchone()
    if open_to and open_to[0]:
        what = f"{open_to[0]} may insert into {place.table}: whoever has the app's public key can forge a success there"
        fix = f"Run as its owner: REVOKE INSERT ON {place.table} FROM {open_to[0]} (service_role keeps its own grant)"
        yield Remark(Standing.FAIL, what, label, fix, "forgeable")


def guarded(connection: Connection, place: EventTable, label: str) -> Iterator[Remark]:
    """Whether the triggers that keep our rows as they are stand and are switched on."""
    if place.is_the_apps:
        return
    found = connection.execute(
        "SELECT tgname FROM pg_trigger WHERE tgrelid = to_regclass(%s) AND tgenabled IN ('O', 'A')",
        [qualified(place.table)],
    )
    there = {name for (name,) in found}
    gone = [name for name in guards.trigger_names(place.table) if name not in there]
    if gone:
        what = (
            f"our own rows in {place.table} can be changed: without the triggers {', '.join(gone)} nothing keeps them"
        )
        yield Remark(Standing.FAIL, what, label, f"{fitting.MIGRATE} (as the owner of {place.table})", "guards")
    else:
        what = f"our own rows in {place.table} can be neither changed nor deleted"
        yield Remark(Standing.OK, what, label, about="guards")


def must_own(connection: Connection, place: EventTable, label: str) -> None:
    """Who may only append must not date rows back, and the table's trigger would set the time anew in silence: it asks
    the same (``schema/guards.py``)."""
    (owns,) = connection.execute(
        "SELECT pg_has_role(current_user, relowner, 'USAGE') AND pg_has_role(session_user, relowner, 'MEMBER')"
        " FROM pg_class WHERE oid = to_regclass(%s)",
        [qualified(place.table)],
    ).fetchone() or (False,)
    if not owns:
        raise AccessDenied(
            f"only the owner of the table {place.table} may say when its rows were recorded",
            where=label,
            next_step="Run this one command as the owner: copy releaseguard.toml to owner.toml, with"
            ' [events] url = "${RELEASEGUARD_EVENTS_OWNER_URL}" (the owner\'s address), and add --config owner.toml.',
        )
