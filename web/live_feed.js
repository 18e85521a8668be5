// The live page: what /events tells. live_map.js draws the experts of it, live_talk.js has the
// conversation; with page_start.js before them the three are one script, in this order.

const $ = (id) => document.getElementById(id);
function draw(tag, attributes = {}, text = '') {
  const node = document.createElementNS(SVG, tag);
  for (const name in attributes) node.setAttribute(name, attributes[name]);
  node.textContent = text;
  return node;
}
const sum = (list) => list.reduce((a, b) => a + b, 0);
const calm = matchMedia('(prefers-reduced-motion: reduce)');
openTheme($('theme'));

// ---- the server ----

let key = '';
function ask(path, body, signal) {
  const headers = key ? { Authorization: `Bearer ${key}` } : {};
  if (!body) return fetch(path, { headers, signal });
  headers['Content-Type'] = 'application/json';
  return fetch(path, { method: 'POST', headers, body: JSON.stringify(body), signal });
}
function askForKey() {
  $('key-form').hidden = false;
  $('key').focus();
  return new Promise((given) => {
    $('key-form').onsubmit = (event) => {
      event.preventDefault();
      key = $('key').value.trim();
      $('key-form').hidden = true;
      given();
    };
  });
}
async function* eventsOf(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = '';
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    const blocks = (rest + value).split('\n\n');
    rest = blocks.pop();
    for (const block of blocks) {
      let kind = 'message';
      let data = '';
      for (const line of block.split('\n'))
        if (line.startsWith('event: ')) kind = line.slice(7);
        else if (line.startsWith('data: ')) data += line.slice(6);
      if (data) yield { kind, data };
    }
  }
}

// ---- the feed ----

const server = { layers: [], experts: [] };
let minute = []; // [S][E] tokens of the last minute, of all
let fresh = []; // [S][E] of the last half second
let told = null; // the last event
let followed = ''; // the request whose experts are asked for
let watching = null;
const rates = [];

function say(text, lost) {
  $('state').textContent = text;
  $('state').classList.toggle('lost', Boolean(lost));
}
function take(event) {
  const news = JSON.parse(event.data);
  if (event.kind === 'snapshot') {
    Object.assign(server, {
      model: news.model,
      streams: news.streams,
      queue: news.queue,
      context: news.context,
      chats: news.chats,
      layers: news.layers,
      experts: news.load.map((row) => row.length),
    });
    minute = news.load;
  } else {
    fresh = news.load;
    news.load.forEach((row, s) => row.forEach((n, e) => (minute[s][e] += n)));
  }
  const first = !told;
  told = news;
  if (first) open();
  rates.push([news.tokens_per_second, news.prompt_tokens_per_second]);
  if (rates.length > 121) rates.shift();
  showFigures();
  showRates();
  showRequests();
  showMap();
}
async function watch() {
  for (;;) {
    watching = new AbortController();
    try {
      const query = followed ? `?request=${encodeURIComponent(followed)}` : '';
      const answer = await ask(`events${query}`, null, watching.signal);
      if (answer.status === 401) {
        say('the server requires an API key');
        await askForKey();
        continue;
      }
      if (!answer.ok) throw new Error((await answer.json()).error.message);
      for await (const event of eventsOf(answer)) take(event);
      throw new Error('the connection to the server ended');
    } catch (fault) {
      if (watching.signal.aborted) continue;
      say(`${fault.message}: trying again`, true);
      await new Promise((later) => setTimeout(later, 2000));
    }
  }
}
function follow(name) {
  if (name === followed) return;
  followed = name;
  if (watching) watching.abort();
}

// ---- figures ----

function spell(seconds) {
  if (!seconds) return '–';
  if (seconds < 0.01) return `${(seconds * 1000).toFixed(1)} ms`;
  if (seconds < 1) return `${Math.round(seconds * 1000)} ms`;
  return `${seconds < 10 ? seconds.toFixed(1) : Math.round(seconds)} s`;
}
function lasting(seconds) {
  const s = Math.floor(seconds);
  if (s < 120) return `${s} s`;
  if (s < 7200) return `${Math.floor(s / 60)} min`;
  return s < 172800 ? `${Math.floor(s / 3600)} h` : `${Math.floor(s / 86400)} days`;
}
const rate = (x) => (x >= 100 || x === 0 ? Math.round(x).toLocaleString('en') : x.toFixed(1));
/* Of the last two seconds. */
const lately = (k) =>
  sum(rates.slice(-4).map((r) => r[k])) / Math.max(1, Math.min(4, rates.length));
const figures = {};
function figure(name, value, note) {
  if (!figures[name]) {
    const dd = make('dd', {}, '', make('small'));
    $('figures').append(make('div', {}, make('dt', { textContent: name }), dd));
    figures[name] = dd;
  }
  const [number, small] = figures[name].childNodes;
  if (number.data !== value) number.data = value;
  if (small.textContent !== note) small.textContent = note;
}
function times(name, t) {
  figure(name, spell(t.p50), t.p50 ? `p99 ${spell(t.p99)}, last minute` : 'no tokens lately');
}
function showFigures() {
  const t = told;
  say(
    `up for ${lasting(t.uptime)} · ${server.streams} streams of up to ` +
      `${server.context.toLocaleString('en')} tokens`
  );
  figure('Running', String(t.running), `of ${server.streams} streams`);
  figure('Waiting', String(t.waiting), `queue of ${server.queue}`);
  figure('Generated', rate(lately(0)), 'tokens/s');
  figure('Prompts', rate(lately(1)), 'tokens/s');
  times('Time to first token', t.first_token);
  times('Time between tokens', t.inter_token);
  const c = t.cache;
  const share = (n) => (c.blocks ? `${Math.round((100 * n) / c.blocks)} %` : '–');
  figure('Cache in use', share(c.used), c.blocks ? `${share(c.kept)} kept for reuse` : 'none');
  const s = t.store;
  if (s) {
    const hits = s.picks ? `${Math.round((100 * s.hits) / s.picks)} %` : '–';
    const speed = s.reading ? `${(s.read_bytes / s.reading / 1e6).toFixed(0)} MB/s of disk` : '';
    figure('Experts found in memory', hits, speed || `room for ${s.slots} of ${s.experts}`);
  }
  figure('Refused', String(t.refused ?? 0), `${t.cancelled} cancelled by clients`);
}
function showRates() {
  const most = Math.max(1, ...rates.flat());
  for (const [k, id] of [
    [0, 'rate-written'],
    [1, 'rate-prompt'],
  ]) {
    const points = rates.map((r, i) => `${121 - rates.length + i} ${100 - (96 * r[k]) / most}`);
    $(id).setAttribute('d', points.length ? `M${points.join('L')}` : '');
  }
  $('rate-most').textContent = `, up to ${rate(most)}`;
}

// ---- requests ----

function showRequests() {
  const table = $('texts-table');
  const rows = told.requests.map((r) => [
    r.id,
    r.index,
    r.state,
    `${r.prompt_tokens}${r.cached_tokens ? ` (${r.cached_tokens} cached)` : ''}`,
    r.tokens,
    r.seconds.toFixed(1),
  ]);
  const text = JSON.stringify(rows);
  if (table.dataset.text === text) return;
  table.dataset.text = text;
  const focused = document.activeElement?.dataset?.request;
  const head = ['request', 'choice', 'state', 'prompt', 'generated', 'seconds'];
  table.replaceChildren(
    make('thead', {}, make('tr', {}, ...head.map((h) => make('th', { textContent: h })))),
    make(
      'tbody',
      {},
      ...(rows.length ? rows : [['none']]).map((row) => {
        const cells = row.map((text) => make('td', { textContent: text }));
        if (rows.length) {
          const button = make('button', { type: 'button', textContent: row[0] });
          button.dataset.request = row[0];
          button.setAttribute('aria-label', `Show the experts of ${row[0]}`);
          button.onclick = () => choose(row[0]);
          cells[0].replaceChildren(button);
        }
        return make('tr', {}, ...cells);
      })
    )
  );
  if (focused) table.querySelector(`[data-request="${CSS.escape(focused)}"]`)?.focus();
  showChoices();
}
function showChoices() {
  const names = [...new Set(told.requests.map((r) => r.id))];
  if (followed && !names.includes(followed)) names.unshift(followed);
  const choices = [['', 'all traffic, the last minute']];
  if (answers.some((a) => a.routes.length)) choices.push(['here', 'the last answer below']);
  choices.push(...names.map((n) => [n, n]));
  const select = $('of');
  const text = JSON.stringify(choices);
  if (select.dataset.text === text) return;
  const now = select.value;
  select.dataset.text = text;
  select.replaceChildren(...choices.map(([value, name]) => make('option', { value, text: name })));
  select.value = choices.some(([value]) => value === now) ? now : '';
}
function choose(name) {
  showChoices();
  $('of').value = name;
  follow(name === 'here' ? '' : name);
  last = null;
  showMap();
}
$('of').onchange = () => choose($('of').value);
