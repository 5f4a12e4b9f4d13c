"""`fabrik messages send|receive|ack|list`, as processes of their own."""

from __future__ import annotations

import json
import os
import re
import subprocess
from pathlib import Path

import pytest
from ledgers import Fabrik, command

DOCUMENTED = (Path(__file__).parents[2] / "src/fabrik/manual/pages/messages.md").read_text()


@pytest.fixture
def talk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("FABRIK_MESSAGES", str(tmp_path / "talk"))
    return tmp_path / "talk"


def test_send_receive_acknowledge(fabrik: Fabrik, talk: Path) -> None:
    sent = fabrik(
        "messages", "send", "--from", "builder", "--to", "reviewer,human", "--re", "parser", "Right?"
    )
    assert (sent.returncode, "to reviewer, human" in sent.stdout, "new here" in sent.stdout) == (
        0,
        True,
        True,
    )
    got = fabrik("messages", "receive", "reviewer")
    first, *rest = got.stdout.split("\n")
    receipt = first.removeprefix("receipt: ")
    assert rest[:3] == ["from: builder", "to: reviewer, human", "re: parser"]
    assert rest[-3:] == ["", "Right?", ""]
    shown = fabrik("messages", "list").stdout
    assert re.search(r"^reviewer  0 new, 1 taken, 0 done\n  taken .* parser  until ", shown, re.MULTILINE)
    assert "acknowledged" in fabrik("messages", "ack", receipt).stdout
    again = fabrik("messages", "ack", receipt)
    assert (again.returncode, "before" in again.stdout) == (0, True)
    nothing = fabrik("messages", "receive", "reviewer", "--wait", "0.05")
    assert (nothing.returncode, nothing.stdout) == (4, "")
    assert "done" not in fabrik("messages", "list", "reviewer").stdout.split("\n", 1)[1]
    assert "parser" in fabrik("messages", "list", "reviewer", "--all").stdout


def test_json_as_documented(fabrik: Fabrik, talk: Path) -> None:
    sent = json.loads(
        fabrik("messages", "send", "--from", "a", "--to", "b", "--id", "x", "hi", "--json").stdout
    )
    assert sent == {"id": "x", "delivered": ["b"], "before": [], "made": ["b"]}
    [inbox] = json.loads(fabrik("messages", "list", "--json").stdout)
    got = json.loads(fabrik("messages", "receive", "b", "--json").stdout)
    acked = json.loads(fabrik("messages", "ack", got["receipt"], "--json").stdout)
    assert acked == {"receipt": got["receipt"], "before": False}
    assert json.loads(fabrik("messages", "receive", "b", "--json").stdout) is None
    assert json.loads(fabrik("messages", "list", "b", "--json").stdout)[0]["messages"] == []
    assert (inbox["messages"][0]["body"], got["body"], got["from"]) == ("hi\n", "hi\n", "a")
    for document in (sent, inbox, inbox["messages"][0], got, acked):
        assert [name for name in document if f"`{name}`" not in DOCUMENTED] == []


def test_a_body_on_standard_input_and_its_bound(talk: Path) -> None:
    def send(body: bytes) -> subprocess.CompletedProcess[bytes]:
        arguments = command("messages", "send", "--from", "a", "--to", "b")
        return subprocess.run(arguments, input=body, capture_output=True, check=False)

    assert send("Grüße\n".encode()).returncode == 0
    long = "€".encode() * 60_000  # a character of it ends beyond all that is read
    for body, said in (
        (b"\xff", b"no UTF-8"), (b"x" * 70_000, b"65,536"), (long, b"65,536"), (b"a\0", b"NUL")
    ):  # fmt: skip
        done = send(body)
        assert (done.returncode, said in done.stderr) == (2, True)
    assert len(list((talk / "b" / "new").iterdir())) == 1


def test_what_others_wrote_is_made_safe_for_a_terminal(fabrik: Fabrik, talk: Path) -> None:
    fabrik("messages", "send", "--from", "a", "--to", "b", "x \x1b]0;owned\x07\x1b[31mred")
    (talk / "b" / "new" / "z.md").write_text("from: \x1b[31mevil\nre: \x1b]0;x\x07\n\nbody")
    (talk / "b" / "new" / "\x1b[31m").write_text("")
    for arguments in (("list",), ("receive", "b"), ("receive", "b")):
        done = fabrik("messages", *arguments)
        assert (done.returncode, "\x1b" in done.stdout, "\x07" in done.stdout) == (0, False, False)


def test_what_is_wrong_is_told_in_one_message(fabrik: Fabrik, talk: Path) -> None:
    for arguments, said in (
        (("send", "--from", "../x", "--to", "b", "hi"), "a name has up to 32"),
        (("send", "--from", "a", "--to", ",", "hi"), "1 to 16 recipients"),
        (("ack", "nonsense"), "'nonsense' is no receipt"),
        (("ack", "../b/x"), "'../b/x' is no receipt"),
        (("send", "--from", "a", "--to", "b", ""), "body: is empty"),
        (("send", "--from", "a", "--to", "b", " \n"), "body: is empty"),
        (("ack", "b/20261120T182100.123456789Z.a.b~20261120T183100Z-9c0d11e2"), "holds no message"),
        (("list", "nobody"), "no such inbox"),
        (("receive", "b", "--lease", "0"), "--lease"),
        (("receive", "b", "--holder", "999999999"), "no such process"),
    ):
        done = fabrik("messages", *arguments)
        assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False), (
            done.stderr
        )
    assert "FABRIK_MESSAGES" in fabrik("messages", "send", "--help").stdout
    missing = {name: value for name, value in os.environ.items() if name != "FABRIK_MESSAGES"}
    done = subprocess.run(
        command("messages", "list"), env=missing, capture_output=True, text=True, check=False
    )
    assert (done.returncode, "--dir" in done.stderr) == (2, True)


def test_a_refused_message_makes_no_inbox(fabrik: Fabrik, talk: Path) -> None:
    for body in ("", "x" * 70_000):
        assert fabrik("messages", "send", "--from", "a", "--to", "b,c", body).returncode == 2
    assert not talk.exists()
    fabrik("messages", "send", "--from", "a", "--to", "full", "hi")
    [first] = (talk / "full" / "new").iterdir()
    for number in range(1000):
        (first.parent / f"m{number}.md").write_bytes(first.read_bytes())
    refused = fabrik("messages", "send", "--from", "a", "--to", "fresh,full", "hi")
    assert (refused.returncode, "1001 messages wait" in refused.stderr) == (1, True)
    assert [path.name for path in talk.iterdir()] == ["full"]


def test_a_script_that_holds_and_dies_gives_back(fabrik: Fabrik, talk: Path) -> None:
    fabrik("messages", "send", "--from", "a", "--to", "b", "hi")
    receive = " ".join(f"'{word}'" for word in command("messages", "receive", "b"))
    script = subprocess.run(["sh", "-c", f"{receive} --lease 3600 --holder $$; true"], check=False)
    assert script.returncode == 0
    assert fabrik("messages", "receive", "b").returncode == 0
