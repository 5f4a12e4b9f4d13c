"""What a user can say about reviews, seen in what is sealed when a run is dispatched."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from dispatch_kit import ids, models, project_says, review_of, reviewers, sealed, told, user_says, wrong
from harness import World
from trouble_kit import no_runs, refused, world_at

from fabrik.ledger.store import Ledger
from fabrik.prompts.render import reviewer_names, reviewer_prompt
from fabrik.tampering.protected import DEFAULT_PROTECTED

SHIPPED = (
    *("code-quality", "maintainability", "security", "simplicity"),
    *("tigerstyle", "correctness-guarantees", "test-coverage", "production-monitoring"),
)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return world_at(tmp_path)


def test_without_a_word_all_that_are_shipped_review(world: World) -> None:
    context = sealed(world)
    review = context.review
    assert review is not None
    assert ids(review) == (SHIPPED, ("code-quality", "maintainability"))
    assert (review.rounds, review.seconds, review.extra_prompt) == (2, 1200.0, None)
    assert review.agent == review.verifier == context.agent
    assert {one.model for one in review.full} == {None}
    assert context.protected == (*DEFAULT_PROTECTED, "/fabrik.toml")
    assert (context.may_change, context.feedback) == ((), ())
    inputs = next(world.home.glob("runs/*/inputs"))
    for one in review.full:
        copy = (inputs / one.prompt.copy).read_bytes()
        assert copy.decode() == reviewer_prompt(one.id)
        assert one.prompt.sha256 == hashlib.sha256(copy).hexdigest()
    assert set(reviewer_names()) == set(SHIPPED)


def test_no_review(world: World) -> None:
    assert sealed(world, no_review=True).review is None


def test_no_review_goes_with_nothing_that_says_how(world: World) -> None:
    options: list[str | Path] = ["--spec", world.make_spec(), "--project", world.project, "--no-review"]
    options += ["--agent-command", world.make_agent()]
    for option, value in (
        ("--review-max", "0"),
        ("--reviewers-dir", "x"),
        ("--review-prompt", "x"),
        ("--review-models", "x"),
        ("--review-agent", "command"),
        ("--review-agent-command", "x"),
        ("--review-agent-script", "x"),
        ("--verify-agent", "claude"),
        ("--verify-agent-command", "x"),
        ("--verify-agent-script", "x"),
        ("--verify-model", "x"),
    ):
        said = refused(world, "run", *options, option, value)
        assert f"--no-review and {option} exclude each other" in said
    assert no_runs(world)


@pytest.mark.parametrize("role", ["", "review-", "verify-"])
def test_a_program_that_nobody_would_start(world: World, role: str) -> None:
    options: list[str | Path] = ["--spec", world.make_spec(), "--project", world.project]
    agent, command, script = (f"--{role}agent{end}" for end in ("", "-command", "-script"))
    said = refused(world, "run", *options, agent, "claude", command, "x")
    assert f"{command} is for {agent} command, not for {agent} claude" in said
    said = refused(world, "run", *options, agent, "command", script, "x")
    assert f"{script} is for {agent} scripted, not for {agent} command" in said
    assert f"{command} and {script} exclude each other" in refused(
        world, "run", *options, command, "x", script, "x"
    )
    assert "--review-max" in refused(world, "run", *options, "--review-max", "-1")
    assert no_runs(world)


def test_the_users_own_file_can_turn_reviews_off_and_options_turn_them_on(world: World) -> None:
    user_says(world, "[review]\nenabled = false\n")
    assert sealed(world).review is None
    assert review_of(world, review_max=0).rounds == 0
    project_says(world, "[review]\nenabled = true\n")
    assert sealed(world).review is not None
    assert sealed(world, no_review=True).review is None


def test_a_project_cannot_turn_them_off(world: World) -> None:
    project_says(world, "protected = []\n[review]\nenabled = false\nreviewers = []\n")
    said = wrong(world)
    for key in ("protected", "review.enabled", "review.reviewers"):
        assert f"fabrik.toml: {key}: " in said
    assert "--no-review" in said


def test_reviewers_of_ones_own(world: World) -> None:
    directory = reviewers(world, security="Our own: {{spec}} größer\n", house_rules="Look at the house.\n")
    (directory / "README.md").write_text("# About\n")
    (directory / "notes.txt").write_text("x")
    (directory / "more").mkdir()
    (directory / ".gitkeep").write_text("")
    context, warnings = told(world, reviewers_dir=directory)
    assert context.review is not None
    assert ids(context.review)[0] == (*SHIPPED, "house-rules")
    chosen = {one.id: one.prompt for one in context.review.full}
    assert chosen["security"].path == str(directory / "security.md")
    inputs = next(world.home.glob("runs/*/inputs"))
    assert (inputs / chosen["security"].copy).read_text() == "Our own: {{spec}} größer\n"
    assert (inputs / chosen["house-rules"].copy).read_text() == "Look at the house.\n"
    assert (inputs / chosen["simplicity"].copy).read_text() == reviewer_prompt("simplicity")
    (warning,) = [text for text in warnings if "my reviewers" in text]
    assert "README.md, more, notes.txt" in warning and ".gitkeep" not in warning


def test_what_is_wrong_with_them_is_told_at_once(world: World) -> None:
    directory = reviewers(
        world,
        security=b"\xff\xfe",
        simplicity=" \n",
        tampering="x",
        verifier="x",
        SECURITY="x",
        **{"1st": "x", "a" * 41: "x", "ok": "x"},
    )
    (directory / "folder.md").mkdir()
    (directory / "away.md").symlink_to("nowhere")
    os.mkfifo(directory / "pipe.md")
    said = wrong(world, reviewers_dir=directory, review_models=models(world, {"okk": "m", "ok": 1}))
    for name, what in (
        ("security", "is not UTF-8 text"),
        ("simplicity", "is empty"),
        ("tampering", "'tampering' is fabrik's own look"),
        ("verifier", "'verifier' is the agent that looks for evidence"),
        ("SECURITY", "'SECURITY' is no name of a reviewer\n    → call it security.md"),
        ("1st", "'1st' is no name of a reviewer"),
        ("a" * 41, "is no name of a reviewer"),
        ("folder", "is not a file"),
        ("away", "is not there"),
        ("pipe", "is not a file"),
    ):
        assert f"{directory / name}.md: " in said and what in said
    assert "models.json: okk: there is no reviewer 'okk'\n    → did you mean `ok`?" in said
    assert "models.json: ok: must be a text" in said
    assert said.startswith("12 errors")


def test_a_directory_without_reviewers(world: World) -> None:
    nowhere = world.directory / "nowhere"
    assert f"{nowhere}: the directory cannot be read" in wrong(world, reviewers_dir=nowhere)
    assert "there is no reviewer's prompt in it" in wrong(world, reviewers_dir=reviewers(world))
    spec = world.make_spec()
    assert "cannot be read: Not a directory" in wrong(world, reviewers_dir=spec)


def test_the_configuration_picks(world: World) -> None:
    project_says(
        world, '[review]\nreviewers = ["house-rules", "security", "house-rules"]\nlight = ["security"]\n'
    )
    directory = reviewers(world, house_rules="x")
    assert ids(review_of(world, reviewers_dir=directory)) == (("house-rules", "security"), ("security",))
    project_says(world, '[review]\nreviewers = ["house-rules", "securty"]\nlight = ["simple", "security"]\n')
    user_says(world, '[review.models]\nmaintainable = "m"\nverifier = "m"\n_default = "m"\n')
    said = wrong(world)
    assert "review.reviewers: there is no reviewer 'house-rules'" in said
    assert "there is no reviewer 'securty'\n    → did you mean `security`?" in said
    assert "review.light: there is no reviewer 'simple'\n    → did you mean `simplicity`?" in said
    assert "review.models.maintainable: there is no reviewer" in said
    assert "review.models.verifier: the verifier is no reviewer" in said and "--verify-model" in said
    assert said.startswith("5 errors")


def test_light_reviews_by_nobody(world: World) -> None:
    user_says(world, "[review]\nlight = []\n")
    assert ids(review_of(world)) == (SHIPPED, ())


def test_prompt_for_every_reviewer(world: World) -> None:
    prompt = world.directory / "security.md"
    prompt.write_text("Be brief. ✓\n")
    found = review_of(world, review_prompt=prompt, review_max=5).extra_prompt
    assert found is not None and found.path == str(prompt)
    assert (next(world.home.glob("runs/*/inputs")) / found.copy).read_text() == "Be brief. ✓\n"
    prompt.write_bytes(b"\xff")
    assert "is not UTF-8" in wrong(world, review_prompt=prompt)
    assert "--review-prompt" in wrong(world, review_prompt=world.directory / "nowhere")


def test_models_for_reviewers(world: World) -> None:
    table = models(world, {"_default": "small", "security": "large"})
    user_says(world, '[review.models]\nsimplicity = "from-config"\n')
    context = sealed(world, review_models=table, model="main")
    review = context.review
    assert review is not None
    assert {one.id: one.model for one in review.full} == {
        **dict.fromkeys(SHIPPED, "small"),
        "security": "large",
    }
    assert (context.agent.model, review.agent.model, review.verifier.model) == ("main", "small", "small")
    review = review_of(world, model="main", verify_model="other")
    assert {one.id: one.model for one in review.full} == {
        **dict.fromkeys(SHIPPED, "main"),
        "simplicity": "from-config",
    }
    assert review.verifier.model == "other"


@pytest.mark.parametrize(
    ("content", "what"),
    [
        ("{", "line 1, column 2: is not valid JSON"),
        ("[]", "must be an object"),
        ('{"security": "a", "security": "b"}', "the key `security` is there twice"),
        ({"security": ""}, "security: must not be empty"),
        ({"security": None}, "security: must be a text"),
        ({"security": "a\nb"}, "security: 'a\\nb' is not the name of a model"),
        ({"verifier": "a"}, "verifier: the verifier is no reviewer"),
        ({"default": "a"}, "default: there is no reviewer 'default'\n  → did you mean `_default`?"),
    ],
)
def test_a_table_of_models_that_is_wrong(world: World, content: object, what: str) -> None:
    assert f"models.json: {what}" in wrong(world, review_models=models(world, content))


def test_protected_files(world: World) -> None:
    project_says(world, 'protected = ["golden/", "default", "!golden/notes.md"]\n')
    context = sealed(world, no_review=True)
    assert context.protected == ("golden/", *DEFAULT_PROTECTED, "!golden/notes.md", "/fabrik.toml")
    project_says(world, 'protected = ["golden/"]\n')
    assert sealed(world).protected == ("golden/", "/fabrik.toml")
    user_says(world, "protected = []\n")
    project_says(world, "")
    assert sealed(world).protected == ("/fabrik.toml",)


def test_what_a_spec_asks_to_change(world: World) -> None:
    spec = world.make_spec(mayChange=["tests/test_a.py", "*.snap"])
    context = sealed(world, spec=spec)
    assert context.may_change == ("tests/test_a.py", "*.snap")
    assert "tests/test_a.py" in context.spec_text
    bad = world.make_spec(mayChange=["/etc/passwd"])
    options: list[str | Path] = ["--spec", bad, "--project", world.project]
    assert "mayChange[0]: '/etc/passwd' is an absolute path" in refused(world, "run", *options)


def test_what_humans_said_about_earlier_runs(world: World) -> None:
    """Of the same spec, in words, and not in agreement: the newest ten, oldest first."""
    spec, other = world.make_spec(), world.make_spec(name="other")
    first = world.dispatch(spec=spec, project=world.project, agent_command=world.make_agent())
    elsewhere = world.dispatch(spec=other, project=world.project, agent_command=world.make_agent())
    with Ledger.open(world.home / "ledger.db") as ledger:
        for number in range(8):
            ledger.add_feedback(first, decision="noted", by="ada", notes=f"note {number}")
        ledger.add_feedback(first, decision="approved", by="ada", notes="fine")
        ledger.add_feedback(elsewhere, decision="noted", by="ada", notes="of another spec")
    second = world.dispatch(spec=spec, project=world.project, agent_command=world.make_agent())
    with Ledger.open(world.home / "ledger.db") as ledger:
        for number in range(4):
            ledger.add_feedback(second, decision="rejected", by="bob", notes=f"no {number}\nnever")
    found = sealed(world, spec=spec).feedback
    assert [said.notes for said in found] == [
        *(f"note {number}" for number in range(2, 8)),
        *(f"no {number}\nnever" for number in range(4)),
    ]
    assert {(said.run, said.decision, said.by) for said in found} == {
        (first, "noted", "ada"),
        (second, "rejected", "bob"),
    }
