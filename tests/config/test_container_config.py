"""What config files say about containers: both name an image, and a project weakens nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from fabrik.config.model import Config, Containers
from fabrik.config.read import ConfigErrors, load_config


def config(directory: Path, project: str = "", user: str = "") -> Config:
    (directory / "fabrik.toml").write_text(project)
    (directory / "user.toml").write_text(user)
    return load_config(directory, directory / "user.toml", {})


def test_nothing_is_said(tmp_path: Path) -> None:
    assert config(tmp_path).containers == Containers(image="", runtime="")


def test_a_project_names_an_image_and_its_user_a_runtime(tmp_path: Path) -> None:
    made = config(
        tmp_path,
        project='sandbox = "podman"\n[containers]\nimage = "localhost/agents:1"',
        user='[containers]\nimage = "other"\nruntime = "crun"',
    )
    assert made.sandbox == "podman"
    assert made.containers == Containers(image="localhost/agents:1", runtime="crun")


def test_a_project_may_ask_for_a_kernel_of_its_own(tmp_path: Path) -> None:
    made = config(tmp_path, project='[containers]\nruntime = "runsc"', user='[containers]\nruntime = "runc"')
    assert made.containers.runtime == "runsc"


@pytest.mark.parametrize("runtime", ["runc", "/project/evil", "crun", ""])
def test_a_project_chooses_no_other_runtime(runtime: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="runtime"):
        config(tmp_path, project=f'[containers]\nruntime = "{runtime}"')


@pytest.mark.parametrize("image", ["--privileged", "-v/:/host", "a b", "", "$(id)", ".."])
@pytest.mark.parametrize("file", ["project", "user"])
def test_an_image_is_never_an_option(image: str, file: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="image"):
        config(tmp_path, **{file: f'[containers]\nimage = "{image}"'})


@pytest.mark.parametrize("name", ["none", "ssh:evil.example", "package.module:Class"])
def test_a_project_names_no_machine_and_no_class(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigErrors, match="sandbox"):
        config(tmp_path, project=f'sandbox = "{name}"')
