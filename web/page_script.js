// The report's script, behind page_start.js. The page reads without it; with it, charts answer to
// pointer and keys, and passages change layer.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];

// ---- contents ----

const themeButton = make('button', { type: 'button' });
openTheme(themeButton);
document
  .querySelector('nav')
  .append(
    ...all('section').map((s) =>
      make('a', { href: `#${s.id}`, textContent: s.querySelector('h2').textContent })
    ),
    themeButton
  );

// ---- the tooltip ----

const tip = make('div', { className: 'tip', hidden: true });
tip.setAttribute('role', 'status');
document.body.append(tip);
function showTip(text, x, y) {
  tip.textContent = text;
  tip.hidden = false;
  const box = tip.getBoundingClientRect();
  const left = Math.min(Math.max(8, x + 14), innerWidth - box.width - 8);
  const top = y + 18 + box.height > innerHeight ? y - box.height - 12 : y + 18;
  tip.style.transform = `translate(${Math.round(left)}px, ${Math.round(top)}px)`;
}
function hideTip() {
  tip.hidden = true;
}
// A finger that lifts leaves what it tapped: the words stay until the next tap.
function onLeave(node, clear) {
  node.addEventListener('pointerleave', (event) => {
    if (event.pointerType !== 'touch') clear();
  });
  addEventListener('pointerdown', (event) => {
    if (event.pointerType === 'touch' && !node.contains(event.target)) clear();
  });
}
function onPoint(node, show) {
  node.addEventListener('pointermove', show);
  node.addEventListener('click', show);
}
addEventListener('scroll', hideTip, { passive: true });
addEventListener('keydown', (event) => {
  if (event.key === 'Escape') hideTip();
});

// ---- line charts: the paths are the data ----

const units = 10000;
function pointsOf(path) {
  // "M10 20h0l5 -3…": absolute where a line begins, then relative
  const points = [];
  let x = 0,
    y = 0;
  for (const [, letter, dx, dy] of path.getAttribute('d').matchAll(/([Ml])(-?\d+) (-?\d+)/g)) {
    x = letter === 'M' ? +dx : x + +dx;
    y = letter === 'M' ? +dy : y + +dy;
    points.push([x, y]);
  }
  return points;
}
function readable(value) {
  const size = Math.abs(value);
  if (size >= 1000) return Math.round(value).toLocaleString('en').replaceAll(',', '\u202f');
  return size && size < 0.001 ? value.toExponential(2) : String(+value.toPrecision(4));
}
function nearest(points, x) {
  return points.reduce(
    (best, p) => (Math.abs(p[0] - x) < Math.abs(best[0] - x) ? p : best),
    points[0]
  );
}
for (const svg of all('svg[data-x]')) {
  const [x0, x1] = svg.dataset.x.split(' ').map(Number),
    [y0, y1] = svg.dataset.y.split(' ').map(Number);
  const [xName, yName] = svg.dataset.names.split('|');
  const lines = all('path[data-name]', svg)
    .map((path) => ({ name: path.dataset.name, points: pointsOf(path) }))
    .filter((l) => l.points.length);
  if (!lines.length) continue;
  const longest = lines.reduce((a, b) => (b.points.length > a.points.length ? b : a)).points;
  const cursor = document.createElementNS(SVG, 'path');
  cursor.setAttribute('class', 'cursor');
  svg.append(cursor);
  let at = longest.length - 1;
  const show = () => {
    const [x] = longest[at],
      box = svg.getBoundingClientRect();
    cursor.setAttribute('d', `M${x} 0V${units}`);
    const near = units / Math.max(longest.length - 1, 1);
    const rows = lines
      .map(({ name, points }) => [name, nearest(points, x)])
      .filter(([, p]) => Math.abs(p[0] - x) <= near)
      .map(
        ([name, p]) =>
          `${lines.length > 1 ? name : yName} ${readable(y0 + (1 - p[1] / units) * (y1 - y0))}`
      );
    const value = x0 + (x / units) * (x1 - x0);
    showTip(
      [
        `${xName} ${readable('fractions' in svg.dataset ? value : Math.round(value))}`,
        ...rows,
      ].join('\n'),
      box.left + (x / units) * box.width,
      box.top + box.height / 2
    );
  };
  const clear = () => {
    cursor.removeAttribute('d');
    hideTip();
  };
  onPoint(svg, (event) => {
    const box = svg.getBoundingClientRect();
    at = longest.indexOf(nearest(longest, ((event.clientX - box.left) / box.width) * units));
    show();
  });
  onLeave(svg, clear);
  svg.addEventListener('blur', clear);
  svg.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    at = Math.min(Math.max(at + step * Math.ceil(longest.length / 100), 0), longest.length - 1);
    show();
  });
}

// ---- pictures of experts: the words stand in their tables ----

const followers = []; // each is told of the expert that is followed, or of null
let followed = null; // { layer, expert }
function follow(layer, expert) {
  followed =
    layer === null || (followed && followed.layer === layer && followed.expert === expert)
      ? null
      : { layer, expert };
  followers.forEach((tell) => tell(followed));
}

function cellOf(table, row, column) {
  const line = table.tBodies[0].rows[row];
  return (
    line &&
    line.cells[column + 1] &&
    `${line.cells[0].textContent}, expert ${column}: ${line.cells[column + 1].textContent}`
  );
}

// Where experts are in a picture: at(x, y) gives { row, expert }, mark(expert) the path around it,
// in units of the picture.
function placesOf(svg) {
  const { width, height } = svg.viewBox.baseVal;
  const line = (n) => [...Array(n).keys()];
  if (svg.dataset.kind === 'columns') {
    const [left, top, cell] = svg.dataset.cell.split(' ').map(Number),
      order = svg.dataset.order.split(' ').map(Number);
    return {
      order,
      at: (x, y) => ({
        row: Math.floor((y - top) / cell),
        expert: order[Math.floor((x - left) / cell)],
      }),
      mark: (e) =>
        `M${left + order.indexOf(e) * cell} ${top}h${cell}v${cell * svg.dataset.rows}h${-cell}z`,
    };
  }
  if (svg.dataset.kind === 'bars') {
    return {
      order: line(+svg.dataset.experts),
      at: (x) => ({ row: +svg.dataset.row, expert: Math.floor(x / 10) }),
      mark: (e) => `M${e * 10} 0h10v${height}h-10z`,
    };
  }
  const across = (e) => `M0 ${e}h${width}v1H0z`;
  if (svg.dataset.kind === 'rows')
    return { order: line(height), at: (x, y) => ({ expert: Math.floor(y) }), mark: across };
  return {
    order: line(height),
    at: (x, y) => ({ expert: Math.floor(y), other: Math.floor(x) }),
    mark: (e) => `M0 ${e}h${e + 1}v1H0zM${e} ${e}v${height - e}h1V${e}z`,
  };
}
function wordsOf(svg, { row, expert, other }) {
  const table = svg.dataset.table && document.getElementById(svg.dataset.table);
  if (table) {
    const text = row >= 0 && expert !== undefined && cellOf(table, row, expert);
    return text && text + (svg.dataset.kind === 'bars' ? ' × fair share' : ' %');
  }
  if (expert === undefined || other > expert) return '';
  if (other === undefined || other === expert) return `expert ${expert}`;
  const times = svg.closest('figure').querySelector('table')?.tBodies[0].rows[expert - 1]?.cells[
    other + 1
  ]?.textContent;
  return `experts ${expert} and ${other}${times ? `: ${times} × what their loads would give` : ''}`;
}
for (const svg of all('svg[data-kind]')) {
  const layer = +svg.dataset.layer,
    places = placesOf(svg);
  const mark = document.createElementNS(SVG, 'path');
  mark.setAttribute('class', 'chosen');
  const placeOf = (event) => {
    const box = svg.getBoundingClientRect(),
      { width, height } = svg.viewBox.baseVal;
    return places.at(
      (event.clientX - box.left) * (width / box.width),
      (event.clientY - box.top) * (height / box.height)
    );
  };
  onPoint(svg, (event) => {
    const text = wordsOf(svg, placeOf(event));
    if (text) showTip(text, event.clientX, event.clientY);
    else hideTip();
  });
  onLeave(svg, hideTip);
  svg.addEventListener('click', (event) => {
    const { expert } = placeOf(event);
    if (places.order.includes(expert)) follow(layer, expert);
  });
  svg.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowUp: -1, ArrowRight: 1, ArrowDown: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    const at =
      followed && followed.layer === layer ? places.order.indexOf(followed.expert) + step : 0;
    const expert = places.order[Math.min(Math.max(at, 0), places.order.length - 1)];
    if (!followed || followed.layer !== layer || followed.expert !== expert) follow(layer, expert);
  });
  followers.push((who) => {
    if (!who || who.layer !== layer) return mark.remove();
    mark.setAttribute('d', places.mark(who.expert));
    svg.append(mark);
  });
}

// ---- the expert that is followed: what is known of it, in words ----

const rowsOfExperts = all('.expert');
const layersOf = (document.querySelector('.reader')?.dataset.layers || '')
  .split(' ')
  .filter(Boolean)
  .map((text) => text.split(':')[0]);
const namesOf = all('.load-row .name').map((node) => node.textContent);
const dock = make('aside', { className: 'dock', hidden: true });
const told = make('output');
told.setAttribute('aria-live', 'polite');
function neighbour(step) {
  const same = all(`svg[data-kind][data-layer="${followed.layer}"]`)[0];
  if (!same) return;
  const { order } = placesOf(same);
  follow(
    followed.layer,
    order[(order.indexOf(followed.expert) + step + order.length) % order.length]
  );
}
const jump = make('button', {
  type: 'button',
  textContent: 'its tokens',
  onclick: () => {
    const row = rowsOfExperts.find((r) => r.classList.contains('followed'));
    if (row) {
      row.open = true;
      row.scrollIntoView({ block: 'center' });
      row.querySelector('summary').focus({ preventScroll: true });
    }
  },
});
const button = (text, label, onclick) => {
  const node = make('button', { type: 'button', textContent: text, onclick });
  node.setAttribute('aria-label', label);
  return node;
};
dock.append(
  make(
    'div',
    {},
    told,
    jump,
    button('◂', 'Previous expert', () => neighbour(-1)),
    button('▸', 'Next expert', () => neighbour(1)),
    button('✕', 'Stop following this expert', () => follow(null))
  )
);
dock.setAttribute('aria-label', 'The expert that is followed');
document.body.append(dock);
addEventListener('keydown', (event) => {
  if (event.key === 'Escape' && followed) follow(null);
});
rowsOfExperts.forEach((row) => {
  row.addEventListener('toggle', () => {
    if (row.open && !(followed && row.classList.contains('followed')))
      follow(+row.dataset.layer, +row.dataset.expert);
  });
});
function sharesOf(layer, expert) {
  const table = document.getElementById(`shares-${layer}`);
  if (!table) return '';
  const rows = [...table.tBodies[0].rows]
    .map((r) => [r.cells[0].textContent, parseFloat(r.cells[expert + 1].textContent)])
    .filter(([, share]) => share > 0);
  return rows
    .sort((a, b) => b[1] - a[1])
    .slice(0, 3)
    .map(([name, share]) => `${name} ${share} %`)
    .join(', ');
}
followers.push((who) => {
  dock.hidden = !who;
  document.body.classList.toggle('docked', !!who);
  rowsOfExperts.forEach((row) =>
    row.classList.toggle(
      'followed',
      !!who && +row.dataset.layer === who.layer && +row.dataset.expert === who.expert
    )
  );
  if (!who) return told.replaceChildren();
  const loads =
    document.getElementById('loads')?.tBodies[0].rows[who.layer]?.cells[who.expert + 1]
      ?.textContent;
  const shares = sharesOf(who.layer, who.expert);
  const name =
    layersOf[who.layer] === undefined
      ? namesOf[who.layer] || `sparse layer ${who.layer}`
      : `layer ${layersOf[who.layer]}`;
  jump.hidden = !rowsOfExperts.length;
  told.replaceChildren(
    make('b', { textContent: `Expert ${who.expert}` }),
    ` of ${name}`,
    loads ? ` · ${loads} × its fair share` : '',
    shares ? ` · most of ${shares}` : ''
  );
});

// ---- passages ----

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const pair = (text, at) => letters.indexOf(text[at]) * 64 + letters.indexOf(text[at + 1]);
const none = 4095;

function choice(title, names, chosen, onChange) {
  const group = make('fieldset', { className: 'choice' }, make('legend', { textContent: title }));
  names.forEach((name, i) => {
    const input = make('input', {
      type: 'radio',
      name: `choice-${title}`,
      checked: i === chosen,
      onchange: () => onChange(i),
    });
    group.append(make('label', {}, input, make('span', { textContent: name })));
  });
  return group;
}

class Passage {
  constructor(article, layers) {
    this.article = article;
    this.layers = layers;
    this.tokens = all('.t', article);
    this.picks = article.dataset.picks;
    this.scale = article.dataset.scale / 1e6 / none;
    this.at = -1;
    let begin = 0;
    this.begin = layers.map((layer) => {
      const here = begin;
      begin += this.tokens.length * layer.picks * 4;
      return here;
    });
    this.text = article.querySelector('.tokens');
    onPoint(this.text, (event) => this.point(this.tokens.indexOf(event.target.closest('.t'))));
    onLeave(this.text, () => this.point(-1));
    this.text.addEventListener('click', (event) =>
      this.followToken(this.tokens.indexOf(event.target.closest('.t')))
    );
    this.text.addEventListener('blur', () => this.point(-1));
    this.text.addEventListener('keydown', (event) => {
      if (event.key === 'Enter') this.followToken(this.at);
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      this.point(Math.min(Math.max(this.at + step, 0), this.tokens.length - 1));
    });
  }
  routes(layer, token) {
    const { picks } = this.layers[layer],
      found = [];
    for (let k = 0; k < picks; k++) {
      const at = this.begin[layer] + (token * picks + k) * 4,
        expert = pair(this.picks, at);
      if (expert !== none) found.push({ expert, weight: pair(this.picks, at + 2) * this.scale });
    }
    return found;
  }
  first(layer, token) {
    const expert = pair(this.picks, this.begin[layer] + token * this.layers[layer].picks * 4);
    return expert === none ? -1 : expert;
  }
  paint(layer) {
    this.layer = layer;
    let before = -1;
    this.tokens.forEach((node, t) => {
      const expert = this.first(layer, t);
      node.className = this.layers[layer].style(expert);
      if (expert >= 0 && expert !== before) {
        node.dataset.n = expert;
        node.classList.add(`n${String(expert).length}`);
      } else delete node.dataset.n;
      before = node.parentNode.nextSibling?.nodeName === 'BR' && !node.nextSibling ? -1 : expert;
    });
  }
  counts(layer) {
    const count = new Map();
    this.tokens.forEach((_, t) =>
      count.set(this.first(layer, t), (count.get(this.first(layer, t)) || 0) + 1)
    );
    return [...count].filter(([expert]) => expert >= 0).sort((a, b) => b[1] - a[1]);
  }
  mark(expert) {
    // tokens that picked it, first or not
    this.tokens.forEach((node, t) =>
      node.classList.toggle(
        'same',
        expert >= 0 && this.routes(this.layer, t).some((r) => r.expert === expert)
      )
    );
  }
  followToken(token) {
    const expert = token < 0 ? -1 : this.first(this.layer, token);
    if (expert >= 0) follow(this.layer, expert);
  }
  point(token) {
    if (this.at >= 0) this.tokens[this.at].classList.remove('at');
    this.at = token;
    if (token < 0) return hideTip();
    const node = this.tokens[token],
      box = node.getBoundingClientRect();
    node.classList.add('at');
    const rows = this.layers.map((layer, s) => {
      const picks = this.routes(s, token).map(({ expert, weight }) =>
        this.scale ? `${expert} (${weight.toFixed(2)})` : expert
      );
      const mark = s === this.layer ? '▸' : '\u2003';
      return `${mark} layer ${layer.number}: ${picks.join(', ') || 'none'}`;
    });
    showTip([`“${node.textContent}”`, ...rows].join('\n'), box.left, box.bottom);
  }
}

for (const reader of all('.reader')) {
  const paints = reader.dataset.paints.split(' ');
  const layers = reader.dataset.layers.split(' ').map((text, s) => {
    const [number, picks] = text.split(':').map(Number);
    const style = (expert) => {
      const paint = letters.indexOf(paints[s][expert]);
      return expert < 0 ? 't' : `t c${Math.floor(paint / 3)} s${paint % 3}`;
    };
    return { number, picks, style };
  });
  const passages = all('.passage', reader).map((article) => new Passage(article, layers));
  const counts = reader.querySelector('.counts');
  let shown = 0,
    layer = +reader.dataset.layer;
  const draw = () => {
    passages.forEach((p, i) => {
      p.article.hidden = i !== shown;
      p.paint(layer);
    });
    passages.forEach((p) => p.mark(followed && followed.layer === layer ? followed.expert : -1));
    reader.parentNode.querySelector('.static b').textContent = layers[layer].number;
    counts.replaceChildren(
      'tokens that each expert received',
      ...passages[shown].counts(layer).map(([expert, count]) =>
        make(
          'button',
          {
            type: 'button',
            className: 'count',
            onclick: () => follow(layer, expert),
            title: `Follow expert ${expert}`,
          },
          make('span', { className: layers[layer].style(expert), textContent: expert }),
          String(count)
        )
      )
    );
  };
  const controls = reader.querySelector('.controls');
  if (passages.length > 1) {
    controls.append(
      choice(
        'Passage',
        passages.map((p) => p.article.querySelector('h3').textContent),
        shown,
        (i) => {
          shown = i;
          draw();
        }
      )
    );
  }
  if (layers.length > 1)
    controls.append(
      choice(
        'Layer',
        layers.map((l) => l.number),
        layer,
        (i) => {
          layer = i;
          draw();
        }
      )
    );
  followers.push((who) => {
    if (who && who.layer !== layer) {
      layer = who.layer;
      const inputs = all('input[name="choice-Layer"]', controls);
      if (inputs[layer]) inputs[layer].checked = true;
    }
    draw();
  });
  draw();
}

// ---- wide pictures scroll in their own frame ----

function hintOf(frame) {
  let hint = frame.nextElementSibling?.classList.contains('sideways')
    ? frame.nextElementSibling
    : null;
  const wide = frame.clientWidth > 0 && frame.scrollWidth > frame.clientWidth + 1;
  if (wide && !hint) {
    hint = make('p', { className: 'sideways', textContent: '⟷ scrolls sideways' });
    frame.after(hint);
    frame.tabIndex = 0;
    frame.setAttribute('role', 'group');
    frame.setAttribute('aria-label', 'Scrolls sideways');
  }
  if (hint) hint.hidden = !wide;
}
const frames = all('.wide');
const hints = () => frames.forEach(hintOf);
addEventListener('resize', hints);
all('details').forEach((d) => d.addEventListener('toggle', hints));
hints();

// ---- every figure as SVG and CSV ----

function save(name, type, text) {
  const url = URL.createObjectURL(new Blob([text], { type }));
  make('a', { href: url, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(url), 10000);
}

function csvOf(figure) {
  const cell = (text) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
  const plain = (node) =>
    (node.innerText || node.textContent)
      .replaceAll('\u202f', '')
      .replaceAll('\u2212', '-')
      .replace(/\s*\n\s*/g, ' / ');
  const tables = all('table.numbers, table.compression, table.two', figure);
  return (
    tables
      .map((table) => {
        const caption = tables.length > 1 && table.caption ? [plain(table.caption)] : [];
        return [...table.rows]
          .map((row) =>
            [...caption, ...[...row.cells].filter((c) => !c.classList.contains('dots')).map(plain)]
              .map(cell)
              .join(',')
          )
          .join('\n');
      })
      .join('\n') + '\n'
  );
}

// A figure as one drawing: its SVGs with their styles, and its HTML as rectangles and text where
// the page shows them.
const kept = [
  'fill',
  'fill-opacity',
  'stroke',
  'stroke-width',
  'stroke-opacity',
  'stroke-dasharray',
  'stroke-linecap',
  'stroke-linejoin',
  'vector-effect',
  'font-family',
  'font-size',
  'font-weight',
  'text-anchor',
  'dominant-baseline',
  'opacity',
];
const fontOf = (style) =>
  ['font-family', 'font-size', 'font-weight']
    .map((name) => `${name}:${style.getPropertyValue(name)}`)
    .join(';');
const clear = 'rgba(0, 0, 0, 0)';
const xml = (text) =>
  text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('"', '&quot;')
    .replace(/[\u0000-\u0008\u000b-\u001f]/g, '');
function drawnSvg(svg, box) {
  const copy = svg.cloneNode(true),
    from = [svg, ...all('*', svg)],
    to = [copy, ...all('*', copy)];
  from.forEach((node, i) => {
    const style = getComputedStyle(node);
    to[i].setAttribute(
      'style',
      kept.map((name) => `${name}:${style.getPropertyValue(name)}`).join(';')
    );
    [...to[i].attributes]
      .filter((a) => /^(data-|class|aria|tabindex|role)/.test(a.name))
      .forEach((a) => to[i].removeAttribute(a.name));
  });
  for (const [name, value] of Object.entries(box)) copy.setAttribute(name, value);
  copy.setAttribute('overflow', 'visible');
  return new XMLSerializer().serializeToString(copy);
}
function drawnText(node, left, top) {
  const style = getComputedStyle(node.parentElement),
    range = document.createRange();
  const text = node.textContent.replace(/\s+/g, ' ');
  range.selectNodeContents(node);
  const box = range.getBoundingClientRect();
  if (!text.trim() || !box.width) return '';
  return (
    `<text x="${box.left - left}" y="${box.top - top + box.height * 0.78}"` +
    ` fill="${style.color}" style="white-space:pre;${xml(fontOf(style))}">${xml(text)}</text>`
  );
}
function drawnBox(node, left, top) {
  const style = getComputedStyle(node),
    box = node.getBoundingClientRect(),
    parts = [];
  const drawnEdge = (side) =>
    parseFloat(style[`border${side}Width`]) && style[`border${side}Style`] !== 'none'
      ? style[`border${side}Color`]
      : null;
  const edges = { Top: drawnEdge('Top'), Bottom: drawnEdge('Bottom') };
  const border = edges.Bottom,
    around = edges.Top && edges.Bottom && drawnEdge('Left');
  const round = Math.min(parseFloat(style.borderRadius) || 0, box.width / 2);
  const place =
    `x="${box.left - left}" y="${box.top - top}"` +
    ` width="${box.width}" height="${box.height}" rx="${round}"`;
  if (style.backgroundColor !== clear || around) {
    const fill = style.backgroundColor === clear ? 'none' : style.backgroundColor;
    parts.push(`<rect ${place} fill="${fill}"${around ? ` stroke="${border}"` : ''}/>`);
  }
  for (const [side, colour] of Object.entries(around ? {} : edges)) {
    const y = (side === 'Top' ? box.top : box.bottom) - top;
    if (colour)
      parts.push(
        `<path d="M${box.left - left} ${y}h${box.width}" stroke="${colour}"` +
          ` stroke-width="${style[`border${side}Width`]}"/>`
      );
  }
  return parts.join('');
}
function drawn(node, left, top) {
  if (node.nodeType === Node.TEXT_NODE) return drawnText(node, left, top);
  if (node.nodeType !== Node.ELEMENT_NODE || node.matches('.get, .sideways, details:not(.expert)'))
    return '';
  const box = node.getBoundingClientRect();
  if (!box.width && !box.height) return '';
  if (node.matches('svg'))
    return drawnSvg(node, {
      x: box.left - left,
      y: box.top - top,
      width: box.width,
      height: box.height,
    });
  const number =
    node.dataset.n === undefined
      ? ''
      : `<text x="${box.left - left}" y="${box.bottom - top + 13}"` +
        ` fill="${getComputedStyle(node).color}" style="font:600 10px sans-serif">` +
        `${node.dataset.n}</text>`;
  return (
    drawnBox(node, left, top) +
    number +
    [...node.childNodes].map((child) => drawn(child, left, top)).join('')
  );
}
function svgOf(figure) {
  const box = figure.getBoundingClientRect(),
    inner = all('.wide', figure).reduce((most, f) => Math.max(most, f.scrollWidth), box.width);
  const width = Math.ceil(inner) + 24,
    height = Math.ceil(box.height) + 24;
  return (
    `<svg xmlns="${SVG}" width="${width}" height="${height}"` +
    ` viewBox="-12 -12 ${width} ${height}">` +
    `<rect x="-12" y="-12" width="${width}" height="${height}"` +
    ` fill="${getComputedStyle(document.body).backgroundColor}"/>` +
    [...figure.childNodes].map((node) => drawn(node, box.left, box.top)).join('') +
    '</svg>\n'
  );
}
for (const figure of all('figure[data-name]')) {
  const own = figure.closest('.passage')?.querySelector('h3').textContent;
  const name = (own ? `${figure.dataset.name}-${own}` : figure.dataset.name).replace(
    /[^\w.-]+/g,
    '-'
  );
  const csv = figure.querySelector('table.numbers, table.compression, table.two');
  const get = make('div', { className: 'get' });
  get.append(
    button('SVG', `Save ${name} as SVG`, () => save(`${name}.svg`, 'image/svg+xml', svgOf(figure)))
  );
  if (csv)
    get.append(
      button('CSV', `Save the numbers of ${name} as CSV`, () =>
        save(`${name}.csv`, 'text/csv', csvOf(figure))
      )
    );
  figure.append(get);
}
