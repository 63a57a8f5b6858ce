"""A project's own cards: a new provider is one file, and no card of a project's weakens SAFE MODE."""

from __future__ import annotations

from pathlib import Path

import pytest

from releaseguard.cards.load import CardErrors, load_cards, shipped_folder
from releaseguard.errors import UsageError

PIGEON_POST = """
id = "pigeon_post"
name = "Pigeon Post"
hosts = ["pigeon.example", "sendgrid.net.example"]

[events]
success = ["pigeon_post_flown"]
error = ["pigeon_post_error"]

[[secrets]]
name = "PIGEON_POST_KEY"
proven_by = ["pigeon_post_flown"]

[[checks]]
kind = "signal"
id = "pigeon_post.errors"
title = { en = "Pigeons arrive", tr = "Güvercinler varıyor" }
success = ["pigeon_post_flown"]
error = ["pigeon_post_error"]

[[playbook.symptoms]]
text = { en = "No pigeon arrives", tr = "Güvercin gelmiyor" }
silent = ["pigeon_post_flown"]

[[playbook.controls]]
text = { en = "The events", tr = "Event kayıtları" }
kind = "events"

[[playbook.actions]]
text = { en = "Feed them", tr = "Besle" }
"""
SENDGRID = """
id = "sendgrid"
name = "SendGrid"
hosts = ["mail.example"]

[events]
success = ["sendgrid_email_sent"]
error = ["sendgrid_error"]

[playbook]
symptoms = []
controls = []
actions = []
"""


def project(tmp_path: Path, **cards: str) -> Path:
    (tmp_path / "checks").mkdir()
    for name, text in cards.items():
        (tmp_path / "checks" / f"{name}.toml").write_text(text)
    return tmp_path


def test_a_provider_more_is_one_file_and_no_code(tmp_path):
    cards = load_cards(project(tmp_path, pigeon_post=PIGEON_POST))
    assert len(cards) == len(list(shipped_folder().glob("*.toml"))) + 1
    assert cards.get("pigeon_post").unit_of()[0].name == "PIGEON_POST_KEY"
    assert cards.check("pigeon_post.errors")[0].name == "Pigeon Post"
    assert cards.denied_hosts()["pigeon.example"] == "pigeon_post"
    with pytest.raises(UsageError) as refusal:
        cards.get("pigeon")
    assert "pigeon_post" in (refusal.value.next_step or "")


def test_a_project_without_a_folder_of_cards_has_the_shipped_ones(tmp_path):
    assert len(load_cards(tmp_path)) == len(list(shipped_folder().glob("*.toml")))


def test_a_projects_card_replaces_the_shipped_one_but_for_its_hosts(tmp_path):
    cards = load_cards(project(tmp_path, sendgrid=SENDGRID))
    card = cards.get("sendgrid")
    assert card.checks == ()
    assert card.hosts == ("sendgrid.com", "sendgrid.net", "mail.example")
    assert set(card.hosts) <= {host for host, owner in cards.denied_hosts().items() if owner == "sendgrid"}


def test_a_projects_card_cannot_make_infrastructure_of_a_provider(tmp_path):
    text = SENDGRID.replace('name = "SendGrid"', 'name = "SendGrid"\ninfrastructure = "supabase"')
    with pytest.raises(CardErrors) as refusal:
        load_cards(project(tmp_path, sendgrid=text))
    assert "that stays" in str(refusal.value)


def test_a_projects_card_cannot_take_a_providers_host_over(tmp_path):
    text = PIGEON_POST.replace('"pigeon.example"', '"api.sendgrid.com"').replace(
        'name = "Pigeon Post"', 'name = "Pigeon Post"\ninfrastructure = "github"'
    )
    owners = load_cards(project(tmp_path, pigeon_post=text)).denied_hosts()
    assert owners["api.sendgrid.com"] == "sendgrid"
    assert owners["sendgrid.net.example"] == "pigeon_post"


def test_dropping_the_role_does_not_drop_it(tmp_path):
    text = SENDGRID.replace("sendgrid", "vercel").replace("SendGrid", "Vercel")
    assert load_cards(project(tmp_path, vercel=text)).get("vercel").infrastructure == "vercel"


def test_all_problems_of_all_cards_are_told_at_once(tmp_path):
    broken = PIGEON_POST.replace('"pigeon_post_flown"]\nerror', '"pigeon_post_flown"]\neror', 1)
    twice = SENDGRID.replace('"mail.example"', '"mail.example", "mail.example", "https://x.example"')
    with pytest.raises(CardErrors) as refusal:
        load_cards(project(tmp_path, pigeon_post=broken, sendgrid=twice))
    text = str(refusal.value)
    assert len(refusal.value.problems) == 3
    assert f"{tmp_path}/checks/pigeon_post.toml:8: events.eror: is not a known key. Did you mean 'error'?" in text
    assert f"{tmp_path}/checks/sendgrid.toml:4: hosts[2]: 'https://x.example' is not a plain host name" in text
    assert f"{tmp_path}/checks/sendgrid.toml:4: hosts: 'mail.example' is there twice" in text


def test_one_id_on_two_cards_is_reported_in_the_projects_file(tmp_path):
    text = PIGEON_POST.replace('id = "pigeon_post.errors"', 'id = "sendgrid.errors"')
    with pytest.raises(CardErrors) as refusal:
        load_cards(project(tmp_path, pigeon_post=text))
    assert "checks[0].id: 'sendgrid.errors' is on card 'sendgrid' already" in str(refusal.value)
    assert "pigeon_post.toml" in (refusal.value.where or "")


def test_other_files_in_the_folder_are_left_alone(tmp_path):
    root = project(tmp_path, pigeon_post=PIGEON_POST)
    (root / "checks" / "README.md").write_text("not a card")
    assert len(load_cards(root)) == len(list(shipped_folder().glob("*.toml"))) + 1


def test_a_file_that_states_what_differs_leaves_the_rest_as_shipped(tmp_path):
    text = """
[[secrets]]
name = "SENDGRID_API_KEY"
max_age = "30d"

[[checks]]
id = "sendgrid.errors"
kind = "signal"
max_error_increase = 0.2

[[flows]]
id = "email"

[[flows.steps]]
name = "send"
path = "/functions/v1/mail"
"""
    shipped, own = load_cards().get("sendgrid"), load_cards(project(tmp_path, sendgrid=text)).get("sendgrid")
    assert [check.id for check in own.checks] == [check.id for check in shipped.checks]
    assert [check.max_error_increase for check in own.checks if check.id == "sendgrid.errors"] == [0.2]
    assert own.secrets[0].max_age == "30d"
    assert own.secrets[0].proven_by == shipped.secrets[0].proven_by
    assert (own.flows[0].steps[0].path, own.flows[0].steps[0].body) == (
        "/functions/v1/mail",
        shipped.flows[0].steps[0].body,
    )
    assert own.playbook == shipped.playbook
    assert list(own.hosts) == list(shipped.hosts)


@pytest.mark.parametrize(
    ("text", "what", "line"),
    [
        ('[[flows]]\nid = "email"\n[[flows.steps]]\nname = "send"\npath = "mail"', "flows[0].steps[0].path", 5),
        ('[[checks]]\nid = "sendgrid.volume"\nmax_dropp = 0.1', "max_dropp", 3),
        ('[[checks]]\nid = "sendgrid.new"\nkind = "volume"', "'title' is missing", 1),
        ('[events]\nsucces = ["x"]', "events.succes", 2),
    ],
)
def test_a_mistake_in_what_differs_is_told_with_its_own_line(tmp_path, text, what, line):
    with pytest.raises(CardErrors) as refused:
        load_cards(project(tmp_path, sendgrid=text))
    (problem, *_) = refused.value.problems
    assert what in problem.what
    assert problem.where == f"{tmp_path / 'checks' / 'sendgrid.toml'}:{line}"
