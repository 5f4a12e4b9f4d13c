"""Which sandbox providers there are: names and dotted paths, loaded when asked for."""

from __future__ import annotations

import importlib
from typing import cast

from fabrik.errors import UsageError
from fabrik.sandboxes.sandbox import Options, Provider

# Kind → the class that is called with what stands behind a colon in the name (`ssh:host`), and the options.
PROVIDERS: dict[str, str] = {
    "bubblewrap": "fabrik.sandboxes.bubblewrap:Bubblewrap",
    "podman": "fabrik.sandboxes.containers.podman:Podman",
    "docker": "fabrik.sandboxes.containers.docker:Docker",
    "none": "fabrik.sandboxes.none:Unprotected",
    "ssh": "fabrik.sandboxes.ssh.provider:Ssh",
}


def default_name() -> str:
    """The provider that is used when none is asked for."""
    return "bubblewrap"


def load(name: str, options: Options = Options()) -> Provider:  # noqa: B008 - frozen
    """The provider of this name, such as `podman` or `ssh:host`, or that at a path `package.module:Class`.

    Raises UsageError, naming what there is.
    """
    kind, _, target = name.partition(":")
    dotted, target = (PROVIDERS[kind], target) if kind in PROVIDERS else (name, "")
    module_name, _, attribute = dotted.partition(":")
    if not (module_name and attribute):
        raise UsageError(
            f"there is no sandbox provider {name!r}",
            where="--sandbox",
            todo=f"use one of {', '.join(sorted(PROVIDERS))}, or a dotted path package.module:Class",
        )
    try:
        made = getattr(importlib.import_module(module_name), attribute)(target, options)
    except (ImportError, AttributeError, TypeError) as problem:
        raise UsageError(
            f"the sandbox provider {name!r} cannot be loaded: {problem}",
            where="--sandbox",
            todo="check the dotted path, and that its package is installed beside fabrik",
        ) from problem
    return cast(Provider, made)
