"""What a real CLI's shell reaches from where it works: the gateway's two doors, nothing else of the host."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from canary import commands
from cli_world import COMMIT, CliWorld, Require, answers, cli_world, do, installed, plain, task
from harness import git, wait_for

from fabrik.agents.environment import PLACEHOLDER_KEY
from fabrik.testing.model_server import Hang, ModelServer, Script, Shell, Text

# Each program is put into the project, and the model runs it there; what it prints is committed.
KNOCK = """
import json, os, socket, sys
found = {}
for place in json.loads(sys.argv[1]):
    host, port = place
    try:
        socket.create_connection((host, port), timeout=3).close()
        found[f"{host} {port}"] = "open"
    except OSError as error:
        found[f"{host} {port}"] = type(error).__name__
json.dump(found, sys.stdout)
"""
FETCH = """
import json, sys, urllib.error, urllib.request
found = {}
for url in sys.argv[1:]:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            found[url] = [answer.status, answer.read().decode()]
    except urllib.error.HTTPError as error:
        found[url] = [error.code, error.read().decode()]
    except OSError as error:
        found[url] = [None, str(error)]
json.dump(found, sys.stdout)
"""
ASK = """
import json, sys, urllib.error, urllib.request
base, found = sys.argv[1], {}
body = json.dumps({"model": "claude-sonnet-4-5", "max_tokens": 10, "messages": [
    {"role": "user", "content": "Say hello."}]}).encode()
for name, path, headers in (
    ("own key", "/anthropic/v1/messages", {"x-api-key": "sk-of-the-agent"}),
    ("bearer", "/anthropic/v1/messages?key=sk-of-the-agent", {"authorization": "Bearer sk-of-the-agent"}),
    ("count", "/anthropic/v1/messages/count_tokens", {}),
    ("elsewhere", "/anthropic/v1/files", {}),
    ("upwards", "/anthropic/../../v1/messages", {}),
    ("absolute", "http://example.org/anthropic/v1/messages", {}),
):
    request = urllib.request.Request(base + path if path[0] == "/" else base, body, headers)
    if path[0] != "/":
        request.selector = path
    try:
        with urllib.request.urlopen(request, timeout=20) as answer:
            found[name] = [answer.status, answer.read().decode(), str(answer.headers)]
    except urllib.error.HTTPError as error:
        found[name] = [error.code, error.read().decode(), str(error.headers)]
json.dump(found, sys.stdout)
"""
PROGRAMS = {"README.md": "# project\n", "knock.py": KNOCK, "fetch.py": FETCH, "ask.py": ASK}
PYTHON = "/usr/bin/python3"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[CliWorld]:
    with cli_world(tmp_path, PROGRAMS) as made:
        yield made


def running(program: str, *arguments: str) -> list[Shell]:
    """The turns in which the model runs a program of the project, and does its task."""
    words = " ".join(f"'{argument}'" for argument in arguments)
    return [Shell(f"{PYTHON} {program}.py {words} > found.json && {COMMIT} 'Try'"), do(1)]


def playing(world: CliWorld, *turns: Shell | Hang | Text) -> ModelServer:
    sessions = [task(1, *turns, Text("Done."), of=1), *plain(2)]
    return ModelServer(Script(sessions=sessions), key=world.canary.key)


@contextmanager
def loopback_service() -> Iterator[tuple[int, list[str]]]:
    """An HTTP service of the host, its port and the requests that it got."""
    seen: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append(self.path)
            self.send_response(200)
            self.send_header("content-length", "5")
            self.end_headers()
            self.wfile.write(b"hello")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as service:
        thread = threading.Thread(target=service.serve_forever, daemon=True)
        thread.start()
        try:
            yield service.server_port, seen
        finally:
            service.shutdown()
            thread.join()


def addresses() -> list[str]:
    """Where this host could be reached: loopback, and the addresses of its own network."""
    found = {"127.0.0.1", "127.0.1.1", "localhost", "::1", "0.0.0.0"}
    found |= {str(row[4][0]) for row in socket.getaddrinfo(socket.gethostname(), None)}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; TEST-NET-1, so that only the route matters
            found.add(probe.getsockname()[0])
        except OSError:
            pass
    return sorted(found)


def test_no_port_of_the_host_is_reached(world: CliWorld, require: Require) -> None:
    cli = installed("claude", require)
    with loopback_service() as (port, seen), socket.create_server(("0.0.0.0", 0)) as everywhere:
        with ModelServer(Script()) as closed:
            ports = {"service": port, "models": closed.port, "everywhere": everywhere.getsockname()[1]}
            places = [[host, number] for host in addresses() for number in ports.values()]
            with playing(
                world, *running("knock", json.dumps([*places, ["127.0.0.1", 4180], ["127.0.0.1", 4181]]))
            ) as server:
                world.connect(server)
                world.ship(cli, tasks=1)
            assert closed.calls == ()
        everywhere.setblocking(False)
        with pytest.raises(BlockingIOError):
            everywhere.accept()
        assert seen == []
    found = json.loads(world.content("found.json"))
    assert found.pop("127.0.0.1 4180") == "open"  # the doors
    assert found.pop("127.0.0.1 4181") == "open"
    assert set(found) == {f"{host} {number}" for host, number in places}
    assert "open" not in found.values()


def test_the_models_door_adds_the_key_and_shows_it_to_nobody(world: CliWorld, require: Require) -> None:
    cli = installed("claude", require)
    with playing(world, *running("ask", "http://127.0.0.1:4180")) as server:
        world.connect(server)
        world.ship(cli, tasks=1)
        seen = [call for call in server.calls if call.kind != "other"]
        extra = [call for call in answers(server) if call.prompt == "Say hello."]
        assert server.calls == tuple(seen)  # nothing but what the door serves went out
    assert {call.key for call in seen} == {world.canary.key}
    assert [call.status for call in extra] == [200, 200]
    assert not any("sk-of-the-agent" in f"{call.path} {call.headers}" for call in seen)
    found = json.loads(world.content("found.json"))
    assert {name: status for name, (status, *_) in found.items()} == {
        "own key": 200,
        "bearer": 200,
        "count": 200,
        "elsewhere": 404,
        "upwards": 404,
        "absolute": 404,
    }
    assert not world.canary.within(world.content("found.json").encode())
    # What the shell asked is metered like what the CLI asks.
    assert len(world.calls("task/1/implement#1")) == len(answers(server))
    world.assert_clean()


def test_the_proxy_leads_to_what_is_allowed(tmp_path: Path, require: Require) -> None:
    cli = installed("claude", require)
    with loopback_service() as (port, seen), loopback_service() as (other, unseen):
        config = {"fabrik.toml": f'allow = ["localhost:{port}"]\n'}
        with cli_world(tmp_path, PROGRAMS | config) as world:
            urls = [
                f"http://localhost:{port}/one?two=3",
                f"http://localhost:{other}/",
                "http://refused.example/x",
                "https://refused.example/x",
            ]
            with playing(world, *running("fetch", *urls)) as server:
                world.connect(server)
                world.ship(cli, tasks=1)
            found = json.loads(world.content("found.json"))
            refused = [(event.data["host"], event.data["port"]) for event in world.events("egress.refused")]
            allowed = world.events("egress.allowed")
    assert seen == ["/one?two=3"]
    assert unseen == []
    assert found[urls[0]] == [200, "hello"]
    for url in urls[1:3]:
        assert found[url][0] == 403
        assert "not on the project's list of allowed hosts" in found[url][1]
    assert found[urls[3]][0] is None
    assert "403" in found[urls[3]][1]  # of the tunnel
    assert set(refused) >= {("localhost", other), ("refused.example", 80), ("refused.example", 443)}
    assert [(event.data["host"], event.data["port"]) for event in allowed] == [("localhost", port)]
    assert {event.step for event in allowed} == {"task/1/implement#1"}


def test_while_a_session_is_at_work_only_the_worker_has_the_key(world: CliWorld, require: Require) -> None:
    cli = installed("claude", require)
    with playing(world, Hang(times=1), do(1)) as server:
        world.connect(server)
        world.fabrik(*world.command(cli, tasks=1), "--detach")
        server.wait_for(lambda calls: any(call.kind == "generate" for call in calls), seconds=120)
        holders = commands(world.canary.in_processes())
        assert len(holders) == 1
        assert "fabrik.workflows.worker" in holders[0]
        assert world.canary.in_files(world.directory, world.doors) == []
        server.release()
        wait_for(lambda: world.last().status == "shipped", "the run ships")
    world.assert_clean()


@pytest.mark.parametrize("name", ["claude", "codex"])
def test_without_a_sandbox_the_gateway_is_used_all_the_same(
    name: str, world: CliWorld, require: Require
) -> None:
    cli = installed(name, require)
    look = Shell(f"{{ env; tr '\\0' '\\n' < /proc/$PPID/environ; }} > seen.txt && {COMMIT} 'Look'")
    with playing(world, look, do(1)) as server:
        world.connect(server)
        told = world.fabrik(*world.command(cli, tasks=1), "--sandbox", "none")
        expected = server.expected_usage()
        assert {call.key for call in answers(server)} == {world.canary.key}
    assert "NOTHING is protected" in told.stderr
    assert world.last().status == "shipped"
    assert len(world.calls()) == expected.calls == 3
    assert world.usage().total_tokens == expected.total_tokens
    seen = world.content("seen.txt")
    assert seen.count(PLACEHOLDER_KEY) >= 2  # of the shell and of its parent
    assert "http://127.0.0.1:" in seen
    assert not world.canary.within(seen.encode())
    assert git("branch", "--show-current", cwd=world.project) == "main"
    world.assert_clean()
