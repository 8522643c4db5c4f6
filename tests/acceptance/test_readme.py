"""The five minutes of the README, as a reader would go through them, and its sample post."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.acceptance.sites import ROOT, TIMEOUT_S, Site

README = (ROOT / "README.md").read_text()
FIVE_MINUTES = README.partition("## Five minutes")[2].partition("\n## ")[0]

# What VitePress makes of the files; `npm run build` runs it.
BUILD = """\
import pathlib, re
out = pathlib.Path(".vitepress/dist")
pages = []
for file in sorted(pathlib.Path(".").glob("blog/*.md")):
    _, head, body = file.read_text().split("---\\n", 2)
    title = re.search("title: (.*)", head)[1]
    page = out / "blog" / f"{file.stem}.html"
    page.parent.mkdir(parents=True, exist_ok=True)
    text = "".join(f"<p>{part}</p>" for part in body.strip().split("\\n\\n"))
    page.write_text(f"<title>{title}</title><h1>{title}</h1>{text}")
    pages.append(f"<url><loc>https://blog.example/blog/{file.stem}</loc></url>")
(out / "sitemap.xml").write_text(f"<urlset>{''.join(pages)}</urlset>")
"""
BODY = "\nSix steps keep chaos out of any project that has more than one person.\n"


def the_sample() -> str:
    """Give the README's post, with its dates still to come."""
    found = re.search(r"```yaml\n(---\n.*?\n---\n)```", FIVE_MINUTES, re.DOTALL)
    assert found is not None
    return found[1].replace("2027-", "2099-") + BODY


def the_commands() -> list[list[str]]:
    found = re.search(r"```\n(pip install.*?)```", FIVE_MINUTES, re.DOTALL)
    assert found is not None
    lines = [line.partition("#")[0].split() for line in found[1].splitlines()]
    return [words[1:] for words in lines if words[0] == "publisher"]


def a_blog(folder: Path) -> Site:
    """Write a blog that knows nothing of publisher, with the sample post in it."""
    npm = folder / "bin" / "npm"
    npm.parent.mkdir(parents=True)
    npm.write_text(f"#!/bin/sh\nexec {sys.executable} build.py\n")
    npm.chmod(0o755)
    blog = folder / "my-blog"
    for name in ("blog", ".vitepress", "node_modules"):
        (blog / name).mkdir(parents=True)
    (blog / "build.py").write_text(BUILD)
    package = {"devDependencies": {"vitepress": "1"}, "scripts": {"build": "vitepress build"}}
    (blog / "package.json").write_text(json.dumps(package))
    (blog / ".vitepress" / "config.mts").write_text(
        "export default { sitemap: { hostname: 'https://blog.example' } }"
    )
    (blog / "blog" / "old.md").write_text("---\ntitle: Old\ndate: 2025-01-01\n---\n\nOld text.\n")
    (blog / "blog" / "pattern.md").write_text(the_sample())
    path = f"{npm.parent}:{Path(sys.executable).parent}:/usr/bin:/bin"
    return Site(folder=blog, environ={"PATH": path, "TZ": "Europe/Oslo"})


def test_each_command_of_the_five_minutes_works_with_what_init_writes(tmp_path: Path) -> None:
    site = a_blog(tmp_path)
    commands = the_commands()

    assert [words[0] for words in commands] == [
        *("init", "check", "calendar", "adopt", "rehearse", "run")
    ]
    for words in commands[:-1]:
        site.run(*words, *(["--yes"] if words == ["adopt"] else []))
    site.run("tick")

    states = {
        release["post"]: release["state"]
        for release in site.run("status", "--json").json()["releases"]
    }
    assert states == {"old": "baseline", "pattern": "scheduled"}


def test_the_sample_post_is_in_the_calendar_and_has_no_errors(tmp_path: Path) -> None:
    site = a_blog(tmp_path)
    site.run("init", "--no-build")

    problems = site.run("check", "--json").json()["problems"]
    entries = site.run("calendar", "--json").json()["entries"]

    assert {problem["rule"] for problem in problems} == {"unknown-channel"}
    assert [(entry["action"], entry["local"]) for entry in entries] == [
        ("release", "2099-03-09T09:00:00+01:00"),
        ("announce", "2099-03-09T09:00:00+01:00"),
    ]


def test_the_daemon_starts_and_ends_when_it_is_told(tmp_path: Path) -> None:
    site = a_blog(tmp_path)
    site.run("init", "--no-build")
    site.run("adopt", "--yes")

    with subprocess.Popen(
        site.command("run"),
        cwd=site.folder,
        env=site.all_environ(),
        stderr=subprocess.PIPE,
        text=True,
    ) as daemon:
        assert daemon.stderr is not None
        daemon.stderr.readline()  # what it says once it runs
        daemon.send_signal(signal.SIGTERM)
        daemon.communicate(timeout=TIMEOUT_S)

    assert daemon.returncode == 0
