"""What the checks need to know of the public headers."""

import re
from collections import namedtuple
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent

# A function of the public API: where it is declared, and its documentation comment or None.
Function = namedtuple("Function", "name header line comment")

DECLARATION = re.compile(
    r"(?P<comment>/\*\*(?:(?!\*/).)*\*/)?\s*^(?P<start>SUBX_API)\b[^;{(]*?\b(?P<name>\w+)\s*\(",
    re.MULTILINE | re.DOTALL,
)


def public_headers(tree=TREE):
    """Paths of the headers that users include."""
    return sorted((tree / "include").rglob("*.h"))


def declared_functions(tree=TREE):
    """All functions declared with SUBX_API."""
    found = []
    for header in public_headers(tree):
        text = header.read_text(encoding="utf-8")
        for match in DECLARATION.finditer(text):
            line = text.count("\n", 0, match.start("start")) + 1
            found.append(Function(match["name"], header.relative_to(tree), line, match["comment"]))
    return found
