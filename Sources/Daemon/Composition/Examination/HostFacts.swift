import Foundation
import Glibc

/// What the kernel says of this machine in `/proc` and `/sys`. `doctor` reads them below `/`, tests below a folder that
/// they filled.
package struct HostFacts: Sendable {
  private let root: String

  package init(root: String) { self.root = root.hasSuffix("/") ? root : root + "/" }

  /// The first line of a file, trimmed; nil if it cannot be read.
  func line(_ path: String) -> String? {
    text(path)?.split(separator: "\n").first.map { $0.trimmingCharacters(in: .whitespaces) }
  }

  /// A whole file. Those of `/proc` say that they are empty, so it is read until it ends.
  func text(_ path: String) -> String? {
    guard let bytes = try? FileHandle(forReadingFrom: URL(fileURLWithPath: root + path)).readToEnd() else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// Bytes of a line of `/proc/meminfo`.
  func memory(_ key: String) -> Int64? {
    for line in text("proc/meminfo")?.split(separator: "\n") ?? [] where line.hasPrefix(key + ":") {
      return line.split(separator: " ").dropFirst().first.flatMap { Int64($0) }.map { $0 << 10 }
    }
    return nil
  }

  /// The least memory limit of this process's control groups, version 1 or 2; nil without any.
  var memoryLimit: Int64? {
    var limits: [Int64] = []
    for line in text("proc/self/cgroup")?.split(separator: "\n") ?? [] {
      let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
      guard parts.count == 3 else { continue }
      let (base, file): (String, String)
      if parts[1].isEmpty {
        (base, file) = ("sys/fs/cgroup", "memory.max")
      } else if parts[1].split(separator: ",").contains("memory") {
        (base, file) = ("sys/fs/cgroup/memory", "memory.limit_in_bytes")
      } else {
        continue
      }
      var folder = parts[2]
      while true {
        if let limit = self.line(base + folder + "/" + file).flatMap({ Int64($0) }), limit < Int64.max >> 1 {
          limits.append(limit)
        }
        if folder.isEmpty || folder == "/" { break }
        folder = String(folder[..<(folder.lastIndex(of: "/") ?? folder.startIndex)])
      }
    }
    return limits.min()
  }

  /// Whether the processor has 8-wide fused multiplication.
  var hasAVX2: Bool {
    let flags = text("proc/cpuinfo")?.split(separator: "\n").first { $0.hasPrefix("flags") }
    return flags?.split(separator: " ").contains("avx2") ?? false
  }

  /// The system's libraries in this process by the names of their files, which have their versions.
  var libraries: [String] {
    let wanted = ["libpq", "libopenblas", "libz.", "libcrypto.", "libc.so", "libc-"]
    let files = (text("proc/self/maps") ?? "").split(separator: "\n").compactMap { line -> String? in
      guard let path = line.split(separator: " ").last, path.hasPrefix("/") else { return nil }
      return path.split(separator: "/").last.map(String.init)
    }
    return Set(files).filter { file in wanted.contains { file.hasPrefix($0) } }.sorted()
  }

  /// Whether the kernel holds the clock for synchronised, by NTP or by a host; nil if it does not say.
  var isClockSynchronised: Bool? {
    // Swift's Glibc module leaves sys/timex.h out, so the function is found by its name. It fills a struct of 208 bytes whose
    // first word, 0, asks for no change; only its answer matters here.
    typealias Ask = @convention(c) (UnsafeMutableRawPointer) -> Int32
    guard root == "/", let symbol = dlsym(nil, "adjtimex") else { return nil }
    let state = UnsafeMutableRawPointer.allocate(byteCount: 1024, alignment: 16)
    defer { state.deallocate() }
    state.initializeMemory(as: UInt8.self, repeating: 0, count: 1024)
    let answer = unsafeBitCast(symbol, to: Ask.self)(state)
    let unsynchronised: Int32 = 5  // TIME_ERROR
    return answer < 0 ? nil : answer != unsynchronised
  }
}
