"""Config files: what they say is read, what is wrong is told at once, and a project cannot open the host."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fabrik.config.model import Config, Limits, UpstreamSettings
from fabrik.config.read import ConfigErrors, load_config, user_config_path
from fabrik.errors import UsageError

GiB = 1 << 30


class Files:
    """The two config files of a test."""

    def __init__(self, directory: Path) -> None:
        self.project = directory / "project"
        self.project.mkdir()
        self.user_file = directory / "user.toml"

    def load(self, *, project: str | bytes = "", user: str | bytes = "", **environ: str) -> Config:
        for path, text in ((self.project / "fabrik.toml", project), (self.user_file, user)):
            path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return load_config(self.project, self.user_file, environ)

    def problems(self, *, project: str | bytes = "", user: str | bytes = "") -> list[str]:
        with pytest.raises(ConfigErrors) as caught:
            self.load(project=project, user=user)
        assert caught.value.exit_status == 2
        return [
            f"{Path(problem.file).name}: {problem.where}: {problem.what}" for problem in caught.value.problems
        ]


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


def test_without_files_the_defaults_hold(tmp_path: Path) -> None:
    expected = Config(
        agent=None,
        model=None,
        sandbox="bubblewrap",
        allow=(),
        setup=(),
        limits=Limits(
            session_seconds=3600,
            check_seconds=1200,
            memory_bytes=8 * GiB,
            processes=2048,
            output_bytes=4 * GiB,
            disk_bytes=20 * GiB,
        ),
        iterations=100,
        attempts=5,
        max_wait_seconds=6 * 3600,
        budget_usd=None,
        budget_tokens=None,
        budget_calls=None,
    )
    assert load_config(tmp_path, tmp_path / "none.toml", {}) == expected
    assert load_config(None, tmp_path / "none.toml", {}) == expected


def test_everything_a_user_can_say(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/me")
    found = files.load(
        user="""
        agent = "my.own:agent"
        model = "large"
        sandbox = "none"
        allow = ["PyPI.org", "*.pythonhosted.org", "npm.example:4873", "localhost:80", "10.0.0.1"]
        setup = ["uv sync"]
        read_only = ["~/.cache/uv", "/opt/sdk"]
        path = ["/opt/sdk/bin"]
        [env]
        EDITOR = "true"
        EMPTY = ""
        [limits]
        session = "90m"
        check = 30
        memory = "512MiB"
        processes = "unlimited"
        output = 4096
        disk = "1.5 GB"
        iterations = 0
        attempts = 2
        max_wait = "1h30m"
        budget_usd = 20
        budget_tokens = 1_000_000
        budget_calls = "unlimited"
        [gateway.anthropic]
        base_url = "https://proxy.example.com/anthropic/"
        key_env = "COMPANY_KEY"
        [gateway.openai]
        base_url = "http://127.0.0.1:8080/v1"
        """
    )
    assert found == Config(
        agent="my.own:agent",
        model="large",
        sandbox="none",
        allow=("pypi.org", "*.pythonhosted.org", "npm.example:4873", "localhost:80", "10.0.0.1"),
        setup=("uv sync",),
        limits=Limits(
            session_seconds=5400,
            check_seconds=30,
            memory_bytes=512 << 20,
            processes=None,
            output_bytes=4096,
            disk_bytes=1_500_000_000,
        ),
        iterations=0,
        attempts=2,
        max_wait_seconds=5400,
        budget_usd=20,
        budget_tokens=1_000_000,
        budget_calls=None,
        read_only=("/home/me/.cache/uv", "/opt/sdk"),
        path=("/opt/sdk/bin",),
        env={"EDITOR": "true", "EMPTY": ""},
        upstreams={
            "anthropic": UpstreamSettings(
                base_url="https://proxy.example.com/anthropic", key_env="COMPANY_KEY"
            ),
            "openai": UpstreamSettings(base_url="http://127.0.0.1:8080/v1"),
        },
    )


def test_everything_a_project_can_say(files: Files) -> None:
    found = files.load(
        project="""
        agent = "claude"
        model = "small"
        sandbox = "bubblewrap"
        allow = ["pypi.org"]
        setup = ["npm ci", "npm run build"]
        [limits]
        session = "10m"
        budget_usd = 1.5
        """
    )
    assert found == Config(
        agent="claude",
        model="small",
        allow=("pypi.org",),
        setup=("npm ci", "npm run build"),
        limits=Limits(session_seconds=600),
        budget_usd=1.5,
    )


@pytest.mark.parametrize(
    ("text", "where", "why"),
    [
        ('read_only = ["/"]', "read_only", "it would show a project files of your machine"),
        ('path = ["/tmp"]', "path", "it would choose the programs that run"),
        ('[env]\nLD_PRELOAD = "x"', "env", "it would set variables in every sandbox"),
        ('[gateway.anthropic]\nbase_url = "https://evil.example"', "gateway", "where your keys are sent"),
        ('sandbox = "none"', "sandbox", "a project cannot turn its own sandbox off"),
        ('sandbox = "evil.module:Provider"', "sandbox", "no name that a project may choose"),
        ('agent = "evil.module:Agent"', "agent", "no name that a project may choose"),
        ('agent = "../evil"', "agent", "no name that a project may choose"),
        ('[limits]\nmemory = "unlimited"', "limits.memory", "a project cannot lift a limit"),
        ('[limits]\nbudget_usd = "unlimited"', "limits.budget_usd", "a project cannot lift a limit"),
        ("[limits]\niterations = 0", "limits.iterations", "a project cannot lift a limit"),
    ],
)
def test_a_cloned_repository_cannot_open_the_host(files: Files, text: str, where: str, why: str) -> None:
    (problem,) = files.problems(project=text)
    assert problem.startswith(f"fabrik.toml: {where}: ") and why in problem
    assert "a project" in problem or "refused" not in problem


def test_the_way_out_is_the_users_own_file(files: Files, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/home/me/config")
    with pytest.raises(ConfigErrors) as caught:
        files.load(project='read_only = ["/opt"]')
    assert "/home/me/config/fabrik/config.toml" in caught.value.todo
    assert files.load(user='read_only = ["/opt"]').read_only == ("/opt",)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("agent = 1", "agent: must be a text in quotes, not a number"),
        ('agent = " "', "agent: must not be empty"),
        ('allwo = ["x"]', "allwo: is not a known key"),
        ('allow = "pypi.org"', "allow: must be a list, not a text"),
        ('allow = ["*"]', "allow[0]: '*' is no name to allow"),
        ('allow = ["ok.org", "https://pypi.org"]', "allow[1]: 'https://pypi.org' is no name to allow"),
        ('allow = ["pypi.org/simple"]', "allow[0]: 'pypi.org/simple' is no name to allow"),
        ('allow = ["pypi.org:0"]', "allow[0]: 'pypi.org:0' is no name to allow"),
        ('allow = ["pypi.org:65536"]', "allow[0]: 'pypi.org:65536' is no name to allow"),
        ('allow = ["a.*.org"]', "allow[0]: 'a.*.org' is no name to allow"),
        ('allow = [""]', "allow[0]: must not be empty"),
        ('allow = ["preset:cobol"]', "allow[0]: 'preset:cobol' is no preset"),
        ('allow = ["10.0.0.1/8"]', "allow[0]: '10.0.0.1/8' is no name to allow"),
        ('allow = ["10.0.0.0/8:0"]', "allow[0]: '10.0.0.0/8:0' is no name to allow"),
        ('allow = ["[fe80::1%eth0]"]', "allow[0]: '[fe80::1%eth0]' is no name to allow"),
        ('setup = [""]', "setup[0]: must not be empty"),
        ('setup = ["a\\u0000b"]', "setup[0]: must not contain a NUL character"),
        ("limits = 1", "limits: must be an object, not a number"),
        ("[limits]\nsesion = 1", "limits.sesion: is not a known key"),
        (
            '[limits]\nsession = "60x"',
            "limits.session: must be a length of time such as 60m, 1h30m or a number",
        ),
        ("[limits]\nsession = 0", "limits.session: must be more than 0 and at most a year"),
        ("[limits]\nsession = inf", "limits.session: must be more than 0 and at most a year"),
        ("[limits]\nsession = nan", "limits.session: must be more than 0 and at most a year"),
        ('[limits]\nmemory = "8 gigs"', "limits.memory: must be a size such as 8GiB"),
        ("[limits]\nmemory = true", "limits.memory: must be a size such as 8GiB"),
        ("[limits]\nmemory = -1", "limits.memory: must be more than 0"),
        ("[limits]\nprocesses = 0", "limits.processes: must be more than 0"),
        ("[limits]\nprocesses = 1.5", "limits.processes: must be a whole number"),
        ("[limits]\niterations = -1", "limits.iterations: must be at least 0"),
        ('[limits]\niterations = "unlimited"', "limits.iterations: must be a whole number, not a text"),
        ("[limits]\nattempts = 0", "limits.attempts: must be more than 0"),
        ('[limits]\nmax_wait = "unlimited"', "limits.max_wait: must be a length of time"),
        ("[limits]\nbudget_usd = -0.5", "limits.budget_usd: must be at least 0"),
        ("[limits]\nbudget_usd = nan", "limits.budget_usd: must be a finite number"),
        ('read_only = ["opt"]', "read_only[0]: must be an absolute path, or start with ~/"),
        ('path = ["~nobody-of-this-name/x"]', "path[0]: '~nobody-of-this-name/x' names no home directory"),
        (
            '[env]\nOPENAI_API_KEY = "sk"',
            "env.OPENAI_API_KEY: is the name of a key, and no key enters a sandbox",
        ),
        ('[env]\n"A=B" = "x"', "env.A=B: must be the name of an environment variable"),
        ("[env]\nA = 1", "env.A: must be a text in quotes, not a number"),
        ("[gateway.antropic]", "gateway.antropic: must be one of anthropic, openai, gemini"),
        (
            '[gateway.gemini]\nbase_url = "ftp://x"',
            "gateway.gemini.base_url: must be an http or https address",
        ),
        (
            '[gateway.gemini]\nbase_url = "http://x:y"',
            "gateway.gemini.base_url: must be an http or https address",
        ),
        (
            '[gateway.gemini]\nbase_url = "https://me:pw@x"',
            "gateway.gemini.base_url: must hold no credentials",
        ),
        (
            '[gateway.gemini]\nkey_env = "sk-123"',
            "gateway.gemini.key_env: must be the name of an environment",
        ),
        ('[gateway.gemini]\nkey = "sk-123"', "gateway.gemini.key: is not a known key"),
    ],
)
def test_one_mistake_gives_one_problem(files: Files, text: str, expected: str) -> None:
    (problem,) = files.problems(user=text)
    assert problem.startswith(f"user.toml: {expected}")


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ('allwo = ["x"]', "allow"),
        ("[limits]\nsessions = 1", "session"),
        ("[gateway.openai]\nbaseurl = 'x'", "base_url"),
        ("[gateway.antropic]", "anthropic"),
        ("readonly = []", "read_only"),
    ],
)
def test_what_was_probably_meant(files: Files, text: str, meant: str) -> None:
    with pytest.raises(ConfigErrors) as caught:
        files.load(user=text)
    assert caught.value.todo == f"did you mean `{meant}`?"


def test_all_mistakes_of_both_files_at_once(files: Files) -> None:
    found = files.problems(user="agent = 1\n[limits]\ndisk = 0", project='path = ["/x"]\nmodle = "x"')
    assert [line.rsplit(": ", 1)[0].split(": ", 2)[:2] for line in found] == [
        ["user.toml", "agent"],
        ["user.toml", "limits.disk"],
        ["fabrik.toml", "path"],
        ["fabrik.toml", "modle"],
    ]


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("agent = \n", "line 1, column 9", "is not valid TOML"),
        ('a = "b"\nagent = "x\n', "line 2, column 11", "is not valid TOML"),
        ('agent = "a"\nagent = "b"\n', "line 2", "is not valid TOML"),
        (b"\xff", "", "is not UTF-8"),
        ("a = " + "[" * 5000, "", "is not valid TOML"),
        ("a = 2026-13-01", "line 1", "is not valid TOML"),
        ("#" * ((1 << 20) + 1), "", "is larger than 1 MiB"),
    ],
)
def test_what_is_no_toml(files: Files, text: str | bytes, where: str, what: str) -> None:
    (problem,) = files.problems(user=text)
    assert problem.startswith(f"user.toml: {where}") and what in problem


def test_a_byte_order_mark_does_no_harm(files: Files) -> None:
    assert files.load(user=b'\xef\xbb\xbfagent = "pi"').agent == "pi"


def test_a_directory_in_the_place_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "fabrik.toml").mkdir()
    with pytest.raises(ConfigErrors, match="is not a file"):
        load_config(tmp_path, tmp_path / "none", {})


def test_the_environment_counts(files: Files) -> None:
    found = files.load(project='agent = "claude"', RALPH_AGENT="pi", MAX_ITERATIONS="0")
    assert (found.agent, found.iterations) == ("pi", 0)
    with pytest.raises(UsageError, match="no number of iterations"):
        files.load(MAX_ITERATIONS="many")


def test_where_the_users_file_is() -> None:
    assert user_config_path({"XDG_CONFIG_HOME": "/x"}) == Path("/x/fabrik/config.toml")
    assert user_config_path({}) == Path.home() / ".config/fabrik/config.toml"
    assert user_config_path({"XDG_CONFIG_HOME": ""}) == Path.home() / ".config/fabrik/config.toml"


KEYS = [
    "agent",
    "allow",
    "setup",
    "limits",
    "limits.session",
    "limits.memory",
    "env",
    "gateway.openai.base_url",
    "protected",
    "review",
    "review.reviewers",
    "review.rounds",
    "review.models",
    "x",
]
VALUES = st.one_of(
    st.integers().map(str),
    st.floats().map(lambda value: str(value)),
    st.booleans().map(lambda value: str(value).lower()),
    st.text("abc 0123456789GiBmh.*:/-~", max_size=12).map(lambda value: f'"{value}"'),
    st.sampled_from(["[]", '["a", 1]', "{}", "{a = 1}", "1979-05-27", "[[]]"]),
)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(KEYS), VALUES) | st.binary(max_size=100))
def test_any_content_is_read_or_told(content: dict[str, str] | bytes) -> None:
    with tempfile.TemporaryDirectory() as directory:
        text = (
            content
            if isinstance(content, bytes)
            else "\n".join(f"{key} = {value}" for key, value in content.items()).encode()
        )
        found = Files(Path(directory))
        for project, user in ((text, b""), (b"", text)):
            try:
                assert isinstance(found.load(project=project, user=user), Config)
            except ConfigErrors as error:
                assert error.problems
