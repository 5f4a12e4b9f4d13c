"""A secret in many encodings, sent down every path that leaves a sandbox, is found in no output of fabrik."""

from __future__ import annotations

import base64
import json
import quopri
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from harness import World

ENCODINGS: Mapping[str, Callable[[str], str]] = {
    "plain": lambda text: text,
    "base64": lambda text: base64.b64encode(text.encode()).decode(),
    "base64, shifted": lambda text: base64.b64encode(f"x{text}".encode()).decode(),
    "base64, URL-safe": lambda text: base64.urlsafe_b64encode(f"xy{text}".encode()).decode().rstrip("="),
    "base64, lines": lambda text: base64.encodebytes(f"{text} and {text}".encode()).decode(),
    "URL": lambda text: quote(text, safe=""),
    "URL, every byte": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "JSON, slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "JSON, every character": lambda text: "".join(f"\\u{ord(char):04x}" for char in text),
    "hex": lambda text: text.encode().hex(),
    "hex, upper": lambda text: text.encode().hex().upper(),
    "HTML": lambda text: "".join(f"&#{ord(char)};" for char in text),
    "quoted-printable": lambda text: quopri.encodestring(text.encode()).decode(),
    "shell": lambda text: "".join(char if char.isalnum() else f"\\{char}" for char in text),
    "URL of base64": lambda text: quote(base64.b64encode(text.encode()).decode(), safe=""),
    "base64 of JSON": lambda text: base64.b64encode(json.dumps([text]).encode()).decode(),
}


def _found(secret: str, forms: Mapping[str, str], data: bytes) -> list[str]:
    """The encodings that are in the data; broken lines and JSON's own escapes do not hide them."""
    flat = data.replace(b"\\\\", b"\\").replace(b"\\n", b"").replace(b"\n", b"")
    return [
        name
        for name, form in forms.items()
        if form.encode() in data or form.replace("\n", "").encode() in flat
        or json.dumps(form)[1:-1].encode() in data
    ]  # fmt: skip


def _everything(*places: Path) -> dict[Path, bytes]:
    files = [path for place in places for path in sorted(place.rglob("*")) if path.is_file()]
    return {path: path.read_bytes() for path in files if ".git" not in str(path)}


@pytest.fixture
def secret() -> str:
    return f"sk-canary/{secrets.token_urlsafe(18)}+A="


def test_a_secret_in_every_encoding_is_in_no_output(tmp_path: Path, secret: str) -> None:
    world = World(tmp_path)
    reviews = '[review]\nreviewers = ["security"]\nlight = ["code-quality"]\nrounds = 1\n'
    world.make_project({"README.md": "# project\n", "fabrik.toml": reviews})
    forms = {name: encode(secret) for name, encode in ENCODINGS.items()}
    everything = "\n".join(f"[{name}] {form}" for name, form in forms.items())
    spec = world.make_spec(
        tasks=1, checks=[{"name": "task 1", "run": "cat leak.txt; cat leak.txt >&2; test -e done-1.txt"}]
    )
    script = tmp_path / "script.json"
    script.write_text(
        json.dumps(
            {
                "v": 1,
                "sessions": {
                    "task/1/implement#1*": [
                        {"say": everything},
                        {"print": everything + "\n"},
                        {"print": everything + "\n", "to": "stderr"},
                        {"write": "leak.txt", "text": everything + "\n"},
                        {"commit": f"Leak {everything}"},
                        {"run": f"git branch leak-{forms['hex']}; git tag v-{forms['hex, upper']}"},
                        {"report": {"v": 1, "status": "done", "issues": [everything], "next": [everything]}},
                    ],
                    "task/1/implement#2*": [
                        {"write": "done-1.txt", "text": "1"},
                        {"report": {"v": 1, "status": "done", "work": [everything], "tests": [everything]}},
                    ],
                    "role:implement": [{"say": everything}],
                    "role:fix": [
                        {"say": everything}, {"write": "done-1.txt", "text": "1\n"}, {"commit": everything},
                        {"report": {"v": 1, "status": "done", "work": [everything]}},
                    ],
                    "role:review": [
                        {"print": everything},
                        {"review": {"status": "changes_requested", "issues": [f"leak.txt:1: {everything}"]}},
                    ],
                    "role:verify": [
                        {"verify": {"criteria": "all", "where": "task 1"}},
                    ],
                },
            }
        )
    )  # fmt: skip
    world.environment["MY_SERVICE_TOKEN"] = secret
    world.fabrik(
        *("run", "--spec", spec, "--project", world.project, "--agent", "scripted"),
        *("--agent-script", script, "--attempts", "3"),
        status=None,
    )
    run = world.last()
    shown = {
        command: world.fabrik(*command.split(), status=None)
        for command in (
            f"runs show {run.id}", f"runs show {run.id} --json", f"why {run.id}", f"runs logs {run.id}",
            f"runs logs {run.id} --worker", "runs list", f"run attach {run.id}",
            f"runs logs {run.id} --step task/1/implement#1",
            f"runs logs {run.id} --step task/1/implement#1 --stderr",
            f"runs logs {run.id} --step task/1/checks#2",
        )
    }  # fmt: skip
    said = {name: (done.stdout + done.stderr).encode() for name, done in shown.items()}
    assert b"[redacted]" in said[f"runs logs {run.id} --step task/1/implement#1"], said
    files = _everything(world.home)
    outputs = {
        str(path): data
        for path, data in files.items()
        if not {"sandboxes", "repo.git", "base.git", "inputs"} & set(path.relative_to(world.home).parts)
    }
    assert any(path.endswith("ledger.db") for path in outputs)
    assert any(path.endswith("evidence.md") for path in outputs)
    found = {
        place: names for place, data in {**outputs, **said}.items() if (names := _found(secret, forms, data))
    }
    assert not found, f"{run.status} {run.failure_reason}"
    assert run.status == "waiting", run.failure_reason
    (gate,) = _gates(world)[-1:]
    assert "leak.txt" in gate, "the human is told which file holds it"


def _gates(world: World) -> list[str]:
    from harness import rows

    return [str(row) for row in rows(world, "SELECT * FROM human_gate ORDER BY number")]
