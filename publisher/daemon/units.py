"""The systemd units that start us: a daemon, or a timer for those who want none.

Nothing here talks to systemd's manager or writes into its folders.
"""

from __future__ import annotations

import hashlib
import re
import shlex
from collections.abc import Iterable, Mapping
from datetime import timedelta
from pathlib import Path
from string import Template

from publisher.config.settings import Settings
from publisher.model import Embargo
from publisher.model.errors import ConfigError
from publisher.model.secret import SecretRef

MARGIN_S = 60  # for scans, the ledger, a busy machine
SEARCH = timedelta(minutes=15)  # to stage and search 10,000 posts and 1 GB took 4 to 7 minutes
GIT = timedelta(minutes=30)  # to push the release and the deploy branch, ten minutes a try
STOP_MARGIN_S = 30  # for ending a build and closing the ledger
HOMES = (Path("/home"), Path("/root"), Path("/run/user"))  # what ProtectHome= is about


def units(settings: Settings, *, executable: Path, user: str, group: str) -> Mapping[str, str]:
    """Write the unit files of a site, by file name: a daemon, or a timer for those without.

    ``executable`` is the absolute path of the ``publisher`` command. Directives are those of
    systemd 247 and later (systemd.exec(5), systemd.service(5), checked 2026-11-20).

    :raises ConfigError: when a path holds what no unit file can carry.
    """
    name = unit_name(settings.site.name)
    values = {
        "name": name,
        "site": _describe(settings.site.name),
        "user": escape(user),
        "group": escape(group),
        "command": f"{quote(executable)} --config {quote(settings.file, is_argument=True)}",
        "project": escape(str(settings.project)),
        "state_dir": shlex.quote(str(settings.state_dir)),  # only in comments, for a shell
        "step_s": str(step_bound_s(settings)),
        "tick_s": str(2 * step_bound_s(settings)),
        "stop_s": str(delivery_bound_s(settings) + STOP_MARGIN_S),
    }
    values["secrets"] = _secrets(settings, name)
    values["sandbox"] = _SANDBOX.substitute(
        home=_home_access(settings, executable),
        writable="\n".join(f"ReadWritePaths={quote(path)}" for path in writable_paths(settings)),
    )
    return {
        f"{name}.service": _DAEMON.substitute(values),
        f"{name}-tick.service": _TICK.substitute(values),
        f"{name}-tick.timer": _TIMER.substitute(values),
    }


def unit_name(site: str) -> str:
    """Give a site's unit name without its type; sites that differ have names that differ."""
    plain = re.sub(r"[^A-Za-z0-9_.-]+", "-", site).strip("-.")[:100]
    if plain == site and not plain.endswith("-tick"):
        return f"publisher-{plain}"
    mark = hashlib.sha256(site.encode()).hexdigest()[:8]
    return f"publisher-{plain}-{mark}" if plain else f"publisher-{mark}"


def escape(text: str) -> str:
    """Write text as the whole value of a directive that knows specifiers (systemd.unit(5))."""
    if not text.isprintable() or text != text.strip() or set(text) & set('"\\'):
        raise ConfigError(
            f"{text!r} cannot be written into a unit file",
            why="it holds a quote, a backslash, a control character, or blanks at an end",
            hint="rename it",
        )
    return text.replace("%", "%%")


def _describe(text: str) -> str:
    """Write text for people: what a unit file cannot carry becomes a blank."""
    plain = "".join(sign if sign.isprintable() and sign != "\\" else " " for sign in text)
    return plain.replace("%", "%%")


def quote(path: Path, *, is_argument: bool = False) -> str:
    """Write a path where words are split at blanks; arguments of commands know variables too."""
    text = escape(str(path))
    if is_argument:
        text = text.replace("$", "$$")
    return f'"{text}"' if re.search(r"[\s';]", text) else text


def delivery_bound_s(settings: Settings) -> int:
    """Give the longest a delivery may take, preparation and look-up included: its lease."""
    slowest = max((channel.timeout.total_seconds() for channel in settings.channels), default=0)
    return round(3 * slowest)


def step_bound_s(settings: Settings) -> int:
    """Give the longest that a healthy daemon may be silent: one build, look and delivery.

    To a build belong staging and search, git's pushes, and each step of the deployment.
    """
    build = settings.rebuild.timeout if settings.rebuild else timedelta(0)
    if settings.embargo is not Embargo.OFF:
        build += SEARCH
    if settings.git is not None:
        build += GIT
    deploy = settings.deploy
    build += deploy.timeout * sum(map(bool, (deploy.command, deploy.hook, deploy.github)))
    slowest = (build + settings.verify.timeout).total_seconds()
    return round(slowest) + delivery_bound_s(settings) + MARGIN_S


def writable_paths(settings: Settings) -> tuple[Path, ...]:
    """Give the folders that a release changes, without those inside another one."""
    folders = {settings.site.root, settings.state_dir}
    if settings.rebuild is not None and not _is_below(settings.rebuild.output, folders):
        folders.add(settings.rebuild.output.parent)  # generators replace the folder itself
    if settings.deploy.command:
        folders.add(settings.project)  # where it runs
    if settings.git is not None:
        folders.add(_repository_of(settings.project))
    ledger = _ledger_file(settings.ledger_url)
    if ledger is not None:
        folders.add(ledger.parent)  # its journal appears beside it
    return tuple(sorted(path for path in folders if not _is_below(path, folders - {path})))


def _repository_of(project: Path) -> Path:
    """Give the folder that git works in: a pull changes files anywhere in it."""
    return next((f for f in (project, *project.parents) if (f / ".git").exists()), project)


def _is_below(path: Path, folders: Iterable[Path]) -> bool:
    return any(path.is_relative_to(folder) for folder in folders)


def _ledger_file(url: str) -> Path | None:
    from sqlalchemy import make_url  # heavy; only this command needs it

    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database
    return Path(parsed.database) if is_file and parsed.database else None


def _secret_refs(settings: Settings) -> tuple[SecretRef, ...]:
    return tuple(sorted(set(settings.secrets.values()), key=lambda ref: (ref.source, ref.name)))


def _secrets(settings: Settings, name: str) -> str:
    """Write the directives that bring the secrets of jobs.yaml, each kind only where it is used."""
    refs = _secret_refs(settings)
    lines: list[str] = []
    credentials = [ref.name for ref in refs if ref.source == "credential"]
    if credentials:
        lines += [
            "# Credentials: files of root, mode 0600, which must exist; the service sees copies in",
            "# memory. Encrypted ones (systemd-creds encrypt): LoadCredentialEncrypted= instead.",
        ]
        lines += [
            f"LoadCredential={escape(credential)}:/etc/{name}/{escape(credential)}"
            for credential in credentials
        ]
    variables = [ref.name for ref in refs if ref.source == "env"]
    if variables:
        lines += [
            "# Secrets as NAME=value, one per line, mode 0600. Builds do not get these variables.",
            f"# Wanted here: {escape(', '.join(variables))}",
            f"EnvironmentFile=-/etc/{name}/secrets.env",
        ]
    return "\n".join(lines) or "# No channel needs a secret."


def _home_access(settings: Settings, executable: Path) -> str:
    files = [Path(ref.name) for ref in _secret_refs(settings) if ref.source == "file"]
    if settings.rebuild is not None:
        files.append(Path(settings.rebuild.command[0]))
    needed = [settings.file, executable, executable.resolve(), *files, *writable_paths(settings)]
    if settings.git is not None:
        comment = (
            "# git and ssh find keys, known hosts and .gitconfig in the user's home folder. They\n"
            "# cannot write there: no new host is remembered, no refused password forgotten."
        )
    elif any(_is_below(path, HOMES) for path in needed):
        comment = "# Something that is needed lies in a home folder, so these can be read."
    else:
        return "ProtectHome=yes"
    return f"{comment}\nProtectHome=read-only"


_DAEMON = Template("""\
# The daemon. As root:
#   install -d -o $user -g $group -m 0700 $state_dir
#   cp $name.service /etc/systemd/system/
#   systemctl daemon-reload
#   systemctl enable --now $name.service
# It needs either this unit or $name-tick.timer, not both.

[Unit]
Description=Scheduled releases and announcements of $site
Wants=network-online.target
# A wrong clock would release at the wrong instant.
After=network-online.target time-sync.target
# Whatever ends it, it is started again: nobody may be there to do it.
StartLimitIntervalSec=0

[Service]
# Ready when the ledger was checked and what a crash left behind is settled.
Type=notify
NotifyAccess=main
ExecStart=$command run
# systemctl reload: look at jobs.yaml now.
ExecReload=/bin/kill -HUP $$MAINPID
WorkingDirectory=$project
User=$user
Group=$group
SyslogIdentifier=$name
# Builds get systemd's PATH. Where node or hugo live elsewhere: Environment=PATH=...
# A hang leaves its stack in the journal:
Environment=PYTHONFAULTHANDLER=1

# The daemon speaks after each tick and each step of one. This is the longest step (a build, a
# look at the page, a delivery) and a minute; longer silence is a hang.
WatchdogSec=$step_s
TimeoutStartSec=$step_s

# SIGTERM goes to the daemon alone: it ends the build, and lets the delivery in flight finish.
KillMode=mixed
# The slowest delivery, and half a minute. Killed earlier, it would be uncertain, and held.
TimeoutStopSec=$stop_s
Restart=on-failure
# The delay grows: after a start that led to no good pass the daemon waits by itself, up to five
# minutes, and counts in this folder. It waits likewise while the disk of the ledger is full.
RestartSec=5
RuntimeDirectory=$name
RuntimeDirectoryMode=0700
RuntimeDirectoryPreserve=restart
# 78: jobs.yaml is wrong. 75: another daemon works on this ledger. Trying again helps neither.
RestartPreventExitStatus=78 75

$secrets

$sandbox
[Install]
WantedBy=multi-user.target
""")

_TICK = Template("""\
# One pass, started by $name-tick.timer: for those who want no daemon.

[Unit]
Description=One pass of scheduled releases and announcements of $site
Wants=network-online.target
After=network-online.target time-sync.target

[Service]
Type=oneshot
ExecStart=$command tick
WorkingDirectory=$project
User=$user
Group=$group
SyslogIdentifier=$name
# Two of the longest steps; what is cut off is taken up by the next pass.
TimeoutStartSec=$tick_s
KillMode=mixed
TimeoutStopSec=$stop_s
# 3: something waits for a person. That is news, not a failure.
SuccessExitStatus=3

$secrets

$sandbox""")

_TIMER = Template("""\
# Instead of the daemon. As root:
#   install -d -o $user -g $group -m 0700 $state_dir
#   cp $name-tick.service $name-tick.timer /etc/systemd/system/
#   systemctl daemon-reload
#   systemctl enable --now $name-tick.timer

[Unit]
Description=Scheduled releases and announcements of $site, each minute

[Timer]
OnCalendar=*-*-* *:*:00
# The default would be up to a minute late.
AccuracySec=1s
# A pass missed while the machine was off runs at once.
Persistent=true

[Install]
WantedBy=timers.target
""")

# Also for the tick's unit. Left out on purpose, since the build runs in this service:
# MemoryDenyWriteExecute=, ProcSubset=pid, and a UMask= of 0077.
_SANDBOX = Template("""\
# Builds run in this service, as this user: whatever `npm run build` executes can read what the
# service can read, credentials included. Build only what you trust. (A build unit of its own,
# without credentials, is not supported in this version.)
# Since V8 needs memory that is writable and executable, there is no MemoryDenyWriteExecute=, and
# since Node reads /proc/cpuinfo and the daemon /proc/sys/kernel/random/boot_id, no ProcSubset=pid.

# What the build writes must be readable for the web server. The ledger has modes of its own.
UMask=0022
# The file system is read-only but for the site, the state folder and a private /tmp.
ProtectSystem=strict
$home
$writable
PrivateTmp=yes
PrivateMounts=yes
# No hardware.
PrivateDevices=yes
DevicePolicy=closed
# No way to become anybody else.
NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
PrivateUsers=yes
RestrictSUIDSGID=yes
RestrictNamespaces=yes
# No touching of the kernel and the machine.
ProtectClock=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectControlGroups=yes
LockPersonality=yes
RestrictRealtime=yes
# No sight of other people's processes, keys and leftovers.
ProtectProc=invisible
KeyringMode=private
RemoveIPC=yes
# The network: the site, the channels, the resolver and the journal.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
# System calls that ordinary services use; the others fail instead of killing a build.
SystemCallArchitectures=native
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
SystemCallErrorNumber=EPERM
# A core dump would hold tokens.
LimitCORE=0
# A build that outgrows this is killed; the daemon goes on and tries again later.
MemoryMax=2G
OOMPolicy=continue
TasksMax=512
""")
