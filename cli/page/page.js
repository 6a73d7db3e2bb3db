
/* The page: a part of the graph around one node, the whole of it, and what is told beside. Text is only ever set as text. */
const data = JSON.parse(document.getElementById("data").textContent);
const $ = id => document.getElementById(id);
const DEPTHS = [0, 1, 2, 3, 5, 8, 13, Infinity];
const COMFORT = 40, MOST = 600, LISTED = 40, MARGIN = 14;
const folds = data.folds.map((fold, at) => ({...fold, at, open: false}));
const foldOf = new Map(folds.flatMap(fold => fold.nodes.map(node => [node, fold])));
const state = {focus: data.focus, whole: false, unfold: false, chosen: {up: null, down: null}};
const labelFont = (size, bold) => `${bold ? "600 " : ""}${size}px ${getComputedStyle(document.body).fontFamily}`;
const pen = document.createElement("canvas").getContext("2d");

function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

function drawn(name, attributes = {}, ...children) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/* The graph as it is folded now: ids are "n<node>" or "f<fold>". */
function folded() {
  const home = node => {
    const fold = foldOf.get(node);
    return fold && !fold.open && !state.unfold && !fold.nodes.includes(state.focus) ? `f${fold.at}` : `n${node}`;
  };
  const ids = data.nodes.map((_, at) => home(at));
  const graph = new Map(ids.map(id => [id, {id, up: new Map(), down: new Map()}]));
  for (const [from, to, kind] of data.edges) {
    const [a, b] = [ids[from], ids[to]];
    if (a === b) continue;
    for (const [near, way, far] of [[a, "down", b], [b, "up", a]]) {
      const found = graph.get(near)[way];
      found.set(far, [...new Set([...(found.get(far) ?? []), kind])]);
    }
  }
  return {graph, focus: ids[state.focus]};
}

/* How many runs away all that lies in one direction is: what is no run, nor stands for some, is no step. */
function distances(graph, focus, way) {
  const found = new Map([[focus, 0]]);
  let ring = [focus];
  for (let steps = 0; ring.length; steps++) {
    const next = [];
    for (let at = 0; at < ring.length; at++) {
      for (const far of graph.get(ring[at])[way].keys()) {
        if (found.has(far)) continue;
        const step = isRun(far) ? 1 : 0;
        found.set(far, steps + step);
        (step ? next : ring).push(far);
      }
    }
    ring = next;
  }
  return found;
}

function isRun(id) {
  return id[0] === "f" ? folds[+id.slice(1)].how === "chain" || folds[+id.slice(1)].kind === "run" : data.nodes[+id.slice(1)].kind === "run";
}

/* What is shown around the focus: as deep as was chosen, else as deep as can be looked at in comfort. */
function around(graph, focus) {
  const ways = {up: distances(graph, focus, "up"), down: distances(graph, focus, "down")};
  const within = (way, depth) => [...ways[way]].filter(([, steps]) => steps <= depth).map(([id]) => id);
  const depth = {};
  for (const way of ["up", "down"]) {
    depth[way] = state.chosen[way] ?? DEPTHS.findLast(n => n <= 1 || within(way, n).length <= COMFORT);
  }
  const nearest = ["up", "down"].flatMap(way => [...ways[way]].filter(([, steps]) => steps <= depth[way]));
  const ids = new Set(nearest.sort((a, b) => a[1] - b[1]).slice(0, MOST).map(([id]) => id));
  return {ids, depth};
}

function render() {
  const {graph, focus} = folded();
  const part = state.whole ? {ids: new Set(graph.keys())} : around(graph, focus);
  const boxes = [...part.ids].map(id => box(id));
  const links = [...part.ids].flatMap(id => [...graph.get(id).down].filter(([to]) => part.ids.has(to)).map(([to, kinds]) => [id, to, kinds]));
  const layout = layered(boxes, links);
  const inside = $("view").contains(document.activeElement) && document.activeElement !== $("view");
  const svg = picture(boxes, links, layout, graph, part.ids, focus);
  $("view").replaceChildren(svg);
  $("view").classList.toggle("whole", state.whole);
  for (const way of ["up", "down"]) {
    $(way).disabled = state.whole;
    if (!state.whole) $(way).value = String(part.depth[way]);
  }
  $("near").setAttribute("aria-pressed", String(!state.whole));
  $("all").setAttribute("aria-pressed", String(state.whole));
  zoom.start(svg, layout);
  centre(svg, layout.at.get(focus));
  if (inside) svg.querySelector(".focus")?.focus({preventScroll: true});
  about();
  const nodes = boxes.reduce((sum, {id}) => sum + (id[0] === "f" ? folds[+id.slice(1)].nodes.length : 1), 0);
  $("shown").textContent = `${number(nodes)} of ${number(data.nodes.length)} nodes shown` + (nodes > boxes.length ? ` in ${number(boxes.length)} boxes.` : ".");
}

const number = value => value.toLocaleString("en");

/* A box with the size that its lines need. */
function box(id) {
  const fold = id[0] === "f" ? folds[+id.slice(1)] : null, node = fold ?? data.nodes[+id.slice(1)];
  const lines = node.lines.map(line => line.length > 46 ? `${line.slice(0, 45)}…` : line);
  const width = lines.map((line, at) => { pen.font = labelFont(at ? 11 : 13, !at); return pen.measureText(line).width; });
  const pad = node.kind === "checkpoint" ? 40 : 26;
  return {id, fold, node, lines, w: Math.max(48, ...width) + pad, h: 16 * lines.length + 14};
}

function picture(boxes, links, layout, graph, shown, focus) {
  const [w, h] = [layout.width + 2 * MARGIN, layout.height + 2 * MARGIN + 18];
  const svg = drawn("svg", {viewBox: `${-MARGIN} ${-MARGIN} ${w} ${h}`, width: w, height: h, role: "group", "aria-label": "Boxes and arrows"});
  const tip = drawn("marker", {id: "tip", viewBox: "0 0 10 8", markerWidth: 10, markerHeight: 8, refX: 9, refY: 4, orient: "auto", markerUnits: "userSpaceOnUse"});
  tip.append(drawn("path", {d: "M0 0L10 4L0 8z"}));
  svg.append(drawn("defs", {}, tip));
  const said = [], into = new Map();
  links.forEach(([, to, kinds], at) => {
    const points = layout.ways[at];
    svg.append(drawn("path", {class: `edge ${kinds.join(" ")}`, d: curve(points), "marker-end": "url(#tip)"}));
    const role = kinds.map(kind => data.roles[kind]).filter(Boolean).join(", ");
    if (role) {
      const [[ax, ay], [bx, by]] = points.slice(-2), nth = into.get(to) ?? 0;
      into.set(to, nth + 1);
      const part = Math.max(0.3, 1 - 32 / (by - ay)) + (nth % 2 ? 0.3 : 0); // near its box, not beside the one before
      said.push(drawn("text", {class: "role", x: ax + (bx - ax) * part, y: ay + (by - ay) * part + 4}, role));
    }
  });
  for (const {id, fold, node, lines, w: width, h: height} of [...boxes].sort((a, b) => layout.at.get(a.id).y - layout.at.get(b.id).y || layout.at.get(a.id).x - layout.at.get(b.id).x)) {
    const {x, y} = layout.at.get(id);
    const told = fold ? `Unfold ${lines.join(", ")}` : `${node.kind === "checkpoint" ? "model" : node.kind} ${[node.name, ...node.facts].join(", ")}`;
    const link = drawn("a", {href: `#${id}`, class: `node ${node.kind} ${fold ? fold.how : "one"}${id === focus ? " focus" : ""}`, "aria-label": told});
    if (id === focus) link.setAttribute("aria-current", "true");
    link.append(drawn("title", {}, told));
    if (fold) link.append(drawn("path", {d: outline(node.kind, x + 4, y + 4, width, height)}));
    link.append(drawn("path", {d: outline(node.kind, x, y, width, height)}));
    lines.forEach((line, at) => link.append(drawn("text", {class: at ? "fact" : "name", x, y: y + (at - (lines.length - 1) / 2) * 16 + 4}, line)));
    for (const [way, at] of [["up", y - height / 2 - 5], ["down", y + height / 2 + 12]]) {
      const hidden = [...graph.get(id)[way].keys()].filter(far => !shown.has(far)).length;
      if (hidden) link.append(drawn("text", {class: "more", x: x + width / 2 - 4, y: at}, `+${hidden}`));
    }
    svg.append(link);
  }
  svg.append(...said);
  return svg;
}

/* Through all points without a corner, upright at both ends. */
function curve(points) {
  const slope = points.map(([, y], at) => at && at < points.length - 1
    ? points[at + 1].map((to, axis) => to - points[at - 1][axis])
    : [0, 1.6 * Math.abs((points[at ? at - 1 : 1])[1] - y)]);
  return points.slice(1).reduce((path, point, at) => {
    const [from, a, b] = [points[at], slope[at], slope[at + 1]];
    const turns = [from[0] + a[0] / 6, from[1] + a[1] / 4, point[0] - b[0] / 6, point[1] - b[1] / 4, ...point];
    return `${path}C${turns.map(n => n.toFixed(1)).join(" ")}`;
  }, `M${points[0].map(n => n.toFixed(1)).join(" ")}`);
}

function outline(kind, x, y, w, h) {
  const [l, t, r, b] = [x - w / 2, y - h / 2, x + w / 2, y + h / 2];
  if (kind === "checkpoint") return `M${l + 11} ${t}H${r - 11}L${r} ${y}L${r - 11} ${b}H${l + 11}L${l} ${y}z`;
  if (kind === "source") return `M${l} ${t}H${r - 10}L${r} ${t + 10}V${b}H${l}z`;
  if (kind !== "version") return `M${l} ${t}H${r}V${b}H${l}z`;
  const arc = (dx, dy) => `a9 9 0 0 1 ${dx} ${dy}`;
  return `M${l + 9} ${t}H${r - 9}${arc(9, 9)}V${b - 9}${arc(-9, 9)}H${l + 9}${arc(-9, -9)}V${t + 9}${arc(9, -9)}z`;
}

/* Zooming changes how large the picture is; scrolling and dragging move it. */
const zoom = {
  factor: 1,
  start(svg, {width, height}) {
    this.svg = svg;
    this.size = [width + 2 * MARGIN, height + 2 * MARGIN + 18];
    this.set(state.whole ? Math.max(0.25, this.fitting()) : Math.max(0.85, Math.min(1, $("view").clientWidth / this.size[0])));
  },
  fitting() {
    return Math.min(1, $("view").clientWidth / this.size[0], $("view").clientHeight / this.size[1]);
  },
  set(factor, [x, y] = [0.5, 0.5]) {
    const view = $("view");
    const at = [(view.scrollLeft + x * view.clientWidth) / this.factor, (view.scrollTop + y * view.clientHeight) / this.factor];
    this.factor = Math.max(0.02, Math.min(4, factor));
    this.svg.setAttribute("width", this.size[0] * this.factor);
    this.svg.setAttribute("height", this.size[1] * this.factor);
    view.scrollTo(at[0] * this.factor - x * view.clientWidth, at[1] * this.factor - y * view.clientHeight);
  },
};

function centre(svg, middle) {
  const view = $("view"), [x, y] = [middle.x + MARGIN, middle.y + MARGIN].map(n => n * zoom.factor);
  view.scrollTo(x - view.clientWidth / 2, y - view.clientHeight / 2);
}

/* What is known of the node in the middle, and its neighbours as links. */
function about() {
  const node = data.nodes[state.focus];
  const near = way => data.edges.filter(edge => edge[way === "up" ? 1 : 0] === state.focus).map(([from, to, kind]) => [way === "up" ? from : to, kind]);
  const list = (title, way) => {
    const found = near(way);
    if (!found.length) return [];
    const items = found.slice(0, LISTED).map(([far, kind]) => {
      const role = data.roles[kind] ? ` (${data.roles[kind]})` : "";
      return element("li", {}, element("a", {href: `#n${far}`, class: data.nodes[far].kind}, data.nodes[far].name), role);
    });
    if (found.length > LISTED) items.push(element("li", {}, `and ${number(found.length - LISTED)} more`));
    return [element("h3", {}, `${title} (${number(found.length)})`), element("ul", {}, ...items)];
  };
  const fold = foldOf.get(state.focus);
  const told = [...node.facts, ...(node.at ? [node.at.slice(0, 19).replace("T", " ")] : [])];
  $("about").replaceChildren(
    element("p", {class: `kind ${node.kind}`}, node.kind === "checkpoint" ? "model" : node.kind),
    element("h2", {}, node.name),
    ...(told.length ? [element("p", {}, told.join(" · "))] : []),
    ...(fold ? [element("p", {class: "quiet"}, `One of ${number(fold.nodes.length)} that are folded together.`)] : []),
    ...list("From", "up"),
    ...list("To", "down"),
    ...(node.kind === "source" ? [] : [element("h3", {}, "In the terminal"), element("code", {}, `mmreg lineage up ${node.ref}`), element("code", {}, `mmreg lineage down ${node.ref}`)]),
  );
}

function search() {
  const words = $("find").value.toLowerCase().split(/\s+/).filter(Boolean);
  const found = words.length ? data.nodes.flatMap((node, at) => {
    const text = `${node.kind} ${node.name} ${node.ref} ${node.facts.join(" ")}`.toLowerCase();
    return words.every(word => text.includes(word)) ? [[at, node]] : [];
  }) : [];
  $("results").replaceChildren(...found.slice(0, LISTED).map(([at, node]) =>
    element("li", {}, element("a", {href: `#n${at}`, class: node.kind}, [node.name, ...node.facts].join("  ")))));
  $("found").textContent = !words.length ? "" : found.length > LISTED ? `${number(found.length)} found, the first ${LISTED} listed` : `${number(found.length)} found`;
}

function forget() {
  $("find").value = "";
  search();
}

function step(list, from, by) {
  const links = [...list.querySelectorAll("a")];
  const to = links[links.indexOf(from) + by];
  (to ?? (by < 0 ? $("find") : from)).focus();
}

/* To the nearest box in the direction of an arrow key. */
function move(from, key) {
  const [dx, dy] = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]}[key];
  const middle = link => { const {x, y, width, height} = link.getBoundingClientRect(); return [x + width / 2, y + height / 2]; };
  const [x, y] = middle(from);
  let best = null, least = Infinity;
  for (const link of $("view").querySelectorAll("a.node")) {
    const [a, b] = middle(link), along = (a - x) * dx + (b - y) * dy, beside = Math.abs((a - x) * dy) + Math.abs((b - y) * dx);
    const cost = along + 2 * beside;
    if (link !== from && along > 4 && cost < least) [best, least] = [link, cost];
  }
  best?.focus();
  best?.scrollIntoView({block: "nearest", inline: "nearest"});
}

/* Where the address says to go: "#n<node>" puts a node in the middle, "#f<fold>" unfolds. */
function follow() {
  const [, kind, at] = /^#([nf])(\d+)$/.exec(location.hash) ?? [];
  if (kind === "f" && folds[+at]) {
    folds[+at].open = true;
    history.replaceState(null, "", `#n${state.focus}`);
  } else if (kind === "n" && data.nodes[+at]) {
    state.focus = +at;
    state.whole = false;
    forget();
  } else {
    state.focus = data.focus;
  }
  render();
}

for (const way of ["up", "down"]) {
  $(way).append(...DEPTHS.map(depth => element("option", {value: String(depth)}, depth === Infinity ? "all" : String(depth))));
  $(way).addEventListener("change", () => { state.chosen[way] = Number($(way).value); render(); });
}
$("unfold").addEventListener("change", () => { state.unfold = $("unfold").checked; render(); });
$("near").addEventListener("click", () => { state.whole = false; render(); });
$("all").addEventListener("click", () => { state.whole = true; render(); });
$("in").addEventListener("click", () => zoom.set(zoom.factor * 1.4));
$("out").addEventListener("click", () => zoom.set(zoom.factor / 1.4));
$("fit").addEventListener("click", () => zoom.set(zoom.fitting()));
$("find").addEventListener("input", search);
$("find").addEventListener("keydown", event => {
  const first = $("results").querySelector("a");
  if (first && (event.key === "ArrowDown" || event.key === "Enter")) {
    event.preventDefault();
    if (event.key === "Enter") location.hash = first.hash; else first.focus();
  }
});
document.querySelector(".search").addEventListener("keydown", event => {
  if (event.key !== "Escape") return;
  $("find").focus();
  forget();
});
document.addEventListener("pointerdown", event => {
  if (!event.target.closest(".search")) $("results").replaceChildren();
});
$("find").addEventListener("focus", search);
$("results").addEventListener("keydown", event => {
  if (event.key !== "ArrowDown" && event.key !== "ArrowUp") return;
  event.preventDefault();
  step($("results"), document.activeElement, event.key === "ArrowDown" ? 1 : -1);
});
$("view").addEventListener("keydown", event => {
  const box = event.target.closest?.("a.node");
  if (box && event.key.startsWith("Arrow")) {
    event.preventDefault();
    move(box, event.key);
  } else if (event.key === "+" || event.key === "-") {
    zoom.set(zoom.factor * (event.key === "+" ? 1.4 : 1 / 1.4));
  } else if (event.key === "0") {
    zoom.set(zoom.fitting());
  }
});
$("view").addEventListener("wheel", event => {
  if (!event.ctrlKey && !state.whole) return;
  event.preventDefault();
  const {left, top, width, height} = $("view").getBoundingClientRect();
  zoom.set(zoom.factor * Math.exp(-event.deltaY / 400), [(event.clientX - left) / width, (event.clientY - top) / height]);
}, {passive: false});
$("view").addEventListener("pointerdown", event => {
  if (event.button || event.pointerType === "touch" || event.target.closest("a")) return;
  const view = $("view"), start = [event.clientX + view.scrollLeft, event.clientY + view.scrollTop];
  const drag = move => view.scrollTo(start[0] - move.clientX, start[1] - move.clientY);
  view.addEventListener("pointermove", drag);
  for (const end of ["pointerup", "pointerleave"]) view.addEventListener(end, () => view.removeEventListener("pointermove", drag), {once: true});
});
document.addEventListener("keydown", event => {
  if (event.key === "/" && document.activeElement !== $("find")) {
    event.preventDefault();
    $("find").focus();
  }
});
window.addEventListener("hashchange", follow);
follow();
