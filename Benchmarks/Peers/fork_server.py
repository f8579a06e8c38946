"""What the verifier is compared with: a fork server in Python, with rlimits and nothing else around a program.

The parent loads the modules that programs may import, then forks for each program; the child sets limits, executes the
program, calls f and writes the repr of its value to a pipe. No namespace, no filter, no canonical values, no second
interpreter, and model-written code could forge every result.

    python3 fork_server.py --workers 2 < programs.json

Standard input: [["def f(a): ...", "1, 2"], ...]. Standard output: {"programs_per_second": …, "p50_ms": …, "p99_ms": …}.
"""
import argparse, gc, json, os, resource, select, sys, time

MODULES = (
    "abc array base64 binascii bisect cmath collections collections.abc copy dataclasses decimal difflib enum fractions "
    "functools heapq itertools json math numbers operator re statistics string struct textwrap typing unicodedata"
).split()


def child(program, arguments, out):
    for limit, value in (
        (resource.RLIMIT_CPU, 2), (resource.RLIMIT_AS, 512 << 20), (resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NPROC, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(limit, (value, value))
    namespace = {}
    try:
        exec(compile(program, "program", "exec"), namespace)
        text = repr(eval(f"f({arguments})", namespace))
    except BaseException as error:
        text = f"raised {type(error).__name__}"
    os.write(out, text.encode())
    os._exit(0)


def run(program, arguments):
    reader, writer = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reader)
        child(program, arguments, writer)
    os.close(writer)
    pieces = []
    while select.select([reader], [], [], 10)[0]:
        piece = os.read(reader, 65536)
        if not piece:
            break
        pieces.append(piece)
    else:
        os.kill(pid, 9)
    os.close(reader)
    os.waitpid(pid, 0)
    return b"".join(pieces)


def work(programs, out):
    seconds = []
    for program, arguments in programs:
        start = time.perf_counter()
        if not run(program, arguments):
            sys.exit(f"no value from {program!r}")
        seconds.append(time.perf_counter() - start)
    os.write(out, json.dumps(seconds).encode())


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--workers", type=int, default=2)
    workers = parser.parse_args().workers
    programs = json.load(sys.stdin)
    for name in MODULES:
        __import__(name)
    gc.collect()
    gc.freeze()
    run(*programs[0])
    start = time.perf_counter()
    readers = []
    for worker in range(workers):
        reader, writer = os.pipe()
        if os.fork() == 0:
            work(programs[worker::workers], writer)
            os._exit(0)
        os.close(writer)
        readers.append(reader)
    seconds = sorted(second for reader in readers for second in json.loads(os.fdopen(reader).read()))
    total = time.perf_counter() - start
    place = lambda share: round(1000 * seconds[min(len(seconds) - 1, int(share * len(seconds)))], 3)
    json.dump({"programs_per_second": len(programs) / total, "p50_ms": place(0.5), "p99_ms": place(0.99)}, sys.stdout)


main()
