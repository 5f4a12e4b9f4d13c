"""Which models judge: as the config says, or those of a vendor for which the host has a key."""

from __future__ import annotations

from fabrik.agents.environment import VENDORS, vendor_and_model
from fabrik.config.model import Config
from fabrik.errors import EnvironmentProblem, UsageError
from fabrik.judging.model import Intelligence, JudgeModel
from fabrik.usage import Vendor
from fabrik.workflows.agents import KEY_VARIABLES
from fabrik.workflows.commission import sealed_upstreams
from fabrik.workflows.run_gateway import upstreams

# All of them see pictures, and are in the table of prices.
DEFAULTS: dict[Vendor, dict[Intelligence, str]] = {
    "anthropic": {"fast": "claude-haiku-4-5", "smart": "claude-sonnet-4-5"},
    "openai": {"fast": "gpt-5-mini", "smart": "gpt-5.5"},
    "gemini": {"fast": "gemini-2.5-flash", "smart": "gemini-2.5-pro"},
}


def judge_model(config: Config, intelligence: Intelligence, named: str | None = None) -> JudgeModel:
    """The model to ask. named: it was chosen by name. Raises UsageError for a name that cannot be one."""
    configured = config.judge.fast if intelligence == "fast" else config.judge.smart
    if named is not None:
        return parsed(named, "--model")
    if configured is not None:
        return parsed(configured, f"[judge] {intelligence}")
    keys = keyed(config)
    vendor = next((vendor for vendor in VENDORS if vendor in keys), VENDORS[0])
    return JudgeModel(vendor=vendor, name=DEFAULTS[vendor][intelligence])


def parsed(name: str, where: str) -> JudgeModel:
    """A model by its name, with or without its vendor in front. Raises UsageError, which names `where`."""
    try:
        vendor, bare = vendor_and_model(name)
        return JudgeModel(vendor=vendor, name=bare)
    except UsageError as error:
        raise UsageError(error.what, where=where, todo=error.todo) from error


def require_key(config: Config, model: JudgeModel) -> None:
    """Raises EnvironmentProblem when the host has no key for the model."""
    if model.vendor not in keyed(config):
        raise EnvironmentProblem(
            f"no key for {model.vendor}, whose {model.name} is to judge",
            todo=f"export {KEY_VARIABLES[model.vendor]}=…, or choose another model with --model",
        )


def keyed(config: Config) -> frozenset[Vendor]:
    """The vendors for which the host has a key. Raises UsageError for addresses that cannot be used."""
    reached = upstreams(sealed_upstreams(config))
    return frozenset(vendor for vendor in VENDORS if reached[vendor].key is not None)
