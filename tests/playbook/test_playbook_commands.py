"""What commands do, by what is written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fabrik.playbook.commands import Kind, inspect


@pytest.mark.parametrize(
    ("run", "kind"),
    [
        ("pytest -q", "test"),
        ("uv run --frozen pytest", "test"),
        ("python3 -m pytest tests", "test"),
        (".venv/bin/python -m pytest", "test"),
        ("./node_modules/.bin/jest", "test"),
        ("CI=1 npm test", "test"),
        ("npm t", "test"),
        ("npm run test:unit -- --silent", "test"),
        ("npm --prefix web test", "test"),
        ("pnpm --filter api test", "test"),
        ("yarn workspace web test", "test"),
        ("bun test", "test"),
        ("deno task test", "test"),
        ("timeout 60 go test -race ./...", "test"),
        ("cargo +nightly test", "test"),
        ("make -C web test", "test"),
        ("just test", "test"),
        ("./gradlew :app:test", "test"),
        ("mvn -B clean verify", "check"),
        ("php artisan test", "test"),
        ("node --test", "test"),
        ("python manage.py test", "test"),
        ("sh scripts/test.sh", "test"),
        ("nx run-many -t test", "test"),
        ("npx tsc --noEmit", "typecheck"),
        ("yarn tsc", "typecheck"),
        ("npm run check-types", "typecheck"),
        ("poetry run mypy .", "typecheck"),
        ("ruff check .", "lint"),
        ("ruff format --check .", "lint"),
        ("prettier -c .", "lint"),
        ("cargo fmt --all -- --check", "lint"),
        ("npm run format:check", "lint"),
        ("bundle exec rubocop", "lint"),
        ("npm run build", "build"),
        ("go build ./...", "build"),
        ("cmake --build build", "build"),
        ("make lint test", "check"),
        ("ruff check . && pytest", "check"),
        ("cd web && npm test", "test"),
        ('test -z "$(gofmt -l .)"', "check"),
        ("git diff --exit-code", "lint"),
        ("frobnicate", "unknown"),
        ("make", "unknown"),
        ("./run", "unknown"),
    ],
)
def test_commands_that_may_be_checks(run: str, kind: Kind) -> None:
    assert inspect(run).kind == kind


@pytest.mark.parametrize(
    ("run", "why", "told"),
    [
        ("npm ci", "installs", False),
        ("yarn", "installs", False),
        ("pip install -e .", "installs", False),
        ("uv sync", "installs", False),
        ("npx playwright install", "installs", False),
        ("npm run dev", "starts", False),
        ("next dev", "starts", False),
        ("cargo run", "starts", False),
        ("python manage.py runserver", "starts", False),
        ("docker compose up", "outside", False),
        ("curl -f localhost:3000", "outside", False),
        ("npm run test:watch", "waits", False),
        ("npx vitest --watch", "waits", False),
        ("npm test -- --watch", "waits", False),
        ("ruff format .", "changes files", True),
        ("ruff check --fix", "changes files", True),
        ("npm run lint -- --fix", "changes files", True),
        ("npm run lint:fix", "changes files", False),
        ("rubocop -A", "changes files", True),
        ("npm run format", "changes files", True),
        ("jest -u", "expect", True),
        ("gofmt -l .", "whatever", False),
        ("pytest | tee log", "pipe", True),
        ("pytest; exit 0", "whatever", True),
        ("npm test || echo failed", "whatever", True),
        ("npm ci && npm test", "installs, besides", True),
        ("npm test &", "background", True),
        ("git push", "no check", False),
        ("make deploy", "outside", False),
    ],
)
def test_commands_that_are_none(run: str, why: str, told: bool) -> None:
    found = inspect(run)
    assert (found.kind, found.told) == ("never", told)
    assert why in found.why


@pytest.mark.parametrize(
    "run",
    [
        "pytest tests/test_a.py::test_b",
        "pytest -k quotes",
        "npx jest -t name",
        "npm test -- --testNamePattern=x",
        "go test -run TestX ./...",
        "./gradlew test --tests A",
        "dotnet test --filter A",
        "cargo test a::b",
        "mvn test -Dtest=A",
    ],
)
def test_commands_for_a_part_of_the_tests(run: str) -> None:
    assert inspect(run).targeted


@pytest.mark.parametrize(
    "run", ["pytest tests/test_a.py", "npx vitest run src/a.test.ts", "rspec spec/a_spec.rb"]
)
def test_commands_for_a_file(run: str) -> None:
    found = inspect(run)
    assert found.file
    assert not found.targeted


@pytest.mark.parametrize(
    "run", ["go test ./...", "pytest tests", "npm run test:unit", "pnpm --filter a test"]
)
def test_commands_for_all(run: str) -> None:
    found = inspect(run)
    assert not found.targeted
    assert not found.file


@given(st.text())
def test_no_command_is_too_strange(run: str) -> None:
    inspect(run)
