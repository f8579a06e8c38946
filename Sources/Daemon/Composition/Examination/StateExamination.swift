import Foundation

/// The state folder: whether it is there, can be written, and holds nothing that an interrupted work left.
struct StateExamination {
  typealias Finding = Examination.Finding

  let home: Home

  func findings() -> [Finding] {
    let path = home.state.path
    var isFolder: ObjCBool = false
    guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
      return [
        Finding(
          "state", .warn, "\(path) is not there yet",
          cure: "ops/postgres start or ops/fetch-model makes it, or set AUTODIDACT_HOME")
      ]
    }
    guard isFolder.boolValue else {
      return [Finding("state", .fail, "\(path) is no folder", cure: "set AUTODIDACT_HOME to a folder")]
    }
    // Commands that only look need no right to write; who runs experiments does.
    let needed =
      [path]
      + [home.models.path, home.state.appendingPathComponent("checkpoints").path].filter {
        FileManager.default.fileExists(atPath: $0)
      }
    let closed = needed.filter { !FileManager.default.isWritableFile(atPath: $0) }
    var found = [
      Finding(
        "state", isGood: closed.isEmpty,
        closed.isEmpty ? path : "\(closed.joined(separator: ", ")) cannot be written by this user",
        cure: "run this as the user the daemon runs as, or give that user the folder: chown -R USER \(path)")
    ]
    let left = leftovers(in: path)
    if !left.isEmpty {
      found.append(
        Finding(
          "leftovers", .warn, left.joined(separator: ", "),
          cure: "an interrupted backup or restore left them; once none is at work: rm -r"))
    }
    return found
  }

  private func leftovers(in path: String) -> [String] {
    let names = ((try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []).filter {
      $0.hasPrefix("backup-pins.")
    }
    let walker = FileManager.default.enumerator(atPath: path + "/checkpoints")
    let halves = (walker?.compactMap { $0 as? String } ?? []).filter { $0.hasSuffix(".restoring") }.map {
      "checkpoints/" + $0
    }
    return (names + halves).sorted().map { path + "/" + $0 }
  }
}
