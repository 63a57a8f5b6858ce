from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releaseguard import tomlfile
from releaseguard.errors import ConfigError

TEXT = '''a = 1
[table]
"quoted key" = """
not = "a key"
"""
dotted.key = 2
[[rows]]
id = "one"
[[rows]]
id = "two"
[rows.inner]
x = 1
'''


def test_every_key_is_found_on_its_line():
    document = tomlfile.parse(TEXT, Path("f.toml"))
    expected = {
        ("a",): 1,
        ("table", "quoted key"): 3,
        ("table", "dotted", "key"): 6,
        ("rows", 0, "id"): 8,
        ("rows", 1, "id"): 10,
        ("rows", 1, "inner", "x"): 12,
    }
    assert {steps: document.where(*steps) for steps in expected} == {s: f"f.toml:{n}" for s, n in expected.items()}
    assert ("table", "not") not in document.lines


def test_a_key_without_a_line_falls_back_to_the_nearest_above():
    document = tomlfile.parse(TEXT, Path("f.toml"))
    assert document.where("rows", 1, "missing", "deep") == "f.toml:9"


@given(st.sampled_from(["lease", "prove_within", "destinations"]), st.data())
def test_one_slip_of_the_finger_is_forgiven(name, data):
    at = data.draw(st.integers(0, len(name) - 1))
    assert tomlfile.nearest(name[:at] + name[at + 1 :], ["lease", "prove_within", "destinations"]) == name


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-9"])
def test_a_file_in_another_encoding_is_told_which_one_it_needs(tmp_path, encoding):
    """PowerShell's ``>`` writes UTF-16, a Turkish editor of old its own code page."""
    path = tmp_path / "releaseguard.toml"
    path.write_bytes(f"# şğ\n{TEXT}".encode(encoding))
    with pytest.raises(ConfigError, match="is not UTF-8 text") as refused:
        tomlfile.read(path)
    assert refused.value.next_step == "Save it as UTF-8."


def test_a_byte_order_mark_before_a_file_is_none_of_its_text(tmp_path):
    path = tmp_path / "releaseguard.toml"
    path.write_bytes(b"\xef\xbb\xbf" + TEXT.encode())
    assert tomlfile.read(path).data == tomlfile.parse(TEXT, path).data
