"""What ``bench/house.py`` counts, on small houses that are built for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench import house

CONTRACTS = "[importlinter:contract:rooms]\nlayers =\n    app.upper\n    app.lower\n"


@pytest.fixture
def build(tmp_path: Path):
    def build_it(**texts: str) -> house.House:
        (tmp_path / ".importlinter").write_text(CONTRACTS)
        for name, text in texts.items():
            file = tmp_path / "src" / "app" / (name.replace("__", "/").replace("init", "__init__") + ".py")
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text)
        return house.House(tmp_path)

    return build_it


@pytest.mark.parametrize(
    ("finding", "text", "found"),
    [
        ("loose-mappings", "def f(a: dict[str, object], b: Mapping[str, Any]) -> dict[str, int]: ...\n", 2),
        ("loose-mappings", "def f(a: Mapping[str, Sequence[Any]]) -> None: ...\n", 0),
        ("rulers", "# --- reading -----\nx = 1\n# =====\n", 2),
        ("rulers", "x = 1  # a reason, with a - in it\n# and another reason\n", 0),
        ("worlds", "class World: ...\nclass RotationWorld: ...\nclass WorldRecord: ...\n", 2),
        ("same-class-name", "class A: ...\ndef f():\n    class A: ...\n", 1),
        ("readable-times", "def f(s):\n    return f'{s // 60} min'\n", 1),
        ("readable-times", "def f(s):\n    return f'{s} min'\ndef g(s):\n    return s / 60\n", 0),
        ("naming-vercel", "# Vercel is named, and so is VERCEL_TOKEN\n", 1),
        ("modules-over-400", "x = 1\n" * 401, 1),
        ("modules-over-400", "x = 1\n" * 400, 0),
    ],
)
def test_what_is_counted(build, finding: str, text: str, found: int) -> None:
    assert len(list(house.COUNTED[finding][1](build(module=text)))) == found


def test_a_public_name_is_one_of_a_modules_own(build) -> None:
    built = build(m="def f(): ...\ndef _g(): ...\nclass C:\n    def h(self): ...\n")
    assert list(house.public(built)) == ["src/app/m.py: f", "src/app/m.py: C"]


def test_an_interface_can_be_implemented(build) -> None:
    built = build(one__interface="class Port(ABC): ...\n", two__interface="class Value: ...\n", values="class V: ...\n")
    assert list(house.hollow(built)) == ["src/app/two/interface.py"]


def test_a_service_may_be_named_where_it_lives(build) -> None:
    texts = {
        "services__vercel__service": "# Vercel\n",
        "services__init": "# vercel\n",
        "messages__catalog": "# Vercel\n",
    }
    assert not list(house.naming(build(**texts), "Vercel"))
    assert len(list(house.naming(build(cards__rules="# Vercel\n"), "Vercel"))) == 1


def test_a_room_is_crowded_from_its_thirteenth_file_on(build) -> None:
    files = {f"room__m{number}": "" for number in range(12)}
    assert not list(house.crowded(build(**files, room__init="")))
    assert list(house.crowded(build(**files, room__one_more=""))) == ["src/app/room: 13 files"]


def test_a_circle_of_files_is_one_even_where_an_import_waits_in_a_function(build) -> None:
    built = build(
        a="import app.b\n", b="def f():\n    from app import c\n", c="from app.a import x\n", d="import app.a\n"
    )
    assert list(house.file_circles(built)) == ["app.a, app.b, app.c"]


def test_rooms_can_stand_in_a_circle_where_no_files_do(build) -> None:
    built = build(one__a="import app.two.a\n", two__a="", two__b="import app.one.b\n", one__b="")
    assert not list(house.file_circles(built))
    assert list(house.room_circles(built)) == ["app.one, app.two"]


def test_an_import_from_a_lower_floor_goes_upward(build) -> None:
    built = build(upper__a="import app.lower.a\n", lower__a="", lower__b="import app.upper.a\n")
    assert list(house.upward(built)) == ["app.lower.b -> app.upper.a"]


def test_a_functions_length_leaves_its_docstring_and_decorators_out(build) -> None:
    text = "@decorated\ndef f():\n    '''Two\n    lines.'''\n    x = 1\n    return x\n"
    assert build(m=text).lengths == [3]


@pytest.mark.parametrize(
    ("name", "value", "budget", "is_worse"),
    [
        ("modules-over-400", 3, 2, True),
        ("modules-over-400", 2, 2, False),
        ("test-to-code", 1.0, 1.1, True),
        ("test-to-code", 1.2, 1.1, False),
        ("modules", 300, 200, False),
    ],
)
def test_a_figure_that_gets_worse_is_refused(name: str, value: float, budget: float, is_worse: bool) -> None:
    assert house.worse(name, value, budget) is is_worse


def test_what_is_worse_is_marked_and_fails(
    build, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    budget = tmp_path / "house.toml"
    budget.write_text("[start]\nmodules = 1\n\n[budget]\nlargest-module = 1\npublic-names = 100000\n")
    monkeypatch.setattr(house, "BUDGET", budget)
    monkeypatch.setattr(house, "CHECKOUT", build(m="def f():\n    pass\n").checkout)
    assert house.main([]) == 1
    said = capsys.readouterr()
    assert "WORSE" in said.out
    assert "largest-module" in said.err
    assert "public-names" not in said.err
