"""The shape of the config files, as pydantic checks it. TOML in, Settings out.

The project's own file, which comes with a cloned repository, is a strict subset of the user's: what would
open the host, lead keys elsewhere or take away who judges the work is not in it.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast

from pydantic import BaseModel, ConfigDict, Field

from fabrik.config import values
from fabrik.config.model import Settings, UpstreamSettings
from fabrik.usage import Vendor

KEYS_OF_USERS = ("read_only", "path", "env", "gateway")  # never in a project's file


class Document(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class LimitsDocument(Document):
    session: values.Seconds = None
    check: values.Seconds = None
    review: values.Seconds = None
    memory: values.Bytes = None
    processes: values.Count = None
    output: values.Bytes = None
    disk: values.Bytes = None
    iterations: Annotated[int | None, Field(ge=0, le=10**9)] = None
    attempts: Annotated[int | None, Field(gt=0, le=10**6)] = None
    max_wait: values.Wait = None
    budget_usd: values.Money = None
    budget_tokens: values.Count = None
    budget_calls: values.Count = None


class UpstreamDocument(Document):
    base_url: values.Address | None = None
    key_env: values.Variable | None = None


class ProjectReviewDocument(Document):
    enabled: values.Reviewing | None = None
    reviewers: values.SomeReviewers | None = None
    light: list[values.Reviewer] | None = None
    rounds: values.FewRounds | None = None
    agent: values.Name | None = None
    models: dict[str, values.Text] | None = None
    verify_agent: values.Name | None = None
    verify_model: values.Text | None = None


class UserReviewDocument(Document):
    enabled: bool | None = None
    reviewers: values.SomeReviewers | None = None
    light: list[values.Reviewer] | None = None
    rounds: values.Rounds | None = None
    agent: values.Text | None = None
    models: dict[str, values.Text] | None = None
    verify_agent: values.Text | None = None
    verify_model: values.Text | None = None


class ProjectJudgeDocument(Document):
    fast: values.Text | None = None
    smart: values.Text | None = None
    in_checks: values.KeptShut | None = None


class UserJudgeDocument(Document):
    fast: values.Text | None = None
    smart: values.Text | None = None
    in_checks: bool | None = None


class ProjectContainersDocument(Document):
    image: values.Image | None = None
    runtime: values.StrongerRuntime | None = None


class UserContainersDocument(Document):
    image: values.Image | None = None
    runtime: values.Text | None = None


class ProjectDocument(Document):
    """`fabrik.toml` in the root of a project."""

    agent: values.Name | None = None
    model: values.Text | None = None
    sandbox: values.Isolating | None = None
    allow: list[values.Host] = []
    setup: list[values.Text] = []
    protected: values.SomeGlobs | None = None
    review: ProjectReviewDocument = ProjectReviewDocument()
    judge: ProjectJudgeDocument = ProjectJudgeDocument()
    containers: ProjectContainersDocument = ProjectContainersDocument()
    limits: LimitsDocument = LimitsDocument()


class UserDocument(Document):
    """`~/.config/fabrik/config.toml`."""

    agent: values.Text | None = None
    model: values.Text | None = None
    sandbox: values.Text | None = None
    allow: list[values.Host] = []
    setup: list[values.Text] = []
    protected: list[values.Glob] | None = None
    review: UserReviewDocument = UserReviewDocument()
    judge: UserJudgeDocument = UserJudgeDocument()
    containers: UserContainersDocument = UserContainersDocument()
    limits: LimitsDocument = LimitsDocument()
    read_only: list[values.HostPath] = []
    path: list[values.HostPath] = []
    env: dict[values.SandboxVariable, values.Value] = {}
    gateway: dict[Literal["anthropic", "openai", "gemini"], UpstreamDocument] = {}


# Where the name of a key is not that of its setting.
_LIMITS = {
    "session": "session_seconds",
    "check": "check_seconds",
    "review": "review_seconds",
    "memory": "memory_bytes",
    "output": "output_bytes",
    "disk": "disk_bytes",
    "max_wait": "max_wait_seconds",
}
_REVIEW = {
    "enabled": "review_enabled",
    "light": "light_reviewers",
    "rounds": "review_rounds",
    "agent": "review_agent",
    "models": "review_models",
}
_CONTAINERS = {"image": "container_image", "runtime": "container_runtime"}
_JUDGE = {"fast": "judge_fast", "smart": "judge_smart", "in_checks": "judge_in_checks"}


def settings(document: ProjectDocument | UserDocument) -> Settings:
    """What a config file says, and nothing that it does not."""
    said: dict[str, Any] = {}
    tables: tuple[tuple[Document, dict[str, str]], ...]
    tables = (
        (document, {}),
        (document.review, _REVIEW),
        (document.judge, _JUDGE),
        (document.containers, _CONTAINERS),
        (document.limits, _LIMITS),
    )
    for table, renamed in tables:
        for name in table.model_fields_set:
            value = getattr(table, name)
            if not (isinstance(value, Document) or name == "gateway"):
                said[renamed.get(name, name)] = tuple(value) if isinstance(value, list) else value
    if isinstance(document, UserDocument):
        upstreams: dict[Vendor, UpstreamSettings] = {
            vendor: UpstreamSettings(base_url=chosen.base_url, key_env=chosen.key_env)
            for vendor, chosen in document.gateway.items()
        }
        if upstreams:
            said["upstreams"] = upstreams
    return cast("Settings", said)
