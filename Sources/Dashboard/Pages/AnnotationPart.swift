/// What people said about an experiment.
enum AnnotationPart {
  static func tags(_ tags: [String]) -> HTML {
    guard !tags.isEmpty else { return .nothing }
    return "<span class=\"tags\">\(tags.html { "<span class=\"tag\">\($0)</span>" })</span>"
  }

  /// Below the head of its pages; nothing where nothing was said.
  static func html(_ row: ExperimentRow) -> HTML {
    let note: HTML = row.note.map { "<p class=\"said\">\($0)</p>" } ?? .nothing
    guard !row.tags.isEmpty || row.note != nil else { return .nothing }
    return "<div class=\"annotations\">\(tags(row.tags))\(note)</div>"
  }

  /// The fields that change it. What the page shows goes along, so that only what is changed here is recorded.
  static func fields(_ row: ExperimentRow) -> HTML {
    let tags = row.tags.joined(separator: " ")
    return """
      <input type="hidden" name="tags_before" value="\(tags)"><input type="hidden" name="priority_before" value="\(row.priority)">
      <textarea name="note_before" hidden aria-hidden="true" tabindex="-1">\n\(row.note ?? "")</textarea>
      <p><label>Tags <input type="text" name="tags" value="\(tags)" maxlength="2200" autocomplete="off" spellcheck="false"></label></p>
      <p class="note">Words of letters, digits and . _ : / -, a space between them. Lists can be searched by them.</p>
      <p><label>Note <textarea class="words" name="note" rows="4" maxlength="4000">\n\(row.note ?? "")</textarea></label></p>
      <p><label>Priority <input type="number" name="priority" min="-1000" max="1000" value="\(row.priority)"></label>
      <span class="quiet">of several experiments a daemon runs the highest, of equals the oldest</span></p>
      """
  }
}
