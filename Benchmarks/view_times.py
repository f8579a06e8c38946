#!/usr/bin/env python3
"""Seconds that every view takes on one experiment, warm: the whole of it, read and counted by the server.

usage: Benchmarks/view_times.py postgres://… EXPERIMENT [LIMIT_SECONDS]

Each view is asked twice, and the second time counts. One that takes longer than the limit (default 60) is given up and said so. Stored
projections (schema projection) are asked beside the views over the log, and the provenance of the newest update.
"""

import sys
import time

import psycopg

if not 3 <= len(sys.argv) <= 4:
    sys.exit(__doc__)
url, experiment = sys.argv[1:3]
limit = int(sys.argv[3]) if len(sys.argv) > 3 else 60
connection = psycopg.connect(url, autocommit=True)
connection.execute(f"set statement_timeout = '{limit}s'")
connection.execute("set search_path = read, analytics, projection, public")


def ask(query: str, *values):
    return connection.execute(query, values).fetchall()


def seconds(query: str, *values) -> tuple[float | None, int]:
    taken, rows = None, 0
    for _ in range(2):
        began = time.monotonic()
        try:
            rows = ask(f"select count(*) from ({query} offset 0) as q", *values)[0][0]
        except psycopg.errors.QueryCanceled:
            return None, 0
        taken = time.monotonic() - began
    return taken, rows


number = ask("select number from log.experiments where name = %s", experiment)[0][0]
results = []
for schema, name in ask("""
        select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'v' and n.nspname in ('read', 'analytics', 'projection') order by 1 desc, 2"""):
    if schema == "projection":
        results.append((f"{schema}.{name}", *seconds(f"select * from {schema}.{name} where experiment = %s", number)))
    elif (schema, name) != ("read", "consumers"):
        results.append((f"{schema}.{name}", *seconds(f"select * from {schema}.{name} where experiment = %s", experiment)))
    print("| {} | {} | {:,} |".format(results[-1][0], f"> {limit}" if results[-1][1] is None else f"{results[-1][1]:.3f}",
                                      results[-1][2]), flush=True)
over = [name for name, taken, _ in results if taken is None or taken > 1]
print(f"{len(results)} views, {len(over)} over 1 s: {', '.join(over)}")
