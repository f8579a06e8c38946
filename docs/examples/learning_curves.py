#!/usr/bin/env python3
"""The five plots people ask for first: yield, solving, rewards, optimisation, time.

usage: docs/examples/learning_curves.py postgres://… EXPERIMENT [FOLDER]

Writes five PNG files into FOLDER (default: the working directory). Cells marked %% run one by one in Jupyter, VS Code or Spyder.
Needs psycopg, pandas and matplotlib:

    "$(ops/python-tools 'psycopg[binary]' pandas matplotlib)" docs/examples/learning_curves.py "$(ops/postgres url)" first
"""

# %% What to draw
import pathlib
import sys

import matplotlib

matplotlib.use("Agg")  # no window; leave this out in a notebook
import matplotlib.pyplot as plt
import pandas as pd
import psycopg

if not 3 <= len(sys.argv) <= 4:
    sys.exit(__doc__)
url, experiment = sys.argv[1:3]
folder = pathlib.Path(sys.argv[3] if len(sys.argv) > 3 else ".")
folder.mkdir(parents=True, exist_ok=True)

# %% Ask the log
connection = psycopg.connect(url, options="-c search_path=read,analytics,public -c default_transaction_read_only=on")


def ask(query: str) -> pd.DataFrame:
    """The rows of a query about the experiment, which it calls %s."""
    with connection.cursor() as cursor:
        cursor.execute(query, [experiment])
        return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])


def save(name: str, axes, title: str, y: str) -> None:
    """Labels a plot and writes it."""
    axes.set(title=f"{experiment}: {title}", xlabel="iteration", ylabel=y)
    axes.grid(alpha=0.3)
    axes.figure.savefig(folder / f"{name}.png", dpi=120, bbox_inches="tight")
    plt.close(axes.figure)
    print(folder / f"{name}.png")


curve = ask("select * from learning_curve where experiment = %s and iteration > 0 order by iteration")
if curve.empty:
    sys.exit(f"no iterations of self-play in experiment '{experiment}'")
curve = curve.set_index("iteration")

# %% 1. What comes of the proposals
shares = pd.DataFrame({
    "accepted": curve["accepted_share"],
    "accepted and new": curve["new_valid_share"],
    "learnable": curve["learnable"] / curve["proposals"],
}).astype(float)
save("yield", shares.plot(marker="o", ylim=(0, 1)), "what comes of the proposals", "share of the proposals")

# %% 2. How much is solved, by kind, with 95 % intervals
solved = ask("""
    select kind, iteration, solves, solves_correct, solve_rate,
           analytics.wilson(solves_correct, solves, -1) as low, analytics.wilson(solves_correct, solves, 1) as high
    from solve_rate where experiment = %s and solves > 0 order by kind, iteration""")
figure, axes = plt.subplots()
for kind, rows in solved.groupby("kind"):
    axes.plot(rows["iteration"], rows["solve_rate"].astype(float), marker="o", label=kind)
    axes.fill_between(rows["iteration"], rows["low"].astype(float), rows["high"].astype(float), alpha=0.15)
axes.set_ylim(0, 1)
if not solved.empty:
    axes.legend()
save("solving", axes, "attempts solved, by kind", "solve rate")

# %% 3. What both roles earn
rewards = curve[["proposer_reward", "solver_reward"]].astype(float)
save("rewards", rewards.plot(marker="o"), "mean reward by role", "reward")

# %% 4. How the updates behave
updates = ask("select * from update_statistics where experiment = %s order by iteration").set_index("iteration")
figure, axes = plt.subplots()
for column in ["entropy", "gradient_norm", "effective_group_ratio"]:
    axes.plot(updates.index, updates[column].astype(float), marker="o", label=column.replace("_", " "))
axes.legend()
save("updates", axes, "entropy (nats), gradient norm, share of groups that teach", "value")

# %% 5. Where the time goes
costs = ask("select iteration, phase, seconds from costs where experiment = %s and iteration > 0 order by iteration")
time = costs.pivot(index="iteration", columns="phase", values="seconds").astype(float).fillna(0)
time = time[[phase for phase in time.columns if time[phase].sum() > 0]]
save("time", time.plot.bar(stacked=True), "seconds by phase", "seconds")
