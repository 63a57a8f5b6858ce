"""The formats of a verdict, by the name given to ``--format``."""

from __future__ import annotations

from typing import Any, cast

from releaseguard.harmless import as_json, visible
from releaseguard.report.interface import Format, VerdictDocument


def _shown(document: VerdictDocument) -> VerdictDocument:
    """The document for readers: each text in one line, without what steers a terminal or is no XML."""

    def shown(value: Any) -> Any:
        match value:
            case str():
                return visible(value.replace("\n", " "))
            case dict():
                return {visible(key): shown(inner) for key, inner in value.items()}
            case list() | tuple():
                return [shown(inner) for inner in value]
            case _:
                return value

    return cast("VerdictDocument", shown(document))


def _text(document: VerdictDocument, width: int) -> str:
    from releaseguard.report.text import render

    return render(_shown(document), width)


def _json(document: VerdictDocument, _width: int) -> str:

    return as_json(document)


def _markdown(document: VerdictDocument, _width: int) -> str:
    from releaseguard.report.markdown import render

    return render(_shown(document))


def _junit(document: VerdictDocument, _width: int) -> str:
    from releaseguard.report.junit import render

    return render(_shown(document))


def _html(document: VerdictDocument, _width: int) -> str:
    from releaseguard.report.html import render

    return render(_shown(document))


def _sarif(document: VerdictDocument, _width: int) -> str:
    from releaseguard.report.sarif import render

    return render(document)


FORMATS: dict[str, Format] = {
    "text": _text,
    "json": _json,
    "markdown": _markdown,
    "junit": _junit,
    "html": _html,
    "sarif": _sarif,
}
