"""What is asked of every view: that it loads, says what it should, breaks no rule of accessibility, and runs nothing it was given."""

import os
import re
import time
from urllib.parse import quote

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import sync_playwright


class Failure(Exception):
    """Something the page does not do."""


class Browser:
    """Chromium, with everything watched that must not happen."""

    def __init__(self, url, out):
        self.url, self.out, self.troubles, self.times = url.rstrip("/"), out, [], {}
        os.makedirs(out, exist_ok=True)
        self.playwright = sync_playwright().start()
        # The sandbox of Chromium needs a user other than root.
        arguments = ["--no-sandbox"] if os.geteuid() == 0 else []
        self.chromium = self.playwright.chromium.launch(executable_path=os.environ["AUTODIDACT_CHROMIUM"], args=arguments)
        self.page = self.open()

    def open(self, scheme="light", width=1280, height=900, script=True):
        context = self.chromium.new_context(
            color_scheme=scheme, viewport={"width": width, "height": height}, java_script_enabled=script, device_scale_factor=1)
        page = context.new_page()
        page.on("dialog", lambda dialog: (self.troubles.append(f"a script ran: {dialog.message}"), dialog.dismiss()))
        page.on("pageerror", lambda error: self.troubles.append(f"script error on {page.url}: {error}"))
        page.on("console", lambda message: message.type == "error" and self.troubles.append(f"console on {page.url}: {message.text}"))
        page.on("request", lambda request: request.url.startswith((self.url, "data:", "blob:"))
                or self.troubles.append(f"{page.url} asks another host: {request.url}"))
        return page

    def first_times(self):
        """Of each path its first load: milliseconds to the answer's end and to the first paint."""
        return [(path, *times[0]) for path, times in self.times.items()]

    def close(self):
        self.chromium.close()
        self.playwright.stop()

    def go(self, path, page=None):
        page = page or self.page
        answer = page.goto(self.url + path, wait_until="load")
        if answer.status != 200:
            raise Failure(f"{path} answers {answer.status}")
        paint = page.evaluate("performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? null")
        if paint is not None:
            answered = page.evaluate("performance.getEntriesByType('navigation')[0].responseEnd")
            self.times.setdefault(path, []).append((answered, paint))
        return page

    def everything(self, page=None):
        """Scrolls to the end, so that every part is loaded."""
        page = page or self.page
        for _ in range(60):
            page.evaluate("window.scrollBy(0, 600)")
            page.wait_for_timeout(60)
            if page.evaluate("innerHeight + scrollY >= document.documentElement.scrollHeight - 2"):
                break
        # The page's policy forbids what Playwright's own waiting is made of, once it has to ask twice.
        wait(f"every part of {page.url}", lambda: page.evaluate("!document.querySelector('[data-empty], [data-loading]')"), 20)
        page.evaluate("window.scrollTo(0, 0)")

    def shoot(self, name, page=None, full=True):
        (page or self.page).screenshot(path=os.path.join(self.out, name + ".png"), full_page=full)

    def accessible(self, name, page=None):
        found = Axe().run(page or self.page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
        serious = [v for v in found.response["violations"] if v["impact"] in ("serious", "critical")]
        minor = [v for v in found.response["violations"] if v not in serious]
        for violation in minor:
            print(f"  note: {name}: {violation['id']} ({violation['impact']}): {violation['nodes'][0]['html'][:160]}")
        if serious:
            words = "; ".join(f"{v['id']}: {v['help']}: {v['nodes'][0]['html'][:200]} ({v['nodes'][0].get('failureSummary', '')[:300]})" for v in serious)
            self.troubles.append(f"{name}: {words}")

    def check(self):
        if self.troubles:
            raise Failure("\n  ".join(dict.fromkeys(self.troubles)))


def wait(what, condition, seconds):
    """Until `condition()` is true; its value."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.5)
    raise Failure(f"{what}: not within {seconds} s")


def look(browser, experiments):
    """Every view of the first experiment, and the comparison; light, dark, phone, and without script."""
    first = "/experiments/" + quote(experiments[0], safe="")
    compare = "/compare?" + "&".join("experiment=" + quote(name, safe="") for name in experiments[:6])
    page = browser.go("/")
    links = page.locator("tbody th a").count()
    if links < len(experiments):
        raise Failure(f"the list has {links} experiments")
    browser.shoot("list")
    browser.accessible("list")

    browser.go(first)
    browser.everything()
    drawn = page.locator(".plot canvas").count()
    if drawn < 8:
        raise Failure(f"{drawn} charts are drawn on {first}")
    # Policy and problems are curves with bands, which are areas of the chart and no lines of its legend.
    if page.locator("#ratings .plot canvas").count() != 1 or page.locator("#ratings .legend button").count() != 2:
        raise Failure("the chart of ratings is not drawn with its two curves")
    if not page.locator(".cells tbody tr").count():
        raise Failure("there are no cells of difficulty")
    browser.shoot("experiment")
    browser.accessible("experiment")

    views = {"problems": first + "/problems", "events": first + "/events", "evaluations": first + "/evaluations",
             "settings": first + "/settings", "update": first + "/updates/1", "compare": compare}
    browser.go(first + "/problems?order=attempts")
    problem = page.locator("tbody th a").first.get_attribute("href")
    views["problem"] = problem
    browser.go(problem)
    browser.everything()
    if "Rating" not in page.locator(".facts").first.inner_text():
        raise Failure(f"{problem} does not say how hard it is")
    attempts = page.locator(".attempts a")
    if attempts.count():
        views["attempt"] = attempts.first.get_attribute("href")
        if not page.locator(".t[title]").count():
            raise Failure(f"no token has a colour on {problem}")
    for name, path in views.items():
        browser.go(path)
        browser.everything()
        if page.locator(".failure").count():
            raise Failure(f"{path}: {page.locator('.failure').first.inner_text()}")
        browser.shoot(name)
        browser.accessible(name)
    if page.locator(".t[title]").count() == 0 and "attempt" in views:
        raise Failure("the attempt's page shows no tokens")

    keyboard(browser, first)
    for name, scheme, width in [("dark", "dark", 1280), ("phone", "light", 390)]:
        other = browser.open(scheme, width, 844 if width < 500 else 900)
        for view, path in [("list", "/"), ("experiment", first), ("problem", problem), ("compare", compare)]:
            browser.go(path, other)
            browser.everything(other)
            wide = other.evaluate("document.documentElement.scrollWidth - innerWidth")
            if wide > 0:
                raise Failure(f"{path} is {wide} px wider than a {name} screen")
            browser.shoot(f"{view}-{name}", other)
            browser.accessible(f"{view}, {name}", other)
        other.context.close()
    plain = browser.open(script=False)
    browser.go(first + "?sections=all", plain)
    if plain.locator("figure.chart details table").count() < 8:
        raise Failure("without script there are not all tables")
    plain.context.close()
    browser.check()


def keyboard(browser, first):
    """The skip link, the list of keys, a tab by its number, the theme."""
    page = browser.go(first)
    page.keyboard.press("Tab")
    if page.evaluate("document.activeElement.className") != "skip":
        raise Failure("the first stop of Tab is not the skip link")
    page.keyboard.press("?")
    if not page.locator("#help[open]").count():
        raise Failure("? shows no list of keys")
    browser.shoot("keys", full=False)
    page.keyboard.press("Escape")
    for _ in range(2):
        page.keyboard.press("t")
    if page.evaluate("document.documentElement.dataset.theme") != "dark":
        raise Failure("t t is not the dark theme")
    page.reload()
    if page.evaluate("document.documentElement.dataset.theme") != "dark":
        raise Failure("the theme is forgotten")
    page.keyboard.press("t")
    page.keyboard.press("2")
    page.wait_for_url(re.compile("/problems$"))
