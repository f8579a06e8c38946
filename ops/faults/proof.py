"""Shows that the oracle can fail: a finished round is tampered with, behind the triggers' back, and each change must be
found."""

from . import oracle

TAMPERINGS = {
    "a sampled token": "update log.generations set tokens = set_byte(tokens, 0, get_byte(tokens, 0) # 1) "
                       "where position = (select max(position) from log.generations)",
    "a log-probability": "update log.generations set log_probabilities = set_byte(log_probabilities, 0, 1) "
                         "where position = (select min(position) from log.generations)",
    "an event's body": "update log.events set body = replace(body::text, 'correct', 'Correct')::json "
                       "where type = 'AttemptVerified'",
    "an event's time": "update log.events set recorded_at = recorded_at + interval '1 microsecond' where position = 5",
    "the last event": "delete from log.events where position = (select max(position) from log.events)",
    "the experiment's version": "update log.experiments set version = version - 1",
    "the experiment's state": "update log.experiments set state = 'running'",
    "the learner's position": "update log.consumers set position = position - 1 where name = 'learner'",
    "the head's hash": "update log.head set hash = sha256(hash)",
    "an append's epoch": "update log.appends set epoch = epoch + 1 where first_position = 2",
}


def missed(session):
    """Names of the changes that the oracle did not notice."""
    found = []
    for name, statement in TAMPERINGS.items():
        round = session.round(1)
        reference = session.reference(1)
        round.finish()
        clean = oracle.violations(round, reference)
        round.session.rows("set session_replication_role = replica")
        changed = round.session.rows(f"with changed as ({statement} returning 1) select count(*) from changed")[0][0]
        noticed = oracle.violations(round, reference)
        word = "noticed" if noticed and not clean and changed != "0" else "MISSED"
        print(f"      {name:<28} {word}: {'; '.join(noticed)[:90]}", flush=True)
        if word == "MISSED":
            found.append(name)
        round.close()
    return found
