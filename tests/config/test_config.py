"""Reading ``jobs.yaml``: what it accepts, what it complains of, and what it never shows."""

from __future__ import annotations

import time as stopwatch
from collections.abc import Mapping
from datetime import date, time, timedelta
from pathlib import Path
from typing import Any, ClassVar

import pytest
import yaml

from publisher.channels import Option
from publisher.config import load, missing_secrets, read, resolve_secrets, schema
from publisher.config.settings import ChannelSettings, GitHubSettings, GitSettings, Settings
from publisher.engine.assemble import build_environ
from publisher.model import ChannelName, Embargo, Limits, PostState
from publisher.model.errors import ConfigError, PublisherError
from publisher.model.secret import Secret, SecretRef
from publisher.text.yaml import key_lines, load_yaml

CANARY = "hunter2canary"

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

GOOD = """\
site:
  name: sample
  url: https://site.example/
  root: content
  posts: "blog/**/*.md"
  post_url: /blog/{year}/{month}/{day}/{slug}
  generator: vitepress
  timezone: Europe/Oslo
  release_time: "08:30"
  keys:
    state: stage
    dates: [reveal_on, date]
    values: {draft: raw, scheduled: waiting, published: out}
state_dir: .state
ledger: sqlite:///data/facts.db
embargo: off
rebuild: {command: [npm, run, build], output: dist, timeout: 5m}
verify: {live: false, timeout: 20m, feed: /feed.xml, sitemap: /sitemap.xml}
policy: {max_late: 2h, stale_after: 12h, burst: 3}
channels:
  mail:
    type: letter
    token: {env: LETTER_TOKEN}
    api_url: http://127.0.0.1:8080/
    template: "{{ title }}"
    subject: New
    after: 2h
    timeout: 30s
  box: {type: outbox}
"""


class Letter:
    """A channel type with an option of every kind."""

    options: ClassVar[tuple[Option, ...]] = (
        Option(name="token", secret=True, required=True),
        Option(name="api_url", kind="url", default="https://letter.example"),
        Option(name="recipients", kind="texts"),
        Option(name="page_size", kind="integer"),
        Option(name="tracking", kind="boolean"),
        Option(name="list_name", help="the list that gets the mail"),
        Option(name="spare_token", secret=True),
    )
    limits = Limits()


class Pigeon(Letter):
    options = (Option(name="loft", required=True, help="where the pigeon lives"),)


class Outbox(Letter):
    options = (Option(name="folder"),)


def find_type(name: str) -> Any:
    types = {"letter": Letter, "pigeon": Pigeon, "outbox": Outbox}
    if name not in types:
        raise ConfigError(f"there is no channel type {name!r}", hint="did you mean 'letter'?")
    return types[name]


def a_file(folder: Path, text: str) -> Path:
    (folder / "content").mkdir(exist_ok=True)
    file = folder / "jobs.yaml"
    file.write_text(text, encoding="utf-8")
    return file


def loaded(folder: Path, text: str, environ: Mapping[str, str] | None = None) -> Settings:
    return load(a_file(folder, text), environ=environ or {}, types=find_type)


def complaints(folder: Path, text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, text)
    return str(caught.value)


def with_site(key: str, value: str) -> str:
    """Give the good ``site:`` with one key written differently, on line 2."""
    others = [line for line in SITE.splitlines()[1:] if not line.startswith(f"  {key}:")]
    return "\n".join(["site:", f"  {key}: {value}", *others, ""])


def with_channel(options: str) -> str:
    return f"{SITE}channels:\n  mail: {{type: letter, token: {{env: T}}, {options}}}\n"


def a_channel(**options: Any) -> ChannelSettings:
    return ChannelSettings(name=ChannelName("mail"), type="letter", options=options)


# --- what is accepted ------------------------------------------------------------------------


def test_a_full_file_is_read_in_every_key(tmp_path: Path) -> None:
    settings = loaded(tmp_path, GOOD)

    site = settings.site
    assert (site.name, site.url, site.root) == (
        "sample",
        "https://site.example",
        tmp_path / "content",
    )
    assert (site.posts, site.post_url) == (("blog/**/*.md",), "/blog/{year}/{month}/{day}/{slug}")
    assert (site.zone.key, site.release_time) == ("Europe/Oslo", time(8, 30))
    assert site.channels == ("mail", "box")
    assert site.generator.name == "vitepress"
    assert (site.generator.state_key, site.generator.date_keys) == ("stage", ("reveal_on", "date"))
    assert site.generator.values == {
        PostState.DRAFT: "raw",
        PostState.SCHEDULED: "waiting",
        PostState.PUBLISHED: "out",
    }
    assert settings.file == tmp_path / "jobs.yaml"
    assert settings.state_dir == tmp_path / ".state"
    assert settings.ledger_url == f"sqlite:///{tmp_path}/data/facts.db"
    assert settings.rebuild is not None
    assert settings.rebuild.command == ("npm", "run", "build")
    assert settings.rebuild.output == tmp_path / "content/dist"
    assert settings.rebuild.timeout == timedelta(minutes=5)
    assert settings.verify.live is False
    assert settings.verify.timeout == timedelta(minutes=20)
    assert (settings.verify.feed, settings.verify.sitemap) == ("/feed.xml", "/sitemap.xml")
    assert (settings.max_late, settings.stale_after) == (timedelta(hours=2), timedelta(hours=12))
    assert settings.burst == 3
    assert settings.channels == (
        ChannelSettings(
            name=ChannelName("mail"),
            type="letter",
            options={
                "token": SecretRef("env", "LETTER_TOKEN"),
                "api_url": "http://127.0.0.1:8080/",
            },
            template="{{ title }}",
            subject="New",
            after=timedelta(hours=2),
            timeout=timedelta(seconds=30),
        ),
        ChannelSettings(name=ChannelName("box"), type="outbox"),
    )


def test_a_minimal_file_gets_the_documented_defaults(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SITE)

    assert settings.site.release_time == time(9, 0)
    assert settings.state_dir == tmp_path / ".publisher"
    assert settings.ledger_url == f"sqlite:///{tmp_path}/.publisher/ledger.db"
    assert settings.rebuild is None
    assert settings.verify.live is True
    assert settings.verify.timeout == timedelta(minutes=15)
    assert (settings.verify.feed, settings.verify.sitemap) == (None, None)
    assert (settings.max_late, settings.stale_after) == (timedelta(hours=6), timedelta(hours=24))
    assert settings.burst == 5
    assert settings.channels == (ChannelSettings(name=ChannelName("outbox"), type="outbox"),)


def test_an_empty_channels_section_means_the_outbox(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SITE + "channels:\n")

    assert [channel.name for channel in settings.channels] == ["outbox"]
    assert settings.site.channels == ()


def test_an_option_that_is_not_given_has_the_default_of_its_type(tmp_path: Path) -> None:
    settings = loaded(tmp_path, with_channel("list_name: readers"))

    assert settings.channels[0].options == {
        "token": SecretRef("env", "T"),
        "api_url": "https://letter.example",
        "list_name": "readers",
    }


@pytest.mark.parametrize("written", ["off", "'off'", "false", "False"])
def test_embargo_may_be_off_in_every_spelling(tmp_path: Path, written: str) -> None:
    settings = loaded(tmp_path, f"{SITE}embargo: {written}\n")

    assert settings.embargo is Embargo.OFF


@pytest.mark.parametrize("policy", ["redact", "teaser", "omit"])
def test_embargo_says_how_a_build_holds_unreleased_posts(tmp_path: Path, policy: str) -> None:
    settings = loaded(tmp_path, f"{SITE}embargo: {policy}\n")

    assert settings.embargo is Embargo(policy)


@pytest.mark.parametrize("written", ['"09:00"', "09:00", "'09:00'"])
def test_release_time_needs_no_quotes(tmp_path: Path, written: str) -> None:
    settings = loaded(tmp_path, with_site("release_time", written))

    assert settings.site.release_time == time(9, 0)


def test_an_unquoted_afternoon_is_not_a_number_in_base_60(tmp_path: Path) -> None:
    settings = loaded(tmp_path, with_site("release_time", "12:30"))

    assert settings.site.release_time == time(12, 30)


def test_the_output_is_the_generators_unless_named(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SITE + "rebuild: {command: [make]}\n")

    assert settings.rebuild is not None
    assert settings.rebuild.output == tmp_path / "content" / settings.site.generator.output


def test_the_state_may_be_kept_elsewhere_by_absolute_path(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SITE + "state_dir: /var/lib/publisher\n")

    assert settings.state_dir == Path("/var/lib/publisher")
    assert settings.ledger_url == "sqlite:////var/lib/publisher/ledger.db"


def test_a_tilde_is_the_home_of_the_environment(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SITE + "state_dir: ~/state\n", {"HOME": "/home/ada"})

    assert settings.state_dir == Path("/home/ada/state")


def test_one_value_for_drafts_and_scheduled_posts_is_not_explicit(tmp_path: Path) -> None:
    keys = "{values: {draft: hidden, scheduled: hidden, published: shown}}"

    settings = loaded(tmp_path, with_site("keys", keys))

    assert settings.site.generator.explicit is False


def test_the_file_may_be_named_from_another_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_file(tmp_path, SITE)
    monkeypatch.chdir(tmp_path / "content")

    settings = load(Path("../jobs.yaml"), environ={}, types=find_type)

    assert settings.project == tmp_path


# --- complaints ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("name", "''", "site.name: is empty"),
        ("name", "12", "site.name: expected text, found a number"),
        ("name", '"a\\nb"', "site.name: contains line breaks"),
        ("url", "example.org", "site.url: is not an absolute http or https URL"),
        ("url", "ftp://example.org", "site.url: is not an absolute http or https URL"),
        ("url", "http://[oops", "site.url: is not an absolute http or https URL"),
        ("url", "https://site.example/?a=b", "site.url: has a query"),
        ("url", "https://example.org", "site.url: https://example.org is a placeholder"),
        ("url", "http://www.example.com/b", "site.url: http://www.example.com/b is a placeholder"),
        ("url", "https://u:p@example.org", "site.url: contains a user name or password"),
        ("root", "nowhere", "site.root: there is no folder 'nowhere'"),
        ("root", "..", "site.root: is outside the folder of jobs.yaml"),
        ("root", "/", "site.root: is outside the folder of jobs.yaml"),
        ("posts", "../*.md", "site.posts: must stay below site.root"),
        ("posts", "/blog/*.md", "site.posts: must stay below site.root"),
        ("post_url", "blog/{slug}", "site.post_url: is not a path on the site"),
        ("post_url", "//evil.example/{slug}", "site.post_url: is not a path on the site"),
        ("post_url", "/blog/{slg}", "site.post_url: unknown placeholder {slg}"),
        ("post_url", "'/blog/{slug'", "site.post_url: contains a stray brace"),
        ("post_url", "/blog/{year}", "site.post_url: gives all posts the same URL"),
        ("generator", "vitepres", "site.generator: unknown generator 'vitepres'"),
        ("timezone", "Europe/Olso", "site.timezone: unknown time zone 'Europe/Olso'"),
        ("timezone", "Europe", "site.timezone: unknown time zone 'Europe'"),
        ("timezone", "../../etc/passwd", "site.timezone: unknown time zone"),
        ("timezone", "localtime", "site.timezone: unknown time zone 'localtime'"),
        ("release_time", "9:00", "site.release_time: is not a time of day"),
        ("release_time", "'24:00'", "site.release_time: is not a time of day"),
        ("release_time", "540", "site.release_time: expected a time of day, found a number"),
        ("keys", "{dates: {a: b}}", "site.keys.dates: expected text, found a mapping"),
        ("keys", "{values: {draft: 1}}", "site.keys.values.draft: expected text"),
        (
            "keys",
            "{values: {draft: a, scheduled: b, published: a}}",
            "site.keys.values: a published post has the same value as an unpublished one",
        ),
    ],
)
def test_a_bad_site_value_is_named_with_its_line(
    tmp_path: Path, key: str, value: str, message: str
) -> None:
    assert f"jobs.yaml:2: {message}" in complaints(tmp_path, with_site(key, value))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("state_dir: ../elsewhere", "state_dir: is outside the folder of jobs.yaml"),
        ("state_dir: ~bob/state", "state_dir: refers to an unknown home folder"),
        ("ledger: mysql://h/d", "ledger: is not a supported ledger"),
        ("ledger: 'sqlite:///:memory:'", "ledger: must name a file on disk"),
        ("ledger: sqlite:///../l.db", "ledger: is outside the folder of jobs.yaml"),
        ("embargo: on", "embargo: is not a valid value"),
        ("embargo: true", "embargo: is not a valid value"),
        ("rebuild: make", "rebuild: expected a mapping, found text"),
        ("rebuild: {command: make all}", "rebuild.command: expected a list of texts, found text"),
        ("rebuild: {command: []}", "rebuild.command: is an empty list"),
        ("rebuild: {command: [a, 2]}", "rebuild.command: expected text, found a number"),
        ("rebuild: {output: dist}", "rebuild.command: is missing"),
        ("rebuild: {command: [a], output: ../..}", "rebuild.output: is outside the folder"),
        ("rebuild: {command: [a], output: .}", "rebuild.output: contains the site's sources"),
        ("rebuild: {command: [a], output: ..}", "rebuild.output: contains the site's sources"),
        ("rebuild: {command: [a], timeout: 0s}", "rebuild.timeout: "),
        ("rebuild: {command: [a], timeout: 15}", "rebuild.timeout: expected a duration, found a n"),
        ("verify: {live: yes}", "verify.live: expected true or false, found text"),
        ("verify: {live: 1}", "verify.live: expected true or false, found a number"),
        ("verify: {feed: feed.xml}", "verify.feed: is not a path on the site"),
        ("policy: {max_late: soon}", "policy.max_late: "),
        ("policy: {max_late: 99999d}", "policy.max_late: is longer than ten years"),
        ("policy: {burst: 0}", "policy.burst: must be 1 or more"),
        ("policy: {burst: true}", "policy.burst: expected a whole number, found true or false"),
        ("channels: [x]", "channels: expected a mapping, found a list"),
        ("channels: {X: {type: outbox}}", "channels.X: is not a valid channel name"),
        ("channels: {x: {}}", "channels.x.type: is missing"),
        ("channels: {x: outbox}", "channels.x: expected a mapping, found text"),
        ("channels: {x: {type: leter}}", "channels.x.type: there is no channel type 'leter'"),
        ("channels: {x: {type: pigeon}}", "channels.x.loft: is missing"),
        ("channels: {x: {type: letter}}", "channels.x.token: is missing"),
    ],
)
def test_a_bad_value_is_named_with_its_line(tmp_path: Path, line: str, message: str) -> None:
    assert f"jobs.yaml:9: {message}" in complaints(tmp_path, f"{SITE}{line}\n")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("recipients: ada", "recipients: expected a list of texts"),
        ("page_size: many", "page_size: expected a whole number, found text"),
        ("tracking: off", "tracking: expected true or false, found text"),
        ("list_name: 2027-03-01", "list_name: expected text, found a date"),
        ("api_url: api.example", "api_url: is not an absolute http or https URL"),
        ("template: 4", "template: expected text, found a number"),
        ("subject: [a]", "subject: expected text, found a list"),
        ("after: 2", "after: expected a duration, found a number"),
        ("timeout: 0s", "timeout: "),
        ("spare_token: {env: A, file: b}", "spare_token: does not say where the secret is kept"),
        ("spare_token: {vault: a}", "spare_token: does not say where the secret is kept"),
        ("spare_token: {credential: ../a}", "spare_token: {credential: …} does not hold a name"),
    ],
)
def test_a_bad_channel_option_is_named_with_its_line(
    tmp_path: Path, options: str, message: str
) -> None:
    assert f"jobs.yaml:10: channels.mail.{message}" in complaints(tmp_path, with_channel(options))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            SITE.replace("timezone", "timezon"),
            "site: unknown key timezon\n  did you mean timezone?",
        ),
        (SITE + "channelz: {}\n", "unknown key channelz\n  did you mean channels?"),
        (SITE + "timezone: UTC\n", "unknown key timezone\n  did you mean site.timezone?"),
        (SITE + "qqq: 1\n", "unknown key qqq\n  possible here: "),
        (SITE + "verify: {lve: true}\n", "verify: unknown key lve\n  did you mean live?"),
        (with_channel("page_sise: 2"), "mail: unknown key page_sise\n  did you mean page_size?"),
        (with_channel("templatx: a"), "mail: unknown key templatx\n  did you mean template?"),
    ],
)
def test_an_unknown_key_names_the_nearest_valid_one(
    tmp_path: Path, text: str, message: str
) -> None:
    assert message in complaints(tmp_path, text)


def test_the_hint_for_a_time_zone_is_the_nearest_name(tmp_path: Path) -> None:
    text = complaints(tmp_path, with_site("timezone", "Europe/Olso"))

    assert "\n  did you mean Europe/Oslo?" in text


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("jobs: []", "jobs"),
        ("policy: {preflight: 24h}", "policy.preflight"),
        ("ledger: postgresql+psycopg://h/d", "ledger: PostgreSQL"),
    ],
)
def test_a_key_of_a_later_version_is_refused(tmp_path: Path, line: str, key: str) -> None:
    text = complaints(tmp_path, f"{SITE}{line}\n")

    assert text.startswith(f"jobs.yaml:9: {key}")
    assert "is not supported in this version" in text


def test_an_unknown_embargo_names_the_known_ones(tmp_path: Path) -> None:
    assert complaints(tmp_path, SITE + "embargo: blur\n") == (
        "jobs.yaml:9: embargo: is not a valid value\n  use redact, teaser, omit or off"
    )


def test_git_does_nothing_unless_it_is_named(tmp_path: Path) -> None:
    assert loaded(tmp_path, SITE).git is None


def test_a_git_section_pulls_commits_and_pushes(tmp_path: Path) -> None:
    settings = loaded(tmp_path, f"{SITE}embargo: omit\ngit: {{deploy_branch: pages}}\n")

    assert settings.git == GitSettings(
        pull=True, commit=True, push=True, remote="origin", deploy_branch="pages"
    )


@pytest.mark.parametrize("written", ["git: {}", "git:"])
def test_to_name_git_is_to_use_it(tmp_path: Path, written: str) -> None:
    assert loaded(tmp_path, f"{SITE}{written}\n").git == GitSettings()


def test_a_deploy_branch_needs_a_stage_to_hold(tmp_path: Path) -> None:
    assert complaints(tmp_path, f"{SITE}git: {{deploy_branch: pages}}\n") == (
        "jobs.yaml:9: git.deploy_branch: needs an embargo\n"
        "  write embargo: redact, teaser or omit; without a stage there is nothing to put there"
    )


def test_a_deployment_on_github_needs_repository_and_token(tmp_path: Path) -> None:
    text = complaints(tmp_path, f"{SITE}deploy: {{github: {{workflow: site.yml}}}}\n")

    assert "deploy.github.repository: is missing" in text
    assert "deploy.github.token: is missing" in text


def test_a_deploy_hook_and_a_token_are_kept_elsewhere(tmp_path: Path) -> None:
    github = "github: {repository: runa/site, workflow: site.yml, token: {env: GH}}"

    settings = loaded(tmp_path, f"{SITE}deploy: {{hook: {{env: HOOK}}, {github}}}\n")

    assert settings.deploy.hook == SecretRef("env", "HOOK")
    assert settings.deploy.github == GitHubSettings(
        repository="runa/site", workflow="site.yml", token=SecretRef("env", "GH")
    )
    assert set(settings.secrets) == {"deploy.hook", "deploy.github.token"}


def test_a_deploy_hook_in_plain_sight_is_refused(tmp_path: Path) -> None:
    text = complaints(tmp_path, f"{SITE}deploy: {{hook: https://api.netlify.com/x/{CANARY}}}\n")

    assert "deploy.hook: secrets are not allowed in this file" in text
    assert CANARY not in text


@pytest.mark.parametrize(
    "key", ["state_dir: content/dist/x", "ledger: sqlite:///content/dist/l.db"]
)
def test_nothing_that_must_last_is_kept_where_a_build_cleans_up(tmp_path: Path, key: str) -> None:
    text = complaints(tmp_path, f"{SITE}rebuild: {{command: [make], output: dist}}\n{key}\n")

    assert text.startswith(f"jobs.yaml:10: {key.split(':')[0]}: is inside rebuild.output")


def test_a_link_does_not_lead_the_site_out_of_its_folder(tmp_path: Path) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project/link").symlink_to(tmp_path)

    text = complaints(tmp_path / "project", with_site("root", "link"))

    assert "site.root: is outside the folder of jobs.yaml" in text


@pytest.mark.parametrize("name", ["loop", "x" * 300])
def test_a_path_that_cannot_be_used_is_a_complaint(tmp_path: Path, name: str) -> None:
    (tmp_path / "loop").symlink_to("loop")

    text = complaints(tmp_path, with_site("root", name) + f"state_dir: {name}\n")

    assert "jobs.yaml:2: site.root: is not a path that can be used" in text
    assert "jobs.yaml:9: state_dir: is not a path that can be used" in text


def test_all_problems_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = """\
site:
  nameq: sample
  url: example.org
  root: content
  posts: "blog/**/*.md"
  post_url: /blog/{slug}
  generator: vitepress
  timezone: Europe/Olso
jobs: []
rebuild:
  command: npm run build
channels:
  mail:
    type: letter
    tokn: {env: T}
"""

    _, problems = read(a_file(tmp_path, text), environ={}, types=find_type)

    assert [(problem.line, problem.message) for problem in problems] == [
        (1, "site.name: is missing"),
        (2, "site: unknown key nameq"),
        (3, "site.url: is not an absolute http or https URL"),
        (8, "site.timezone: unknown time zone 'Europe/Olso'"),
        (9, "jobs: is not supported in this version"),
        (11, "rebuild.command: expected a list of texts, found text"),
        (13, "channels.mail.token: is missing"),
        (15, "channels.mail: unknown key tokn"),
    ]


def test_the_error_lists_each_problem_with_its_hint_below(tmp_path: Path) -> None:
    text = complaints(tmp_path, SITE.replace("Oslo", "Olso") + "policyq: {}\n")

    assert text == (
        "jobs.yaml:8: site.timezone: unknown time zone 'Europe/Olso'\n"
        "  did you mean Europe/Oslo?\n"
        "jobs.yaml:9: unknown key policyq\n"
        "  did you mean policy?"
    )


def test_an_unknown_type_does_not_make_its_options_unknown(tmp_path: Path) -> None:
    text = complaints(tmp_path, SITE + "channels: {x: {type: leter, token: {env: T}}}\n")

    assert text == (
        "jobs.yaml:9: channels.x.type: there is no channel type 'leter'\n  did you mean 'letter'?"
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "---\n"])
def test_an_empty_file_lacks_its_site(tmp_path: Path, text: str) -> None:
    assert "site: is missing" in complaints(tmp_path, text)


def test_a_file_that_is_no_mapping_is_refused(tmp_path: Path) -> None:
    assert "expected a mapping, found a list" in complaints(tmp_path, "- a\n- b\n")


def test_a_missing_file_names_the_command_that_writes_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "jobs.yaml", environ={}, types=find_type)

    assert caught.value.what == "no jobs.yaml here"
    assert caught.value.hint == "run `publisher init`"


def test_a_file_that_is_not_utf8_is_told_with_its_line(tmp_path: Path) -> None:
    file = a_file(tmp_path, "")
    file.write_bytes(b"site:\n  name: \xe9t\xe9\n")

    with pytest.raises(ConfigError, match=r"^jobs\.yaml:2: not UTF-8"):
        load(file, environ={}, types=find_type)


def test_broken_yaml_is_a_config_error_with_its_line(tmp_path: Path) -> None:
    text = complaints(tmp_path, "site:\n  name: a: b\n")

    assert text.startswith("jobs.yaml:2: mapping values are not allowed")


# --- bounded YAML ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: &x [1]\nb: *x\n", "post.md:5: anchors"),
        ("a: *x\n", "post.md:5: anchors"),
        ("a: 1\n<<: {b: 2}\n", "post.md:6: merge keys"),
        ("a: !!python/name:os.system x\n", "post.md:5: tags"),
        ("a: 1\nb: 2\na: 3\n", "post.md:7: the key 'a' is given twice"),
        ("a:\n  b: 1\n  b: 2\n", "post.md:7: the key 'b' is given twice"),
        ("[1, 2]: 3\n", "post.md:5: a key must be one word or text"),
        ("a: 1\n--- \nb: 2\n", "post.md:6: "),
        ("a: 'x\n", "post.md:6: "),
        ("a: \x07\n", "post.md:5: this YAML contains a character"),
        ("a: \ud800\n", "post.md:5: this YAML contains a character"),
    ],
)
def test_yaml_that_could_explode_or_surprise_is_refused(text: str, message: str) -> None:
    with pytest.raises(PublisherError) as caught:
        load_yaml(text, "post.md", first_line=5)

    assert caught.value.what.startswith(message)


def test_tab_that_indents_is_named() -> None:
    with pytest.raises(PublisherError, match=r"jobs\.yaml:2: a tab indents this line"):
        load_yaml("site:\n\tname: sample\n", "jobs.yaml")


@pytest.mark.parametrize(
    "bomb",
    [
        "a: &a [x, x]\n" + "".join(f"b{n}: &b{n} [*a, *a]\n" for n in range(2000)),
        "a: &a {k: 1}\n" + "".join(f"b{n}:\n  <<: *a\n" for n in range(2000)),
        "[" * 60_000,
        "{" * 60_000,
        "- " * 30_000,
        "? " * 30_000,
        "a: " + "[" * 21 + "]" * 21,
        "a: " + "x" * 70_000,
    ],
    ids=["alias", "merge", "list", "mapping", "dashes", "keys", "depth 21", "long"],
)
def test_a_yaml_bomb_is_refused_at_once(bomb: str) -> None:
    started = stopwatch.perf_counter()

    with pytest.raises(PublisherError):
        load_yaml(bomb, "jobs.yaml")

    assert stopwatch.perf_counter() - started < 1.0


def test_a_large_flat_file_within_the_bounds_is_read_quickly() -> None:
    text = "".join(f"key{n}: {n}\n" for n in range(4000))
    started = stopwatch.perf_counter()

    data = load_yaml(text, "jobs.yaml")

    assert len(data) == 4000
    assert stopwatch.perf_counter() - started < 2.0


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("FALSE", False),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("12:30:45", "12:30:45"),
        ("12:30", "12:30"),
        ("010", "010"),
        ("0x1F", "0x1F"),
        ("1_000", "1_000"),
        ("42", 42),
        ("-1.5", -1.5),
        ("9" * 30, "9" * 30),
        ("2027-02-28", date(2027, 2, 28)),
        ("2027-02-30", "2027-02-30"),
        ("2027-02-28T25:00:00", "2027-02-28T25:00:00"),
        ("=", "="),
        ("~", None),
        ("", None),
        ("!!str 12", "12"),
    ],
)
def test_a_bare_word_means_what_a_person_means(written: str, value: object) -> None:
    assert load_yaml(f"a: {written}\n", "post.md") == {"a": value}


def test_every_key_and_item_has_its_line() -> None:
    text = "a: 1\nb:\n  c: {d: 2}\n  e:\n    - f\n    - g: 3\n"

    assert key_lines(text, first_line=2) == {
        ("a",): 2,
        ("b",): 3,
        ("b", "c"): 4,
        ("b", "c", "d"): 4,
        ("b", "e"): 5,
        ("b", "e", "0"): 6,
        ("b", "e", "1"): 7,
        ("b", "e", "1", "g"): 7,
    }


# --- secrets ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options",
    [
        f"spare_token: {CANARY}",
        f"spare_token: [{CANARY}]",
        f"spare_token: {{{CANARY}: 1}}",
        f"spare_token: {{env: '{CANARY}!'}}",
        f"spare_token: {{credential: '{CANARY}/x'}}",
        f"api_url: 'https://ada:{CANARY}@mail.example'",
        f"page_size: {CANARY}",
        f"recipients: {CANARY}",
        f"spare_tokn: {CANARY}",
        f"{CANARY}: 1",
        f"timeout: {CANARY}",
    ],
)
def test_a_secret_in_the_file_is_never_repeated(tmp_path: Path, options: str) -> None:
    text = complaints(tmp_path, with_channel(options))

    assert CANARY not in text


@pytest.mark.parametrize("line", [f"ledger: postgresql://ada:{CANARY}@h/d", f"x: '{CANARY}"])
def test_a_secret_outside_the_channels_is_never_repeated(tmp_path: Path, line: str) -> None:
    text = complaints(tmp_path, f"{SITE}{line}\n")

    assert CANARY not in text


def test_a_literal_secret_is_refused_with_the_three_ways(tmp_path: Path) -> None:
    text = complaints(tmp_path, with_channel(f"spare_token: {CANARY}"))

    assert "channels.mail.spare_token: secrets are not allowed in this file" in text
    assert "write {env: NAME}, {credential: name} or {file: path}" in text


def test_a_secret_comes_from_the_environment(tmp_path: Path) -> None:
    channel = a_channel(token=SecretRef("env", "TOKEN"), list_name="readers")

    options = resolve_secrets(channel, environ={"TOKEN": CANARY})

    assert options == {"token": Secret(CANARY), "list_name": "readers"}
    assert CANARY not in repr(options)


@pytest.mark.parametrize(
    ("content", "value"),
    [(b"abc", "abc"), (b"abc\n", "abc"), (b"abc\r\n", "abc"), (b"abc\n\n", "abc\n")],
)
def test_one_newline_at_the_end_of_a_file_is_not_the_secret(
    tmp_path: Path, content: bytes, value: str
) -> None:
    file = tmp_path / "token"
    file.write_bytes(content)
    file.chmod(0o600)

    channel = a_channel(token=SecretRef("file", str(file)))
    options = resolve_secrets(channel, environ={})

    assert options["token"].reveal() == value


def test_a_credential_comes_from_systemds_folder(tmp_path: Path) -> None:
    (tmp_path / "mail-token").write_text(f"{CANARY}\n")
    channel = a_channel(token=SecretRef("credential", "mail-token"))

    options = resolve_secrets(channel, environ={"CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert options == {"token": Secret(CANARY)}


def test_a_relative_secret_file_is_beside_jobs_yaml(tmp_path: Path) -> None:
    settings = loaded(tmp_path, with_channel("spare_token: {file: secrets/t}"))

    assert settings.channels[0].options["spare_token"] == SecretRef(
        "file", str(tmp_path / "secrets/t")
    )


@pytest.mark.parametrize("mode", [0o644, 0o604, 0o602])
def test_a_secret_file_open_to_everybody_is_refused(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "token"
    file.write_text(CANARY)
    file.chmod(mode)

    channel = a_channel(token=SecretRef("file", str(file)))
    with pytest.raises(ConfigError) as caught:
        resolve_secrets(channel, environ={})

    assert f"chmod 600 {file}" in str(caught.value)
    assert CANARY not in str(caught.value)


def test_a_secret_file_of_a_group_is_fine(tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("abc")
    file.chmod(0o640)

    channel = a_channel(token=SecretRef("file", str(file)))
    options = resolve_secrets(channel, environ={})

    assert options == {"token": Secret("abc")}


def test_all_missing_secrets_are_named_together(tmp_path: Path) -> None:
    channel = a_channel(
        a=SecretRef("env", "TOKEN_A"),
        b=SecretRef("env", "TOKEN_B"),
        c=SecretRef("credential", "token-c"),
        d=SecretRef("credential", "token-d"),
        e=SecretRef("file", str(tmp_path / "token-e")),
        f=SecretRef("file", str(tmp_path)),
    )
    (tmp_path / "token-d").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigError) as caught:
        resolve_secrets(channel, environ={"TOKEN_B": "", "CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert str(caught.value) == (
        "channels.mail.a: the environment variable TOKEN_A is not set\n"
        "  channels.mail.b: the environment variable TOKEN_B is empty\n"
        "  channels.mail.c: the credential token-c does not exist\n"
        "  channels.mail.d: the credential token-d is not UTF-8 text\n"
        f"  channels.mail.e: the secret file {tmp_path}/token-e does not exist\n"
        f"  channels.mail.f: the secret file {tmp_path} is not a regular file"
    )


def test_check_lists_missing_secrets_as_problems(tmp_path: Path) -> None:
    settings = loaded(tmp_path, with_channel("spare_token: {credential: spare}"))

    problems = missing_secrets(settings, {})

    assert [(p.rule, p.severity, p.path, p.message) for p in problems] == [
        (
            "secret-missing",
            "error",
            "jobs.yaml",
            "channels.mail.token: the environment variable T is not set",
        ),
        (
            "secret-missing",
            "warning",
            "jobs.yaml",
            "channels.mail.spare_token: the credential spare is not available here",
        ),
    ]


def test_check_finds_credentials_where_systemd_says(tmp_path: Path) -> None:
    (tmp_path / "spare").write_text("abc")
    settings = loaded(tmp_path, with_channel("spare_token: {credential: spare}"))

    problems = missing_secrets(settings, {"T": "abc", "CREDENTIALS_DIRECTORY": str(tmp_path)})

    assert problems == []


# --- alerts ----------------------------------------------------------------------------------


def test_alerts_and_ping_are_urls_or_say_where_they_are_kept(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path,
        f"""{SITE}alerts:
  - mailto://ada@example.org
  - {{env: ALERT_URL}}
  - {{credential: alert-url}}
ping: https://hc.example/abc
""",
    )

    assert settings.alerts == (
        "mailto://ada@example.org",
        SecretRef("env", "ALERT_URL"),
        SecretRef("credential", "alert-url"),
    )
    assert settings.ping == "https://hc.example/abc"


def test_nobody_is_told_by_default(tmp_path: Path) -> None:
    settings = loaded(tmp_path, SITE)

    assert (settings.alerts, settings.ping) == ((), None)


@pytest.mark.parametrize(
    "url",
    [
        f"mailto://ada:{CANARY}@example.org",
        f"json://ada:{CANARY}@example.org/path",
        f"slack://T1JJ3T3L2/A1BRTD4JD/{CANARY}azkcOXrIdev/#general",
        f"discord://4174216298/{CANARY}bk2ZwO5U711o3dV_js",
    ],
)
def test_alert_address_with_a_secret_is_refused_and_not_shown(tmp_path: Path, url: str) -> None:
    text = complaints(tmp_path, f"{SITE}alerts:\n  - mailto://ada@example.org\n  - {url!r}\n")

    assert text == (
        "jobs.yaml:11: alerts: number 2 holds a secret\n"
        "  whoever reads this file could send in your name; "
        "keep the whole URL elsewhere: write {env: ALERT_URL}; renew what others saw"
    )


def test_all_alert_addresses_that_nobody_understands_are_named_by_line(tmp_path: Path) -> None:
    text = complaints(tmp_path, f"{SITE}alerts:\n  - pigeon://{CANARY}\n  - hello\n  - 7\n")

    assert CANARY not in text
    assert [line for line in text.splitlines() if line.startswith("jobs.yaml")] == [
        "jobs.yaml:10: alerts: number 1 is not a URL that Apprise understands",
        "jobs.yaml:11: alerts: number 2 is not a URL that Apprise understands",
        "jobs.yaml:12: alerts: number 3 expected text, found a number",
    ]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("alerts: mailto://ada@example.org", "alerts: expected a list, found text"),
        ("ping: ftp://example.org", "ping: is not an absolute http or https URL"),
        (f"ping: https://ada:{CANARY}@example.org", "ping: contains a user name or password"),
        ("ping: {vault: url}", "ping: does not say where the secret is kept"),
    ],
)
def test_wrong_alerts_or_ping_is_refused(tmp_path: Path, line: str, message: str) -> None:
    text = complaints(tmp_path, f"{SITE}{line}\n")

    assert text.startswith(f"jobs.yaml:9: {message}")
    assert CANARY not in text


def test_check_lists_missing_secrets_of_alerts_and_ping(tmp_path: Path) -> None:
    settings = loaded(tmp_path, f"{SITE}alerts: [{{env: ALERT_URL}}]\nping: {{env: PING_URL}}\n")

    problems = missing_secrets(settings, {})

    assert [problem.message for problem in problems] == [
        "alerts.1: the environment variable ALERT_URL is not set",
        "ping: the environment variable PING_URL is not set",
    ]


def test_builds_do_not_see_the_secrets_of_alerts_and_ping(tmp_path: Path) -> None:
    settings = loaded(tmp_path, f"{SITE}alerts: [{{env: ALERT_URL}}]\nping: {{env: PING_URL}}\n")

    environ = build_environ(settings, {"ALERT_URL": "a", "PING_URL": "b", "PATH": "/bin"})

    assert environ == {"PATH": "/bin"}


# --- JSON Schema -----------------------------------------------------------------------------


def schema_defaults(described: Mapping[str, Any]) -> dict[str, Any]:
    """Collect the defaults that a schema names, section by section."""
    found = {}
    for word, key in described.get("properties", {}).items():
        below = schema_defaults(key)
        if "default" in key or below:
            found[word] = key.get("default", below)
    return found


def test_writing_every_default_changes_nothing(tmp_path: Path) -> None:
    defaults = schema_defaults(schema())
    site = yaml.safe_load(SITE)["site"]
    spelled_out = {**defaults, "site": {**defaults["site"], **site}}
    del spelled_out["rebuild"]  # its command has no default
    del spelled_out["git"]  # to name it is to use it
    del spelled_out["deploy"]["github"]

    settings = loaded(tmp_path, yaml.safe_dump(spelled_out))

    assert settings == loaded(tmp_path, SITE)


def test_posts_and_keys_may_be_one_text_or_a_list(tmp_path: Path) -> None:
    one, several = 'posts: "blog/**/*.md"', 'posts: ["blog/**/*.md", "notes/*.mdx"]'
    keys = "  keys: {title: name, description: [lead, summary], date: [when], image: cover.src}\n"
    text = SITE.replace("  post_url: /blog/{slug}\n", keys).replace(one, several)

    site = loaded(tmp_path, text).site

    assert site.posts == ("blog/**/*.md", "notes/*.mdx")
    assert site.post_url is None
    assert site.keys.title == ("name",)
    assert site.keys.description == ("lead", "summary")
    assert site.keys.date == site.generator.date_keys == ("when",)
    assert site.keys.image == ("cover.src",)


def test_an_empty_list_of_posts_is_an_error(tmp_path: Path) -> None:
    text = SITE.replace('posts: "blog/**/*.md"', "posts: []")

    _, problems = read(a_file(tmp_path, text), environ={})

    assert [problem.line for problem in problems] == [5]


def test_the_schema_requires_what_reading_requires() -> None:
    described = schema()

    assert described["required"] == ["site"]
    assert described["properties"]["site"]["required"] == [
        "name",
        "url",
        "posts",
        "generator",
        "timezone",
    ]
    assert described["additionalProperties"] is False


def test_the_schema_leaves_a_channels_own_options_open() -> None:
    channel = schema()["properties"]["channels"]["additionalProperties"]

    assert channel["required"] == ["type"]
    assert channel["additionalProperties"] is True


def test_the_schema_does_not_offer_keys_of_later_versions() -> None:
    described = schema()["properties"]

    assert set(described) == {
        "site",
        "state_dir",
        "ledger",
        "embargo",
        "withdrawn",
        "rebuild",
        "verify",
        "deploy",
        "git",
        "policy",
        "channels",
        "alerts",
        "ping",
    }
    assert "preflight" not in described["policy"]["properties"]
