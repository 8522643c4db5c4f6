"""The program as a whole, and the commands that set a site up and keep its ledger."""

from __future__ import annotations

import json
import os
import shlex
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import click
import pytest

import publisher
from publisher import config
from publisher.cli import SECTIONS, main
from publisher.config.settings import Settings
from publisher.system import locks
from publisher.system.clock import SystemClock
from tests.acceptance.sites import TIMEOUT_S, Site, a_series, a_site

HELP = """\
Usage: publisher [OPTIONS] COMMAND [ARGS]...

  Release the posts of a static site on time, then announce each once.

  Exit codes: 0 success, 1 error, 2 wrong usage, 3 something needs action.

Options:
  --config PATH  The jobs.yaml to use; default: here or in a folder above.
  -v, --verbose  Log each step to standard error.
  --debug        Show the traceback of an error.
  --version      Show the version and exit.
  -h, --help     Show this message and exit.

Look:
  check     Find problems in jobs.yaml and in the posts.
  calendar  Show what will be released and announced, and when.
  preview   Show the announcements of POST as they will be sent.
  rehearse  Play the calendar on a copy of the site.
  status    Show what is due next and what needs action.
  why       Explain what is planned or held for POST, and why.
  log       Show the events of the site, or of POST.
  embargo   Search the built site for text of unreleased posts.
  alerts    Show the open alerts, or send a test message.

Work:
  run         Run the daemon: release and announce each post on time.
  tick        Do everything that is due now, then exit.
  release     Release POST now, before its date, and announce it.
  reschedule  Move the release of POST to another date.
  withdraw    Unpublish POST and cancel its pending announcements.
  reannounce  Announce POST again, as a new occasion.
  retry       Retry failed or late steps now.
  resolve     Tell publisher whether DELIVERY was sent.

Set up and keep:
  init     Write a jobs.yaml for the site in this folder.
  adopt    Record what is already public; it is never announced.
  backup   Copy the ledger and check the copy; safe while it is in use.
  db       Check or upgrade the ledger's database.
  config   Print the JSON Schema of jobs.yaml.
  trust    Accept a change of jobs.yaml that came by git.
  systemd  Print the systemd units for this site.
"""
COMMANDS = {name: text for names in SECTIONS.values() for name, text in names.items()}
HEAVY = ("alembic", "apscheduler", "jinja2", "requests", "rich", "sqlalchemy", "tweepy", "yaml")


def in_(folder: Path) -> Site:
    return Site(folder=folder)


# --- help and errors ------------------------------------------------------------------------


def test_help_lists_every_command_by_purpose(tmp_path: Path) -> None:
    assert in_(tmp_path).run("--help").out == HELP


@pytest.mark.parametrize("name", COMMANDS)
def test_help_lists_a_command_as_its_own_help_begins(name: str) -> None:
    command = main.get_command(click.Context(main), name)

    assert command is not None
    assert command.name == name
    assert command.get_short_help_str(limit=99) == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_help_of_a_command_has_an_example_that_it_takes(name: str) -> None:
    command = main.get_command(click.Context(main), name)

    assert command is not None
    assert command.epilog is not None
    program, said, *words = shlex.split(command.epilog.removeprefix("Example: "))
    assert (program, said) == ("publisher", name)
    command.make_context(name, words)


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    site = in_(tmp_path)
    code = (
        "import sys; from publisher.cli import main; main(['--help'], standalone_mode=False);"
        f"print(sorted(set({HEAVY}) & set(sys.modules)), file=sys.stderr)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code],
        env=site.all_environ(),
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )

    assert done.stderr == "[]\n"


def test_version(tmp_path: Path) -> None:
    assert in_(tmp_path).run("--version").out == f"publisher, version {publisher.__version__}\n"


def test_folder_without_a_site_is_told_what_to_do(tmp_path: Path) -> None:
    shown = in_(tmp_path).run("status", code=1)

    assert shown.err == (
        f"error: there is no jobs.yaml in {tmp_path} or in a folder above\n"
        "  run `publisher init` to write one, or name it with --config\n"
    )


def test_jobs_yaml_is_found_in_a_folder_above(tmp_path: Path) -> None:
    a_series(tmp_path)

    shown = in_(tmp_path / "content" / "blog").run("preview", "door.md")

    assert shown.out.startswith("The Door  (door, content/blog/door.md)\n")


def test_jobs_yaml_is_named_with_config(tmp_path: Path) -> None:
    a_site(tmp_path / "site")

    shown = in_(tmp_path).run("--config", "site/jobs.yaml", "calendar")

    assert shown.out == "nothing is coming\n"


def test_every_mistake_in_jobs_yaml_is_shown(tmp_path: Path) -> None:
    site = a_site(tmp_path, more="policies: {burst: 5}\nstate_dr: x\n")

    shown = site.run("status", code=1)

    assert shown.err.startswith(
        "error: jobs.yaml:11: unknown key policies\n  did you mean policy?\n"
    )
    assert "jobs.yaml:12: unknown key state_dr\n" in shown.err


def test_debug_shows_where_an_error_came_from(tmp_path: Path) -> None:
    shown = in_(tmp_path).run("--debug", "status", code=1)

    assert "Traceback (most recent call last):" in shown.err


def test_reader_that_goes_away_is_no_mistake(lived_in: Site) -> None:
    log = subprocess.Popen(
        lived_in.command("log"),
        cwd=lived_in.folder,
        env=lived_in.all_environ(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert log.stdout is not None
    assert log.stderr is not None
    log.stdout.close()

    complaint = log.stderr.read()
    log.stderr.close()

    log.wait(timeout=TIMEOUT_S)
    assert complaint == b""


# --- run -----------------------------------------------------------------------------------


def test_tick_goes_on_when_nobody_can_hear_it(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    site.run("adopt", "--yes")
    site.write("pattern", reveal=SystemClock().now().isoformat())

    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            site.command("tick"),
            cwd=site.folder,
            env=site.all_environ(),
            stdin=subprocess.DEVNULL,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )

    assert "mistake" not in done.stderr
    links = [entry["link"] for entry in site.outbox]
    assert links == ["https://site.example/blog/pattern"] * 2


def test_daemon_ends_with_78_when_jobs_yaml_is_wrong(tmp_path: Path) -> None:
    site = a_site(tmp_path, more="policies: {burst: 5}\n")

    site.run("run", code=78)


def test_second_daemon_ends_with_75(tmp_path: Path) -> None:
    site = a_site(tmp_path)

    with locks.hold(tmp_path / ".publisher", locks.DAEMON):
        shown = site.run("run", code=75)

    assert f"held by the publisher process {os.getpid()}" in shown.err


def test_daemon_runs_until_it_is_told_to_stop(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    daemon = subprocess.Popen(
        site.command("run"),
        cwd=site.folder,
        env=site.all_environ(),
        stderr=subprocess.PIPE,
        text=True,
    )
    assert daemon.stderr is not None

    with daemon.stderr as lines:
        first = next(lines)
        daemon.send_signal(signal.SIGTERM)
        rest = lines.read()

    assert first.startswith("service.started site=sample ")
    assert "service.stopped site=sample" in rest
    assert daemon.wait(timeout=TIMEOUT_S) == 0


def test_interrupted_tick_ends_its_build_and_loses_nothing(lived_in: Site) -> None:
    (lived_in.folder / "content" / "generate.py").write_text("import time; time.sleep(60)")
    tick = subprocess.Popen(
        lived_in.command("release", "door", "--yes"),
        cwd=lived_in.folder,
        env=lived_in.all_environ(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert tick.stderr is not None

    with tick.stderr as lines:
        begun = next(lines)
        tick.send_signal(signal.SIGINT)
        rest = lines.read()

    found = lived_in.run("why", "door", "--json").json()
    assert (begun, tick.wait(timeout=TIMEOUT_S)) == ("rebuilding for door\n", 130)
    assert rest == "stopping after the current step\n"
    assert (found["release"]["state"], found["release"]["failures"]) == ("revealing", 0)


# --- rehearse ------------------------------------------------------------------------------


def test_rehearsal_touches_nothing_and_names_its_folder(lived_in: Site, tmp_path: Path) -> None:
    before = lived_in.files()

    shown = lived_in.run("rehearse", "--scratch", str(tmp_path / "scratch"))

    assert "door: announced on x" in shown.out
    assert str(tmp_path / "scratch" / "outbox" / "index.html") in shown.out
    assert lived_in.files() == before


# --- init ----------------------------------------------------------------------------------

GENERATORS = {
    "vitepress": ("package.json", '{"devDependencies": {"vitepress": "1"}}', "npx vitepress build"),
    "astro": ("package.json", '{"dependencies": {"astro": "5"}}', "npx astro build"),
    "eleventy": (
        "package.json",
        '{"dependencies": {"@11ty/eleventy": "3"}}',
        "npx @11ty/eleventy",
    ),
    "hugo": (
        "hugo.toml",
        'baseURL = "https://blog.example/"\n',
        "hugo --buildFuture --cleanDestinationDir",
    ),
    "jekyll": ("_config.yml", "url: https://blog.example\n", "jekyll build --future"),
    "mkdocs": ("mkdocs.yml", "site_name: Mine\nplugins:\n  - blog\n", "mkdocs build"),
    "pelican": (
        "pelicanconf.py",
        'SITEURL = ""\n',
        "pelican content --delete-output-directory --settings pelicanconf.py",
    ),
    "nikola": ("conf.py", 'BLOG_TITLE = "Mine"\n', "nikola build"),
}


def settings_of(folder: Path) -> Settings:
    """Load what init wrote, with an address where it found none."""
    file = folder / "jobs.yaml"
    file.write_text(file.read_text().replace("https://example.org", "https://blog.example"))
    return config.load(file, environ={})


@pytest.mark.parametrize("generator", GENERATORS)
@pytest.mark.parametrize("root", [".", "content"])
def test_init_writes_a_file_that_loads(generator: str, root: str, tmp_path: Path) -> None:
    name, text, command = GENERATORS[generator]
    folder = tmp_path / "my-blog"
    (folder / root).mkdir(parents=True)
    (folder / root / name).write_text(text)

    shown = in_(folder).run("init")

    settings = settings_of(folder)
    assert (settings.site.name, settings.site.generator.name) == ("my-blog", generator)
    assert settings.site.root == folder / root
    assert settings.rebuild is not None
    assert " ".join(settings.rebuild.command) == command
    assert f"wrote {folder / 'jobs.yaml'} for {generator}" in shown.out
    assert "publisher check" in shown.err


def test_init_reads_where_the_site_is_public(tmp_path: Path) -> None:
    (tmp_path / "hugo.toml").write_text('baseURL = "https://blog.example/sub/"\n')

    in_(tmp_path).run("init")

    assert settings_of(tmp_path).site.url == "https://blog.example/sub"


def test_init_finds_vitepress_in_docs(tmp_path: Path) -> None:
    scripts = {"docs:build": "vitepress build docs"}
    package = {"devDependencies": {"vitepress": "1"}, "scripts": scripts}
    (tmp_path / "package.json").write_text(json.dumps(package))
    (tmp_path / "docs" / ".vitepress").mkdir(parents=True)
    (tmp_path / "docs" / "posts").mkdir()

    in_(tmp_path).run("init")

    settings = settings_of(tmp_path)
    assert settings.site.posts == ("docs/posts/**/*.md",)
    assert settings.rebuild is not None
    assert settings.rebuild.command == ("npm", "run", "docs:build")
    assert settings.rebuild.output == tmp_path / "docs" / ".vitepress" / "dist"


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", ":America/New_York"])
def test_init_takes_the_zone_of_the_machine(zone: str, tmp_path: Path) -> None:
    (tmp_path / "hugo.toml").touch()

    Site(folder=tmp_path, environ={"TZ": zone}).run("init")

    assert settings_of(tmp_path).site.zone.key == zone.lstrip(":")


def test_init_quotes_whatever_the_folder_is_called(tmp_path: Path) -> None:
    folder = tmp_path / 'a: "b" #c'
    folder.mkdir()
    (folder / "hugo.toml").touch()

    in_(folder).run("init")

    assert settings_of(folder).site.name == 'a: "b" #c'


def test_init_never_overwrites(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    before = site.files()

    shown = site.run("init", code=1)

    assert f"{tmp_path / 'jobs.yaml'} exists already" in shown.err
    assert site.files() == before


def test_init_without_a_site_says_what_it_looked_for(tmp_path: Path) -> None:
    shown = in_(tmp_path).run("init", code=1)

    assert shown.err.startswith(f"error: no site was found in {tmp_path} or in content/\n")
    assert list(tmp_path.iterdir()) == []


# --- ledger and units ------------------------------------------------------------------------


def test_backup_is_a_whole_ledger_with_the_name_of_its_moment(lived_in: Site) -> None:
    path = Path(lived_in.run("backup").out.strip())

    with closing(sqlite3.connect(path)) as copy:
        posts = copy.execute("SELECT post FROM releases ORDER BY post").fetchall()
    assert path.parent == lived_in.folder / ".publisher" / "backups"
    assert path.name.startswith("ledger-20")
    assert path.name.endswith("Z.sqlite")
    assert posts == [("door",), ("pattern",), ("plane",)]


def test_backup_does_not_overwrite(lived_in: Site, tmp_path: Path) -> None:
    target = tmp_path / "copy.sqlite"
    target.write_text("mine")

    shown = lived_in.run("backup", "--to", str(target), code=1)

    assert f"{target}: exists already" in shown.err
    assert target.read_text() == "mine"


def test_backup_without_a_ledger_says_so(tmp_path: Path) -> None:
    shown = a_site(tmp_path).run("backup", code=1)

    assert "there is no ledger yet" in shown.err


def test_damage_is_found(lived_in: Site) -> None:
    data = bytearray(lived_in.ledger.read_bytes())
    data[4096 * 3 : 4096 * 4] = b"\xff" * 4096
    lived_in.ledger.write_bytes(data)

    lived_in.run("db", "check", code=1)


def test_upgrade_begins_the_ledger(tmp_path: Path) -> None:
    site = a_site(tmp_path)

    site.run("db", "upgrade")

    assert site.run("db", "check").out == f"{site.ledger}: no damage\n"


def test_schema_is_json(tmp_path: Path) -> None:
    found = in_(tmp_path).run("config", "schema").json()

    assert found["title"] == "jobs.yaml of publisher"


def test_units_are_written_under_the_name_of_the_site(tmp_path: Path) -> None:
    site = a_site(tmp_path / "site")
    folder = tmp_path / "units"
    folder.mkdir()

    shown = site.run("systemd", "--write", str(folder), "--user", "root")

    daemon = folder / "publisher-sample.service"
    assert sorted(path.name for path in folder.iterdir()) == [
        "publisher-sample-tick.service",
        "publisher-sample-tick.timer",
        "publisher-sample.service",
    ]
    assert f"--config {tmp_path / 'site' / 'jobs.yaml'} run" in daemon.read_text()
    assert "systemctl enable --now publisher-sample" in shown.err
