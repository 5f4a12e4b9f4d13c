"""How runs are to be carried out, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypedDict

from fabrik.usage import Vendor

KiB, MiB, GiB = 1 << 10, 1 << 20, 1 << 30


@dataclass(frozen=True, kw_only=True)
class Limits:
    """Bounds on one session or check and everything it starts. None: unbounded."""

    session_seconds: float | None = 3600.0
    check_seconds: float | None = 1200.0
    memory_bytes: int | None = 8 * GiB
    processes: int | None = 2048
    output_bytes: int | None = 4 * GiB
    disk_bytes: int | None = 20 * GiB


@dataclass(frozen=True, kw_only=True)
class UpstreamSettings:
    """Where a vendor's models are reached. None: as the environment says, else the vendor's own address."""

    base_url: str | None = None  # http or https, without a trailing slash
    key_env: str | None = None  # the name of the variable that holds the key; never the key


@dataclass(frozen=True, kw_only=True)
class Review:
    """How work is reviewed. Reviewers are named by ids such as "security"."""

    enabled: bool = True
    reviewers: tuple[str, ...] | None = None  # of the full review; None: all that are shipped or added
    light: tuple[str, ...] = ("code-quality", "maintainability")  # after each task; (): none
    rounds: int = 2  # how often findings are sent back to be fixed
    seconds: float | None = 1200.0  # the longest a reviewer or the verifier may take
    agent: str | None = None  # None: the agent that implements
    models: Mapping[str, str] = field(default_factory=dict)  # reviewer → model; "_default" for the others
    verify_agent: str | None = None  # None: the reviewers' agent
    verify_model: str | None = None


@dataclass(frozen=True, kw_only=True)
class Judge:
    """Which models judge, and where."""

    fast: str | None = None  # None: that of the first vendor for which the host has a key
    smart: str | None = None
    in_checks: bool = False  # checks may ask a judge: they reach models then, and nothing else


@dataclass(frozen=True, kw_only=True)
class Containers:
    """What the sandboxes `podman` and `docker` are made of."""

    image: str = ""  # "": the host's own system, read-only
    runtime: str = ""  # "": the engine's own; "runsc": gVisor


@dataclass(frozen=True, kw_only=True)
class Config:
    """All settings of a run, resolved: flag > environment > project > user > default."""

    agent: str | None = None  # None: nobody chose one
    model: str | None = None  # None: the agent's own default
    sandbox: str = "bubblewrap"
    allow: tuple[str, ...] = ()  # places that the proxy lets through: host, *.host, host:port, address, range
    setup: tuple[str, ...] = ()  # commands run once in a fresh workspace, with the proxy open
    limits: Limits = Limits()
    iterations: int = 100  # sessions of a whole run; 0: unlimited
    attempts: int = 5  # sessions of one task
    max_wait_seconds: float = 6 * 3600.0  # the longest wait for a provider
    budget_usd: float | None = None  # None: unbounded
    budget_tokens: int | None = None
    budget_calls: int | None = None
    read_only: tuple[str, ...] = ()  # host paths shown in every sandbox, absolute
    path: tuple[str, ...] = ()  # directories put in front of PATH in every sandbox, absolute
    env: Mapping[str, str] = field(default_factory=dict)  # variables of every sandbox; no keys
    upstreams: Mapping[Vendor, UpstreamSettings] = field(default_factory=dict)
    review: Review = Review()
    judge: Judge = Judge()
    containers: Containers = Containers()
    protected: tuple[str, ...] | None = None  # globs of files that judge the work; None: the shipped list


class Settings(TypedDict, total=False):
    """What one source says: a key that is absent was not said. None lifts a limit."""

    agent: str
    model: str
    sandbox: str
    allow: tuple[str, ...]
    setup: tuple[str, ...]
    session_seconds: float | None
    check_seconds: float | None
    memory_bytes: int | None
    processes: int | None
    output_bytes: int | None
    disk_bytes: int | None
    iterations: int
    attempts: int
    max_wait_seconds: float
    budget_usd: float | None
    budget_tokens: int | None
    budget_calls: int | None
    read_only: tuple[str, ...]
    path: tuple[str, ...]
    env: Mapping[str, str]
    upstreams: Mapping[Vendor, UpstreamSettings]
    review_enabled: bool
    reviewers: tuple[str, ...]
    light_reviewers: tuple[str, ...]
    review_rounds: int
    review_seconds: float | None
    review_agent: str
    review_models: Mapping[str, str]
    verify_agent: str
    verify_model: str
    judge_fast: str
    judge_smart: str
    judge_in_checks: bool
    container_image: str
    container_runtime: str
    protected: tuple[str, ...]
