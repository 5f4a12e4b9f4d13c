"""A judge asked on the host: a run of the workflow `judge`, from its record to its verdict, in one go.

It has no agent, no sandbox and no branch: its artifacts are sealed in its inputs, each question is a step of
its journal, and every vote is a call through its gateway, metered and without the key in sight.
"""

from __future__ import annotations

import asyncio
import hashlib
import shutil
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fabrik import __version__, paths
from fabrik.config.model import Config, Settings
from fabrik.config.read import load_config, user_config_path
from fabrik.errors import FabrikError, RunBusy
from fabrik.judging.ask import ask
from fabrik.judging.door import Door
from fabrik.judging.model import Intelligence, Judgement, JudgeModel, NoVerdict, Question, Vote
from fabrik.ledger.journal import Journal, StepContext
from fabrik.ledger.ownership import claim
from fabrik.ledger.store import Ledger
from fabrik.ledger.types import NewRun
from fabrik.ledger.ulid import new_run_id
from fabrik.outcome import Verdict
from fabrik.usage import Usage
from fabrik.workflows import known_secrets
from fabrik.workflows.commission import private, sealed_limits, sealed_upstreams
from fabrik.workflows.context import RunContext, SealedAgent, SealedFile
from fabrik.workflows.judge_models import judge_model, require_key
from fabrik.workflows.run_gateway import RunGateway
from fabrik.workflows.seal import write_context

WORKFLOW = "judge"
TITLE = 100  # characters of the criteria that a list of runs shows
GRACE = 60.0  # seconds; nobody takes so long from a run's record to its claim
REASON = 1000  # characters of what a missing verdict says in the ledger

# `private` sets the umask of the whole process: two judges at once would leave it as neither found it.
_RECORDING = threading.Lock()


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of one question, as the journal keeps it."""

    passed: bool | None  # None: no verdict
    feedback: str  # what keeps it from passing; without a verdict, why there is none
    votes: tuple[Vote, ...]

    def judgement(self) -> Judgement:
        """The verdict. Raises NoVerdict."""
        if self.passed is None:
            raise NoVerdict(self.feedback, votes=self.votes)
        return Judgement(passed=self.passed, feedback=self.feedback, votes=self.votes)


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A judge's run that has ended."""

    run: str
    model: JudgeModel
    answers: tuple[Answer, ...]  # one for each question, in their order
    usage: Usage


async def judge_run(
    questions: Sequence[Question],
    *,
    intelligence: Intelligence = "fast",
    model: str | None = None,
    budget_usd: float | None = None,
    directory: Path | None = None,
) -> Judged:
    """Ask a judge, as a run of its own. directory: whose project's config counts; None: the current one.

    Raises UsageError for a wrong model or config, EnvironmentProblem without a key or a place for the run,
    LedgerError, DiskFull. A judge without a verdict is an answer here.
    """
    flags = Settings() if budget_usd is None else Settings(budget_usd=budget_usd)
    root = project_root(directory or Path.cwd())
    config = load_config(root, user_config_path(), flags=flags)
    chosen = judge_model(config, intelligence, model)
    require_key(config, chosen)
    run_id = await asyncio.to_thread(_record, questions, config, chosen, root or directory or Path.cwd())
    return await _carry_out(run_id, questions, chosen)


def project_root(directory: Path) -> Path | None:
    """The root of the repository that a directory is in; None where there is none."""
    here = directory.absolute()
    return next((place for place in (here, *here.parents) if (place / ".git").exists()), None)


def _record(questions: Sequence[Question], config: Config, model: JudgeModel, place: Path) -> str:
    """Seal what is judged, and write the run into the ledger; its id. When it fails nothing of it is left."""
    run_id = new_run_id()
    with _RECORDING, private() as home:
        places = home.run(run_id)
        try:
            places.inputs.mkdir(parents=True)
            context = _seal(places, questions, config, model)
            encoded = write_context(places, context)
            with Ledger.open(home.ledger) as ledger:
                ledger.create_run(
                    NewRun(
                        id=run_id,
                        workflow=WORKFLOW,
                        spec_id=WORKFLOW,
                        spec_title=context.spec_title,
                        spec_path=context.spec.path,
                        todo_path=None,
                        project=str(place),
                        repo_ref=None,
                        base_commit="",
                        branch="",
                        agent=WORKFLOW,
                        model=str(model),
                        sandbox=context.sandbox,
                        directory=str(places.directory),
                        unchecked=False,
                        context=encoded,
                    )
                )
        except BaseException:
            shutil.rmtree(places.directory, ignore_errors=True)
            raise
    return run_id


def _seal(
    places: paths.RunPaths, questions: Sequence[Question], config: Config, model: JudgeModel
) -> RunContext:
    """Copies of all that is judged, by number, and the criteria as the run's spec."""
    criteria = questions[0].criteria.strip()
    order = [[_keep(places, artifact.name, artifact.content) for artifact in q.artifacts] for q in questions]
    return RunContext(
        v=1,
        fabrik=__version__,
        workflow=WORKFLOW,
        order={"artifacts": order, "votes": questions[0].votes},
        spec=_sealed(places, "criteria.md", criteria.encode()),
        spec_id=WORKFLOW,
        spec_title=" ".join(criteria.split())[:TITLE],
        spec_text=criteria,
        accept=(criteria,),
        todo=None,
        tasks=(),
        checks=(),
        holdout=(),
        prompts={},
        extra_prompt=None,
        agent=SealedAgent(name=WORKFLOW, model=str(model)),
        review=None,
        protected=(),
        may_change=(),
        feedback=(),
        sandbox=config.sandbox,
        read_only=(),
        path=(),
        env={},
        allow=(),
        setup=(),
        limits=sealed_limits(config),
        upstreams=sealed_upstreams(config),
        author_name="",
        author_email="",
        auto_approve=False,
        push=False,
        remote=None,
    )


def _keep(places: paths.RunPaths, name: str, content: bytes) -> dict[str, str]:
    """What is stored of an artifact: the same content once, however often it is judged in a run."""
    sha256 = hashlib.sha256(content).hexdigest()
    copy = places.inputs / f"artifact-{sha256[:16]}"
    copy.write_bytes(content)
    return {"name": name, "copy": copy.name, "sha256": sha256}


def _sealed(places: paths.RunPaths, name: str, content: bytes) -> SealedFile:
    path = places.inputs / name
    path.write_bytes(content)
    return SealedFile(path=str(path), copy=name, sha256=hashlib.sha256(content).hexdigest())


async def _carry_out(run_id: str, questions: Sequence[Question], model: JudgeModel) -> Judged:
    """Own the run, ask, and write how it ended, also when it is interrupted or something breaks."""
    home = paths.home()
    with Ledger.open(home.ledger) as ledger, claim(ledger, run_id, home.run(run_id).lock) as ownership:
        journal = Journal(ledger, ownership, known_secrets.gather(ledger.find_run(run_id).context))
        await _end_killed(ledger)
        try:
            answers = await _ask_all(ledger, run_id, journal, questions, model)
        except asyncio.CancelledError:
            await journal.finish(Verdict.CANCELLED, "interrupted")
            raise
        except FabrikError as error:
            await journal.finish(Verdict.FAILED, " ".join(str(error).split())[:REASON])
            raise
        missing = any(answer.passed is None for answer in answers)
        await journal.finish(Verdict.FAILED if missing else Verdict.DONE, _reason(answers))
        return Judged(run=run_id, model=model, answers=answers, usage=ledger.usage(run_id))


async def _end_killed(ledger: Ledger) -> None:
    """End the runs of judges whose process was killed: what they asked is asked anew, not taken up."""
    old = time.time() - GRACE
    for run in ledger.list_runs(limit=None, status="running", workflow=WORKFLOW):
        if run.alive or run.started_at > old:
            continue
        try:
            with claim(ledger, run.id, paths.home().run(run.id).lock) as ownership:
                if ledger.find_run(run.id).status == "running":
                    await Journal(ledger, ownership).finish(Verdict.CANCELLED, "its process was killed")
                shutil.rmtree(paths.doors_directory(run.id), ignore_errors=True)
        except RunBusy:
            pass  # another judge is ending it


def _reason(answers: Sequence[Answer]) -> str | None:
    """Why not all of it passes, in one line."""
    missing = [answer.feedback for answer in answers if answer.passed is None]
    failed = [answer.feedback for answer in answers if answer.passed is False]
    words = "; ".join(dict.fromkeys(missing or failed))
    return f"{'no verdict' if missing else 'fail'}: {' '.join(words.split())}"[:REASON] if words else None


async def _ask_all(
    ledger: Ledger, run_id: str, journal: Journal, questions: Sequence[Question], model: JudgeModel
) -> tuple[Answer, ...]:
    """The answers, one question after the other; the gateway is open while they are asked."""
    from fabrik.ledger.codec import decode

    context = decode(RunContext, ledger.find_run(run_id).context)
    gateway = RunGateway(run_id, context, ledger, journal)
    found = []
    try:
        for number, question in enumerate(questions, 1):
            found.append(await _ask(gateway, journal, f"judge/{number}", question, model))
            await journal.set_progress(_progress(found, len(questions)))
    finally:
        await gateway.close()
    return tuple(found)


async def _ask(
    gateway: RunGateway, journal: Journal, key: str, question: Question, model: JudgeModel
) -> Answer:
    async def run(step: StepContext) -> Answer:
        async with gateway.door(step.key, egress=False) as paths:
            try:
                said = await ask(question, model, Door(socket=paths.models).post)
                answer = Answer(passed=said.passed, feedback=said.feedback, votes=said.votes)
            except NoVerdict as none:
                answer = Answer(passed=None, feedback=none.what, votes=none.votes)
        names = [artifact.name for artifact in question.artifacts]
        step.tell("judge.verdict", passed=answer.passed, artifacts=names, feedback=answer.feedback[:2000])
        return answer

    inputs = {
        "criteria": question.criteria,
        "artifacts": [hashlib.sha256(artifact.content).hexdigest() for artifact in question.artifacts],
        "votes": question.votes,
        "model": str(model),
    }
    return await journal.step(key, run, result=Answer, inputs=inputs)


def _progress(answers: Sequence[Answer], of: int) -> str:
    """What a list of runs shows: pass, fail, or how many pass."""
    passed = sum(answer.passed is True for answer in answers)
    if of > 1:
        return f"{passed}/{of} pass"
    return {True: "pass", False: "fail", None: "no verdict"}[answers[0].passed]
