import Domain

/// Writes `docs/settings.md` from the registry; a test demands that the committed page is this text.
package enum SettingsReference {
  /// The page.
  package static var page: String {
    ([introduction] + SettingKey.groups.map(table) + [rules, prompts]).joined(separator: "\n")
  }

  private static let introduction = """
    # Settings

    <!-- Generated from Sources/Settings. Change the registry there, then: AUTODIDACT_WRITE_DOCS=1 swift test -c release
    --filter SettingsTests -->

    An experiment is decided by one YAML file, read once at creation and recorded whole in `ExperimentCreated`. A key
    that is left out takes its default; a key that is unknown, written twice, of the wrong type or out of bounds is
    refused, with its file, line, column and what is allowed. All problems of a file are reported together.

    ```yaml
    # Keys are nested; `play.batch: 8` on one line means the same.
    prompts: prompts/completion.yaml
    play:
      batch: 8
      kinds: [deduction, abduction]
    learner:
      rate: 1e-5
    ```

    `--set key=value` overrides a key of the file: `--set play.batch=16 --set play.kinds=[deduction]`. The value is
    YAML; the last one of a key holds.

    Numbers are plain decimals: `8`, `0.5`, `1e-6`. A quoted `"8"` is text, and `010`, `0x10`, `1_000` are refused
    rather than guessed. Truths are `true` and `false` (also `yes`, `no`, `on`, `off`). Anchors, aliases, merge keys,
    tags and more than one document are not supported. A file holds at most
    \(SourceText.bytesMax / 1024) KiB of UTF-8 text.

    """

  private static func table(_ group: String) -> String {
    var lines = ["## \(group.isEmpty ? "Top level" : "`\(group)`")", ""]
    lines += ["| key | meaning | allowed | default |", "|---|---|---|---|"]
    for key in SettingKey.all where key.group == group {
      let value = key.defaultText.map { "`\($0)`" } ?? "none; required"
      lines.append("| `\(key.name)` | \(cell(key.meaning)) | \(cell(key.allowed)) | \(cell(value)) |")
    }
    return lines.joined(separator: "\n") + "\n"
  }

  private static func cell(_ text: String) -> String { text.replacing("|", with: "\\|") }

  private static var rules: String {
    "## Keys that depend on each other\n\n" + SettingRule.all.map { "- \($0.text)\n" }.joined()
  }

  private static var prompts: String {
    var lines = [
      "## The prompts file", "",
      "A mapping of templates, one per role and kind: "
        + list(
          Role.allCases.flatMap { role in
            Kind.allCases.sorted().map { "`\(PromptsFile.name(role, $0))`" }
          }, "and")
        + ". Those of the kinds in `play.kinds` are required.", "",
      "| key | meaning |", "|---|---|",
      "| `text` | the text before the completion, required; a block (`\\|`) is kept byte for byte |",
      "| `item` | how one reference (proposer) or one pair (solver) is written; required if `text` lists them |",
      "| `functions` | a proposer: what `text` says at `{{functions}}` where the proposal is given some; required if it does |",
      "| `opening` | the part of the answer that `text` has opened; put before the completion when it is read |",
      "| `stops` | a list of 1 to \(PromptsFile.stopsMax) texts that end a completion, required |", "",
      "`{{name}}` marks a place that is filled in. Only these are known:", "",
      "| role | part | places |", "|---|---|---|",
    ]
    for role in Role.allCases {
      for part in PromptPlaces.Part.all(role) where part != .opening && part != .stops {
        let names = PromptPlaces.allowed(role, part).map { "`{{\($0)}}`" }.joined(separator: " ")
        lines.append("| \(role.rawValue) | `\(part.rawValue)` | \(names) |")
      }
    }
    lines += ["", "| place | stands for |", "|---|---|"]
    lines += PromptPlaces.meanings.map { "| `{{\($0.name)}}` | \($0.meaning) |" }
    return lines.joined(separator: "\n") + "\n"
  }
}
