import Synchronization

/// Token buckets, one a client: a burst is allowed, a stream is not.
final class RateLimiter: Sendable {
  /// How much is allowed.
  struct Allowance: Hashable, Sendable {
    /// Requests at once.
    var burst: Double
    /// Requests a second in the long run.
    var rate: Double
  }

  private struct Bucket {
    var level: Double
    var at: Double
  }

  /// Clients that are remembered; beyond it those whose buckets are fullest are forgotten, which harms nobody.
  private static let clientsMax = 4096

  private let allowance: Allowance
  private let now: @Sendable () -> Double
  private let buckets = Mutex<[String: Bucket]>([:])

  init(_ allowance: Allowance, now: @escaping @Sendable () -> Double) {
    precondition(allowance.burst >= 1 && allowance.rate > 0, "\(allowance)")
    self.allowance = allowance
    self.now = now
  }

  /// Takes one request from a client's bucket. Returns nil if it is allowed, else the whole seconds until it will be.
  func take(_ client: String) -> Int? {
    let time = now()
    return buckets.withLock { buckets in
      var bucket = level(of: buckets[client], at: time)
      let isAllowed = bucket.level >= 1
      if isAllowed { bucket.level -= 1 }
      buckets[client] = bucket
      if buckets.count > Self.clientsMax { shrink(&buckets, at: time) }
      return isAllowed ? nil : max(1, Int(((1 - bucket.level) / allowance.rate).rounded(.up)))
    }
  }

  private func level(of bucket: Bucket?, at time: Double) -> Bucket {
    guard let bucket else { return Bucket(level: allowance.burst, at: time) }
    return Bucket(level: min(allowance.burst, bucket.level + (time - bucket.at) * allowance.rate), at: time)
  }

  private func shrink(_ buckets: inout [String: Bucket], at time: Double) {
    let fullestFirst = buckets.sorted { level(of: $0.value, at: time).level > level(of: $1.value, at: time).level }
    for (client, _) in fullestFirst.prefix(Self.clientsMax / 2) { buckets[client] = nil }
  }
}
