"""The vault's project and host are read from the workflows that take their secrets from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from releaseguard.init.pipelines import VaultGuess, vault_of

STEP = """
      - name: Secrets
        uses: {action}@v1.0.7
        with:
          method: oidc
          {more}
      - run: echo project-slug: not-this
"""


def guessed(tmp_path: Path, *steps: str):
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    for number, more in enumerate(steps):
        text = STEP.format(action="Infisical/secrets-action", more=more.replace("|", "\n          "))
        (folder / f"{number}.yml").write_text(f"jobs:\n  a:\n    steps:{text}")
    return vault_of(tmp_path)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("project-slug: shop-x1|domain: https://eu.infisical.com", VaultGuess("shop-x1", "https://eu.infisical.com")),
        ('project-slug: "shop-x1"|env-slug: prod # here', VaultGuess("shop-x1", "https://app.infisical.com")),
        ("domain: 'https://us.infisical.com/'|project-slug: 's'", VaultGuess("s", "https://us.infisical.com")),
        ("project-slug: shop|domain: https://evil.example", None),
        ("project-slug: ${{ vars.SLUG }}", None),
        ("env-slug: prod", None),
    ],
)
def test_the_project_and_the_host_are_those_of_the_step(tmp_path, more, expected):
    assert guessed(tmp_path, more) == expected


def test_what_most_steps_name_is_proposed(tmp_path):
    assert guessed(tmp_path, "project-slug: a", "project-slug: b", "project-slug: b").slug == "b"
    assert vault_of(tmp_path / "nowhere") is None


def test_a_step_that_names_its_host_speaks_for_those_that_do_not(tmp_path):
    eu = "project-slug: a|domain: https://eu.infisical.com"
    found = guessed(
        tmp_path, "project-slug: a", "project-slug: a", eu, "project-slug: b|domain: https://us.infisical.com"
    )
    assert found == VaultGuess("a", "https://eu.infisical.com")
