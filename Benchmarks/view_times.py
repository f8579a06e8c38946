#!/usr/bin/env python3
"""Seconds that every view takes on one experiment, warm: the whole of it, read and counted by the server.

usage: Benchmarks/view_times.py postgres://… EXPERIMENT [LIMIT_SECONDS]

Each view is asked twice, and the second time counts: every column of it for analytics, rows alone for read and projection, whose columns
are texts and tokens. The session is as `autodidact sql` opens it. One that takes longer than the limit (default 60) is given up and said so. Stored
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
connection.execute("set jit = off")
connection.execute("set work_mem = '64MB'")
connection.execute("set search_path = read, analytics, projection, public")


def ask(query: str, *values):
    return connection.execute(query, values).fetchall()


def seconds(query: str, *values) -> tuple[float | None, int]:
    # A count of rows lets the planner leave columns out, and the joins that only they need.
    counted = "count(q)" if "from analytics." in query else "count(*)"
    taken, rows = None, 0
    for _ in range(2):
        began = time.monotonic()
        try:
            rows = ask(f"select {counted} from ({query} offset 0) as q", *values)[0][0]
        except psycopg.errors.QueryCanceled:
            return None, 0
        taken = time.monotonic() - began
    return taken, rows


number = ask("select number from log.experiments where name = %s", experiment)[0][0]
results = []
for schema, name in ask("""
        select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        join pg_attribute a on a.attrelid = c.oid and a.attname = 'experiment'
        where c.relkind = 'v' and (n.nspname <> 'projection' or a.atttypid = 'integer'::regtype) and n.nspname in ('read', 'analytics', 'projection') order by 1 desc, 2"""):
    if schema == "projection":
        results.append((f"{schema}.{name}", *seconds(f"select * from {schema}.{name} where experiment = %s", number)))
    elif (schema, name) != ("read", "consumers"):
        results.append((f"{schema}.{name}", *seconds(f"select * from {schema}.{name} where experiment = %s", experiment)))
    print("| {} | {} | {:,} |".format(results[-1][0], f"> {limit}" if results[-1][1] is None else f"{results[-1][1]:.3f}",
                                      results[-1][2]), flush=True)
newest = ask("select coalesce(max(policy_version), 0) from analytics.update_statistics where experiment = %s", experiment)[0][0]
for what, call in [("3 hops", "provenance_of(%s, %s, 3)"), ("all hops", "provenance_of(%s, %s)")]:
    taken, rows = seconds(f"select * from {call}", experiment, newest)
    print("| provenance of the newest update, {} | {} | {:,} |".format(what, f"> {limit}" if taken is None else f"{taken:.3f}", rows))
over = [name for name, taken, _ in results if taken is None or taken > 1]
print(f"{len(results)} views, {len(over)} over 1 s: {', '.join(over)}")
