"""How much the writer holds, and how long it waits."""

from __future__ import annotations


class QueueLimits:
    """How many events are held, and how many seconds things may take."""

    __slots__ = ("batch", "exit", "idle", "linger", "loading", "patience", "queue")

    def __init__(
        self,
        *,
        queue: int = 10_000,
        linger: float = 0.2,
        batch: int = 1_000,
        patience: float = 1.0,
        exit: float = 2.0,  # noqa: A002 - the end of the process
        loading: float = 10.0,
        idle: float | None = None,
    ) -> None:
        self.queue = queue
        self.linger = linger
        """How long a batch waits for more."""
        self.batch = batch
        self.patience = patience
        """How long the store may keep a batch before what waits goes to disk."""
        self.exit = exit
        """How long the end of the process may wait for the store."""
        self.loading = loading
        """How long the end of the process may wait for our own modules and configuration."""
        self.idle = idle
        """After how long without work the threads end; ``None``: they live as long as the process.

        A child that was forked in a thread has no interpreter to end them: it lasts as long as any thread.
        """
