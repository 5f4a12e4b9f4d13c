"""The state of a run as its events alone tell it; an event that cannot follow those before it is refused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from ledger_model import OPEN, RESUMABLE, GateModel, Said

from fabrik.ledger.types import Event


@dataclass
class Story:
    """What follows from the events."""

    status: str = ""
    fence: int = 0
    cancel: bool = False
    progress: str = ""
    candidate: str | None = None
    attempts: dict[str, int] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    gates: dict[int, GateModel] = field(default_factory=dict)
    feedback: list[Said] = field(default_factory=list)
    notes: dict[int, Said] = field(default_factory=dict)
    changed: list[str] = field(default_factory=list)
    before: str | None = None  # the status before the gate that the event before this one has opened


def told_by(events: Iterable[Event]) -> Story:
    """Raises AssertionError when the events contradict each other."""
    story = Story()
    for event in events:
        area = event.kind.split(".")[0]
        if event.kind != "gate.approved":
            story.before = None
        {"run": _run, "gate": _gate, "step": _step, "feedback": _feedback}.get(area, _other)(story, event)
    return story


def _run(story: Story, event: Event) -> None:
    data = event.data
    match event.kind:
        case "run.created":
            story.status = "running"
        case "run.claimed":
            assert data["fence"] == story.fence + 1
            story.fence = data["fence"]
        case "run.verdict":
            assert story.status in OPEN
            story.status = data["verdict"]
        case "run.resumed":
            assert story.status in RESUMABLE or story.cancel
            story.status, story.cancel = "running", False
        case "run.waiting":
            story.status = "waiting"
        case "run.cancel_requested":
            story.cancel = True
        case "run.progress":
            story.progress = data["text"]
        case "run.candidate":
            story.candidate = data["commit"]


def _gate(story: Story, event: Event) -> None:
    number, marks = event.data["number"], tuple(event.data["marks"])
    assert number == max(story.gates, default=number) or number not in story.gates
    match event.kind:
        case "gate.opened":
            assert number > max(story.gates, default=0)
            story.before, story.status = story.status, "waiting"
            story.gates[number] = GateModel(marks=marks)
        case "gate.marked":
            assert story.gates[number].state == "open"
            assert story.gates[number].marks != marks
            story.gates[number].marks = marks
        case "gate.approved" | "gate.rejected":
            gate, decision = story.gates[number], event.kind.removeprefix("gate.")
            assert (gate.state, gate.marks) == ("open", marks)
            gate.state, gate.overriding = decision, event.data.get("overriding", False)
            story.feedback.append(Said(decision, gate=number, overriding=gate.overriding))
            if event.data["by"] == "in advance":
                story.status = story.before or story.status  # nothing waited for it


def _step(story: Story, event: Event) -> None:
    key, data = event.step or "", event.data
    match event.kind:
        case "step.started":
            assert story.states.get(key) != "finished"  # no finished step runs twice
            assert data["attempt"] == story.attempts.get(key, 0) + 1
            story.states[key], story.attempts[key] = "started", data["attempt"]
        case "step.finished" | "step.failed":
            assert (story.states[key], story.attempts[key]) == ("started", data["attempt"])
            story.states[key] = event.kind.removeprefix("step.")
        case "step.inputs_changed":
            assert story.states[key] == "finished"
            story.changed.append(key)


def _feedback(story: Story, event: Event) -> None:
    data = event.data
    match event.kind:
        case "feedback.noted":
            said = Said(data["decision"])
            story.feedback.append(said)
            assert data["id"] not in story.notes
            story.notes[data["id"]] = said
        case "feedback.used":
            assert story.states.get(data["step"]) != "finished"  # nobody would be told
            assert data["ids"]
            for number in data["ids"]:
                assert story.notes[number].used_by is None  # no note goes to two steps
                assert story.notes[number].decision == "noted"
                story.notes[number].used_by = data["step"]


def _other(story: Story, event: Event) -> None:
    assert event.kind in ("note", "task.report", "model.call")
