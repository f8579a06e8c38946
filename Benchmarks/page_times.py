#!/usr/bin/env python3
"""How fast the page is in a real browser over one experiment, and what it costs to leave it open.

usage: Benchmarks/page_times.py postgres://… EXPERIMENT [--other NAME] [--loads 7] [--cost SECONDS [--only WORDS]] [--json FILE]

Starts `autodidact dashboard` on a free port and opens it in Chromium. Of each page: the first load (empty browser, sessions of the server not yet
open), and the median and the most of --loads more: bytes and time to the answer, first contentful paint, and, of each part that is loaded after the page, the
time from its coming into view until its last chart stands.

--cost leaves pages open for so many seconds each, while something is appended to the experiment every second, and tells the CPU seconds of the
server and of every process of the PostgreSQL server a minute, less what they take with the same appends and no page open. It appends notes: use
a copy of a database that matters (createdb -T). Nothing else may use that PostgreSQL server meanwhile.

Needs the release build, Chromium, and an interpreter with playwright and psycopg: $(ops/python-tools playwright psycopg psycopg-binary).
"""

import argparse
import json
import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import threading
import time
import urllib.request
from urllib.parse import quote

import psycopg
from playwright.sync_api import sync_playwright

REPOSITORY = pathlib.Path(__file__).resolve().parents[1]
AUTODIDACT = os.environ.get("AUTODIDACT", str(REPOSITORY / ".build/release/autodidact"))
CHROMIUM = os.environ.get("AUTODIDACT_CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
TICKS = os.sysconf("SC_CLK_TCK")
PAINT_MAX, PART_MAX = 300, 1000

# Times of the page at hand, in milliseconds from the beginning of its navigation.
LOADED = """() => {
  const entry = performance.getEntriesByType('navigation')[0];
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  return {answer: entry.responseEnd, bytes: entry.encodedBodySize, paint: paint ? paint.startTime : null, load: entry.loadEventEnd};
}"""
# Brings a part into view and waits until it is there with its charts.
PART = """async (name) => {
  const part = document.querySelector(`[data-fragment="${name}"]`);
  const began = performance.now();
  part.scrollIntoView();
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  while ('empty' in part.dataset || part.dataset.loading || [...part.querySelectorAll('.plot')].some((plot) => !plot.querySelector('canvas'))) await frame();
  await frame();
  return performance.now() - began;
}"""


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Server:
    """`autodidact dashboard`, its process known."""

    def __init__(self, database):
        self.url = f"http://127.0.0.1:{free_port()}"
        self.process = subprocess.Popen(
            [AUTODIDACT, "dashboard", "--database", database, "--listen", self.url.removeprefix("http://")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(200):
            try:
                urllib.request.urlopen(self.url + "/healthz", timeout=1)
                return
            except OSError:
                time.sleep(0.05)
        sys.exit("the page is not served")

    def stop(self):
        self.process.terminate()
        self.process.wait(20)


def ticks(pid, children=False):
    """CPU of a process; with children: also of those it has waited for."""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    except OSError:
        return 0
    return sum(int(field) for field in fields[11:15 if children else 13]) / TICKS


class PostgresProcesses:
    """Every process of the server behind a connection, but the connection's own."""

    def __init__(self, connection):
        folder = connection.execute("select setting from pg_settings where name = 'data_directory'").fetchone()[0]
        self.postmaster = int((pathlib.Path(folder) / "postmaster.pid").read_text().split()[0])
        self.own = connection.info.backend_pid

    def seconds(self):
        children = pathlib.Path(f"/proc/{self.postmaster}/task/{self.postmaster}/children").read_text().split()
        return ticks(self.postmaster, children=True) + sum(ticks(int(child)) for child in children if int(child) != self.own)


def one_of(connection, experiment):
    """A problem attempted often, not of seeding, and its newest attempt."""
    problem = connection.execute(
        """select p.problem from projection.problems p join log.experiments x on x.number = p.experiment
           where x.name = %s and p.iteration > 0 order by p.attempts desc, p.position limit 1""", [experiment]).fetchone()[0]
    attempt = connection.execute(
        """select concat_ws('.', t.iteration, t.purpose, t.kind, t.slot, t.sample) from projection.attempts t
           join log.experiments x on x.number = t.experiment where x.name = %s and t.problem = %s order by t.position desc limit 1""",
        [experiment, problem]).fetchone()[0]
    return problem, attempt


def measure(browser, server, paths, loads):
    rows = []
    for name, path in paths.items():
        context = browser.new_context(viewport={"width": 1280, "height": 900})
        seen = []
        for _ in range(loads + 1):
            page = context.new_page()
            page.goto(server.url + path, wait_until="load")
            times = page.evaluate(LOADED)
            # The page's policy forbids what Playwright's own waiting is made of.
            while times["paint"] is None:
                page.wait_for_timeout(20)
                times = page.evaluate(LOADED)
            parts = [part for part in page.evaluate("[...document.querySelectorAll('[data-empty]')].map((part) => part.dataset.fragment)")]
            times["parts"] = {part: page.evaluate(PART, part) for part in parts}
            page.close()
            seen.append(times)
        context.close()
        first, warm = seen[0], seen[1:]
        row = {"page": name, "path": path, "bytes": warm[-1]["bytes"], "first_paint": first["paint"],
               **{key: statistics.median(times[key] for times in warm) for key in ["answer", "paint", "load"]},
               "paint_most": max(times["paint"] for times in warm), "parts": {}}
        for part in first["parts"]:
            values = [times["parts"][part] for times in warm]
            row["parts"][part] = {"first": first["parts"][part], "median": statistics.median(values), "most": max(values)}
        rows.append(row)
        print(f"| {name} | {row['bytes'] / 1024:.0f} kB | {row['answer']:.0f} | {row['paint']:.0f} | {row['paint_most']:.0f} | {row['first_paint']:.0f} |", flush=True)
        for part, value in row["parts"].items():
            print(f"| – its part {part} | | | {value['median']:.0f} | {value['most']:.0f} | {value['first']:.0f} |", flush=True)
    return rows


class Appender:
    """Something new in the experiment every second, as a run of it would append; its session is no part of the cost."""

    def __init__(self, connection, experiment):
        self.connection, self.experiment, self.over, self.failure = connection, experiment, threading.Event(), None
        self.thread = threading.Thread(target=self.run)
        self.thread.start()

    def run(self):
        arrays = ", ".join(["array['ExperimentAnnotated']", "array[1]", "array[null]::integer[]", "array[null]::integer[]", "array[null]::bigint[]", "array[%s]"])
        try:
            while not self.over.wait(1):
                now = str(time.monotonic())
                self.connection.execute(
                    f"""select log.append(%s, x.id, null, x.version, null, null, sha256(convert_to(%s, 'UTF8')), {arrays}, array[]::integer[],
                          array[]::bytea[], array[]::bytea[], array[]::text[], array[]::text[], array[]::text[], array[]::bytea[], array[]::text[],
                          null, null, null, null, null, null) from log.experiments x where x.name = %s""",
                    ["page-times/" + now, now, json.dumps({"by": "page_times.py", "note": now}), self.experiment])
        except psycopg.Error as error:
            self.failure = error

    def stop(self):
        self.over.set()
        self.thread.join()
        if self.failure:
            raise self.failure


def cost(browser, server, postgres, open_path, seconds, height):
    """CPU seconds a minute, of the server and of PostgreSQL, and how often the page was told of a change."""
    page = None
    if open_path:
        context = browser.new_context(viewport={"width": 1280, "height": height})
        page = context.new_page()
        page.goto(server.url + open_path, wait_until="load")
        page.wait_for_timeout(3000)
        page.evaluate("performance.clearResourceTimings(), performance.setResourceTimingBufferSize(5000)")
    else:
        time.sleep(3)
    began, before = time.monotonic(), (ticks(server.process.pid), postgres.seconds())
    if page:
        page.wait_for_timeout(seconds * 1000)
    else:
        time.sleep(seconds)
    taken = time.monotonic() - began
    after = (ticks(server.process.pid), postgres.seconds())
    requests = page.evaluate("performance.getEntriesByType('resource').filter((entry) => entry.name.includes('fragment=')).length") if page else 0
    if page:
        page.context.close()
    return [(b - a) * 60 / taken for a, b in zip(before, after)] + [requests * 60 / taken]


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("usage: ")[1].split("\n")[0], description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database")
    parser.add_argument("experiment")
    parser.add_argument("--other")
    parser.add_argument("--loads", type=int, default=7)
    parser.add_argument("--cost", type=int, default=0)
    parser.add_argument("--only", help="of the pages left open, those whose row has these words")
    parser.add_argument("--json")
    given = parser.parse_args()
    connection = psycopg.connect(given.database, autocommit=True)
    base = "/experiments/" + quote(given.experiment, safe="")
    problem, attempt = one_of(connection, given.experiment)
    other = given.other or connection.execute(
        "select name from log.experiments where name <> %s and name not like 'evaluation/%%' order by version desc limit 1", [given.experiment]).fetchone()[0]
    paths = {"experiments": "/", "experiment": base, "problems": base + "/problems", "problem": f"{base}/problems/{quote(problem)}",
             "attempt": f"{base}/attempts/{quote(attempt)}", "compare": f"/compare?experiment={quote(given.experiment)}&experiment={quote(other)}",
             "events": base + "/events", "settings": base + "/settings"}
    server = Server(given.database)
    result = {}
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else [])
            if given.cost == 0:
                print("| page | answer | answered, ms | first paint or part, ms | most | first load |\n|---|---|---|---|---|---|")
                result["pages"] = rows = measure(browser, server, paths, given.loads)
                late = [row["page"] for row in rows if row["paint"] > PAINT_MAX]
                late += [f"{row['page']} {part}" for row in rows for part, value in row["parts"].items() if value["median"] > PART_MAX]
                print(f"over {PAINT_MAX} ms for the first paint or {PART_MAX} ms for a part: {', '.join(late) or 'nothing'}")
            else:
                postgres = PostgresProcesses(connection)
                print("| open | CPU s a minute: server | PostgreSQL | beyond no page | parts loaded a minute |\n|---|---|---|---|---|")
                result["cost"] = []
                base_cost = None
                for name, path, height, appends in [("no page", None, 0, True), ("the list", "/", 900, True), ("an experiment, its head", base, 900, True),
                                                    ("an experiment, every part in view", base, 9000, True), ("a problem", paths["problem"], 900, True),
                                                    ("compare", paths["compare"], 9000, True), ("an experiment that rests, every part in view", base, 9000, False)]:
                    if given.only and path and given.only not in name:
                        continue
                    appender = Appender(connection, given.experiment) if appends else None
                    try:
                        own, database, requests = cost(browser, server, postgres, path, given.cost, height)
                    finally:
                        if appender:
                            appender.stop()
                    base_cost = base_cost if base_cost is not None else own + database
                    beyond = own + database - (base_cost if appends else 0)
                    result["cost"].append({"open": name, "server": own, "postgres": database, "beyond": beyond, "requests": requests})
                    print(f"| {name} | {own:.2f} | {database:.2f} | {beyond:.2f} | {requests:.0f} |", flush=True)
            browser.close()
    finally:
        server.stop()
    if given.json:
        pathlib.Path(given.json).write_text(json.dumps(result, indent=1) + "\n")


main()
