import Domain
import Engine
import EventLog
import Foundation
import Postgres

/// What is in the log: who holds which experiment, what is stopped, what lags, what is missing.
struct LogExamination {
  typealias Finding = Examination.Finding

  let open: OpenLog
  /// A session of the login itself.
  let connection: Connection

  /// One experiment that is not over, and who works on it.
  struct Holder: Sendable {
    var record: ExperimentRecord
    var experiment: Experiment
    /// Process of the server that holds its lock; nil: nobody does.
    var session: String?
    /// What that session is called, and from where.
    var program: String
    /// Since its last append, by the server's clock.
    var silence: Double
    var checkpointBytes: Int64?
    /// What decided the bits when it was last taken up; nil before that.
    var numericsProfile: String?
  }

  /// Silence of a holder after which it is named. An update of a large model takes minutes.
  private static let silenceMax = 3600.0
  /// Age of events that no projection has taken.
  private static let lagSecondsMax = 600.0

  func findings() async throws -> [Finding] {
    let head = try await open.log.head().position
    var found = [Finding("log", .ok, "\(head) events, \(try await open.log.experiments().count) experiments")]
    let holders = try await holders()
    found += holders.compactMap(finding)
    found += holders.compactMap(numerics)
    found += try await consumers()
    found.append(try await projections())
    found += try await segments()
    return found
  }

  /// Every experiment that is neither over nor somebody else's.
  func holders() async throws -> [Holder] {
    let held = try await connection.query(
      """
      select x.id, a.pid::text, coalesce(nullif(a.application_name, ''), 'a session') || coalesce(' at ' || host(a.client_addr), ''),
             coalesce((select extract(epoch from clock_timestamp() - p.recorded_at) from log.appends p
                       where p.experiment = x.number order by p.first_position desc limit 1), 0)::text
      from log.experiments x
      left join pg_locks l on l.locktype = 'advisory' and l.granted and l.objsubid = 1
        and l.database = (select oid from pg_database where datname = current_database())
        and ((l.classid::bigint << 32) | l.objid::bigint) = log.epoch_lock(x.number, x.epoch)
      left join pg_stat_activity a on a.pid = l.pid
      """)
    var sessions: [UUID: (session: String?, program: String, silence: Double)] = [:]
    for row in held {
      sessions[try row.uuid(0)] = (try row.optionalText(1), try row.optionalText(2) ?? "", Double(try row.text(3)) ?? 0)
    }
    var holders: [Holder] = []
    let over = ["finished", "stopped", "shared", "importing"]
    for record in try await open.log.experiments() where !over.contains(record.state) {
      // An evaluation has a stream too; it is not played.
      guard let stored = try? await StoredExperiment.begin(record, from: open.log) else { continue }
      let saved = try await open.log.checkpoints(of: record.id).last?.0
      let started = try await open.log.allEvents(of: record.id, types: ["ExperimentStarted"]).last?.event()
      var profile: String?
      if case .experimentStarted(let started) = started { profile = started.numericsProfile }
      let session = sessions[record.id.rawValue]
      holders.append(
        Holder(
          record: record, experiment: stored.experiment, session: session?.session, program: session?.program ?? "",
          silence: session?.silence ?? 0, checkpointBytes: saved.map { Int64($0.bytes) }, numericsProfile: profile))
    }
    return holders
  }

  /// What of them matters for memory and disk.
  func live(_ holders: [Holder]) -> [LiveExperiment] {
    holders.map { holder in
      let settings = holder.experiment.settings
      return LiveExperiment(
        name: holder.record.name, model: settings.model.name, modelDigest: settings.model.digest,
        isLoRA: settings.learner.method == .lora, checkpointsKept: settings.checkpoints.keep,
        checkpointBytes: holder.checkpointBytes, isHeld: holder.session != nil)
    }
  }

  private func finding(_ holder: Holder) -> Finding? {
    let (name, state) = (holder.record.name, holder.record.state)
    if state == "failed" {
      return Finding(
        "experiment", .warn, "\(name) is failed",
        cure: "autodidact status \(name) says why; mend it, then autodidact resume \(name)")
    }
    guard state != "paused" else { return nil }
    guard let session = holder.session else {
      return Finding(
        "experiment", .warn, "\(name) is \(state), and no process works on it",
        cure: "autodidactd, or autodidact run \(name)"
          + (state == "running" ? "; autodidact pause \(name) if it shall wait" : ""))
    }
    let minutes = Int(holder.silence / 60)
    guard holder.silence > Self.silenceMax else {
      return Finding("experiment", .ok, "\(name) is \(state), held by \(holder.program) (session \(session))")
    }
    return Finding(
      "experiment", .warn,
      "\(name) is held by \(holder.program) (session \(session)), which has appended nothing for \(minutes) min",
      cure: "it hangs, is frozen, or waits: look at that process; to take it over: autodidact run \(name) --take-over")
  }

  private func numerics(_ holder: Holder) -> Finding? {
    guard let recorded = holder.numericsProfile, recorded != Engine.numericsProfile else { return nil }
    return Finding(
      "numerics", .warn,
      "\(holder.record.name) was last played with \"\(recorded)\", this machine has \"\(Engine.numericsProfile)\"",
      cure: "it goes on, but not to the same bits as there: play it where it was, or set AUTODIDACT_KERNELS alike")
  }

  private func consumers() async throws -> [Finding] {
    try await open.log.consumers().filter { $0.state == .failed }.map { record in
      Finding(
        "consumer", .fail, "\(record.consumer) stopped at \(record.failure ?? "")",
        cure: "autodidact consumer list; a projection: autodidact projection rebuild NAME --experiment X")
    }
  }

  private func projections() async throws -> Finding {
    let rows = try await connection.query(
      """
      select experiment, projection, lag::text, lag_seconds::int::text from read.projections
      where current and lag > 0 and state <> 'failed' order by lag_seconds desc, experiment, projection
      """)
    guard let worst = rows.first else { return Finding("projections", .ok, "up to the log") }
    let text =
      "\(rows.count) behind, the most \(try worst.text(1)) of \(try worst.text(0)): \(try worst.text(2)) events, \(try worst.text(3)) s"
    return Finding(
      "projections", isGood: (Double(try worst.text(3)) ?? 0) <= Self.lagSecondsMax, else: .warn, text,
      cure:
        "autodidactd brings them up to the log; at once: autodidact projection rebuild all --experiment \(try worst.text(0))"
    )
  }

  private func segments() async throws -> [Finding] {
    try await open.log.segments().compactMap { segment in
      guard let file = segment.file, segment.state == .exported || segment.state == .detached,
        !FileManager.default.fileExists(atPath: file)
      else { return nil }
      return Finding(
        "segment", .warn, "the file of segment \(segment.number) (\(segment.state.rawValue)) is not here: \(file)",
        cure: "bring it back; elsewhere it can be read with: autodidact archive restore \(segment.number) --file …")
    }
  }
}
