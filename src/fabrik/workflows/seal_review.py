"""Who reviews a run, decided and sealed at dispatch: what is fixed here is who must approve."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fabrik.config.model import Config
from fabrik.errors import UsageError
from fabrik.paths import RunPaths
from fabrik.problems import Problem, Problems
from fabrik.tampering.protected import DEFAULT_PROTECTED
from fabrik.workflows.agents import ChosenAgent, choose_reviewers, choose_verifier, require_model
from fabrik.workflows.context import SealedFile, SealedReview, SealedReviewer
from fabrik.workflows.request import Options
from fabrik.workflows.reviewers import (
    OTHERS,
    Reviewer,
    check_names,
    known_reviewers,
    pick,
    read_models,
    read_prompt,
)
from fabrik.workflows.seal import seal_agent, seal_file

SHIPPED = "default"  # in a list of protected files: those that fabrik protects by itself
RULES = "/fabrik.toml"  # says who judges the work and how, so no list leaves it out


@dataclass(frozen=True, kw_only=True)
class ReviewPlan:
    """How a run is going to be reviewed: everything is read and checked, nothing is written yet."""

    full: tuple[Reviewer, ...]
    light: tuple[Reviewer, ...]
    models: Mapping[str, str | None]  # of everybody in these two
    agent: ChosenAgent
    agent_model: str | None  # of nobody in particular
    verifier: ChosenAgent
    verifier_model: str | None
    rounds: int
    seconds: float | None
    extra_prompt: tuple[Path, bytes] | None

    def calls(self) -> list[tuple[ChosenAgent, Iterable[str | None]]]:
        """Which models are asked, by which agent."""
        return [(self.agent, self.models.values()), (self.verifier, [self.verifier_model])]


def plan_review(
    config: Config, request: Options, implementer: ChosenAgent, warn: Callable[[str], None]
) -> ReviewPlan | None:
    """Decide who reviews; None: nobody does.

    Raises Problems with all that is wrong with the reviewers and their models, UsageError for an option,
    EnvironmentProblem for an agent that is not installed.
    """
    said = config.review
    if not said.enabled:
        return None
    problems: list[Problem] = []
    known = known_reviewers(request.reviewers_dir, problems, warn)
    full = (
        list(known) if said.reviewers is None else pick(said.reviewers, known, "review.reviewers", problems)
    )
    light = pick(said.light, known, "review.light", problems)
    if request.review_models is not None:
        models, place = read_models(request.review_models, known, problems), str(request.review_models)
    else:
        models, place = dict(said.models), "the configuration"
        check_names(models, known, place, "review.models", problems)
    agent = choose_reviewers(config, request, implementer)
    verifier = choose_verifier(config, request, (agent, implementer))
    _require_models(agent, models, place, problems)
    if problems:
        raise Problems(problems)
    # A model belongs to its CLI: another one than the implementer's starts with its own default.
    of_implementer = {implementer.name: config.model}
    agent_model = models.get(OTHERS, of_implementer.get(agent.name))
    verifier_model = said.verify_model or {**of_implementer, agent.name: agent_model}.get(verifier.name)
    require_model(verifier, verifier_model, "--verify-model")
    asked = dict.fromkeys([*full, *light])
    return ReviewPlan(
        full=tuple(known[name] for name in full),
        light=tuple(known[name] for name in light),
        models={name: models.get(name, agent_model) for name in asked},
        agent=agent,
        agent_model=agent_model,
        verifier=verifier,
        verifier_model=verifier_model,
        rounds=said.rounds,
        seconds=said.seconds,
        extra_prompt=_extra_prompt(request.review_prompt),
    )


def seal_review(places: RunPaths, plan: ReviewPlan) -> SealedReview:
    """Copy the prompts into the run's inputs."""
    everybody = {reviewer.id: reviewer for reviewer in (*plan.full, *plan.light)}
    sealed = {
        name: SealedReviewer(id=name, prompt=_seal_prompt(places, reviewer), model=plan.models[name])
        for name, reviewer in everybody.items()
    }
    return SealedReview(
        full=tuple(sealed[reviewer.id] for reviewer in plan.full),
        light=tuple(sealed[reviewer.id] for reviewer in plan.light),
        agent=seal_agent(plan.agent, plan.agent_model),
        verifier=seal_agent(plan.verifier, plan.verifier_model),
        rounds=plan.rounds,
        seconds=plan.seconds,
        extra_prompt=seal_file(places, *plan.extra_prompt) if plan.extra_prompt else None,
    )


def protected_globs(said: tuple[str, ...] | None) -> tuple[str, ...]:
    """The files that judge the work, as gitignore patterns. None: those that fabrik protects by itself."""
    globs: list[str] = []
    for glob in (SHIPPED,) if said is None else said:
        globs += DEFAULT_PROTECTED if glob == SHIPPED else [glob]
    return (*globs, RULES)  # last: of gitignore patterns the last one that matches counts


def _require_models(
    agent: ChosenAgent, models: Mapping[str, str], place: str, problems: list[Problem]
) -> None:
    for name, model in models.items():
        try:
            require_model(agent, model)
        except UsageError as error:
            problems.append(Problem(file=place, where=name, what=error.what, todo=error.todo))


def _extra_prompt(path: Path | None) -> tuple[Path, bytes] | None:
    return None if path is None else (path, read_prompt(path, "--review-prompt"))


def _seal_prompt(places: RunPaths, reviewer: Reviewer) -> SealedFile:
    copy = f"reviewers/{reviewer.id}.md"
    target = places.inputs / copy
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(reviewer.prompt)
    return SealedFile(path=reviewer.place, copy=copy, sha256=hashlib.sha256(reviewer.prompt).hexdigest())
