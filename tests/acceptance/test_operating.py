"""What waits or is in doubt: one sentence says so, and the command shown with it settles it."""

from __future__ import annotations

import os
import pty
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from publisher.ledger import Ledger
from publisher.model import DeliveryState, Message, Receipt, Recovery, RecoveryKind
from publisher.model import Post as PostValue
from publisher.model.errors import DuplicateContent, NotDelivered
from publisher.site.site import Look, RebuildResult
from publisher.system import locks
from publisher.system.clock import SystemClock
from tests.acceptance.sites import ROOT, Site, a_faulty_site, a_series, a_site
from tests.platforms import x
from tests.platforms.server import Fault
from tests.platforms.webhook import WebhookPlatform
from tests.platforms.x import XPlatform
from tests.worlds import (
    PreparingChannel,
    ScriptedChannel,
    ScriptedSite,
    SearchableChannel,
    a_world,
)

OPERATING = (ROOT / "docs" / "reference" / "status.md").read_text()
STOPPED = {DeliveryState.HELD, DeliveryState.FAILED, DeliveryState.UNCERTAIN}
DAY = timedelta(days=1)
LONG = "word " * 80


@dataclass(frozen=True, slots=True, kw_only=True)
class Trouble:
    """A site in trouble, and what its commands said of it."""

    site: Site
    status: Mapping[str, Any]
    text: str

    def waiting(self, name: str) -> dict[str, Any]:
        return self._row("waiting", name)

    def under_way(self, name: str) -> dict[str, Any]:
        return self._row("under_way", name)

    def _row(self, section: str, name: str) -> dict[str, Any]:
        found = [row for row in self.status[section] if name_of(row) == name]
        assert len(found) == 1, (name, self.status[section])
        return found[0]

    def copy(self, folder: Path) -> Site:
        shutil.copytree(self.site.folder, folder)
        return replace(self.site, folder=folder)


def name_of(row: Mapping[str, Any]) -> str:
    return "/".join(filter(None, (row["post"], row["channel"], row["occasion"])))


def seen(site: Site, *options: str) -> Trouble:
    status = site.run("status", "--json", *options, code=None).json()
    return Trouble(site=site, status=status, text=site.run("status", *options, code=None).out)


def run_as_shown(site: Site, command: str) -> None:
    """Run a command as `status` shows it; only its placeholder is filled in."""
    words = shlex.split(command.replace("URL", "https://there.example/1"))
    assert words[0] == "publisher"
    site.run(*words[1:], *([] if words[1] in ("tick", "check") else ["--yes"]), code=None)


def state_of(site: Site, name: str, ledger: str = "ledger.db") -> DeliveryState:
    url = f"sqlite:///{site.folder / '.publisher' / ledger}"
    with Ledger.open(url, site="sample", now=SystemClock().now(), read_only=True) as opened:
        return {str(key): row.state for key, row in opened.view().deliveries.items()}[name]


# --- troubles with real services -----------------------------------------------------------

FAULTS = {
    "refused": [Fault.refuse(400, body=b"no \x1b[31msuch room")],
    "lost": [Fault.accept_then_reset()],
    "moved": [Fault.refuse(307, {"Location": "https://e.example"})],
    "broke": [Fault.accept_then_answer(500, body=b"oops")],
    "keyed": [Fault.accept_then_reset()] * 3,
    "shut": [Fault.refuse(401)],
    "slow": [Fault.refuse(429, {"Retry-After": "3600"})],
    "gone": [Fault.refuse(429, {"Retry-After": "3600"})],
    "vanished": [Fault.accept_then_reset()] * 3,
}
KEYED = ("keyed", "vanished")
X_SECRETS = {f"X_{name.upper()}": value for name, value in x.CREDENTIALS.items()}


@pytest.fixture(scope="module")
def faulty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trouble]:
    """Give a site of which every channel met a fault of its own."""
    with ExitStack() as stack:
        lines = []
        for name, faults in FAULTS.items():
            platform = stack.enter_context(WebhookPlatform(honours_keys=name in KEYED))
            platform.faults += faults
            keyed = ", idempotent: true" if name in KEYED else ""
            url = f"{platform.url}/hook?secret=s3cr3tquery"
            lines.append(f"  {name}: {{type: webhook, url: '{url}', timeout: 2s{keyed}}}\n")
        timeline = stack.enter_context(XPlatform(lag=1000))
        timeline.faults.append(Fault.accept_then_reset(on="POST /2/tweets"))
        secrets = ", ".join(f"{name}: {{env: X_{name.upper()}}}" for name in x.CREDENTIALS)
        lines.append(f"  x: {{type: x, api_url: '{timeline.url}', {secrets}}}\n")
        lines.append("  nosecret: {type: webhook, url: 'http://[::1]:9/', token: {env: TOKEN}}\n")
        lines.append("  nobody: {type: webhook, url: 'http://[::1]:9/'}\n")
        lines.append("  long: {type: outbox, shape: x}\n")
        site = a_series(
            tmp_path_factory.mktemp("faulty") / "site", channels="".join(lines), **X_SECRETS
        )
        _get_into_trouble(site)
        yield seen(site)


def _get_into_trouble(site: Site) -> None:
    everywhere = [*FAULTS, "x", "nosecret", "nobody", "long"]
    taken = site.write("taken", reveal="2026-01-01", status="published")
    site.run("adopt", "--yes")
    nowhere = "".join(f"  {name}: false\n" for name in everywhere if name != "lost")
    late = (datetime.now(UTC) - timedelta(hours=7)).isoformat()  # noqa: TID251
    site.write("late", reveal=late, more=f"announce:\n{nowhere}")
    more = f'announce:\n  long: "{LONG}{{url}}"\n'
    site.write("pattern", reveal="2099-03-10", more=more)
    site.write("broken", reveal="2099-01-01")
    site.run("release", "pattern", "--yes", code=None)
    again = ("reannounce", "plane", "--channel", "lost", "--occasion", "may", "--at", "2099-05-01")
    site.run(*again, "--reason", "spring", "--yes")
    site.write("undated")
    site.write("broken", reveal="2099-02-30")
    taken.write_text(taken.read_text().replace("published", "scheduled"))
    (site.folder / "content" / "blog" / "plane.md").unlink()
    jobs = site.folder / "jobs.yaml"
    kept = [line for line in jobs.read_text().splitlines() if line[2:6] not in ("gone", "vani")]
    jobs.write_text("\n".join(kept) + "\n")


# --- troubles that take hours --------------------------------------------------------------


class Deaf(SearchableChannel):
    """A service whose look-ups fail."""

    def find(self, message: Message, *, key: str, draft: str | None, since: datetime) -> None:
        raise TimeoutError("no list of posts today")


class Twin(ScriptedChannel):
    """A service that gives every post the same id."""

    def send(self, message: Message, *, key: str, draft: str | None) -> Receipt:
        return Receipt(remote_id="17")


class SlowSite(ScriptedSite):
    """A site on which one post never shows."""

    def verify(self, post: PostValue, body: str) -> Look:
        return Look(ok=post.id != "slow", reason="https://chronicles.example answered 404")


def lost() -> Exception:
    return TimeoutError("no answer")


def _channels() -> dict[str, ScriptedChannel]:
    keyed = Recovery(kind=RecoveryKind.KEY, key_life=timedelta(hours=1))
    for_ever = Recovery(kind=RecoveryKind.KEY)
    return {
        "outlived": ScriptedChannel(recovery=keyed, before=[lost() for _ in range(200)]),
        "deaf": Deaf(after=[lost()]),
        "unseen": SearchableChannel(hidden=10**6),
        "twin": Twin(),
        "copied": PreparingChannel(refusals=[DuplicateContent("the service has it already")]),
        "image": PreparingChannel(refusals=[NotDelivered("the image is torn", permanent=True)]),
        "undone": ScriptedChannel(recovery=for_ever, before=[lost() for _ in range(200)]),
    }


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Trouble:
    """Give a site whose troubles took a day, played in virtual time up to this moment."""
    folder = tmp_path_factory.mktemp("old") / "site"
    channels = _channels()
    outboxes = "".join(f"  {name}: {{type: outbox}}\n" for name in channels)
    site = a_site(folder, channels=outboxes)
    jobs = site.folder / "jobs.yaml"
    text = jobs.read_text().replace("https://site.example", "https://chronicles.example")
    jobs.write_text(text + 'ledger: "sqlite:///.publisher/ledger.sqlite"\n')
    now = SystemClock().now()
    world = a_world(folder, now - DAY - timedelta(hours=2), channels)
    world.site = SlowSite()
    first_at = now - DAY - timedelta(hours=1)
    world.write("one", at=first_at, more=_only("outlived", "deaf", "unseen", "copied", "image"))
    for name in ("two", "twins"):
        world.write(name, at=first_at, more=_only("twin"))
    world.write("undone", at=first_at, more=_only("undone"))
    world.write("slow", at=first_at, more=_only())
    named = world.write("named", at=first_at, more=_only())
    world.write("torn", at=now - timedelta(minutes=20), more=_only())
    world.write("stuck", at=now - timedelta(minutes=10), more=_only())
    world.run_until(now - timedelta(minutes=25), sweep=timedelta(minutes=15))
    world.write("undone", at=first_at, status="draft", more=_only("undone"))
    failed = RebuildResult(ok=False, reason="the generator ended with 1", tail="", seconds=0.1)
    world.site.builds += [failed] * 20
    world.run_until(now - timedelta(minutes=15))
    named.rename(named.with_name("renamed.md"))
    (folder / "content" / "blog" / ".publisher-obstacle.tmp").mkdir()
    world.run_until(now)
    return seen(site)


def _only(*names: str) -> str:
    """Write the frontmatter that announces a post on these channels only."""
    others = [name for name in _channels() if name not in names]
    return "announce: {" + ", ".join(f"{name}: false" for name in others) + "}\n"


# --- each trouble is one sentence, and its command settles it ------------------------------

MAY_BE_OUT = ["--sent URL", "--not-sent"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("broke", r"may have gone out \(broke answered 500: oops\); the service cannot be asked: "),
        (
            "lost",
            r"may have gone out \(lost: \S+ closed the connection before its answer.*\);",
        ),
        ("moved", r"may have gone out \(moved answered 307: .*; the address has moved, correct it"),
        ("vanished", "the channel 'vanished' is not in jobs.yaml any more; put it back, or look "),
    ],
)
@pytest.mark.parametrize(("choice", "states"), [(0, {"sent", "confirmed"}), (1, {"confirmed"})])
def test_what_may_have_gone_out_is_settled_either_way(
    choice: int, states: set[str], name: str, sentence: str, faulty: Trouble, tmp_path: Path
) -> None:
    waits = faulty.waiting(f"pattern/{name}/launch")
    site = faulty.copy(tmp_path / "site")
    is_gone = name == "vanished" and choice == 1  # it is not sent on a channel that is not there

    run_as_shown(site, waits["commands"][choice])

    resolve = f"publisher resolve pattern/{name}/launch"
    assert re.match(sentence, waits["why"])
    assert waits["commands"] == [f"{resolve} {answer}" for answer in MAY_BE_OUT]
    assert state_of(site, f"pattern/{name}/launch") in ({"planned"} if is_gone else states)


@pytest.mark.parametrize(
    ("name", "sentence", "command"),
    [
        ("pattern/refused/launch", "refused for good: refused answered 400: no ", "retry {name}"),
        ("late/lost/launch", r"late by 7 h.* \(limit 6 h\)", "retry {name}"),
        ("pattern/shut/launch", "shut answered 401: .*; renew the credentials", "retry shut"),
    ],
)
def test_what_was_surely_not_sent_is_sent_by_the_command_shown(
    name: str, sentence: str, command: str, faulty: Trouble, tmp_path: Path
) -> None:
    waits = faulty.waiting(name)
    site = faulty.copy(tmp_path / "site")

    run_as_shown(site, waits["command"])

    assert re.match(sentence, waits["why"])
    assert waits["command"] == f"publisher {command.format(name=name)}"
    assert state_of(site, name) == "confirmed"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("pattern/gone/launch", "the channel 'gone' is not in jobs.yaml any more"),
        ("plane/lost/may", "its post is not there"),
    ],
)
def test_what_has_nowhere_to_go_is_dropped_by_the_command_shown(
    name: str, sentence: str, faulty: Trouble, tmp_path: Path
) -> None:
    waits = faulty.waiting(name)
    site = faulty.copy(tmp_path / "site")

    run_as_shown(site, waits["command"])

    assert waits["why"] == f"{sentence}; put it back, or drop it"
    assert waits["commands"] == [f"publisher resolve {name} --drop"]
    assert state_of(site, name) == "cancelled"


def test_text_that_is_too_long_is_sent_once_it_is_shortened(
    faulty: Trouble, tmp_path: Path
) -> None:
    waits = faulty.waiting("pattern/long/launch")
    site = faulty.copy(tmp_path / "site")
    post = site.folder / "content" / "blog" / "pattern.md"
    post.write_text(post.read_text().replace(LONG, "Short. "))

    run_as_shown(site, waits["command"])

    assert "shorten it by 153" in waits["why"]
    assert waits["command"] == "publisher retry pattern/long/launch"
    assert state_of(site, "pattern/long/launch") == "confirmed"


def test_post_taken_as_public_is_released_by_the_command_shown(
    faulty: Trouble, tmp_path: Path
) -> None:
    waits = faulty.waiting("taken")
    site = faulty.copy(tmp_path / "site")

    run_as_shown(site, waits["command"])

    assert waits["command"] == "publisher release taken"
    assert site.run("why", "taken", "--json").json()["release"]["state"] == "live"


@pytest.mark.parametrize(("post", "file"), [("undated", "undated.md"), ("broken", "broken.md")])
def test_what_only_an_edit_can_settle_names_the_file(post: str, file: str, faulty: Trouble) -> None:
    assert f"content/blog/{file}" in faulty.waiting(post)["why"]


@pytest.mark.parametrize("name", ["outlived", "deaf", "unseen", "twin", "undone"])
@pytest.mark.parametrize(("choice", "state"), [(0, "confirmed"), (1, "confirmed")])
def test_what_stayed_in_doubt_for_a_day_is_settled_either_way(
    choice: int, state: str, name: str, old: Trouble, tmp_path: Path
) -> None:
    post = {"twin": "two", "undone": "undone"}.get(name, "one")
    waits = old.waiting(f"{post}/{name}/launch")
    site = old.copy(tmp_path / "site")
    is_withdrawn = name == "undone" and choice == 1

    run_as_shown(site, waits["commands"][choice])

    found = state_of(site, f"{post}/{name}/launch", "ledger.sqlite")
    assert len(waits["commands"]) == 2
    assert found == ("cancelled" if is_withdrawn else state)


@pytest.mark.parametrize(("name", "choice"), [("copied", 0), ("copied", 1), ("image", 0)])
def test_what_could_not_be_prepared_is_settled_by_the_command_shown(
    name: str, choice: int, old: Trouble, tmp_path: Path
) -> None:
    waits = old.waiting(f"one/{name}/launch")
    site = old.copy(tmp_path / "site")

    run_as_shown(site, waits["commands"][choice])

    assert state_of(site, f"one/{name}/launch", "ledger.sqlite") == "confirmed"


@pytest.mark.parametrize(
    ("post", "sentence"),
    [
        ("stuck", "the flip failed: content/blog/stuck.md: cannot be written"),
        ("slow", "not live after [0-9]+ looks: https://chronicles.example answered 404"),
        ("torn", "the rebuild failed: the generator ended with 1"),
    ],
)
def test_stuck_release_goes_on_by_the_command_shown(
    post: str, sentence: str, old: Trouble, tmp_path: Path
) -> None:
    waits = old.waiting(post)
    site = old.copy(tmp_path / "site")
    (site.folder / "content" / "blog" / ".publisher-obstacle.tmp").rmdir()
    blog = [sys.executable, "generate.py"]
    subprocess.run(blog, cwd=site.folder / "content", check=True, timeout=60)

    run_as_shown(site, waits["command"])

    assert re.match(sentence, waits["why"])
    assert waits["command"] == f"publisher retry {post}"
    assert waits["until"] is not None
    assert site.run("why", post, "--json").json()["release"]["state"] == "live"


# --- what goes on by itself ----------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "sentence", "times"),
    [
        ("keyed", r"may have gone out \(.*\); it is sent again under its key", (1, 1, 1)),
        ("x", r"may have gone out \(.*\); it is looked up, .* absent for 6 min", (1, 0, 1)),
        ("slow", "not sent: slow answered 429: ", (1, 1, 1)),
        (
            "nobody",
            r"not sent: nobody: \S+ did not accept the connection: .*nothing was sent",
            (1, 1, 1),
        ),
        ("nosecret", "due, not sent yet", (1, 0, 0)),
    ],
)
def test_what_settles_by_itself_says_since_when_and_until_when(
    name: str, sentence: str, times: tuple[int, int, int], faulty: Trouble
) -> None:
    step = faulty.under_way(f"pattern/{name}/launch")

    known = (step["since"], step["again_at"], step["until"])
    shown = next(line for line in faulty.text.splitlines() if f"pattern/{name}/launch: " in line)
    assert re.match(sentence, step["why"])
    assert tuple(at is not None for at in known) == tuple(map(bool, times))
    assert [word in shown for word in (", since ", ", next try at ", " by 20")] == list(
        map(bool, times)
    )


def test_status_says_that_nothing_is_to_be_done_and_whether_a_daemon_does_it(
    faulty: Trouble,
) -> None:
    heading = "\nIn progress (no action needed):\n"

    alone = faulty.text
    with locks.hold(faulty.site.folder / ".publisher", locks.DAEMON):
        beside = seen(faulty.site)

    assert heading in alone
    assert heading in beside.text
    assert "No daemon is running." in alone
    assert "No daemon is running" not in beside.text
    assert (faulty.status["daemon"], beside.status["daemon"]) == (False, True)


def test_what_should_be_out_for_a_minute_names_the_secret_that_is_missing(
    faulty: Trouble, tmp_path: Path
) -> None:
    later = (datetime.now(UTC) + timedelta(minutes=2)).isoformat()  # noqa: TID251
    missing = "channels.nosecret.token: the environment variable TOKEN is not set"

    waits = seen(faulty.site, "--now", later).waiting("pattern/nosecret/launch")
    told = faulty.copy(tmp_path / "site").run("tick", code=None)

    assert waits["why"] == f"is due and was not sent: {missing}"
    assert waits["command"] == "publisher tick"
    assert missing in told.out


# --- the page about it ---------------------------------------------------------------------

ELSEWHERE = {  # rows whose sentence is brought about by the tests of the module named
    "may have gone out (…); the machine was rebooted": "engine/test_clock_guard.py",
    "may have gone out (…); it was sent before …": "engine/test_clock_guard.py",
    "may have gone out after this copy was made": "ledger/test_restore.py",
    "channels.… is not set": "this one",
    "is not due yet by the site's clock": "engine/test_clock_guard.py",
    "… not adopted yet …": "acceptance/test_cli_reading.py",
    "this ledger … older copy that was put back …": "ledger/test_restore.py",
    "may have gone out (…); the next tick asks you what became of it": "acceptance/test_kills.py",
    "accepted, to be read back": "engine/test_tick.py",
    "… refuses a text that it has had already": "engine/test_tick.py",
    "… of … recipients were served; …": "engine/test_tick.py",
    "is being sent": "plan/test_plan.py",
    "commit … changes jobs.yaml …": "acceptance/test_trust.py",
    "not built yet": "acceptance/test_withdraw.py",
    "… is missing": "plan/test_plan.py",
}


def rows_of(text: str) -> list[str]:
    first = [line.split(" | ")[0].removeprefix("| ") for line in text.splitlines()]
    return [row for row in first if row and not row.startswith(("What status", "| ---", "---"))]


def pattern_of(row: str) -> re.Pattern[str]:
    return re.compile(".*".join(re.escape(part) for part in row.split("…")))


TABLE = rows_of("\n".join(li for li in OPERATING.splitlines() if li.startswith("|")))


def test_every_sentence_stands_on_the_page_and_every_row_is_a_sentence(
    faulty: Trouble, old: Trouble, tmp_path: Path
) -> None:
    begun_at = datetime.now(UTC)  # noqa: TID251
    unseen_site = a_site(tmp_path / "unseen", more="policy: {max_late: 6h}\n")
    jobs = unseen_site.folder / "jobs.yaml"
    jobs.write_text(jobs.read_text().replace("live: false", "live: true"))
    jobs.write_text(jobs.read_text().replace("https://site.example", "http://127.0.0.1:9"))
    unseen_site.write("pattern", reveal="2099-03-10")
    unseen_site.run("release", "pattern", "--yes", code=None)
    unseen_site.write("door", reveal="2099-03-24")
    has_secret = replace(faulty.site, environ={**faulty.site.environ, "TOKEN": "t0k3n"})
    troubles = [
        faulty,
        old,
        seen(unseen_site, "--now", begun_at.isoformat()),
        seen(unseen_site, "--now", "2099-03-24T12:00:00Z"),
        seen(old.site, "--now", (begun_at + timedelta(hours=1)).isoformat()),
        seen(faulty.site, "--now", (begun_at + timedelta(minutes=2)).isoformat()),
        seen(has_secret, "--now", (begun_at + timedelta(hours=7)).isoformat()),
    ]
    sentences = [
        row["why"]
        for trouble in troubles
        for section in ("waiting", "under_way")
        for row in trouble.status[section]
    ]

    unknown = [s for s in sentences if not any(pattern_of(row).match(s) for row in TABLE)]
    unseen = {row for row in TABLE if not any(pattern_of(row).match(s) for s in sentences)}

    assert unknown == []
    assert unseen - set(ELSEWHERE) == set()
    assert set(ELSEWHERE) <= set(TABLE)


# --- what else went wrong at three in the morning ------------------------------------------


def test_retry_of_a_delivery_says_that_its_closed_channel_must_be_named(faulty: Trouble) -> None:
    shown = faulty.site.run("retry", "pattern/shut", "--yes", code=1)

    assert "pattern/shut/launch cannot be sent: the channel shut is closed" in shown.err
    assert "`publisher retry shut` opens it" in shown.err


def test_retry_of_a_post_leaves_out_what_a_closed_channel_cannot_send(faulty: Trouble) -> None:
    shown = faulty.site.run("retry", "pattern", code=2)  # shows what it would do, and asks

    assert "pattern/shut/launch: skipped, its channel is closed: " in shown.err
    assert "pattern/shut/launch" not in shown.out
    assert "pattern/refused/launch: failed, will be sent" in shown.out


def test_retry_of_what_does_not_exist_says_what_could_be_meant(faulty: Trouble) -> None:
    shown = faulty.site.run("retry", "shutt", code=1)

    assert shown.err.startswith("1 file cannot be used")
    assert "error: no delivery, post or channel is called 'shutt'\n" in shown.err
    assert "did you mean shut?" in shown.err


def test_dry_run_ends_with_1_when_a_post_cannot_be_used_as_the_real_tick_does(
    lived_in: Site,
) -> None:
    lived_in.write("odd", reveal="2099-02-30")

    lived_in.run("tick", "--dry-run", code=1)


def test_span_that_ends_before_it_begins_is_a_usage_error(lived_in: Site) -> None:
    shown = lived_in.run("calendar", "--from", "2099-04-01", "--to", "2099-03-01", code=2)

    assert "2099-03-01 comes before --from 2099-04-01" in shown.err


def test_text_for_an_occasion_that_exists_is_said_not_to_be_taken(lived_in: Site) -> None:
    again = ("reannounce", "pattern", "--reason", "r", "--occasion", "may", "--at", "2099-05-01")
    lived_in.run(*again, "--text", "One: {url}", "--yes")

    same = lived_in.run(*again, "--text", "One: {url}", "--yes")
    other = lived_in.run(*again, "--text", "Two: {url}", "--yes")

    assert "--text" not in same.out
    assert other.out.count("  --text is ignored; use another --occasion to send it\n") == 2


def test_slug_with_nordic_letters_is_the_address(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    site.write("rod", reveal="2099-03-10", more="slug: Rødgrød-på-Ærø\n")

    shown = site.run("preview", "rod", "--json").json()

    assert shown["url"] == "https://site.example/blog/R%C3%B8dgr%C3%B8d-p%C3%A5-%C3%86r%C3%B8"


def test_address_of_a_webhook_is_shown_without_its_query(faulty: Trouble) -> None:
    everything = [faulty.text, str(faulty.status)]
    everything += [faulty.site.run(*words).out for words in (("why", "pattern"), ("log",))]

    assert "s3cr3tquery" not in "".join(everything)
    assert re.search(r"look at \S+/hook\n", faulty.text)


def test_what_a_service_answers_cannot_command_the_terminal(faulty: Trouble) -> None:
    shown = [faulty.site.run(*words) for words in (("why", "pattern"), ("log",))]
    evil = faulty.site.run("retry", "\x1b[2J", code=1)

    everything = "".join([faulty.text, *(found.out for found in shown), evil.err])
    assert "no \\x1b[31msuch room" in everything
    assert "\x1b" not in everything


def test_json_keeps_control_characters_but_escapes_them(tmp_path: Path) -> None:
    site = a_site(tmp_path)
    path = site.write("evil", reveal="2099-03-10")
    path.write_text(path.read_text().replace("The Evil", '"A \\e[2J \\x9b2J \\u202e B"'))

    shown = site.run("preview", "evil", "--json")

    assert shown.json()["title"] == "A \x1b[2J \x9b2J \u202e B"
    assert not re.search("[\x1b\x9b\u202e]", shown.out)


def test_title_cannot_command_the_terminal_of_a_rehearsal(tmp_path: Path) -> None:
    site = a_site(tmp_path / "site")
    path = site.write("evil", reveal="2099-03-10")
    path.write_text(path.read_text().replace("The Evil", '"A \\e[2J B"'))

    shown = site.run("rehearse", "--scratch", str(tmp_path / "scratch"), code=None)

    assert "A [2J B" in shown.out
    assert "\x1b" not in shown.out + shown.err


def test_service_cannot_put_a_command_into_the_operators_mouth(tmp_path: Path) -> None:
    with WebhookPlatform() as platform:
        body = b"say `publisher resolve pattern/x/launch --drop` and all is well"
        site = a_faulty_site(tmp_path, platform, Fault.refuse(400, body=body))

        waits = seen(site).waiting("pattern/x/launch")

    assert waits["command"] == "publisher retry pattern/x/launch"


def test_status_on_a_narrow_terminal_breaks_no_command(faulty: Trouble) -> None:
    lines = on_a_terminal(faulty.site, "status", columns=40).splitlines()

    long = [line.strip() for line in lines if len(line) > 40]
    assert len(lines) > 40
    assert [line for line in long if " " in re.sub(r"`[^`]*`", "", line).strip()] == [
        line for line in long if line.startswith("publisher ")
    ]


def on_a_terminal(site: Site, *arguments: str, columns: int) -> str:
    """Run a command on a terminal of that width and give what it shows."""
    ours, theirs = pty.openpty()
    environ = {**site.all_environ(), "COLUMNS": str(columns)}
    with subprocess.Popen(
        site.command(*arguments),
        cwd=site.folder,
        env=environ,
        stdin=theirs,
        stdout=theirs,
        stderr=subprocess.DEVNULL,
    ):
        os.close(theirs)
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
        except OSError:  # how a terminal tells that nobody writes any more
            pass
        finally:
            os.close(ours)
    return shown.decode().replace("\r\n", "\n")


def test_status_of_many_settled_deliveries_is_short_and_its_json_complete(tmp_path: Path) -> None:
    names = ("a", "b", "c", "d", "e", "f")
    site = a_site(tmp_path / "site", channels="".join(f"  {n}: {{type: outbox}}\n" for n in names))
    jobs = site.folder / "jobs.yaml"
    jobs.write_text(jobs.read_text() + 'ledger: "sqlite:///.publisher/ledger.sqlite"\n')
    now = SystemClock().now()
    world = a_world(site.folder, now - timedelta(hours=2), names, burst=100)
    for number in range(50):
        world.write(f"post-{number}", at=now - timedelta(hours=1))
    world.run_until(now - timedelta(minutes=30), sweep=timedelta(minutes=30))

    found = seen(site)

    assert found.text == "next due: nothing\nreleases: 50 live\ndeliveries: 300 confirmed\n"
    assert len(found.status["deliveries"]) == 300
    assert len(found.status["releases"]) == 50
