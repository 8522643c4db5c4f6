"""Whether a generator judges dates by itself, as its configuration and the command say."""

from __future__ import annotations

from pathlib import Path

import pytest

from publisher import config
from publisher.check.project import check_generator
from publisher.generators import GENERATORS

HUGO = "write --buildFuture into rebuild.command"
JEKYLL = "write --future into rebuild.command"


@pytest.mark.parametrize(
    ("generator", "files", "command", "switch"),
    [
        ("hugo", {}, "hugo", HUGO),
        ("hugo", {}, "/opt/bin/hugo --minify", HUGO),
        ("hugo", {}, "hugo --buildFuture=false", HUGO),
        ("hugo", {}, "hugo --buildFuture", ""),
        ("hugo", {}, "hugo -DF", ""),
        ("hugo", {"hugo.toml": "buildFuture = true\n"}, "hugo", ""),
        ("hugo", {"hugo.yaml": "title: Mine\nbuildFuture: true\n"}, "hugo", ""),
        ("hugo", {"hugo.json": '{\n  "buildFuture": true\n}\n'}, "hugo", ""),
        ("hugo", {"config/_default/hugo.toml": "buildfuture = true\n"}, "hugo", ""),
        ("hugo", {}, "make site", ""),  # nobody knows what that does
        ("hugo", {"package.json": '{"scripts": {"build": "hugo --gc"}}'}, "npm run build", HUGO),
        ("hugo", {"package.json": '{"scripts": {"build": "hugo -F"}}'}, "npm run build", ""),
        ("hugo", {"package.json": '{"scripts": {"build": "hugo"}}'}, "pnpm build", HUGO),
        ("hugo", {"config.yml": "buildFuture: true\n"}, "hugo", ""),
        ("hugo", {"hugo.toml": "# buildFuture = true\n"}, "hugo", HUGO),
        ("jekyll", {}, "bundle exec jekyll build", JEKYLL),
        ("jekyll", {}, "bundle exec jekyll build --future", ""),
        ("jekyll", {"_config.yml": "future: true\n"}, "jekyll build", ""),
        ("pelican", {"pelicanconf.py": ""}, "pelican content", ""),
        (
            "pelican",
            {"pelicanconf.py": "WITH_FUTURE_DATES = False\n"},
            "pelican content",
            "write WITH_FUTURE_DATES = True into pelicanconf.py",
        ),
        (
            "pelican",
            {"pelicanconf.py": "WITH_FUTURE_DATES = False\n"},
            "pelican content -e WITH_FUTURE_DATES=true",
            "",
        ),
        ("nikola", {"conf.py": "FUTURE_IS_NOW = True\n"}, "nikola build", ""),
        (
            "nikola",
            {"conf.py": "# FUTURE_IS_NOW = True\n"},
            "nikola build",
            "write FUTURE_IS_NOW = True into conf.py",
        ),
        ("mkdocs", {"mkdocs.yml": "plugins:\n  - blog\n"}, "mkdocs build", ""),
        (
            "mkdocs",
            {"mkdocs.yml": "plugins:\n  - blog:\n      draft_if_future_date: true\n"},
            "mkdocs build",
            "write draft_if_future_date: false into mkdocs.yml",
        ),
        ("astro", {}, "npm run build", ""),
        ("eleventy", {}, "npm run build", ""),
        ("vitepress", {}, "npm run build", ""),
    ],
)
def test_the_switch_that_is_missing_is_named(
    generator: str, files: dict[str, str], command: str, switch: str, tmp_path: Path
) -> None:
    for name, text in files.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    assert GENERATORS[generator].date_switch(tmp_path, command.split()) == switch


JOBS = """\
site:
  name: mine
  url: https://blog.example
  posts: "posts/*.md"
  post_url: /{slug}/
  generator: hugo
  timezone: Europe/Oslo
rebuild: {command: [hugo], output: public}
"""


def test_check_warns_of_a_generator_that_judges(tmp_path: Path) -> None:
    (tmp_path / "jobs.yaml").write_text(JOBS)

    (problem,) = check_generator(config.load(tmp_path / "jobs.yaml", environ={}))

    assert (problem.rule, problem.severity) == ("generator-judges-dates", "warning")
    assert problem.hint == HUGO


@pytest.mark.parametrize(
    ("generator", "files", "written"),
    [
        (
            "pelican",
            {"pelicanconf.py": "WITH_FUTURE_DATES = False\n"},
            ("status: draft", "WITH_FUTURE_DATES = True into pelicanconf.py"),
        ),
        (
            "mkdocs",
            {"mkdocs.yml": "plugins:\n  - blog:\n      draft_if_future_date: true\n"},
            ("draft: true", "draft_if_future_date: false into mkdocs.yml"),
        ),
    ],
)
def test_whose_generator_judged_because_it_was_told_to_is_warned_of_what_the_switch_does(
    generator: str, files: dict[str, str], written: tuple[str, str], tmp_path: Path
) -> None:
    jobs = JOBS.replace("generator: hugo", f"generator: {generator}")
    (tmp_path / "jobs.yaml").write_text(jobs.replace("[hugo]", f"[{generator}]"))
    for name, text in files.items():
        (tmp_path / name).write_text(text)

    (problem,) = check_generator(config.load(tmp_path / "jobs.yaml", environ={}))

    first, then = written
    assert problem.hint == (
        f"first write {first} into all future posts, or they become public at once; "
        f"then write {then}"
    )


def test_check_is_silent_where_publisher_builds_nothing(tmp_path: Path) -> None:
    (tmp_path / "jobs.yaml").write_text(JOBS.replace("rebuild:", "# rebuild:"))

    assert list(check_generator(config.load(tmp_path / "jobs.yaml", environ={}))) == []


@pytest.mark.parametrize(
    ("theirs", "rules"),
    [
        ("timeZone = 'Asia/Taipei'\n", ["zone-differs"]),
        ("timeZone = 'Europe/Oslo'\n", []),
        ("timeZone = 'Nowhere'\n", []),
        ("", []),
    ],
)
def test_check_warns_where_the_generator_reads_dates_in_another_zone(
    theirs: str, rules: list[str], tmp_path: Path
) -> None:
    (tmp_path / "jobs.yaml").write_text(JOBS)
    (tmp_path / "hugo.toml").write_text(theirs)

    found = list(check_generator(config.load(tmp_path / "jobs.yaml", environ={})))

    assert [rule for problem in found if (rule := problem.rule) == "zone-differs"] == rules
