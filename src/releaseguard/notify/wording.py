"""What is sent: a text that Slack and its likes show, or a plain document around it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from releaseguard.harmless import harmless
from releaseguard.keeping import clean_identifier, clean_text
from releaseguard.messages.localizer import Localizer
from releaseguard.model import to_text
from releaseguard.notify.news import News

MOST_DETAILS = 5
LONGEST = 500
"""Characters of a sentence: a message is read on a phone."""

Payload = Mapping[str, str | Sequence[str] | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wording:
    """How messages of one project are written."""

    project: str
    localizer: Localizer
    mask: Callable[[str], str]
    """Takes out what the environment holds confidentially."""
    run_url: str | None = None
    """The job that tells it, where it is one."""

    def slack(self, news: News) -> Payload:
        """For an incoming webhook of Slack's, or of a service that takes the same: Mattermost, Discord's ``/slack``.

        Slack takes ``<...>`` for a link or a mention, and asks for these three to be written so (its page "Formatting
        text for app surfaces").
        """
        return {"text": self.text(news).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")}

    def plain(self, news: News) -> Payload:
        """The same with its parts, for a program."""
        return {
            "text": self.text(news),
            "occasion": news.occasion.value,
            "project": self._clean(self.project),
            "environment": self._clean(news.environment),
            "provider": news.provider,
            "release": None if news.release is None else clean_identifier(self.mask(news.release)),
            "headline": self._headline(news),
            "details": self._details(news),
            "next_step": news.next_step and self._clean(news.next_step),
            "run_url": self.run_url,
            "at": to_text(self.localizer.as_of),
        }

    def text(self, news: News) -> str:
        """The message: what happened, why, what to do, and where to read on."""
        lines = [self._headline(news), *self._details(news)]
        if news.next_step:
            lines.append(self._clean(self.localizer.phrase("notify.next", command=news.next_step)))
        return "\n".join([*lines, *([self.run_url] if self.run_url else [])])

    def _headline(self, news: News) -> str:
        return f"[{self._clean(self.project)}] {self._clean(self.localizer.say(news.headline))}"

    def _details(self, news: News) -> Sequence[str]:
        kept = [self._clean(detail) for detail in news.details[:MOST_DETAILS]]
        more = len(news.details) - len(kept)
        return [*kept, *([self.localizer.phrase("notify.more", count=more)] if more else [])]

    def _clean(self, text: str) -> str:
        """One line without a secret, a person's data, or what steers the reader's program."""
        flat = " ".join(clean_text(self.mask(harmless(text))).split())
        return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1]}…"
