"""The rebuild, with real child processes."""

from __future__ import annotations

import os
import select
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest

from publisher.config.settings import RebuildSettings
from publisher.site import build
from publisher.site.build import RebuildResult
from publisher.system.processes import MARK

ENVIRON = {"PATH": os.defpath, "LANG": "C.UTF-8"}


def run(tmp_path: Path, *command: str, limit_s: float = 20.0, **how) -> RebuildResult:
    settings = RebuildSettings(
        command=command, output=tmp_path / "dist", timeout=timedelta(seconds=limit_s)
    )
    return build.run(settings, cwd=tmp_path, environ=ENVIRON, **how)


def run_sh(tmp_path: Path, script: str, **how) -> RebuildResult:
    return run(tmp_path, "sh", "-c", script, **how)


def run_python(tmp_path: Path, script: str, **how) -> RebuildResult:
    return run(tmp_path, sys.executable, "-c", script, **how)


def an_output(tmp_path: Path) -> Path:
    (tmp_path / "dist").mkdir()
    (tmp_path / "dist" / "index.html").write_text("hello")
    return tmp_path / "dist"


def ends_soon(pid: int) -> bool:
    """Wait until a process is over, at most a few seconds."""
    try:
        handle = os.pidfd_open(pid)
    except ProcessLookupError:
        return True
    try:
        return bool(select.select([handle], [], [], 3)[0])
    finally:
        os.close(handle)


def test_a_command_that_leaves_an_output_succeeds(tmp_path):
    result = run_sh(tmp_path, "mkdir dist; echo hello > dist/index.html; echo built")

    assert (result.ok, result.reason, result.tail) == (True, "", "built")
    assert 0 < result.seconds < 20


def test_output_and_errors_arrive_line_by_line_in_order(tmp_path):
    an_output(tmp_path)
    lines: list[str] = []

    result = run_sh(tmp_path, "echo one; echo two >&2; printf three", on_line=lines.append)

    assert lines == ["one", "two", "three"]
    assert result.tail == "one\ntwo\nthree"


def test_a_failure_names_the_exit_code_and_keeps_the_last_lines(tmp_path):
    an_output(tmp_path)

    result = run_sh(tmp_path, "seq 100; echo no such module >&2; exit 3")

    assert not result.ok
    assert "failed with exit code 3" in result.reason
    assert result.tail.splitlines() == [*map(str, range(62, 101)), "no such module"]


def test_a_killed_command_names_the_signal(tmp_path):
    an_output(tmp_path)

    result = run_sh(tmp_path, "kill -9 $$")

    assert not result.ok
    assert "killed by signal 9 (SIGKILL)" in result.reason
    assert "memory" in result.reason


def test_a_command_that_hangs_is_stopped_at_the_limit(tmp_path):
    an_output(tmp_path)

    result = run_sh(tmp_path, "echo waiting; sleep 60", limit_s=0.3)

    assert not result.ok
    assert "did not end within 0.3 s" in result.reason
    assert result.tail == "waiting"
    assert result.seconds < 4


def test_a_command_that_ends_well_after_the_limit_still_fails(tmp_path):
    an_output(tmp_path)

    result = run_sh(tmp_path, "trap 'exit 0' TERM; sleep 60 & wait", limit_s=0.3)

    assert not result.ok
    assert "did not end within 0.3 s" in result.reason


def test_a_command_that_ignores_sigterm_is_killed(tmp_path):
    an_output(tmp_path)

    script = "trap '' TERM; echo $$; while :; do sleep 1; done"
    result = run_sh(tmp_path, script, limit_s=0.2, term_grace_s=0.2)

    assert not result.ok
    assert 0.4 <= result.seconds < 4
    assert ends_soon(int(result.tail))


def test_a_stop_ends_the_command(tmp_path):
    an_output(tmp_path)
    stop = threading.Event()

    result = run_sh(tmp_path, "echo up; sleep 60", on_line=lambda line: stop.set(), stop=stop)

    assert not result.ok
    assert "was stopped" in result.reason
    assert result.seconds < 4


def test_a_stop_that_came_before_starts_nothing(tmp_path):
    stop = threading.Event()
    stop.set()

    result = run_sh(tmp_path, "mkdir dist", stop=stop)

    assert result.reason == "the rebuild was stopped before it began"
    assert not (tmp_path / "dist").exists()


def test_a_grandchild_that_keeps_the_pipe_does_not_hang_us(tmp_path):
    an_output(tmp_path)

    result = run_sh(tmp_path, "sleep 60 & echo $!")

    assert result.ok
    assert result.seconds < 4
    assert ends_soon(int(result.tail))


def test_a_grandchild_in_its_own_session_does_not_hang_us(tmp_path):
    an_output(tmp_path)

    result = run_python(
        tmp_path,
        "import subprocess\nsubprocess.Popen(['sleep', '5'], start_new_session=True)\n",
    )

    assert result.ok
    assert result.seconds < 4


# What `daemonize` does: two forks with a session in between, and nothing left open.
LEAVES = """
import os, sys, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        null = os.open("/dev/null", os.O_RDWR)
        for number in range(3):
            os.dup2(null, number)
        open("pid.part", "w").write(str(os.getpid()))
        os.rename("pid.part", "pid")
        while True:
            open("dist/index.html", "a").write("late")
            time.sleep(0.01)
    os._exit(0)
os.wait()
while not os.path.exists("pid"):
    time.sleep(0.01)
sys.exit(int(sys.argv[1]))
"""


@pytest.mark.parametrize("code", [0, 1])
def test_nothing_that_left_its_session_writes_when_the_command_is_over(tmp_path, code):
    page = an_output(tmp_path) / "index.html"

    run(tmp_path, sys.executable, "-c", LEAVES, str(code))

    written = page.read_bytes()
    assert ends_soon(int((tmp_path / "pid").read_text()))
    assert page.read_bytes() == written


def test_nothing_that_left_its_session_outlives_a_command_that_is_stopped(tmp_path):
    an_output(tmp_path)

    run(tmp_path, sys.executable, "-c", LEAVES.replace("sys.exit", "time.sleep"), "60", limit_s=2)

    assert ends_soon(int((tmp_path / "pid").read_text()))


def test_a_command_that_closes_its_output_is_waited_for(tmp_path):
    result = run_sh(tmp_path, "exec >&- 2>&-; sleep 0.3; mkdir dist; : > dist/index.html")

    assert result.ok
    assert result.seconds >= 0.3


def test_a_flood_of_output_is_survived(tmp_path):
    an_output(tmp_path)

    result = run_python(
        tmp_path,
        "import sys\nfor _ in range(200): sys.stdout.write(('x' * 99 + '\\n') * 1000)\n",
    )

    assert result.ok
    assert result.tail.splitlines() == ["x" * 99] * 40


def test_one_endless_line_is_cut(tmp_path):
    an_output(tmp_path)

    result = run_python(
        tmp_path, "import sys\nfor _ in range(200): sys.stdout.write('x' * 100_000)\n"
    )

    assert result.ok
    assert result.tail == "x" * 2000
    assert result.seconds < 5


def test_invalid_utf8_is_replaced(tmp_path):
    an_output(tmp_path)

    result = run_sh(tmp_path, r"printf 'gr\377n\n'")

    assert result.tail == "gr\ufffdn"


def test_colours_and_progress_bars_become_plain_lines(tmp_path):
    an_output(tmp_path)

    result = run_sh(
        tmp_path,
        r"printf '\033[1;32mok\033[0m \033]8;;http://a\007link\033]8;;\007\n50%%\r100%%\n'",
    )

    assert result.tail.splitlines() == ["ok link", "50%", "100%"]


def test_the_command_has_nothing_to_read(tmp_path):
    an_output(tmp_path)

    result = run_sh(tmp_path, "cat; echo end")

    assert result.tail == "end"


def test_the_command_gets_only_the_environment_given(tmp_path):
    an_output(tmp_path)

    result = run(tmp_path, "env")

    given = [line for line in result.tail.splitlines() if not line.startswith(f"{MARK}=")]
    assert sorted(given) == ["LANG=C.UTF-8", f"PATH={os.defpath}"]


def test_an_error_of_the_listener_leaves_no_process_behind(tmp_path):
    seen: list[int] = []

    def fail(line: str) -> None:
        seen.append(int(line))
        raise RuntimeError("full disk")

    with pytest.raises(RuntimeError, match="full disk"):
        run_sh(tmp_path, "echo $$; sleep 60", on_line=fail)

    assert ends_soon(seen[0])


def test_the_command_runs_in_the_folder_given(tmp_path):
    an_output(tmp_path)

    result = run_sh(tmp_path, "pwd -P")

    assert result.tail == str(tmp_path.resolve())


def test_arguments_are_not_read_by_a_shell(tmp_path):
    an_output(tmp_path)

    result = run(tmp_path, "echo", "$HOME; ls")

    assert result.tail == "$HOME; ls"


def test_a_missing_command_is_explained(tmp_path):
    an_output(tmp_path)

    result = run(tmp_path, "no-such-generator", "build")

    assert not result.ok
    assert "'no-such-generator' was not found" in result.reason
    assert "rebuild.command" in result.reason


def test_a_command_that_is_not_executable_is_explained(tmp_path):
    an_output(tmp_path)
    (tmp_path / "build.sh").write_text("#!/bin/sh\n")

    result = run(tmp_path, "./build.sh")

    assert not result.ok
    assert "may not be executed" in result.reason
    assert "chmod +x ./build.sh" in result.reason


def test_a_file_that_is_no_program_is_explained(tmp_path):
    an_output(tmp_path)
    (tmp_path / "build").write_text("just text")
    (tmp_path / "build").chmod(0o755)

    result = run(tmp_path, "./build")

    assert not result.ok
    assert "cannot be started" in result.reason


def test_an_unusable_argument_is_explained(tmp_path):
    result = run(tmp_path, "echo", "a\0b")

    assert not result.ok
    assert "cannot be started" in result.reason


def test_an_empty_command_is_explained(tmp_path):
    result = run(tmp_path)

    assert result.reason == "there is no rebuild command; set rebuild.command in jobs.yaml"


def test_a_missing_project_folder_is_explained(tmp_path):
    settings = RebuildSettings(command=("true",), output=tmp_path / "dist")

    result = build.run(settings, cwd=tmp_path / "gone", environ=ENVIRON)

    assert not result.ok
    assert "gone is not a folder" in result.reason


def test_a_command_that_deletes_the_output_fails(tmp_path):
    an_output(tmp_path)

    result = run_sh(tmp_path, "rm -r dist")

    assert not result.ok
    assert "dist is not there" in result.reason


def test_an_output_without_files_fails(tmp_path):
    result = run_sh(tmp_path, "mkdir -p dist/assets")

    assert not result.ok
    assert "dist holds no file" in result.reason


def test_an_output_that_is_a_file_fails(tmp_path):
    result = run_sh(tmp_path, "echo page > dist")

    assert not result.ok
    assert "is not there" in result.reason
