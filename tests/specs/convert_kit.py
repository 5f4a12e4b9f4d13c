"""What the tests of conversions share: there and back, and the words of a document."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from fabrik.specs.converting.comments import in_yaml
from fabrik.specs.converting.convert import convert, write
from fabrik.specs.front_matter import split
from fabrik.specs.model import Loaded, Spec
from fabrik.specs.read import load


def asked(loaded: Loaded) -> Spec:
    """The spec without where it came from."""
    return replace(loaded.spec, source="", path=Path())


def converted(path: Path, out: Path) -> Path:
    write(convert(path, out=out))
    return out


def there_and_back(path: Path) -> tuple[Path, Path]:
    """Convert twice, each time into a directory of its own unless held-out files tie it down."""
    first, second = (".json", ".md") if path.suffix == ".md" else (".md", ".json")
    middle = converted(path, path.with_name(f"middle{first}"))
    return middle, converted(middle, path.with_name(f"back{second}"))


def same(path: Path) -> tuple[Path, Path]:
    before = load(path)
    middle, back = there_and_back(path)
    for other in (middle, back):
        after = load(other)
        assert asked(after) == asked(before)
        assert after.todo == before.todo
    return middle, back


VERIFY = r"(?im)^(\W*)verif(?:y|ication)(?:\*\*|__)?\s*:"


def words(text: str) -> Counter[str]:
    """What a person wrote; not the keys of the front matter, nor the word before how a task is verified."""
    front = split(text, "", [])
    found = [front.body, *values_in(front.values), *in_yaml(front.source)]
    return Counter(re.findall(r"\w+", re.sub(VERIFY, r"\1", "\n".join(found))))


def values_in(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value
    return [text for one in inner for text in values_in(one)]
