// What the page does beyond links and forms: draws its charts, loads parts when they come into view and again when the
// experiment changes, theme, keys. Without it every page still says everything, in words and tables.
(() => {
  "use strict";

  // Charts ---------------------------------------------------------------------------------------------------------

  const plots = new Map();
  const probe = document.createElement("span");
  probe.hidden = true;
  document.body.append(probe);

  /** A colour of the style sheet as the theme at hand has it. */
  function color(name) {
    probe.style.color = `var(--${name})`;
    return getComputedStyle(probe).color;
  }

  /** As Format.swift writes figures. */
  function written(value, unit) {
    if (value === null || value === undefined) return "–";
    const minus = value < 0 ? "−" : "";
    const size = Math.abs(value);
    if (unit === "share") return `${minus}${(size * 100).toFixed(size < 0.1 && size > 0 ? 1 : 0)} %`;
    if (unit === "seconds") {
      if (size < 10) return `${size.toFixed(1)} s`;
      if (size < 120) return `${size.toFixed(0)} s`;
      return size < 7200 ? `${(size / 60).toFixed(0)} min` : `${(size / 3600).toFixed(1)} h`;
    }
    if (unit === "points") return minus + size.toFixed(0);
    if (Number.isInteger(size)) return minus + size;
    if (size < 0.001) return minus + size.toExponential(1);
    return minus + (size < 1 ? size.toFixed(3) : size < 100 ? size.toFixed(2) : size.toFixed(0));
  }

  /** The same on an axis, whose steps are round. */
  function label(value, unit) {
    if (unit !== "number" && unit !== "points") return written(value, unit).replace(/\.0 /, " ");
    return Math.abs(value) < 1e6 ? String(Number(value.toFixed(6))).replace("-", "−") : value.toExponential(0);
  }

  /** The band of a series: its lower end, and its upper end filled down to that. Neither is in the tooltip. */
  function band(series, stroke) {
    const end = (values, fill) => ({
      data: values.map((value) => (typeof value === "number" ? value : null)),
      borderWidth: 0,
      pointRadius: 0,
      pointHitRadius: 0,
      pointHoverRadius: 0,
      backgroundColor: stroke.replace(/^rgb\((.*)\)$/, "rgba($1, 0.14)"),
      fill,
      isBand: true,
      spanGaps: false,
    });
    return [end(series.low, false), end(series.high, "-1")];
  }

  function configuration(data) {
    const isStacked = data.shape === "stacked";
    const quiet = color("quiet");
    const line = color("line");
    const points = data.x.length;
    const isAllZero = data.series.every((series) => series.values.every((value) => !value));
    const tick = { color: quiet, font: { family: "Inter, system-ui, sans-serif", size: 11 } };
    return {
      type: "line",
      data: {
        labels: data.x,
        datasets: data.series.flatMap((series, place) => {
          const stroke = color(`c${series.color}`);
          const ends = series.low ? band(series, stroke).map((end) => ({ ...end, place })) : [];
          return [...ends, {
            place,
            low: series.low,
            high: series.high,
            label: series.name,
            data: series.values.map((value) => (typeof value === "number" ? value : null)),
            borderColor: stroke,
            backgroundColor: stroke,
            borderWidth: isStacked ? 0 : 1.75,
            borderDash: series.dashed ? [5, 4] : [],
            borderJoinStyle: "round",
            fill: isStacked ? "stack" : false,
            // A point between gaps has no line: without a mark nobody would see it.
            pointRadius: ({ dataIndex, dataset }) => {
              if (isStacked) return points === 1 ? 3 : 0;
              const isAlone = (dataset.data[dataIndex - 1] ?? null) === null && (dataset.data[dataIndex + 1] ?? null) === null;
              return isAlone ? 2.5 : points > 40 ? 0 : 2;
            },
            pointHoverRadius: 4,
            pointHitRadius: 8,
            spanGaps: false,
            stepped: false,
            tension: 0,
          }];
        }),
      },
      options: {
        animation: false,
        responsive: true,
        maintainAspectRatio: false,
        normalized: true,
        interaction: { mode: "index", intersect: false },
        layout: { padding: { top: 6, right: 6 } },
        plugins: {
          legend: { display: false },
          tooltip: {
            backgroundColor: color("text"),
            titleColor: color("ground"),
            bodyColor: color("ground"),
            cornerRadius: 3,
            padding: 8,
            boxWidth: 8,
            boxHeight: 8,
            boxPadding: 4,
            filter: (item) => !item.dataset.isBand,
            callbacks: {
              title: (items) => `${data.axis} ${items[0]?.label ?? ""}`,
              label: ({ dataset, dataIndex, parsed }) => {
                const range = dataset.low ? ` (${written(dataset.low[dataIndex], data.unit)} to ${written(dataset.high[dataIndex], data.unit)})` : "";
                return ` ${dataset.label}: ${written(parsed.y, data.unit)}${range}`;
              },
            },
          },
        },
        scales: {
          x: {
            title: { display: true, text: data.axis, color: quiet, font: tick.font, padding: 0 },
            ticks: { ...tick, maxRotation: 0, autoSkipPadding: 24 },
            grid: { display: false, borderColor: line },
          },
          y: {
            stacked: isStacked,
            beginAtZero: isStacked || isAllZero || data.unit === "share",
            max: data.limit ?? undefined,
            suggestedMax: isAllZero ? 1 : undefined,
            ticks: { ...tick, maxTicksLimit: 5, callback: (value) => label(value, data.unit) },
            grid: { color: line, drawTicks: false, drawBorder: false },
          },
        },
      },
    };
  }

  /** Names of the legend become switches. */
  function bindLegend(plot, chart) {
    const legend = plot.parentElement.querySelector(".legend");
    if (!legend || legend.querySelector("button") || legend.children.length < 2) return;
    [...legend.children].forEach((item, index) => {
      const button = document.createElement("button");
      button.type = "button";
      button.setAttribute("aria-pressed", "true");
      button.append(...item.childNodes);
      button.addEventListener("click", () => {
        const isShown = button.getAttribute("aria-pressed") === "true";
        chart.data.datasets.forEach((dataset, at) => dataset.place === index && chart.setDatasetVisibility(at, !isShown));
        button.setAttribute("aria-pressed", String(!isShown));
        chart.update("none");
      });
      item.append(button);
    });
  }

  function draw(root) {
    if (typeof Chart === "undefined") return;
    for (const plot of root.querySelectorAll(".plot[data-chart]")) {
      if (plots.has(plot)) continue;
      const canvas = document.createElement("canvas");
      plot.append(canvas);
      const chart = new Chart(canvas, configuration(JSON.parse(plot.dataset.chart)));
      plots.set(plot, chart);
      bindLegend(plot, chart);
    }
  }

  function forget(root) {
    for (const [plot, chart] of plots) {
      if (!root.contains(plot)) continue;
      chart.destroy();
      plots.delete(plot);
    }
  }

  function redraw() {
    for (const [plot, chart] of plots) {
      const fresh = configuration(JSON.parse(plot.dataset.chart));
      chart.options = fresh.options;
      fresh.data.datasets.forEach((dataset, index) => Object.assign(chart.data.datasets[index], dataset));
      chart.update("none");
    }
  }

  // Times ----------------------------------------------------------------------------------------------------------

  function ago(seconds) {
    if (seconds < 60) return "just now";
    if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
    if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
    return `${Math.round(seconds / 86400)} days ago`;
  }

  function date(root) {
    for (const time of root.querySelectorAll("time")) {
      if (!time.title) time.title = time.textContent;
      time.textContent = ago((Date.now() - Date.parse(time.dateTime)) / 1000);
    }
  }

  // Parts of the page ------------------------------------------------------------------------------------------------

  const visible = new Set();

  function address(name) {
    const url = new URL(location.href);
    url.searchParams.delete("sections");
    url.searchParams.set("fragment", name);
    url.hash = "";
    return url;
  }

  /** Puts the newest state of a part in its place; what was opened stays open. */
  async function load(part) {
    if (part.dataset.loading) return;
    part.dataset.loading = "1";
    try {
      const response = await fetch(address(part.dataset.fragment), { headers: { accept: "text/html" } });
      if (!response.ok) throw new Error(String(response.status));
      const text = await response.text();
      delete part.dataset.empty;
      if (text === part.fresh) return;
      part.fresh = text;
      const opened = [...part.querySelectorAll("details")].map((details) => details.open);
      const checked = [...part.querySelectorAll("input:checked")].map((input) => input.value);
      const place = focusPlace(part);
      forget(part);
      const template = document.createElement("template");
      template.innerHTML = text;
      part.replaceChildren(template.content);
      [...part.querySelectorAll("details")].forEach((details, index) => { if (opened[index]) details.open = true; });
      for (const input of part.querySelectorAll("input")) if (checked.includes(input.value)) input.checked = true;
      show(part);
      restoreFocus(part, place);
    } catch {
      if ("empty" in part.dataset) part.querySelector(".loading a")?.replaceChildren("It could not be loaded. Try again");
    } finally {
      delete part.dataset.loading;
    }
  }

  function focusPlace(part) {
    const focusable = [...part.querySelectorAll("a, button, input, summary, [tabindex]")];
    return focusable.indexOf(document.activeElement);
  }

  function restoreFocus(part, place) {
    if (place >= 0) [...part.querySelectorAll("a, button, input, summary, [tabindex]")][place]?.focus({ preventScroll: true });
  }

  function show(root) {
    draw(root);
    date(root);
  }

  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (entry.isIntersecting) {
        visible.add(entry.target);
        if ("empty" in entry.target.dataset || entry.target.dataset.stale) refresh(entry.target);
      } else {
        visible.delete(entry.target);
      }
    }
  }, { rootMargin: "300px" });

  function refresh(part) {
    delete part.dataset.stale;
    return load(part);
  }

  // Changes ----------------------------------------------------------------------------------------------------------

  /**
   * How long the page is left as it is after a round of loads that took so many milliseconds: one that is kept open takes about a
   * hundredth of a processor, however large the experiment is and however much of it is in view. Two seconds at least, five minutes at
   * most; `r` and scrolling do not wait.
   */
  function restAfter(taken) {
    return Math.min(300000, Math.max(2000, 120 * taken));
  }

  let timer = 0;
  let rest = 0;
  let isRound = false;

  /** What is in view is loaded again once the page has rested; what is not, when it comes into view. */
  function changed() {
    for (const part of document.querySelectorAll("[data-fragment]")) part.dataset.stale = "1";
    renew();
    document.body.dataset.changes = String(Number(document.body.dataset.changes || 0) + 1);
  }

  /** A round: what is stale and in view, one part after another, so that the page never asks for two at once. */
  async function renew() {
    clearTimeout(timer);
    if (isRound || document.visibilityState !== "visible") return;
    const parts = [...document.querySelectorAll("[data-fragment][data-stale]")].filter((part) => visible.has(part));
    if (!parts.length) return;
    const now = performance.now();
    if (now < rest) {
      timer = setTimeout(renew, rest - now);
      return;
    }
    isRound = true;
    for (const part of parts) await refresh(part);
    isRound = false;
    rest = performance.now() + restAfter(performance.now() - now);
    renew();
  }

  function listen() {
    const name = document.body.dataset.live;
    if (name === undefined || typeof EventSource === "undefined") return;
    const light = document.getElementById("live");
    const source = new EventSource(name ? `/live?experiment=${encodeURIComponent(name)}` : "/live");
    source.addEventListener("open", () => {
      light.hidden = false;
      light.classList.remove("lost");
      light.textContent = "live";
    });
    source.addEventListener("error", () => {
      light.classList.add("lost");
      light.textContent = "not live";
    });
    source.addEventListener("change", changed);
    document.addEventListener("visibilitychange", renew);
  }

  // Theme and keys ---------------------------------------------------------------------------------------------------

  const themeButton = document.getElementById("theme");

  function nextTheme() {
    const themes = ["system", "light", "dark"];
    const now = document.documentElement.dataset.theme || "system";
    const next = themes[(themes.indexOf(now) + 1) % 3];
    if (next === "system") delete document.documentElement.dataset.theme;
    else document.documentElement.dataset.theme = next;
    try {
      if (next === "system") localStorage.removeItem("theme");
      else localStorage.setItem("theme", next);
    } catch {
      // Not remembered, then.
    }
    nameTheme();
    redraw();
  }

  function nameTheme() {
    themeButton.textContent = `Theme: ${document.documentElement.dataset.theme || "system"}`;
  }

  function moveRow(step) {
    const links = [...document.querySelectorAll(".rows tbody tr a[href]")].filter(
      (link, index, all) => index === 0 || link.closest("tr") !== all[index - 1].closest("tr"));
    if (!links.length) return;
    const row = document.activeElement?.closest?.("tr");
    const now = links.findIndex((link) => link.closest("tr") === row);
    links[Math.min(links.length - 1, Math.max(0, now + step))].focus();
  }

  let prefix = "";

  const keys = {
    "?": () => document.getElementById("help").showModal(),
    t: nextTheme,
    r: () => document.querySelectorAll("[data-fragment]").forEach((part) => visible.has(part) && refresh(part)),
    j: () => moveRow(1),
    k: () => moveRow(-1),
    "/": () => document.querySelector(".filters select, .filters input, .filters summary")?.focus(),
    "g e": () => { location.href = "/"; },
    "g c": () => { location.href = "/compare"; },
  };

  function pressed(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.target.closest("input, select, textarea, dialog")) return;
    const key = prefix ? `${prefix} ${event.key}` : event.key;
    prefix = event.key === "g" && !prefix ? "g" : "";
    const tab = document.querySelectorAll(".tabs a")[Number(key) - 1];
    const action = keys[key] || (tab && (() => tab.click()));
    if (!action) return;
    event.preventDefault();
    action();
  }

  // Begin ------------------------------------------------------------------------------------------------------------

  themeButton.hidden = false;
  themeButton.addEventListener("click", nextTheme);
  nameTheme();
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
  const keysButton = document.getElementById("keys");
  keysButton.hidden = false;
  keysButton.addEventListener("click", keys["?"]);
  document.addEventListener("keydown", pressed);
  for (const select of document.querySelectorAll(".filters select")) {
    select.addEventListener("change", () => select.form.requestSubmit());
  }
  // Fields that say nothing stay out of the address.
  for (const form of document.querySelectorAll("form[method=get]")) {
    form.addEventListener("submit", () => {
      for (const field of form.querySelectorAll("input, select")) {
        if (field.value === "" || (field.name === "smooth" && field.value === "1")) field.disabled = true;
      }
      setTimeout(() => form.querySelectorAll("input, select").forEach((field) => { field.disabled = false; }));
    });
  }
  show(document);
  for (const part of document.querySelectorAll("[data-fragment]")) watcher.observe(part);
  listen();
  setInterval(() => date(document), 30000);
})();
