"""A throwaway machine: a PostgreSQL cluster of its own, the real programs, a tiny model, and what a person would do."""

import atexit
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from . import sql, tiny_model

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
PROGRAMS = pathlib.Path(os.environ.get("AUTODIDACT_PROGRAMS", REPOSITORY / ".build/release"))
POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")
PATIENCE = 60  # seconds after which a round that does not end is a violation


class Stuck(Exception):
    """Something that must happen did not."""


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Cluster:
    """A private server on loopback and a Unix socket. PostgreSQL refuses root, so root runs it as another user."""

    def __init__(self, root):
        self.root, self.data, self.port = root, root / "data", free_port()
        self.owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
        root.mkdir()
        if self.owner:
            shutil.chown(root, "postgres")
        self.tool("initdb", "-D", self.data, "-U", "autodidact", "--auth=trust", "--data-checksums",
                  "--encoding=UTF8", "--locale=C.UTF-8", "--wal-segsize=4")
        with open(self.data / "postgresql.conf", "a") as file:
            file.write(f"listen_addresses = '127.0.0.1'\nport = {self.port}\nunix_socket_directories = '{root}'\n"
                       "recovery_init_sync_method = syncfs\nshared_buffers = 32MB\nmax_wal_size = 256MB\nmin_wal_size = 16MB\n"
                       "log_line_prefix = '%m [%p] %a '\n")
        self.start()

    def tool(self, name, *arguments, check=True, environment=None):
        result = subprocess.run([*self.owner, "env", *(environment or []), str(POSTGRES / name), *map(str, arguments)],
                                cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if check and result.returncode != 0:
            raise Stuck(f"{name}: {result.stdout}")
        return result

    def start(self, environment=None):
        """Orphans of a killed server need a moment to end."""
        deadline = time.monotonic() + PATIENCE
        while True:
            with open(self.root / "start.log", "w") as log:
                code = subprocess.run(
                    [*self.owner, "env", *(environment or []), str(POSTGRES / "pg_ctl"), "start", "-w", "-D",
                     str(self.data), "-l", str(self.root / "server.log")], cwd="/", stdout=log, stderr=log).returncode
            if code == 0:
                return
            if time.monotonic() > deadline:
                raise Stuck("the server does not start: " + (self.root / "start.log").read_text())
            time.sleep(0.1)

    def stop(self, mode="fast"):
        self.tool("pg_ctl", "stop", "-D", self.data, "-m", mode, check=False)

    def url(self, database, port=None):
        return f"postgres://autodidact@127.0.0.1:{port or self.port}/{database}"

    @property
    def postmaster(self):
        return int((self.data / "postmaster.pid").read_text().split()[0])


class Process:
    """One run of the daemon."""

    def __init__(self, arguments, environment, log):
        self.log = log
        with open(log, "wb") as output:
            self.child = subprocess.Popen(arguments, env=environment, stdout=output, stderr=output, cwd="/")

    def signal(self, number):
        if self.child.poll() is None:
            self.child.send_signal(number)

    def wait(self, seconds=PATIENCE):
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Stuck(f"the daemon does not end; {self.text()[-600:]}")

    @property
    def is_running(self):
        return self.child.poll() is None

    @property
    def has_begun(self):
        """Before that a signal ends it at once."""
        return "autodidactd began" in self.text()

    @property
    def is_stopped(self):
        try:
            return pathlib.Path(f"/proc/{self.child.pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "T"
        except FileNotFoundError:
            return False

    def text(self):
        return self.log.read_text(errors="replace")

    def acknowledged(self):
        """Versions that this daemon was told are in the log."""
        return [int(found) for found in re.findall(r"(?<![_a-z])version=(\d+)", self.text())]


def folder():
    """Memory if there is some: what dies here is processes, never the kernel, so nothing depends on a disk's fsync."""
    memory = pathlib.Path("/dev/shm")
    if os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 1 << 30:
        return memory
    return None


class Machine:
    def __init__(self, keep=False):
        self.root = pathlib.Path(tempfile.mkdtemp(prefix="autodidact-faults-", dir=folder()))
        self.root.chmod(0o755)
        self.keep, self.mounts, self.processes = keep, [], []
        if not keep:  # also when it is interrupted before it stands; a server without its folder ends by itself
            atexit.register(shutil.rmtree, self.root, ignore_errors=True)
        self.cluster = Cluster(self.root / "postgres")
        self.prepare_share()
        self.admin = sql.Session(self.cluster.url("postgres"))
        self.admin.rows("create database template_log")
        self.command("migrate", database="template_log")

    def prepare_share(self):
        """A catalogue with one model, and that model."""
        share = self.root / "share"
        (share / "configs").mkdir(parents=True)
        (share / "migrations").symlink_to(REPOSITORY / "migrations")
        models = self.root / "models"
        models.mkdir()
        size, digest = tiny_model.write(models / "tiny.gguf")
        (share / "configs/models.tsv").write_text(f"tiny\ttiny.gguf\t{size}\t{digest}\tnone\n")
        here = pathlib.Path(__file__).parent
        for name in ("preset.yaml", "prompts.yaml"):
            shutil.copy(here / name, share / "configs" / name)

    def environment(self, home, extra=None):
        return {**os.environ, "AUTODIDACT_SHARE": str(self.root / "share"), "AUTODIDACT_HOME": str(home),
                "AUTODIDACT_FAILPOINT": "", **(extra or {})}

    def command(self, *arguments, database, home=None, check=True):
        """Runs autodidact to its end."""
        result = subprocess.run(
            [str(PROGRAMS / "autodidact"), *arguments, "--database", self.cluster.url(database)],
            env=self.environment(home or self.root), capture_output=True, text=True, timeout=PATIENCE)
        if check and result.returncode != 0:
            raise Stuck(f"autodidact {' '.join(arguments)}: {result.stdout}{result.stderr}")
        return result

    def tmpfs(self, path, size):
        """Mounts a small file system; False where that is not permitted."""
        path.mkdir(parents=True, exist_ok=True)
        result = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(path)],
                                capture_output=True)
        if result.returncode == 0:
            self.mounts.append(path)
        return result.returncode == 0

    def unmount(self, path):
        subprocess.run(["umount", "-l", str(path)], capture_output=True)
        self.mounts.remove(path)

    def close(self):
        for process in self.processes:
            process.signal(signal.SIGKILL)
        self.admin.close()
        self.cluster.stop("immediate")
        for path in list(self.mounts):
            self.unmount(path)
        if not self.keep:
            shutil.rmtree(self.root, ignore_errors=True)


class Round:
    """One experiment in a database of its own, from creation to the oracle."""

    def __init__(self, machine, number, play, tablespace=None):
        self.machine, self.play = machine, play
        self.database = f"round_{number}"
        self.home = machine.root / self.database
        self.home.mkdir()
        (self.home / "models").symlink_to(machine.root / "models")
        option = f" tablespace {tablespace}" if tablespace else ""
        machine.admin.rows(f"create database {self.database} template template_log" + option)
        self.session = sql.Session(machine.cluster.url(self.database))
        self.processes, self.port, self.tolerated = [], None, set()
        machine.command("create", str(machine.root / "share/configs/preset.yaml"), "--name", "one", "--set",
                        f"seed={play}", database=self.database, home=self.home)

    def daemon(self, failpoint="", *arguments, extra=None):
        process = Process(
            [str(PROGRAMS / "autodidactd"), "--threads", "1", "--reply-timeout", "3", "--outage-max", "50", "--database",
             self.machine.cluster.url(self.database, self.port), *arguments],
            self.machine.environment(self.home, {"AUTODIDACT_FAILPOINT": failpoint, **(extra or {})}),
            self.home / f"daemon-{len(self.processes)}.log")
        self.processes.append(process)
        self.machine.processes.append(process)
        return process

    def foreground(self, failpoint="", *arguments, extra=None):
        """The other program that runs experiments."""
        process = Process(
            [str(PROGRAMS / "autodidact"), "run", "one", "--threads", "1", "--reply-timeout", "3", "--outage-max", "50",
             "--database", self.machine.cluster.url(self.database, self.port), *arguments],
            self.machine.environment(self.home, {"AUTODIDACT_FAILPOINT": failpoint, **(extra or {})}),
            self.home / f"daemon-{len(self.processes)}.log")
        self.processes.append(process)
        self.machine.processes.append(process)
        return process

    def either(self, draws):
        """Starts the daemon or a foreground run: what holds for one holds for the other."""
        return draws.choice([self.daemon, self.foreground])

    def ask(self, question):
        """Asks until the server answers."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                return self.session.value(question)
            except sql.Unreachable as error:
                if time.monotonic() > deadline:
                    raise Stuck(str(error))
                time.sleep(0.05)

    @property
    def state(self):
        return self.ask("select state from log.experiments where name = 'one'")

    @property
    def version(self):
        return int(self.ask("select version from log.experiments where name = 'one'"))

    def until(self, condition, process=None, what=""):
        """Waits until it holds, or until the process ends. Returns whether it holds."""
        deadline = time.monotonic() + PATIENCE
        while not condition():
            if process is not None and not process.is_running:
                return condition()
            if time.monotonic() > deadline:
                tail = process.text()[-800:] if process else ""
                raise Stuck(f"waited {PATIENCE} s for {what or 'a condition'}: {tail}")
            time.sleep(0.03)
        return True

    def started(self, process=None):
        """A daemon that is up. While it starts, a database that does not answer ends it: it is started again."""
        for _ in range(20):
            process = process or self.daemon()
            self.until(lambda: process.has_begun, process, "the daemon to begin")
            if process.has_begun or process.child.returncode != 1:
                return process
            process = None
        raise Stuck("the daemon does not start")

    def finish(self, process=None):
        """Plays to the end, with a new daemon if there is none, resuming what failed."""
        process = self.started(process)
        while True:
            self.until(lambda: self.state in ("finished", "failed"), process, "the end of the experiment")
            if self.state == "finished":
                break
            if not process.is_running:
                code = process.child.returncode
                raise Stuck(f"the daemon ended with code {code}: {process.text()[-600:]}")
            if "failed" not in self.tolerated:
                raise Stuck("the experiment failed: " + process.text()[-600:])
            self.machine.command("resume", "one", database=self.database, home=self.home)
        process.signal(signal.SIGTERM)
        if process.wait() != 0:
            raise Stuck(f"the daemon ended with code {process.child.returncode}: {process.text()[-600:]}")

    def close(self):
        for process in self.processes:
            process.signal(signal.SIGCONT)
            process.signal(signal.SIGKILL)
            process.child.wait()
            self.machine.processes.remove(process)
        self.session.close()
        if not self.machine.keep:
            try:
                self.machine.admin.rows(f"drop database {self.database} with (force)")
            except sql.Unreachable:
                pass  # the cluster goes with the machine
            shutil.rmtree(self.home, ignore_errors=True)
