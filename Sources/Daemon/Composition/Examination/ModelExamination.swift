import Engine
import Foundation
import Transformer

/// The model files: each against the digest of the catalogue, and what experiments need against what is there.
struct ModelExamination {
  typealias Finding = Examination.Finding

  private(set) var findings: [Finding] = []
  /// Number of weights of each model that is there.
  private(set) var parameters: [String: Int64] = [:]

  init(home: Home, live: [LiveExperiment]) {
    do {
      let catalogue = try ModelCatalogue(home: home)
      for entry in catalogue.entries {
        guard let file = try? catalogue.file(entry.name) else { continue }
        findings.append(look(entry.name, at: file, digest: entry.digest, fetched: true))
      }
      let wanted = Dictionary(grouping: live, by: \.model).sorted { $0.key < $1.key }
      for (name, users) in wanted { findings += needed(name, by: users, catalogue) }
    } catch {
      findings.append(Finding("models", .fail, "\(error)", cure: "take configs/models.tsv from the software again"))
    }
    guard !findings.isEmpty else {
      findings = [Finding("models", .fail, "none in \(home.models.path)", cure: "ops/fetch-model")]
      return
    }
  }

  /// Reads every byte: a file that decays is found here and not in the middle of a run.
  private mutating func look(_ name: String, at file: String, digest: String, fetched: Bool) -> Finding {
    let mend = fetched ? "remove it, then ops/fetch-model \(name)" : "bring back the file that it began with"
    do {
      let found = try Model.digest(of: file)
      guard found == digest else {
        return Finding(
          "model", .fail, "\(name): sha256 \(found.prefix(16))… instead of \(digest.prefix(16))… at \(file)", cure: mend
        )
      }
      let count = Int64(ParameterLayout(try StoredModel(path: file).configuration).count)
      parameters[name] = count
      return Finding("model", .ok, "\(name), \(count / 1_000_000) million weights, sha256 \(digest.prefix(16))…")
    } catch {
      return Finding("model", .fail, "\(name): \(error)", cure: mend)
    }
  }

  /// A model that experiments go on with and that is missing, or another than they began with.
  private mutating func needed(_ name: String, by users: [LiveExperiment], _ catalogue: ModelCatalogue) -> [Finding] {
    let names = users.map(\.name).joined(separator: ", ")
    let entry = catalogue.entries.first { $0.name == name }
    guard let file = try? catalogue.file(name) else {
      return [
        Finding(
          "model", .fail, "\(name) is missing; \(names) cannot go on",
          cure: entry == nil ? "put it into the models folder again" : "ops/fetch-model \(name)")
      ]
    }
    guard let entry else { return users.map { look(name, at: file, digest: $0.modelDigest, fetched: false) }.uniqued }
    return users.filter { !$0.modelDigest.isEmpty && $0.modelDigest != entry.digest }.map { user in
      Finding(
        "model", .fail, "\(user.name) began with another \(name): sha256 \(user.modelDigest.prefix(16))…",
        cure: "bring back the file that it began with")
    }
  }
}

extension Array where Element: Hashable {
  /// Without repetitions, in order.
  fileprivate var uniqued: [Element] {
    var seen: Set<Element> = []
    return filter { seen.insert($0).inserted }
  }
}
