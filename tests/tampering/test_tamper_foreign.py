"""Compiled programs, names that hide something, and new tests that replace things for all."""

# ruff: noqa: E501 (each source is one text)

from __future__ import annotations

import pytest
from tamper_kit import Case, Content

BASE: dict[str, Content] = {
    "shop/__init__.py": "",
    "shop/words.py": "def count(text):\n    return len(text.split())\n",
    "shop/app.py": "app = 1\n",
    "tests/__init__.py": "",
    "tests/test_words.py": "from shop import words\n\nclass WordsTest:\n    pass\n",
    ".gitignore": "build/\n*.o\n",
}
PE = b"MZ" + b"\0" * 58 + (64).to_bytes(4, "little") + b"PE\0\0"
BAD: dict[str, dict[str, Content | None]] = {
    "ELF": {"bin/rot": b"\x7fELF\2\1\1"},
    "Mach-O": {"bin/rot": b"\xcf\xfa\xed\xfe\x07"},
    "Windows": {"rot.exe": PE},
    "Java": {"x/Main.class": b"\xca\xfe\xba\xbe\0\0"},
    "wasm": {"lib/x.wasm": b"\0asm\1\0\0\0"},
    "a library": {"lib/x.a": b"!<arch>\nx"},
    "what the build makes": {".gitignore": "*.o\n", "build/rot": "#!/bin/sh\n"},
    "what the build makes, deeper": {".gitignore": None, "x/build/y/rot": "#!/bin/sh\n"},
    "bidi": {"a\u202egpj.exe": "x"},
    "zero width": {"shop/wo\u200brds.txt": "x"},
    "escape": {"\x1b[2Jshipped": "x"},
    "a filler": {"shop/\u3164.py": ""},
    "a line break in code": {"shop/a\n.py": ""},
}
TESTS_BAD = {
    "a test": "from tests.test_words import WordsTest\nWordsTest.test_count = lambda self: None\n",
    "a test beside it": "from .test_words import WordsTest as W\nW.test_count = print\n",
    "all tests": "from tests import test_words as t\nfor n in list(vars(t.WordsTest)):\n    delattr(t.WordsTest, n)\n",
    "the code": "from tests import test_words\ntest_words.WordsTest.test_count.__code__ = (lambda self: None).__code__\n",
    "the product": "from shop import words\nwords.count = lambda t: 1\n",
    "the product, in a test": "import shop.words\n\ndef test_a():\n    shop.words.count = lambda t: 1\n",
    "by another name": "from shop import words\nW = words\nW.count = len\n",
    "several": "from tests import test_words\nfor case in (test_words.WordsTest, test_words.Other):\n    setattr(case, 'test_a', len)\n",
    "by setattr": "import shop.words as w\nsetattr(w, 'count', len)\n",
    "by vars": "import shop.words as w\nvars(w)['count'] = len\n",
    "by the dictionary": "import shop.words as w\nw.__dict__['count'] = len\n",
    "by mock": "from unittest import mock\nmock.patch('shop.words.count', len).start()\n",
    "by mock of an object": "from unittest.mock import patch\nimport shop.words as w\npatch.object(w, 'count').start()\n",
    "a module": "import sys\nsys.modules['shop.words'] = object()\n",
}
TESTS_HONEST = {
    "settings": "from shop import words, app\nwords.LIMIT = 3\nwords.debug = True\napp.testing = True\n",
    "an app": "from shop.app import app\napp.config['X'] = 1\napp.overrides[len] = lambda: 1\napp.testing = True\n",
    "its own class": "from tests.test_words import WordsTest\nclass Mine(WordsTest):\n    pass\nMine.x = len\n",
    "an object": "from shop.words import Words\n\ndef test_a():\n    w = Words()\n    w.count = lambda t: 1\n",
    "with mock": "from unittest import mock\n\ndef test_a():\n    with mock.patch('shop.words.count', return_value=1):\n        pass\n",
    "mock that stops": "from unittest import mock, TestCase\nclass T(TestCase):\n    def setUp(self):\n        p = mock.patch('shop.words.count').start()\n        self.addCleanup(mock.patch.stopall)\n",
    "monkeypatch": "from shop import words\n\ndef test_a(monkeypatch):\n    monkeypatch.setattr(words, 'count', len)\n",
    "put back": "from shop import words\n\ndef test_a():\n    old = words.count\n    try:\n        words.count = len\n    finally:\n        words.count = old\n",
    "hardware that is not there": "import sys\nfrom unittest.mock import MagicMock\nsys.modules['RPi'] = MagicMock()\n",
    "its own variables": "import os\nimport logging\nos.environ['X'] = '1'\nlogging.raiseExceptions = False\n",
}
HONEST: dict[str, dict[str, Content | None]] = {
    "test data": {"tests/data/x.elf": b"\x7fELF\2\1\1"},
    "a text that begins like a program": {"notes.txt": "MZ is a magic number\n", "x.png": b"\x89PNG\r\n\0\0"},
    "what is ignored anew": {".gitignore": "build/\n*.o\ndist/\n", "src/x.c": "x"},
    "names of other scripts": {"docs/日本語 für.md": "x", "می\u200cخواهم.txt": "x", "x/👩\u200d💻.md": "x"},
    "data with a line break": {"tests/data/a\nb": "x"},
}


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_holds(name: str) -> None:
    after = {path: content for path, content in (BASE | BAD[name]).items() if content is not None}
    assert Case(BASE, after).held


@pytest.mark.parametrize("name", HONEST)
def test_other_files_do_not_hold(name: str) -> None:
    after = {path: content for path, content in (BASE | HONEST[name]).items() if content is not None}
    assert Case(BASE, after).held == ()


@pytest.mark.parametrize("name", TESTS_BAD)
def test_a_new_test_that_replaces_things_holds(name: str) -> None:
    assert "hook" in Case(BASE, BASE | {"tests/test_aaa.py": TESTS_BAD[name]}).held_kinds


@pytest.mark.parametrize("name", TESTS_HONEST)
def test_a_new_test_that_does_not_is_fine(name: str) -> None:
    assert Case(BASE, BASE | {"tests/test_new.py": TESTS_HONEST[name]}).held == ()
