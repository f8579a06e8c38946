"""The faults. Each takes a round and a source of draws, does its harm, and plays the experiment to its end.

A fault returns a note for the log of rounds, or raises `Skipped` with the reason why it cannot be done here.
"""

import os
import pathlib
import shutil
import signal
import subprocess
import time

from . import machine
from .proxy import Proxy


class Skipped(Exception):
    """This machine does not permit the fault."""


# How often a point is passed in an undisturbed run of the preset, at least.
PASSES = {"epoch.raised": 1, "weights.restored": 1, "epoch.releasing": 1, "append": 20, "learner": 3, "file": 3,
          "checkpoint": 3}


def failpoints():
    """The points that exist, from the program itself."""
    text = subprocess.run([str(machine.PROGRAMS / "autodidactd"), "--failpoints"], capture_output=True, text=True,
                          check=True).stdout
    return [line.split("\t")[0] for line in text.splitlines()]


def turn(point, draws):
    """Which passage of the point."""
    passes = PASSES.get(point, PASSES.get(point.split(".")[0]))
    if passes is None:
        raise machine.Stuck(f"failpoint {point} is new: say in ops/faults/faults.py how often it is passed")
    return draws.randint(1, passes)


def kill_at(point):
    def fault(round, draws):
        number = turn(point, draws)
        process = round.either(draws)(f"{point}:{number}")
        code = process.wait()
        if code != -signal.SIGKILL:
            raise machine.Stuck(f"{point}:{number} was never passed, exit code {code}: {process.text()[-600:]}")
        round.finish()
        return f"{point}:{number}"
    return fault


def kill_again_and_again(round, draws):
    """Every process is killed at another point, until one comes through."""
    points, notes = failpoints(), []
    for _ in range(draws.randint(2, 5)):
        point = draws.choice(points)
        name = f"{point}:{turn(point, draws)}"
        process = round.daemon(name)
        round.until(lambda: round.state == "finished" or not process.is_running, None, name)
        notes.append(name)
        if process.is_running:
            process.signal(signal.SIGTERM)
            process.wait()
    round.finish()
    return " ".join(notes)


def fail_at(round, draws):
    """A point fails instead of killing: the part is broken, or the log cannot be reached."""
    point = draws.choice(failpoints())
    name = f"{point}:{turn(point, draws)}:fail"
    round.tolerated.add("failed")
    round.finish(round.daemon(name))
    return name


def at_some_time(round, draws, process):
    """Waits until the experiment has come as far as drawn."""
    wanted = draws.randint(2, 240)
    return round.until(lambda: round.version >= wanted or round.state == "finished", process, f"version {wanted}")


def kill_any_time(round, draws):
    process = round.daemon()
    at_some_time(round, draws, process)
    time.sleep(draws.uniform(0, 0.05))
    process.signal(signal.SIGKILL)
    process.wait()
    round.finish()


def backends(round, pattern):
    rows = round.session.rows(
        f"select pid from pg_stat_activity where datname = '{round.database}' and application_name like '{pattern}' "
        "and pid <> pg_backend_pid()")
    return [int(row[0]) for row in rows]


def backend_kill(round, draws):
    """kill -9 of one server process: PostgreSQL ends all sessions and recovers. The daemon stays."""
    process = round.daemon()
    at_some_time(round, draws, process)
    pids = backends(round, "autodidact%")
    if pids:
        os.kill(draws.choice(pids), signal.SIGKILL)
    round.finish(process)
    return f"{len(pids)} sessions"


def postmaster_kill(round, draws):
    """kill -9 of the server; it is started again after a while. The daemon stays and waits."""
    process = round.daemon()
    at_some_time(round, draws, process)
    cluster = round.machine.cluster
    os.kill(cluster.postmaster, signal.SIGKILL)
    time.sleep(draws.uniform(0, 2))
    cluster.start()
    round.finish(process)
    if "cannot be reached" in process.text() and "the log is back" not in process.text():
        raise machine.Stuck("the outage was told, its end was not")
    return "told" if "cannot be reached" in process.text() else "not noticed"


def restart(mode):
    def fault(round, draws):
        process = round.daemon()
        at_some_time(round, draws, process)
        round.machine.cluster.stop(mode)
        time.sleep(draws.uniform(0, 2))
        round.machine.cluster.start()
        round.finish(process)
    return fault


def terminate(pattern):
    """pg_terminate_backend on the sessions of one role of the daemon, several times."""
    def fault(round, draws):
        process = round.daemon()
        ended = 0
        for _ in range(draws.randint(1, 6)):
            at_some_time(round, draws, process)
            ended += int(round.ask(
                "select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = current_database() "
                f"and application_name = '{pattern}'"))
        round.finish(process)
        return f"{ended} sessions"
    return fault


def proxied(behaviour, limit):
    def fault(round, draws):
        proxy = Proxy(round.machine.cluster.port, draws.random(), round.database)
        round.port = proxy.port
        try:
            proxy.set(behaviour, draws.randint(1, limit))
            process = round.daemon()
            round.finish(process)
            round.until(lambda: behaviour != "repeat" or proxy.repeated >= proxy.hits, None, "late deliveries")
        finally:
            proxy.close()
        return f"{proxy.hits} times"
    return fault


def fill(path):
    """Takes all the space that is left."""
    filler = path / "filler"
    with open(filler, "wb", buffering=0) as file:
        size = 1 << 16
        while size:
            try:
                if file.write(bytes(size)) < size:
                    size //= 2
            except OSError:
                size //= 2
    return filler


def disk_full_data(round, draws):
    """The file system of the database is full for a while."""
    process = round.daemon()
    at_some_time(round, draws, process)
    filler = fill(round.machine.root / "small")
    time.sleep(draws.uniform(0.5, 3))
    filler.unlink()
    round.finish(process)
    return "told" if "cannot be reached" in process.text() else "not noticed"


def disk_full_checkpoints(round, draws):
    """No space for weights: the experiment fails without harm, and goes on when there is space again."""
    folder = round.home / "checkpoints"
    if not round.machine.tmpfs(folder, "2m"):
        raise Skipped("mounting a tmpfs is not permitted")
    try:
        filler = fill(folder)
        process = round.daemon()
        round.until(lambda: round.state == "failed", process, "a failure")
        # The daemon says so after the log does.
        round.until(lambda: "No space left" in process.text(), process, "the reason, which is missing space")
        process.signal(signal.SIGTERM)
        process.wait()
        filler.unlink()
        round.machine.command("resume", "one", database=round.database, home=round.home)
        round.finish()
    finally:
        round.machine.unmount(folder)


def checkpoint_files(round):
    return sorted((round.home / "checkpoints/one").glob("*.checkpoint"))


def damaged_checkpoints(round, draws):
    """Some bytes flipped, or the file cut, or gone; in some or all of the files."""
    process = round.daemon(f"append.before:{draws.randint(14, 24)}")
    process.wait()
    notes = []
    for path in checkpoint_files(round):
        how = draws.choice(["whole", "flip", "cut", "remove"])
        notes.append(how)
        size = path.stat().st_size
        if how == "flip":
            with open(path, "r+b") as file:
                place = draws.randrange(size)
                file.seek(place)
                byte = file.read(1)[0]
                file.seek(place)
                file.write(bytes([byte ^ 1 << draws.randrange(8)]))
        elif how == "cut":
            os.truncate(path, draws.randrange(size))
        elif how == "remove":
            path.unlink()
    round.finish()
    return " ".join(notes) or "no file yet"


def two_daemons(round, draws):
    """The first is frozen with a step performed and not appended; the second takes over; the first wakes up."""
    number = draws.randint(2, 18)
    first = round.either(draws)(f"append.before:{number}:stop")
    round.until(lambda: first.is_stopped, first, "the first daemon to freeze")
    before = round.version
    refused = round.daemon()
    round.until(lambda: "live process" in refused.text(), refused, "a refusal without --take-over")
    refused.signal(signal.SIGTERM)
    refused.wait()
    second = round.daemon("", "--take-over", "one")
    progress = before + draws.randint(1, 20)
    round.until(lambda: round.version >= progress or round.state == "finished", second, "progress of the second")
    first.signal(signal.SIGCONT)
    code = first.wait()
    if code != 3 or "was taken over by another process" not in first.text():
        raise machine.Stuck(f"the first daemon ended with code {code}: {first.text()[-500:]}")
    round.finish(second)
    return f"frozen before append {number}"


def frozen_any_time(round, draws):
    """SIGSTOP at any moment. The first either finds itself fenced, or finds everything done."""
    first = round.daemon()
    at_some_time(round, draws, first)
    first.signal(signal.SIGSTOP)
    second = round.daemon("", "--take-over", "one")
    round.until(lambda: round.state == "finished" or "step" in second.text(), second, "progress of the second")
    first.signal(signal.SIGCONT)
    round.finish(second)
    first.signal(signal.SIGTERM)
    code = first.wait()
    if code not in (0, 3):
        raise machine.Stuck(f"the first daemon ended with code {code}: {first.text()[-500:]}")
    return f"exit code {code}"


def clock_jumps(round, draws):
    """Server and daemon see a clock that jumps by up to a day, forwards and backwards."""
    library = clock_library(round.machine.root)
    offset = round.machine.root / "clock-offset"
    offset.write_text("0")
    offset.chmod(0o644)
    environment = [f"LD_PRELOAD={library}", f"FAULT_CLOCK={offset}"]
    cluster = round.machine.cluster
    cluster.stop()
    cluster.start(environment)
    jumps = []
    try:
        process = round.daemon(extra={"LD_PRELOAD": str(library), "FAULT_CLOCK": str(offset)})
        for _ in range(draws.randint(2, 5)):
            at_some_time(round, draws, process)
            jumps.append(draws.choice([-86400, -3600, -1, 1, 3600, 86400]))
            replace(offset, str(jumps[-1]))
        round.finish(process)
    finally:
        replace(offset, "0")
        cluster.stop()
        cluster.start()
    return " ".join(map(str, jumps))


def replace(path, text):
    """No reader sees half of it."""
    path.with_suffix(".new").write_text(text)
    path.with_suffix(".new").rename(path)


def clock_library(root):
    library = root / "clock.so"
    if not library.exists():
        compiler = shutil.which("cc") or shutil.which("clang")
        if not compiler:
            raise Skipped("no C compiler for the clock that jumps")
        source = pathlib.Path(__file__).parent / "clock.c"
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", str(library), str(source)], check=True)
    return library


def catalogue():
    """Name and function of every fault, in order."""
    faults = {f"kill at {point}": kill_at(point) for point in failpoints()}
    faults |= {
        "kill at any time": kill_any_time,
        "kill every process": kill_again_and_again,
        "failing failpoint": fail_at,
        "backend kill -9": backend_kill,
        "postmaster kill -9": postmaster_kill,
        "fast stop": restart("fast"),
        "immediate stop": restart("immediate"),
        "terminate writer": terminate("autodidact"),
        "terminate listener": terminate("autodidact listener"),
        "terminate epoch": terminate("autodidact epoch"),
        "lost commit reply": proxied("drop", 3),
        "slow network": proxied("delay", 20),
        "cut connections": proxied("cut", 4),
        "black hole": proxied("swallow", 1),
        "late and twice": proxied("repeat", 12),
        "disk full, data": disk_full_data,
        "disk full, checkpoints": disk_full_checkpoints,
        "damaged checkpoints": damaged_checkpoints,
        "two daemons": two_daemons,
        "frozen daemon": frozen_any_time,
        "clock jumps": clock_jumps,
    }
    return faults
