/// What every page has around it: head, navigation, foot.
struct Shell: Sendable {
  let request: PageRequest
  let assets: AssetShelf

  func response(_ page: Page, status: Int = 200) -> PageResponse {
    PageResponse(status: status, body: Array(html(page).text.utf8))
  }

  /// A part of a page by itself, for the script that puts it in its place.
  func fragment(_ page: Page) -> PageResponse { PageResponse(body: Array(page.body.text.utf8)) }

  private func html(_ page: Page) -> HTML {
    let library: HTML = assets.hasLibrary ? "<script src=\"/assets/chart.js\" defer></script>" : .nothing
    let missing: HTML =
      assets.hasLibrary
      ? .nothing
      : """
      <p class="notice">Charts are shown as tables: Chart.js is not installed on this machine. <code>ops/setup</code> installs it \
      (Debian: <code>libjs-chart.js</code>).</p>
      """
    let live: HTML = page.live.map { " data-live=\"\($0)\"" } ?? .nothing
    return """
      <!doctype html>
      <html lang="en">
      <head>
      <meta charset="utf-8">
      <meta name="viewport" content="width=device-width, initial-scale=1">
      <meta name="color-scheme" content="light dark">
      <title>\(page.title) · Autodidact</title>
      <link rel="icon" href="/assets/icon.svg" type="image/svg+xml">
      <link rel="stylesheet" href="/assets/page.css">
      <script src="/assets/theme.js"></script>
      \(library)
      <script src="/assets/page.js" defer></script>
      </head>
      <body\(live)>
      <a class="skip" href="#main">Skip to the content</a>
      <header class="top"><nav aria-label="Site">
      <a class="brand" href="/">Autodidact</a>
      <a href="/"\(current("/"))>Experiments</a>
      <a href="/compare"\(current("/compare"))>Compare</a>
      <span class="grow"></span>
      <span class="live" id="live" role="status" hidden></span>
      <button type="button" class="plain" id="theme" hidden>Theme: system</button>
      <button type="button" class="plain" id="keys" aria-haspopup="dialog" hidden>Keys</button>
      </nav></header>
      <main id="main" tabindex="-1">
      \(missing)\(page.body)
      </main>
      \(Self.keys)
      </body>
      </html>

      """
  }

  private func current(_ path: String) -> HTML { request.path == path ? " aria-current=\"page\"" : "" }

  private static let keys: HTML = """
    <dialog id="help" aria-labelledby="help-title"><h2 id="help-title">Keys</h2>
    <dl>
    <dt><kbd>?</kbd></dt><dd>this list</dd>
    <dt><kbd>g</kbd> <kbd>e</kbd></dt><dd>all experiments</dd>
    <dt><kbd>g</kbd> <kbd>c</kbd></dt><dd>compare</dd>
    <dt><kbd>1</kbd> … <kbd>5</kbd></dt><dd>overview, problems, events, evaluations, settings of the experiment</dd>
    <dt><kbd>j</kbd> <kbd>k</kbd></dt><dd>next, previous row of a table with links</dd>
    <dt><kbd>/</kbd></dt><dd>to the filters</dd>
    <dt><kbd>t</kbd></dt><dd>theme: system, light, dark</dd>
    <dt><kbd>r</kbd></dt><dd>load what is shown again</dd>
    </dl>
    <form method="dialog"><button>Close</button></form></dialog>
    """
}
