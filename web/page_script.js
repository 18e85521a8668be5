'use strict';
// The page reads without this script; with it, charts answer to pointer and keys, and passages change layer.

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}
document.documentElement.classList.add('js');

// ---- contents and theme ----

function remembered(theme) { // storage may be refused for a page from disk
  try {
    if (theme === undefined) return localStorage.getItem('cadre-theme');
    localStorage.setItem('cadre-theme', theme);
  } catch { /* the choice lasts as long as the page */ }
  return null;
}
const themes = ['auto', 'light', 'dark'];
const themeButton = make('button', { type: 'button' });
function setTheme(theme) {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  themeButton.textContent = { auto: '◐ auto', light: '○ light', dark: '● dark' }[theme];
  themeButton.setAttribute('aria-label', `Colours: ${theme}. Change`);
  themeButton.onclick = () => {
    const next = themes[(themes.indexOf(theme) + 1) % themes.length];
    setTheme(next);
    remembered(next);
  };
}
setTheme(themes.includes(remembered()) ? remembered() : 'auto');
document.querySelector('nav').append(
  ...all('section').map((s) => make('a', { href: `#${s.id}`, textContent: s.querySelector('h2').textContent })), themeButton);

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
function hideTip() { tip.hidden = true; }
addEventListener('scroll', hideTip, { passive: true });
addEventListener('keydown', (event) => { if (event.key === 'Escape') hideTip(); });

// ---- line charts: the paths are the data ----

const units = 10000;
function pointsOf(path) { // "M10 20h0l5 -3…": absolute where a line begins, then relative
  const points = [];
  let x = 0, y = 0;
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
  return points.reduce((best, p) => (Math.abs(p[0] - x) < Math.abs(best[0] - x) ? p : best), points[0]);
}
for (const svg of all('svg[data-x]')) {
  const [x0, x1] = svg.dataset.x.split(' ').map(Number), [y0, y1] = svg.dataset.y.split(' ').map(Number);
  const [xName, yName] = svg.dataset.names.split('|');
  const lines = all('path[data-name]', svg).map((path) => ({ name: path.dataset.name, points: pointsOf(path) })).filter((l) => l.points.length);
  if (!lines.length) continue;
  const longest = lines.reduce((a, b) => (b.points.length > a.points.length ? b : a)).points;
  const cursor = document.createElementNS('http://www.w3.org/2000/svg', 'path');
  cursor.setAttribute('class', 'cursor');
  svg.append(cursor);
  let at = longest.length - 1;
  const show = () => {
    const [x] = longest[at], box = svg.getBoundingClientRect();
    cursor.setAttribute('d', `M${x} 0V${units}`);
    const near = units / Math.max(longest.length - 1, 1);
    const rows = lines.map(({ name, points }) => [name, nearest(points, x)]).filter(([, p]) => Math.abs(p[0] - x) <= near)
      .map(([name, p]) => `${lines.length > 1 ? name : yName} ${readable(y0 + (1 - p[1] / units) * (y1 - y0))}`);
    showTip([`${xName} ${readable(Math.round(x0 + x / units * (x1 - x0)))}`, ...rows].join('\n'), box.left + x / units * box.width, box.top + box.height / 2);
  };
  const clear = () => { cursor.removeAttribute('d'); hideTip(); };
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect();
    at = longest.indexOf(nearest(longest, (event.clientX - box.left) / box.width * units));
    show();
  });
  svg.addEventListener('pointerleave', clear);
  svg.addEventListener('blur', clear);
  svg.addEventListener('keydown', (event) => {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (!step) return;
    event.preventDefault();
    at = Math.min(Math.max(at + step * Math.ceil(longest.length / 100), 0), longest.length - 1);
    show();
  });
}

// ---- matrices and strips: the words stand in their tables ----

function cellOf(table, row, column) {
  const line = table.tBodies[0].rows[row];
  return line && line.cells[column + 1] && `${line.cells[0].textContent}, expert ${column}: ${line.cells[column + 1].textContent}`;
}
for (const svg of all('svg[data-table]')) {
  const table = document.getElementById(svg.dataset.table);
  if (!table) continue;
  const [left, top, cell] = (svg.dataset.cell || '').split(' ').map(Number), order = (svg.dataset.order || '').split(' ').map(Number);
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect(), x = (event.clientX - box.left) * (svg.viewBox.baseVal.width / box.width);
    const y = (event.clientY - box.top) * (svg.viewBox.baseVal.height / box.height);
    const strip = 'row' in svg.dataset;
    const column = strip ? Math.floor(x / 10) : order[Math.floor((x - left) / cell)];
    const row = strip ? +svg.dataset.row : Math.floor((y - top) / cell);
    const text = row >= 0 && column !== undefined && cellOf(table, row, column);
    if (text) showTip(text + (strip ? ' × fair share' : ' %'), event.clientX, event.clientY);
    else hideTip();
  });
  svg.addEventListener('pointerleave', hideTip);
}

// ---- passages ----

const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const pair = (text, at) => letters.indexOf(text[at]) * 64 + letters.indexOf(text[at + 1]);
const none = 4095;

function choice(title, names, chosen, onChange) {
  const group = make('fieldset', { className: 'choice' }, make('legend', { textContent: title }));
  names.forEach((name, i) => {
    const input = make('input', { type: 'radio', name: `choice-${title}`, checked: i === chosen, onchange: () => onChange(i) });
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
    this.begin = layers.map((layer) => { const here = begin; begin += this.tokens.length * layer.picks * 4; return here; });
    this.text = article.querySelector('.tokens');
    this.text.addEventListener('pointermove', (event) => this.point(this.tokens.indexOf(event.target.closest('.t'))));
    this.text.addEventListener('pointerdown', (event) => this.point(this.tokens.indexOf(event.target.closest('.t'))));
    this.text.addEventListener('pointerleave', () => this.point(-1));
    this.text.addEventListener('blur', () => this.point(-1));
    this.text.addEventListener('keydown', (event) => {
      const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (!step) return;
      event.preventDefault();
      this.point(Math.min(Math.max(this.at + step, 0), this.tokens.length - 1));
    });
  }
  routes(layer, token) {
    const { picks } = this.layers[layer], found = [];
    for (let k = 0; k < picks; k++) {
      const at = this.begin[layer] + (token * picks + k) * 4, expert = pair(this.picks, at);
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
      if (expert >= 0 && expert !== before) node.dataset.n = expert;
      else delete node.dataset.n;
      before = node.parentNode.nextSibling?.nodeName === 'BR' && !node.nextSibling ? -1 : expert;
    });
  }
  counts(layer) {
    const count = new Map();
    this.tokens.forEach((_, t) => count.set(this.first(layer, t), (count.get(this.first(layer, t)) || 0) + 1));
    return [...count].filter(([expert]) => expert >= 0).sort((a, b) => b[1] - a[1]);
  }
  mark(expert) {
    this.tokens.forEach((node, t) => node.classList.toggle('same', expert >= 0 && this.first(this.layer, t) === expert));
  }
  point(token) {
    if (this.at >= 0) this.tokens[this.at].classList.remove('at');
    this.at = token;
    if (token < 0) return hideTip();
    const node = this.tokens[token], box = node.getBoundingClientRect();
    node.classList.add('at');
    const rows = this.layers.map((layer, s) => {
      const picks = this.routes(s, token).map(({ expert, weight }) => (this.scale ? `${expert} (${weight.toFixed(2)})` : expert));
      return `${s === this.layer ? '▸' : '\u2003'} layer ${layer.number}: ${picks.join(', ') || 'none'}`;
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
  let shown = 0, layer = +reader.dataset.layer;
  const draw = () => {
    passages.forEach((p, i) => { p.article.hidden = i !== shown; p.paint(layer); });
    reader.parentNode.querySelector('.static b').textContent = layers[layer].number;
    counts.replaceChildren('tokens that each took', ...passages[shown].counts(layer).map(([expert, count]) => make('span', {
      className: 'count', onpointerenter: () => passages[shown].mark(expert), onpointerleave: () => passages[shown].mark(-1),
    }, make('span', { className: layers[layer].style(expert), textContent: expert }), String(count))));
  };
  const controls = reader.querySelector('.controls');
  if (passages.length > 1) {
    controls.append(choice('Passage', passages.map((p) => p.article.querySelector('h3').textContent), shown, (i) => { shown = i; draw(); }));
  }
  if (layers.length > 1) controls.append(choice('Layer', layers.map((l) => l.number), layer, (i) => { layer = i; draw(); }));
  draw();
}
