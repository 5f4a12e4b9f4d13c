"""What config files say about reviews and about the files that judge the work."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import pytest

from fabrik.config.model import Config, Limits, Review, Settings
from fabrik.config.read import ConfigErrors, load_config
from fabrik.config.resolve import resolve


def load(directory: Path, *, project: str = "", user: str = "", flags: Settings | None = None) -> Config:
    (directory / "fabrik.toml").write_text(project)
    (directory / "user.toml").write_text(user)
    return load_config(directory, directory / "user.toml", {}, flags)


def problems(directory: Path, *, project: str = "", user: str = "") -> list[str]:
    with pytest.raises(ConfigErrors) as caught:
        load(directory, project=project, user=user)
    assert all(problem.todo for problem in caught.value.problems if "must " not in problem.what)
    return [f"{Path(p.file).name}: {p.where}: {p.what}" for p in caught.value.problems]


EVERYTHING = """
protected = ["default", "/golden/", "!/golden/notes.md"]
[review]
enabled = true
reviewers = ["security", "house-rules"]
light = []
rounds = 1
agent = "codex"
models = { _default = "gpt-5.5", security = "gpt-5.5-pro" }
verify_agent = "claude"
verify_model = "opus"
[limits]
review = "5m"
"""


def test_everything_that_both_files_can_say(tmp_path: Path) -> None:
    expected = Config(
        protected=("default", "/golden/", "!/golden/notes.md"),
        limits=Limits(),
        review=Review(
            enabled=True,
            reviewers=("security", "house-rules"),
            light=(),
            rounds=1,
            seconds=300,
            agent="codex",
            models={"_default": "gpt-5.5", "security": "gpt-5.5-pro"},
            verify_agent="claude",
            verify_model="opus",
        ),
    )
    assert load(tmp_path, project=EVERYTHING) == expected
    assert load(tmp_path, user=EVERYTHING) == expected


def test_what_only_a_user_can_say(tmp_path: Path) -> None:
    text = """
    protected = []
    [review]
    enabled = false
    rounds = 50
    agent = "my.own:agent"
    verify_agent = "my.own:verifier"
    [limits]
    review = "unlimited"
    """
    config = load(tmp_path, user=text)
    assert config.protected == ()
    assert config.review == Review(
        enabled=False, rounds=50, seconds=None, agent="my.own:agent", verify_agent="my.own:verifier"
    )
    assert problems(tmp_path, project=text) == [
        "fabrik.toml: protected: a project cannot leave its tests and checks unprotected",
        "fabrik.toml: review.enabled: a project cannot turn its own reviews off",
        "fabrik.toml: review.rounds: a project can ask for 5 rounds at the most",
        "fabrik.toml: review.agent: 'my.own:agent' is no name that a project may choose",
        "fabrik.toml: review.verify_agent: 'my.own:verifier' is no name that a project may choose",
    ]
    assert problems(tmp_path, project='[limits]\nreview = "unlimited"') == [
        "fabrik.toml: limits.review: a project cannot lift a limit"
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("review = false", "review: must be an object, not true or false"),
        ("[review]\nenabled = 0", "review.enabled: must be true or false, not a number"),
        ("[review]\nrevewers = []", "review.revewers: is not a known key"),
        ("[review]\nreviewers = []", "review.reviewers: no reviewer is named"),
        ("[review]\nreviewers = 'security'", "review.reviewers: must be a list, not a text"),
        ("[review]\nreviewers = ['Security']", "review.reviewers[0]: 'Security' is no reviewer's name"),
        ("[review]\nlight = ['../x']", "review.light[0]: '../x' is no reviewer's name"),
        ("[review]\nrounds = -1", "review.rounds: must be at least 0"),
        ("[review]\nrounds = 1.5", "review.rounds: must be a whole number"),
        ("[review]\nrounds = 'unlimited'", "review.rounds: must be a whole number, not a text"),
        ("[review]\nmodels = 'opus'", "review.models: must be an object, not a text"),
        ("[review.models]\nsecurity = 1", "review.models.security: must be a text in quotes, not a number"),
        ("[review.models]\nsecurity = ''", "review.models.security: must not be empty"),
        ("[review]\nverify_model = ' '", "review.verify_model: must not be empty"),
        ("[limits]\nreview = '5x'", "limits.review: must be a length of time"),
        ("protected = 'tests/**'", "protected: must be a list, not a text"),
        ("protected = ['tests/**', '']", "protected[1]: must not be empty"),
        ("protected = ['~/x']", "protected[0]: '~/x' is not within the project"),
        ("protected = ['./x']", "protected[0]: './x' is no glob of paths"),
        ("protected = ['# x']", "protected[0]: '# x' is no glob of paths"),
        ("protected = ['!']", "protected[0]: '!' is no glob of paths"),
        ("protected = ['[x']", "protected[0]: '[x' is no glob of paths"),
        ("protected = ['../x']", "protected[0]: '../x' is not within the project"),
        ("protected = ['tests\\x']", "protected[0]: 'tests\\\\x' is no glob of paths"),
    ],
)
def test_one_mistake_gives_one_problem(tmp_path: Path, text: str, expected: str) -> None:
    (problem,) = problems(tmp_path, project=text)
    assert problem.startswith(f"fabrik.toml: {expected}")
    (tmp_path / "fabrik.toml").unlink()
    (problem,) = problems(tmp_path, user=text)
    assert problem.startswith(f"user.toml: {expected}")


def test_all_mistakes_of_both_files_at_once(tmp_path: Path) -> None:
    found = problems(
        tmp_path,
        user="protected = ['~x']\n[review]\nrounds = 'two'",
        project="[review]\nenabled = false\nlight = ['A', 'b', 'C']\nmodel = 'x'",
    )
    assert [line.split(": ")[:2] for line in found] == [
        ["user.toml", "protected[0]"],
        ["user.toml", "review.rounds"],
        ["fabrik.toml", "review.enabled"],
        ["fabrik.toml", "review.light[0]"],
        ["fabrik.toml", "review.light[2]"],
        ["fabrik.toml", "review.model"],
    ]


@pytest.mark.parametrize(
    ("name", "field", "flag", "project", "user", "expected"),
    [
        ("review_enabled", "enabled", ..., ..., ..., True),
        ("review_enabled", "enabled", ..., ..., False, False),
        ("review_enabled", "enabled", ..., True, False, True),
        ("review_enabled", "enabled", False, True, ..., False),
        ("review_rounds", "rounds", ..., ..., ..., 2),
        ("review_rounds", "rounds", ..., 5, ..., 5),
        ("review_rounds", "rounds", ..., 5, 1, 1),
        ("review_rounds", "rounds", ..., 0, 3, 0),
        ("review_rounds", "rounds", 9, 0, 3, 9),
        ("review_rounds", "rounds", 0, 5, 3, 0),
        ("review_seconds", "seconds", ..., 60.0, 90.0, 60.0),
        ("review_seconds", "seconds", ..., ..., None, None),
        ("reviewers", "reviewers", ..., ("a",), ("b",), ("a",)),
        ("light_reviewers", "light", ..., (), ("b",), ()),
        ("review_agent", "agent", "pi", "codex", "claude", "pi"),
        ("review_models", "models", ..., {"a": "x"}, {"_default": "y"}, {"a": "x"}),
        ("verify_agent", "verify_agent", ..., ..., "claude", "claude"),
        ("verify_model", "verify_model", "z", "x", ..., "z"),
    ],
)
def test_which_setting_holds(
    name: str, field: str, flag: Any, project: Any, user: Any, expected: Any
) -> None:
    def said(what: Any) -> Settings:
        return cast("Settings", {} if what is ... else {name: what})

    config = resolve(flags=said(flag), project=said(project), user=said(user))
    assert getattr(config.review, field) == expected


def test_the_shipped_list_holds_until_somebody_says_another() -> None:
    assert resolve().protected is None
    assert resolve(user=Settings(protected=("a",))).protected == ("a",)
    both = resolve(user=Settings(protected=("a",)), project=Settings(protected=("default", "b")))
    assert both.protected == ("default", "b")
