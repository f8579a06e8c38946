"""What must hold after every round, whatever was done to it."""

import subprocess

from . import machine

# What the experiment computed: the life of the processes, and where weights lie, belong to the disturbance.
PLAY = """
select encode(sha256(string_agg(convert_to(concat_ws(' ', e.type, e.iteration, e.policy_version, e.body::text,
         encode(g.tokens, 'hex'), encode(g.log_probabilities, 'hex'), g.finish, t.text, g.completion,
         encode(g.random_key, 'hex')), 'UTF8'), '\\x0a' order by e.version)), 'hex')
from log.events e join log.experiments x on x.number = e.experiment left join log.generations g using (position)
left join log.texts t on t.number = g.prompt
where x.name = 'one' and e.type in ('IterationStarted', 'ProposalMade', 'ProposalVerified', 'AttemptMade',
  'AttemptVerified', 'ProblemAdmitted', 'WeightsUpdated', 'UpdateSkipped')
"""
WEIGHTS = """
select coalesce(string_agg(coalesce(body -> 'outcome' ->> 'weightsDigest', body -> 'outcome' ->> 'weights_digest'), ' '
         order by position), '')
from log.events where type = 'WeightsUpdated'
"""


def figures(round):
    """Digest of the play and of every weights version, the last one last."""
    return round.ask(PLAY), round.ask(WEIGHTS)


def violations(round, reference):
    """Everything found wrong, in words."""
    found = []

    def expect(what, question, answer="t"):
        given = round.ask(question)
        if given != answer:
            found.append(f"{what}: {given}")

    expect("positions have gaps", "select count(*) = max(position) and max(position) = (select position from log.head) "
                                  "and count(distinct position) = count(*) from log.events")
    expect("versions have gaps", "select count(*) = max(version) and count(distinct version) = count(*) from log.events")
    expect("append keys occur twice", "select count(*) = count(distinct key) from log.appends")
    expect("appends do not cover the events",
           "select sum(last_position - first_position + 1) = (select position from log.head) from log.appends")
    expect("an ended epoch wrote again", "select not exists (select from (select epoch, max(epoch) over (order by "
                                         "first_position) as highest from log.appends where epoch is not null) as a "
                                         "where epoch < highest)")
    expect("the experiment is not finished", "select state from log.experiments", "finished")
    expect("the last weights are not saved", "select (select body ->> 'policy_version' from log.events where type = "
           "'CheckpointSaved' order by position desc limit 1) = (select body ->> 'to_version' from log.events where type "
           "= 'WeightsUpdated' order by position desc limit 1)")
    ends = {row[0] for row in round.session.rows("select first_version + last_position - first_position from log.appends")}
    lost = {v for process in round.processes for v in process.acknowledged() if str(v) not in ends}
    if lost:
        found.append(f"acknowledged and lost: versions {sorted(lost)}")
    audit = subprocess.run(
        [str(machine.PROGRAMS / "autodidact"), "verify", "--full", "--database",
         round.machine.cluster.url(round.database)],
        env=round.machine.environment(round.home), capture_output=True, text=True, timeout=machine.PATIENCE)
    if audit.returncode != 0:
        found.append(f"verify: {audit.stdout}{audit.stderr}".strip())
    if reference is not None:
        play, weights = figures(round)
        if weights != reference[1]:
            found.append(f"weights {weights[-16:]} instead of {reference[1][-16:]}")
        if play != reference[0]:
            found.append("the play differs from the undisturbed one")
    return found
