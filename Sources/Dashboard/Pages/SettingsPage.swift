/// `/experiments/NAME/settings`: everything that decides what it does, as recorded.
struct SettingsPage: Sendable {
  let frame: ExperimentFrame

  func page() async throws(PageError) -> Page {
    let rows: [SettingRow] = try await frame.visit.rows(ExperimentRow.settings(frame.number))
    let groups = Dictionary(grouping: rows) { row in row.key.split(separator: ".").first.map(String.init) ?? "" }
      .sorted { $0.key < $1.key }
    return frame.page(
      "Settings", tab: "settings",
      """
      <h2 class="hidden">Settings</h2><div class="settings">\(groups.html { group, rows in
        """
        <section class="part"><h3>\(group)</h3><dl class="settings-list">\(rows.html { row in
          "<div><dt>\(row.key)</dt><dd>\(Self.value(row.value))</dd></div>"
        })</dl></section>
        """
      })</div>
      """)
  }

  /// Long texts (prompts) are folded.
  static func value(_ value: String) -> HTML {
    guard value.count > 80 || value.contains("\n") else { return "<code>\(value)</code>" }
    return """
      <details><summary>\(value.count) characters</summary><pre class="prompt">\(value)</pre></details>
      """
  }
}
