"""What every session finds in its environment: who it is, where it reports, where models are.

The gateway's models door speaks every protocol below one URL:

    {models_url}/anthropic     Anthropic: /v1/messages below it
    {models_url}/openai/v1     OpenAI: /responses and /chat/completions below it
    {models_url}/gemini        Gemini: /v1beta/models/… below it

Nothing here is a secret: the keys are placeholders, the gateway puts the real one in their place.
"""

from __future__ import annotations

import re

from fabrik.agents.agent import Role, SessionRequest
from fabrik.errors import UsageError
from fabrik.usage import Vendor

PLACEHOLDER_KEY = "fabrik-gateway-adds-the-key"
RETRIES = 1  # of a CLI itself, where it lets us say so: the gateway and the host decide about more

JUDGES: frozenset[Role] = frozenset({"review", "verify"})  # they judge what somebody else wrote

VENDOR_OF_NAME: tuple[tuple[re.Pattern[str], Vendor], ...] = (
    (re.compile(r"claude|opus|sonnet|haiku"), "anthropic"),
    (re.compile(r"gpt|codex|chatgpt|o\d"), "openai"),
    (re.compile(r"gemini|gemma"), "gemini"),
)
VENDORS: tuple[Vendor, ...] = ("anthropic", "openai", "gemini")


def session_env(request: SessionRequest) -> dict[str, str]:
    """The variables that every agent gets (a public interface: the page command-agent)."""
    env = {
        "FABRIK_RUN": request.run,
        "FABRIK_STEP": request.step,
        "FABRIK_ROLE": request.role,
        "FABRIK_REPORT": request.report,
        "XDG_CONFIG_HOME": f"{request.home}/.config",
        "XDG_CACHE_HOME": f"{request.home}/.cache",
        "XDG_DATA_HOME": f"{request.home}/.local/share",
        "XDG_STATE_HOME": f"{request.home}/.local/state",
    }
    if judges(request):
        env |= {
            "FABRIK_REVIEWER": request.reviewer,
            "FABRIK_COMMIT": request.commit,
            "FABRIK_BASE": request.base,
        }
    return env


def judges(request: SessionRequest) -> bool:
    """Whether the session judges a commit: then nothing in the workspace may instruct its CLI.

    What a CLI loads by itself from where it works (instructions, settings, hooks, servers, plugins, skills)
    was written by the implementer, or could have been. For an implementer it is the owner's own.
    """
    return request.role in JUDGES


def start_in(request: SessionRequest) -> str | None:
    """Where a CLI starts: a judge's in its HOME, in which and above which nothing of the project is.

    No CLI has switches for all that it looks for in the directory it starts in; this works for all of them.
    The prompts name the checkout by its path.
    """
    return request.home if judges(request) else None


def models_env(request: SessionRequest) -> dict[str, str]:
    """The variables by which the vendors' own SDKs find the gateway."""
    return {
        "ANTHROPIC_BASE_URL": anthropic_url(request),
        "ANTHROPIC_API_KEY": PLACEHOLDER_KEY,
        "OPENAI_BASE_URL": openai_url(request),
        "OPENAI_API_KEY": PLACEHOLDER_KEY,
        "GOOGLE_GEMINI_BASE_URL": gemini_url(request),
        "GEMINI_API_KEY": PLACEHOLDER_KEY,
    }


def anthropic_url(request: SessionRequest) -> str:
    """Without /v1, as Anthropic's own clients want it."""
    return f"{request.models_url}/anthropic"


def openai_url(request: SessionRequest) -> str:
    """With /v1, as OpenAI's own clients want it."""
    return f"{request.models_url}/openai/v1"


def gemini_url(request: SessionRequest) -> str:
    """Without /v1beta, as Google's own clients want it."""
    return f"{request.models_url}/gemini"


def vendor_and_model(name: str) -> tuple[Vendor, str]:
    """Split `anthropic/<m>`, `openai/<m>` or `gemini/<m>`; without a prefix the name tells the vendor.

    Raises UsageError for a name that cannot be one, and when the vendor cannot be told.
    """
    _check(name)
    for vendor in VENDORS:
        if name.startswith(f"{vendor}/"):
            bare = name.removeprefix(f"{vendor}/")
            _check(bare)
            return vendor, bare
    for pattern, vendor in VENDOR_OF_NAME:
        if pattern.match(name):
            return vendor, name
    raise UsageError(
        f"whose model is {name!r}?",
        where="--model",
        todo="write anthropic/<model>, openai/<model> or gemini/<model>",
    )


def model_of(vendor: Vendor, name: str, agent: str) -> str:
    """The model's bare name for a CLI that speaks one vendor's API only.

    Raises UsageError for a name that cannot be one, and for another vendor's prefix.
    """
    _check(name)
    prefix, slash, rest = name.partition("/")
    if slash and prefix in VENDORS:
        if prefix != vendor:
            raise UsageError(
                f"{agent} speaks to {vendor} models only, not to {name!r}",
                where="--model",
                todo="choose another model, or an agent that speaks to all: pi, opencode",
            )
        _check(rest)
        return rest
    return name


def _check(name: str) -> None:
    if not name or name.startswith("-") or not name.isprintable() or " " in name:
        raise UsageError(f"{name!r} is not the name of a model", where="--model")
