import Domain
import Engine
import EventLog
import Foundation

/// Finds the weights that a name and a version mean, for `export` and `generate`.
package struct WeightsFinder: Sendable {
  private let home: Home
  private let threads: Int

  /// - Parameter threads: of the engine, where weights have to be trained again; nil takes one per core.
  package init(home: Home, threads: Int?) {
    self.home = home
    self.threads = threads ?? ProcessInfo.processInfo.activeProcessorCount
  }

  /// Weights with their name.
  package struct Found {
    package var weights: PolicyWeights
    /// The experiment or the model.
    package var name: String
    /// The experiment's name; nil for a model.
    package var experiment: String?
  }

  /// The weights of a model: a path with a slash, a name of the catalogue, or what lies in the models folder under the
  /// name. nil when there is no such model, so that the name can be an experiment's.
  ///
  /// - Throws: `ModelCatalogue.Missing` for a model that was not fetched, `ModelFileError` for a malformed one.
  package func model(_ name: String) throws -> Found? {
    guard let path = try ModelCatalogue(home: home).path(name) else { return nil }
    let weights = try PolicyWeights(model: path, digest: "")
    return Found(weights: weights, name: name.contains("/") ? weights.baseName : name, experiment: nil)
  }

  /// Whether `name` means a model and so no experiment. Nothing is read.
  ///
  /// - Throws: `ModelCatalogue.Missing`.
  package func isModel(_ name: String) throws -> Bool { try ModelCatalogue(home: home).path(name) != nil }

  /// The weights of an experiment at a version: version 0 is its base model; others are read from the version's
  /// checkpoint, or, where none is whole, trained again from the log after the newest checkpoint before it.
  ///
  /// - Parameters:
  ///   - version: nil for the newest.
  ///   - report: told in words what is being done.
  /// - Throws: `UnknownVersion`, `UnknownExperiment`, and what the parts throw.
  package func experiment(
    _ name: String, version: PolicyVersion?, log: any EventLog, report: @escaping @Sendable (String) -> Void
  ) async throws -> Found {
    let record = try await log.requireExperiment(name)
    let stored = try await StoredExperiment.load(record, from: log)
    let newest = stored.experiment.policyVersion
    let version = version ?? newest
    guard (0...newest).contains(version) else { throw UnknownVersion(name: name, version: version, newest: newest) }
    let weights = try await weights(stored.experiment, record, version, log, report)
    return Found(weights: weights, name: "\(name) version \(version)", experiment: name)
  }

  private func weights(
    _ experiment: Experiment, _ record: ExperimentRecord, _ version: PolicyVersion, _ log: any EventLog,
    _ report: @escaping @Sendable (String) -> Void
  ) async throws -> PolicyWeights {
    let (settings, path) = (experiment.settings, try ModelCatalogue(home: home).file(experiment.settings.model.name))
    if version == 0 { return try PolicyWeights(model: path, digest: settings.model.digest) }
    let opener = EngineOpener(home: home, log: log, threads: threads)
    let folders = try await opener.checkpointFolders(of: record.id)
    let folder = CheckpointFolder(
      path: folders[0], keep: settings.checkpoints.keep, inherited: Array(folders.dropFirst()))
    for (checkpoint, owner) in try await log.checkpoints(of: record.id).reversed()
    where checkpoint.policyVersion == version {
      do {
        let weights = try PolicyWeights(
          checkpoint, folder: folder, experiment: owner, model: path, digest: settings.model.digest,
          training: TrainingMethod(settings))
        report("weights of version \(version) from \(checkpoint.file)")
        return weights
      } catch {
        report("checkpoint \(checkpoint.file) is not usable: \(error)")
      }
    }
    let engine = try await opener.engine(of: experiment)
    try await WeightsRestorer(log: log, learner: engine).restore(experiment, to: version, report: report)
    return try await PolicyWeights(engine, model: path)
  }

  /// An experiment has no such policy version.
  package struct UnknownVersion: Error, CustomStringConvertible {
    package var name: String
    package var version: PolicyVersion
    package var newest: PolicyVersion
    package var description: String { "--version is \(version), \(name) has versions 0 to \(newest)" }
  }
}
