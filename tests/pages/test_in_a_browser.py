"""Every page in Chromium, without a network: as wide as a phone and as a desk, in the light and in the dark, in both
languages, with markup in every field; and what axe says of it."""

from __future__ import annotations

import base64
import html
import json
import os
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from releaseguard.messages import spoken
from releaseguard.report import formats
from releaseguard.report.layout.display import Display
from tests.report import documents
from tests.report.documents import NASTY

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
PAGES = {
    "verdict": (formats.VERDICT, documents.verdict_document),
    "health": (formats.HEALTH, documents.health_document),
    "incident": (formats.INCIDENT, documents.incident_page),
    "postmortem": (formats.POSTMORTEM, documents.postmortem_document),
}
WIDTHS = (390, 1280)
SHADES = {"light": 1, "dark": 0}
"""What Chromium calls them in ``preferredColorScheme``."""
POLICY = re.compile(r'<meta http-equiv="Content-Security-Policy"[^>]*>')
HARNESS = """<!doctype html><title>pages</title><body><script>
const pages = PAGES;
async function look() {
  const found = {};
  for (const [name, width, page] of pages) {
    const frame = document.createElement("iframe");
    frame.style.width = width + "px"; frame.style.height = "900px";
    frame.srcdoc = atob64(page);
    const loaded = new Promise((done) => { frame.onload = done; });
    document.body.append(frame);
    await loaded;
    const inside = frame.contentWindow, root = frame.contentDocument.documentElement;
    const report = await inside.axe.run(frame.contentDocument, { resultTypes: ["violations"] });
    found[name] = {
      wide: root.scrollWidth, alerted: Boolean(inside.alerted), lang: root.lang,
      background: inside.getComputedStyle(frame.contentDocument.body).backgroundColor,
      axe: report.violations.map((one) => one.id + ": " + one.nodes.map((node) => node.html).join(" ").slice(0, 300)),
    };
    frame.remove();
  }
  const told = document.createElement("pre");
  told.id = "found"; told.textContent = JSON.stringify(found);
  document.body.append(told);
}
function atob64(text) { return new TextDecoder().decode(Uint8Array.from(atob(text), (one) => one.charCodeAt(0))); }
look();
</script>"""


def written(name: str, language: str) -> str:
    """A page as the command writes it, with axe put in, and an alert that is seen."""
    table, make = PAGES[name]
    spoken.speak(language)
    try:
        page = POLICY.sub("", table["html"](make(NASTY), Display()))  # type: ignore[operator]
    finally:
        spoken.speak(spoken.ENGLISH)
    tools = f"<script>window.alert = () => {{ window.alerted = true; }};</script><script>{AXE.read_text()}</script>"
    return page.replace("<head>", f"<head>{tools}", 1)


def seen(shade: str, folder: Path) -> Mapping[str, Any]:
    """What Chromium makes of every page, by name, language and width."""
    pages = [
        (f"{name} {language} {width}", width, base64.b64encode(written(name, language).encode()).decode())
        for name in PAGES
        for language in ("en", "tr")
        for width in WIDTHS
    ]
    harness = folder / f"{shade}.html"
    harness.write_text(HARNESS.replace("PAGES", json.dumps(pages)))
    chromium = shutil.which("chromium") or "chromium"
    flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--virtual-time-budget=60000", "--dump-dom"]
    flags += ["--host-resolver-rules=MAP * ~NOTFOUND", f"--blink-settings=preferredColorScheme={SHADES[shade]}"]
    flags += [f"--user-data-dir={folder / 'profile'}", "--window-size=1400,1000"]
    done = subprocess.run([chromium, *flags, harness.as_uri()], capture_output=True, text=True, check=True, timeout=240)
    told = re.search(r'<pre id="found">(.*?)</pre>', done.stdout, re.DOTALL)
    assert told, done.stderr[-2000:]
    return dict(json.loads(html.unescape(told[1])))


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Mapping[str, Any]]:
    """One start of the browser for each shade."""
    if not AXE.exists() or shutil.which("chromium") is None:
        lacks = "Chromium, or axe-core (npm install in tests/pages), is not there"
        if os.environ.get("RELEASEGUARD_REQUIRE_ALL"):
            pytest.fail(lacks)
        pytest.skip(lacks)
    folder = tmp_path_factory.mktemp("browser")
    return {shade: seen(shade, folder) for shade in SHADES}


@pytest.mark.parametrize("page", PAGES)
def test_a_page_can_be_read_by_everybody_everywhere(browser: Mapping[str, Mapping[str, Any]], page: str) -> None:
    """One test a page, for the browser is started once for all of them in a worker."""
    for shade, found in browser.items():
        for language in ("en", "tr"):
            for width in WIDTHS:
                told = found[f"{page} {language} {width}"]
                assert told["axe"] == [], (shade, language, width)
                assert told["wide"] <= width
                assert not told["alerted"]
                assert told["lang"] == (language if page != "incident" and page != "health" else told["lang"])
    light, dark = (browser[shade][f"{page} en 390"]["background"] for shade in SHADES)
    assert light != dark
