"""One spec, one topic: can it be said in one sentence without joining unrelated capabilities? Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from fabrik.specs.reviewing.finding import SERIOUS, SLIGHT, Finding, of
from fabrik.specs.reviewing.outline import Outline, Said
from fabrik.specs.reviewing.words import stem, stems, without_quotes

# Capabilities that are specs of their own nearly always. A word may stand for one of them only.
_CAPABILITIES: dict[str, str] = {
    "sign-in": "login logout authentication oauth sso password passwords signin signup 2fa mfa registration",
    "payment": "billing payment payments invoice invoices invoicing checkout subscription subscriptions "
    "refund refunds",
    "profile": "profile profiles avatar avatars",
    "search": "search searching autocomplete",
    "notification": "notification notifications email emails newsletter sms push-notifications webhook "
    "webhooks",
    "appearance": "theme themes theming dark-mode styling redesign colours colors branding",
    "transfer": "export exporting import importing csv backup backups",
    "reporting": "dashboard dashboards analytics reports reporting charts statistics",
    "logging": "logging telemetry tracing metrics monitoring",
    "translation": "i18n localization localisation translation translations",
    "deployment": "deployment deploy ci pipeline docker kubernetes hosting",
    "storage": "migration migrations database schema",
    "caching": "caching cache",
    "chat": "chat comments messaging forum",
    "limits": "rate-limiting rate-limit throttling quota quotas",
    "administration": "admin administration roles permissions moderation",
    "documentation": "documentation tutorial",
}
_OF_WORD = {word: name for name, words in _CAPABILITIES.items() for word in words.split()}
_JOIN = re.compile(
    r"\s*(?:,\s*(?:and|as well as|plus|und)\s+|;\s+|\s+(?:and(?: also)?|as well as|plus|along with|&|"
    r"und)\s+|,\s+|\s\+\s)\s*"
)
_LIST = re.compile(r"[^,;]+,[^,;]+,?\s+(?:and|&|plus)\s+\S")
# One thing is said about all parts, or they are parts of one thing.
_ABOUT_ONE = re.compile(
    r":\s|\s[—–-]\s|\b(?:is|are|can|must|may|get|of|in|for|with|to|from|on|by|as|when|have|has)\b"
)
_LEAD = re.compile(
    r"^(?:add|adds?|support|implement|build|create|provide|handle|handles|manage|manages|new|allow|enable|"
    r"let users)\s+",
    re.IGNORECASE,
)


def two_topics(spec: Outline) -> list[Finding]:
    """The title, a goal, or the criteria speak of capabilities that have nothing to do with each other."""
    why = "it joins capabilities that have nothing to do with each other: {}"
    instead = "one spec for each; what needs the other says so with `dependsOn`"
    if spec.title and (parts := _joined(spec.title.text, spec) or _three(spec.title.text)):
        return [of(spec.title, "two-topics", why.format(" / ".join(parts)), instead, SERIOUS)]
    for goal in spec.goals:
        if parts := _joined(goal.text, spec):
            return [of(goal, "two-topics", why.format(" / ".join(parts)), instead, SERIOUS)]
    if pair := _unrelated_goals(spec):
        first, second = pair
        reason = f"this goal and that of line {first.line} share nothing, and each has criteria of its own"
        return [of(second, "two-topics", reason, instead, SERIOUS)]
    if names := _many_capabilities(spec):
        said = spec.title or spec.criteria[0]
        reason = f"its criteria are about several capabilities: {', '.join(names)}"
        return [of(said, "two-topics", reason, instead, SERIOUS)]
    return []


def _capabilities(text: str) -> set[str]:
    low = re.sub(r"dark (mode|theme)", "dark-mode", text.casefold())
    low = re.sub(r"rate (limit\w*)", r"rate-\1", low)
    low = re.sub(r"(?:log|sign)(?:ging)?[ -](?:in|up|out)\b", "login", low)
    return {_OF_WORD[word] for word in re.findall(r"[\w-]+", low) if word in _OF_WORD}


def _joined(text: str, spec: Outline) -> list[str]:
    """The unrelated parts of a title or goal that joins several; empty when they belong together."""
    bare = re.sub(r"\([^)]*\)", "", without_quotes(text)).strip(" .")
    bare = re.split(
        r":\s|\s[—–-]\s|\bso that\b|\bwithout\b|\bwhen\b|\bbecause\b|\bbetween\b|\bfor\b|\bwhich\b", bare
    )[0]
    parts = [part.strip(" .,") for part in _JOIN.split(_LEAD.sub("", bare)) if part.strip(" .,")]
    if len(parts) < 2:
        return []
    kinds = [_capabilities(part) for part in parts]
    distinct = [kind for kind in kinds if kind]
    if len(distinct) >= 2 and all(
        not one & other for n, one in enumerate(distinct) for other in distinct[n + 1 :]
    ):
        return parts
    if len(parts) >= 3 and len(set().union(*kinds)) >= 3:
        return parts
    # Two sentences of their own, with objects of their own, of which the criteria speak apart.
    own = [stems(part) for part in parts]
    if len(parts) == 2 and all(len(one) >= 2 for one in own) and not own[0] & own[1]:
        alone = [0, 0]
        both = 0
        for said in (*spec.criteria, *spec.requirements):
            words = stems(said.text)
            hits = [len(words & one) for one in own]
            if all(hits):
                both += 1
            elif any(hits):
                alone[hits.index(max(hits))] += 1
        if min(alone) >= 1 and sum(alone) >= 3 and both == 0:
            return parts
    return []


def _three(text: str) -> list[str]:
    """The parts of a title that lists three things or more, each with words of its own; else none."""
    bare = _LEAD.sub("", re.sub(r"\([^)]*\)", "", without_quotes(text)).strip(" ."))
    if not _LIST.search(bare) or _ABOUT_ONE.search(bare):
        return []
    parts = [part.strip(" .,") for part in _JOIN.split(bare) if part.strip(" .,")]
    own = [stems(part) for part in parts]
    if len(parts) < 3 or any(len(one) < 2 for one in own):
        return []
    apart = all(not one & other for n, one in enumerate(own) for other in own[n + 1 :])
    return parts if apart else []


def _unrelated_goals(spec: Outline) -> tuple[Said, Said] | None:
    """Two goals without a word in common, whose criteria have none in common either."""
    for n, first in enumerate(spec.goals):
        for second in spec.goals[n + 1 :]:
            one, other = stems(first.text), stems(second.text)
            kinds = _capabilities(first.text), _capabilities(second.text)
            apart = bool(kinds[0]) and bool(kinds[1]) and not kinds[0] & kinds[1]
            if not apart or one & other:
                continue
            groups = _assigned(spec.criteria, one, other)
            if min(len(groups[0]), len(groups[1])) >= 1 and not groups[2]:
                return first, second
    return None


def _assigned(
    statements: Sequence[Said], one: frozenset[str], other: frozenset[str]
) -> tuple[list[Said], list[Said], list[Said]]:
    """Statements about the one, about the other, about both."""
    groups: tuple[list[Said], list[Said], list[Said]] = ([], [], [])
    for said in statements:
        words = stems(said.text)
        hits = bool(words & one), bool(words & other)
        if all(hits):
            groups[2].append(said)
        elif any(hits):
            groups[0 if hits[0] else 1].append(said)
    return groups


def _many_capabilities(spec: Outline) -> list[str]:
    """Three or more capabilities, each with criteria that are about nothing else."""
    alone: dict[str, int] = {}
    title = _capabilities(
        " ".join(said.text for said in (*([spec.title] if spec.title else []), *spec.goals))
    )
    for said in spec.criteria:
        kinds = _capabilities(without_quotes(said.text))
        if len(kinds) == 1:
            name = next(iter(kinds))
            alone[name] = alone.get(name, 0) + 1
    # What the title names is the topic; its own criteria touch other things in passing.
    others = [name for name in alone if name not in title]
    subject = _shared(spec.criteria)
    return sorted(alone) if len(others) + bool(title & set(alone)) >= 3 and not subject else []


def _shared(statements: Sequence[Said]) -> bool:
    """Whether most of the statements share a word: then they have one subject."""
    counts: dict[str, int] = {}
    for said in statements:
        for word in stems(said.text):
            counts[word] = counts.get(word, 0) + 1
    return any(count * 2 > len(statements) for count in counts.values())


def long_goal(spec: Outline) -> list[Finding]:
    """A title that lists three things is a list of specs."""
    title = spec.title
    if title is None or not _LIST.search(without_quotes(title.text)) or two_topics(spec):
        return []
    parts = [part for part in _JOIN.split(title.text) if part]
    if len(parts) < 3 or len({stem(part.split()[-1].casefold()) for part in parts}) < 3:
        return []
    why = "the title lists several things: is it one topic?"
    return [of(title, "long-title", why, "say in one sentence, without “and”, what it is about", SLIGHT)]
