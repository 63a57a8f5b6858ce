"""How the house is built: figures of the code, read from the code itself, against what they may be at most.

    python bench/house.py                  the figures beside those of house.toml; exit 1 where one is worse
    python bench/house.py --where FIGURE   what one figure counts, line by line
    python bench/house.py --keep           writes today's figures into house.toml as the new budget
    python bench/house.py --root DIR       measures another checkout, and judges nothing

Nothing is imported that is measured: everything is read with ``ast`` and ``tokenize``. A figure that got better may be
kept with ``--keep``, so that it never gets worse again.
"""

from __future__ import annotations

import argparse
import ast
import configparser
import io
import re
import statistics
import sys
import tokenize
import tomllib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

CHECKOUT = Path(__file__).parents[1]
BUDGET = Path(__file__).with_suffix(".toml")
SERVICES = ("Infisical", "GitHub", "Vercel", "Supabase")
LARGEST_ROOM = 12
FUNCTION = ast.FunctionDef | ast.AsyncFunctionDef
DOCUMENTED = ast.Module | ast.ClassDef | FUNCTION


@dataclass(frozen=True)
class Module:
    """One file of Python: its dotted ``name``, its ``path`` from the checkout, and its text."""

    name: str
    path: Path
    text: str

    @classmethod
    def read(cls, file: Path, top: Path, checkout: Path) -> Module:
        parts = file.relative_to(top).with_suffix("").parts
        return cls(".".join(parts).removesuffix(".__init__"), file.relative_to(checkout), file.read_text("utf-8"))

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @property
    def room(self) -> Path:
        return self.path.parent

    @property
    def lines(self) -> int:
        return self.text.count("\n")

    @cached_property
    def comments(self) -> Mapping[int, str]:
        """The comments that have a line of their own, by the line's number."""
        tokens = tokenize.generate_tokens(io.StringIO(self.text).readline)
        return {
            token.start[0]: token.string
            for token in tokens
            if token.type == tokenize.COMMENT and token.line.lstrip().startswith("#")
        }

    @cached_property
    def code(self) -> int:
        """Lines that are neither empty, nor a comment, nor a docstring."""
        written = {number for number, line in enumerate(self.text.splitlines(), 1) if line.strip()}
        said = {line for node in ast.walk(self.tree) for line in docstring_lines(node)}
        return len(written - said - set(self.comments))


class House:
    """A checkout: its modules, its tests, and who imports whom."""

    def __init__(self, checkout: Path) -> None:
        self.checkout = checkout
        tops = [checkout / "src", *sorted(checkout.glob("[a-z]*/src"))]
        self.modules = [Module.read(file, top, checkout) for top in tops for file in sorted(top.rglob("*.py"))]
        tests = [checkout / "tests", *sorted(checkout.glob("[a-z]*/tests"))]
        self.tests = [Module.read(file, top, checkout) for top in tests for file in sorted(top.rglob("*.py"))]
        self.by_name = {module.name: module for module in self.modules}

    @cached_property
    def functions(self) -> Sequence[tuple[Module, FUNCTION]]:
        return [(m, node) for m in self.modules for node in ast.walk(m.tree) if isinstance(node, FUNCTION)]

    @cached_property
    def lengths(self) -> Sequence[int]:
        """Of all functions, shortest first: their lines without decorators and docstrings."""
        return sorted(length(function) for _, function in self.functions)

    @cached_property
    def rooms(self) -> Mapping[Path, Sequence[Module]]:
        """The modules of each folder; what only marks a folder as a package is none."""
        rooms: dict[Path, list[Module]] = defaultdict(list)
        for module in self.modules:
            if module.path.name != "__init__.py":
                rooms[module.room].append(module)
        return rooms

    @cached_property
    def imports(self) -> Mapping[str, frozenset[str]]:
        """Which of our modules each of them imports, anywhere in it."""
        return {m.name: frozenset(self._imported(m)) & set(self.by_name) - {m.name} for m in self.modules}

    @cached_property
    def room_imports(self) -> Mapping[str, frozenset[str]]:
        """The same of rooms, as the first two parts of a name."""
        found: dict[str, set[str]] = defaultdict(set)
        for name, others in self.imports.items():
            found[room_of(name)] |= {room_of(other) for other in others} - {room_of(name)}
        return {room: frozenset(others) for room, others in found.items()}

    @cached_property
    def layers(self) -> Mapping[str, int]:
        """Each room's floor in the first contract of ``.importlinter``, counted from the top."""
        contracts = configparser.ConfigParser(comment_prefixes=("#",), inline_comment_prefixes=None)
        contracts.read(self.checkout / ".importlinter")
        layered = next(contracts[one]["layers"] for one in contracts.sections() if "layers" in contracts[one])
        floors = [re.findall(r"[\w.]+", line) for line in layered.strip().splitlines()]
        return {room: floor for floor, rooms in enumerate(floors) for room in rooms}

    def _imported(self, module: Module) -> Iterator[str]:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    yield inner if inner in self.by_name else node.module


def room_of(name: str) -> str:
    return ".".join(name.split(".")[:2])


def length(function: FUNCTION) -> int:
    body = function.body[1:] if docstring_lines(function) else function.body
    last = function.end_lineno or function.lineno
    said = len(docstring_lines(function))
    return last - function.lineno + 1 - said if body else 1


def docstring_lines(node: ast.AST) -> range:
    """The lines of the docstring of a module, class or function."""
    if not isinstance(node, DOCUMENTED) or not node.body:
        return range(0)
    first = node.body[0]
    if not (
        isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str)
    ):
        return range(0)
    return range(first.lineno, (first.end_lineno or first.lineno) + 1)


def circles(arrows: Mapping[str, Iterable[str]]) -> Sequence[frozenset[str]]:
    """The groups of more than one in which everybody reaches everybody (Tarjan)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    open_: list[str] = []
    found: list[frozenset[str]] = []

    def visit(name: str) -> None:
        number[name] = low[name] = len(number)
        open_.append(name)
        for other in arrows.get(name, ()):
            if other not in number:
                visit(other)
            if other in open_:
                low[name] = min(low[name], low[other])
        if low[name] == number[name]:
            at = open_.index(name)
            group = frozenset(open_[at:])
            del open_[at:]
            if len(group) > 1:
                found.append(group)

    for name in arrows:
        if name not in number:
            visit(name)
    return found


# What is counted. Each yields one line a finding, so that ``--where`` can show them.


def large(house: House, limit: int) -> Iterator[str]:
    for module in sorted(house.modules, key=lambda m: -m.lines):
        if module.lines > limit:
            yield f"{module.path}: {module.lines} lines"


def crowded(house: House) -> Iterator[str]:
    for room, modules in house.rooms.items():
        if len(modules) > LARGEST_ROOM:
            yield f"{room}: {len(modules)} files"


def naming(house: House, service: str) -> Iterator[str]:
    """The files that name a service outside the places that are its own, or about everybody."""
    own = re.compile(rf"/services/({service.lower()}/|__init__\.py)|/(sandbox|messages)/")
    for module in house.modules:
        named = len(re.findall(service, module.text, re.IGNORECASE))
        if named and not own.search(module.path.as_posix()):
            yield f"{module.path}: {named} times"


def classes(house: House) -> Mapping[str, Sequence[Path]]:
    found: dict[str, list[Path]] = defaultdict(list)
    for module in house.modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(module.path)
    return found


def same_name(house: House) -> Iterator[str]:
    for name, paths in sorted(classes(house).items()):
        if len(paths) > 1:
            yield f"{name}: {', '.join(map(str, paths))}"


def worlds(house: House) -> Iterator[str]:
    for name, paths in classes(house).items():
        if name.endswith("World"):
            yield f"{name}: {paths[0]}"


def public(house: House) -> Iterator[str]:
    for module in house.modules:
        for node in module.tree.body:
            if isinstance(node, FUNCTION | ast.ClassDef) and not node.name.startswith("_"):
                yield f"{module.path}: {node.name}"


def hollow(house: House) -> Iterator[str]:
    """Files called ``interface.py`` in which nothing can be implemented."""
    for module in house.modules:
        bases = {
            ast.unparse(base) for node in ast.walk(module.tree) if isinstance(node, ast.ClassDef) for base in node.bases
        }
        if module.path.name == "interface.py" and not any(re.match("ABC|Protocol|Generic", base) for base in bases):
            yield str(module.path)


def file_circles(house: House) -> Iterator[str]:
    for group in circles(house.imports):
        yield ", ".join(sorted(group))


def room_circles(house: House) -> Iterator[str]:
    for group in circles(house.room_imports):
        yield ", ".join(sorted(group))


def upward(house: House) -> Iterator[str]:
    for name, others in house.imports.items():
        for other in others:
            mine, theirs = house.layers.get(room_of(name)), house.layers.get(room_of(other))
            if mine is not None and theirs is not None and theirs < mine:
                yield f"{name} -> {other}"


def loose(house: House) -> Iterator[str]:
    """Mappings of which nothing is known but that their keys are text."""
    for module in house.modules:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Subscript) and LOOSE.fullmatch(ast.unparse(node)):
                yield f"{module.path}:{node.lineno}: {ast.unparse(node)}"


LOOSE = re.compile(r"(Mutable)?(Mapping|dict)\[str, (Any|object)\]")


def rulers(house: House) -> Iterator[str]:
    """Comments that draw a line or a headline instead of giving a reason."""
    for module in (*house.modules, *house.tests):
        for number, comment in module.comments.items():
            if re.match(r"#\s*[-=*#]{3,}", comment):
                yield f"{module.path}:{number}: {comment.strip('# -=')}"


def comments(house: House) -> Iterator[str]:
    for module in house.modules:
        yield from (f"{module.path}:{number}: {comment}" for number, comment in module.comments.items())


def readable_times(house: House) -> Iterator[str]:
    """Functions that divide by a unit of time and put its sign or word behind the number."""
    for module, function in house.functions:
        nodes = list(ast.walk(function))
        divides = any(isinstance(n, ast.BinOp) and isinstance(n.op, ast.Div | ast.FloorDiv) for n in nodes)
        divides |= any(isinstance(n, ast.Name) and n.id == "divmod" for n in nodes)
        said = [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        if divides and any(UNIT.match(text) for text in said):
            yield f"{module.path}:{function.lineno}: {function.name}"


UNIT = re.compile(r" ?(min|minutes?|h|hours?|d|days?)\b")


def count(findings: Callable[[House], Iterable[str]]) -> Callable[[House], float]:
    return lambda house: len(list(findings(house)))


def above(limit: int) -> Callable[[House], Iterator[str]]:
    return lambda house: large(house, limit)


def about(service: str) -> Callable[[House], Iterator[str]]:
    return lambda house: naming(house, service)


COUNTED: Mapping[str, tuple[str, Callable[[House], Iterator[str]]]] = {
    "modules-over-400": ("modules over 400 lines", above(400)),
    "modules-over-500": ("modules over 500 lines", above(500)),
    "crowded-rooms": (f"rooms with more than {LARGEST_ROOM} files", crowded),
    **{f"naming-{one.lower()}": (f"files that name {one} outside its room", about(one)) for one in SERVICES},
    "same-class-name": ("class names defined more than once", same_name),
    "worlds": ("classes whose name ends in World", worlds),
    "hollow-interfaces": ("interface.py without an interface", hollow),
    "file-circles": ("circles of imports between files", file_circles),
    "room-circles": ("circles of imports between rooms", room_circles),
    "upward-arrows": ("imports from a floor to one above it", upward),
    "loose-mappings": ("loose mappings (str to Any or object)", loose),
    "rulers": ("comments that are rulers, tests included", rulers),
    "readable-times": ("functions that make a duration readable", readable_times),
}
MEASURED: Mapping[str, tuple[str, Callable[[House], float]]] = {
    "largest-module": ("lines of the largest module", lambda house: max(m.lines for m in house.modules)),
    "largest-room": ("files of the largest room", lambda house: max(map(len, house.rooms.values()))),
    "function-median": ("lines of a function, median", lambda house: statistics.median(house.lengths)),
    "function-p90": ("lines of a function, nine in ten", lambda house: house.lengths[len(house.lengths) * 9 // 10]),
    "function-max": ("lines of the longest function", lambda house: house.lengths[-1]),
    **{name: (label, count(findings)) for name, (label, findings) in COUNTED.items()},
}
MORE_IS_BETTER: Mapping[str, tuple[str, Callable[[House], float]]] = {
    "short-functions": ("functions of 15 lines or fewer, %", lambda house: percent(house.lengths)),
    "test-to-code": ("lines of tests for one of code", lambda house: round(code(house.tests) / code(house.modules), 2)),
}
TOLD: Mapping[str, tuple[str, Callable[[House], float]]] = {
    "modules": ("modules", lambda house: len(house.modules)),
    "code": ("lines of code", lambda house: code(house.modules)),
    "public-names": ("public functions and classes of modules", count(public)),
    "comments": ("comments with a line of their own", count(comments)),
}
"""What is shown and judged by nobody: it grows with what the tool can do."""
FIGURES = {**TOLD, **MEASURED, **MORE_IS_BETTER}


def percent(lengths: Sequence[int]) -> float:
    return round(100 * sum(1 for one in lengths if one <= 15) / len(lengths), 1)


def code(modules: Sequence[Module]) -> int:
    return sum(module.code for module in modules)


def worse(name: str, value: float, budget: float) -> bool:
    return name not in TOLD and (value < budget if name in MORE_IS_BETTER else value > budget)


def table(figures: Mapping[str, float], kept: Mapping[str, Mapping[str, float]]) -> str:
    """The figures beside those of the start and of the budget, as Markdown."""
    columns = [(title, kept[key]) for title, key in (("at the start", "start"), ("at most", "budget")) if key in kept]
    head = ["", *(title for title, _ in columns), "now"]
    rows = [
        [label, *(shown(column.get(name)) for _, column in columns), shown(figures[name]) + mark(name, figures, kept)]
        for name, (label, _) in FIGURES.items()
    ]
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = [head, ["-" * width for width in widths], *rows]
    return "\n".join("| " + " | ".join(map(str.ljust, line, widths)) + " |" for line in lines)


def shown(value: float | None) -> str:
    return "" if value is None else f"{value:g}"


def mark(name: str, figures: Mapping[str, float], kept: Mapping[str, Mapping[str, float]]) -> str:
    budget = kept.get("budget", {}).get(name)
    return " WORSE" if budget is not None and worse(name, figures[name], budget) else ""


def keep(figures: Mapping[str, float], kept: Mapping[str, Mapping[str, float]]) -> None:
    told = {**kept, "budget": {name: value for name, value in figures.items() if name not in TOLD}}
    parts = [f"[{part}]\n" + "".join(f"{n} = {v:g}\n" for n, v in values.items()) for part, values in told.items()]
    BUDGET.write_text(
        "# Written by house.py --keep: the figures at the start, and what they may be at most now.\n\n"
        + "\n".join(parts),
        "utf-8",
    )


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--where", choices=sorted(COUNTED), help="what one figure counts")
    parser.add_argument("--keep", action="store_true", help="today's figures become the budget")
    parser.add_argument("--root", type=Path, help="another checkout, judged by nobody")
    asked = parser.parse_args(arguments)
    house = House(asked.root or CHECKOUT)
    if asked.where:
        print("\n".join(COUNTED[asked.where][1](house)))
        return 0
    figures = {name: measure(house) for name, (_, measure) in FIGURES.items()}
    kept = {} if asked.root else tomllib.loads(BUDGET.read_text("utf-8"))
    if asked.keep:
        keep(figures, kept)
        return 0
    print(table(figures, kept))
    broken = [name for name in figures if mark(name, figures, kept)]
    if broken:
        print(f"\nWorse than bench/house.toml allows: {', '.join(broken)}.", file=sys.stderr)
    for name in [name for name in broken if name in COUNTED][:1]:
        print(f"  next: python bench/house.py --where {name}", file=sys.stderr)
    return 1 if broken else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
