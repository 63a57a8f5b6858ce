"""What is said to people in their own language: one file for each, with the same keys in all of them."""

from typing import Final

LANGUAGES: Final = ("en", "tr")
