"""The app's own database, for invariants: read-only, bounded in time and rows, and never shown."""

from __future__ import annotations

from collections.abc import Callable
from itertools import islice

from releaseguard.appdb.calls import Search
from releaseguard.appdb.catalogue import Catalogue, not_shown
from releaseguard.appdb.mentions import SELECT
from releaseguard.errors import AccessDenied, ConfigError, ServiceError, Unreachable
from releaseguard.secret import Secret
from releaseguard_events.places.encryption import next_step_for

MOST_ROWS = 1000
TIMEOUT_MS = 15_000
_LIMITS = f"SET LOCAL statement_timeout TO {TIMEOUT_MS}; SET LOCAL lock_timeout TO 2000".encode()
"""For the one transaction: poolers (pgbouncer) refuse a connection that asks for settings of its session, and keep what
is set later for the next who is lent it."""


class AppDatabase:
    """Counts the rows of read-only queries. ``pin`` checks and pins the target before libpq connects to it."""

    def __init__(self, url: Secret, setting: str, *, pin: Callable[[str], str]) -> None:
        self._url = url
        self._setting = setting
        self._pin = pin
        self._admitted: set[str] = set()
        """SQL that was found to call nothing it may not; looked through once, however often it is run."""

    def count_rows(self, sql: str) -> int:
        """How many rows the query returns, at most :data:`MOST_ROWS`.

        The transaction is read-only and is rolled back; of several statements none runs, since one of them could end
        it. Before it is planned, what it calls is looked through (:mod:`releaseguard.appdb.rules`).

        Raises ``ConfigError`` for SQL that does not run or calls what it may not, ``AccessDenied`` where the role may
        not read, ``Unreachable`` where the database does not answer.
        """
        return self._counted(sql, sql)

    def explain(self, sql: str) -> None:
        """Have the database plan a query, without running it. Raises as :meth:`count_rows`."""
        self._counted(sql, f"EXPLAIN {sql}")

    def reach(self) -> None:
        """Connect and read nothing. Raises as :meth:`count_rows`."""
        self.count_rows("SELECT 1")

    def _counted(self, sql: str, statement: str) -> int:
        """The rows of ``statement``, which does no more than ``sql`` would."""
        import psycopg

        conninfo = self._pin(self._url.reveal())
        try:
            with psycopg.connect(conninfo, connect_timeout=10, prepare_threshold=None) as connection:
                connection.read_only = True
                connection.execute(_LIMITS)
                self._look_through(Catalogue(connection), sql)
                with connection.cursor() as cursor:
                    # Streaming speaks the extended protocol, which takes one statement only, and keeps no rows.
                    rows = sum(1 for _ in islice(cursor.stream(statement.encode()), MOST_ROWS))
                connection.rollback()
                return rows
        except psycopg.Error as error:
            raise self._translated(error) from None

    def _look_through(self, catalogue: Catalogue, sql: str) -> None:
        if sql in self._admitted:
            return
        tree = catalogue.rewritten(sql)
        if not tree.commands:
            raise not_shown(self._setting)
        if tree.commands != {SELECT}:
            raise ConfigError("an invariant tried to write, or is not a query; it must only read", where=self._setting)
        if (objection := next(Search(catalogue).objections(tree), None)) is not None:
            raise ConfigError(
                f"an invariant is not run: {objection}", where=self._setting, next_step=objection.refusal.instead
            )
        self._admitted.add(sql)

    def _translated(self, error: Exception) -> ServiceError | ConfigError:
        import psycopg

        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            return AccessDenied(
                "the role may not read what an invariant asks for",
                where=self._setting,
                next_step="Grant it SELECT on the tables that the check names.",
            )
        if isinstance(error, psycopg.errors.ReadOnlySqlTransaction | psycopg.errors.ActiveSqlTransaction):
            return ConfigError("an invariant tried to write; it must only read", where=self._setting)
        if isinstance(error, psycopg.errors.QueryCanceled):
            return ServiceError(f"an invariant took longer than {TIMEOUT_MS // 1000} s", where=self._setting)
        if isinstance(error, psycopg.ProgrammingError):
            words = str(error).splitlines()[0] if str(error) else type(error).__name__
            return ConfigError(f"an invariant does not run: {words}", where=self._setting)
        if not isinstance(error, psycopg.OperationalError):
            # Its words can repeat a row's values.
            return ConfigError(f"an invariant stopped at what it read ({type(error).__name__})", where=self._setting)
        encryption = next_step_for(str(error))
        why = "cannot be reached safely" if encryption else "does not answer"
        return Unreachable(
            f"the app's database {why} ({type(error).__name__})",
            where=self._setting,
            next_step=encryption or "Check the address in that variable, and that the database is up.",
        )
