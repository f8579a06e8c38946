#!/usr/bin/env python3
"""Tables and plots of docs/results/azr.md, from the log by SQL.

usage: docs/results/azr/report.py postgres://… [FOLDER]

Writes SVG files and tables.md into FOLDER (default: this one), of every finished experiment that configs/study/plan.tsv names. Digests are
those that `autodidact status` ($AUTODIDACT, else the release build) says. Needs psycopg, numpy, pandas and matplotlib:

    "$(ops/python-tools 'psycopg[binary]' numpy pandas matplotlib)" docs/results/azr/report.py "$(ops/postgres url)"
"""

import json
import os
import pathlib
import subprocess
import sys

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import psycopg
from matplotlib.ticker import MaxNLocator

if not 2 <= len(sys.argv) <= 3:
    sys.exit(__doc__)
here = pathlib.Path(__file__).resolve().parent
folder = pathlib.Path(sys.argv[2]) if len(sys.argv) == 3 else here
plan = here.parents[2] / "configs/study/plan.tsv"
# Text stays text, and the same data give the same bytes.
plt.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "azr", "font.size": 9, "axes.grid": True, "grid.alpha": 0.25,
                     "axes.spines.top": False, "axes.spines.right": False})
connection = psycopg.connect(sys.argv[1], options="-c search_path=read,analytics,public -c default_transaction_read_only=on")


def ask(query: str, *values) -> pd.DataFrame:
    with connection.cursor() as cursor:
        cursor.execute(query, values)
        return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])


def save(figure, name: str) -> None:
    figure.savefig(folder / f"{name}.svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    print(folder / f"{name}.svg")


def arm_of(name: str) -> str:
    return " ".join(name.split("-")[1:-1])


planned = [line.split("\t")[0] for line in plan.read_text().splitlines() if line and not line.startswith("#")]
states = ask("select experiment, state, model, iterations from experiments where experiment = any(%s)", planned)
finished = [name for name in planned if name in set(states[states["state"] == "finished"]["experiment"])]
if not finished:
    sys.exit("no experiment of the plan is finished")
models = dict(zip(states["experiment"], states["model"]))
small = [name for name in finished if name.startswith("smol")]
arms = list(dict.fromkeys(arm_of(name) for name in small))
colours = dict(zip(arms, plt.rcParams["axes.prop_cycle"].by_key()["color"]))
tables: list[str] = []


def table(title: str, rows: list[list[str]]) -> None:
    tables.append(f"### {title}\n")
    tables.append("| " + " | ".join(rows[0]) + " |")
    tables.append("|" + "---|" * len(rows[0]))
    tables.extend("| " + " | ".join(row) + " |" for row in rows[1:])
    tables.append("")


# Held-out accuracy: greedy answers of each run's last weights that were evaluated and of its base model to the same problems.
answers = ask("""
    select a.subject, e.experiment, a.problem, a.kind, a.verdict = 'correct' as correct, a.verdict = 'malformed' as malformed
    from answers a join evaluations e on e.evaluation = a.evaluation
    where e.suite = 'code-reasoning/1' and e.is_complete and a.temperature = 0
      and (e.experiment is null or e.experiment = any(%s))
    order by e.policy_version desc""", finished)
held_out = {}
for name in finished:
    after = answers[answers["experiment"] == name].drop_duplicates("problem").set_index("problem")
    before = answers[answers["experiment"].isna() & (answers["subject"] == models[name])].drop_duplicates("problem")
    before = before.set_index("problem").reindex(after.index)
    if len(after) and before["correct"].notna().all():
        held_out[name] = (before, after)

random = np.random.default_rng(1)


def bootstrap(differences: np.ndarray, draws: int = 10_000) -> tuple[float, float]:
    """95 % interval of the mean over seeds (rows) and problems (columns), both drawn again."""
    seeds, problems = differences.shape
    means = np.empty(draws)
    for draw in range(draws):
        chosen = differences[random.integers(seeds, size=seeds)]
        means[draw] = chosen[:, random.integers(problems, size=problems)].mean()
    return tuple(100 * np.percentile(means, [2.5, 97.5]))


def differences_of(names: list[str]) -> np.ndarray:
    columns = sorted(held_out[names[0]][1].index)
    return np.array([
        (held_out[name][1]["correct"].astype(int) - held_out[name][0]["correct"].astype(int)).reindex(columns) for name in names
    ])


rows = [["run", "before", "after", "points", "better / worse", "malformed before → after", "deduction", "abduction", "induction"]]
for name, (before, after) in held_out.items():
    change = after["correct"].astype(int) - before["correct"].astype(int)
    kinds = [f"{100 * before[before['kind'] == kind]['correct'].mean():.1f} → {100 * after[after['kind'] == kind]['correct'].mean():.1f}"
             for kind in ["deduction", "abduction", "induction"]]
    rows.append([name, f"{100 * before['correct'].mean():.1f} %", f"{100 * after['correct'].mean():.1f} %",
                 f"{100 * change.mean():+.1f}", f"{(change > 0).sum()} / {(change < 0).sum()}",
                 f"{before['malformed'].sum()} → {after['malformed'].sum()}", *kinds])
table("Held-out accuracy of each run (code-reasoning/1, greedy)", rows)

rows = [["arm", "seeds", "points gained, each seed", "mean", "95 % over seeds and problems", "against full, same seeds"]]
by_arm = {}
for arm in arms:
    names = [name for name in small if arm_of(name) == arm and name in held_out]
    if not names:
        continue
    by_arm[arm] = names
    gained = differences_of(names)
    low, high = bootstrap(gained)
    against = "–"
    seeds = [name for name in names if f"smol-full-{name.split('-')[-1]}" in held_out]
    if arm != "full" and seeds:
        gap = differences_of(seeds) - differences_of([f"smol-full-{name.split('-')[-1]}" for name in seeds])
        gap_low, gap_high = bootstrap(gap)
        against = f"{100 * gap.mean():+.1f} ({gap_low:+.1f} to {gap_high:+.1f})"
    rows.append([arm, str(len(names)), ", ".join(f"{100 * seed.mean():+.1f}" for seed in gained), f"{100 * gained.mean():+.1f}",
                 f"{low:+.1f} to {high:+.1f}", against])
table("Arms", rows)

# Two ways to draw the solve batch and the references: the same settings but for the curriculum, seed by seed.
dynamics = ask("""
    select s.experiment, avg(s.effective_group_ratio) as effective,
           (select avg((p.probes_correct > 0 and p.probes_correct < p.probes)::integer) from problems p
            where p.experiment = s.experiment and p.probes > 0 and p.iteration > 0) as mixed,
           (select avg((v.verdict = 'correct')::integer) from verdicts v
            where v.experiment = s.experiment and v.purpose = 'solve') as solved,
           (select count(distinct v.problem) from verdicts v
            where v.experiment = s.experiment and v.purpose = 'solve') as problems
    from update_statistics s where s.experiment = any(%s) group by s.experiment""", small).set_index("experiment")
pair = [arm for arm in ("uniform", "learnability") if arm in by_arm]
if len(pair) == 2:
    rows = [["run", "points gained", "effective-group ratio", "new problems with mixed probes", "solve batch solved", "problems in it"]]
    for name in sorted((name for arm in pair for name in by_arm[arm]), key=lambda name: (name.split("-")[-1], name)):
        row = dynamics.loc[name]
        rows.append([name, f"{100 * differences_of([name]).mean():+.1f}", f"{row['effective']:.3f}", f"{100 * float(row['mixed']):.1f} %",
                     f"{100 * float(row['solved']):.1f} %", f"{row['problems']:.0f}"])
    table("Two curricula, run by run", rows)
    seeds = [name.split("-")[-1] for name in by_arm["uniform"] if f"smol-learnability-{name.split('-')[-1]}" in held_out]
    of = {arm: [f"smol-{arm}-{seed}" for seed in seeds] for arm in pair}
    gap = differences_of(of["learnability"]) - differences_of(of["uniform"])
    low, high = bootstrap(gap)
    rows = [["learnability against uniform", "mean", "each seed"],
            ["held-out points", f"{100 * gap.mean():+.1f} ({low:+.1f} to {high:+.1f})", ", ".join(f"{100 * one.mean():+.1f}" for one in gap)]]
    for column, title, scale in [("effective", "effective-group ratio", 1), ("mixed", "new problems with mixed probes, points", 100),
                                 ("solved", "solve batch solved, points", 100), ("problems", "problems in the solve batches", 1)]:
        ends = [scale * (float(dynamics.loc[b, column]) - float(dynamics.loc[a, column])) for a, b in zip(of["uniform"], of["learnability"])]
        rows.append([title, f"{np.mean(ends):+.3f}" if scale == 1 and column != "problems" else f"{np.mean(ends):+.1f}",
                     ", ".join(f"{end:+.3f}" if column == "effective" else f"{end:+.1f}" for end in ends)])
    table("Two curricula, seed by seed", rows)

figure, axes = plt.subplots(figsize=(6.4, 0.5 + 0.42 * max(1, len(by_arm))))
for place, (arm, names) in enumerate(reversed(by_arm.items())):
    values = [100 * held_out[name][1]["correct"].mean() for name in names]
    axes.scatter(values, [place] * len(values), color=colours[arm], s=30, zorder=3)
    axes.plot([np.mean(values)] * 2, [place - 0.25, place + 0.25], color=colours[arm], linewidth=2)
if by_arm:
    base = 100 * held_out[next(iter(by_arm.values()))[0]][0]["correct"].mean()
    axes.axvline(base, color="black", linestyle=":", label=f"base model, {base:.1f} %")
    axes.set(yticks=range(len(by_arm)), yticklabels=list(reversed(by_arm)), xlabel="held-out problems solved, %", xlim=(0, None))
    axes.legend(loc="lower left")
save(figure, "held-out")

# Learning curves.
curves = ask("select * from learning_curve where experiment = any(%s) and iteration > 0 order by experiment, iteration", finished)
updates = ask("select experiment, iteration, entropy, log_probability_mismatches, tokens, sequences from updates where experiment = any(%s)",
              finished)
curves = curves.merge(updates[["experiment", "iteration", "entropy"]].rename(columns={"entropy": "update_entropy"}),
                      on=["experiment", "iteration"], how="left")
curves["learnable_share"] = curves["learnable"].astype(float) / curves["proposals"].astype(float)
panels = [("new_valid_share", "valid new proposals"), ("learnable_share", "learnable problems, of proposals"),
          ("solve_rate", "trained answers right"), ("proposer_reward", "proposer's reward"), ("solver_reward", "solver's reward"),
          ("update_entropy", "entropy, nats")]


def draw(names_by_label: dict[str, list[str]], title: str, colour: dict[str, str]) -> None:
    figure, grid = plt.subplots(2, 3, figsize=(10, 5.2), sharex=True)
    for axes, (column, label) in zip(grid.flat, panels):
        for arm, names in names_by_label.items():
            of_arm = curves[curves["experiment"].isin(names)]
            for _, run in of_arm.groupby("experiment"):
                axes.plot(run["iteration"], run[column].astype(float), color=colour[arm], linewidth=0.6, alpha=0.35)
            mean = of_arm.assign(value=of_arm[column].astype(float)).groupby("iteration")["value"].mean()
            axes.plot(mean.index, mean, color=colour[arm], linewidth=1.8, label=f"{arm} ({len(names)})")
        axes.set_title(label, fontsize=9)
    for axes in grid[1]:
        axes.set_xlabel("iteration")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    figure.legend(*grid[0][0].get_legend_handles_labels(), loc="upper center", ncols=6, frameon=False, bbox_to_anchor=(0.5, 1.04))
    save(figure, title)


def draw_arms(shown: list[str], title: str) -> None:
    of = {arm: [name for name in small if arm_of(name) == arm] for arm in shown if arm in arms}
    if of:
        draw(of, title, colours)


draw_arms(["full", "solver only", "untrained proposer", "no references", "random rewards", "reuse probes"], "curves-smollm2")
draw_arms(["uniform", "learnability"], "curves-curricula")
draw_arms(["full", "longer"], "curves-longer")
large = [name for name in finished if name.startswith("qwen")]
if large:
    draw({arm_of(name): [name] for name in large}, "curves-qwen", {arm_of(name): "tab:purple" for name in large})

# Solve rate of the probes by kind, all seeds of an arm pooled.
kinds = ask("select experiment, iteration, kind, probes, probes_correct from solve_rate where experiment = any(%s) and iteration > 0", finished)
kinds["arm"] = [("Qwen" if name in large else arm_of(name)) for name in kinds["experiment"]]
shown = [arm for arm in ["full", "no references", "random rewards", "Qwen"] if arm in set(kinds["arm"])]
if shown:
    figure, grid = plt.subplots(1, len(shown), figsize=(2.6 * len(shown), 2.6), sharex=True, sharey=True, squeeze=False)
    for axes, arm in zip(grid[0], shown):
        for kind, of in kinds[kinds["arm"] == arm].groupby("kind"):
            counts = of.groupby("iteration")[["probes", "probes_correct"]].sum().astype(float)
            axes.plot(counts.index, counts["probes_correct"] / counts["probes"], label=kind, linewidth=1.5)
        axes.set(title="Qwen, probes reused" if arm == "Qwen" else f"SmolLM2, {arm}", xlabel="iteration")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    grid[0][0].set_ylabel("probes solved")
    grid[0][0].legend(fontsize=7)
    save(figure, "kinds")

# How the learnable problems are spread, early and late.
problems = ask("""
    select experiment, kind, iteration, probes, probes_correct from problems
    where experiment = any(%s) and not given and probes > 0 and iteration > 0""", finished)
if len(problems):
    figure, grid = plt.subplots(1, 2, figsize=(8, 2.6), sharey=True)
    for axes, (names, title) in zip(grid, [(by_arm.get("full", small), "SmolLM2, full"), (large, "Qwen")]):
        of = problems[problems["experiment"].isin(names)]
        for (low, high, label), shift in zip([(1, 4, "iterations 1–4"), (9, 12, "iterations 9–12")], [-0.02, 0.02]):
            part = of[of["iteration"].between(low, high)]
            if len(part):
                rate = part["probes_correct"].astype(float) / part["probes"].astype(float)
                shares = rate.round(3).value_counts(normalize=True).sort_index()
                axes.bar(shares.index + shift, shares, width=0.04, label=f"{label}, {len(part)} problems")
        axes.set(title=title, xlabel="solve rate of the probes")
        if len(of):
            axes.legend(fontsize=7)
    grid[0].set_ylabel("share of the problems")
    save(figure, "learnability")

# Health.
rows = [["run", "ratio mismatches", "refused most for", "duplicates", "tokens trained", "seconds", "of them updating", "conditions"]]
for name in finished:
    refusals = ask("select refusal, sum(proposals)::int as n from refusals where experiment = %s and refusal <> 'accepted' group by 1 order by 2 desc",
                   name)
    of = updates[updates["experiment"] == name]
    phases = ask("select phase, sum(seconds)::float8 as seconds from throughput where experiment = %s group by 1", name)
    total = phases["seconds"].sum()
    updating = phases[phases["phase"].str.startswith("update")]["seconds"].sum()
    proposals = curves[curves["experiment"] == name]["proposals"].astype(int).sum()
    duplicates = refusals[refusals["refusal"] == "duplicate"]["n"].sum()
    conditions = ask("select distinct condition from conditions where experiment = %s order by 1", name)["condition"].tolist()
    rows.append([name, str(int(of["log_probability_mismatches"].sum())),
                 ", ".join(f"{row.refusal} {row.n}" for row in refusals.head(3).itertuples()),
                 f"{duplicates}", f"{int(of['tokens'].sum()):,}", f"{total:,.0f}", f"{100 * updating / total:.0f} %",
                 ", ".join(conditions) or "–"])
table("Health", rows)

# Where seconds and tokens go, and whether texts grow: an arm's mean over its seeds.
throughput = ask("select experiment, phase, sum(seconds)::float8 as seconds, sum(tokens)::float8 as tokens from throughput "
                 "where experiment = any(%s) and iteration > 0 group by 1, 2", finished)
lengths = ask("""
    select experiment, case when iteration <= 4 then 'early' else 'late' end as part, phase, (sum(tokens) / sum(events))::float8 as length
    from throughput where experiment = any(%s) and phase in ('propose', 'probe', 'solve') and (iteration between 1 and 4 or iteration between 9 and 12)
    group by 1, 2, 3""", finished)
for frame in (throughput, lengths):
    frame["arm"] = [f"qwen {arm_of(name)}" if name in large else arm_of(name) for name in frame["experiment"]]
rows = [["arm", "tokens of a run: proposed", "probes", "solved", "trained", "seconds of a run", "proposing", "probing", "solving", "verifying",
         "updating", "tokens of a proposal, iterations 1–4 → 9–12", "of an attempt"]]
for arm, of in throughput.groupby("arm", sort=False):
    runs = of["experiment"].nunique()
    tokens, seconds = of.groupby("phase")["tokens"].sum() / runs, of.groupby("phase")["seconds"].sum() / runs
    length = lengths[lengths["arm"] == arm].groupby(["phase", "part"])["length"].mean()
    change = [f"{length.get((phase, 'early'), float('nan')):.0f} → {length.get((phase, 'late'), float('nan')):.0f}" for phase in ["propose", "probe"]]
    rows.append([f"{arm} ({runs})", *(f"{tokens.get(phase, 0):,.0f}" for phase in ["propose", "probe", "solve", "update"]), f"{seconds.sum():,.0f}",
                 *(f"{100 * seconds.get(phase, 0) / seconds.sum():.0f} %" for phase in ["propose", "probe", "solve", "verify", "update"]), *change])
table("Tokens, seconds and lengths (updating contains the trials of acceptance)", rows)

# A longer run, version by version: the fork's evaluations and those of the run that it was forked from.
scores = ask("""
    select e.experiment, e.policy_version, s.kind, sum(s.answers)::int as answers, sum(s.correct)::int as correct
    from evaluations e join evaluation_scores s on s.evaluation = e.evaluation
    where e.suite = 'code-reasoning/1' and e.is_complete and s.temperature = 0 and s.level is not null and e.experiment = any(%s)
    group by 1, 2, 3""", finished)
longer = [name for name in small if arm_of(name) == "longer"]
if longer:
    rows = [["seed", "version", "right of 384", "deduction", "abduction", "induction"]]
    for name in longer:
        family = scores[scores["experiment"].isin([name, name.replace("longer", "full")])]
        for version, of in family.groupby("policy_version"):
            by_kind = of.groupby("kind")[["answers", "correct"]].sum()
            share = {kind: f"{100 * row['correct'] / row['answers']:.1f}" for kind, row in by_kind.iterrows()}
            rows.append([name.split("-")[-1], str(version), f"{of['correct'].sum()}, {100 * of['correct'].sum() / of['answers'].sum():.1f} %",
                         *(share.get(kind, "–") for kind in ["deduction", "abduction", "induction"])])
    table("Longer runs, version by version (greedy)", rows)

# Updates that were tried before they were kept.
trials = ask("""
    select experiment, count(distinct iteration)::int as tried, count(distinct iteration) filter (where is_accepted)::int as kept,
           (count(*) filter (where moved = 'gained'))::int as gained, (count(*) filter (where moved = 'lost'))::int as lost,
           count(*)::int as problems, sum(correct_before)::float8 / sum(attempts) as before, sum(correct_after)::float8 / sum(attempts) as after
    from update_trials where experiment = any(%s) group by 1 order by 1""", finished)
if len(trials):
    rows = [["run", "updates tried", "kept", "problems tried", "gained", "lost", "right before → after"]]
    rows += [[row.experiment, str(row.tried), str(row.kept), str(row.problems), str(row.gained), str(row.lost),
              f"{100 * row.before:.1f} → {100 * row.after:.1f} %"] for row in trials.itertuples()]
    table("Updates that were tried on archived problems", rows)

# Does difficulty rise? Problems of early and late iterations, solved by the base model and by the trained one.
cross = ask("""
    select e.suite, e.subject, e.experiment, s.level, sum(s.answers)::int as answers, sum(s.correct)::int as correct
    from evaluations e join evaluation_scores s on s.evaluation = e.evaluation
    where e.suite like 'problems-of-%%' and e.is_complete and s.temperature > 0 and s.level is not null
    group by 1, 2, 3, 4 order by 1, 4, 3 nulls first""")
if len(cross):
    rows = [["problems of", "iterations", "solver", "sampled answers right"]]
    for row in cross.itertuples():
        rows.append([row.suite.removeprefix("problems-of-"), {1: "1–4", 2: "9–12"}.get(row.level, str(row.level)),
                     "base" if pd.isna(row.experiment) else "trained", f"{row.correct} of {row.answers}, {100 * row.correct / row.answers:.1f} %"])
    table("New problems under the old solver", rows)

# What names a run for good: the digest of its play, and of the last weights.
autodidact = os.environ.get("AUTODIDACT", here.parents[2] / ".build/release/autodidact")
last = ask("select distinct on (experiment) experiment, to_version, weights_digest from updates where experiment = any(%s) "
           "order by experiment, position desc", finished).set_index("experiment")
rows = [["run", "digest of the experiment", "policy version", "digest of its weights"]]
for name in finished:
    status = subprocess.run([autodidact, "status", name, "--json", "--database", sys.argv[1]], capture_output=True, text=True)
    if status.returncode:
        sys.exit(f"autodidact status {name}: {status.stderr}")
    version, weights = last.loc[name, ["to_version", "weights_digest"]] if name in last.index else (0, "–")
    rows.append([name, f"`{json.loads(status.stdout)['digest']}`", str(version), f"`{weights}`"])
table("Digests", rows)

(folder / "tables.md").write_text("\n".join(tables))
print(folder / "tables.md")
