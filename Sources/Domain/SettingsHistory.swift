/// Which settings were in force at each place of the log: those of creation, and after each fork those of the fork.
///
/// An update is taught under the settings that were in force when it was made; whoever trains it again asks here.
package struct SettingsHistory: Hashable, Codable, Sendable {
  /// The settings now.
  package private(set) var current: ExperimentSettings
  private var earlier: [Earlier] = []

  private struct Earlier: Hashable, Codable, Sendable {
    var settings: ExperimentSettings
    /// Position of the event that replaced them.
    var until: Int64
  }

  package init(_ settings: ExperimentSettings) { current = settings }

  /// From the event at `position` on, these are the settings.
  mutating func change(to settings: ExperimentSettings, at position: Int64) {
    earlier.append(Earlier(settings: current, until: position))
    current = settings
  }

  /// The settings at a position; the present ones for nil.
  package func inForce(at position: Int64?) -> ExperimentSettings {
    guard let position else { return current }
    return earlier.first { position < $0.until }?.settings ?? current
  }
}
