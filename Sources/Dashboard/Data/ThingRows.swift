import FoundationEssentials
import Postgres

/// A problem in a list.
struct ProblemRow: Decodable, Sendable {
  let problem: String
  let kind: String
  let iteration: Int
  let probes: Int
  let probesCorrect: Int
  let attempts: Int
  let correct: Int
  let program: String?
  let input: String?
  let output: String?

  var learnability: Double? {
    guard probes > 0 else { return nil }
    return probesCorrect > 0 && probesCorrect < probes ? 1 - Double(probesCorrect) / Double(probes) : 0
  }

  /// What a list can be ordered by.
  enum Order: String, CaseIterable {
    case newest, learnability, attempts, solved

    var title: String {
      switch self {
      case .newest: "newest first"
      case .learnability: "most learnable"
      case .attempts: "most attempted"
      case .solved: "most often solved"
      }
    }

    fileprivate var sql: String {
      switch self {
      case .newest: "position desc"
      case .learnability:
        "case when probes_correct > 0 and probes_correct < probes then 1 - probes_correct::float8 / probes else 0 end desc, position desc"
      case .attempts: "attempts desc, position desc"
      case .solved: "correct desc, position desc"
      }
    }
  }

  private static let texts = """
    select b.problem, b.kind, b.iteration, b.probes, b.probes_correct, b.attempts, b.correct,
           v.body #>> '{problem,program}' as program, v.body #>> '{problem,pairs,0,input}' as input,
           v.body #>> '{problem,pairs,0,output}' as output
    """

  /// The newest accepted ones, found from the end of the proposals.
  static func newest(_ number: Int32, limit: Int) -> Question {
    Question(
      texts + """

        from (select proposal, verified_position, position from projection.proposals
              where experiment = $1 and accepted order by position desc limit $2) as n
        join projection.problems b on b.experiment = $1 and b.problem = n.proposal
        left join log.events v on v.position = n.verified_position
        order by n.position desc
        """, .int32(number), .int64(Int64(limit)))
  }

  /// - Parameter outcome: learnable, unsolved or always_solved by the probes; nil for all.
  static func page(
    _ number: Int32, order: Order, kind: String?, outcome: String?, iteration: Int?, offset: Int, limit: Int
  ) -> Question {
    Question(
      texts + """

        from (
          select * from projection.problems
          where experiment = $1 and ($2::text is null or kind = $2) and ($3::integer is null or iteration = $3)
            and ($4::text is null
                 or $4 = 'learnable' and probes_correct > 0 and probes_correct < probes
                 or $4 = 'unsolved' and probes > 0 and probes_correct = 0
                 or $4 = 'always_solved' and probes > 0 and probes_correct = probes)
          order by \(order.sql) limit $5 offset $6
        ) as b
        left join log.events v on v.position = b.verified_position
        order by \(order.sql.replacing("probes_correct", with: "b.probes_correct").replacing("position", with: "b.position"))
        """, .int32(number), .text(kind), .int32(iteration.map { Int32(clamping: $0) }), .text(outcome),
      .int64(Int64(limit)),
      .int64(Int64(offset)))
  }
}

/// A proposal whole: the problem it became, or why it was refused.
struct ProposalRow: Decodable, Sendable {
  struct Pair: Decodable, Sendable {
    let input: String
    let output: String
  }
  struct Problem: Decodable, Sendable {
    let program: String
    let pairs: [Pair]
    let message: String?
  }

  let position: Int64
  let iteration: Int
  let policyVersion: Int?
  let madeAt: Double
  /// Name of the experiment that recorded it: this one, or one it was forked from.
  let recordedBy: String
  let references: [String]?
  let givenProgram: String?
  let isVerified: Bool
  let refusal: String?
  let detail: String?
  let problem: Problem?
  let generation: GenerationRow?

  static func of(_ proposal: String, _ number: Int32) -> Question {
    Question(
      """
      select m.position, m.iteration, m.policy_version, extract(epoch from m.recorded_at)::float8 as made_at, x.name as recorded_by,
             m.body -> 'references' as references, m.body ->> 'program' as given_program, v.position is not null as is_verified,
             v.body ->> 'refusal' as refusal, v.body ->> 'detail' as detail, v.body -> 'problem' as problem,
             \(GenerationRow.json("m.position")) as generation
      from log.lineage l
      join log.events m on m.experiment = l.ancestor and m.type = 'ProposalMade' and m.body ->> 'proposal' = $2
        and (l.last_position is null or m.position <= l.last_position)
      join log.experiments x on x.number = m.experiment
      left join log.events v on v.experiment = m.experiment and v.type = 'ProposalVerified' and v.iteration = m.iteration
        and v.cause = m.position
      where l.experiment = $1 limit 1
      """, .int32(number), .text(proposal))
  }

  /// Proposals that were shown this problem, from its iteration on.
  static func children(_ problem: String, _ number: Int32) -> Question {
    Question(
      """
      select p.proposal, v.body ->> 'refusal' as refusal, v.position is not null as is_verified,
             v.body #>> '{problem,program}' as program
      from (
        select m.experiment, m.iteration, m.position, m.body ->> 'proposal' as proposal
        from log.lineage l
        join log.events m on m.experiment = l.ancestor and m.type = 'ProposalMade'
          and (l.last_position is null or m.position <= l.last_position) and m.iteration >= split_part($2, '.', 1)::integer
        where l.experiment = $1 and m.body::text like '%"' || $2 || '"%' and m.body ->> 'proposal' <> $2
        order by m.position limit 60
      ) as p
      left join log.events v on v.experiment = p.experiment and v.type = 'ProposalVerified' and v.iteration = p.iteration
        and v.cause = p.position
      order by p.position
      """, .int32(number), .text(problem))
  }
}

/// A proposal that was shown a problem.
struct ChildRow: Decodable, Sendable {
  let proposal: String
  let refusal: String?
  let isVerified: Bool
  let program: String?
}

/// What was sampled: text, tokens and the log-probability of each.
struct GenerationRow: Decodable, Sendable {
  let completion: String
  /// Little-endian 32-bit integers.
  let tokens: Data
  /// Little-endian 32-bit floats.
  let logProbabilities: Data
  let finish: String
  let prompt: String?
  let sampling: String?

  var ids: [Int32] { Self.words(tokens).map { Int32(bitPattern: $0) } }
  var nats: [Float] { Self.words(logProbabilities).map { Float(bitPattern: $0) } }

  private static func words(_ data: Data) -> [UInt32] {
    let bytes = [UInt8](data)
    return stride(from: 0, to: bytes.count - bytes.count % 4, by: 4).map { index in
      UInt32(bytes[index]) | UInt32(bytes[index + 1]) << 8 | UInt32(bytes[index + 2]) << 16 | UInt32(bytes[index + 3])
        << 24
    }
  }

  /// A generation as a JSON object, with its prompt.
  static func json(_ position: String) -> String {
    """
    (select json_build_object('completion', g.completion, 'tokens', translate(encode(g.tokens, 'base64'), E'\\n', ''),
       'logProbabilities', translate(encode(g.log_probabilities, 'base64'), E'\\n', ''), 'finish', g.finish, 'prompt', p.text,
       'sampling', s.text)
     from log.generations g left join log.texts p on p.number = g.prompt left join log.texts s on s.number = g.sampling
     where g.position = \(position))
    """
  }

  /// The same without the prompt, for lists.
  static func shortJSON(_ position: String) -> String {
    """
    (select json_build_object('completion', g.completion, 'tokens', translate(encode(g.tokens, 'base64'), E'\\n', ''),
       'logProbabilities', translate(encode(g.log_probabilities, 'base64'), E'\\n', ''), 'finish', g.finish)
     from log.generations g where g.position = \(position))
    """
  }
}

/// An attempt: in the list of its problem, and whole.
struct AttemptRow: Decodable, Sendable {
  let attempt: String
  let problem: String
  let purpose: String
  let iteration: Int
  let policyVersion: Int?
  let position: Int64
  let madeAt: Double
  let verdict: String?
  let answer: String?
  let detail: String?
  let recordedBy: String
  let generation: GenerationRow?

  private static let columns = """
    m.body ->> 'attempt' as attempt, m.body ->> 'problem' as problem, split_part(m.body ->> 'attempt', '.', 2) as purpose,
    m.iteration, m.policy_version, m.position, extract(epoch from m.recorded_at)::float8 as made_at,
    v.body ->> 'verdict' as verdict, v.body ->> 'answer' as answer, v.body ->> 'detail' as detail, x.name as recorded_by
    """

  static func of(problem: String, _ number: Int32, offset: Int, limit: Int) -> Question {
    Question(
      """
      select \(columns), \(GenerationRow.shortJSON("m.position")) as generation
      from (
        select a.position, a.verified_position, a.experiment
        from log.lineage l
        join projection.attempts a on a.experiment = l.ancestor and a.problem = $2
          and (l.last_position is null or a.position <= l.last_position)
        where l.experiment = $1 order by a.position desc limit $3 offset $4
      ) as a
      join log.events m on m.position = a.position
      join log.experiments x on x.number = a.experiment
      left join log.events v on v.position = a.verified_position
      order by a.position desc
      """, .int32(number), .text(problem), .int64(Int64(limit)), .int64(Int64(offset)))
  }

  /// Found by its iteration, which its id begins with.
  static func of(_ attempt: String, _ number: Int32, iteration: Int) -> Question {
    Question(
      """
      select \(columns), \(GenerationRow.json("m.position")) as generation
      from log.lineage l
      join log.events m on m.experiment = l.ancestor and m.type = 'AttemptMade' and m.iteration = $3
        and m.body ->> 'attempt' = $2 and (l.last_position is null or m.position <= l.last_position)
      join log.experiments x on x.number = m.experiment
      left join log.events v on v.experiment = m.experiment and v.type = 'AttemptVerified' and v.iteration = $3
        and v.cause = m.position
      where l.experiment = $1 limit 1
      """, .int32(number), .text(attempt), .int32(Int32(clamping: iteration)))
  }

  /// How verified attempts at a problem went, by policy version.
  static func tally(problem: String, _ number: Int32) -> Question {
    Question(
      """
      select a.policy_version, count(*) as attempts, count(*) filter (where a.verdict = 'correct') as correct
      from log.lineage l
      join projection.attempts a on a.experiment = l.ancestor and a.problem = $2
        and (l.last_position is null or a.position <= l.last_position)
      where l.experiment = $1 and a.verdict is not null
      group by 1 order by 1 limit 2000
      """, .int32(number), .text(problem))
  }
}

/// Attempts of one policy version.
struct TallyRow: Decodable, Sendable {
  let policyVersion: Int?
  let attempts: Int
  let correct: Int
}
