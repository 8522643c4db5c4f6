"""On which file systems a ledger is kept, told by the texts that Linux gives of its mounts."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pytest

from publisher.ledger.filesystem import is_remote, refuse_remote, type_of
from publisher.model.errors import LedgerError
from tests.ledger.ledger_factories import a_file, a_ledger

# As `cat /proc/self/mountinfo` prints it: a server with two NFS exports, one of them below the
# other's local mount, an SSHFS, a disk with a blank in its name and one with NTFS.
SERVER = """\
22 27 0:21 / /proc rw,relatime - proc proc rw
27 1 254:0 / / rw,relatime - ext4 /dev/vda rw,discard,resv_strict
30 27 8:17 / /srv rw,noatime shared:12 master:3 - xfs /dev/sdb1 rw,attr2,inode64
31 30 0:45 / /srv/blog/.publisher rw,relatime shared:70 - nfs4 10.0.0.2:/export/blog rw,vers=4.2
32 27 0:46 / /home rw,relatime - nfs nas:/home rw,vers=3,addr=10.0.0.2
33 32 8:33 / /home/anna rw,relatime - btrfs /dev/sdc1 rw
34 27 0:50 / /mnt/far rw,nosuid,nodev - fuse.sshfs anna@host:/ rw,user_id=0,group_id=0
35 27 8:49 / /mnt/my\\040disk rw - fuseblk /dev/sdd1 rw,user_id=0,allow_other
36 27 0:51 / /mnt/share rw - cifs //nas/share rw,vers=3.1.1
37 36 8:65 / /mnt/share rw - ext4 /dev/sde1 rw
"""

# The same of a Linux that runs within Windows, and of one within a Mac's Docker.
WSL = """\
66 75 8:32 / / rw,relatime - ext4 /dev/sdc rw,discard,errors=remount-ro,data=ordered
95 66 0:60 / /mnt/c rw,noatime - 9p C:\\134 rw,dirsync,aname=drvfs;path=C:\\;uid=1000
"""
DOCKER = """\
612 505 0:132 / / rw,relatime master:147 - overlay overlay rw,lowerdir=/var/lib/docker/l/A
640 612 0:41 /site /site rw,relatime - fakeowner /run/host_mark/Users rw,fakeowner
641 612 0:42 /state /state rw,relatime - virtiofs virtiofs0 rw
"""


@pytest.mark.parametrize(
    ("path", "mounts", "expected"),
    [
        ("/var/lib/publisher/ledger.db", SERVER, "ext4"),
        ("/srv/blog/.publisher/ledger.db", SERVER, "nfs4"),
        ("/srv/blog/.publisher-2/ledger.db", SERVER, "xfs"),
        ("/srv/blog/.publisher", SERVER, "nfs4"),
        ("/home/bert/site/ledger.db", SERVER, "nfs"),
        ("/home/anna/site/ledger.db", SERVER, "btrfs"),
        ("/mnt/far/ledger.db", SERVER, "fuse.sshfs"),
        ("/mnt/my disk/ledger.db", SERVER, "fuseblk"),
        ("/mnt/share/ledger.db", SERVER, "ext4"),
        ("/mnt/c/Users/anna/site/ledger.db", WSL, "9p"),
        ("/home/anna/ledger.db", WSL, "ext4"),
        ("/state/ledger.db", DOCKER, "virtiofs"),
        ("/ledger.db", "", ""),
        ("/ledger.db", "no mounts\n\n - \n", ""),
    ],
)
def test_the_mount_that_holds_a_path_gives_its_type(path: str, mounts: str, expected: str) -> None:
    assert type_of(PurePosixPath(path), mounts) == expected


@pytest.mark.parametrize(
    "kind", ["nfs", "nfs4", "cifs", "smb3", "9p", "fuse", "fuse.sshfs", "fuse.rclone", "virtiofs"]
)
def test_file_systems_of_other_machines_are_remote(kind: str) -> None:
    assert is_remote(kind)


@pytest.mark.parametrize(
    "kind", ["ext4", "xfs", "btrfs", "zfs", "tmpfs", "overlay", "f2fs", "fuseblk", "apfs", ""]
)
def test_local_file_systems_are_not(kind: str) -> None:
    assert not is_remote(kind)


def mounted(folder: Path, kind: str) -> Path:
    """Write what Linux would say if ``folder`` were mounted from elsewhere."""
    file = folder.parent / f"{folder.name}-mounts"
    file.write_text(
        f"27 1 254:0 / / rw - ext4 /dev/vda rw\n31 27 0:45 / {folder} rw - {kind} x rw\n"
    )
    return file


def test_no_ledger_is_begun_on_a_network_file_system(tmp_path: Path) -> None:
    with pytest.raises(LedgerError, match=r"cannot be kept on this file system \(nfs4\)") as caught:
        a_ledger(tmp_path, mounts=mounted(tmp_path, "nfs4"))

    assert "sqlite:////var/lib" in caught.value.hint
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_on_a_network_file_system_can_still_be_read(tmp_path: Path) -> None:
    a_ledger(tmp_path).close()

    with a_ledger(tmp_path, mounts=mounted(tmp_path, "cifs"), read_only=True) as reader:
        assert reader.view().restored == ""


def test_a_link_to_a_network_file_system_is_followed(tmp_path: Path) -> None:
    far, near = tmp_path / "far", tmp_path / "near"
    far.mkdir()
    near.symlink_to(far)

    with pytest.raises(LedgerError, match="nfs"):
        refuse_remote(near / "ledger.db", mounted(far, "nfs"))


def test_where_the_system_says_nothing_of_mounts_nothing_is_refused(tmp_path: Path) -> None:
    a_ledger(tmp_path, mounts=tmp_path / "proc" / "mountinfo").close()

    assert a_file(tmp_path).is_file()
