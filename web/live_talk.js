// ---- the conversation ----

const answers = []; // { ids, routes, prompt, pieces: [{ node, text, from, to }], node }
const messages = [];
let layer = 0; // which of the sparse ones
let held = null; // the expert whose tokens are marked
let place = null; // [answer, piece] where the cursor stands
let talking = null;

function openTalk() {
  $('words-label').textContent = server.chats
    ? 'Your message'
    : 'A text to continue (cadre knows no chat template for this model)';
  $('layer').max = Math.max(0, server.layers.length - 1);
  $('layer').value = layer = Math.max(0, server.layers.length - 1);
}
/* The heaviest expert of the piece's first token, at the layer that is looked at. */
function expertsOf(answer, piece, s = layer) {
  const route = answer.routes[answer.prompt + piece.from];
  return route && route[s] ? route[s] : [];
}
function classOf(e) {
  const family = Math.floor(e / 10) % 3;
  return `c${e % 10}${family ? ` s${family}` : ''} n${String(e).length}`;
}
function paint(answer, piece) {
  const [e] = expertsOf(answer, piece);
  const classes = ['t'];
  if (piece.thought) classes.push('thought');
  if (e === undefined) delete piece.node.dataset.n;
  else {
    classes.push(classOf(e));
    piece.node.dataset.n = e;
  }
  if (held !== null) classes.push(expertsOf(answer, piece).includes(held) ? 'same' : 'dim');
  if (place && place[1] === piece) classes.push('cursor');
  const name = classes.join(' ');
  if (piece.node.className !== name) piece.node.className = name;
}
function paintAll() {
  for (const answer of answers) for (const piece of answer.pieces) paint(answer, piece);
  showCounts();
  showWay();
}
/* Lines are broken before the next token that is no line feed, words where they begin. */
function placeFor(answer, text) {
  if (answer.broken && /[^\n]/.test(text)) {
    answer.node.append(make('br'));
    answer.word = null;
    answer.broken = false;
  }
  if (!answer.word || /^\s/.test(text))
    answer.node.append((answer.word = make('span', { className: 'w' })));
  answer.broken ||= /\n/.test(text);
  return answer.word;
}
function addPiece(answer, text, thought) {
  const node = make('span', { textContent: text.replace(/\n/g, '↵') || '·' });
  const piece = { node, text, thought, from: answer.marked, to: answer.ids.length };
  answer.marked = answer.ids.length;
  placeFor(answer, text).append(node);
  answer.pieces.push(piece);
  node.onpointerenter = node.onclick = () => stand(answer, piece);
  paint(answer, piece);
}
/* Routes come when a token has been read, which is with the one after it. */
function addRoutes(answer, routes) {
  answer.routes.push(...routes);
  for (const piece of answer.pieces.slice(-3)) paint(answer, piece);
}
function heard(answer, chunk) {
  const choice = chunk.choices?.[0];
  answer.name = chunk.id || answer.name;
  if (chunk.error) throw new Error(chunk.error.message);
  if (!choice) return '';
  if (choice.prompt_token_ids) answer.prompt = choice.prompt_token_ids.length;
  answer.ids.push(...(choice.token_ids || []));
  addRoutes(answer, choice.routes || []);
  const thought = choice.delta?.reasoning_content || '';
  const words = choice.delta?.content || choice.text || '';
  if (thought) addPiece(answer, thought, true);
  if (words) addPiece(answer, words, false);
  return words;
}
function fault(answer, text) {
  answer.node.append(make('span', { className: 'fault', textContent: ` ${text}` }));
}
async function talk(words) {
  const node = make('p', { className: 'tokens' });
  const answer = { ids: [], routes: [], prompt: 0, pieces: [], marked: 0, word: null, node };
  const body = { stream: true, return_routes: server.layers.length > 0, return_token_ids: true };
  const limit = Number($('limit').value);
  if (limit) body.max_tokens = limit;
  if ($('temperature').value !== '') body.temperature = Number($('temperature').value);
  messages.push({ role: 'user', content: words });
  if (server.chats) body.messages = messages;
  else body.prompt = words;
  answers.push(answer);
  $('said').append(make('p', { className: 'user', textContent: words }), node);
  $('layers').hidden = !server.layers.length;
  place = null;
  talking = new AbortController();
  $('send').disabled = true;
  $('stop').hidden = false;
  let text = '';
  try {
    const path = server.chats ? 'v1/chat/completions' : 'v1/completions';
    const response = await ask(path, body, talking.signal);
    if (!response.ok) throw new Error((await response.json()).error.message);
    for await (const { data } of eventsOf(response)) {
      if (data === '[DONE]') break;
      text += heard(answer, JSON.parse(data));
      const box = $('said');
      box.scrollTop = box.scrollHeight;
      showCounts();
    }
  } catch (problem) {
    fault(answer, talking.signal.aborted ? '(stopped)' : problem.message);
  }
  messages.push({ role: 'assistant', content: text });
  talking = null;
  $('send').disabled = false;
  $('stop').hidden = true;
  paintAll();
  if (told) showMap();
  showChoices();
}
function ownRows() {
  const rows = server.experts.map((n) => Array(n).fill(0));
  const answer = answers.findLast((a) => a.routes.length);
  for (const route of answer ? answer.routes : [])
    route.forEach((picks, s) => picks.forEach((e) => rows[s][e]++));
  return rows;
}
function showCounts() {
  const counts = new Map();
  for (const answer of answers)
    for (const piece of answer.pieces) {
      const [e] = expertsOf(answer, piece);
      if (e !== undefined) counts.set(e, (counts.get(e) || 0) + 1);
    }
  const most = [...counts].sort((a, b) => b[1] - a[1] || a[0] - b[0]).slice(0, 12);
  const text = JSON.stringify([most, held, layer]);
  if ($('counts').dataset.text === text) return;
  $('counts').dataset.text = text;
  const focused = document.activeElement?.dataset?.expert;
  $('counts').replaceChildren(
    ...most.map(([e, n]) => {
      const button = make('button', { type: 'button' });
      button.append(make('span', { className: `t ${classOf(e)}`, textContent: e }), `${n}`);
      button.dataset.expert = e;
      button.setAttribute('aria-label', `Expert ${e}: ${n} tokens. Mark them`);
      button.setAttribute('aria-pressed', String(held === e));
      button.onclick = () => hold(held === e ? null : e);
      return button;
    })
  );
  if (focused) $('counts').querySelector(`[data-expert="${focused}"]`)?.focus();
}
function setLayer(s) {
  layer = Math.max(0, Math.min(server.layers.length - 1, s));
  $('layer').value = layer;
  $('layer-name').textContent = server.layers[layer] ?? '';
  $('layer').setAttribute('aria-valuetext', `layer ${server.layers[layer]}`);
  paintAll();
}
function hold(e) {
  held = e;
  paintAll();
}
/* The token at the cursor: its experts, and its way through the layers in the map. */
function stand(answer, piece) {
  place = [answer, piece];
  paintAll();
}
function showWay() {
  let d = '';
  let line = '';
  if (place && paths.way) {
    const [answer, piece] = place;
    server.layers.forEach((_, s) => {
      expertsOf(answer, piece, s).forEach((e, k) => {
        const x = MARGIN.left + e * CELL;
        d += rim(x, s * CELL, 0.2);
        if (!k) line += `${line ? 'L' : 'M'}${x + 5} ${s * CELL + 5}`;
      });
    });
    const experts = expertsOf(answer, piece);
    $('path').textContent =
      `“${piece.text.replace(/\n/g, '↵')}”: ` +
      (experts.length
        ? `layer ${server.layers[layer]}: expert ${experts.join(', ')}`
        : 'not processed yet, so it has no expert');
  } else $('path').textContent = '';
  if (!paths.way) return;
  paths.way.setAttribute('d', d);
  paths.line.setAttribute('d', line);
}
$('said').onkeydown = (event) => {
  const all = answers.flatMap((a) => a.pieces.map((p) => [a, p]));
  const at = place ? all.findIndex(([, p]) => p === place[1]) : -1;
  const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  const turn = { ArrowUp: -1, ArrowDown: 1 }[event.key];
  if (step && all.length) {
    stand(...all[Math.max(0, Math.min(all.length - 1, at + step))]);
    place[1].node.scrollIntoView({ block: 'nearest' });
  } else if (turn) setLayer(layer + turn);
  else if (event.key === 'Escape') hold(null);
  else return;
  event.preventDefault();
};
$('layer').oninput = () => setLayer(Number($('layer').value));
let sweeping = 0;
$('sweep').onclick = () => {
  if (sweeping) clearInterval(sweeping);
  sweeping = sweeping ? 0 : setInterval(() => setLayer((layer + 1) % server.layers.length), 900);
  $('sweep').setAttribute('aria-pressed', String(Boolean(sweeping)));
};
$('ask').onsubmit = (event) => {
  event.preventDefault();
  const words = $('words').value;
  if (talking || !words.trim() || !told) return;
  $('words').value = '';
  talk(words);
};
$('words').onkeydown = (event) => {
  if (event.key !== 'Enter' || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  $('ask').requestSubmit();
};
$('stop').onclick = () => talking?.abort();
$('anew').onclick = () => {
  talking?.abort();
  answers.length = messages.length = 0;
  place = held = null;
  $('said').replaceChildren();
  $('layers').hidden = true;
  paintAll();
  showChoices();
};

// ---- the beginning ----

function open() {
  $('model').textContent = server.model;
  document.title = `${server.model} · cadre`;
  openTalk();
  openSizes();
  openMap();
  showChoices();
  setLayer(layer);
}
addEventListener('resize', () => {
  if (!told) return;
  openMap();
  showMap();
});
watch();
