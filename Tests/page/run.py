"""A short real run by the real daemon, watched and steered through the page (ops/page-test)."""

import argparse
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import urllib.request

import views
from views import Failure, wait

REPOSITORY = pathlib.Path(__file__).resolve().parents[2]
BUILD = REPOSITORY / ".build/release"
# A name cannot hold a slash.
HOSTILE_NAME = "<script>alert(1)<img src=x onerror=alert(2)>"
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"
SMALL = ["iterations=20", "play.batch=4", "play.samples_per_prompt=2", "play.probes=4", "play.seeding_rounds_max=2", "proposer.tokens_max=64",
         "solver.tokens_max=32", "checkpoints.every=3"]


def run(*words, **options):
    return subprocess.run([str(word) for word in words], check=True, capture_output=True, text=True, **options).stdout


def sql(text, url=None):
    return run("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text, url or os.environ["AUTODIDACT_DATABASE_URL"]).strip()


def autodidact(*words):
    return run(BUILD / "autodidact", *words)


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def fresh_database():
    administrator = os.environ["AUTODIDACT_DATABASE_URL"]
    sql("drop database if exists page_test with (force)", administrator)
    sql("create database page_test", administrator)
    os.environ["AUTODIDACT_DATABASE_URL"] = administrator.replace("/autodidact?", "/page_test?", 1)
    autodidact("migrate")


def end(process):
    if process and process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()


def state(name):
    return sql(f"select state from log.experiments where name = '{name}'")


def iterations(name):
    return int(sql(f"select iterations from read.experiments where experiment = '{name}'") or 0)


def press(page, url, action, name, fields=()):
    """The button, the page that asks, the button there."""
    page.goto(f"{url}/experiments/{name}")
    page.get_by_role("link", name=action.capitalize(), exact=True).click()
    for field, value in fields:
        page.locator(f"[name={field}]").fill(value)
    page.get_by_role("button", name=action.capitalize(), exact=True).click()
    page.wait_for_load_state()


def see_live(browser, name):
    """Without a reload, the page shows what the daemon appended meanwhile."""
    page = browser.go(f"/experiments/{name}")
    wait("the page is live", lambda: page.evaluate("!document.getElementById('live').hidden"), 15)
    before = page.locator("#figures dl").inner_text()
    was = page.evaluate("performance.timeOrigin")
    wait("a live change of the figures", lambda: page.locator("#figures dl").inner_text() != before, 180)
    if page.evaluate("performance.timeOrigin") != was:
        raise Failure("the page was loaded again, not updated")


def steer(browser, url, name):
    """Pause and resume from the page are obeyed by the daemon; a fork made there plays on."""
    page = browser.page
    press(page, url, "pause", name, [("reason", "the page's test")])
    wait("the daemon obeys the pause", lambda: state(name) == "paused", 180)
    reason = sql("select body ->> 'reason' from log.events where type = 'PauseRequested' order by position desc limit 1")
    if reason != "the page's test (over HTTP)":
        raise Failure(f"the reason of the pause is {reason}")
    page.goto(f"{url}/experiments/{name}")
    if "paused" not in page.locator(".state-line").inner_text():
        raise Failure("the page does not say that it is paused")
    browser.accessible("paused")
    before = int(sql("select position from log.head"))
    press(page, url, "resume", name)
    wait("the daemon goes on", lambda: int(sql(
        f"select count(*) from log.events where position > {before} and type in ('AttemptVerified', 'ProposalVerified', 'WeightsUpdated')")) > 0, 240)
    say_about(browser, page, url, name)
    press(page, url, "fork", name, [("name", "from-the-page"), ("at", "1")])
    wait("the fork", lambda: state("from-the-page"), 20)


def say_about(browser, page, url, name):
    """Tags, note and priority are shown, changed by their form and found in the log, and only what was changed there."""
    autodidact("tag", name, "+from-the-command-line")
    page.goto(f"{url}/experiments/{name}")
    page.get_by_role("link", name="Tags and note", exact=True).click()
    # Somebody else says something while the form is open: it must stay.
    autodidact("tag", name, "+meanwhile")
    page.get_by_label("Tags", exact=True).fill("baseline seed:7")
    page.get_by_label("Note").fill("first line\nsecond <b>line</b>")
    page.get_by_label("Priority").fill("7")
    browser.accessible("tags and note")
    browser.shoot("annotate")
    page.get_by_role("button", name="Save").click()
    page.wait_for_load_state()
    said = json.loads(sql("select body from log.events where type = 'ExperimentAnnotated' order by position desc limit 1"))
    wanted = {"tags_added": ["baseline", "seed:7"], "tags_removed": ["from-the-command-line"], "note": "first line\nsecond <b>line</b>", "priority": 7}
    if {key: value for key, value in said.items() if key != "by"} != wanted or not said["by"].endswith("(over HTTP)"):
        raise Failure(f"the log says of tags, note and priority: {said}")
    shown = page.locator(".state-lines").inner_text()
    for words in ["baseline", "seed:7", "meanwhile", "second <b>line</b>", "priority 7"]:
        if words not in shown:
            raise Failure(f"the page does not show {words}: {shown}")
    page.goto(f"{url}/")
    if "seed:7" not in page.locator("tbody").inner_text():
        raise Failure("the list does not show the tags")


def add_hostile(name):
    """An experiment of the same settings, whose name, program and answer are markup, at the end of the log."""
    created = json.loads(sql(f"select e.body from log.events e join log.experiments x on x.number = e.experiment where x.name = '{name}' and e.version = 1"))
    created["name"] = HOSTILE_NAME
    problem = {"kind": "deduction", "message": HOSTILE, "program": f"def f(x):\n    return '{HOSTILE}'", "pairs": [{"input": f"'{HOSTILE}'", "output": f"'{HOSTILE}'"}]}
    bodies = [created, {"iteration": 0, "policy_version": 0, "round": 0}, {"proposal": "0.deduction.1", "references": ["0.deduction.0"]},
              {"proposal": "0.deduction.1", "detail": "", "problem": problem}]
    types = ["ExperimentCreated", "IterationStarted", "ProposalMade", "ProposalVerified"]

    def quoted(text):
        return "'" + text.replace("'", "''") + "'"
    arrays = ", ".join([
        f"array[{', '.join(quoted(type) for type in types)}]", "array[1, 1, 1, 1]", "array[null, 0, 0, 0]::integer[]", "array[0, 0, 0, 0]",
        "array[null, null, null, -3]::bigint[]", f"array[{', '.join(quoted(json.dumps(body)) for body in bodies)}]"])
    sql(f"select log.append('hostile', gen_random_uuid(), {quoted(HOSTILE_NAME)}, 0, 0, 'stopped', sha256('x'), {arrays}, array[]::integer[], "
        "array[]::bytea[], array[]::bytea[], array[]::text[], array[]::text[], array[]::text[], array[]::bytea[], array[]::text[], "
        "null, null, null, null, null, null)")
    autodidact("projection", "rebuild", "all")


def see_hostile(browser):
    from urllib.parse import quote
    base = "/experiments/" + quote(HOSTILE_NAME, safe="")
    for path in ["/", base, base + "/problems", base + "/problems/0.deduction.1", base + "/events"]:
        page = browser.go(path)
        browser.everything()
        wanted = [HOSTILE_NAME] + ([HOSTILE] if path.endswith("/0.deduction.1") else [])
        for text in wanted:
            if text not in page.locator("body").inner_text():
                raise Failure(f"{path} does not show the hostile text as it is: {text}")
        if page.locator("main img").count():
            raise Failure(f"{path} has an image that the text made")
    browser.accessible("hostile")
    browser.check()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--out", required=True)
    out = parser.parse_args().out
    fresh_database()
    name, port = "first", free_port()
    url = f"http://127.0.0.1:{port}"
    words = [word for setting in SMALL for word in ("--set", setting)]
    autodidact("create", REPOSITORY / "configs/quickstart.yaml", "--name", name, *words)
    logs = open(os.path.join(os.environ["AUTODIDACT_HOME"], "page-test.log"), "w")
    served = subprocess.Popen([BUILD / "autodidact", "dashboard", "--listen", f"127.0.0.1:{port}"], stderr=logs, stdout=logs)
    daemon = subprocess.Popen([BUILD / "autodidactd"], stderr=logs, stdout=logs)
    browser = None
    try:
        wait("the page is served", lambda: answers(url), 30)
        browser = views.Browser(url, out)
        wait("the first update", lambda: iterations(name) >= 1, 300)
        see_live(browser, name)
        steer(browser, url, name)
        wait("two iterations", lambda: iterations(name) >= 2, 300)
        views.look(browser, [name, "from-the-page"])
        end(daemon)
        add_hostile(name)
        see_hostile(browser)
    finally:
        if browser:
            browser.close()
        end(daemon)
        end(served)
    for path, answered, milliseconds in browser.first_times():
        print(f"answered {answered:5.0f} ms, first paint {milliseconds:5.0f} ms  {path}")
    print(f"page-test: passed; screenshots in {out}")


def answers(url):
    try:
        return urllib.request.urlopen(url, timeout=2).status == 200
    except OSError:
        return False


try:
    main()
except (Failure, subprocess.CalledProcessError) as failure:
    print(f"page-test: {failure}\n{getattr(failure, 'stderr', '')}", file=sys.stderr)
    sys.exit(1)
