import Domain
import Engine
import EventLog
import Foundation

/// Opens the engine of an experiment on this machine: its model file, its folders of weights, its training method.
/// `Workshop` and `WeightsFinder` share it.
struct EngineOpener: Sendable {
  let home: Home
  let log: any EventLog
  /// Of the engine's kernels.
  let threads: Int

  /// Where the weights of an experiment lie: its own folder, then those of the experiments it was forked from.
  /// - Throws: an experiment whose parents are not in the log; the log's errors.
  func checkpointFolders(of experiment: ExperimentID) async throws -> [String] {
    try await log.lineage(of: experiment).reversed().map { home.checkpoints($0.name).path }
  }

  /// The engine, with the base model's weights.
  ///
  /// - Parameters:
  ///   - name: of the experiment whose folder weights are written to; nil for the experiment itself.
  ///   - keep: weights files kept in it; nil for the experiment's own setting.
  /// - Throws: a missing or another model, what `checkpointFolders` throws.
  func engine(of experiment: Experiment, named name: String? = nil, keep: Int? = nil) async throws -> Engine {
    let settings = experiment.settings
    let folders = try await checkpointFolders(of: experiment.id)
    return try await Engine.open(
      modelFile: try ModelCatalogue(home: home).file(settings.model.name), modelDigest: settings.model.digest,
      threads: threads, checkpoints: name.map { home.checkpoints($0).path } ?? folders[0],
      keep: keep ?? settings.checkpoints.keep, inherited: name == nil ? Array(folders.dropFirst()) : [],
      training: TrainingMethod(settings))
  }
}
