/// The limits of the server; docs/http.md lists them. Tests give smaller ones.
package struct WebLimits: Hashable, Sendable {
  /// Connections at once; more wait in the kernel's queue.
  package var connectionsMax = 256
  /// Bytes of a request's body.
  package var bodyMax = 65_536
  /// Bytes of a request's path with its query.
  package var targetMax = 8192
  /// Bytes of all header fields, and of one.
  package var headersMax = 16_384
  package var headerFieldsMax = 100
  /// From the connection, or the last answer, to the end of the next request's head; kept-alive connections count as idle
  /// until their first byte.
  package var headTimeout = Duration.seconds(10)
  /// From a request's head to the end of its body.
  package var bodyTimeout = Duration.seconds(10)
  /// Without any request.
  package var idleTimeout = Duration.seconds(60)
  /// Clients of the live stream.
  package var liveMax = 64
  /// Between the signs of life on a live stream.
  package var heartbeat = Duration.seconds(15)
  /// After which a live stream ends; browsers connect again by themselves.
  package var liveLife = Duration.seconds(3600)
  /// Requests of one client.
  package var requestBurst = 300.0
  package var requestRate = 60.0
  /// Pauses, resumes, stops and forks of one client.
  package var operateBurst = 20.0
  package var operateRate = 0.5
  /// Wrong tokens of one address.
  package var failureBurst = 10.0
  package var failureRate = 0.1

  package init() {}
}
