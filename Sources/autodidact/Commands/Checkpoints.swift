import ArgumentParser
import Daemon
import Domain
import EventLog
import Foundation
import Terminal

struct Checkpoints: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "List, thin, restore and export the weights files of an experiment.",
    discussion: """
      Any version can be regenerated from the log, so any file can go.

      EXAMPLE
        autodidact checkpoints first list
        autodidact checkpoints first thin --every 10 --dry-run
        autodidact checkpoints first restore --version 12
        autodidact checkpoints first export --version 12 --to twelve.checkpoint
      """)

  enum Action: String, ExpressibleByArgument, CaseIterable { case list, thin, restore, export }

  @Argument(help: "Name of the experiment.", completion: .experiments) var name: String
  @Argument(help: "list, thin, restore or export.") var action: Action
  @Option(help: "thin: keep every k-th version, and the newest.") var every: Int?
  @Flag(help: "thin: say what would go, and remove nothing.") var dryRun = false
  @Option(name: .customLong("version"), help: "restore, export: the policy version.") var policyVersion: Int?
  @Option(help: "export: the file to write; it must not exist.") var to: String?
  @Flag(help: "One JSON object per line: the files listed, removed, restored or written.") var json = false
  @Option(help: "Threads of the engine; the results do not depend on it. Default: one per core.") var threads: Int?
  @OptionGroup var database: DatabaseOptions

  func validate() throws {
    if let every, every < 1 { throw ValidationError("--every is \(every), allowed is 1 or more") }
    if let threads, !(1...256).contains(threads) {
      throw ValidationError("--threads is \(threads), allowed is 1 to 256")
    }
    switch action {
    case .list: break
    case .thin: if every == nil { throw ValidationError("thin needs --every K") }
    case .restore: if policyVersion == nil { throw ValidationError("restore needs --version V") }
    case .export:
      if policyVersion == nil || to == nil { throw ValidationError("export needs --version V and --to FILE") }
    }
  }

  func run() async throws {
    try await database.withLog { log in
      let record = try await log.log.requireExperiment(name)
      let experiment = try await StoredExperiment.load(record, from: log.log).experiment
      let workshop = Workshop(log, threads: threads)
      let keeper = CheckpointKeeper(
        log: log.log, experiment: experiment, folders: try await workshop.checkpointFolders(of: experiment))
      switch action {
      case .list: try await list(keeper)
      case .thin: try await thin(keeper)
      case .restore:
        let restored = try await restore(keeper, workshop, experiment)
        print(json ? line(restored, at: restored.path) : restored.path)
      case .export: try export(try await restore(keeper, workshop, experiment))
      }
    }
  }

  private func list(_ keeper: CheckpointKeeper) async throws {
    let entries = try await keeper.entries()
    if json {
      for entry in entries { print(String(decoding: EventCoding.json(entry), as: UTF8.self)) }
      return
    }
    guard !entries.isEmpty else { return print("no weights were saved yet") }
    var rows = [["version", "bytes", "weights", "file", "is"]]
    for entry in entries {
      let place = entry.path == nil ? "gone (restore regenerates it)" : entry.isInherited ? "the parent's" : "there"
      rows.append([
        "\(entry.policyVersion)", "\(entry.checkpoint.bytes)", "\(entry.checkpoint.weightsDigest.prefix(16))…",
        entry.file, place,
      ])
    }
    print(TextTable(rows: rows).lines.joined(separator: "\n"))
  }

  private func thin(_ keeper: CheckpointKeeper) async throws {
    let removed = try await keeper.thin(every: every ?? 1, dryRun: dryRun)
    if json {
      for entry in removed { print(String(decoding: EventCoding.json(entry), as: UTF8.self)) }
      return
    }
    for entry in removed {
      print("\(dryRun ? "would remove" : "removed") version \(entry.policyVersion): \(entry.file)")
    }
    let bytes = removed.reduce(0) { $0 + $1.checkpoint.bytes }
    print("\(removed.count) files, \(bytes >> 20) MiB")
  }

  private func restore(
    _ keeper: CheckpointKeeper, _ workshop: Workshop, _ experiment: Experiment
  ) async throws -> CheckpointKeeper.Restored {
    do {
      let engine = try await workshop.engine(of: experiment, keep: Int.max)
      let restored = try await keeper.restore(policyVersion ?? 0, with: engine) { Console.error($0) }
      if !restored.wasPresent {
        Console.error(
          restored.isAsRecorded
            ? "regenerated: the recorded file, byte for byte"
            : "regenerated: weights and optimizer as recorded, in a file that no event names")
      }
      return restored
    } catch let error as CheckpointUnknown {
      throw Failure.usage("\(error)")
    }
  }

  private func export(_ restored: CheckpointKeeper.Restored) throws {
    guard let to else { return }
    do {
      try FileManager.default.copyItem(atPath: restored.path, toPath: to)
    } catch {
      throw Failure.failed("\(to) cannot be written: \(error.localizedDescription)")
    }
    print(json ? line(restored, at: to) : "version \(policyVersion ?? 0) of \(name) is in \(to)")
  }

  private func line(_ restored: CheckpointKeeper.Restored, at path: String) -> String {
    let value: JSONValue = [
      "experiment": .text(name), "policy_version": JSONValue(policyVersion ?? 0), "path": .text(path),
      "was_present": .bool(restored.wasPresent), "is_as_recorded": .bool(restored.isAsRecorded),
    ]
    return value.line
  }
}
