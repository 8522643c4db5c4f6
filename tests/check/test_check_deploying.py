"""What `check` says of the way in which builds go public, without asking anybody."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from publisher import check
from publisher.config import load
from publisher.config.settings import DeploySettings, GitHubSettings, GitSettings, RebuildSettings
from publisher.model import Embargo, Problem
from publisher.model.secret import SecretRef
from tests.check.test_check import NOW, ROOT, settings_of
from tests.posts.sites import a_library, a_text, write

CANARY = "canary-7f3a9c"
HOOK = SecretRef("env", "HOOK")


def problems_of(
    project: Path,
    *,
    deploy: DeploySettings,
    environ: Mapping[str, str] | None = None,
    **changes: Any,
) -> list[Problem]:
    library = a_library(project)
    settings = settings_of(library, deploy=deploy, **changes)
    found = check.run(settings, library, now=NOW, environ={"TOKEN": "t", **(environ or {})})
    return [problem for problem in found if "deploy" in problem.rule]


def with_hook(project: Path, url: str, **changes: Any) -> list[Problem]:
    deploy = DeploySettings(hook=HOOK, **changes)
    return problems_of(project, deploy=deploy, environ={"HOOK": url})


def a_workflow(**changes: Any) -> DeploySettings:
    facts = {
        "repository": "ada/site",
        "token": SecretRef("env", "TOKEN"),
        "workflow": "deploy.yml",
    }
    return DeploySettings(github=GitHubSettings(**{**facts, **changes}))


def a_rebuild(project: Path) -> RebuildSettings:
    return RebuildSettings(
        command=("sh",), output=project / "content" / "dist", timeout=timedelta(minutes=1)
    )


def test_nothing_configured_is_fine(tmp_path: Path) -> None:
    assert problems_of(tmp_path, deploy=DeploySettings()) == []


def test_a_deploy_branch_without_anything_else_is_fine(tmp_path: Path) -> None:
    git = GitSettings(deploy_branch="public")

    assert problems_of(tmp_path, deploy=DeploySettings(), git=git, embargo=Embargo.REDACT) == []


# --- the command -----------------------------------------------------------------------------


def test_a_missing_program_is_an_error(tmp_path: Path) -> None:
    deploy = DeploySettings(command=("no-such-uploader", "dist"))

    (problem,) = problems_of(tmp_path, deploy=deploy)

    assert (problem.rule, problem.severity) == ("deploy-missing", "error")
    assert problem.message == "deploy.command: there is no program 'no-such-uploader' here"


def test_a_program_of_the_project_is_named_with_npx(tmp_path: Path) -> None:
    program = tmp_path / "node_modules" / ".bin" / "wrangler"
    program.parent.mkdir(parents=True)
    program.touch()

    (problem,) = problems_of(tmp_path, deploy=DeploySettings(command=("wrangler", "deploy")))

    assert problem.hint.endswith("write [npx, wrangler, deploy]")


def test_a_program_in_path_and_one_below_the_project_are_found(tmp_path: Path) -> None:
    (tmp_path / "upload").write_text("#!/bin/sh\n")
    (tmp_path / "upload").chmod(0o755)

    there = [
        problems_of(tmp_path, deploy=DeploySettings(command=(program,)))
        for program in ("sh", "./upload")
    ]

    assert there == [[], []]


# --- the hook --------------------------------------------------------------------------------


def test_a_hook_over_https_is_fine(tmp_path: Path) -> None:
    assert with_hook(tmp_path, "https://api.netlify.com/build_hooks/1") == []


def test_a_hook_that_cannot_be_had_here_is_another_rules_business(tmp_path: Path) -> None:
    assert problems_of(tmp_path, deploy=DeploySettings(hook=HOOK)) == []


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (f"http://ci.example.org/{CANARY}", "at ci.example.org is not an https address"),
        (f"https://10.0.0.1/{CANARY}", "at 10.0.0.1 is not asked: 10.0.0.1 is on a private"),
        (f"https://[::1]/{CANARY}", "at [::1] is not asked: ::1 is on a private network"),
        (f"https://169.254.169.254/{CANARY}", "is link-local, or where a cloud keeps"),
        (f"https://u:{CANARY}@ci.example.org/", "contains a user name or password"),
        (CANARY, "the deploy hook is not a web address"),
    ],
)
def test_a_hook_that_would_not_be_asked_is_an_error(
    tmp_path: Path, url: str, expected: str
) -> None:
    (problem,) = with_hook(tmp_path, url)

    assert (problem.rule, problem.severity) == ("deploy-hook", "error")
    assert expected in problem.message
    assert CANARY not in repr(problem)


@pytest.mark.parametrize("url", ["http://ci.example.org/x", "http://10.0.0.1/x"])
def test_a_private_hook_is_fine_where_it_is_meant(tmp_path: Path, url: str) -> None:
    assert with_hook(tmp_path, url, private=True) == []


# --- GitHub ----------------------------------------------------------------------------------


@pytest.mark.parametrize("changes", [{}, {"workflow": None, "event": "released"}])
def test_one_workflow_or_one_event_is_fine(tmp_path: Path, changes: dict[str, Any]) -> None:
    assert problems_of(tmp_path, deploy=a_workflow(**changes)) == []


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"event": "released"}, "deploy.github names both a workflow and an event"),
        ({"workflow": None}, "deploy.github names neither a workflow nor an event"),
        ({"repository": "site"}, "deploy.github.repository is not a name"),
        ({"workflow": None, "event": "e" * 101}, "deploy.github.event is longer than 100"),
        ({"api_url": "http://github.example.org"}, "is not an https address"),
        ({"api_url": "https://192.168.1.2/api/v3"}, "is on a private network"),
    ],
)
def test_github_settings_that_cannot_work_are_errors(
    tmp_path: Path, changes: dict[str, Any], expected: str
) -> None:
    (problem,) = problems_of(tmp_path, deploy=a_workflow(**changes))

    assert (problem.rule, problem.severity) == ("deploy-github", "error")
    assert expected in problem.message


# --- where the embargo would not hold --------------------------------------------------------


def test_a_service_that_builds_the_sources_itself_is_a_warning(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path, deploy=a_workflow(), embargo=Embargo.REDACT)

    assert (problem.rule, problem.severity) == ("deploy-sources", "warning")
    assert "git.deploy_branch" in problem.hint


@pytest.mark.parametrize(
    "changes",
    [
        {"embargo": Embargo.OFF},
        {"embargo": Embargo.REDACT, "git": GitSettings(deploy_branch="public")},
    ],
)
def test_a_service_that_builds_the_deploy_branch_is_fine(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    assert problems_of(tmp_path, deploy=a_workflow(), **changes) == []


def test_a_command_that_publishes_what_was_built_here_is_fine(tmp_path: Path) -> None:
    deploy, rebuild = DeploySettings(command=("sh",)), a_rebuild(tmp_path)

    assert problems_of(tmp_path, deploy=deploy, rebuild=rebuild, embargo=Embargo.REDACT) == []


def test_a_command_that_would_publish_the_sources_is_an_error(tmp_path: Path) -> None:
    (problem,) = problems_of(
        tmp_path, deploy=DeploySettings(command=("sh",)), embargo=Embargo.REDACT
    )

    assert (problem.rule, problem.severity) == ("unbuilt-deploy", "error")
    assert "deploy.command without rebuild.command" in problem.message


def test_one_post_under_embargo_is_enough(tmp_path: Path) -> None:
    deploy = DeploySettings(command=("sh",))
    before = problems_of(tmp_path, deploy=deploy)
    write(tmp_path, "blog/waits.md", a_text("embargo: omit"))

    found = problems_of(tmp_path, deploy=deploy)

    assert before == []
    assert [problem.rule for problem in found] == ["unbuilt-deploy"]


# --- the documentation -----------------------------------------------------------------------

PAGE = (ROOT / "docs" / "howto" / "deploy.md").read_text()
EXAMPLES = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
SITE = """\
site:
  name: sample
  url: https://site.example
  root: content
  posts: "blog/**/*.md"
  post_url: /blog/{slug}
  generator: vitepress
  timezone: Europe/Oslo
"""


@pytest.mark.parametrize("example", EXAMPLES)
def test_every_example_of_the_documentation_is_fine(tmp_path: Path, example: str) -> None:
    library = a_library(tmp_path)
    write(tmp_path, "blog/out.md", a_text("date: 2025-10-28", state="status: published"))
    (tmp_path / "jobs.yaml").write_text(SITE + example)

    settings = load(tmp_path / "jobs.yaml", environ={"HOME": str(tmp_path)})

    found = {problem.rule for problem in check.run(settings, library, now=NOW, environ={})}
    assert settings.deploy != DeploySettings() or settings.git is not None
    assert found <= {"deploy-missing", "secret-missing", "git-unusable"}  # of this machine
