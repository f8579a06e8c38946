import EventLog

/// The projections of this program. A new one, or a new version of one, is a file beside this, a line here, and a migration with
/// its tables; a version whose tables are like the ones before needs no migration (`projection.prepare`).
package enum ProjectionCatalogue {
  package static let all: [ProjectionDefinition] = [
    ProjectionDefinition(AttemptsProjection.self),
    ProjectionDefinition(ProposalsProjection.self),
    ProjectionDefinition(ProblemsProjection.self),
    ProjectionDefinition(IterationsProjection.self),
    ProjectionDefinition(UpdatesProjection.self),
    ProjectionDefinition(DifficultyProjection.self),
    ProjectionDefinition(RatingsProjection.self),
    ProjectionDefinition(TalliesProjection.self),
    ProjectionDefinition(OriginsProjection.self),
    ProjectionDefinition(SamplesProjection.self),
  ]
}
