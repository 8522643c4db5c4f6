"""Units as systemd's own tools judge them, and words to systemd over a real socket."""

from __future__ import annotations

import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import replace
from datetime import time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from publisher.config.settings import (
    ChannelSettings,
    DeploySettings,
    GitSettings,
    RebuildSettings,
    Settings,
    SiteSettings,
    VerifySettings,
)
from publisher.daemon.notify import Notifier, Starts, watchdog_of
from publisher.daemon.units import step_bound_s, unit_name, units, writable_paths
from publisher.generators import GENERATORS
from publisher.model import ChannelName, Embargo
from publisher.model.errors import ConfigError
from publisher.model.secret import SecretRef

SECRETS = {
    "api_key": SecretRef("env", "X_API_KEY"),
    "token": SecretRef("credential", "linkedin-token"),
}


def some_settings(project: Path, *, name: str = "sample", send_s: int = 60) -> Settings:
    root = project / "content"
    channel = ChannelSettings(
        name=ChannelName("x"), type="x", options=SECRETS, timeout=timedelta(seconds=send_s)
    )
    return Settings(
        file=project / "jobs.yaml",
        site=SiteSettings(
            name=name,
            url="https://chronicles.example",
            root=root,
            posts=("blog/*.md",),
            post_url="/blog/{slug}",
            generator=GENERATORS["vitepress"],
            zone=ZoneInfo("Europe/Oslo"),
            release_time=time(9),
        ),
        state_dir=project / ".publisher",
        ledger_url=f"sqlite:///{project / '.publisher' / 'ledger.db'}",
        rebuild=RebuildSettings(command=("npm", "run", "build"), output=root / ".vitepress/dist"),
        verify=VerifySettings(timeout=timedelta(minutes=15)),
        max_late=timedelta(hours=6),
        stale_after=timedelta(hours=24),
        burst=5,
        channels=(channel,),
    )


def some_units(settings: Settings, executable: Path = Path(sys.executable)) -> Mapping[str, str]:
    return units(settings, executable=executable, user="daemon", group="daemon")


def value_of(unit: str, key: str) -> str:
    """Give the value of a directive that must be there exactly once."""
    values = [line.partition("=")[2] for line in unit.splitlines() if line.startswith(f"{key}=")]
    assert len(values) == 1
    return values[0]


def a_site(project: Path, *, name: str = "sample") -> Settings:
    """Give settings whose folders exist, as systemd wants them."""
    settings = some_settings(project, name=name)
    settings.site.root.mkdir(parents=True)
    return settings


def analyze(folder: Path, files: Mapping[str, str], *arguments: str) -> str:
    program = shutil.which("systemd-analyze")
    if program is None:
        pytest.skip("systemd-analyze is not installed here")
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    done = subprocess.run(
        [program, *arguments, *files],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return done.stdout + done.stderr


def test_systemd_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    files = some_units(a_site(tmp_path / "site"))

    said = analyze(tmp_path, files, "verify", "--man=no")

    assert said == ""


def test_systemd_accepts_a_folder_with_blanks_percents_and_dollars(tmp_path: Path) -> None:
    settings = a_site(tmp_path / "my $HOME 100%n; site")
    executable = tmp_path / "my $bin %n" / "publisher"
    executable.parent.mkdir()
    shutil.copy("/bin/true", executable)
    files = some_units(settings, executable)

    said = analyze(tmp_path, files, "verify", "--man=no")

    assert said == ""


@pytest.mark.parametrize("kind", ["", "-tick"])
def test_a_service_is_hardly_exposed(tmp_path: Path, kind: str) -> None:
    name = f"publisher-sample{kind}.service"
    text = some_units(a_site(tmp_path / "site"))[name]

    said = analyze(tmp_path, {name: text}, "security", "--offline=true", "--no-pager")

    (exposure,) = re.findall(r"Overall exposure level for .*: ([0-9.]+)", said)
    assert float(exposure) <= 1.5


def test_there_are_a_daemon_and_a_timer_for_those_without_one(tmp_path: Path) -> None:
    files = some_units(some_settings(tmp_path))

    assert sorted(files) == [
        "publisher-sample-tick.service",
        "publisher-sample-tick.timer",
        "publisher-sample.service",
    ]


def test_commands_have_absolute_paths(tmp_path: Path) -> None:
    files = some_units(some_settings(tmp_path), Path("/opt/publisher/bin/publisher"))

    command = f"/opt/publisher/bin/publisher --config {tmp_path}/jobs.yaml"
    assert value_of(files["publisher-sample.service"], "ExecStart") == f"{command} run"
    assert value_of(files["publisher-sample-tick.service"], "ExecStart") == f"{command} tick"


def test_arguments_keep_their_dollars_and_percents(tmp_path: Path) -> None:
    settings = replace(some_settings(tmp_path), file=Path("/srv/my $HOME 100%n/jobs.yaml"))

    unit = some_units(settings, Path("/opt/a b/publisher"))["publisher-sample.service"]

    start = '"/opt/a b/publisher" --config "/srv/my $$HOME 100%%n/jobs.yaml" run'
    assert value_of(unit, "ExecStart") == start
    assert value_of(unit, "WorkingDirectory") == "/srv/my $HOME 100%%n"


def test_credentials_are_loaded_and_variables_come_from_a_file(tmp_path: Path) -> None:
    unit = some_units(some_settings(tmp_path))["publisher-sample.service"]

    assert value_of(unit, "LoadCredential") == "linkedin-token:/etc/publisher-sample/linkedin-token"
    assert value_of(unit, "EnvironmentFile") == "-/etc/publisher-sample/secrets.env"
    assert "X_API_KEY" in unit


def test_alerts_and_ping_bring_their_credentials_too(tmp_path: Path) -> None:
    settings = replace(
        some_settings(tmp_path),
        alerts=(SecretRef("credential", "alert-url"),),
        ping=SecretRef("env", "PING_URL"),
    )

    unit = some_units(settings)["publisher-sample.service"]

    assert "LoadCredential=alert-url:/etc/publisher-sample/alert-url" in unit
    assert "PING_URL" in unit


def test_a_crash_never_ends_the_service_for_good(tmp_path: Path) -> None:
    unit = some_units(a_site(tmp_path))["publisher-sample.service"]

    assert value_of(unit, "Restart") == "on-failure"
    assert value_of(unit, "StartLimitIntervalSec") == "0"
    assert value_of(unit, "RuntimeDirectoryPreserve") == "restart"
    assert "StartLimitBurst" not in unit


def test_stopping_waits_for_the_slowest_delivery(tmp_path: Path) -> None:
    unit = some_units(some_settings(tmp_path, send_s=300))["publisher-sample.service"]

    assert int(value_of(unit, "TimeoutStopSec")) >= 300 + 30


def test_the_watchdog_outlasts_a_build_and_a_look_at_the_page(tmp_path: Path) -> None:
    unit = some_units(some_settings(tmp_path))["publisher-sample.service"]

    assert int(value_of(unit, "WatchdogSec")) >= 10 * 60 + 15 * 60 + 60


def test_the_watchdog_outlasts_git_the_search_and_the_deployment(tmp_path: Path) -> None:
    deploy = DeploySettings(command=("make",), timeout=timedelta(minutes=20))
    settings = replace(some_settings(tmp_path), embargo=Embargo.OMIT, git=GitSettings())

    bare = step_bound_s(some_settings(tmp_path))

    assert step_bound_s(replace(settings, deploy=deploy)) == bare + (15 + 30 + 20) * 60


def test_only_the_site_and_the_state_folder_can_be_written(tmp_path: Path) -> None:
    settings = some_settings(tmp_path)

    assert writable_paths(settings) == (tmp_path / ".publisher", tmp_path / "content")


def test_a_ledger_elsewhere_can_be_written_with_its_journal(tmp_path: Path) -> None:
    settings = replace(some_settings(tmp_path), ledger_url="sqlite:////srv/ledgers/sample.db")

    assert Path("/srv/ledgers") in writable_paths(settings)


def test_git_may_write_the_whole_repository(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    settings = replace(some_settings(tmp_path / "blog"), git=GitSettings())

    assert writable_paths(settings) == (tmp_path,)


def test_deploy_command_may_write_where_it_runs(tmp_path: Path) -> None:
    settings = replace(some_settings(tmp_path), deploy=DeploySettings(command=("make", "upload")))

    assert writable_paths(settings) == (tmp_path,)


def test_homes_are_closed_unless_the_site_lies_in_one() -> None:
    at_srv = some_settings(Path("/srv/blog"))
    at_home = some_settings(Path("/home/ada/blog"))

    closed = some_units(at_srv, Path("/usr/bin/publisher"))["publisher-sample.service"]
    readable = some_units(at_home, Path("/usr/bin/publisher"))["publisher-sample.service"]

    assert value_of(closed, "ProtectHome") == "yes"
    assert value_of(readable, "ProtectHome") == "read-only"


def test_git_can_read_keys_and_settings_in_the_users_home() -> None:
    settings = replace(some_settings(Path("/srv/blog")), git=GitSettings())

    unit = some_units(settings, Path("/usr/bin/publisher"))["publisher-sample.service"]

    assert value_of(unit, "ProtectHome") == "read-only"


@pytest.mark.parametrize("sign", ['"', "\\", "\n", "\t"])
def test_a_path_that_no_unit_file_can_carry_is_refused(tmp_path: Path, sign: str) -> None:
    settings = replace(some_settings(tmp_path), file=Path(f"/srv/a{sign}b/jobs.yaml"))

    with pytest.raises(ConfigError, match="cannot be written into a unit file"):
        some_units(settings)


@pytest.mark.parametrize(
    ("site", "name"),
    [
        ("sample", "publisher-sample"),
        ("my.blog_2", "publisher-my.blog_2"),
        ("Ada's blog @ home", "publisher-Ada-s-blog-home-3bad33d6"),
        ("../etc", "publisher-etc-f7f9121f"),
        ("ブログ", "publisher-63e05644"),
        ("sample-tick", "publisher-sample-tick-9eabd02d"),
    ],
)
def test_a_site_name_becomes_a_safe_unit_name(site: str, name: str) -> None:
    assert unit_name(site) == name


def test_sites_with_similar_names_have_units_of_their_own() -> None:
    names = {unit_name(site) for site in ("a b", "a-b", "a@b", "a/b", "a b ", "-a-b")}

    assert len(names) == 6


def test_a_site_name_with_quotes_and_specifiers_is_only_described(tmp_path: Path) -> None:
    files = some_units(a_site(tmp_path / "site", name='Ada\'s "100%n" \\ blog'))

    said = analyze(tmp_path, files, "verify", "--man=no")

    assert said == ""


# --- words to systemd ----------------------------------------------------------------------


def listen_at(address: str) -> socket.socket:
    receiver = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    receiver.bind(address)
    receiver.settimeout(5)
    return receiver


def test_words_arrive_in_one_datagram(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with listen_at(address) as receiver:
        Notifier(address)("READY=1", "STATUS=nothing is due")

        assert receiver.recv(1024) == b"READY=1\nSTATUS=nothing is due"


def test_a_word_holds_nothing_that_a_terminal_obeys(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as receiver:
        receiver.bind(str(tmp_path / "notify"))

        Notifier(str(tmp_path / "notify"))("STATUS=\x1b[2J\ud83d\u202e")

        assert receiver.recv(4096) == rb"STATUS=\x1b[2J\ud83d\u202e"


def test_an_abstract_name_begins_with_an_at_sign(tmp_path: Path) -> None:
    with listen_at(f"\0publisher{tmp_path}") as receiver:
        Notifier(f"@publisher{tmp_path}")("READY=1")

        assert receiver.recv(1024) == b"READY=1"


@pytest.mark.parametrize("address", [None, "", "/nowhere/at/all", "no\0path"])
def test_nobody_listening_is_no_failure(address: str | None) -> None:
    Notifier(address)("READY=1")


@pytest.mark.parametrize(
    ("environ", "watchdog_s"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "60000000"}, 60.0),
        ({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_the_watchdog_counts_only_when_it_is_ours(
    environ: dict[str, str], watchdog_s: float | None
) -> None:
    assert watchdog_of(environ) == watchdog_s


def test_the_delay_before_a_start_grows_until_one_succeeds(tmp_path: Path) -> None:
    environ = {"RUNTIME_DIRECTORY": str(tmp_path)}
    delays = [Starts(environ).begin() for _ in range(8)]

    Starts(environ).succeed()

    assert delays == [0, 15, 30, 60, 120, 300, 300, 300]
    assert Starts(environ).begin() == 0


@pytest.mark.parametrize("folder", ["", "/nowhere/at/all"])
def test_without_a_folder_no_start_waits(folder: str) -> None:
    environ = {"RUNTIME_DIRECTORY": folder}

    assert [Starts(environ).begin() for _ in range(3)] == [0, 0, 0]
