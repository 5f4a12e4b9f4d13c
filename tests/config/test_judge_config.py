"""What config files say about judges, and who may open checks to models."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabrik.config.model import Config, Judge
from fabrik.config.read import ConfigErrors, load_config


def load(directory: Path, *, project: str = "", user: str = "") -> Config:
    (directory / "fabrik.toml").write_text(project)
    (directory / "user.toml").write_text(user)
    return load_config(directory, directory / "user.toml", {})


def test_nothing_said_leaves_checks_shut(tmp_path: Path) -> None:
    assert load(tmp_path).judge == Judge(fast=None, smart=None, in_checks=False)


def test_a_user_opens_them(tmp_path: Path) -> None:
    user = '[judge]\nfast = "claude-haiku-4-5"\nsmart = "openai/gpt-5.5"\nin_checks = true\n'
    expected = Judge(fast="claude-haiku-4-5", smart="openai/gpt-5.5", in_checks=True)
    assert load(tmp_path, user=user).judge == expected


def test_a_project_names_models_and_shuts(tmp_path: Path) -> None:
    project = '[judge]\nsmart = "gpt-5.5"\nin_checks = false\n'
    found = load(tmp_path, project=project, user='[judge]\nfast = "gpt-5"\nin_checks = true\n')
    assert found.judge == Judge(fast="gpt-5", smart="gpt-5.5", in_checks=False)


def test_a_project_cannot_open_them(tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors) as caught:
        load(tmp_path, project="[judge]\nin_checks = true\n")
    (problem,) = caught.value.problems
    assert problem.where == "judge.in_checks"
    assert "spend its user's money" in problem.what
    assert "their own config" in problem.todo


@pytest.mark.parametrize("text", ["fast = ''", "fast = 3", "in_checks = 'yes'", "model = 'x'"])
def test_mistakes_are_told(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigErrors):
        load(tmp_path, user=f"[judge]\n{text}\n")
