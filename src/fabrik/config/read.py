"""Reads the project's `fabrik.toml` and the user's own config file."""

from __future__ import annotations

import os
import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from fabrik.config.documents import KEYS_OF_USERS, ProjectDocument, UserDocument, settings
from fabrik.config.model import Config, Settings
from fabrik.config.resolve import from_environment, resolve
from fabrik.problems import Problem, Problems, explain

PROJECT_FILE = "fabrik.toml"
MAX_BYTES = 1 << 20

_PLACE = re.compile(r"(.*) \(at (line \d+, column \d+|end of document)\)\Z", re.DOTALL)


class ConfigErrors(Problems):
    """Config files that cannot be used as they are."""


def user_config_path(environ: Mapping[str, str] | None = None) -> Path:
    """`$XDG_CONFIG_HOME/fabrik/config.toml`, else `~/.config/fabrik/config.toml`."""
    environ = os.environ if environ is None else environ
    base = environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser().absolute() / "fabrik" / "config.toml"


def load_config(
    project: Path | None,
    user_file: Path,
    environ: Mapping[str, str] | None = None,
    flags: Settings | None = None,
) -> Config:
    """The settings that hold in a project (None: there is no local one). Files need not exist.

    environ: the host's environment, by default that of this process. flags: what the command line says.
    Raises ConfigErrors with every problem of both files, UsageError for a wrong MAX_ITERATIONS.
    """
    problems: list[Problem] = []
    user = read_settings(user_file, problems, users_own=True)
    shared = read_settings(project / PROJECT_FILE, problems, users_own=False) if project else Settings()
    if problems:
        raise ConfigErrors(problems)
    environment = from_environment(os.environ if environ is None else environ)
    return resolve(flags=flags, environment=environment, project=shared, user=user)


def read_settings(path: Path, problems: list[Problem], *, users_own: bool) -> Settings:
    """What one file says. Problems are added to the list; a file that does not exist says nothing."""
    document = _parse(path, problems)
    if document is None:
        return Settings()
    model: type[ProjectDocument | UserDocument] = UserDocument if users_own else ProjectDocument
    refused = [] if users_own else [key for key in KEYS_OF_USERS if key in document]
    problems += [_for_users_only(path, key) for key in refused]
    try:
        checked = model.model_validate({key: value for key, value in document.items() if key not in refused})
    except ValidationError as error:
        problems += explain(error.errors(), model, str(path))
        return Settings()
    said = settings(checked)
    if not users_own:
        problems += _lifted(path, checked)
    return said


def _parse(path: Path, problems: list[Problem]) -> dict[str, Any] | None:
    file = str(path)
    try:
        if not path.exists():
            return None
        if not path.is_file():
            problems.append(Problem(file=file, what="is not a file"))
            return None
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
        if len(data) > MAX_BYTES:
            problems.append(Problem(file=file, what=f"is larger than {MAX_BYTES >> 20} MiB"))
            return None
        return tomllib.loads(data.decode("utf-8-sig"))
    except OSError as error:
        problems.append(Problem(file=file, what=f"cannot be read: {error.strerror}"))
    except UnicodeDecodeError:
        problems.append(Problem(file=file, what="is not UTF-8", todo="save it as UTF-8"))
    except tomllib.TOMLDecodeError as error:
        match = _PLACE.match(str(error))
        what, where = (match[1], match[2]) if match else (str(error), "")
        problems.append(Problem(file=file, where=where, what=f"is not valid TOML: {what}"))
    except (RecursionError, ValueError):  # tomllib: nested too deeply; an impossible date or number
        problems.append(Problem(file=file, what="is not valid TOML"))
    return None


def _for_users_only(path: Path, key: str) -> Problem:
    why = {
        "read_only": "it would show a project files of your machine",
        "path": "it would choose the programs that run",
        "env": "it would set variables in every sandbox",
        "gateway": "it would decide where your keys are sent",
    }[key]
    return Problem(
        file=str(path),
        where=key,
        what=f"is not for a project to set: {why}",
        todo=f"if you want it, put it into your own {user_config_path()}",
    )


def _lifted(path: Path, document: ProjectDocument | UserDocument) -> list[Problem]:
    """The bounds that a project takes away: only a user may."""
    limits = document.limits
    lifted = [name for name in sorted(limits.model_fields_set) if getattr(limits, name) is None]
    if "iterations" in limits.model_fields_set and limits.iterations == 0:
        lifted.append("iterations")
    return [
        Problem(
            file=str(path),
            where=f"limits.{name}",
            what="a project cannot lift a limit",
            todo=f"name a value, or lift it in your own {user_config_path()}",
        )
        for name in lifted
    ]
