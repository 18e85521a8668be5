// ---- the map: layers x experts; a square's area is the load over the fair share ----

const CELL = 10;
const MARGIN = { left: 26, right: 62 };
const paths = {};
let cell = 10; // pixels
let cursor = null; // [s, e]
let last = null; // loads of the request that is followed, also when it has ended

// Squares of areas 0 to 4 and more, in steps: [the rest of the path, where it begins in the cell].
const squares = Array.from({ length: 25 }, (_, step) => {
  const side = CELL * Math.max(0.16, step / 24);
  return [`h${side.toFixed(1)}v${side.toFixed(1)}h${(-side).toFixed(1)}z`, (CELL - side) / 2];
});
function square(x, y, ratio) {
  const [path, at] = squares[Math.min(24, Math.round(12 * Math.sqrt(ratio)))];
  return `M${(x + at).toFixed(1)} ${(y + at).toFixed(1)}${path}`;
}
const cross = (x, y) => `M${x + 3.5} ${y + 3.5}l3 3m0 -3l-3 3`;
const rim = (x, y, by = 0.6) => {
  const side = CELL - 2 * by;
  return `M${x + by} ${y + by}h${side}v${side}h${-side}z`;
};
const levelOf = (ratio) => Math.max(1, Math.min(8, Math.round(4 + 2 * Math.log2(ratio))));

function openSizes() {
  const show = (d, name, text) => {
    const svg = draw('svg', { viewBox: '0 0 10 10' });
    svg.append(draw('path', { class: 'rim', d: rim(0, 0, 0) }), draw('path', { class: name, d }));
    return make('span', { className: 'key' }, svg, text);
  };
  $('sizes').replaceChildren(
    show(cross(0, 0), 'dead', 'no token'),
    ...[0.5, 1, 2, 4].map((r) =>
      show(
        square(0, 0, r),
        `h${levelOf(r)}`,
        r === 1 ? 'fair share' : r === 4 ? '4 × and more' : `${r} ×`
      )
    ),
    show(rim(0, 0), 'fresh', 'just now')
  );
}
function openMap() {
  const map = $('map');
  const layers = server.layers.length;
  const most = Math.max(0, ...server.experts);
  const beside = most && most <= 32;
  $('both').classList.toggle('beside', Boolean(beside));
  if (!layers) {
    $('experts-say').textContent = 'This model has no experts: every token uses all of it.';
    for (const id of ['of', 'sizes', 'loads'])
      $(id).closest('label, .legend, details').hidden = true;
    map.closest('.wide').hidden = true;
    return;
  }
  const width = most * CELL + MARGIN.left + MARGIN.right;
  const room = map.parentNode.clientWidth;
  cell = Math.max(6, Math.min(26, (room / width) * CELL, 900 / layers));
  map.setAttribute('viewBox', `0 0 ${width} ${layers * CELL + 14}`);
  map.setAttribute('width', (width * cell) / CELL);
  map.setAttribute('height', ((layers * CELL + 14) * cell) / CELL);
  map.replaceChildren();
  const font = Math.min((11 * CELL) / cell, 12);
  const every = Math.max(1, Math.ceil(font / CELL));
  let rims = '';
  server.experts.forEach((n, s) => {
    rims += `M${MARGIN.left} ${s * CELL}h${n * CELL}v${CELL}h${-n * CELL}z`;
    if (s % every === 0)
      map.append(
        draw(
          'text',
          { x: MARGIN.left - 4, y: s * CELL + 5, class: 'end', 'font-size': font },
          server.layers[s]
        )
      );
  });
  for (let e = 0; e < most; e += Math.max(1, Math.ceil((font * 2.2) / CELL)))
    map.append(
      draw(
        'text',
        {
          x: MARGIN.left + e * CELL + 5,
          y: layers * CELL + 8,
          'text-anchor': 'middle',
          'font-size': font,
        },
        e
      )
    );
  map.append(draw('path', { class: 'rim', d: rims }));
  const classes = [
    'busy',
    'mean',
    'h1',
    'h2',
    'h3',
    'h4',
    'h5',
    'h6',
    'h7',
    'h8',
    'dead',
    'fresh',
    'line',
    'way',
    'at',
  ];
  for (const name of classes) map.append((paths[name] = draw('path', { class: name })));
  paths.ratios = server.experts.map((n, s) => {
    const text = draw('text', {
      x: MARGIN.left + n * CELL + 30,
      y: s * CELL + 5,
      'font-size': font,
    });
    if (s % every === 0) map.append(text);
    return text;
  });
}

/* What is looked at: rows [S][E], and how it is called. */
function looked() {
  const of = $('of').value;
  if (!of) return { rows: minute, name: 'the last minute', all: true };
  if (of === 'here') return { rows: ownRows(), name: 'the last answer below' };
  if (told.request && told.request.id === of && told.request.load) last = told.request.load;
  return { rows: last || server.experts.map((n) => Array(n).fill(0)), name: of };
}
/* How many times the mean the busiest expert has. */
function ratioOf(view, s) {
  const all = sum(view.rows[s]);
  return all ? (Math.max(...view.rows[s]) * view.rows[s].length) / all : 0;
}
function showMap() {
  if (!told || !paths.h1 || document.hidden) return;
  const view = looked();
  const d = { dead: '', fresh: '', busy: '', mean: '' };
  for (let k = 1; k <= 8; k++) d[`h${k}`] = '';
  let worst = 0;
  let dead = 0;
  view.rows.forEach((row, s) => {
    const all = sum(row);
    const y = s * CELL;
    row.forEach((n, e) => {
      const x = MARGIN.left + e * CELL;
      const ratio = all ? (n * row.length) / all : 0;
      if (n) d[`h${levelOf(ratio)}`] += square(x, y, ratio);
      else if (all) d.dead += cross(x, y);
      if (all && !n) dead++;
      if (view.all && fresh[s]?.[e] && !calm.matches) d.fresh += rim(x, y, 0.4);
    });
    const ratio = ratioOf(view, s);
    if (ratio > ratioOf(view, worst)) worst = s;
    const from = MARGIN.left + row.length * CELL + 3;
    if (ratio) d.busy += `M${from} ${y + 2.5}h${Math.min(24, 3 * ratio)}v5H${from}z`;
    d.mean += `M${from + 3} ${y + 1}v8`;
    paths.ratios[s].textContent = ratio ? `${ratio.toFixed(1)} ×` : '';
  });
  for (const name in d) paths[name].setAttribute('d', d[name]);
  showCursor();
  showWay();
  const ratio = ratioOf(view, worst);
  const text = ratio
    ? `${view.all ? 'In the last minute' : 'Here'} the busiest expert of layer ` +
      `${server.layers[worst]} had ${ratio.toFixed(1)} × the mean; ` +
      `${dead} of ${sum(server.experts)} experts received no token.`
    : 'No tokens were processed.';
  if ($('experts-say').textContent !== text) $('experts-say').textContent = text;
  $('map').setAttribute('aria-label', `Load of each layer and expert, ${view.name}. ${text}`);
  if ($('loads').open) showLoads(view);
}
function showLoads(view) {
  const most = Math.max(...server.experts);
  const head = ['layer', 'picks', 'busiest', '× mean', '× mean in each pass', 'no token'];
  for (let e = 0; e < most; e++) head.push(e);
  const body = view.rows.map((row, s) => {
    const busiest = row.indexOf(Math.max(...row));
    const all = sum(row);
    const cells = [
      server.layers[s],
      all,
      all ? busiest : '–',
      ratioOf(view, s).toFixed(2),
      view.all ? told.max_ratio[s].toFixed(2) : '–',
      all ? row.filter((n) => !n).length : '–',
    ];
    return make(
      'tr',
      {},
      ...cells.map((c) => make('td', { textContent: c })),
      ...row.map((n, e) =>
        make('td', {
          textContent: n,
          className: !all ? '' : !n ? 'none' : e === busiest ? 'most' : '',
        })
      )
    );
  });
  $('loads-table').replaceChildren(
    make('caption', { textContent: `Tokens that each expert received: ${view.name}` }),
    make('thead', {}, make('tr', {}, ...head.map((h) => make('th', { textContent: h })))),
    make('tbody', {}, ...body)
  );
}
$('loads').ontoggle = showMap;

function showCursor() {
  if (!paths.at) return;
  if (!cursor) return paths.at.setAttribute('d', '');
  const [s, e] = cursor;
  paths.at.setAttribute('d', rim(MARGIN.left + e * CELL, s * CELL, -0.4));
  const view = looked();
  const all = sum(view.rows[s]);
  const n = view.rows[s][e];
  const ratio = all ? ((n * view.rows[s].length) / all).toFixed(2) : '0';
  $('cell').textContent =
    `Layer ${server.layers[s]}, expert ${e}: ${n.toLocaleString('en')} of ` +
    `${all.toLocaleString('en')} picks, ${ratio} × the fair share (${view.name})`;
}
function pointAt(s, e, held) {
  if (s < 0 || s >= server.experts.length || e < 0 || e >= server.experts[s]) return;
  cursor = [s, e];
  showCursor();
  if (held) {
    setLayer(s);
    hold(e);
  }
}
function cellAt(event) {
  const box = $('map').getBoundingClientRect();
  const scale = CELL / cell;
  return [
    Math.floor(((event.clientY - box.top) * scale) / CELL),
    Math.floor(((event.clientX - box.left) * scale - MARGIN.left) / CELL),
  ];
}
$('map').onpointermove = (event) => pointAt(...cellAt(event));
$('map').onclick = (event) => pointAt(...cellAt(event), true);
$('map').onkeydown = (event) => {
  const step = { ArrowLeft: [0, -1], ArrowRight: [0, 1], ArrowUp: [-1, 0], ArrowDown: [1, 0] }[
    event.key
  ];
  const [s, e] = cursor || [0, 0];
  if (step) pointAt(s + step[0], e + step[1]);
  else if (event.key === 'Enter') pointAt(s, e, true);
  else if (event.key === 'Escape') hold(null);
  else return;
  event.preventDefault();
};
