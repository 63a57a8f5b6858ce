"""The simulator of labelled releases lives with the benches; these tests judge what it makes."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2] / "bench"))
