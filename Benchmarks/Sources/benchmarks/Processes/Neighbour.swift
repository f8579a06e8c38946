import Foundation
import Synchronization
import Tensor

/// Another program that wants the whole machine: this executable again, computing on every core until its input ends.
enum Neighbour {
  /// Runs `body` while the neighbour is busy. Throws when the neighbour had less than a third of a core, because nothing
  /// was disturbed then.
  static func during<Result>(threads: Int, _ body: () throws -> Result) throws -> Result {
    let process = Process()
    let (input, output) = (Pipe(), Pipe())
    process.executableURL = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath()
    process.arguments = ["--neighbour", "\(threads)"]
    (process.standardInput, process.standardOutput) = (input, output)
    try process.run()
    let start = ContinuousClock.now
    let result: Result
    do {
      // It says so when it has begun.
      guard try output.fileHandleForReading.read(upToCount: 1) != nil else {
        throw BenchmarkError("the busy neighbour ended at once")
      }
      defer {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
      }
      result = try body()
    }
    let share = secondsOfEndedChildren() / ((ContinuousClock.now - start) / .seconds(1))
    guard share > 0.33 else { throw BenchmarkError("the busy neighbour had only \(percent(share)) of a core") }
    return result
  }

  /// Processor time of the children that were waited for. A scenario's process has no other child.
  private static func secondsOfEndedChildren() -> Double {
    var usage = rusage()
    getrusage(__rusage_who_t(RUSAGE_CHILDREN.rawValue), &usage)
    return Double(usage.ru_utime.tv_sec) + Double(usage.ru_utime.tv_usec) / 1e6
  }

  /// The neighbour itself: returns never, and ends with its input, that is with the process that started it.
  static func beBusy(threads: Int) -> Never {
    let thread = Thread {
      ThreadPool(threads: threads).run(threads) { item, _ in
        var value = UInt64(item)
        // The store is what keeps the loop from being optimised away.
        while true {
          for _ in 0..<10_000 { value = value &* 6_364_136_223_846_793_005 &+ 1 }
          last.store(value, ordering: .relaxed)
        }
      }
    }
    thread.start()
    FileHandle.standardOutput.write(Data([UInt8(ascii: ".")]))
    _ = try? FileHandle.standardInput.readToEnd()
    exit(0)
  }

  /// What the loops have come to.
  private static let last = Atomic<UInt64>(0)
}
