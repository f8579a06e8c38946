import EventLog
import Postgres

/// The session that says "the writer of this epoch lives": its advisory locks end with it. It stops nobody by itself;
/// the epoch inside every append does.
actor EpochGuard {
  private let settings: ConnectionSettings
  private var connection: Connection?
  private var held: [ExperimentID: Int64] = [:]

  init(_ settings: ConnectionSettings) { self.settings = settings }

  func raise(_ experiment: ExperimentID, takeOver: Bool) async throws(PostgresError) -> Int64 {
    let session = try await open()
    // A session may take its own lock again, so our own hold is remembered here.
    if let epoch = held[experiment], !takeOver { throw .heldHere(epoch) }
    let epoch = try await session.raiseEpoch(experiment, takeOver: takeOver)
    held[experiment] = epoch
    return epoch
  }

  func release(_ epoch: Int64, of experiment: ExperimentID) async {
    guard held[experiment] == epoch else { return }
    held[experiment] = nil
    // If this fails the session is broken, and its locks are gone with it.
    _ = try? await connection?.query(
      "select log.release_epoch($1, $2)", [.uuid(experiment.rawValue), .int64(epoch)])
  }

  /// The session; a broken one is replaced, and what it held is held no more.
  private func open() async throws(PostgresError) -> Connection {
    if let connection, await connection.isOpen { return connection }
    held = [:]
    let opened = try await Connection.open(settings)
    connection = opened
    return opened
  }
}

extension Connection {
  fileprivate func raiseEpoch(_ experiment: ExperimentID, takeOver: Bool) throws(PostgresError) -> Int64 {
    let rows = try query(
      "select r_epoch from log.raise_epoch($1, $2)", [.uuid(experiment.rawValue), .bool(takeOver)])
    guard let row = rows.first else { throw PostgresError(.decoding, message: "log.raise_epoch returned no row") }
    return try row.int64(0)
  }
}

extension PostgresError {
  fileprivate static func heldHere(_ epoch: Int64) -> PostgresError {
    PostgresError(
      .server, message: "this process writes the experiment already", constraint: "experiments_epoch_held",
      detail: "{\"current\": \(epoch)}")
  }
}
