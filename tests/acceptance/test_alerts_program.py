"""The real daemon and the real commands tell the operator, and ping."""

from __future__ import annotations

import json
from pathlib import Path

from tests.acceptance.programs import World, a_world, until
from tests.acceptance.sites import Site, a_series
from tests.platforms.alerts import AlertPlatform
from tests.platforms.server import Fault


def tell(site: Site, server: AlertPlatform, **more: object) -> None:
    """Let alerts and pings of a site go to the server."""
    file = site.folder / "jobs.yaml"
    keys = {"alerts": [server.address], "ping": f"{server.url}/alive", **more}
    if file.read_text().startswith("{"):
        file.write_text(json.dumps({**json.loads(file.read_text()), **keys}))
    else:
        lines = [f"{key}: {json.dumps(value)}\n" for key, value in keys.items()]
        file.write_text(file.read_text() + "".join(lines))


def break_build(world: World) -> Path:
    mark = world.site.folder / "control" / "broken"
    mark.touch()
    return mark


def test_daemon_tells_of_a_broken_build_and_of_its_repair_and_pings(tmp_path: Path) -> None:
    with AlertPlatform() as server, a_world(tmp_path) as world:
        tell(world.site, server)
        world.write("pattern")
        mark = break_build(world)
        with world.daemon() as daemon:
            daemon.wait_for("alert.told", cause="rebuild", degree="trying")
            mark.unlink()
            world.site.run("retry", "pattern", "--yes", code=None)
            daemon.wait_for("release.live", post="pattern")
            daemon.wait_for("alert.told", cause="rebuild", degree="over")
            until(lambda: server.pings, daemon)
            code = daemon.end()

        world.assert_sound()
    assert code == 0
    assert server.titles == [
        "sample: the rebuild fails; publisher keeps trying",
        "sample: over: the rebuild",
    ]
    assert "Post: The Pattern (pattern)" in server.bodies[0]
    assert "One morning" not in "".join(server.bodies)
    assert "/alive" not in daemon.log


def test_daemon_ends_in_time_though_nobody_takes_its_alert(tmp_path: Path) -> None:
    with AlertPlatform() as server, a_world(tmp_path) as world:
        tell(world.site, server)
        world.write("pattern")
        break_build(world)
        server.faults = [Fault.delay(60), Fault.delay(60)]
        with world.daemon() as daemon:
            until(lambda: [r for r in server.requests if r.method == "POST"], daemon)
            code = daemon.end()

    assert code == 0


def test_tick_of_cron_tells_once_and_pings(tmp_path: Path) -> None:
    with AlertPlatform() as server, a_world(tmp_path) as world:
        tell(world.site, server)
        world.write("pattern")
        break_build(world)

        first = world.site.run("tick", code=1)
        world.site.run("tick", code=None)
        shown = world.site.run("alerts")

    assert "alert sent: the rebuild (trying)" in first.out
    assert server.titles == ["sample: the rebuild fails; publisher keeps trying"]
    assert server.pings == 2
    assert shown.out.startswith("trying   the rebuild, since 2")


def test_alerts_as_json_say_since_when_and_what_was_told(tmp_path: Path) -> None:
    with AlertPlatform() as server, a_world(tmp_path) as world:
        tell(world.site, server)
        world.write("pattern")
        break_build(world)
        world.site.run("tick", code=1)

        (alert,) = world.site.run("alerts", "--json", "--now", "2099-01-01").json()["alerts"]

    assert (alert["cause"], alert["level"], alert["told_level"]) == ("rebuild", "trying", "trying")
    assert alert["lasts_s"] > 1_000_000
    assert alert["since"] <= alert["told_at"]


def test_alerts_change_no_byte_and_make_no_ledger(tmp_path: Path) -> None:
    site = a_series(tmp_path)
    before = site.files()

    shown = site.run("alerts")

    assert site.files() == before
    assert "No alert addresses are configured" in shown.err


def test_testing_alerts_says_which_address_works(tmp_path: Path) -> None:
    with AlertPlatform() as server:
        site = a_series(tmp_path, ALERT_URL="json://user:hunter2canary@127.0.0.1:1")
        tell(site, server, alerts=[server.address, {"env": "ALERT_URL"}, {"env": "NOWHERE"}])

        tried = site.run("alerts", "--test", code=1)

    assert tried.out.splitlines() == [
        "alerts.1 (JSON): sent",
        "alerts.2 (JSON): not sent: it cannot be reached",
        "alerts.3: not sent: the environment variable NOWHERE is not set",
        "ping: sent",
    ]
    assert server.titles == ["sample: a test"]
    assert "canary" not in tried.out + tried.err


def test_testing_alerts_that_nobody_gets_is_an_error(tmp_path: Path) -> None:
    site = a_series(tmp_path)

    tried = site.run("alerts", "--test", code=1)

    assert "no alert addresses are configured" in tried.err
