import Foundation
import Postgres
import Verification
import VerifierProtocol

/// The calls of schema `work` (migrations, "Verification jobs"), for both sides of it.
struct JobTable: Sendable {
  /// A job that this worker holds.
  struct Lease: Sendable {
    var id: Int64
    /// The number of the lease: an answer under an older one is refused.
    var number: Int32
    var job: VerifierJob
  }

  /// How far a question is.
  struct Progress: Sendable {
    var count: Int
    var open: Int
    /// Lost leases of the open job that lost most.
    var lossesMax: Int
  }

  let pool: ConnectionPool

  init(_ settings: ConnectionSettings) {
    pool = ConnectionPool(settings, connectionsMax: 2)
  }

  private static let version = Int32(WorkerDescription.protocolVersionCurrent)

  // MARK: The daemon's side

  func submit(_ jobs: [VerifierJob], order: UUID) async throws {
    let texts = try jobs.map { String(decoding: try JSONEncoder().encode($0), as: UTF8.self) }
    try await pool.withConnection { connection throws(PostgresError) in
      _ = try connection.query(
        "select work.submit($1, $2, $3)", [.uuid(order), .int32(Self.version), .textArray(texts)])
    }
  }

  func progress(order: UUID) async throws -> Progress {
    try await pool.withConnection { connection throws(PostgresError) in
      guard let row = try connection.query("select * from work.progress($1)", [.uuid(order)]).first else {
        return Progress(count: 0, open: 0, lossesMax: 0)
      }
      return Progress(
        count: Int(try row.int64(0)), open: Int(try row.int64(1)), lossesMax: Int(try row.int32(2)))
    }
  }

  /// The replies in the order of the jobs.
  /// - Throws: `LeasingError.unreadable` for a reply that is none.
  func collect(order: UUID) async throws -> [VerifierReply] {
    let texts = try await pool.withConnection { connection throws(PostgresError) in
      var texts: [String] = []
      for row in try connection.query("select r_slot, r_reply from work.collect($1)", [.uuid(order)]) {
        texts.append(try row.text(1))
      }
      return texts
    }
    return try texts.map { text in
      do {
        return try JSONDecoder().decode(VerifierReply.self, from: Data(text.utf8))
      } catch {
        throw LeasingError.unreadable("\(error)")
      }
    }
  }

  func forget(order: UUID) async throws {
    try await pool.withConnection { connection throws(PostgresError) in
      _ = try connection.query("select work.forget($1)", [.uuid(order)])
    }
  }

  // MARK: The worker's side

  /// - Throws: `LeasingError.unreadable` for a job that is none.
  func lease(worker: String, count: Int, duration: Duration) async throws -> [Lease] {
    let rows = try await pool.withConnection { connection throws(PostgresError) in
      var rows: [(Int64, Int32, String)] = []
      let parameters: [Parameter] = [
        .text(worker), .int32(Self.version), .int32(Int32(count)), .text("\(duration.components.seconds)"),
      ]
      for row in try connection.query(
        "select r_id, r_lease, r_job from work.lease($1, $2, $3, $4::double precision)", parameters)
      {
        rows.append((try row.int64(0), try row.int32(1), try row.text(2)))
      }
      return rows
    }
    return try rows.sorted { $0.0 < $1.0 }.map { id, number, text in
      do {
        return Lease(id: id, number: number, job: try JSONDecoder().decode(VerifierJob.self, from: Data(text.utf8)))
      } catch {
        throw LeasingError.unreadable("\(error)")
      }
    }
  }

  /// - Returns: how many of them this worker still holds.
  func extend(_ leases: [Lease], duration: Duration) async throws -> Int {
    let parameters: [Parameter] = [
      .int64Array(leases.map(\.id)), .int32Array(leases.map(\.number)), .text("\(duration.components.seconds)"),
    ]
    return try await pool.withConnection { connection throws(PostgresError) in
      let rows = try connection.query("select work.extend($1, $2, $3::double precision)", parameters)
      return Int(try rows.first?.int32(0) ?? 0)
    }
  }

  /// - Returns: false if the job was given to another, or is no longer wanted.
  func answer(_ lease: Lease, _ reply: VerifierReply) async throws -> Bool {
    let text = String(decoding: try JSONEncoder().encode(reply), as: UTF8.self)
    return try await pool.withConnection { connection throws(PostgresError) in
      let rows = try connection.query(
        "select work.answer($1, $2, $3)", [.int64(lease.id), .int32(lease.number), .text(text)])
      return try rows.first?.bool(0) ?? false
    }
  }
}

/// What goes wrong between the daemon and a worker elsewhere. Never a verdict (promise P8).
package enum LeasingError: Error, CustomStringConvertible {
  /// A row does not hold what it should.
  case unreadable(String)
  /// Nobody has taken a job for too long.
  case nobodyCame(Duration)

  package var description: String {
    switch self {
    case .unreadable(let reason): "a row of work.jobs cannot be read: \(reason)"
    case .nobodyCame(let duration):
      "no verifier worker took a job within \(duration); start one with: autodidact-verifier --lease --database …"
    }
  }
}
