"""Answers: the four protocols say the same, streamed or not, and the turn follows from the conversation."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from model_server_requests import (
    MODELS,
    PROTOCOLS,
    SHELL_TOOLS,
    VENDORS,
    Heard,
    ask,
    auth,
    events,
    hear,
    post,
    request,
)

from fabrik.gateway.counts import READERS
from fabrik.testing.model_server import (
    Answer,
    Conversation,
    ModelServer,
    Script,
    Session,
    Shell,
    Text,
    ToolCall,
    WriteFile,
)
from fabrik.testing.model_server.script import CLOSING, SIDE_ANSWER
from fabrik.usage import Usage, WireProtocol

pytestmark = pytest.mark.parametrize("protocol", PROTOCOLS)
both_ways = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
TWO_TASKS = Script(
    sessions=(
        Session(
            match="task 1", turns=(Shell("echo 'ä \"1\"' > one"), Shell("git commit -qam 1"), Text("One."))
        ),
        Session(match="task 2", turns=((Text("Both at once."), Shell("a"), Shell("b")), Text("Two."))),
    ),
)
COUNTS = Usage(
    input_tokens=11, cache_read_tokens=7, cache_write_tokens=5, output_tokens=3, reasoning_tokens=2, calls=1
)


def to_the_end(
    server: ModelServer, protocol: WireProtocol, prompt: str, *, stream: bool = True
) -> tuple[list[Heard], Heard]:
    """Play a client's loop; gives the answers with tool calls and the closing one."""
    rounds: list[Heard] = []
    while True:
        heard = hear(protocol, ask(server, protocol, prompt, rounds=rounds, stream=stream))
        if not heard.calls:
            return rounds, heard
        rounds.append(heard)


@both_ways
def test_a_session_is_played_to_its_end(protocol: WireProtocol, stream: bool) -> None:
    with ModelServer(TWO_TASKS) as server:
        rounds, last = to_the_end(server, protocol, "please do task 1", stream=stream)
    name, argument = SHELL_TOOLS[protocol]
    assert [(name_, given) for heard in rounds for _, name_, given in heard.calls] == [
        (name, {argument: "echo 'ä \"1\"' > one"}),
        (name, {argument: "git commit -qam 1"}),
    ]
    assert last.text == "One."


@both_ways
def test_several_tool_calls_in_one_answer_are_one_turn(protocol: WireProtocol, stream: bool) -> None:
    with ModelServer(TWO_TASKS) as server:
        (first,), last = to_the_end(server, protocol, "task 2", stream=stream)
    assert first.text == "Both at once."
    assert [list(given.values()) for _, _, given in first.calls] == [["a"], ["b"]]
    assert len({id_ for id_, _, _ in first.calls}) == 2
    assert last.text == "Two."


def test_a_session_that_ran_out_of_turns_is_closed(protocol: WireProtocol) -> None:
    with ModelServer(Script(sessions=[Session(turns=[Shell("true")])])) as server:
        rounds, last = to_the_end(server, protocol, "anything")
    assert len(rounds) == 1
    assert last.text == CLOSING.text


def test_a_new_prompt_in_the_same_conversation_starts_its_own_session(protocol: WireProtocol) -> None:
    with ModelServer(TWO_TASKS) as server:
        rounds, _ = to_the_end(server, protocol, "task 1")
        path, body = request(protocol, "task 1", rounds=rounds, stream=False, tools=True)
        said = {"role": "model", "parts": [{"text": "One."}]}
        if protocol == "gemini":
            body["contents"] += [said, {"role": "user", "parts": [{"text": "now task 2"}]}]
        else:
            turns = body["input" if protocol == "openai-responses" else "messages"]
            turns += [{"role": "assistant", "content": "One."}, {"role": "user", "content": "now task 2"}]
        url = server.url(VENDORS[protocol]) + path
        heard = hear(protocol, post(url, body, auth(protocol, "k")))
    assert heard.text == "Both at once."


def test_parallel_sessions_and_a_restart_do_not_mix_turns(protocol: WireProtocol) -> None:
    server = ModelServer(TWO_TASKS)
    with server:
        opening = hear(protocol, ask(server, protocol, "task 1"))
        port = server.port
    prompts = ["task 1", "task 2"] * 4
    with server, ThreadPoolExecutor(8) as pool:
        assert server.port == port
        going_on = hear(protocol, ask(server, protocol, "task 1", rounds=[opening]))
        ends = list(pool.map(lambda prompt: to_the_end(server, protocol, prompt)[1].text, prompts))
    assert list(going_on.calls[0][2].values()) == ["git commit -qam 1"]
    assert ends == ["One.", "Two."] * 4


def test_a_request_without_tools_does_not_use_up_turns(protocol: WireProtocol) -> None:
    with ModelServer(TWO_TASKS) as server:
        title = hear(protocol, ask(server, protocol, "a title for: do task 1", tools=False))
        rounds, last = to_the_end(server, protocol, "do task 1")
    assert (title.text, title.calls) == (SIDE_ANSWER.text, ())
    assert (len(rounds), last.text) == (2, "One.")


def test_a_script_of_texts_needs_no_tools(protocol: WireProtocol) -> None:
    with ModelServer(Script(sessions=[Session(turns=[Text("Hello.")])])) as server:
        assert hear(protocol, ask(server, protocol, "hi", tools=False)).text == "Hello."


def test_an_unknown_prompt_gets_the_default(protocol: WireProtocol) -> None:
    script = replace(TWO_TASKS, default=Session(turns=[Text("What?")]))
    with ModelServer(script) as server:
        assert hear(protocol, ask(server, protocol, "task 3")).text == "What?"


def test_the_brain_may_be_a_function_of_the_conversation(protocol: WireProtocol) -> None:
    def brain(conversation: Conversation) -> Shell | Text:
        done = len(conversation.results)
        return Shell(f"echo {done}") if done < 3 else Text(f"{conversation.results} {conversation.prompt}")

    with ModelServer(Script(sessions=[Session(turns=brain)])) as server:
        rounds, last = to_the_end(server, protocol, "count")
    assert [list(heard.calls[0][2].values()) for heard in rounds] == [["echo 0"], ["echo 1"], ["echo 2"]]
    assert last.text == "('ok', 'ok', 'ok') count"


@both_ways
def test_the_usage_stated_is_the_usage_logged(protocol: WireProtocol, stream: bool) -> None:
    script = Script(sessions=[Session(turns=[Answer((Shell("x"),), COUNTS), Answer((Text("y"),), COUNTS)])])
    with ModelServer(script) as server:
        rounds, last = to_the_end(server, protocol, "any", stream=stream)
        stated = [call.usage for call in server.calls]
        expected = server.expected_usage()
    for heard, usage in zip([*rounds, last], stated, strict=True):
        assert heard.usage is not None
        # The gateway's reader was written from the vendors' documents, without knowledge of this server.
        assert READERS[protocol](heard.usage).usage(cost_usd=None) == usage
    assert expected.calls == 2
    assert expected.total_tokens == 2 * 28
    assert expected.output_tokens == 6
    assert expected.reasoning_tokens == 4
    assert expected.cost_usd is None


def test_a_tool_that_is_not_offered_is_a_plain_error(protocol: WireProtocol) -> None:
    with ModelServer(TWO_TASKS) as server:
        path, body = request(protocol, "task 1", rounds=(), stream=True, tools=True)
        where = body["tools"][0]
        offer = where["functionDeclarations"][0] if protocol == "gemini" else where.get("function", where)
        offer["name"] = "telepathy"
        schema = offer.get("input_schema") or offer.get("parameters") or offer["parametersJsonSchema"]
        schema["properties"] = {"thought": {"type": "string"}}
        answer = post(server.url(VENDORS[protocol]) + path, body, auth(protocol, "k"))
    assert answer.status_code == 400
    assert "telepathy" in answer.text


def test_files_and_named_tools(protocol: WireProtocol) -> None:
    session = Session(
        turns=[WriteFile("docs/a b.md", "it's\n"), ToolCall("Read", {"path": "/x"}), Text("ok")]
    )
    with ModelServer(Script(sessions=[session])) as server:
        rounds, _ = to_the_end(server, protocol, "any")
    name, argument = SHELL_TOOLS[protocol]
    command = "mkdir -p docs && printf %s 'it'\"'\"'s\n' > 'docs/a b.md'"
    assert rounds[0].calls[0][1:] == (name, {argument: command})
    assert rounds[1].calls[0][1:] == ("Read", {"path": "/x"})


def test_the_log_has_what_was_asked(protocol: WireProtocol) -> None:
    with ModelServer(TWO_TASKS) as server:
        ask(server, protocol, "do task 1", key="sk-canary")
        (call,) = server.calls
    assert (call.kind, call.protocol, call.vendor) == ("generate", protocol, VENDORS[protocol])
    assert (call.model, call.prompt, call.stream) == (MODELS[protocol], "do task 1", True)
    assert (call.status, call.outcome, call.key) == (200, "answered", "sk-canary")
    assert "task 1" in str(call.body)
    assert call.headers["content-type"] == "application/json"
    assert "sk-canary" not in repr(call)


def test_streams_come_in_several_events(protocol: WireProtocol) -> None:
    with ModelServer(Script(sessions=[Session(turns=[Text("word " * 40)])])) as server:
        response = ask(server, protocol)
    assert len(events(response.text)) > 5
    assert hear(protocol, response).text == "word " * 40
