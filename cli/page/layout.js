"use strict";

/* Boxes in layers, downstream below upstream.

   `boxes`: [{id, w, h}], `links`: [[from, to]] between ids. Answers {width, height, at: id -> {x, y} (the middle),
   ways: [[[x, y], ...]] in the order of the links}. Links that go round in circles, or very far, do not shape it. */
function layered(boxes, links) {
  const GAP = 22, RANK = 46, FAR = 24, SWEEPS = 10;
  const still = boxes.length > 500 ? 4 : 30;
  const nodes = new Map(boxes.map(box => [box.id, {...box, before: [], after: [], weight: 1}]));
  const order = sorted(nodes, links);
  const place = new Map(order.map((id, at) => [id, at]));
  const shaping = links.filter(([from, to]) => place.get(from) < place.get(to));
  const layer = layers(order, shaping);

  const rows = [];
  const put = (id, row) => { (rows[row] ??= []).push(id); nodes.get(id).row = row; };
  for (const id of order) put(id, layer.get(id));
  const join = (from, to) => { nodes.get(from).after.push(to); nodes.get(to).before.push(from); };
  const chains = links.map(([from, to], at) => {
    const [start, end] = [layer.get(from), layer.get(to)];
    if (place.get(from) >= place.get(to) || end - start > FAR) return [from, to];
    const chain = [from];
    for (let row = start + 1; row < end; row++) {
      const id = `${at}/${row}`;
      nodes.set(id, {id, w: 6, h: 0, before: [], after: [], weight: 6});
      put(id, row);
      chain.push(id);
    }
    chain.push(to);
    for (let i = 1; i < chain.length; i++) join(chain[i - 1], chain[i]);
    return chain;
  });

  untangle(rows, nodes, SWEEPS);
  spread(rows, nodes, GAP, SWEEPS, still);
  let y = 0;
  for (const row of rows) {
    const height = Math.max(...row.map(id => nodes.get(id).h));
    for (const id of row) nodes.get(id).y = y + height / 2;
    y += height + RANK;
  }
  let [left, right] = [Infinity, -Infinity];
  for (const {x, w} of nodes.values()) [left, right] = [Math.min(left, x - w / 2), Math.max(right, x + w / 2)];
  for (const node of nodes.values()) node.x -= left;
  return {
    width: right - left,
    height: y - RANK,
    at: new Map(boxes.map(box => [box.id, {x: nodes.get(box.id).x, y: nodes.get(box.id).y}])),
    ways: ways(chains, nodes),
  };
}

/* Upstream first; what goes round in circles comes last, in any order. */
function sorted(nodes, links) {
  const missing = new Map([...nodes.keys()].map(id => [id, 0]));
  const after = new Map();
  for (const [from, to] of links) {
    missing.set(to, missing.get(to) + 1);
    if (!after.has(from)) after.set(from, []);
    after.get(from).push(to);
  }
  const order = [...missing.keys()].filter(id => !missing.get(id));
  for (let at = 0; at < order.length; at++) {
    for (const to of after.get(order[at]) ?? []) {
      missing.set(to, missing.get(to) - 1);
      if (!missing.get(to)) order.push(to);
    }
  }
  const seen = new Set(order);
  return [...order, ...[...nodes.keys()].filter(id => !seen.has(id))];
}

/* The longest way from above; then what has more below it than above goes down to it. */
function layers(order, links) {
  const layer = new Map(order.map(id => [id, 0])), after = new Map(), count = new Map();
  for (const [from, to] of links) {
    if (!after.has(from)) after.set(from, []);
    after.get(from).push(to);
    count.set(to, (count.get(to) ?? 0) + 1);
  }
  for (const id of order) {
    for (const to of after.get(id) ?? []) layer.set(to, Math.max(layer.get(to), layer.get(id) + 1));
  }
  for (const id of [...order].reverse()) {
    const below = after.get(id) ?? [];
    if (below.length > (count.get(id) ?? 0)) layer.set(id, Math.min(...below.map(to => layer.get(to))) - 1);
  }
  const used = [...new Set(layer.values())].sort((a, b) => a - b);
  const rank = new Map(used.map((value, at) => [value, at]));
  return new Map([...layer].map(([id, value]) => [id, rank.get(value)]));
}

/* Orders each row by where its neighbours are, down and up by turns. */
function untangle(rows, nodes, sweeps) {
  const position = new Map();
  const note = row => row.forEach((id, at) => position.set(id, (at + 0.5) / row.length));
  rows.forEach(note);
  for (let sweep = 0; sweep < sweeps; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      const wish = new Map(row.map(id => {
        const near = nodes.get(id)[down ? "before" : "after"];
        return [id, near.length ? near.reduce((sum, far) => sum + position.get(far), 0) / near.length : position.get(id)];
      }));
      row.sort((a, b) => wish.get(a) - wish.get(b));
      note(row);
    }
  }
}

/* Moves the boxes of each row as near as can be to the middle of their neighbours, with `gap` between them: of those
   above and below by turns, then `still` times of both. Boxes pull each other more than links that pass by (those
   have no height), and the parts of a long link pull each other most. */
function spread(rows, nodes, gap, sweeps, still) {
  for (const row of rows) {
    let x = 0;
    for (const id of row) {
      const node = nodes.get(id);
      node.x = x + node.w / 2;
      x += node.w + gap;
    }
    for (const id of row) nodes.get(id).x -= x / 2;
  }
  for (let sweep = 0; sweep < sweeps + still; sweep++) {
    const down = sweep % 2 === 0;
    for (const row of down ? rows : [...rows].reverse()) {
      const wishes = row.map(id => {
        const node = nodes.get(id), near = sweep < sweeps ? node[down ? "before" : "after"] : [...node.before, ...node.after];
        let sum = 0, pull = 0;
        for (const far of near.map(far => nodes.get(far))) {
          const by = far.h && node.h ? 4 : far.h || node.h ? 1 : 8;
          [sum, pull] = [sum + by * far.x, pull + by];
        }
        return pull ? sum / pull : node.x;
      });
      nearest(row.map(id => nodes.get(id)), wishes, gap);
    }
  }
}

/* Least squares under the order: neighbours whose wishes collide move as one block. */
function nearest(row, wishes, gap) {
  const blocks = [];
  let offset = 0;
  row.forEach((node, at) => {
    if (at) offset += (row[at - 1].w + node.w) / 2 + gap;
    blocks.push({sum: (wishes[at] - offset) * node.weight, weight: node.weight, nodes: [[node, offset]]});
    while (blocks.length > 1) {
      const [a, b] = blocks.slice(-2);
      if (a.sum / a.weight <= b.sum / b.weight) break;
      blocks.splice(-2, 2, {sum: a.sum + b.sum, weight: a.weight + b.weight, nodes: a.nodes.concat(b.nodes)});
    }
  });
  for (const block of blocks) for (const [node, off] of block.nodes) node.x = block.sum / block.weight + off;
}

/* Points that a curve goes through: out of a box below, through the rows, into a box above, side by side there. */
function ways(chains, nodes) {
  const ports = new Map();
  const port = (id, far, side) => {
    const key = `${id} ${side}`;
    if (!ports.has(key)) ports.set(key, []);
    const found = {x: nodes.get(far).x};
    ports.get(key).push(found);
    return found;
  };
  const ends = chains.map(chain => [port(chain[0], chain[1], "out"), port(chain.at(-1), chain.at(-2), "in")]);
  for (const [key, found] of ports) {
    const node = nodes.get(key.slice(0, key.lastIndexOf(" ")));
    const step = Math.min(16, node.w * 0.7 / found.length);
    found.sort((a, b) => a.x - b.x).forEach((end, at) => { end.at = node.x + (at - (found.length - 1) / 2) * step; });
  }
  return chains.map((chain, at) => {
    const [first, last] = [nodes.get(chain[0]), nodes.get(chain.at(-1))];
    const points = [[ends[at][0].at, first.y + first.h / 2]];
    for (const id of chain.slice(1, -1)) {
      const {x, y} = nodes.get(id);
      points.push([x, y]);
    }
    points.push([ends[at][1].at, last.y - last.h / 2]);
    return points;
  });
}
