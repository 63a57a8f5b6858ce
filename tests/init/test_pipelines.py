"""The vault's project and host are read from the workflows that take their secrets from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from releaseguard.services.infisical.pipelines import VaultGuess, vault_of

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
        (
            'project-slug: "shop-x1"|env-slug: prod # here',
            VaultGuess("shop-x1", "https://app.infisical.com", environment="prod"),
        ),
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


@pytest.mark.parametrize(
    ("steps", "path", "others"),
    [
        (["secret-path: /backend"], "/backend", []),
        (['secret-path: "/backend/"'], "/backend", []),
        (["secret-path: backend/mail # the mails"], "/backend/mail", []),
        ([""], "/", []),
        (["secret-path: ${{ inputs.folder }}", "secret-path: /backend"], "/backend", []),
        (["secret-path: /web", "secret-path: /functions", "secret-path: /functions"], "/functions", ["/web"]),
        (["", "secret-path: /functions"], "/", ["/functions"]),
        (
            ["env-slug: staging|secret-path: /old", "env-slug: staging|secret-path: /old", "env-slug: prod"],
            "/",
            ["/old"],
        ),
    ],
)
def test_the_folder_is_the_one_that_most_steps_for_production_read(tmp_path, steps, path, others):
    found = guessed(tmp_path, *(f"project-slug: shop|{step}" for step in steps))
    assert (found.path, list(found.others)) == (path, others)


@pytest.mark.parametrize(
    ("steps", "environment"),
    [
        (["env-slug: production"], "production"),
        (["env-slug: staging", "env-slug: staging", "env-slug: live"], "live"),
        (["env-slug: staging"], ""),
        (["env-slug: ${{ inputs.env }}"], ""),
        (["env-slug: production", "env-slug: prod"], "prod"),
    ],
)
def test_productions_environment_is_called_what_the_steps_call_it(tmp_path, steps, environment):
    assert guessed(tmp_path, *(f"project-slug: shop|{step}" for step in steps)).environment == environment


def test_inputs_may_stand_before_the_action_and_a_step_that_is_commented_out_says_nothing(tmp_path):
    folder = tmp_path / ".github" / "actions" / "secrets"
    folder.mkdir(parents=True)
    (folder / "action.yml").write_text(
        """runs:
  steps:
    - with:
        project-slug: shop
        secret-path: /mobile
      uses: "Infisical/secrets-action@0123abc" # v1.0.9
    # - uses: Infisical/secrets-action@v1
    #   with:
    #     project-slug: old
    #     secret-path: /old
    - run: echo
"""
    )
    assert vault_of(tmp_path) == VaultGuess("shop", "https://app.infisical.com", path="/mobile")


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        (
            "infisical export --projectId=0f-1 --env=prod --path=/mobile --domain https://eu.infisical.com/api",
            VaultGuess("", "https://eu.infisical.com", "0f-1", "prod", "/mobile"),
        ),
        (
            'infisical run --projectId 0f-1 \\\n            --path "/web" -- npm test',
            VaultGuess("", "https://app.infisical.com", "0f-1", "", "/web"),
        ),
        ("infisical run --projectId=$PROJECT -- npm test", None),
        ("infisical run --projectId=0f-1 --domain=https://vault.example -- npm test", None),
        ("echo --projectId=0f-1", None),
    ],
)
def test_the_command_line_of_infisical_tells_as_well(tmp_path, command, expected):
    folder = tmp_path / ".github" / "workflows"
    folder.mkdir(parents=True)
    (folder / "a.yml").write_text(f"jobs:\n  a:\n    steps:\n      - run: |\n            {command}\n")
    assert vault_of(tmp_path) == expected


@pytest.mark.parametrize(
    "text", ['{"workspaceId": "0f-1", "defaultEnvironment": "dev"}', "[]", "{", '{"workspaceId": 1}']
)
def test_a_project_linked_by_infisicals_own_file_is_known_by_its_id(tmp_path, text):
    (tmp_path / ".infisical.json").write_text(text)
    found = vault_of(tmp_path)
    assert found == (VaultGuess("", "https://app.infisical.com", "0f-1") if "0f-1" in text else None)
