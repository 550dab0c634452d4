// The page works without this. It draws with plotly.js and makes tables searchable with DataTables, both of which
// lie in the page as text and are started when something first needs them.
const page = JSON.parse(document.getElementById("page-data").textContent);
const KINDS = { f4: Float32Array, f8: Float64Array, u1: Uint8Array, u2: Uint16Array, u4: Uint32Array };
const source = (id) => document.getElementById(id).textContent;
const spelled = (name) => page.words[name] ?? name.split("/").map((part) => page.words[part] ?? part).join(": ");
const written = (value) => (Number.isFinite(value) ? String(Number(value.toPrecision(6))) : "–"); // as in the tsv
const once = (make) => { let made; return () => (made ??= make()); };
const isSimulated = (dataset) => page.simulated.includes(dataset);
const isNarrow = (box) => box.clientWidth < 600;
const dark = matchMedia("(prefers-color-scheme: dark)");

const plotly = once(() => {
  const script = document.createElement("script");
  script.textContent = source("plotly-js");
  document.head.append(script);
  return window.Plotly;
});
const tables = once(async () => {
  const url = URL.createObjectURL(new Blob([source("datatables-js")], { type: "text/javascript" }));
  return (await import(url)).default;
});
const webgl = once(() => (document.createElement("canvas").getContext("webgl") ? "scattergl" : "scatter"));

// Columns: numbers as typed arrays, names by their codes.
function numbers({ dtype, bdata }) {
  return new KINDS[dtype](Uint8Array.from(atob(bdata), (letter) => letter.charCodeAt(0)).buffer);
}
function unpack(table) {
  const columns = {};
  for (const [name, column] of Object.entries(table)) {
    const values = numbers(column);
    columns[name] = column.levels ? { at: (i) => column.levels[values[i]], levels: column.levels } : { at: (i) => values[i] };
    columns.length = values.length;
  }
  return columns;
}
const held = { genes: once(() => unpack(page.genes)), sets: once(() => unpack(page.sets)), volcano: once(() => unpack(page.volcano)) };
function rows(table, where) {
  const wanted = Object.entries(where), found = [];
  for (let i = 0; i < table.length; i++) if (wanted.every(([name, value]) => table[name].at(i) === value)) found.push(i);
  return found;
}

// The buttons are named, so that none is there that would send a figure elsewhere.
const SETTINGS = {
  responsive: true, displaylogo: false, displayModeBar: true, scrollZoom: true,
  modeBarButtons: [["zoom2d", "pan2d", "zoomIn2d", "zoomOut2d", "resetScale2d", "toImage"]],
};

// Figures: one function a kind gives traces and axes; size and color follow the page.
const drawn = new Map();
function draw(box, traces, layout, simulated) {
  const style = getComputedStyle(document.body), color = (name) => style.getPropertyValue(name).trim();
  const axis = { gridcolor: color("--line"), zerolinecolor: color("--quiet"), linecolor: color("--line"), automargin: true };
  const whole = {
    paper_bgcolor: color("--page"), plot_bgcolor: color("--page"), margin: { l: 50, r: 10, t: 30, b: 45 },
    font: { color: color("--ink"), size: 12, family: style.fontFamily }, hoverlabel: { align: "left" }, ...layout,
    title: { text: simulated ? "<b>SIMULATED DATA</b>" : "", font: { size: 12 }, x: 0, xref: "container", y: 0.99, yanchor: "top" },
    xaxis: { ...axis, ...layout.xaxis }, yaxis: { ...axis, ...layout.yaxis },
  };
  drawn.set(box, [traces, layout, simulated]);
  return plotly().react(box, traces, whole, SETTINGS);
}
dark.addEventListener("change", () => { theme(); for (const [box, drawing] of drawn) draw(box, ...drawing); });
const theme = () => document.documentElement.classList.toggle("dark", dark.matches); // DataTables' own switch

function drawCells(box, dataset, by, type) {
  const cells = page.cells[dataset], [left, right, bottom, top] = cells.range;
  const place = (column, low, high) => Float32Array.from(numbers(column), (step) => low + (step / 65535) * (high - low));
  const x = place(cells.x, left, right), y = place(cells.y, bottom, top);
  const size = x.length > 30000 ? 2.5 : 4, bare = { showgrid: false, zeroline: false };
  const layout = { height: 520, xaxis: { ...bare, title: { text: "UMAP 1" } }, yaxis: { ...bare, title: { text: "UMAP 2" }, scaleanchor: "x" }, legend: { itemsizing: "constant", ...(isNarrow(box) && { orientation: "h", y: -0.25 }) } };
  const common = { type: webgl(), mode: "markers" };
  if (cells.scores[by]) {
    const { high } = cells.scores[by], score = Float32Array.from(numbers(cells.scores[by]), (step) => (step / 255) * high);
    const marker = { size, color: score, colorscale: "Viridis", colorbar: { title: { text: "score" } } };
    return draw(box, [{ ...common, x, y, marker, hovertemplate: "score %{marker.color:.3f}<extra></extra>" }], layout, isSimulated(dataset));
  }
  const column = cells.by[by], codes = numbers(column);
  return draw(box, column.levels.map((name, level) => {
    const own = [];
    codes.forEach((code, i) => { if (code === level) own.push(i); });
    const quiet = type && by === "cell type" && name !== type;
    return { ...common, x: own.map((i) => x[i]), y: own.map((i) => y[i]), name: spelled(name), marker: { size, color: column.colors[level], opacity: quiet ? 0.08 : 0.8 }, hovertemplate: `${spelled(name)}<extra></extra>` };
  }), layout, isSimulated(dataset));
}

function drawVolcano(box, where) {
  const table = held.volcano(), own = rows(table, where), hit = (i) => table.fdr.at(i) <= page.fdr;
  const trace = (name, chosen, color) => ({
    type: webgl(), mode: "markers", name, x: chosen.map((i) => table.log2_fold_change.at(i)), y: chosen.map((i) => -Math.log10(table.p_value.at(i))),
    text: chosen.map((i) => table.gene.at(i)), customdata: chosen.map((i) => `p ${written(table.p_value.at(i))}, FDR ${written(table.fdr.at(i))}`),
    marker: { size: 5, color }, hovertemplate: "<b>%{text}</b><br>log2 fold change %{x:.3f}<br>%{customdata}<extra></extra>",
  });
  const up = own.filter((i) => hit(i) && table.log2_fold_change.at(i) > 0), down = own.filter((i) => hit(i) && table.log2_fold_change.at(i) <= 0);
  const traces = [trace("not at FDR", own.filter((i) => !hit(i)), "#8a8a8a"), trace("higher in case", up, "#c1440e"), trace("lower in case", down, "#2f6db5")];
  return draw(box, traces, { height: 460, xaxis: { title: { text: "log2 fold change" } }, yaxis: { title: { text: "−log10 p" } }, legend: isNarrow(box) ? { orientation: "h", y: -0.25 } : {} }, isSimulated(where.dataset)).then(() => {
    box.removeAllListeners?.("plotly_click");
    box.on("plotly_click", ({ points }) => { location.hash = `gene=${points[0].text}`; });
  });
}

// A forest: one line a test, its effect with the 95 % interval; filled where the FDR is reached.
function drawForest(box, table, own, effect, label, unit) {
  const narrow = isNarrow(box), lines = (i) => (narrow ? label(i).replaceAll(/[,:] /g, "<br>") : label(i));
  const shown = own.slice(0, 60).reverse(), height = 6 + 12 * Math.max(1, ...shown.map((i) => lines(i).split("<br>").length)), value = (name) => shown.map((i) => table[name].at(i)), x = value(effect);
  const trace = {
    type: "scatter", mode: "markers", x, y: shown.map(lines), customdata: shown.map((i) => `95 % ${written(table.ci_low.at(i))} to ${written(table.ci_high.at(i))}<br>p ${written(table.p_value.at(i))}, FDR ${written(table.fdr.at(i))}<br>${table.n_case.at(i)} case, ${table.n_control.at(i)} control`),
    error_x: { type: "data", symmetric: false, array: value("ci_high").map((high, i) => high - x[i]), arrayminus: value("ci_low").map((low, i) => x[i] - low), thickness: 1, width: 0, color: "#8a8a8a" },
    marker: { size: 8, color: x.map((effect) => (effect > 0 ? "#c1440e" : "#2f6db5")), symbol: shown.map((i) => (table.fdr.at(i) <= page.fdr ? "circle" : "circle-open")) },
    hovertemplate: "<b>%{y}</b><br>%{x:.4g}<br>%{customdata}<extra></extra>",
  };
  return draw(box, [trace], { height: 100 + height * shown.length, showlegend: false, xaxis: { title: { text: unit } }, yaxis: { type: "category", range: [-0.7, shown.length - 0.3], dtick: 1, tickfont: { size: narrow ? 9 : 11 } } }, own.some((i) => isSimulated(table.dataset.at(i))));
}

// Each plot of the page: its choice fills the menu, and it is drawn when it comes into view.
function fill(menu, groups) {
  for (const [name, options] of groups) {
    const group = Object.assign(document.createElement("optgroup"), { label: name });
    group.append(...options.map((value) => new Option(spelled(value), value)));
    if (options.length) menu.append(group);
  }
}
const PLOTS = {
  cells: (plot, { dataset }) => [[["label", Object.keys(page.cells[dataset].by)], ["score of a gene set", Object.keys(page.cells[dataset].scores)]],
    (box, by) => drawCells(box, dataset, by, plot.dataset.type)],
  volcano: (plot, where) => [[["cell type", typesOf(held.volcano(), where)]], (box, type) => drawVolcano(box, { ...where, cell_type: type })],
  forest: (plot, where) => [[["cell type", typesOf(held.sets(), where)]], (box, type) => {
    const table = held.sets();
    return drawForest(box, table, rows(table, { ...where, cell_type: type }), "effect", (i) => spelled(table.set.at(i)), "effect (SD of donors)");
  }],
};
const typesOf = (table, where) => [...new Set(rows(table, where).map((i) => table.cell_type.at(i)))];
function start(plot) {
  const { plot: kind, dataset, contrast } = plot.dataset, menu = plot.querySelector("select"), box = plot.querySelector(".canvas");
  const [groups, show] = PLOTS[kind](plot, contrast ? { dataset, contrast } : { dataset });
  fill(menu, groups);
  plot.hidden = !menu.options.length;
  plot.redraw = () => show(box, menu.value);
  menu.addEventListener("change", () => plot.redraw());
  seen.observe(plot);
}
const seen = new IntersectionObserver((entries) => entries.forEach(({ isIntersecting, target }) => {
  if (isIntersecting) { seen.unobserve(target); target.shown = true; target.redraw(); }
}), { rootMargin: "300px" });

// Tables: sort by the numbers of the file (data-order), search, download what the page holds.
async function enhance(table) {
  if (table.dataset.done || table.tBodies[0].rows.length < 4) return;
  table.dataset.done = "yes";
  const many = table.tBodies[0].rows.length > 25;
  new (await tables())(table, { ...CHOICES, paging: many, info: many, buttons: [{ ...DOWNLOAD, title: null, filename: `${page.simulated.length ? "SIMULATED " : ""}${table.caption.textContent.slice(0, 60)}` }] });
}
const DOWNLOAD = { extend: "csvHtml5", text: "Download these rows (tsv)", fieldSeparator: "\t", fieldBoundary: "", extension: ".tsv", exportOptions: { orthogonal: "sort" } };
const CHOICES = { order: [], pageLength: 25, autoWidth: false, layout: { topStart: "buttons", topEnd: "search", bottomStart: "info", bottomEnd: "paging" } };
const inView = new IntersectionObserver((entries) => entries.forEach(({ isIntersecting, target }) => {
  if (isIntersecting) { inView.unobserve(target); enhance(target); }
}));

const types = [...new Set([...page.sets.cell_type.levels, ...page.genes.cell_type.levels])].sort();
// Looking up: #gene=SOD1, #set=inflammation/interferon_alpha, #type=microglia.
const VIEWS = {
  genes: { key: "gene", effect: "log2_fold_change", unit: "log2 fold change", columns: ["log2_fold_change", "ci_low", "ci_high", "log2_fold_change_shrunk", "mean", "p_value", "fdr", "fdr_all", "n_case", "n_control"] },
  sets: { key: "set", effect: "effect", unit: "effect (SD of donors)", columns: ["effect", "ci_low", "ci_high", "p_value", "fdr", "random_set_percentile", "coverage", "n_case", "n_control"] },
};
const HEADERS = { log2_fold_change: "log₂ fold change", ci_low: "95 % from", ci_high: "to", log2_fold_change_shrunk: "shrunk", mean: "mean log₂ CPM", p_value: "p", fdr: "FDR", fdr_all: "FDR, all types", n_case: "case", n_control: "control", effect: "effect (SD)", random_set_percentile: "above random sets (%)", coverage: "measured" };
function block(kind, own, title, label) {
  const view = VIEWS[kind], table = held[kind](), names = ["dataset", "contrast", "cell_type", view.key];
  const part = document.getElementById("found-part").content.cloneNode(true).firstElementChild;
  part.querySelector("h3 span").textContent = title;
  const grid = part.querySelector("table"), body = grid.createTBody(), head = grid.createTHead().insertRow();
  grid.createCaption().textContent = title;
  for (const name of [...names, ...view.columns]) head.append(Object.assign(document.createElement("th"), { scope: "col", textContent: HEADERS[name] ?? name.replace("_", " ") }));
  for (const i of own) {
    const row = body.insertRow();
    for (const name of names) row.insertCell().textContent = name === "gene" || name === "dataset" ? table[name].at(i) : spelled(table[name].at(i));
    for (const name of view.columns) Object.assign(row.insertCell(), { textContent: written(table[name].at(i)), className: "number" }).dataset.order = table[name].at(i);
  }
  document.getElementById("found").append(part);
  drawForest(part.querySelector(".canvas"), table, own, view.effect, label ?? ((i) => [spelled(table.cell_type.at(i)), table.dataset.at(i), spelled(table.contrast.at(i))].join(", ")), view.unit);
  enhance(grid);
}
function lookUp() {
  const [, kind, wanted] = decodeURIComponent(location.hash).match(/^#(gene|set|type)=(.+)$/) ?? [];
  if (!kind) return;
  const found = document.getElementById("found"), said = document.getElementById("looked-up"), genes = held.genes(), sets = held.sets();
  found.replaceChildren();
  const like = (name) => [name, name.split("/").pop()].some((one) => one.toLowerCase() === wanted.toLowerCase());
  const name = { gene: genes.gene.levels, set: sets.set.levels, type: types }[kind].find(like);
  const place = document.getElementById("look-up-in");
  document.querySelector("#look-up-form input").value = wanted;
  if (!name) said.textContent = `“${wanted}” is not in this page. ${place.dataset.held}`;
  else if (kind === "type") {
    const byP = (table) => (a, b) => (table.p_value.at(a) || 1) - (table.p_value.at(b) || 1);
    const ownSets = rows(sets, { cell_type: name }).sort(byP(sets)), ownGenes = rows(genes, { cell_type: name }).sort(byP(genes));
    said.textContent = `${spelled(name)}: ${ownSets.length} tests of gene sets, ${ownGenes.length} of genes held here; the figures show the 60 of lowest p, the table of genes the 500. The UMAPs below show its cells.`;
    block("sets", ownSets, `Gene sets in ${spelled(name)}`, (i) => `${spelled(sets.set.at(i))}, ${sets.dataset.at(i)}, ${spelled(sets.contrast.at(i))}`);
    block("genes", ownGenes.slice(0, 500), `Genes in ${spelled(name)}`, (i) => `${genes.gene.at(i)}, ${genes.dataset.at(i)}, ${spelled(genes.contrast.at(i))}`);
  } else {
    const table = kind === "gene" ? genes : sets, own = rows(table, { [kind]: name });
    said.textContent = `${kind === "gene" ? name : spelled(name)}: ${own.length} tests.`;
    block(`${kind}s`, own, `${kind === "gene" ? name : spelled(name)} in every cell type`);
  }
  document.querySelectorAll('[data-plot="cells"]').forEach((plot) => {
    plot.dataset.type = kind === "type" ? name ?? "" : "";
    const menu = plot.querySelector("select"), by = kind === "set" ? name : "cell type";
    if ([...menu.options].some((option) => option.value === by)) menu.value = by;
    if (plot.shown) plot.redraw();
  });
  document.getElementById("lookup").scrollIntoView();
  said.focus({ preventScroll: true });
}

theme();
document.querySelectorAll("[data-needs-script]").forEach((element) => { element.hidden = false; });
document.querySelectorAll("[data-plot]").forEach(start);
document.querySelectorAll("main table").forEach((table) => inView.observe(table));
document.getElementById("names").append(...[...page.genes.gene.levels, ...page.sets.set.levels, ...types].map((name) => new Option("", name)));
document.getElementById("look-up-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const value = event.target.elements.name.value.trim(), low = value.toLowerCase();
  const kind = types.some((name) => name === low || spelled(name) === low) ? "type" : page.sets.set.levels.some((name) => name === low || name.endsWith(`/${low}`)) ? "set" : "gene";
  const hash = `#${kind}=${kind === "type" ? low.replaceAll(" ", "_") : value}`;
  if (location.hash === hash) lookUp();
  else location.hash = hash;
});
document.getElementById("copy-methods").addEventListener("click", (event) => {
  getSelection().selectAllChildren(document.getElementById("methods-text"));
  event.target.textContent = document.execCommand("copy") ? "Copied" : "Selected: copy with the keyboard";
});
addEventListener("hashchange", lookUp);
addEventListener("beforeprint", async () => { (await tables()).tables({ visible: true, api: true }).page?.len(-1).draw(); });
lookUp();
