"""A real SLURM of several nodes on this machine: munged, mariadbd, slurmdbd, slurmctld and one slurmd a node.

Needs root and Debian's packages (`install`). All files lie in one folder, but /etc/slurm/slurm.conf, which the jobs of
Snakemake's plugin need: it is a link while the cluster runs. There are no cgroups: a job that holds more memory than it
asked for is found by sampling each second, and killed.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

PACKAGES = ("slurm-wlm", "munge", "slurmdbd", "mariadb-server")
PORT = 16817  # of slurmctld; slurmdbd and the nodes follow
LINK = Path("/etc/slurm/slurm.conf")

CONF = """\
ClusterName=test
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
SlurmctldPort={port}
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool/%n
SlurmctldPidFile={folder}/pid/slurmctld
SlurmdPidFile={folder}/pid/%n
SlurmctldLogFile={folder}/log/slurmctld.log
SlurmdLogFile={folder}/log/%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
MpiDefault=none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core_Memory
JobAcctGatherType=jobacct_gather/linux
JobAcctGatherFrequency=task=1
JobAcctGatherParams=OverMemoryKill
SchedulerParameters=batch_sched_delay=0,bf_interval=2,sched_interval=2
ReturnToService=2
SlurmctldTimeout=30
SlurmdTimeout=30
KillWait=5
MinJobAge=120
AccountingStorageType=accounting_storage/slurmdbd
AccountingStorageHost=localhost
AccountingStoragePort={dbd}
AccountingStoragePass={folder}/munge/socket
{nodes}
PartitionName=main Nodes=ALL Default=YES MaxTime=INFINITE State=UP
"""
DBD = """\
AuthType=auth/munge
AuthInfo=socket={folder}/munge/socket
DbdHost=localhost
DbdPort={dbd}
SlurmUser=root
LogFile={folder}/log/slurmdbd.log
PidFile={folder}/pid/slurmdbd
StorageType=accounting_storage/mysql
StorageHost=localhost
StorageUser=slurm
StoragePass=test
StorageLoc=slurm
"""
SQL = """
create database if not exists slurm;
create user if not exists slurm@localhost identified by 'test';
grant all on slurm.* to slurm@localhost;
"""


def install() -> None:
    """Debian's SLURM, unless it is there."""
    if not all(shutil.which(name) for name in ("slurmctld", "slurmd", "slurmdbd", "munged", "mariadbd")):
        subprocess.run(["apt-get", "update", "-qq"], check=True)
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "install", "-qq", "-y", "--no-install-recommends", *PACKAGES], check=True, env=quiet)


class Cluster:
    """One SLURM. `nodes` are the names of its nodes, each with 4 processors (of a machine that has fewer)."""

    def __init__(self, folder: Path, n_nodes: int = 3, memory_mb: int = 6000) -> None:
        self.folder = folder.resolve()
        self.nodes = [f"n{number}" for number in range(1, n_nodes + 1)]
        self.memory_mb = memory_mb
        self.running: dict[str, subprocess.Popen] = {}

    def start(self) -> None:
        """Start everything and wait until all nodes are idle."""
        for name in ("munge", "state", "spool", "log", "pid", "mysql"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for folder in (self.folder, *self.folder.parents):
            folder.chmod(folder.stat().st_mode | 0o055)  # munge and mysql are users of their own
        self._start_munge()
        self._start_database()
        self._configure()
        self.start_controller()
        for node in self.nodes:
            self.start_node(node)
        wait_for(lambda: len(self.nodes_in("idle")) == len(self.nodes), 90, "nodes are idle")

    def stop(self) -> None:
        """End what was started, and nothing else."""
        if LINK.is_symlink() and LINK.resolve() == self.folder / "slurm.conf":
            subprocess.run(["scancel", "--user=root"], capture_output=True)
            LINK.unlink()
        for name in reversed(list(self.running)):
            self.end(name)

    def start_controller(self) -> None:
        self._spawn("slurmctld", "/usr/sbin/slurmctld", "-D")

    def start_node(self, node: str) -> None:
        self._spawn(node, "/usr/sbin/slurmd", "-D", "-N", node)

    def end(self, name: str, by: int = signal.SIGTERM) -> None:
        """End one of the daemons."""
        process = self.running.pop(name)
        process.send_signal(by)
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def nodes_in(self, state: str) -> list[str]:
        """Nodes in one state, as sinfo shows it."""
        return ask("sinfo", "-h", "-N", "-o", "%N", "-t", state).split()

    def jobs(self) -> str:
        """What sacct says of all jobs and their steps."""
        columns = "jobid,jobname,state,submit,start,end,nodelist,reqmem,maxrss,timelimit,elapsed"
        return ask("sacct", "-P", "-S", "now-1days", "-E", "now", f"--format={columns}")

    def _spawn(self, name: str, *command: str | Path, **variables: str) -> None:
        with (self.folder / "log" / f"{name}.out").open("a") as stream:
            environment = {**os.environ, "SLURM_CONF": str(self.folder / "slurm.conf"), **variables}
            self.running[name] = subprocess.Popen(
                [str(word) for word in command],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def _start_munge(self) -> None:
        place = self.folder / "munge"
        (place / "key").write_bytes(os.urandom(1024))
        for path in (place, place / "key"):
            shutil.chown(path, "munge", "munge")
        place.chmod(0o755)
        (place / "key").chmod(0o400)
        names = {"key-file": "key", "socket": "socket", "pid-file": "pid", "log-file": "log", "seed-file": "seed"}
        options = [f"--{option}={place / name}" for option, name in names.items()]
        self._spawn("munged", "runuser", "-u", "munge", "--", "/usr/sbin/munged", "--foreground", "--force", *options)
        wait_for(lambda: succeeds("munge", "-S", place / "socket", "-n"), 20, "munged answers")

    def _start_database(self) -> None:
        place = self.folder / "mysql"
        shutil.chown(place, "mysql", "mysql")
        if not (place / "mysql").exists():
            ask("mysql_install_db", "--no-defaults", "--user=mysql", f"--datadir={place}", "--skip-test-db",
                "--auth-root-authentication-method=normal")  # fmt: skip
        socket = place / "socket"
        options = [f"--datadir={place}", f"--socket={socket}", "--skip-networking", "--innodb-lock-wait-timeout=900"]
        self._spawn("mariadbd", "/usr/sbin/mariadbd", "--no-defaults", "--user=mysql", *options)
        wait_for(lambda: succeeds("mysql", "--no-defaults", "-S", socket, "-e", "select 1"), 60, "mariadbd answers")
        ask("mysql", "--no-defaults", "-S", socket, "-e", SQL)

    def _configure(self) -> None:
        host = ask("hostname", "-s").strip()
        facts = {"folder": self.folder, "port": PORT, "dbd": PORT + 2, "host": host}
        lines = [
            f"NodeName={node} NodeHostname={host} NodeAddr=127.0.0.1 Port={PORT + 10 + number} "
            f"CPUs=4 RealMemory={self.memory_mb} State=UNKNOWN"
            for number, node in enumerate(self.nodes)
        ]
        (self.folder / "slurm.conf").write_text(CONF.format(nodes="\n".join(lines), **facts))
        database = self.folder / "slurmdbd.conf"
        database.write_text(DBD.format(**facts))
        database.chmod(0o600)
        LINK.parent.mkdir(exist_ok=True)
        if LINK.exists() and not LINK.is_symlink():
            raise FileExistsError(f"{LINK} is a SLURM of this machine; the test cluster would take its place")
        LINK.unlink(missing_ok=True)
        LINK.symlink_to(self.folder / "slurm.conf")
        self._spawn("slurmdbd", "/usr/sbin/slurmdbd", "-D", MYSQL_UNIX_PORT=str(self.folder / "mysql/socket"))
        wait_for(lambda: succeeds("sacctmgr", "-n", "list", "cluster"), 60, "slurmdbd answers")
        for words in (["cluster", "test"], ["account", "lab", "cluster=test"], ["user", "root", "account=lab"]):
            subprocess.run(["sacctmgr", "-i", "add", *words], capture_output=True)


def ask(*command: str | Path, tolerant: bool = False) -> str:
    """What a command prints."""
    answer = subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=120)
    if answer.returncode and not tolerant:
        raise RuntimeError(f"{' '.join(map(str, command))}: {answer.stderr or answer.stdout}")
    return answer.stdout


def succeeds(*command: str | Path) -> bool:
    return subprocess.run([str(word) for word in command], capture_output=True, timeout=60).returncode == 0


def wait_for(condition, seconds: float, what: str) -> None:
    """Wait until a condition holds.

    Raises
    ------
    TimeoutError
        If it doesn't within the time.
    """
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise TimeoutError(f"after {seconds:.0f} s it doesn't hold that {what}")
        time.sleep(0.3)
