import EventLog

/// Table `updates`: one row an update of the weights. A fork has the ones that it shares with its parent too.
package struct UpdatesProjection: Projection {
  package static let name = "updates"
  package static let version = 1
  package static let tables = [
    ProjectionTable(
      "updates", key: [.init("position", .int8)],
      [
        .init("updated_at", .timestamptz), .init("iteration", .int4), .init("from_version", .int4),
        .init("to_version", .int4), .init("loss", .float8), .init("entropy", .float8),
        .init("gradient_norm", .float8), .init("ratio_mean", .float8), .init("ratio_distance_max", .float8),
        .init("clipped_share", .float8), .init("proposer_reward", .float8), .init("solver_reward", .float8),
        .init("log_probability_mismatches", .int8), .init("tokens", .int8), .init("consumed", .int4),
        .init("sequences", .int4), .init("groups", .int4), .init("groups_mixed", .int4), .init("inherited", .bool),
        .init("weights_digest", .text),
      ])
  ]

  package init() {}

  package mutating func apply(_ event: ProjectedEvent, _ changes: inout RowChanges) throws {
    guard case .weightsUpdated(let update) = event.fact else { return }
    let outcome = update.outcome
    try changes.insert(
      0,
      [
        .position(event.position), .time(event.recorded.recordedAt), .integer(event.recorded.iteration),
        .integer(update.fromVersion), .integer(update.toVersion), .number(outcome.loss), .number(outcome.entropy),
        .number(outcome.gradientNorm), .number(outcome.ratioMean), .number(outcome.ratioDistanceMax),
        .number(outcome.clippedShare), Self.meanReward(update.groups, .proposer),
        Self.meanReward(update.groups, .solver), .integer(outcome.logProbabilityMismatches),
        .integer(outcome.tokens), .integer(update.consumed.count), .integer(outcome.sequences),
        .integer(update.groups.count), .integer(update.groups.count { $0.deviation > 0 }), .flag(event.isInherited),
        .text(outcome.weightsDigest),
      ])
  }

  /// Over the groups of a role, each sample counted once; reused probes are not counted, as in `read.updates`.
  private static func meanReward(_ groups: [RewardGroup], _ role: Role) -> RowValue {
    let groups = groups.filter { $0.role == role && $0.problem == nil }
    let samples = groups.reduce(0) { $0 + $1.samples }
    guard samples > 0 else { return .null }
    return .number(groups.reduce(0) { $0 + $1.meanReward * Double($1.samples) } / Double(samples))
  }
}
