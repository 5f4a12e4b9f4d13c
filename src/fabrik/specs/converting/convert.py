"""Plans a conversion, and makes sure that nothing is lost by it. Reads files; `write` writes them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from fabrik.errors import FabrikError, UsageError
from fabrik.problems import Problem
from fabrik.specs import front_matter
from fabrik.specs.converting import comments
from fabrik.specs.converting.content import LISTS, Content, Entry, check_json, differences, of_document
from fabrik.specs.converting.fill import Value, body, canonical
from fabrik.specs.converting.layout import layout
from fabrik.specs.converting.markdown_out import holds, markdown, read_again, task_texts
from fabrik.specs.documents import SpecDocument
from fabrik.specs.draft import Draft
from fabrik.specs.drafts import MARKDOWN, WRAPPED, read_draft, todo_path_of
from fabrik.specs.files import decode
from fabrik.specs.json_spec import read_json_spec, read_json_todo
from fabrik.specs.markdown_spec import above, checks_of, contents_of, front_document
from fabrik.specs.model import Spec, Todo
from fabrik.specs.problems import SpecErrors
from fabrik.specs.read import names_taken, read_todo_file

Format = Literal["json", "markdown"]


@dataclass(frozen=True, kw_only=True)
class Conversion:
    """The files of a conversion, not written yet."""

    source: Path
    files: dict[Path, str]
    notes: tuple[str, ...] = ()  # what the user should know


def convert(path: Path, *, to: Format | None = None, out: Path | None = None) -> Conversion:
    """The spec of a file in the other format, with its todo.

    out: the file to write; by default beside it with the other suffix. Raises SpecErrors when the spec or its
    todo is not right, UsageError when it has that format already or would lose something on the way.
    """
    draft = read_draft(path)
    problems = list(draft.problems)
    name = path.name.lower()
    was: Format = "markdown" if name.endswith((*MARKDOWN, *WRAPPED)) else "json"
    todo, todo_file = draft.todo, None
    if (beside := todo_path_of(path)).exists():
        _, todo = read_todo_file(beside, problems, taken=names_taken(draft))
        todo_file = beside
        if draft.todo is not None:
            what = f"the spec {path} lists tasks as well"
            problems.append(Problem(file=str(beside), what=what, todo="remove one of the two"))
    if draft.spec is None or problems:
        raise SpecErrors(problems)
    target = to or ("json" if was == "markdown" else "markdown")
    if was == target:
        todo_hint = "nothing to convert; `--to` names the other format"
        raise UsageError(
            f"is {'Markdown' if was == 'markdown' else 'JSON'} already", where=str(path), todo=todo_hint
        )
    place = out or _beside(path, target)
    _fits(place, target)
    if draft.spec.holdout and place.parent.resolve() != path.parent.resolve():
        what = "its held-out files are named relative to the spec, and would not be found from there"
        raise UsageError(
            what, where=str(place), todo="convert it in its own directory, and move it with its files"
        )
    if target == "json":
        return _to_json(draft, draft.spec, todo, todo_file, place)
    return _to_markdown(draft, draft.spec, todo, todo_file, place)


def write(conversion: Conversion) -> None:
    """Write the files; none where one is there already. Raises UsageError, FabrikError."""
    for path in conversion.files:
        if path.exists() or path.is_symlink():
            raise UsageError(
                "is there already", where=str(path), todo="choose another name with --out, or remove it"
            )
    for path, text in conversion.files.items():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("x", encoding="utf-8", newline="\n") as stream:
                stream.write(text)
        except OSError as error:
            raise FabrikError(f"cannot be written: {error.strerror}", where=str(path)) from error


def _beside(path: Path, target: Format) -> Path:
    stem = todo_path_of(path).name.removesuffix(".todo.json")
    return path.with_name(f"{stem}.{'json' if target == 'json' else 'md'}")


def _fits(place: Path, target: Format) -> None:
    low = place.name.lower()
    fits = (
        low.endswith(MARKDOWN)
        if target == "markdown"
        else low.endswith(".json") and not low.endswith((".todo.json", *WRAPPED))
    )
    if not fits:
        raise UsageError(
            f"is no name for {'Markdown' if target == 'markdown' else 'JSON'}",
            where=str(place),
            todo="call it NAME.md or NAME.json",
        )


def _to_json(draft: Draft, spec: Spec, todo: Todo | None, todo_file: Path | None, place: Path) -> Conversion:
    content = content_of(draft)
    text = json.dumps(json_values(content), indent=2, ensure_ascii=False) + "\n"
    made = Draft(path=place)
    read_json_spec(text, made)
    _same(spec, made, place)
    files = {place: text}
    notes = []
    todo_place = todo_path_of(place)
    if todo is not None and not (todo_file and todo_file.absolute() == todo_place.absolute()):
        files[todo_place] = _todo_text(todo, todo_file)
        problems: list[Problem] = []
        if read_json_todo(files[todo_place], todo_place, problems, names_taken(made)) != todo:
            raise UsageError(
                "its tasks would not be the same in a todo", where=str(draft.path), todo=_told(problems)
            )
        if todo_file is None and todo_place.absolute() == todo_path_of(draft.path).absolute():
            notes.append(f"remove {draft.path} before you go on: its tasks are in {todo_place} as well")
    return Conversion(source=draft.path, files=files, notes=tuple(notes))


def _to_markdown(
    draft: Draft, spec: Spec, todo: Todo | None, todo_file: Path | None, place: Path
) -> Conversion:
    document = SpecDocument.model_validate(json.loads(_text_of(draft)))
    content = of_document(document)
    stays = todo_file is not None and todo_file.absolute() == todo_path_of(place).absolute()
    inside = todo if todo is not None and not stays and holds(todo, spec.id) else None
    text, made = _read_again(markdown(content, inside, place), place)
    if inside is not None and made.todo != inside:  # what stands around the list disturbs it
        inside = None
        text, made = _read_again(markdown(content, None, place), place)
    _same(spec, made, place)
    files = {place: text}
    if todo is not None and inside is None and not stays:
        files[todo_path_of(place)] = _todo_text(todo, todo_file)
    notes = [f"its tasks stay in {todo_file}"] if stays else []
    return Conversion(source=draft.path, files=files, notes=tuple(notes))


def _read_again(text: str, place: Path) -> tuple[str, Draft]:
    return text, read_again(text, place)


def _same(spec: Spec, made: Draft, place: Path) -> None:
    """Raises UsageError when the converted text says something else."""
    if made.spec is None or made.problems:
        raise UsageError("what it would become is no sound spec", where=str(place), todo=_told(made.problems))
    if lost := differences(spec, made.spec):
        raise UsageError(
            f"it would lose or change: {', '.join(lost)}",
            where=str(spec.path),
            todo="simplify these, then convert",
        )


def _told(problems: list[Problem]) -> str:
    return "; ".join(f"{problem.where} {problem.what}".strip() for problem in problems)


def content_of(draft: Draft) -> Content:
    """What a Markdown spec says, with its prose. The draft is sound."""
    text = _text_of(draft)
    ignored: list[Problem] = []
    file = str(draft.path)
    front = front_matter.split(text, file, ignored)
    contents = contents_of(front, file, ignored)
    document = front_document(front, file, ignored)
    if document is None or draft.spec is None:
        raise SpecErrors(ignored)
    spec = draft.spec
    checks, _ = checks_of(front, document, contents, file, ignored)
    lists = {name: _list(spec, name) for name in (*LISTS, "mayChange")}
    counts = {name: len(above(document, _inside(name))) for name in LISTS} | {"checks": len(document.checks)}
    if document.title:
        counts["title"] = 1
    content = Content(
        id=spec.id,
        title=spec.title,
        status=spec.status,
        version=document.version,
        last_updated=document.last_updated,
        lists=lists,
        supersedes=spec.supersedes,
        depends_on=spec.depends_on,
        env=tuple(document.cfg.env) if document.cfg else None,
        checks=tuple(checks),
        holdout=tuple(document.holdout),
        prose=tuple(layout(front.body, front.body_line, contents, counts, spec.may_change)),
        comments=tuple(comments.in_yaml(front.source)),
    )
    return content if _has_prose(content, draft.todo) else _without_prose(content)


def _has_prose(content: Content, todo: Todo | None) -> bool:
    """Whether the document is more than its fields under their usual headings."""
    values = {name: [Value(text=text) for text in texts] for name, texts in content.lists.items()}
    values["title"] = [Value(text=content.title)]
    values["checks"] = [Value(text=check.run, name=check.name) for check in content.checks]
    values["tasks"] = [Value(text=text) for text in task_texts(todo.tasks)] if todo else []
    placed: set[str] = {entry.put for entry in content.prose if not isinstance(entry, str)}
    shown = {name: own for name, own in values.items() if name in placed}  # the rest is in the front matter
    return _squeezed(body(content.prose, shown)) != _squeezed(body(canonical(shown), shown))


def _squeezed(text: str) -> list[str]:
    return [line.rstrip() for line in text.split("\n") if line.strip()]


def _without_prose(content: Content) -> Content:
    return replace(content, prose=())


def json_values(content: Content) -> dict[str, Any]:
    """What a spec says, as spec.json."""
    values: dict[str, Any] = {
        "v": 1,
        "id": content.id,
        "title": content.title,
        "status": content.status,
        "version": content.version,
        "lastUpdated": content.last_updated,
        "goals": content.lists["goals"],
        "nonGoals": content.lists["nonGoals"],
        "req": {key: content.lists[key] for key in ("api", "behavior", "obs")},
        "accept": content.lists["accept"],
        "assume": content.lists["assume"],
    }
    optional: dict[str, Any] = {
        "supersedes": content.supersedes,
        "dependsOn": content.depends_on,
        "cfg": {"env": content.env} if content.env is not None else None,
        "checks": [check_json(check) for check in content.checks],
        "holdout": [check_json(check) for check in content.holdout],
        "mayChange": content.lists["mayChange"],
        "prose": [_entry_json(entry) for entry in content.prose],
        "comments": content.comments,
    }
    return values | {key: value for key, value in optional.items() if value}


def _entry_json(entry: Entry) -> Any:
    return entry if isinstance(entry, str) else entry.model_dump(by_alias=True, exclude_defaults=True)


def _todo_text(todo: Todo, file: Path | None) -> str:
    """The text of a todo.json: that of its file where it has one."""
    if file is not None:
        return file.read_text(encoding="utf-8")
    values = {
        "v": 1,
        "id": todo.id,
        "tdd": todo.tdd,
        "dod": todo.dod,
        "tasks": [{"id": task.id, "do": task.do, "verify": task.verify} for task in todo.tasks],
    }
    return json.dumps(values, indent=2, ensure_ascii=False) + "\n"


def _text_of(draft: Draft) -> str:
    text = decode(draft.data, str(draft.path))
    if isinstance(text, Problem):
        raise SpecErrors([text])
    if draft.path.name.lower().endswith(WRAPPED):
        return str(json.loads(text)["content"])
    return text


def _list(spec: Spec, name: str) -> tuple[str, ...]:
    found: tuple[str, ...] = getattr(spec, _inside(name))
    return found


def _inside(name: str) -> str:
    return {"nonGoals": "non_goals", "mayChange": "may_change"}.get(name, name)


__all__ = ["Conversion", "Format", "content_of", "convert", "json_values", "write"]
