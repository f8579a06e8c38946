"""Looks at a page that is served already (ops/page-test --url)."""

import argparse
import sys

import views

parser = argparse.ArgumentParser()
parser.add_argument("--url", required=True)
parser.add_argument("--experiment", action="append", required=True)
parser.add_argument("--out", default=".autodidact/page-test/shots")
given = parser.parse_args()
browser = views.Browser(given.url, given.out)
try:
    views.look(browser, given.experiment)
except views.Failure as failure:
    print(f"page-test: {failure}", file=sys.stderr)
    sys.exit(1)
finally:
    browser.close()
for path, answered, milliseconds in browser.first_times():
    print(f"answered {answered:5.0f} ms, first paint {milliseconds:5.0f} ms  {path}")
